"""``functorch``: the names of torch.func from before it was part of torch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from jaxtorch.func import (
    functional_call,
    functionalize as functionalize,
    grad as grad,
    grad_and_value as grad_and_value,
    hessian as hessian,
    jacfwd as jacfwd,
    jacrev as jacrev,
    jvp as jvp,
    vjp as vjp,
    vmap as vmap,
)
from jaxtorch.nn import Module
from jaxtorch.ops.shaping import stack
from jaxtorch.tensor import Tensor
from jaxtorch.version import __version__ as __version__

__all__ = [
    "combine_state_for_ensemble", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd",
    "jacrev", "jvp", "make_functional", "make_functional_with_buffers", "vjp", "vmap",
]  # fmt: skip

Tensors = tuple[Tensor, ...]


def make_functional(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[Callable, Tensors]:
    """``(f, parameters)``: ``f(parameters, *args)`` is ``model(*args)`` with these parameters."""
    f, parameters, buffers = make_functional_with_buffers(model, disable_autograd_tracking)
    if buffers:
        raise RuntimeError(
            "make_functional(model): `model` has buffers. Please use "
            "make_functional_with_buffers(model) instead."
        )

    def without_buffers(parameters: Sequence[Tensor], *args, **kwargs):
        return f(parameters, (), *args, **kwargs)

    return without_buffers, parameters


def make_functional_with_buffers(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[Callable, Tensors, Tensors]:
    """``(f, parameters, buffers)``: ``f(parameters, buffers, *args)`` is ``model(*args)`` with
    these in the place of its own."""
    own = copy.deepcopy(model)
    parameters, buffers = dict(own.named_parameters()), dict(own.named_buffers())
    names, buffer_names = tuple(parameters), tuple(buffers)

    def f(parameters: Sequence[Tensor], buffers: Sequence[Tensor], *args, **kwargs):
        given = dict(zip(names, parameters, strict=True))
        given |= zip(buffer_names, buffers, strict=True)
        return functional_call(own, given, args, kwargs)

    values = tuple(parameters.values())
    if disable_autograd_tracking:
        values = tuple(p.detach() for p in values)
    return f, values, tuple(buffers.values())


def combine_state_for_ensemble(models: Sequence[Module]) -> tuple[Callable, Tensors, Tensors]:
    """``(f, parameters, buffers)`` of alike modules, stacked along a new first dimension: to be
    given to ``vmap(f, in_dims=(0, 0, None))``."""
    if not models:
        raise RuntimeError("combine_state_for_ensemble: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or all(not m.training for m in models)):
        raise RuntimeError(
            "combine_state_for_ensemble: Expected all models to have the same training/eval mode."
        )
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError(
            "combine_state_for_ensemble: Expected all models to be of the same class."
        )
    functions, parameters, buffers = zip(*map(make_functional_with_buffers, models), strict=True)
    stacked = tuple(stack(p).detach().requires_grad_() for p in zip(*parameters, strict=True))
    return functions[0], stacked, tuple(stack(b) for b in zip(*buffers, strict=True))
