"""Inside a JAX trace: values are there at once (tracers), and so are pullbacks."""

from __future__ import annotations

import threading
from collections import deque

import jax
from jax._src.core import get_opaque_trace_state

from jaxtorch.engine import graph
from jaxtorch.engine.graph import Node
from jaxtorch.engine.kernels import Kernel, differentiable, torch_pullback


class Pullback:
    """Autograd edges of a node that ran inside a trace: ``jax.vjp`` ran its forward pass once."""

    __slots__ = ("kernel", "needs", "pull")

    def __init__(self, kernel, needs, pull):
        self.kernel = kernel
        self.needs = needs
        self.pull = pull

    @classmethod
    def run(cls, kernel: Kernel, arrays, needs):
        where = [i for i, need in enumerate(needs) if need]

        def run(*some):
            full = list(arrays)
            for i, a in zip(where, some, strict=True):
                full[i] = a
            out = kernel.plain(*full, reverse=needs)
            return kernel._differentiable(out if kernel.outputs else (out,)), out

        _, pull, out = jax.vjp(run, *(arrays[i] for i in where), has_aux=True)
        return out, cls(kernel, needs, torch_pullback(pull, kernel))

    def gradients(self, cotangents: list) -> list:
        """A gradient array or None for each input, from one cotangent (or None) an output."""
        full = []
        for aval, given in zip(self.kernel.outputs or (self.kernel.out,), cotangents, strict=True):
            if differentiable(aval):
                full.append(
                    jax.numpy.zeros(aval.shape, aval.dtype.numpy) if given is None else given
                )
        grads = iter(self.pull(tuple(full)))
        return [next(grads) if need else None for need in self.needs]


def is_traced(node: Node) -> bool:
    aval = node.aval
    return (aval[0] if type(aval) is tuple else aval).kind == "traced"


def current_trace():
    """An object that is equal to another one from the same trace."""
    return get_opaque_trace_state(convention="nnx")


class _Begun(threading.local):
    """The latest traces, each with the place in the order of recording that it began at."""

    def __init__(self):
        self.traces = deque(maxlen=16)


_begun = _Begun()


def begin(seq: int | None = None):
    """The current trace, known from here on (or from that place in the order of recording)."""
    now = current_trace()
    if not any(trace == now for trace, _ in _begun.traces):
        _begun.traces.appendleft((now, graph.now() if seq is None else seq))
    return now


def trace_of(node: Node):
    """The current trace, which ``node`` has a value of."""
    return begin(node.seq)


def begun_before(node: Node, now) -> bool:
    """Was a node that has no tracer in it recorded in the trace ``now`` all the same?"""
    return any(trace == now and seq < node.seq for trace, seq in _begun.traces)
