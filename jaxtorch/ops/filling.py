"""Writing to a whole tensor: copy_, fill_, zero_."""

from __future__ import annotations

import jax.numpy as jnp

from jaxtorch.ops._dims import broadcast_to
from jaxtorch.ops._op import Array, Scalar, op
from jaxtorch.ops._promote import cast, dtype_of
from jaxtorch.ops.data import is_tensor


@op(name="CopyBackwards")
def _copied(input: Array, src: Array):
    return broadcast_to(cast(src, dtype_of(input)), input.shape)


def copy_(input, src, non_blocking: bool = False):
    """Write ``src``, broadcast and cast, to ``input``. Nothing here ever waits for a copy."""
    if not is_tensor(src):
        raise TypeError(
            f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}"
        )
    if src.device != input.device:
        src = src.to(input.device)
    if src.shape == input.shape and src.dtype is input.dtype and src is not input:
        return input._write(src.clone())
    return input._write(_copied(input, src))


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
