"""Pytrees of Tensors."""

from __future__ import annotations

import jax

from jaxtorch.tensor import Tensor, is_traced

__all__ = ["arrays", "in_trace", "is_tensor", "tensors_of", "wrapped"]


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


def arrays(tree):
    """A pytree's Tensors as jax arrays."""
    return jax.tree.map(lambda x: x.jax() if isinstance(x, Tensor) else x, tree, is_leaf=is_tensor)


def wrapped(tree):
    return jax.tree.map(
        lambda x: Tensor(x) if isinstance(x, jax.Array) else x, tree, is_leaf=is_tensor
    )
