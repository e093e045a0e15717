"""view, reshape, flatten: other shapes of the same elements, shared where PyTorch shares them."""

from __future__ import annotations

import gc
import math
import sys
import weakref

from jaxtorch import dtypes
from jaxtorch.engine.graph import STATE
from jaxtorch.engine.handles import Handles, TensorBase
from jaxtorch.ops._dims import normalize_dim
from jaxtorch.ops._op import Array, op
from jaxtorch.ops.strides import as_strided, is_contiguous, stride, view_is_possible
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
        apart = stride(input, -1) if input._base is not None and input.ndim else 1
        if dtype.itemsize != input.dtype.itemsize and apart != 1:
            raise RuntimeError(
                f"self.stride(-1) must be 1 to view {input.dtype.legacy} as {dtype.legacy} "
                f"(different element sizes), but got {apart}"
            )
        return _view_dtype(input, dtype)
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


def become(input, view):
    """Make ``input`` the given view, of what it was or of another, as ``squeeze_`` and its like do.

    Other views of it, and what was detached from it, go on to show what they did.
    """
    if STATE.grad:
        input._check_write(input._read(), view._read())
    if not isinstance(input._base, TensorBase):
        leaf = input.requires_grad and input.is_leaf
        others = _other_views(input, view)
        shared = others or input._base is not None or input._storage is not None
        if view._base is input and (leaf or (not shared and is_contiguous(view))):
            input._set(view._read())
            return input
        _stand_in(input, [view, *others])
    input._base, input._steps = view._base, view._steps
    input._bind(view._read())
    input._seen = input._base._moves
    input._moves += 1
    return input


def _stand_in(input, views) -> None:
    """Put a handle in the place of ``input``, for ``views`` to be views of."""
    base = Handles.wrap(input._node)
    base.__dict__.update(input.__dict__)
    if base._storage is not None and base._storage() is not None:
        base._storage().owner = weakref.ref(base)
    input._storage = input._meta = None
    for view in views:
        if view._base is input:
            view._base = base


# How many references there are to a tensor in here if nobody but its one variable has it.
_alone: list[int] = []


def _other_views(input, view) -> list:
    """The views of ``input`` but ``view``. They are looked for when it matters: keeping count of
    them would cost every view."""
    references = sys.getrefcount(input)
    if not _alone:
        _alone.append(0)
        probe = Handles.wrap(input._node)
        probe.unsqueeze_(0)
    elif not _alone[0]:
        _alone[0] = references
    if references <= _alone[0]:
        return []
    found = []
    for owner in gc.get_referrers(input):
        if owner.__class__ is dict and owner.get("_base") is input:
            found += [t for t in gc.get_referrers(owner) if isinstance(t, TensorBase)]
        elif isinstance(owner, TensorBase) and owner._base is input:
            found.append(owner)
    return [t for t in found if t is not view]


def squeeze_(input, dim=None):
    return become(input, squeeze(input, dim))


def unsqueeze_(input, dim: int):
    return become(input, unsqueeze(input, dim))


def transpose_(input, dim0: int, dim1: int):
    return become(input, transpose(input, dim0, dim1))


def swapaxes_(input, axis0: int, axis1: int):
    return become(input, transpose(input, axis0, axis1))


def t_(input):
    return become(input, t(input))


def as_strided_(input, size, stride, storage_offset: int | None = None):
    return become(input, as_strided(input, size, stride, storage_offset))
