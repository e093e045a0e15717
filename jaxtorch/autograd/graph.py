"""The autograd graph as an object: its nodes and edges, and hooks on several gradients at once."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC
from collections.abc import Callable, Sequence
from typing import Any

from jaxtorch import left_out
from jaxtorch.engine import backward as engine_backward
from jaxtorch.engine.graph import MODES, STATE
from jaxtorch.gradfn import AccumulateGrad, GradFn, GradientEdge, function_of, output_number
from jaxtorch.tensor import Tensor
from jaxtorch.utils.hooks import RemovableHandle

__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks",
    "get_gradient_edge", "increment_version", "register_multi_grad_hook", "save_on_cpu",
    "saved_tensors_hooks",
]  # fmt: skip


class Node(ABC):  # noqa: B024  # it has no methods of its own: it is what grad_fn is an instance of
    """What ``grad_fn`` is: a function of the graph, with ``name()`` and ``next_functions``."""


Node.register(GradFn)
Node.register(AccumulateGrad)


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge that leads to a tensor's history."""
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    node = tensor._read()
    return GradientEdge(function_of(node), output_number(node))


def _get_grad_fn_or_grad_acc(t: Tensor | GradientEdge):
    """The function that a tensor's gradient, or an edge's, goes to."""
    return t.node if isinstance(t, GradientEdge) else get_gradient_edge(t).node


def increment_version(tensor) -> None:
    """Say that tensors have changed by a way that was not seen: their ``_version`` counts on."""
    try:
        tensors = (tensor,) if isinstance(tensor, Tensor) else tuple(tensor)
    except TypeError:
        raise RuntimeError("increment_version expect a Iterable[Tensor] as input") from None
    for t in tensors:
        if not isinstance(t, Tensor):
            raise RuntimeError(
                f"increment_version expect a Iterable[Tensor] as input, got {type(t).__name__}"
            )
        while isinstance(t._base, Tensor):
            t = t._base
        t._moves += 1


class _Hooks(threading.local):
    """The pairs of hooks that are on, the innermost last (None: off in there), and why none may
    be."""

    def __init__(self):
        self.pairs: list[tuple | None] = []
        self.refused: str | None = None
        self.mutation = False  # inside allow_mutation_on_saved_tensors?


_hooks = _Hooks()


def _push(pair: tuple | None) -> None:
    _hooks.pairs.append(pair)
    STATE.saving = pair
    MODES[0] += 1


def _pop() -> None:
    _hooks.pairs.pop()
    STATE.saving = _hooks.pairs[-1] if _hooks.pairs else None
    MODES[0] -= 1


class saved_tensors_hooks:
    """In here what an op saves for backward goes through ``pack_hook(tensor)``, and comes back
    through ``unpack_hook`` of what that gave; of several pairs the innermost counts.

    ``pack_hook`` is called when the op is recorded and must not write to its tensor;
    ``unpack_hook`` in the backward pass, which computes with the Tensor that it gives. What is
    saved is what PyTorch saves, where PyTorch records one function for an op.

    A value that has been evaluated, as it is by a hook that looks at it, lives as long as the graph
    leads through it: packing it elsewhere does not free it before backward.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]):
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        if _hooks.refused is not None:
            raise RuntimeError(_hooks.refused)
        if not (callable(self.pack_hook) and callable(self.unpack_hook)):
            raise TypeError("saved_tensors_hooks(pack_hook, unpack_hook): both have to be callable")
        _push((self.pack_hook, self.unpack_hook))

    def __exit__(self, *exc) -> None:
        _pop()


class save_on_cpu(saved_tensors_hooks):
    """In here what ops save is copied to the CPU, and back when backward needs it. (What that
    frees: see ``saved_tensors_hooks``; ``torch.utils.checkpoint`` frees more.)

    ``pin_memory`` and ``device_type``, whose pinned memory that would be, are without effect: XLA
    stages what it copies to an accelerator itself.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        def pack(tensor: Tensor) -> tuple:
            return tensor.device, tensor.cpu()

        def unpack(packed: tuple) -> Tensor:
            device, kept = packed
            return kept.to(device)

        super().__init__(pack, unpack)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str):
    """Who enters such hooks inside gets a RuntimeError with this message; so does who comes with
    hooks on."""
    if STATE.saving is not None:
        raise RuntimeError(error_message)
    before, _hooks.refused = _hooks.refused, error_message
    try:
        yield
    finally:
        _hooks.refused = before


@contextlib.contextmanager
def without_saved_tensors_hooks():
    """In here no hooks are on, whatever was entered around it."""
    if STATE.saving is None:
        yield
        return
    _push(None)
    try:
        yield
    finally:
        _pop()


class _MutationContext:
    """What ``allow_mutation_on_saved_tensors`` hands out. Nothing was copied for it."""

    def clear(self) -> None:
        """Forget the copies of what was written to: there are none."""


@contextlib.contextmanager
def allow_mutation_on_saved_tensors():
    """As it is anyhow: what backward needs is never overwritten, as values are immutable."""
    if _hooks.mutation:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    _hooks.mutation = True
    try:
        yield _MutationContext()
    finally:
        _hooks.mutation = False


class _MultiHandle(RemovableHandle):
    """Takes several hooks out together."""

    def __init__(self, handles: Sequence[RemovableHandle]):
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __getstate__(self):
        return self.handles

    def __setstate__(self, state) -> None:
        self.handles = state


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[[Any], None], *, mode: str = "all"
) -> RemovableHandle:
    """Call ``fn`` once in each backward pass: with the gradients of all ``tensors`` (None for those
    that the pass does not reach) when the last has come, or with the first ("any")."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "all" and not all(t.requires_grad for t in tensors):
        raise AssertionError("Expected gradient function to be set")
    seen: dict[Any, list] = {}  # the pass: the gradients so far

    def arrived(place: int, grad: Tensor) -> None:
        now = engine_backward.running_pass()
        first = now not in seen
        if first:
            seen.clear()
            seen[now] = [None] * len(tensors)
        seen[now][place] = grad
        if mode == "any":
            if first:
                fn(grad)
            return
        reached = sum(now.will_reach(t._read()) for t in tensors if t.requires_grad)
        if sum(g is not None for g in seen[now]) == reached:
            fn(seen.pop(now))

    watched = [i for i, t in enumerate(tensors) if mode == "all" or t.requires_grad]
    return _MultiHandle(
        [tensors[i].register_hook(lambda grad, i=i: arrived(i, grad)) for i in watched]
    )


__getattr__ = left_out.attributes_of(__name__)
