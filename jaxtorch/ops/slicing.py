"""Views of a part: select, slices and the ways to split a tensor into pieces."""

from __future__ import annotations

import operator

import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops._dims import normalize_dim
from jaxtorch.ops._op import Array, Scalar, check, index_dtype, numpy_names, view as lens
from jaxtorch.ops.data import is_tensor
from jaxtorch.ops.views import sizes_from


def _starts(ndim, dim, start):
    start = lax.convert_element_type(start, index_dtype())
    zero = jnp.zeros((), start.dtype)
    return [start if i == dim else zero for i in range(ndim)]


def _span(x, dim, start, length):
    """``length`` elements from ``start``, which is data: slicing elsewhere compiles nothing new."""
    sizes = tuple(length if i == dim else n for i, n in enumerate(x.shape))
    return lax.dynamic_slice(
        x, _starts(x.ndim, dim, start), sizes, allow_negative_indices=(False,) * x.ndim
    )


def _put_span(x, value, dim, start):
    return lax.dynamic_update_slice(
        x, value, _starts(x.ndim, dim, start), allow_negative_indices=(False,) * x.ndim
    )


def _wrapped(index, n):
    return jnp.where(index < 0, index + n, index)


def _node(_, statics) -> str:
    return statics["node"]


def _put_select(base, value, dim, index, node):
    index = jnp.clip(_wrapped(index, base.shape[dim]), 0, base.shape[dim] - 1)
    return _put_span(base, jnp.expand_dims(value, dim), dim, index)


@lens(put=_put_select, name=_node)
def _select(input: Array, dim: int, index: Scalar, node: str = "SelectBackward0"):
    """For an index that is known to be in range."""
    return jnp.squeeze(_span(input, dim, index, 1), dim)


@lens(put=_put_select, name="SelectBackward0")
def _select_at(input: Array, dim: int, index: Array, node: str = ""):
    """For an index that is a tensor: what it holds is looked at later."""
    n = input.shape[dim]
    if n == 0:
        raise IndexError(f"index 0 is out of bounds for dimension {dim} with size 0")
    at = _wrapped(index, n)
    return check(
        jnp.squeeze(_span(input, dim, jnp.clip(at, 0, n - 1), 1), dim),
        (at >= 0) & (at < n),
        index,
        f"index {{value}} is out of bounds for dimension {dim} with size {n}",
    )


@numpy_names
def select(input, dim: int, index):
    """The slice at ``index``, an int or a 0-dim tensor, of ``dim``, without that dimension."""
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = normalize_dim(dim, input.ndim)
    if is_tensor(index):
        return _select_at(input, dim, index)
    n, index = input.shape[dim], operator.index(index)
    if not -n <= index < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
            f"dimension {dim}"
        )
    return _select(input, dim, index + n if index < 0 else index)


def _put_slice(base, value, dim, start, length, step, node):
    if length == 0:
        return base
    if step == 1:
        return _put_span(base, value, dim, start)
    span = (length - 1) * step + 1
    old = _span(base, dim, start, span)
    at = (slice(None),) * dim + (slice(None, None, step),)
    return _put_span(base, old.at[at].set(value), dim, start)


@lens(put=_put_slice, name=_node)
def _slice(
    input: Array, dim: int, start: Scalar, length: int, step: int = 1, node: str = "SliceBackward0"
):
    if step == 1 or length == 0:
        return _span(input, dim, start, length)
    span = _span(input, dim, start, (length - 1) * step + 1)
    return lax.slice_in_dim(span, 0, None, step, dim)


def _put_piece(base, value, dim, start, stop, step, node):
    at = (slice(None),) * dim + (slice(start, stop, step),)
    return base.at[at].set(value)


@lens(put=_put_piece, name=_node)
def _piece(
    input: Array, dim: int, start: int, stop: int, step: int = 1, node: str = "SliceBackward0"
):
    return lax.slice_in_dim(input, start, stop, step, dim)


@numpy_names
def narrow(input, dim: int, start, length: int):
    if input.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim = normalize_dim(dim, input.ndim)
    n, length = input.shape[dim], operator.index(length)
    if is_tensor(start) and (start.ndim or start.dtype.category != dtypes.INT):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    start = operator.index(start)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -n <= start <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return _slice(input, dim, start, length)


