"""Record, then evaluate: interpret what is cold, compile what is hot (see DESIGN)."""

from __future__ import annotations

from jaxtorch.engine import inspect
from jaxtorch.engine.evaluate import Policy, evaluate as _evaluate, evaluate_all, force, read_checks
from jaxtorch.engine.graph import Number
from jaxtorch.engine.inspect import explain, stats
from jaxtorch.engine.kernels import KERNELS, Kernel
from jaxtorch.engine.verify import verify

__all__ = [
    "call",
    "evaluate_all",
    "explain",
    "flush",
    "force",
    "inspect",
    "stats",
    "verify",
    "Policy",
]


def call(fn, key, tensors, scalars=(), donates=(), straight=False):
    """Record one node for ``fn(arrays, scalars) -> tuple of arrays``, a pure function; returns a
    tuple of Tensors. No gradient flows.

    ``key`` is hashable and stands for the function: equal keys mean equal functions. ``scalars``
    are Python numbers, inputs of the program. ``donates`` are the positions in ``tensors`` whose
    arrays the program may overwrite if nobody else holds them: the first with the first result, and
    so on. ``straight`` says that the function has no loop of JAX's in it.
    """
    from jaxtorch.engine.backward import emit
    from jaxtorch.engine.handles import Handles, project

    nodes = tuple([t._node if t._base is None else t._read() for t in tensors])
    numbers = tuple([Number(s) for s in scalars])
    flat = nodes + numbers
    avals = tuple([n.aval for n in flat])
    lookup = (call, key, tuple(donates), avals)
    kernel = KERNELS.get(lookup)
    if kernel is None:
        n = len(nodes)

        def body(_, *arrays):
            return tuple(fn(arrays[:n], arrays[n:]))

        kernel = Kernel(
            _name(key), None, {"key": key}, avals, body, nondiff=True, donates=tuple(donates),
            straight=straight,
        )  # fmt: skip
        if not any(a.kind == "traced" for a in avals):
            KERNELS[lookup] = kernel
    node = emit(kernel, flat, False)
    return tuple([Handles.wrap(project(node, i)) for i in range(len(kernel.outputs))])


def _name(key) -> str:
    first = key
    while isinstance(first, tuple) and first:
        first = first[0]
    return first if isinstance(first, str) else getattr(first, "__name__", "call")


def flush(tensors) -> None:
    """Evaluate what is pending with ``tensors``: the end of ``optimizer.step()``."""
    pending = [t._node for t in tensors if t._node.value is None]
    if pending:
        _evaluate(pending)
    read_checks(block=False)
