"""Views: each result is a lens on its first argument; ``put`` takes a write back through it."""

from __future__ import annotations

import math
import operator

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxtorch import dtypes
from jaxtorch.engine.lens import Overlap
from jaxtorch.ops import _dims
from jaxtorch.ops._dims import normalize_dim
from jaxtorch.ops._op import Array, index_dtype, view as lens
from jaxtorch.size import Size


def sizes_from(args: tuple) -> tuple:
    """The sizes in ``f(2, 3)``, ``f((2, 3))`` or ``f(torch.Size([2, 3]))``, as a tuple of ints."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = tuple(args[0])
    for n in args:
        if n.__class__ is not int:
            return tuple(map(operator.index, args))
    return args


def infer_size(size: tuple, numel: int) -> tuple:
    """``size`` with its -1 worked out."""
    if min(size, default=0) < 0:
        if size.count(-1) > 1:
            raise RuntimeError("only one dimension can be inferred")
        for n in size:
            if n < -1:
                raise RuntimeError(f"invalid shape dimension {n}")
        known = -math.prod(size)
        if known == 0 and numel == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(size)} because the "
                "unspecified dimension size -1 can be any value and is ambiguous"
            )
        if known and numel % known == 0:
            return tuple(numel // known if n == -1 else n for n in size)
    elif math.prod(size) == numel:
        return size
    raise RuntimeError(f"shape '{list(size)}' is invalid for input of size {numel}")


def _put_shape(base, value, **_):
    return value.reshape(base.shape)


@lens(put=_put_shape, name="AliasBackward0")
def _alias(input: Array):
    return input


@lens(put=_put_shape, name="ViewBackward0")
def _view(input: Array, shape: tuple):
    return input.reshape(infer_size(shape, input.size))


@lens(put=lambda base, value, dtype: value.view(base.dtype), nondiff=True, retypes=True)
def _view_dtype(input: Array, dtype: dtypes.dtype):
    old, new = input.dtype.itemsize, dtype.numpy.itemsize
    if old != new and input.ndim == 0:
        raise RuntimeError(
            f"self.dim() cannot be 0 to view {dtypes.from_numpy_dtype(input.dtype).legacy} as "
            f"{dtype.legacy} (different element sizes)"
        )
    if new > old and input.shape[-1] % (new // old):
        raise RuntimeError(
            f"self.size(-1) must be divisible by {new // old} to view "
            f"{dtypes.from_numpy_dtype(input.dtype).legacy} as {dtype.legacy} (different element "
            f"sizes), but got {input.shape[-1]}"
        )
    return input.view(dtype.numpy)


def unflatten(input, dim: int, sizes):
    """Dimension ``dim`` spread over several, of ``sizes`` (one may be -1)."""
    shape, sizes = tuple(input.shape), sizes_from((sizes,))
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    dim = normalize_dim(dim, len(shape))
    try:
        sizes = infer_size(sizes, shape[dim])
    except RuntimeError as error:
        if "is invalid for input" not in str(error):
            raise
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({shape[dim]}) in the input tensor"
        ) from None
    return _view(input, (*shape[:dim], *sizes, *shape[dim + 1 :]))


@lens(put=_put_shape)
def unsqueeze(input: Array, dim: int):
    return jnp.expand_dims(input, normalize_dim(dim, input.ndim + 1))


def _squeeze_node(_, statics) -> str:
    dim = statics["dim"]
    return f"SqueezeBackward{0 if dim is None else 2 if isinstance(dim, tuple) else 1}"


@lens(put=_put_shape, name=_squeeze_node)
def squeeze(input: Array, dim: tuple | None = None):
    """Without the dimensions of size one: all, or those that ``dim``, an int or a tuple, names."""
    if dim is None:
        return input.reshape(tuple(n for n in input.shape if n != 1))
    dims = {normalize_dim(d, input.ndim) for d in (dim if isinstance(dim, tuple) else (dim,))}
    return input.reshape(tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in dims))


def _swapped(input, dim0, dim1):
    if input.ndim == 0:
        normalize_dim(dim0, 0)
        normalize_dim(dim1, 0)
        return input
    return jnp.swapaxes(input, normalize_dim(dim0, input.ndim), normalize_dim(dim1, input.ndim))


@lens(put=lambda base, value, dim0, dim1: _swapped(value, dim0, dim1))
def transpose(input: Array, dim0: int, dim1: int):
    return _swapped(input, dim0, dim1)


def swapaxes(input, axis0: int, axis1: int):
    return transpose(input, axis0, axis1)


def swapdims(input, dim0: int, dim1: int):
    return transpose(input, dim0, dim1)


def _order(dims: tuple, ndim: int) -> tuple:
    if len(dims) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal "
            f"to len(dims) = {len(dims)}"
        )
    order = tuple(normalize_dim(d, ndim) for d in dims)
    if len(set(order)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return order


def _put_order(base, value, dims):
    order = _order(dims, value.ndim)
    return value.transpose(tuple(map(order.index, range(value.ndim))))


@lens(put=_put_order, name="PermuteBackward0")
def _permute(input: Array, dims: tuple):
    return input.transpose(_order(dims, input.ndim))


def permute(input, *order, dims=None):
    return _permute(input, sizes_from(order if dims is None else (dims,)))


def movedim(input, source, destination):
    """The ``source`` dimensions at the ``destination`` places; the others keep their order."""
    n = input.ndim
    source = (source,) if isinstance(source, int) else tuple(source)
    destination = (destination,) if isinstance(destination, int) else tuple(destination)
    if len(source) != len(destination):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({list(source)} dims) should contain the same number of dims as destination "
            f"({list(destination)} dims)"
        )
    found = {}
    for name, given in (("source", source), ("destination", destination)):
        found[name] = [normalize_dim(d, n) for d in given]
        if len(set(found[name])) != len(given):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(given)})")
    places = dict(zip(found["destination"], found["source"], strict=True))
    rest = iter([d for d in range(n) if d not in places.values()])
    return _permute(input, tuple(places[i] if i in places else next(rest) for i in range(n)))


def moveaxis(input, source, destination):
    return movedim(input, source, destination)


@lens(put=lambda base, value: value.T)
def t(input: Array):
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return input.T


def T(input):
    """All dimensions in reverse order."""
    return _permute(input, tuple(range(input.ndim))[::-1])


def mT(input):
    """The last two dimensions swapped."""
    if input.ndim < 2:
        raise RuntimeError(
            "tensor.mT is only supported on matrices or batches of matrices. Got "
            f"{input.ndim}-D tensor."
        )
    return transpose(input, -2, -1)


@lens(put=lambda base, value: jnp.conj(jnp.swapaxes(value, -2, -1)), name="ConjBackward0")
def _adjoint(input: Array):
    return jnp.conj(jnp.swapaxes(input, -2, -1))


@lens(put=lambda base, value: jnp.conj(value), name="ConjBackward0")
def _conj(input: Array):
    return jnp.conj(input)


CONJUGATING = (_adjoint.op, _conj.op)


def adjoint(input):
    """The last two dimensions swapped, and the conjugate taken."""
    if input.ndim < 2:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. Got "
            f"{input.ndim}-D tensor."
        )
    return _adjoint(input) if input.dtype.is_complex else transpose(input, -2, -1)


def mH(input):
    return adjoint(input)


def H(input):
    """A matrix's conjugate transpose."""
    if input.ndim not in (0, 2):
        raise RuntimeError(
            "tensor.H is only supported on matrices (2-D tensors). Got "
            f"{input.ndim}-D tensor. For batches of matrices, consider using tensor.mH"
        )
    return input if input.ndim == 0 else adjoint(input)


