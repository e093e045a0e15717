"""Reading and writing element by element: gather, scatter and its reductions, take, put."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxtorch import dtypes
from jaxtorch.engine.handles import Handles
from jaxtorch.exceptions import OutOfBoundsError
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import at_least_1d, normalize_dim
from jaxtorch.ops._op import Array, Scalar, check, index_dtype, numpy_names, op
from jaxtorch.ops._promote import check_number
from jaxtorch.ops.data import is_tensor
from jaxtorch.ops.views import _view

_IN_BOUNDS = {"mode": "promise_in_bounds", "wrap_negative_indices": False}


def _legacy(x):
    return dtypes.from_numpy_dtype(x.dtype).legacy


def _flat_index(shape, index, dim):
    """Where in row-major order ``x[i, index[i, j], ...]`` lies, for ``x`` of ``shape``."""
    n = shape[dim]
    at = jnp.clip(index.astype(index_dtype()), 0, max(n - 1, 0))
    at = at * math.prod(shape[dim + 1 :])
    for d in range(len(shape)):
        if d != dim and shape[d] != 1:
            stride = math.prod(shape[d + 1 :])
            at = at + lax.broadcasted_iota(at.dtype, index.shape, d) * stride
    return at


def _checked(out, index, n, dim):
    index = index.astype(index_dtype())
    text = f"index {{value}} is out of bounds for dimension {dim} with size {n}"
    return check(out, (index >= 0) & (index < n), index, text, OutOfBoundsError)


def _need_integers(name, index):
    if index.dtype not in (jnp.int32, jnp.int64):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


def _read(x, index, dim):
    return x.reshape(-1).at[_flat_index(x.shape, index, dim)].get(**_IN_BOUNDS)


def _plus(place, values):
    """Values added at places ``x.at[...]``; the sum of truth values is whether any is true."""
    return (place.max if values.dtype == bool else place.add)(values, **_IN_BOUNDS)


def _add(x, index, dim, values):
    """``x`` with ``values`` added at ``index`` along ``dim``."""
    at = _flat_index(x.shape, index, dim).reshape(-1)
    return _plus(x.reshape(-1).at[at], values.reshape(-1)).reshape(x.shape)


def _gather_vjp(needs, args, statics, out, grads):
    input, index = args
    if input.ndim == 0 or grads.size == 0:
        return jnp.zeros(input.shape, grads.dtype) + grads.sum(), None
    dim = normalize_dim(statics["dim"], input.ndim)
    return _add(jnp.zeros(input.shape, grads.dtype), index, dim, grads), None


@op(vjp=_gather_vjp, out="same")
def gather(input: Array, dim: int, index: Array, *, sparse_grad: bool = False):
    """``out[i][j] = input[index[i][j]][j]`` for ``dim`` 0, and so on; as large as ``index``."""
    if sparse_grad:
        raise NotImplementedError("gather(sparse_grad=True): gradients are dense")
    dim = normalize_dim(dim, input.ndim)
    if index.size == 0:
        return jnp.zeros(index.shape, input.dtype)
    _need_integers("gather", index)
    _check_ranks(input, index, "input")
    if input.ndim == 0:
        return _checked(jnp.broadcast_to(input, index.shape), index, 1, dim)
    for d in range(input.ndim):
        if d != dim and index.shape[d] > input.shape[d]:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.shape)} to be no "
                f"larger than self {list(input.shape)} apart from dimension {dim}"
            )
    return _checked(_read(input, index, dim), index, input.shape[dim], dim)


def _check_ranks(input, index, name):
    if max(input.ndim, 1) != max(index.ndim, 1):
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {name} tensor")


def _scatter_args(name, input, dim, index, src=None):
    """A scatter's arguments, checked, none of them 0-d, ``src`` cut to the size of ``index``."""
    dim = normalize_dim(dim, input.ndim)
    if index.size == 0:
        return None
    _need_integers(name, index)
    _check_ranks(input, index, "self")
    input, index = at_least_1d(input), at_least_1d(index)
    text = f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)}"
    fits = all(
        d == dim or n <= m for d, (n, m) in enumerate(zip(index.shape, input.shape, strict=True))
    )
    if src is not None:
        if src.dtype != input.dtype:
            raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
        src = at_least_1d(src)
        if src.ndim != index.ndim:
            raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
        if not fits or any(n > m for n, m in zip(index.shape, src.shape, strict=True)):
            raise RuntimeError(
                f"{text} apart from dimension {dim} and to be no larger size than src "
                f"{list(src.shape)}"
            )
        src = lax.slice(src, (0,) * src.ndim, index.shape)
    elif not fits:
        raise RuntimeError(f"{text} apart from dimension {dim}")
    return input, dim, index, src


