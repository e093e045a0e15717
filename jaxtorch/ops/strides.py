"""Strides, as PyTorch would have them.

XLA lays arrays out as it likes, so strides here are a matter of record: they follow from the views
that lead to a tensor, and decide what PyTorch decides by them (whether ``view`` raises, whether
``reshape`` and ``contiguous`` copy). A tensor that is no view is contiguous.
"""

from __future__ import annotations

import numpy as np

from jaxtorch.ops import slicing, views
from jaxtorch.ops._dims import normalize_dim
from jaxtorch.size import Size


def contiguous_strides(shape) -> tuple:
    """Row-major strides of ``shape``, in elements."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def _reshaped(shape, strides, new_shape):
    """The strides of a view of ``new_shape``, or None where only a copy can have it."""
    if 0 in shape:
        return contiguous_strides(new_shape)
    chunks = []  # (elements, stride of the last) of each run of dimensions that lies in one piece
    for n, stride in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if chunks and chunks[-1][1] == n * stride:
            chunks[-1] = (chunks[-1][0] * n, stride)
        else:
            chunks.append((n, stride))
    found = []
    left, step = chunks.pop() if chunks else (1, 1)
    for n in reversed(new_shape):
        while left == 1 and n != 1 and chunks:
            left, step = chunks.pop()
        if n == 1:
            found.append(step)
            continue
        if left % n:
            return None
        found.append(step)
        left, step = left // n, step * n
    return tuple(reversed(found))


def _ghost(shape, strides) -> np.ndarray:
    """A NumPy array of these strides in elements, which nobody may look into."""
    return np.lib.stride_tricks.as_strided(np.empty((), np.int8), shape, strides)


def _after(operation, statics, extras, shape, strides, offset):
    """(shape, strides, offset) of a view."""
    ghost, dim = _ghost(shape, strides), statics.get("dim")
    if operation is views._alias.op:
        return shape, strides, offset
    if operation is views._view.op:
        new = views.infer_size(statics["shape"], ghost.size)
        return new, _reshaped(shape, strides, new), offset
    if operation in (slicing._select.op, slicing._slice.op):
        first = extras[0].value
        start = int(first)
        if operation is slicing._select.op:
            start += shape[dim] * (start < 0)
            at = (slice(None),) * dim + (start,)
        else:
            stop = start + max(0, (statics["length"] - 1) * statics["step"] + 1)
            at = (slice(None),) * dim + (slice(start, stop, statics["step"]),)
        return ghost[at].shape, ghost[at].strides, offset + start * strides[dim]
    if operation is slicing._piece.op:
        start = statics["start"]
        at = (slice(None),) * dim + (slice(start, statics["stop"], statics["step"]),)
        return ghost[at].shape, ghost[at].strides, offset + start * strides[dim]
    if operation is views.diagonal.op:
        d1, d2 = (normalize_dim(statics[k], len(shape)) for k in ("dim1", "dim2"))
        shift = statics["offset"]
        found = np.diagonal(ghost, shift, d1, d2)
        return found.shape, found.strides, offset + max(shift * strides[d2], -shift * strides[d1])
    if operation is views._expand.op:
        size = statics["size"]
        lead = len(size) - len(shape)
        new = tuple(shape[i - lead] if n == -1 else n for i, n in enumerate(size))
        found = np.broadcast_to(ghost, new)
        return found.shape, found.strides, offset
    if operation is views.as_strided.op:
        return statics["size"], statics["stride"], statics["storage_offset"] or 0
    if operation is views.unfold.op and shape:
        d = normalize_dim(statics["dimension"], len(shape))
        new = list(shape)
        new[d] = (shape[d] - statics["size"]) // statics["step"] + 1
        step = (*strides[:d], strides[d] * statics["step"], *strides[d + 1 :], strides[d])
        return (*new, statics["size"]), step, offset
    if operation is views.unsqueeze.op:
        d = normalize_dim(dim, len(shape) + 1)
        step = shape[d] * strides[d] if d < len(shape) else 1
        return (*shape[:d], 1, *shape[d:]), (*strides[:d], step, *strides[d:]), offset
    if operation is views.squeeze.op:
        dims = range(len(shape)) if dim is None else dim if isinstance(dim, tuple) else (dim,)
        gone = {normalize_dim(d, len(shape)) for d in dims}
        kept = [i for i in range(len(shape)) if i not in gone or shape[i] != 1]
        return tuple(shape[i] for i in kept), tuple(strides[i] for i in kept), offset
    if operation in (views.transpose.op, views.t.op, views._permute.op, views._adjoint.op):
        order = list(range(len(shape)))
        if operation is views._permute.op:
            order = [normalize_dim(d, len(shape)) for d in statics["dims"]]
        elif len(shape) > 1:
            pair = (statics.get("dim0", -2), statics.get("dim1", -1))
            a, b = (normalize_dim(d, len(shape)) for d in pair)
            order[a], order[b] = order[b], order[a]
        return tuple(shape[i] for i in order), tuple(strides[i] for i in order), offset
    return None


def layout(input) -> tuple:
    """(strides, offset) of a tensor, in elements."""
    base = input._base
    shape = tuple(input.shape)
    if base is None or not input._steps:
        return contiguous_strides(shape), 0
    if base._base is None:
        found = tuple(base.shape), contiguous_strides(base.shape), 0
    else:
        found = tuple(base.shape), *layout(base)
    for operation, statics, extras in input._steps:
        found = _after(operation, statics, extras, *found)
        if found is None or found[1] is None:  # a view of another kind: real parts, other dtypes
            return contiguous_strides(shape), 0
    return found[1], found[2]


def stride(input, dim: int | None = None):
    """How many elements apart neighbours along each dimension, or along ``dim``, are."""
    strides = layout(input)[0]
    return strides if dim is None else strides[normalize_dim(dim, input.ndim)]


def storage_offset(input) -> int:
    """How many elements of the base come before this view's first."""
    return layout(input)[1]


def is_contiguous(input, memory_format=None) -> bool:
    """Whether the elements lie in row-major order (or, channels last, in that one)."""
    if memory_format is not None and "channels_last" in str(memory_format):
        shape, strides = input.shape, stride(input)
        order = [0, *range(2, len(shape)), 1]
        moved = contiguous_strides([shape[i] for i in order])
        return all(shape[i] == 1 or strides[i] == s for i, s in zip(order, moved, strict=True))
    if input._base is None or not input._steps:
        return True
    shape = input.shape
    if 0 in shape:
        return True
    return all(
        n == 1 or a == b
        for n, a, b in zip(shape, stride(input), contiguous_strides(shape), strict=True)
    )


def contiguous(input, *, memory_format=None):
    """``input`` itself where its elements lie in row-major order, else a copy of them that does."""
    return input if is_contiguous(input) else input.clone()


def view_is_possible(input, shape: tuple) -> bool:
    """Could PyTorch show ``input`` under another shape without a copy?"""
    if is_contiguous(input):
        return True
    new = views.infer_size(shape, Size(input.shape).numel())
    return _reshaped(tuple(input.shape), stride(input), new) is not None
