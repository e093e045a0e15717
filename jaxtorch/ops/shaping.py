"""Joining, repeating, rearranging: what gives new values, where views.py gives lenses."""

from __future__ import annotations

import itertools
import operator

import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.engine.handles import Handles
from jaxtorch.ops._dims import normalize_dim, normalize_dims, type_name
from jaxtorch.ops._op import Array, Arrays, index_dtype, numpy_names, op
from jaxtorch.ops.copies import diagonal_copy
from jaxtorch.ops.creation import arange, empty
from jaxtorch.ops.data import array_of, wrap
from jaxtorch.ops.views import (
    _expand,
    _view,
    permute,
    sizes_from,
    unsqueeze,
)


def _list_of(tensors) -> list:
    """The tensors in ``f(a, b)``, ``f([a, b])`` and ``f((a, b))``."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        return list(tensors[0])
    return list(tensors)


def _must_cast(result, out) -> None:
    if not dtypes.can_cast(result.dtype, out.dtype):
        raise TypeError(
            f"torch.cat(): input types can't be cast to the desired output type {out.dtype.legacy}"
        )


# --- joining ------------------------------------------------------------------------------------


@op(promote="arith", out=_must_cast)
def cat(tensors: Arrays, dim: int = 0):
    """The tensors one after another along ``dim``; all other sizes must match."""
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for i, x in enumerate(tensors):
        if x.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    # torch's old rule: an empty 1-d tensor joins with anything
    kept = [(i, x) for i, x in enumerate(tensors) if x.shape != (0,)]
    if not kept:
        return tensors[0]
    first = kept[0][1]
    dim = normalize_dim(dim, first.ndim)
    for i, x in kept:
        if x.ndim != first.ndim:
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {first.ndim} and {x.ndim}"
            )
        for d, (n, m) in enumerate(zip(first.shape, x.shape, strict=True)):
            if d != dim and n != m:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {n} "
                    f"but got size {m} for tensor number {i} in the list."
                )
    return lax.concatenate([x for _, x in kept], dim)


@op(promote="arith", out=_must_cast)
def _chunk_cat(tensors: Arrays, dim: int, num_chunks: int):
    """Each tensor padded to ``num_chunks`` equal pieces along ``dim``, the k-th pieces joined."""
    if num_chunks < 1:
        raise RuntimeError("_chunk_cat expects positive num_chunks")
    if not tensors:
        raise RuntimeError("_chunk_cat expects a non-empty input tensor list")
    first, given = tensors[0], dim
    dim = normalize_dim(dim, first.ndim)
    rows = []
    for x in tensors:
        if not x.size:
            raise RuntimeError("_chunk_cat expects non-empty tensor")
        if given < 0 and x.ndim != first.ndim:
            raise RuntimeError(
                "_chunk_cat expects non-negative dim when input tensors have different ndims"
            )
        if dim >= x.ndim:
            raise RuntimeError("_chunk_cat expects dim < ndim for all input tensors")
        if x.shape[:dim] != first.shape[:dim]:
            raise RuntimeError(
                "_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors"
            )
        ends = [(0, -x.shape[d] % num_chunks if d == dim else 0, 0) for d in range(x.ndim)]
        whole = lax.pad(x, jnp.zeros((), x.dtype), ends)
        rows.append(whole.reshape((*x.shape[:dim], num_chunks, -1)))
    return lax.concatenate(rows, dim + 1)


@numpy_names
def concat(tensors, dim: int = 0, *, out=None):
    return cat(tensors, dim, out=out)


@numpy_names
def concatenate(tensors, dim: int = 0, *, out=None):
    return cat(tensors, dim, out=out)


@op(promote="arith", out=_must_cast)
def stack(tensors: Arrays, dim: int = 0):
    """Tensors of one shape along a new dimension."""
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = tensors[0].shape
    for i, x in enumerate(tensors):
        if x.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 "
                f"and {list(x.shape)} at entry {i}"
            )
    dim = normalize_dim(dim, len(shape) + 1)
    return lax.stack(tensors, axis=dim)


def atleast_1d(*tensors):
    if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
        x = tensors[0]
        return _view(x, (1,)) if x.ndim == 0 else x
    return tuple(atleast_1d(x) for x in _list_of(tensors))


def atleast_2d(*tensors):
    if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
        x = tensors[0]
        return _view(x, (1, 1)) if x.ndim == 0 else unsqueeze(x, 0) if x.ndim == 1 else x
    return tuple(atleast_2d(x) for x in _list_of(tensors))


def atleast_3d(*tensors):
    if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
        x = tensors[0]
        return (
            _view(x, (1, 1, 1))
            if x.ndim == 0
            else unsqueeze(atleast_2d(x), -1)
            if x.ndim < 3
            else x
        )
    return tuple(atleast_3d(x) for x in _list_of(tensors))


def _check_list(name: str, tensors) -> None:
    if not isinstance(tensors, (tuple, list)):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
            f"{type_name(tensors)}"
        )
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")


def hstack(tensors, *, out=None):
    _check_list("hstack", tensors)
    wide: list = [atleast_1d(x) for x in tensors]
    return cat(wide, 0 if wide[0].ndim == 1 else 1, out=out)


def vstack(tensors, *, out=None):
    _check_list("vstack", tensors)
    return cat([atleast_2d(x) for x in tensors], 0, out=out)


def row_stack(tensors, *, out=None):
    return vstack(tensors, out=out)


def dstack(tensors, *, out=None):
    _check_list("dstack", tensors)
    return cat([atleast_3d(x) for x in tensors], 2, out=out)


def column_stack(tensors, *, out=None):
    _check_list("column_stack", tensors)
    columns = [_view(x, (-1 if x.ndim else 1, 1)) if x.ndim < 2 else x for x in tensors]
    return cat(columns, 1, out=out)


@op(promote="arith")
def _block_diag(tensors: Arrays):
    blocks = [x.reshape((1,) * (2 - x.ndim) + x.shape) for x in tensors]
    width, before, rows = sum(x.shape[1] for x in blocks), 0, []
    for x in blocks:
        after = width - before - x.shape[1]
        rows.append(lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (before, after, 0))))
        before += x.shape[1]
    return lax.concatenate(rows, 0)


def block_diag(*tensors):
    """A matrix with the given ones along its diagonal and zeros elsewhere."""
    tensors = _list_of(tensors)
    for i, x in enumerate(tensors):
        if x.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{i} has {x.ndim} dimensions"
            )
    return _block_diag(tensors)


# --- repeating ----------------------------------------------------------------------------------


@op(name="RepeatBackward0")
def _repeat(input: Array, sizes: tuple):
    if len(sizes) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    if min(sizes, default=0) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(sizes)}")
    shape = (1,) * (len(sizes) - input.ndim) + input.shape
    pairs = [n for pair in zip(sizes, shape, strict=True) for n in pair]
    spread = lax.broadcast_in_dim(input.reshape(shape), pairs, tuple(range(1, 2 * len(shape), 2)))
    return spread.reshape(tuple(r * n for r, n in zip(sizes, shape, strict=True)))


def repeat(input, *sizes, repeats=None):
    """The whole tensor, as often along each dimension as it says."""
    return _repeat(input, sizes_from(sizes if repeats is None else (repeats,)))


def tile(input, *sizes, dims=None):
    """``repeat`` with missing leading repeats taken as one."""
    dims = sizes_from(sizes if dims is None else (dims,))
    return _repeat(input, (1,) * (input.ndim - len(dims)) + dims)


@op(name="RepeatInterleaveBackward0")
def _repeat_each(input: Array, repeats: int, dim: int):
    shape = input.shape
    spread = jnp.expand_dims(input, dim + 1)
    spread = jnp.broadcast_to(spread, (*shape[: dim + 1], repeats, *shape[dim + 1 :]))
    return spread.reshape((*shape[:dim], shape[dim] * repeats, *shape[dim + 1 :]))


@op(name="RepeatInterleaveBackward0")
def _repeat_by(input: Array, repeats: Array, dim: int, total: int):
    return jnp.repeat(input, repeats, axis=dim, total_repeat_length=total)


@numpy_names
def repeat_interleave(
    input, repeats=None, dim: int | None = None, *, output_size: int | None = None
):
    """Each element along ``dim`` repeated, all as often or each by its own number.

    With one argument: the indices 0, 1, ..., each as often as it says. A tensor of ``repeats`` is
    evaluated for the size of the result unless ``output_size`` gives it.
    """
    if repeats is None:
        if input.ndim != 1:
            raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
        repeats, input, dim = input, arange(input.shape[0], dtype=input.dtype), 0
    if dim is None:
        input, dim = _view(input, (-1,)), 0
    dim = normalize_dim(dim, input.ndim)
    if isinstance(repeats, (tuple, list)):
        repeats = wrap(array_of(repeats))
    if isinstance(repeats, int) or repeats.ndim == 0 or repeats.numel() == 1:
        times = repeats if isinstance(repeats, int) else repeats.item()
        if times < 0:
            raise RuntimeError("repeats can not be negative")
        return _repeat_each(input, operator.index(times), dim)
    if repeats.numel() != input.shape[dim]:
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{repeats.shape[0]} and input.size({dim}) = {input.shape[dim]}"
        )
    if output_size is None:
        output_size = int(repeats.sum())
    return _repeat_by(input, repeats, dim, output_size)


# --- rearranging --------------------------------------------------------------------------------


@op
def roll(input: Array, shifts: tuple, dims: tuple = ()):
    """Elements moved ``shifts`` places along ``dims``, round the corner; flattened without dims."""
    shifts = shifts if isinstance(shifts, tuple) else (shifts,)
    dims = dims if isinstance(dims, tuple) else (dims,)
    if not shifts:
        raise RuntimeError("`shifts` required")
    if not dims:
        if len(shifts) != 1:
            raise RuntimeError(
                f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
            )
        return jnp.roll(input, shifts[0])
    if len(dims) != len(shifts):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    return jnp.roll(input, shifts, tuple(normalize_dim(d, input.ndim) for d in dims))


@op(name="FlipBackward0")
def _flip(input: Array, dims: tuple):
    return lax.rev(input, normalize_dims(dims, input.ndim, empty_is_all=False))


def flip(input, *axes, dims=None):
    return _flip(input, sizes_from(axes if dims is None else (dims,)))


def fliplr(input):
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return _flip(input, (1,))


def flipud(input):
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return _flip(input, (0,))


@op
def rot90(input: Array, k: int = 1, dims: tuple = (0, 1)):
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = (normalize_dim(d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    return jnp.rot90(input, k, (a, b))


def _triangle(x, diagonal, name, lower):
    if x.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
    row = lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 2)
    column = lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1)
    keep = column <= row + diagonal if lower else column >= row + diagonal
    return jnp.where(keep, x, jnp.zeros((), x.dtype))


@op(out="same")
def tril(input: Array, diagonal: int = 0):
    return _triangle(input, diagonal, "tril", True)


@op(out="same")
def triu(input: Array, diagonal: int = 0):
    return _triangle(input, diagonal, "triu", False)


@op
def diag_embed(input: Array, offset: int = 0, dim1: int = -2, dim2: int = -1):
    """The last dimension as the diagonal of matrices in ``dim1`` and ``dim2``, zeros beside it."""
    ndim = input.ndim + 1
    d1, d2 = normalize_dim(dim1, ndim), normalize_dim(dim2, ndim)
    if d1 == d2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = input.shape[-1] + abs(offset)
    row = lax.broadcasted_iota(jnp.int32, (n, n), 0)
    column = lax.broadcasted_iota(jnp.int32, (n, n), 1)
    # the element in column j is values[j]; the first `offset` columns hold none
    ends = [(0, 0, 0)] * (input.ndim - 1) + [(max(offset, 0), max(-offset, 0), 0)]
    line = lax.pad(input, jnp.zeros((), input.dtype), ends)[..., None, :]
    matrix = jnp.where(
        (column - row == offset).reshape((1,) * (input.ndim - 1) + (n, n)),
        line,
        jnp.zeros((), input.dtype),
    )
    return jnp.moveaxis(matrix, (-2, -1), (d1, d2))


def diag(input, diagonal: int = 0, *, out=None):
    """A vector as the diagonal of a matrix, or a matrix's diagonal as a vector."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    result = diag_embed(input, diagonal) if input.ndim == 1 else diagonal_copy(input, diagonal)
    return result if out is None else Handles.assign_out(result, out, "same")