def _unsliced(grad, src):
    """The gradient of a ``src`` of which only the leading corner was used."""
    edges = [(0, m - n, 0) for n, m in zip(grad.shape, src.shape, strict=True)]
    return lax.pad(grad, jnp.zeros((), grad.dtype), edges)


def _scatter_put(input, dim, index, values):
    at = _flat_index(input.shape, index, dim).reshape(-1)
    return input.reshape(-1).at[at].set(values.reshape(-1), **_IN_BOUNDS).reshape(input.shape)


def _scatter_vjp(needs, args, statics, out, grads):
    input, index, src = args
    found = _scatter_args("scatter", input, statics["dim"], index, src)
    if found is None:
        return grads, None, jnp.zeros(src.shape, src.dtype)
    full, dim, at, _ = found
    wide = grads.reshape(full.shape)
    grad_input = _scatter_put(wide, dim, at, jnp.zeros(at.shape, grads.dtype))
    grad_src = _unsliced(_read(wide, at, dim), at_least_1d(src)).reshape(src.shape)
    return grad_input.reshape(input.shape), None, grad_src


@op(name="ScatterBackward0", vjp=_scatter_vjp)
def _scatter_src(input: Array, dim: int, index: Array, src: Array):
    found = _scatter_args("scatter", input, dim, index, src)
    if found is None:
        return input
    full, dim, index, src = found
    out = _scatter_put(full, dim, index, src).reshape(input.shape)
    return _checked(out, index, full.shape[dim], dim)


def _scatter_value_vjp(needs, args, statics, out, grads):
    input, index, value = args
    found = _scatter_args("scatter", input, statics["dim"], index)
    if found is None:
        return grads, None, None
    full, dim, at, _ = found
    grad = _scatter_put(grads.reshape(full.shape), dim, at, jnp.zeros(at.shape, grads.dtype))
    return grad.reshape(input.shape), None, None


@op(name="ScatterBackward1", vjp=_scatter_value_vjp)
def _scatter_value(input: Array, dim: int, index: Array, value: Scalar):
    found = _scatter_args("scatter", input, dim, index)
    if found is None:
        return input
    full, dim, index, _ = found
    values = jnp.broadcast_to(value.astype(input.dtype), index.shape)
    out = _scatter_put(full, dim, index, values).reshape(input.shape)
    return _checked(out, index, full.shape[dim], dim)


@op(name="ScatterBackward3")
def _scatter_value_reduce(input: Array, dim: int, index: Array, value: Scalar, reduce: str):
    found = _scatter_args("scatter", input, dim, index)
    if found is None:
        return input
    full, dim, index, _ = found
    values = jnp.broadcast_to(value.astype(input.dtype), index.shape)
    out = _combine(full, dim, index, values, "sum" if reduce == "add" else "prod")
    return _checked(out.reshape(input.shape), index, full.shape[dim], dim)


def _given(result, out):
    return result if out is None else Handles.assign_out(result, out, "same")


def _scattered(inplace, input, dim, index, src, value, reduce):
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if src is None:
        src = value
    if src is None:
        raise TypeError("scatter(): needs src= (a tensor) or value= (a number)")
    check_number(src, input.dtype)
    f: Any = _scatter_src if is_tensor(src) else _scatter_value
    args: tuple = ()
    if reduce is not None and is_tensor(src):
        f, args = _scatter_reduce, ("sum" if reduce == "add" else "prod", True)
    elif reduce is not None:
        f, args = _scatter_value_reduce, (reduce,)
    return (f.inplace if inplace else f)(input, dim, index, src, *args)


def scatter(input, dim: int, index, src=None, *, value=None, reduce: str | None = None, out=None):
    """``out[index[i][j]][j] = src[i][j]`` for ``dim`` 0, and so on, elsewhere ``input``.

    ``src`` is a tensor or a number; ``reduce`` "add" or "multiply" combines with what is there.
    """
    return _given(_scattered(False, input, dim, index, src, value, reduce), out)


