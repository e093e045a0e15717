"""Copies with a part replaced: what writing through a view would leave, as a new tensor."""

from __future__ import annotations

from jaxtorch.engine.handles import Handles
from jaxtorch.ops._dims import normalize_dim
from jaxtorch.ops.slicing import select, slice_along
from jaxtorch.ops.strides import as_strided
from jaxtorch.ops.views import diagonal


def _replaced(input, src, show, out=None):
    """A copy of ``input`` with ``src`` in the place that ``show`` gives a view of."""
    result = input.clone()
    view = show(result)
    if tuple(view.shape) != tuple(src.shape):
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(view.shape)}"
        )
    view.copy_(src)
    return result if out is None else Handles.assign_out(result, out, "same")


def select_scatter(input, src, dim: int, index: int, *, out=None):
    """A copy of ``input`` with ``src`` at ``index`` of ``dim``."""
    return _replaced(input, src, lambda x: select(x, dim, index), out)


def slice_scatter(input, src, dim: int = 0, start=None, end=None, step: int = 1, *, out=None):
    """A copy of ``input`` with ``src`` at ``start:end:step`` of ``dim``."""
    dim = normalize_dim(dim, input.ndim)
    return _replaced(input, src, lambda x: slice_along(x, dim, slice(start, end, step)), out)


def diagonal_scatter(input, src, offset: int = 0, dim1: int = 0, dim2: int = 1, *, out=None):
    """A copy of ``input`` with ``src`` on the given diagonal."""
    return _replaced(input, src, lambda x: diagonal(x, offset, dim1, dim2), out)


def as_strided_scatter(input, src, size, stride, storage_offset: int | None = None, *, out=None):
    """A copy of ``input`` with ``src`` at the elements that ``as_strided`` shows of it."""
    at = storage_offset or 0
    return _replaced(input, src, lambda x: as_strided(x, size, stride, at), out)