def diagflat(input, offset: int = 0):
    return diag_embed(_view(input, (-1,)), offset)


def meshgrid(*tensors, indexing: str | None = None):
    """Coordinate grids of vectors: ``indexing`` is "ij" (torch's default) or "xy"."""
    tensors = _list_of(tensors)
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for x in tensors:
        if x.ndim > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x.ndim}"
            )
        if x.dtype is not tensors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    swap = indexing == "xy" and len(tensors) > 1
    if swap:
        tensors[0], tensors[1] = tensors[1], tensors[0]
    shape = tuple(x.numel() for x in tensors)
    grids = [
        _expand(_view(x, (-1,) + (1,) * (len(shape) - 1 - i)), shape) for i, x in enumerate(tensors)
    ]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def cartesian_prod(*tensors):
    """All tuples that take one element of each vector, as rows."""
    tensors = _list_of(tensors)
    for x in tensors:
        if x.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([_view(g, (-1,)) for g in meshgrid(*tensors)], 1)


@op(name="IndexBackward0")
def _rows(input: Array, rows: tuple):
    at = jnp.array(rows, index_dtype()).reshape(len(rows), -1)
    return input.at[at].get(mode="clip")


def combinations(input, r: int = 2, with_replacement: bool = False):
    """All ``r``-element subsets of a vector, as rows, in lexicographic order of position."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    pick = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = tuple(pick(range(input.shape[0]), r))
    if not rows or r == 0:
        return empty((0,) if r == 0 else (0, r), dtype=input.dtype)
    return _rows(input, rows)


@op(name="CloneBackward0")
def _clone(input: Array):
    return input


def clone(input, *, memory_format=None):
    """A tensor of its own with the same values. (A memory format is a layout: XLA's choice.)"""
    return _clone(input)


def channel_shuffle(input, groups: int):
    """(N, C, ...): the channels of ``groups`` groups dealt out in turn."""
    if input.ndim < 3:
        raise RuntimeError(
            "channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}"
        )
    n, c = input.shape[:2]
    if groups <= 0 or c % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    rest = tuple(range(3, input.ndim + 1))
    split = _view(input, (n, groups, c // groups, *input.shape[2:]))
    return _view(permute(split, (0, 2, 1, *rest)), tuple(input.shape))