def scatter_(input, dim: int, index, src=None, *, value=None, reduce: str | None = None):
    return _scattered(True, input, dim, index, src, value, reduce)


def _scatter_add_vjp(needs, args, statics, out, grads):
    input, index, src = args
    found = _scatter_args("scatter_add", input, statics["dim"], index, src)
    if found is None:
        return grads, None, jnp.zeros(src.shape, src.dtype)
    full, dim, at, _ = found
    read = _read(grads.reshape(full.shape), at, dim)
    return grads, None, _unsliced(read, at_least_1d(src)).reshape(src.shape)


@op(vjp=_scatter_add_vjp, out="same")
def scatter_add(input: Array, dim: int, index: Array, src: Array):
    """``out[index[i][j]][j] += src[i][j]`` for ``dim`` 0, and so on."""
    found = _scatter_args("scatter_add", input, dim, index, src)
    if found is None:
        return input
    full, dim, index, src = found
    out = _add(full, index, dim, src).reshape(input.shape)
    return _checked(out, index, full.shape[dim], dim)


_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def _extreme(dtype, largest):
    if jnp.issubdtype(dtype, jnp.floating):
        return jnp.inf if largest else -jnp.inf
    if dtype == np.bool_:
        return largest
    info = jnp.iinfo(dtype)
    return info.max if largest else info.min


@jax.custom_jvp
def _scatter_prod(flat, at, values):
    """``flat`` multiplied by ``values`` at ``at``. (JAX's has no gradient where places repeat.)"""
    if flat.dtype == bool:
        return flat.at[at].min(values, **_IN_BOUNDS)
    return flat.at[at].multiply(values, **_IN_BOUNDS)


@_scatter_prod.defjvp
def _scatter_prod_jvp(primals, tangents):
    """Each factor's tangent times the product of the others, which may hold zeros."""
    flat, at, values = primals
    d_flat, _, d_values = tangents
    out = _scatter_prod(flat, at, values)
    zero, one = jnp.zeros((), flat.dtype), jnp.ones((), flat.dtype)
    zeros = (flat == zero).astype(flat.dtype)
    zeros = zeros.at[at].add((values == zero).astype(flat.dtype), **_IN_BOUNDS)
    # the product of all but one zero: where there is one, that of the others
    rest = _scatter_prod(
        jnp.where(flat == zero, one, flat), at, jnp.where(values == zero, one, values)
    )

    def others(x, product, rest, zeros):
        alone = jnp.where(zeros == one, rest, zero)
        return jnp.where(x == zero, alone, product / jnp.where(x == zero, one, x))

    def picked(x):
        return x.at[at].get(**_IN_BOUNDS)

    tangent = d_flat * others(flat, out, rest, zeros)
    each = d_values * others(values, picked(out), picked(rest), picked(zeros))
    return out, tangent.at[at].add(each, **_IN_BOUNDS)


def _combine(input, dim, index, values, reduce, include_self=True):
    """``values`` reduced into ``input`` at ``index``, or among themselves only."""
    shape, dtype = input.shape, input.dtype
    at = _flat_index(shape, index, dim).reshape(-1)
    values, flat = values.reshape(-1), input.reshape(-1)
    if reduce in ("amax", "amin") and jnp.iscomplexobj(input):
        raise _promote.not_implemented(f"scatter_reduce_{reduce}", input)
    if not include_self:
        extreme = _extreme(dtype, reduce == "amin") if reduce in ("amax", "amin") else 0
        start = jnp.full((), 1 if reduce == "prod" else extreme, dtype)
        flat = flat.at[at].set(start, **_IN_BOUNDS)
    place = flat.at[at]
    if reduce == "prod":
        out = _scatter_prod(flat, at, values)
    elif reduce == "amax":
        out = place.max(values, **_IN_BOUNDS)
    elif reduce == "amin":
        out = place.min(values, **_IN_BOUNDS)
    else:
        out = _plus(place, values)
    if reduce == "mean":
        touched = _counts(flat, at, include_self)
        out = (
            out / touched if jnp.issubdtype(dtype, jnp.inexact) else jnp.floor_divide(out, touched)
        )
    return out.reshape(shape)