def slice_along(input, dim: int, index: slice):
    """``x[..., index, ...]`` at dimension ``dim``.

    A start that was given is data, one that was left out is not: ``x[i : i + 32]`` in a loop is one
    program, and ``x[:n]`` keeps XLA's static slice.
    """
    n = tuple.__getitem__(input.shape, dim)
    if index.step is not None and operator.index(index.step) <= 0:
        raise ValueError(
            "step must be greater than zero" if index.step else "slice step cannot be zero"
        )
    start, stop, step = index.indices(n)
    if step >= 2**31:  # XLA's steps have 32 bits, and one this large takes one element
        step = max(n, 1)
    length = max(0, (stop - start + step - 1) // step)
    if start == 0 and length == n and step == 1:
        return input
    if index.start is None or (index.stop is None and operator.index(index.start) < 0):
        return _piece(
            input, dim, start, start + max(0, (length - 1) * step + 1) * (length > 0), step
        )
    return _slice(input, dim, start, length, step)


# Pieces with a static start let XLA join their gradients into one loop; past this many, each would
# be one more kernel to compile, so the start becomes data.
_STATIC_PIECES = 8


def _pieces(input, dim, sizes, node="SliceBackward0"):
    fixed, start, out = len(sizes) <= _STATIC_PIECES, 0, []
    for size in sizes:
        if fixed:
            out.append(_piece(input, dim, start, start + size, 1, node))
        else:
            out.append(_slice(input, dim, start, size, 1, node))
        start += size
    return _numbered(out)


def _numbered(views) -> tuple:
    """The views as results of one function, each knowing its place among them."""
    views = tuple(views)
    for i, view in enumerate(views):
        view._output = i
    return views


def split(tensor, split_size_or_sections, dim: int = 0, *, _node=None):
    """Pieces of one size (the last may be smaller) or of the sizes listed, as views."""
    if tensor.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = normalize_dim(dim, tensor.ndim)
    n = tensor.shape[dim]
    if isinstance(split_size_or_sections, (tuple, list)):
        sizes = sizes_from((split_size_or_sections,))
        if min(sizes, default=0) < 0:
            raise RuntimeError(
                "split_with_sizes expects split_sizes have only non-negative entries, but got "
                f"split_sizes={list(sizes)}"
            )
        if sum(sizes) != n:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size "
                f"at dimension {dim}), but got split_sizes={list(sizes)}"
            )
        return _pieces(tensor, dim, sizes, _node or "SplitWithSizesBackward0")
    size = operator.index(split_size_or_sections)
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and n:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
        )
    count = max(1, -(-n // size)) if size else 1
    sizes = [min(size, n - i * size) for i in range(count)]
    return _pieces(tensor, dim, sizes, _node or "SplitBackward0")


def split_method(self, split_size, dim: int = 0):
    """``torch.split``, by the name that the method has for what it splits into."""
    return split(self, split_size, dim)


def split_with_sizes(input, split_sizes, dim: int = 0):
    return split(input, list(split_sizes), dim)


@numpy_names
def chunk(input, chunks: int, dim: int = 0, *, _node=None):
    """At most ``chunks`` pieces of one size, the last one smaller if need be."""
    if input.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    dim = normalize_dim(dim, input.ndim)
    n = input.shape[dim]
    if n == 0:
        return _pieces(input, dim, [0] * chunks, _node or "SplitBackward0")
    return split(input, -(-n // chunks), dim, _node=_node)


def unsafe_split(tensor, split_size, dim: int = 0):
    """``split``, but PyTorch lets autograd record writes to the pieces, and does not check them."""
    return split(tensor, split_size, dim, _node="UnsafeSplitBackward0")


def unsafe_split_with_sizes(input, split_sizes, dim: int = 0):
    return split(input, list(split_sizes), dim, _node="UnsafeSplitWithSizesBackward0")


def unsafe_chunk(input, chunks: int, dim: int = 0):
    return chunk(input, chunks, dim, _node="UnsafeSplitBackward0")


def tensor_split(input, indices_or_sections, dim: int = 0):
    """Pieces as equal as can be, or cut at the given indices."""
    if input.ndim == 0:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    dim = normalize_dim(dim, input.ndim)
    n = input.shape[dim]
    if hasattr(indices_or_sections, "tolist"):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        k = indices_or_sections
        if k <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {k}")
        return _pieces(input, dim, [n // k + (i < n % k) for i in range(k)])
    cuts = [slice(c).indices(n)[1] for c in indices_or_sections]
    return tuple(
        _piece(input, dim, min(a, b) if b < a else a, b if b >= a else min(a, b))
        for a, b in zip([0, *cuts], [*cuts, n], strict=True)
    )


def _named_split(input, indices_or_sections, dim, name):
    if not isinstance(indices_or_sections, (int, tuple, list)):
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got (Tensor, "
            f"{type(indices_or_sections).__name__}), but expected (Tensor input, int sections) or "
            "(Tensor input, tuple of ints indices)"
        )
    if isinstance(indices_or_sections, int):
        n = input.shape[dim]
        if indices_or_sections <= 0 or n % indices_or_sections:
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the "
                f"dimension {n} is not divisible by the split_size {indices_or_sections}!"
            )
    return tensor_split(input, indices_or_sections, dim)


def hsplit(input, indices_or_sections):
    if input.ndim < 1:
        raise RuntimeError(
            "torch.hsplit requires a tensor with at least 1 dimension, but got a tensor with 0 "
            "dimensions!"
        )
    return _named_split(input, indices_or_sections, min(1, input.ndim - 1), "hsplit")


def vsplit(input, indices_or_sections):
    if input.ndim < 2:
        raise RuntimeError(
            "torch.vsplit requires a tensor with at least 2 dimension, but got a tensor with "
            f"{input.ndim} dimensions!"
        )
    return _named_split(input, indices_or_sections, 0, "vsplit")


def dsplit(input, indices_or_sections):
    if input.ndim < 3:
        raise RuntimeError(
            "torch.dsplit requires a tensor with at least 3 dimension, but got a tensor with "
            f"{input.ndim} dimensions!"
        )
    return _named_split(input, indices_or_sections, 2, "dsplit")


@numpy_names
def unbind(input, dim: int = 0):
    """The slices along ``dim``, without it."""
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    dim = normalize_dim(dim, input.ndim)
    return _numbered([_select(input, dim, i, "UnbindBackward0") for i in range(input.shape[dim])])
