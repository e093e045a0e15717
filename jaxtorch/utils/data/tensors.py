"""Where data loading meets Tensors: NumPy arrays become Tensors, and rows of Tensors batches.

Batches are put together by NumPy on the host: a gather of a few kilobytes costs less there than
dispatching it, and a worker process need not start XLA for it.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading

import numpy as np

from jaxtorch import dtypes
from jaxtorch.engine.handles import node_of_numpy
from jaxtorch.engine.trace import is_traced
from jaxtorch.ops import shaping
from jaxtorch.tensor import Tensor, wrap

__all__ = [
    "Deferred",
    "Tensor",
    "aligned_empty",
    "as_double",
    "deferred",
    "from_array",
    "gather",
    "is_plain",
    "stack",
    "stack_tensors",
    "to_array",
]

_ALIGNMENT = 64  # XLA takes over a host buffer without a copy only from such an address


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array that :func:`from_array` need not copy."""
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


class Deferred:
    """An array that is to be a Tensor once it is in the parent process."""

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray):
        self.array = array


_thread = threading.local()


@contextlib.contextmanager
def deferred():
    """In this block :func:`from_array` gives a :class:`Deferred`."""
    _thread.defer = True
    try:
        yield
    finally:
        _thread.defer = False


def from_array(array: np.ndarray) -> Tensor:
    """A Tensor that takes the array over: nobody may write to it afterwards."""
    dtypes.from_numpy_dtype(array.dtype)  # its TypeError names what torch has
    if getattr(_thread, "defer", False):
        return Deferred(array)  # type: ignore[return-value]
    return wrap(node_of_numpy(np.asarray(array, order="C")))


def to_array(tensor: Tensor) -> np.ndarray:
    """The Tensor's values on the host, to be read only."""
    return tensor._host()


def is_plain(tensor: Tensor) -> bool:
    """Whether the Tensor is just values on the host, with no gradient or JAX trace behind it."""
    node = tensor._read()
    return not node.requires_grad and not is_traced(node) and node.aval.place == "cpu"


def as_double(values) -> Tensor:
    array = to_array(values) if isinstance(values, Tensor) else np.asarray(values)
    return from_array(array.astype(np.float64))


def gather(tensor: Tensor, indices: list[int]) -> np.ndarray:
    """The rows ``tensor[i] for i in indices``, stacked."""
    array, where = to_array(tensor), np.asarray(indices)
    size = array.shape[0]
    outside = (where >= size) | (where < -size)
    if outside.any():
        bad = int(where[outside][0])
        raise IndexError(f"index {bad} is out of bounds for dimension 0 with size {size}")
    out = aligned_empty((len(where), *array.shape[1:]), array.dtype)
    # Checked above: "wrap" only tells NumPy to write to `out` directly, and counts from the end.
    return np.take(array, where, axis=0, out=out, mode="wrap")


def stack(arrays: list[np.ndarray]) -> np.ndarray:
    """As ``torch.stack``: equal shapes, a new first dimension, the promoted dtype."""
    first = arrays[0]
    for i, array in enumerate(arrays):
        if array.shape != first.shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first.shape)} at entry "
                f"0 and {list(array.shape)} at entry {i}"
            )
    kinds = {dtypes.from_numpy_dtype(array.dtype) for array in arrays}
    dtype = functools.reduce(dtypes.promote_types, kinds).numpy
    out = aligned_empty((len(arrays), *first.shape), dtype)
    return np.stack(arrays, out=out, casting="unsafe")


def stack_tensors(batch: list[Tensor]) -> Tensor:
    """``torch.stack(batch)``: by NumPy, where the tensors are just values."""
    if not all(is_plain(tensor) for tensor in batch):
        return shaping.stack(batch, 0)
    return from_array(stack([to_array(tensor) for tensor in batch]))
