"""The autograd graph as an object: its nodes and edges, and hooks on several gradients at once."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from jaxtorch.engine import backward as engine_backward
from jaxtorch.gradfn import AccumulateGrad, GradFn, function_of, output_number
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


class GradientEdge(NamedTuple):
    """Where a tensor's gradient arrives: at output ``output_nr`` of ``node``."""

    node: Any
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge that leads to a tensor's history."""
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    node = tensor._read()
    return GradientEdge(function_of(node), output_number(node))


def increment_version(tensor) -> None:
    """Say that tensors have changed. Nothing has to be told: what backward needs is immutable."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        if not isinstance(t, Tensor):
            raise TypeError(f"increment_version expects Tensors, got {type(t).__name__}")


class saved_tensors_hooks:
    """Refused: recorded ops save no tensors of their own. The engine decides in each program what
    is kept and what is computed again; ``torch.utils.checkpoint`` says it for a part of a model."""

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]):
        if _disabled.reason is not None:
            raise RuntimeError(_disabled.reason)
        raise NotImplementedError(
            f"torch.autograd.graph.{type(self).__name__}: a recorded op saves no tensors that a "
            "hook could pack; to save memory use torch.utils.checkpoint"
        )


class save_on_cpu(saved_tensors_hooks):
    """Refused: see ``saved_tensors_hooks``."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        super().__init__(lambda t: t, lambda t: t)


class _Disabled(threading.local):
    reason: str | None = None


_disabled = _Disabled()


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str):
    """Who asks for such hooks inside gets a RuntimeError with this message."""
    before, _disabled.reason = _disabled.reason, error_message
    try:
        yield
    finally:
        _disabled.reason = before


@contextlib.contextmanager
def allow_mutation_on_saved_tensors():
    """As it is anyhow: what backward needs is never overwritten, as values are immutable."""
    yield


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
