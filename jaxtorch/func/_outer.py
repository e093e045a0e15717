"""The outermost transform of a function: autograd goes on through it.

Inside a transform JAX differentiates and batches, and knows arrays only. So the whole call becomes
one differentiable function of arrays: of the Tensors among its arguments that require grad, and of
those that the function takes from elsewhere (a network's parameters, mostly), which a first run
finds out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
from flax import nnx
from jax._src.core import trace_state_clean

from jaxtorch import random
from jaxtorch.autograd.function import Function
from jaxtorch.engine import graph
from jaxtorch.engine.graph import MODES, STATE, Node
from jaxtorch.engine.handles import Handles, node_of_array
from jaxtorch.func._trees import in_order, in_trace, is_tensor, shell, value
from jaxtorch.tensor import Tensor

__all__ = ["differentiable"]


def _is_leaf(x) -> bool:
    return is_tensor(x) or nnx.graph.is_graph_node(x)


def differentiable(transformed: Callable) -> Callable:
    """``transformed(*args, **kwargs)``, whose results are Tensors made of arrays, so that gradients
    flow through it, any number of times."""

    @functools.wraps(transformed)
    def run(*args, **kwargs):
        inside = STATE.lift is not None or not trace_state_clean()
        if not STATE.grad or inside or in_trace((args, kwargs)):
            return transformed(*args, **kwargs)
        leaves, tree = jax.tree.flatten((args, kwargs), is_leaf=_is_leaf)
        wanted = [i for i, x in enumerate(leaves) if is_tensor(x) and x.requires_grad]
        state = random.get_rng_state()
        bare = [x.detach() if is_tensor(x) and x.requires_grad else x for x in leaves]
        with _Seeing() as seen:
            plain_args, plain_kwargs = in_order(jax.tree.unflatten(tree, bare), (args, kwargs))
            out = transformed(*plain_args, **plain_kwargs)
        if not (wanted or seen.nodes):
            return out
        random.set_rng_state(state)
        call = _Call(transformed, (args, kwargs), wanted, list(seen.nodes))
        tensors = [leaves[i] for i in wanted] + [Handles.wrap(n) for n in seen.nodes]
        return call.outputs(_Differentiable.apply(call, *tensors))

    return run


# -- what every op's inputs go through (ops/_dispatch.py) ----------------------------------------


class _Lift:
    """Changes the nodes that ops are given, while entered."""

    def __enter__(self):
        STATE.lift = self
        MODES[0] += 1
        return self

    def __exit__(self, *exception) -> None:
        STATE.lift = None
        MODES[0] -= 1

    def __call__(self, slots: tuple) -> tuple:
        return tuple(
            tuple(map(self.node, s)) if s.__class__ is tuple else self.node(s) for s in slots
        )


class _Seeing(_Lift):
    """Notes which nodes that require grad are taken from outside."""

    def __init__(self):
        self.nodes: dict[Node, None] = {}
        self.start = graph.now()

    def node(self, node):
        if node.__class__ is Node and node.requires_grad and node.seq < self.start:
            self.nodes[node] = None
        return node


class _Replacing(_Lift):
    """Puts traced values in the place of those nodes."""

    def __init__(self, nodes: dict[Node, Node]):
        self.nodes = nodes

    def node(self, node):
        return self.nodes.get(node, node) if node.__class__ is Node else node


# -- as one function of arrays -------------------------------------------------------------------


class _Call:
    """A transform's call as a function of arrays: those of the arguments that are wanted, and then
    those of what it takes from elsewhere."""

    def __init__(self, transformed, arguments: tuple, wanted: list[int], nodes: list[Node]):
        self.transformed, self.arguments = transformed, arguments
        self.wanted, self.nodes = wanted, nodes

    def __call__(self, *arrays):
        leaves, tree = jax.tree.flatten(self.arguments, is_leaf=_is_leaf)
        for i, array in zip(self.wanted, arrays, strict=False):
            leaves[i] = Tensor(array)
        taken = map(node_of_array, arrays[len(self.wanted) :])
        with _Replacing(dict(zip(self.nodes, taken, strict=True))):
            args, kwargs = in_order(jax.tree.unflatten(tree, leaves), self.arguments)
            out = self.transformed(*args, **kwargs)
            self.shell = shell(out)
            self.out, self.out_tree = jax.tree.flatten(out, is_leaf=_is_leaf)
            return [value(x) for x in self.out if is_tensor(x)]

    def outputs(self, tensors):
        given = iter(tensors)
        leaves = [next(given) if is_tensor(x) else x for x in self.out]
        return in_order(jax.tree.unflatten(self.out_tree, leaves), self.shell)


class _Pulled:
    """The gradients of such a function, as another one: of its arrays and then the cotangents."""

    def __init__(self, call: Callable, count: int):
        self.call, self.count = call, count

    def __call__(self, *arrays):
        _, pull = jax.vjp(self.call, *arrays[: self.count])
        found = pull(list(arrays[self.count :]))
        return [
            jax.numpy.zeros_like(a) if g.dtype == jax.dtypes.float0 else g
            for g, a in zip(found, arrays, strict=False)
        ]


class _Differentiable(Function):
    """A function of arrays that gives a list of arrays: JAX differentiates it as one."""

    @staticmethod
    def forward(ctx, call, *tensors):
        ctx.call = call
        ctx.save_for_backward(*tensors)
        before, STATE.reverse = STATE.reverse, True
        try:
            with jax.enable_x64(True):
                found, ctx.pull = jax.vjp(call, *(t.jax() for t in tensors))
        finally:
            STATE.reverse = before
        return tuple(Tensor(a) for a in found)

    @staticmethod
    def backward(ctx, *grads):
        if STATE.grad:  # create_graph: gradients of the gradients may be asked for
            tensors = ctx.saved_tensors
            pulled = _Pulled(ctx.call, len(tensors))
            return None, *_Differentiable.apply(pulled, *tensors, *grads)
        with jax.enable_x64(True):
            found = ctx.pull([g.jax() for g in grads])
        return None, *(None if g.dtype == jax.dtypes.float0 else Tensor(g) for g in found)