def _put_expanded(base, value, size):
    if value.size != base.size:
        raise Overlap
    return value.reshape(base.shape)


@lens(put=_put_expanded, name="ExpandBackward0")
def _expand(input: Array, size: tuple):
    shape, lead = input.shape, len(size) - input.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand(torch.{dtypes.from_numpy_dtype(input.dtype).legacy}Tensor{{{list(shape)}}}, "
            f"size={list(size)}): the number of sizes provided ({len(size)}) must be greater or "
            f"equal to the number of dimensions in the tensor ({input.ndim})"
        )
    target = []
    for i, n in reversed(list(enumerate(size))):
        if n == -1 and i < lead:
            raise RuntimeError(
                f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
                f"dimension {i}"
            )
        have = shape[i - lead] if i >= lead else 1
        if n not in (-1, have) and have != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({have}) at "
                f"non-singleton dimension {i}.  Target sizes: {list(size)}.  "
                f"Tensor sizes: {list(shape)}"
            )
        target.append(have if n == -1 else n)
    return jnp.broadcast_to(input, tuple(reversed(target)))


def expand(input, *sizes, size=None):
    """Dimensions of size one repeated up to the sizes; -1 leaves a dimension alone."""
    return _expand(input, sizes_from(sizes if size is None else (size,)))


def expand_as(input, other):
    return _expand(input, tuple(other.shape))


def broadcast_to(input, size):
    return _expand(input, sizes_from((size,)))


