"""view, reshape, flatten: other shapes of the same elements, shared where PyTorch shares them."""

from __future__ import annotations

import math

from jaxtorch import dtypes
from jaxtorch.engine.graph import STATE
from jaxtorch.ops._dims import normalize_dim
from jaxtorch.ops._op import Array, op
from jaxtorch.ops.strides import as_strided, view_is_possible
from jaxtorch.ops.views import (
    _view,
    _view_dtype,
    infer_size,
    sizes_from,
    squeeze,
    t,
    transpose,
    unsqueeze,
)


@op(name="UnsafeViewBackward0")
def _reshaped_copy(input: Array, shape: tuple):
    return input.reshape(infer_size(shape, input.size))


def _viewed(input, shape: tuple):
    if input._base is not None and not view_is_possible(input, shape):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return _view(input, shape)


def view(input, *shape, dtype=None, size=None):
    """The same elements under another shape (one size may be -1) or, byte for byte, dtype."""
    dtype = shape[0] if len(shape) == 1 and isinstance(shape[0], dtypes.dtype) else dtype
    if dtype is not None:
        return input if dtype is input.dtype else _view_dtype(input, dtype)
    return _viewed(input, sizes_from(shape if size is None else (size,)))


def view_as(input, other):
    return _viewed(input, tuple(other.shape))


def _reshaped(input, shape: tuple):
    """A view where PyTorch can make one, which writing goes through; else a copy."""
    if input._base is not None and not view_is_possible(input, shape):
        return _reshaped_copy(input, shape)
    return _view(input, shape)


def reshape(input, *sizes, shape=None):
    return _reshaped(input, sizes_from(sizes if shape is None else (shape,)))


def reshape_as(input, other):
    return _reshaped(input, tuple(other.shape))


def ravel(input):
    return _reshaped(input, (-1,))


def flatten(input, start_dim: int = 0, end_dim: int = -1):
    """Dimensions ``start_dim`` to ``end_dim``, both included, made one."""
    shape = tuple(input.shape)
    start, end = normalize_dim(start_dim, len(shape)), normalize_dim(end_dim, len(shape))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return _reshaped(input, (1,))
    if start == end:
        return input
    return _reshaped(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def _become(input, view):
    """Give ``input`` the shape of a view of it, as ``squeeze_`` and its like do."""
    if input._base is None:
        if input.requires_grad and input.is_leaf and STATE.grad:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation."
            )
        input._set(view._read())
    else:
        input._steps = view._steps if view._base is input._base else input._steps + view._steps
        input._bind(view._read())
    return input


def squeeze_(input, dim=None):
    return _become(input, squeeze(input, dim))


def unsqueeze_(input, dim: int):
    return _become(input, unsqueeze(input, dim))


def transpose_(input, dim0: int, dim1: int):
    return _become(input, transpose(input, dim0, dim1))


def swapaxes_(input, axis0: int, axis1: int):
    return _become(input, transpose(input, axis0, axis1))


def t_(input):
    return _become(input, t(input))


def as_strided_(input, size, stride, storage_offset: int | None = None):
    return _become(input, as_strided(input, size, stride, storage_offset))