def _counts(flat, at, include_self):
    """How many values met at each place, one where none did."""
    start = jnp.full(flat.shape, 1 if include_self else 0, flat.dtype)
    counts = start.at[at].add(jnp.ones((), flat.dtype), **_IN_BOUNDS)
    return jnp.maximum(counts, jnp.ones((), flat.dtype)) if not include_self else counts


def _reduce_vjp(input, dim, index, src, reduce, include_self, out, grads):
    """Gradients of ``_combine``, as torch defines them, for ``input`` and a ``src`` already cut.

    Ties of amax and amin share the gradient evenly; a product's zeros are handled apart.
    """
    at = _flat_index(input.shape, index, dim).reshape(-1)

    def picked(x):
        return x.reshape(-1).at[at].get(**_IN_BOUNDS).reshape(index.shape)

    if reduce == "sum":
        grad_input, grad_src = grads, picked(grads)
    elif reduce == "mean":
        counts = _counts(input.reshape(-1), at, include_self).reshape(input.shape)
        grad_input = grads / counts
        grad_src = picked(grad_input)
    elif reduce == "prod":
        zero, one = jnp.zeros((), input.dtype), jnp.ones((), input.dtype)
        safe = jnp.where(input == zero, one, input)
        grad_input = grads * _combine(safe, dim, index, src, "prod", include_self) / safe
        src_zero = src == zero
        zeros = _add(jnp.zeros(input.shape, input.dtype), index, dim, src_zero.astype(input.dtype))
        single = src_zero & (picked(zeros) == one)
        without = _combine(input, dim, index, jnp.where(single, one, src), "prod", include_self)
        grad_src = jnp.where(
            single, picked(grads * without), picked(grads * out) / jnp.where(src_zero, one, src)
        )
    else:
        best = picked(out)
        from_self, from_src = input == out, src == best
        ties = _add(from_self.astype(input.dtype), index, dim, from_src.astype(input.dtype))
        shared = grads / jnp.maximum(ties, jnp.ones((), ties.dtype))
        grad_input = jnp.where(from_self, shared, jnp.zeros((), grads.dtype))
        grad_src = jnp.where(from_src, picked(shared), jnp.zeros((), grads.dtype))
    if not include_self:
        grad_input = grad_input.reshape(-1).at[at].set(jnp.zeros((), grads.dtype), **_IN_BOUNDS)
        grad_input = grad_input.reshape(input.shape)
    return grad_input, grad_src


def _scatter_reduce_vjp(needs, args, statics, out, grads):
    input, index, src = args
    found = _scatter_args("scatter_reduce", input, statics["dim"], index, src)
    if found is None:
        return grads, None, jnp.zeros(src.shape, src.dtype)
    full, dim, at, cut = found
    grad_input, grad_src = _reduce_vjp(
        full, dim, at, cut, statics["reduce"], statics["include_self"],
        out.reshape(full.shape), grads.reshape(full.shape),
    )  # fmt: skip
    grad_src = _unsliced(grad_src, at_least_1d(src)).reshape(src.shape)
    return grad_input.reshape(input.shape), None, grad_src


@op(name="ScatterReduceBackward0", vjp=_scatter_reduce_vjp)
def _scatter_reduce(
    input: Array, dim: int, index: Array, src: Array, reduce: str, include_self: bool
):
    if reduce not in _REDUCTIONS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    found = _scatter_args("scatter_reduce", input, dim, index, src)
    if found is None:
        return input
    full, dim, index, src = found
    out = _combine(full, dim, index, src, reduce, include_self).reshape(input.shape)
    return _checked(out, index, full.shape[dim], dim)


def scatter_reduce(
    input, dim: int, index, src, reduce: str, *, include_self: bool = True, out=None
):
    """``src`` reduced ("sum", "prod", "mean", "amax", "amin") into ``input`` at ``index``."""
    return _given(_scatter_reduce(input, dim, index, src, _long_name(reduce), include_self), out)


def scatter_reduce_(input, dim: int, index, src, reduce: str, *, include_self: bool = True):
    return _scatter_reduce.inplace(input, dim, index, src, _long_name(reduce), include_self)


def _long_name(reduce: str) -> str:
    return {"max": "amax", "min": "amin"}.get(reduce, reduce)  # torch takes these too


