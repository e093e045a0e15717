"""Strides, as PyTorch would have them.

XLA lays arrays out as it likes, so strides here are a matter of record: they follow from the views
that lead to a tensor, and decide what PyTorch decides by them (whether ``view`` raises, whether
``reshape`` and ``contiguous`` copy). A tensor that is no view is contiguous.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from jaxtorch.engine import force, lens
from jaxtorch.engine.handles import Handles, TensorBase
from jaxtorch.layouts import memory_format
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


def _shown(ghost: np.ndarray) -> tuple:
    return ghost.shape, ghost.strides


def _after(operation, statics: dict, shape: tuple, strides: tuple, itemsize: int) -> Any:
    """(shape, strides) of a view of a tensor of these, or None for views of another kind."""
    if operation is views._view_dtype.op:
        return _recast(shape, strides, itemsize, statics["dtype"].itemsize)
    ghost: Any = _ghost(shape, strides)
    dim: Any = statics.get("dim")
    if operation in (views._alias.op, views._conj.op):
        return shape, strides
    if operation is views._view.op:
        new = views.infer_size(statics["shape"], ghost.size)
        return new, _reshaped(shape, strides, new)
    if operation in (slicing._select.op, slicing._select_at.op):
        return _shown(ghost[(slice(None),) * dim + (0,)])
    if operation in (slicing._slice.op, slicing._piece.op):
        start, step = statics.get("start", 0), statics["step"]
        stop = statics["stop"] if "stop" in statics else step * statics["length"]
        found = ghost[(slice(None),) * dim + (slice(start, max(stop, 0), step),)]
        size = statics.get("length", found.shape[dim])
        return (*shape[:dim], size, *shape[dim + 1 :]), found.strides
    if operation is views.diagonal.op:
        d1, d2 = (normalize_dim(statics[k], len(shape)) for k in ("dim1", "dim2"))
        return _shown(np.diagonal(ghost, statics["offset"], d1, d2))
    if operation is views._expand.op:
        return _expanded(shape, strides, statics["size"])
    if operation is views._as_strided.op:
        return statics["size"], statics["stride"]
    if operation is views.unfold.op and shape:
        d = normalize_dim(statics["dimension"], len(shape))
        new = list(shape)
        new[d] = (shape[d] - statics["size"]) // statics["step"] + 1
        step = (*strides[:d], strides[d] * statics["step"], *strides[d + 1 :], strides[d])
        return (*new, statics["size"]), step
    if operation is views.unsqueeze.op:
        d = normalize_dim(dim, len(shape) + 1)
        step = shape[d] * strides[d] if d < len(shape) else 1
        return (*shape[:d], 1, *shape[d:]), (*strides[:d], step, *strides[d:])
    if operation is views.squeeze.op:
        dims = range(len(shape)) if dim is None else dim if isinstance(dim, tuple) else (dim,)
        gone = {normalize_dim(d, len(shape)) for d in dims}
        kept = [i for i in range(len(shape)) if i not in gone or shape[i] != 1]
        return tuple(shape[i] for i in kept), tuple(strides[i] for i in kept)
    if operation is views.view_as_real.op:
        return (*shape, 2), (*(2 * s for s in strides), 1)
    if operation in (views._real.op, views.imag.op):
        return shape, tuple(2 * s for s in strides)
    if operation is views.view_as_complex.op:
        return shape[:-1], tuple(s // 2 for s in strides[:-1])
    if operation in (views.transpose.op, views.t.op, views._permute.op, views._adjoint.op):
        order = list(range(len(shape)))
        if operation is views._permute.op:
            order = [normalize_dim(d, len(shape)) for d in statics["dims"]]
        elif len(shape) > 1:
            pair = (statics.get("dim0", -2), statics.get("dim1", -1))
            a, b = (normalize_dim(d, len(shape)) for d in pair)
            order[a], order[b] = order[b], order[a]
        return tuple(shape[i] for i in order), tuple(strides[i] for i in order)
    return None


def _itemsize(operation, statics: dict, itemsize: int) -> int:
    """The size in bytes of the elements of a view of such ones."""
    if operation is views._view_dtype.op:
        return statics["dtype"].itemsize
    if operation in (views.view_as_real.op, views._real.op, views.imag.op):
        return itemsize // 2
    return itemsize * 2 if operation is views.view_as_complex.op else itemsize


def _expanded(shape: tuple, strides: tuple, size: tuple) -> tuple:
    new, found = [], []
    for i in reversed(range(len(size))):
        at = i - len(size) + len(shape)
        have = shape[at] if at >= 0 else 1
        step = strides[at] if at >= 0 else new[0] * found[0] if new else 1
        new.insert(0, have if size[i] == -1 else size[i])
        found.insert(0, step if new[0] == have else 0)
    return tuple(new), tuple(found)


def _recast(shape: tuple, strides: tuple, old: int, new: int) -> tuple:
    """(shape, strides) of a view of elements of another size in bytes."""
    if old == new or not shape:
        return shape, strides
    size = shape[-1] * old // new
    return (*shape[:-1], size), (*(s * old // new for s in strides[:-1]), 1)


@functools.lru_cache(maxsize=4096)
def _along(shape: tuple, strides: tuple, itemsize: int, steps: tuple) -> tuple | None:
    stages = [strides]
    for operation, names, values in steps:
        statics = dict(zip(names, values, strict=True))
        found = _after(operation, statics, shape, strides, itemsize)
        if found is None or found[1] is None:
            return None
        shape, strides = found
        itemsize = _itemsize(operation, statics, itemsize)
        stages.append(strides)
    return tuple(stages)


def along(shape: tuple, strides: tuple, steps: tuple, itemsize: int) -> tuple | None:
    """Strides of every stage of a chain of views, the base's first; None for other kinds.

    ``itemsize``: of the base's elements, in bytes.
    """
    keys = tuple([(op, tuple(given), tuple(given.values())) for op, given, _ in steps])
    return _along(shape, strides, itemsize, keys)


def _stages(input) -> tuple | None:
    base = input._base
    shape = tuple(base.shape)
    strides = _strides(base) if isinstance(base, TensorBase) else contiguous_strides(shape)
    return along(shape, strides, input._steps, base._node.aval.dtype.itemsize)


def _strides(input) -> tuple:
    if input._base is not None and input._steps:
        stages = _stages(input)
        if stages is not None:
            return stages[-1]
    return contiguous_strides(input.shape)


def stride(input, dim: int | None = None):
    """How many elements apart neighbours along each dimension, or along ``dim``, are."""
    strides = _strides(input)
    return strides if dim is None else strides[normalize_dim(dim, input.ndim)]


def storage_offset(input) -> int:
    """How many elements of the base come before this view's first."""
    stages = _stages(input) if input._base is not None and input._steps else None
    if stages is None:
        return 0
    base = input._base
    offset = storage_offset(base) if isinstance(base, TensorBase) else 0
    nodes = lens.read_through(input._base._node, input._steps)
    for node, (operation, statics, extras), strides in zip(
        nodes, input._steps, stages, strict=False
    ):
        shape, itemsize = node.aval.shape, node.aval.dtype.itemsize
        offset = offset * itemsize // _itemsize(operation, statics, itemsize)
        if operation is views._as_strided.op:
            offset = statics["storage_offset"]
        elif operation is views.diagonal.op:
            d1, d2 = (normalize_dim(statics[k], len(shape)) for k in ("dim1", "dim2"))
            shift = statics["offset"]
            if min(shape[d1] + min(shift, 0), shape[d2] - max(shift, 0)) > 0:
                offset += max(shift * strides[d2], -shift * strides[d1])
        elif operation is views.imag.op:
            offset += 1
        elif "start" in statics:
            offset += statics["start"] * strides[statics["dim"]]
        elif extras:
            at = int(extras[0].value if extras[0].value is not None else force(extras[0]))
            offset += (at + (at < 0) * shape[statics["dim"]]) * strides[statics["dim"]]
    return offset