def broadcast_tensors(*tensors):
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    shape = broadcast_shapes(*(x.shape for x in tensors))
    return tuple(x if tuple(x.shape) == shape else _expand(x, shape) for x in tensors)


def broadcast_shapes(*shapes) -> Size:
    """The shape that all ``shapes`` broadcast to."""
    shapes = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    return Size(_dims.broadcast_shapes(*shapes))


@lens
def diagonal(input: Array, offset: int = 0, dim1: int = 0, dim2: int = 1):
    d1, d2 = normalize_dim(dim1, input.ndim), normalize_dim(dim2, input.ndim)
    if d1 == d2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return jnp.diagonal(input, offset, d1, d2)


def _put_where(base, value, where):
    """``value`` at the places ``where`` of the elements in row-major order, all different."""
    if np.unique(where).size < where.size:
        raise Overlap
    return base.reshape(-1).at[where.reshape(-1)].set(value.reshape(-1)).reshape(base.shape)


def _put_unfolded(base, value, dimension, size, step):
    places = np.arange(base.size).reshape(base.shape or (1,))
    dim = normalize_dim(dimension, places.ndim)
    windows = np.lib.stride_tricks.sliding_window_view(places, size, dim)
    where = windows[(slice(None),) * dim + (slice(None, None, step),)]
    return _put_where(base, value, where.reshape(value.shape))


@lens(put=_put_unfolded)
def unfold(input: Array, dimension: int, size: int, step: int):
    """Windows of ``size`` along ``dimension``, ``step`` apart, as a last dimension."""
    dim = normalize_dim(dimension, input.ndim)
    n = input.shape[dim] if input.ndim else 1
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {n} but size is {size}")
    if input.ndim == 0:
        return input.reshape(1)[:size]
    starts = jnp.arange(0, n - size + 1, step, dtype=index_dtype())
    at = starts[:, None] + jnp.arange(size, dtype=starts.dtype)[None]
    windows = jnp.take(input, at, axis=dim, mode="clip")
    return jnp.moveaxis(windows, dim + 1, -1)


def _put_strided(base, value, size, stride, storage_offset):
    where = np.full(size, storage_offset)
    for d, s in enumerate(stride):
        where = where + np.arange(size[d]).reshape((-1,) + (1,) * (len(size) - d - 1)) * s
    return _put_where(base, value, where)


@lens(put=_put_strided, name="AsStridedBackward0")
def _as_strided(input: Array, size: tuple, stride: tuple, storage_offset: int = 0):
    """Element ``storage_offset + sum(index * stride)`` of the elements in row-major order."""
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    for what, given in (("size", size), ("stride", stride)):
        if min(given, default=0) < 0:
            raise RuntimeError(
                f"as_strided: Negative {what}s are not supported at the moment, got {what}s: "
                f"{list(given)}"
            )
    last = storage_offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if math.prod(size) and last >= input.size:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset "
            f"{storage_offset}, and itemsize {input.dtype.itemsize} requiring a storage size of "
            f"{(last + 1) * input.dtype.itemsize} are out of bounds for storage of size "
            f"{input.nbytes}"
        )
    at = jnp.full(size, storage_offset, index_dtype())
    for d, s in enumerate(stride):
        at = at + lax.broadcasted_iota(at.dtype, size, d) * s
    return input.reshape(-1).at[at].get(mode="clip")


def _put_real(base, value):
    return lax.complex(value, base.imag) if jnp.iscomplexobj(base) else value


@lens(put=_put_real, name="SelectBackward0", retypes=True)
def _real(input: Array):
    return input.real


def real(input):
    return _real(input) if input.dtype.is_complex else input


@lens(put=lambda base, value: lax.complex(base.real, value), name="SelectBackward0", retypes=True)
def imag(input: Array):
    if not jnp.iscomplexobj(input):
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return input.imag


@lens(put=lambda base, value: lax.complex(value[..., 0], value[..., 1]), retypes=True)
def view_as_real(input: Array):
    """A complex tensor as a real one with a last dimension of two."""
    if not jnp.iscomplexobj(input):
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return jnp.stack([input.real, input.imag], -1)


@lens(put=lambda base, value: jnp.stack([value.real, value.imag], -1), retypes=True)
def view_as_complex(input: Array):
    """A real tensor whose last dimension is two, read as complex numbers."""
    if input.ndim == 0 or input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if input.dtype == jnp.float16:
        raise NotImplementedError("view_as_complex of halves: JAX has no complex numbers of them")
    return lax.complex(input[..., 0], input[..., 1])
