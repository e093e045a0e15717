"""Pytrees of Tensors."""

from __future__ import annotations

from collections import OrderedDict

import jax

from jaxtorch.engine.graph import STATE
from jaxtorch.engine.handles import Handles
from jaxtorch.tensor import Tensor, is_traced

__all__ = [
    "arrays", "in_order", "in_trace", "is_tensor", "plain", "shell", "tensors_of", "value",
    "wrapped",
]  # fmt: skip


def is_tensor(x) -> bool:
    return isinstance(x, Tensor)


def tensors_of(tree) -> list[Tensor]:
    """The Tensors in a pytree."""
    return [x for x in jax.tree.leaves(tree, is_leaf=is_tensor) if isinstance(x, Tensor)]


def in_trace(tree) -> bool:
    leaves = jax.tree.leaves(tree, is_leaf=is_tensor)
    return any(
        is_traced(x._read()) if isinstance(x, Tensor) else isinstance(x, jax.core.Tracer)
        for x in leaves
    )


def value(tensor: Tensor):
    """The array of a Tensor: the traced one, where it is taken from outside a transform that is
    being differentiated (see ``_outer``)."""
    if STATE.lift is None:
        return tensor.jax()
    node = tensor._read()
    return Handles.wrap(STATE.lift.node(node)).jax()


def arrays(tree):
    """A pytree's Tensors as jax arrays."""
    return jax.tree.map(lambda x: value(x) if isinstance(x, Tensor) else x, tree, is_leaf=is_tensor)


def plain(tree):
    """A pytree with its Parameters as Tensors, which are other nodes to JAX."""

    def of_leaf(x):
        return Tensor(x.jax()) if isinstance(x, Tensor) and x.__class__ is not Tensor else x

    return jax.tree.map(of_leaf, tree, is_leaf=is_tensor)


def wrapped(tree):
    return jax.tree.map(
        lambda x: Tensor(x) if isinstance(x, jax.Array) else x, tree, is_leaf=is_tensor
    )


def in_order(tree, like):
    """``tree`` with the keys of its dicts in the order of ``like``, a tree of the same structure:
    JAX sorts them, PyTorch's transforms leave them as they are."""
    kind = like.__class__
    if kind in (dict, OrderedDict):
        return kind((k, in_order(tree[k], v)) for k, v in like.items())
    if kind in (tuple, list):
        return kind(map(in_order, tree, like))
    if isinstance(like, tuple) and hasattr(like, "_fields"):
        return kind(*map(in_order, tree, like))
    return tree


def shell(tree, leaf=None):
    """A tree's containers with ``leaf`` for each leaf, to put another tree ``in_order``."""
    kind = tree.__class__
    if kind in (dict, OrderedDict):
        return kind((k, shell(v, leaf)) for k, v in tree.items())
    if kind in (tuple, list):
        return kind([shell(v, leaf) for v in tree])
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return kind(*[shell(v, leaf) for v in tree])
    return leaf