_offset = storage_offset


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
    return _reshaped(tuple(input.shape), _strides(input), new) is not None


def _whole(input):
    """A handle on all the elements that ``input`` is a view of, in their own order."""
    base = input._base
    if base is None:
        return input
    if isinstance(base, TensorBase):
        return _whole(base)
    if not input._steps:
        return input
    whole = Handles.wrap(base.read(()))
    whole._base, whole._seen = base, base._moves
    return whole


def as_strided(input, size, stride, storage_offset: int | None = None):
    """A view of the elements that ``input`` itself may be a view of: element ``storage_offset +
    sum(index * stride)`` of them, in row-major order of the tensor that is no view."""
    if storage_offset is None:
        storage_offset = _offset(input)
    if storage_offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {storage_offset}")
    whole = _whole(input)
    if whole.dtype.is_complex and whole.dtype.to_real() is input.dtype:
        whole = views.view_as_real(whole)
    elif whole.dtype.itemsize == input.dtype.itemsize and whole.dtype is not input.dtype:
        whole = views._view_dtype(whole, input.dtype)
    if whole.dtype is not input.dtype:
        raise NotImplementedError(
            f"as_strided of a view that shows {whole.dtype} as {input.dtype}: clone() it first"
        )
    found = views._as_strided(whole, tuple(size), tuple(stride), storage_offset)
    return views._conj(found) if input.is_conj() else found


def is_set_to(input, tensor) -> bool:
    """Whether both show the same elements of the same tensor in the same way."""
    return (
        input._home()[0] is tensor._home()[0]
        and storage_offset(input) == storage_offset(tensor)
        and tuple(input.shape) == tuple(tensor.shape)
        and _strides(input) == _strides(tensor)
    )


def dim_order(input, *, ambiguity_check=False) -> tuple:
    """The dimensions from the one whose neighbours lie furthest apart to the nearest.

    ``ambiguity_check``: True, or a list of memory formats of which exactly one must fit, raises
    RuntimeError where there are several answers.
    """
    formats = ambiguity_check if isinstance(ambiguity_check, list) else []
    if not (
        isinstance(ambiguity_check, (bool, list))
        and all(isinstance(f, memory_format) for f in formats)
    ):
        raise TypeError("The ambiguity_check argument must be a bool or a list of memory formats.")
    shape, strides = tuple(input.shape), _strides(input)
    order = sorted(range(len(shape)), key=lambda d: (-strides[d], -shape[d]))
    if is_contiguous(input):
        order = list(range(len(shape)))
    ambiguous = any(n <= 1 for n in shape) or len(set(strides)) < len(strides)
    if ambiguity_check is not False and ambiguous:
        if sum(is_contiguous(input, f) for f in formats) != 1:
            raise RuntimeError(
                "The tensor does not have unique dim order, or cannot map to exact one of the "
                "given memory formats."
            )
    return tuple(order)
