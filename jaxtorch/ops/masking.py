"""By truth value: masked_fill, masked_select, masked_scatter, and where a tensor is not zero."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxtorch import dtypes
from jaxtorch.engine.handles import Handles
from jaxtorch.ops._dims import broadcast, broadcast_shapes
from jaxtorch.ops._op import Array, Scalar, check, index_dtype, op
from jaxtorch.ops._promote import check_number
from jaxtorch.ops.data import is_tensor, wrap
from jaxtorch.ops.indexing import _index, _positions, _put_index, getitem, index_put
from jaxtorch.ops.views import _expand


@op(name=lambda avals, _: f"MaskedFillBackward{int(avals[2].kind in ('array', 'traced'))}")
def _masked_fill(input: Array, mask: Array, value: Scalar):
    if mask.dtype != bool:
        raise RuntimeError(
            "masked_fill_ only supports boolean masks, but got mask with dtype "
            f"{dtypes.from_numpy_dtype(mask.dtype).name}"
        )
    if jnp.iscomplexobj(value) and not jnp.iscomplexobj(input):
        raise RuntimeError("value cannot be converted to type float without overflow")
    input, mask = broadcast(input, mask)
    return jnp.where(mask, value.astype(input.dtype), input)


def masked_fill(input, mask, value):
    """``value``, a number or 0-dim tensor, where ``mask`` is true."""
    _check_fill(input, value)
    return _masked_fill(input, mask, value)


def masked_fill_(input, mask, value):
    _check_fill(input, value)
    return _masked_fill.inplace(input, mask, value)


def _check_fill(input, value):
    check_number(value, input.dtype)
    if is_tensor(value) and value.ndim:
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )


def _given(result, out):
    return result if out is None else Handles.assign_out(result, out, "same")


def masked_select(input, mask, *, out=None):
    """The elements where ``mask`` is true, as a vector. Evaluates the mask."""
    if mask.dtype is not dtypes.bool:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    wide, mask = (_expand(x, shape or (1,)) for x in (input, mask))
    dims, indices = _positions([(0, mask)])
    result = _index(wide, indices, dims, "MaskedSelectBackward0")
    return _given(result, out)


@op
def masked_scatter(input: Array, mask: Array, source: Array):
    """The elements of ``source``, in order, where ``mask`` is true."""
    if mask.dtype != bool:
        raise RuntimeError(
            "masked_scatter_ only supports boolean masks, but got mask with dtype "
            f"{dtypes.from_numpy_dtype(mask.dtype).legacy}"
        )
    if source.dtype != input.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{dtypes.from_numpy_dtype(input.dtype).legacy} and "
            f"{dtypes.from_numpy_dtype(source.dtype).legacy}"
        )
    input, mask = broadcast(input, mask)
    flat = mask.reshape(-1).astype(index_dtype())
    total = flat.sum(dtype=flat.dtype)
    if source.size:
        rank = jnp.clip(jnp.cumsum(flat, dtype=flat.dtype) - 1, 0, source.size - 1)
        picked = source.reshape(-1).at[rank].get(mode="promise_in_bounds")
        out = jnp.where(mask, picked.reshape(mask.shape), input)
    else:
        out = input
    return check(
        out,
        total <= source.size,
        total,
        "Number of elements of source < number of ones in mask",
        RuntimeError,
    )


def nonzero(input, *, as_tuple: bool = False, out=None):
    """Where ``input`` is not zero: one row of indices each, or one tensor a dimension."""
    found = input.numpy(force=True).nonzero() if input.ndim else None
    if as_tuple:
        if found is None:
            found = np.atleast_1d(input.numpy(force=True)).nonzero()
        return tuple(wrap(i, input.device) for i in found)
    if found is None:
        rows = np.zeros((int(bool(input)), 0), np.int64)
    else:
        rows = np.stack(found, 1)
    return _given(wrap(rows, input.device), out)


def argwhere(input):
    return nonzero(input)


@op(nondiff=True)
def _nonzero_static(input: Array, size: int, fill_value: int):
    found = jnp.nonzero(jnp.atleast_1d(input), size=size, fill_value=fill_value)
    return jnp.stack([i.astype(index_dtype()) for i in found], 1)[:, : input.ndim]


def nonzero_static(input, *, size: int, fill_value: int = -1, out=None):
    """``nonzero`` cut or filled up to ``size`` rows: known beforehand, so nothing is evaluated."""
    return _given(_nonzero_static(input, size, fill_value), out)


def _within(input, indices, low: int) -> list:
    """``indices`` moved into range."""
    return [
        i if i is None else i.clamp(low * n, n - 1)
        for i, n in zip(indices, input.shape, strict=False)
    ]


def _unsafe_masked_index(input, mask, indices, fill):
    """``input[indices]`` where ``mask``, else ``fill``: what is out of range counts as masked."""
    if not input.numel():
        raise NotImplementedError("_unsafe_masked_index of an empty tensor")
    picked = getitem(input, _put_index(_within(input, indices, 0)))
    return masked_fill(picked, mask.logical_not(), fill)


def _unsafe_masked_index_put_accumulate(input, mask, indices, values):
    """``input`` with ``values`` added at ``indices`` where ``mask``."""
    if not input.numel():
        return input.clone()
    chosen = masked_fill(values, mask.logical_not(), 0)
    return index_put(input, _within(input, indices, -1), chosen, True)
