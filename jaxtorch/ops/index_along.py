"""Whole slices along one dimension, by index: index_select, index_add, index_copy, index_fill."""

from __future__ import annotations

import jax.numpy as jnp

from jaxtorch.ops._dims import at_least_1d, normalize_dim
from jaxtorch.ops._op import Array, Scalar, check, index_dtype, op
from jaxtorch.ops._promote import check_number, refuse
from jaxtorch.ops.data import is_tensor
from jaxtorch.ops.scattering import (
    _IN_BOUNDS,
    _REDUCTIONS,
    _checked,
    _clipped,
    _combine,
    _legacy,
    _plus,
    _reduce_vjp,
)


def _vector(name, index):
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")
    if index.dtype not in (jnp.int32, jnp.int64):
        raise RuntimeError(f"{name}(): Expected dtype int32 or int64 for index")
    return at_least_1d(index).astype(index_dtype())


def _along(x, dim, index):
    return x.at[(slice(None),) * dim + (index,)]


def _index_select_vjp(needs, args, statics, out, grads):
    input, index = args
    dim = normalize_dim(statics["dim"], input.ndim)
    full = at_least_1d(jnp.zeros(input.shape, grads.dtype))
    at = _clipped(at_least_1d(index).astype(index_dtype()), full.shape[dim])
    out = _along(full, dim, at).add(at_least_1d(grads), **_IN_BOUNDS)
    return out.reshape(input.shape), None


@op(vjp=_index_select_vjp, out="same")
def index_select(input: Array, dim: int, index: Array):
    """The slices of ``input`` along ``dim`` that the vector ``index`` names."""
    dim = normalize_dim(dim, input.ndim)
    index = _vector("index_select", index)
    full = at_least_1d(input)
    n = full.shape[dim]
    if n == 0:
        if index.size:
            raise IndexError("index out of range in self")
        return full
    out = _along(full, dim, _clipped(index, n)).get(**_IN_BOUNDS)
    out = out.reshape(()) if input.ndim == 0 else out
    return check(out, (index >= 0) & (index < n), index, "index out of range in self")


def _slices(name, input, dim, index, source):
    """What index_add and index_copy share: the arguments, checked, none of them 0-d."""
    index = _vector(name, index)
    dim = normalize_dim(dim, input.ndim)
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"{name}_(): self ({_legacy(input)}) and source ({_legacy(source)}) must have the same "
            "scalar type"
        )
    full, source = at_least_1d(input), at_least_1d(source)
    if source.ndim == full.ndim and source.shape[dim] != index.shape[0]:
        error = IndexError if name == "index_copy" else RuntimeError
        raise error(
            f"{name}_(): Number of indices ({index.shape[0]}) should be equal to "
            f"source.size(dim): ({source.shape[dim]}), for dim: {dim}"
        )
    expected = (*full.shape[:dim], index.shape[0], *full.shape[dim + 1 :])
    if source.shape != expected:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(full.shape)} source.shape = {list(source.shape)}"
        )
    return full, dim, index, source


@op(out="same")
def index_add(input: Array, dim: int, index: Array, source: Array, *, alpha: Scalar = 1):
    """``input`` with ``alpha`` times the slices of ``source`` added at ``index`` along ``dim``."""
    full, dim, index, source = _slices("index_add", input, dim, index, source)
    n = full.shape[dim]
    if not source.size:
        return input
    scaled = source * alpha.astype(source.dtype)
    out = _plus(_along(full, dim, _clipped(index, n)), scaled)
    return _checked(out.reshape(input.shape), index, n, dim)


def _index_copy_vjp(needs, args, statics, out, grads):
    input, index, source = args
    full, dim, at, _ = _slices("index_copy", input, statics["dim"], index, source)
    place = _along(grads.reshape(full.shape), dim, _clipped(at, full.shape[dim]))
    grad_input = place.set(jnp.zeros((), grads.dtype), **_IN_BOUNDS)
    return grad_input.reshape(input.shape), None, place.get(**_IN_BOUNDS).reshape(source.shape)


@op(vjp=_index_copy_vjp, out="same")
def index_copy(input: Array, dim: int, index: Array, source: Array):
    """``input`` with its slices at ``index`` along ``dim`` replaced by those of ``source``."""
    full, dim, index, source = _slices("index_copy", input, dim, index, source)
    n = full.shape[dim]
    if not source.size:
        return input
    out = _along(full, dim, _clipped(index, n)).set(source, **_IN_BOUNDS)
    return check(
        out.reshape(input.shape),
        (index >= 0) & (index < n),
        index,
        f"index_copy_(): index {{value}} is out of bounds for dimension {dim} with size {n}",
    )


@op(name=lambda avals, _: f"IndexFillBackward{int(avals[2].kind in ('array', 'traced'))}")
def _index_fill(input: Array, dim: int, index: Array, value: Scalar):
    index = _vector("index_fill", index)
    dim = normalize_dim(dim, input.ndim)
    full = at_least_1d(input)
    n = full.shape[dim]
    if not index.size:
        return input
    wrapped = jnp.where(index < 0, index + n, index)
    # a mask, so that autograd needs no scatter
    at = jnp.zeros(n, bool).at[_clipped(wrapped, n)].set(True)
    hit = at.reshape((1,) * dim + (n,) + (1,) * (full.ndim - dim - 1))
    out = jnp.where(hit, value.astype(input.dtype), full).reshape(input.shape)
    return check(
        out,
        (wrapped >= 0) & (wrapped < n),
        index,
        f"index {{value}} is out of bounds for dimension {dim} with size {n}",
    )


def _check_index_fill(input, value):
    check_number(value, input.dtype)
    if is_tensor(value) and value.ndim:
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )


def index_fill(input, dim: int, index, value):
    """``input`` with ``value``, a number or 0-dim tensor, at ``index`` along ``dim``."""
    _check_index_fill(input, value)
    return _index_fill(input, dim, index, value)


def index_fill_(input, dim: int, index, value):
    _check_index_fill(input, value)
    return _index_fill.inplace(input, dim, index, value)


def _index_reduce_vjp(needs, args, statics, out, grads):
    input, index, source = args
    full, dim, at, src = _slices("index_reduce", input, statics["dim"], index, source)
    wide = jnp.broadcast_to(_to_rank_at(at, dim, full.ndim), src.shape)
    grad_input, grad_src = _reduce_vjp(
        full, dim, wide, src, statics["reduce"], statics.get("include_self", True),
        out.reshape(full.shape), grads.reshape(full.shape),
    )  # fmt: skip
    return grad_input.reshape(input.shape), None, grad_src.reshape(source.shape)


def _to_rank_at(index, dim, ndim):
    return index.reshape((1,) * dim + (-1,) + (1,) * (ndim - dim - 1))


@op(vjp=_index_reduce_vjp, out="same")
def index_reduce(
    input: Array, dim: int, index: Array, source: Array, reduce: str, *, include_self: bool = True
):
    """The slices of ``source`` reduced ("prod", "mean", "amax", "amin") into ``input``."""
    refuse(input, "bc", "index_func_")
    if reduce not in _REDUCTIONS[1:]:
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    full, dim, index, source = _slices("index_reduce", input, dim, index, source)
    if not source.size:
        return input
    wide = jnp.broadcast_to(_to_rank_at(index, dim, full.ndim), source.shape)
    out = _combine(full, dim, wide, source, reduce, include_self).reshape(input.shape)
    inside = (index >= 0) & (index < full.shape[dim])
    return check(out, inside, index, "index out of range in self")