# --- by position in row-major order -------------------------------------------------------------


def _clipped(index, n):
    return jnp.clip(index, 0, max(n - 1, 0))


def _position(name, index, n):
    if not jnp.issubdtype(index.dtype, jnp.integer):
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {_legacy(index)}")
    index = index.astype(index_dtype())
    wrapped = jnp.where(index < 0, index + n, index)
    ok = (wrapped >= 0) & (wrapped < n)
    text = f"out of range: tried to access index {{value}} on a tensor of {n} elements."
    return _clipped(wrapped, n), (ok, index, text)


@op(out="same")
def take(input: Array, index: Array):
    """The elements at ``index`` in row-major order; as large as ``index``."""
    if input.size == 0 and index.size:
        raise IndexError("take(): tried to take from an empty tensor")
    at, checks = _position("take", index, input.size)
    if not index.size:
        return jnp.zeros(index.shape, input.dtype)
    return check(input.reshape(-1).at[at].get(**_IN_BOUNDS), *checks)


def unravel_index(indices, shape):
    """The places in a tensor of ``shape`` of ``indices`` in row-major order: one tensor a dim."""
    if not is_tensor(indices):
        raise TypeError(
            f"'unravel_index(): argument 'indices' must be a Tensor, not {type(indices).__name__}"
        )
    if indices.dtype.category != dtypes.INT:
        raise TypeError(
            f"expected 'indices' to be integer dtype, but got torch.{indices.dtype.name}"
        )
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in sizes:
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(
                "unravel_index(): expected 'shape' to be int or sequence of ints, but got sequence "
                f"of {type(n).__name__}"
            )
        if n < 0:
            raise ValueError(
                f"unravel_index(): 'shape' cannot have negative values, but got {sizes}"
            )
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    return tuple(_unravelled(indices, step, n) for step, n in zip(steps, sizes, strict=True))


@op(nondiff=True)
def _unravelled(indices: Array, step: int, size: int):
    indices = indices.astype(index_dtype())
    return jnp.floor_divide(indices, max(step, 1)) % max(size, 1)


def _put_vjp(needs, args, statics, out, grads):
    input, index, source = args
    at, _ = _position("put_", index, input.size)
    place = grads.reshape(-1).at[at.reshape(-1)]
    grad_input = grads
    if not statics.get("accumulate"):
        grad_input = place.set(jnp.zeros((), grads.dtype), **_IN_BOUNDS).reshape(grads.shape)
    return grad_input, None, place.get(**_IN_BOUNDS).reshape(source.shape)


@op(vjp=_put_vjp)
def put(input: Array, index: Array, source: Array, accumulate: bool = False):
    """``input`` with ``source`` put (or added) at ``index`` in row-major order."""
    if source.size != index.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source.size}, index.numel() = {index.size}"
        )
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got {_legacy(input)} "
            f"and {_legacy(source)}"
        )
    if not index.size:
        return input
    at, checks = _position("put_", index, input.size)
    place, source = input.reshape(-1).at[at.reshape(-1)], source.reshape(-1)
    out = _plus(place, source) if accumulate else place.set(source, **_IN_BOUNDS)
    return check(out.reshape(input.shape), *checks)


@op(name="GatherBackward0")
def _take_along(input: Array, indices: Array, dim: int):
    shape = list(jnp.broadcast_shapes(
        (*input.shape[:dim], 1, *input.shape[dim + 1 :]),
        (*indices.shape[:dim], 1, *indices.shape[dim + 1 :]),
    ))  # fmt: skip
    shape[dim] = indices.shape[dim]
    indices = jnp.broadcast_to(indices, shape)
    n = shape[dim] = input.shape[dim]
    input = jnp.broadcast_to(input, shape)
    # unlike gather, torch's takes any index, modulo the size
    return _read(input, jnp.remainder(indices, max(n, 1)), dim)


@numpy_names
def take_along_dim(input, indices, dim: int | None = None, *, out=None):
    """``gather`` after broadcasting all other dimensions; without ``dim``, of flattened tensors."""
    if dim is None:
        input, indices, dim = _view(input, (-1,)), _view(indices, (-1,)), 0
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    result = _take_along(input, indices, normalize_dim(dim, input.ndim))
    return _given(result, out)
