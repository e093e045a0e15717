"""Writing one value to a whole tensor: fill_, zero_."""

from __future__ import annotations

import jax.numpy as jnp

from jaxtorch.ops._op import Array, Scalar, op
from jaxtorch.ops._promote import cast, dtype_of


@op(name="FillBackward0")
def fill(input: Array, value: Scalar):
    """``input`` with every element ``value``, a number or 0-dim tensor."""
    if value.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} "
            "dimensions."
        )
    if jnp.iscomplexobj(value) and not jnp.iscomplexobj(input):
        raise RuntimeError("value cannot be converted to type float without overflow")
    return jnp.broadcast_to(cast(value, dtype_of(input)), input.shape)


@op(name="ZeroBackward0")
def _zeroed(input: Array):
    return jnp.zeros(input.shape, input.dtype)


def zero_(input):
    return _zeroed.inplace(input)


fill_ = fill.inplace
