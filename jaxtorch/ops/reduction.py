"""From many elements to few: sums, means, extremes, spread, norms, counts."""

from __future__ import annotations

import math
from functools import partial

import jax
import numpy as np
from jax import lax, numpy as jnp

from jaxtorch import dtypes, return_types
from jaxtorch.dtypes import dtype as DType
from jaxtorch.ops import _promote, arithmetic
from jaxtorch.ops._dims import (
    Dims,
    at_least_1d,
    normalize_dim,
    normalize_dims,
    require_elements,
)
from jaxtorch.ops._op import Array, index_dtype, numpy_names, op
from jaxtorch.ops.linalg import norms


def _by_dim(stem: str):
    """torch numbers the overload without a dim 0 and the one with a dim 1."""

    def name(avals, statics) -> str:
        return f"{stem}Backward{int(statics.get('dim') is not None)}"

    return name


# --- sums and products --------------------------------------------------------------------------


@op(out="dtype", name=_by_dim("Sum"))
def sum(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None):
    """The sum over dims (all); of integers and bools an int64 unless ``dtype`` says otherwise."""
    x = _summable(input, dtype)
    dims = normalize_dims(dim, x.ndim)
    if x.dtype == jnp.bool_:
        return jnp.any(x, dims, keepdims=keepdim)
    return jnp.sum(x, dims, keepdims=keepdim, promote_integers=False)


def _nan_rule(result, out) -> None:
    if result.dtype.category != dtypes.FLOAT:  # that of whole numbers is sum
        return
    if out.dtype.category < dtypes.FLOAT or out.dtype.is_complex:
        raise NotImplementedError(f"\"nansum_cpu\" not implemented for '{out.dtype.legacy}'")


@op(out=_nan_rule)
def nansum(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None):
    """The sum with NaN counted as 0."""
    if jnp.iscomplexobj(input):
        raise RuntimeError("nansum on CPU does not support complex inputs")
    x = input
    return sum.body(jnp.where(x != x, jnp.zeros_like(x), x), dim, keepdim, dtype=dtype)


@op(out="dtype", name=_by_dim("Prod"))
def prod(
    input: Array, dim: int | None = None, keepdim: bool = False, *, dtype: DType | None = None
):
    """The product over one dim, or over all."""
    x = _summable(input, dtype)
    dims = None if dim is None else normalize_dims(dim, x.ndim)
    keepdim = keepdim and dim is not None
    if x.dtype == jnp.bool_:
        return jnp.all(x, dims, keepdims=keepdim)
    return jnp.prod(x, dims, keepdims=keepdim, promote_integers=False)


def _summable(x: jax.Array, dtype: DType | None) -> jax.Array:
    if dtype is None and _promote.is_integral(x):
        dtype = dtypes.int64
    return _promote.cast(x, dtype)


@op(out=True, name=_by_dim("Mean"))
def mean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None):
    """The mean over dims (all); integers need a floating ``dtype``. Of nothing, NaN."""
    wanted = dtype or _promote.dtype_of(input)
    if wanted.category < dtypes.FLOAT:
        raise RuntimeError(
            f"mean(): could not infer output dtype. {'Input' if dtype is None else 'Optional'} "
            f"dtype must be either a floating point or complex dtype. Got: {wanted.legacy}"
        )
    x = _promote.cast(input, dtype)
    return _average(x, normalize_dims(dim, x.ndim), keepdim)


def _average(x: jax.Array, dims: tuple[int, ...], keepdims: bool) -> jax.Array:
    wide = x.astype(jnp.float32) if x.dtype.itemsize < 4 else x
    count = math.prod(x.shape[d] for d in dims)
    total = jnp.sum(wide, dims, keepdims=keepdims)
    return (total / _promote.divisor(count, wide)).astype(x.dtype)


@op(out=_nan_rule)
def nanmean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None):
    """The mean of what is not NaN."""
    x = _promote.cast(input, dtype)
    if _promote.is_integral(x):
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{_promote.dtype_of(x).legacy}"
        )
    dims = normalize_dims(dim, x.ndim)
    total = jnp.sum(jnp.where(x != x, jnp.zeros_like(x), x), dims, keepdims=keepdim)
    return total / jnp.sum(x == x, dims, keepdims=keepdim, dtype=x.dtype)


@op(out=True)
def logsumexp(input: Array, dim: Dims, keepdim: bool = False):
    """log(sum(exp(input))) over dims, without overflow."""
    x = _promote.widened(_promote.floating(input))
    found = jax.scipy.special.logsumexp(x, normalize_dims(dim, x.ndim), keepdims=keepdim)
    return _promote.cast(found, _promote.dtype_of(_promote.floating(input)))


# --- spread -------------------------------------------------------------------------------------


def _spread(
    input: jax.Array, dim: Dims, correction: float, keepdim: bool, name: str = "std and var"
):
    if _promote.is_integral(input):
        raise RuntimeError(f"{name} only support floating point and complex dtypes")
    x = _promote.widened(input)
    dims = normalize_dims(dim, x.ndim)
    count = math.prod(x.shape[d] for d in dims)
    average = _average(x, dims, True)
    centred = x - average
    squares = jnp.square(jnp.abs(centred)) if jnp.iscomplexobj(x) else centred * centred
    freedom = _promote.divisor(count - correction if count > correction else 0, squares)
    variance = jnp.sum(squares, dims, keepdims=keepdim) / freedom
    return variance, average if keepdim else lax.squeeze(average, dims)


@op(out=True, name="VarBackward0")
def _var(input: Array, dim: Dims, correction: float, keepdim: bool):
    return _spread(input, dim, correction, keepdim)[0].astype(jnp.finfo(input.dtype).dtype)


@op(out=True, name="StdBackward0")
def _std(input: Array, dim: Dims, correction: float, keepdim: bool):
    variance = _spread(input, dim, correction, keepdim)[0]
    return norms.safe_sqrt(variance).astype(jnp.finfo(input.dtype).dtype)


@op(name="VarMeanBackward0")
def _var_mean(input: Array, dim: Dims, correction: float, keepdim: bool):
    variance, average = _spread(input, dim, correction, keepdim, "var_mean")
    return variance.astype(jnp.finfo(input.dtype).dtype), average.astype(input.dtype)


@op(name="StdMeanBackward0")
def _std_mean(input: Array, dim: Dims, correction: float, keepdim: bool):
    variance, average = _spread(input, dim, correction, keepdim, "std_mean")
    root = norms.safe_sqrt(variance)
    return root.astype(jnp.finfo(input.dtype).dtype), average.astype(input.dtype)


def _which_spread(dim, unbiased, correction):
    """torch's three spellings: std(True), std(dim, unbiased), std(dim, correction=)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is not None and unbiased is not None:
        raise TypeError("unbiased and correction exclude each other: give one of them")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return dim, correction


@numpy_names
def var(input, dim: Dims = None, unbiased=None, keepdim=False, *, correction=None, out=None):
    """The variance over dims (all), divided by n - correction (1)."""
    dim, correction = _which_spread(dim, unbiased, correction)
    return _var(input, dim, correction, keepdim, out=out)


@numpy_names
def std(input, dim: Dims = None, unbiased=None, keepdim=False, *, correction=None, out=None):
    """The standard deviation: the root of var. Its derivative where it is 0 is 0."""
    dim, correction = _which_spread(dim, unbiased, correction)
    return _std(input, dim, correction, keepdim, out=out)


@numpy_names
def var_mean(input, dim: Dims = None, unbiased=None, keepdim=False, *, correction=None):
    """(var, mean)."""
    dim, correction = _which_spread(dim, unbiased, correction)
    return _var_mean(input, dim, correction, keepdim)


@numpy_names
def std_mean(input, dim: Dims = None, unbiased=None, keepdim=False, *, correction=None):
    """(std, mean)."""
    dim, correction = _which_spread(dim, unbiased, correction)
    return _std_mean(input, dim, correction, keepdim)


# --- extremes -----------------------------------------------------------------------------------

_MATCH = (
    "Expected the dtype for input and out to match, but got {have.legacy} for input's dtype and "
    "{got.legacy} for out's dtype."
)


@op(out=_MATCH)
def amax(input: Array, dim: Dims = (), keepdim: bool = False):
    """The largest over dims (all). Equal ones share the gradient."""
    return _extreme("amax", "max_values_cpu", jnp.max, input, dim, keepdim)


@op(out=_MATCH)
def amin(input: Array, dim: Dims = (), keepdim: bool = False):
    """The smallest over dims (all). Equal ones share the gradient."""
    return _extreme("amin", "min_values_cpu", jnp.min, input, dim, keepdim)


def _extreme(name: str, kernel: str, reduce, input: jax.Array, dim: Dims, keepdim: bool):
    _promote.refuse(input, "c", kernel)
    dims = normalize_dims(dim, input.ndim)
    for d in dims if dim not in (None, ()) else [None]:
        require_elements(name, input, d)
    return reduce(input, dims, keepdims=keepdim)


@op(out=True, name="MaxBackward1")
def _max_all(input: Array):
    _promote.refuse(input, "c", "max_all")
    require_elements("max", input, None)
    return jnp.max(input)


@op(out=True, name="MinBackward1")
def _min_all(input: Array):
    _promote.refuse(input, "c", "min_all")
    require_elements("min", input, None)
    return jnp.min(input)


@op(out="same", result=return_types.max, name="MaxBackward0")
def _max_dim(input: Array, dim: int, keepdim: bool):
    return _extreme_at("max", jnp.max, input, dim, keepdim)


@op(out="same", result=return_types.min, name="MinBackward0")
def _min_dim(input: Array, dim: int, keepdim: bool):
    return _extreme_at("min", jnp.min, input, dim, keepdim)


def _extreme_at(name: str, reduce, input: jax.Array, dim: int, keepdim: bool):
    if jnp.iscomplexobj(input):
        raise RuntimeError(f"{name}(): does not support complex input")
    dim = normalize_dim(dim, input.ndim)
    require_elements(name, input, dim)
    value, index = _extreme_and_index(at_least_1d(input), reduce, dim)
    if input.ndim and keepdim:
        return lax.expand_dims(value, [dim]), lax.expand_dims(index, [dim])
    return value, index


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _extreme_and_index(x: jax.Array, reduce, dim: int):
    value = reduce(x, dim)
    return value, _first_place(x, value, dim)


@_extreme_and_index.defjvp
def _extreme_and_index_jvp(reduce, dim, primals, tangents):
    (x,), (moving,) = primals, tangents
    value, index = _extreme_and_index(x, reduce, dim)
    moved = pick(moving, index, dim)
    return (value, index), (moved, np.zeros(index.shape, jax.dtypes.float0))


def _first_place(x: jax.Array, value: jax.Array, dim: int) -> jax.Array:
    """Where the extreme ``value`` is first, or the first NaN.

    ``lax.argmax`` is one pass, but XLA's CPU code for it is scalar: 6.7 ms for (1024, 512), 1.2 so.
    """
    here = (x == lax.expand_dims(value, [dim])) | (x != x)
    places = lax.broadcasted_iota(jnp.int32, x.shape, dim)
    return jnp.min(jnp.where(here, places, x.shape[dim]), dim).astype(index_dtype())


def pick(x: jax.Array, index: jax.Array, dim: int) -> jax.Array:
    """The element of x at ``index`` along dim. The gradient goes there, by a select: a scatter is
    ten times slower on a CPU."""
    places = lax.broadcasted_iota(index.dtype, x.shape, dim)
    here = places == lax.expand_dims(index, [dim])
    if x.dtype == jnp.bool_:
        return jnp.any(x & here, dim)
    return jnp.sum(jnp.where(here, x, jnp.zeros_like(x)), dim, dtype=x.dtype)


@numpy_names
def max(input, dim=None, keepdim=False, *, other=None, out=None):
    """The largest of all; along a dim, (values, indices); of two tensors, maximum."""
    return _max_or_min(arithmetic.maximum, _max_all, _max_dim, input, dim, keepdim, other, out)


@numpy_names
def min(input, dim=None, keepdim=False, *, other=None, out=None):
    """The smallest of all; along a dim, (values, indices); of two tensors, minimum."""
    return _max_or_min(arithmetic.minimum, _min_all, _min_dim, input, dim, keepdim, other, out)


def _max_or_min(pairwise, over_all, over_dim, input, dim, keepdim, other, out):
    if other is None and dim is not None and not isinstance(dim, int):
        dim, other = None, dim
    if other is not None:
        return pairwise(input, other, out=out)
    if dim is None:
        return over_all(input, out=out)
    return over_dim(input, dim, keepdim, out=out)


@op(nondiff=True, out="same")
def argmax(input: Array, dim: int | None = None, keepdim: bool = False):
    """The index of the first largest, along dim or in the flattened tensor."""
    return _arg("argmax", jnp.max, input, dim, keepdim)


@op(nondiff=True, out="same")
def argmin(input: Array, dim: int | None = None, keepdim: bool = False):
    """The index of the first smallest, along dim or in the flattened tensor."""
    return _arg("argmin", jnp.min, input, dim, keepdim)


def _arg(name: str, reduce, input: jax.Array, dim: int | None, keepdim: bool):
    if jnp.iscomplexobj(input):
        raise RuntimeError(f"{name}(): does not support complex input")
    if input.dtype == jnp.bool_:
        raise RuntimeError(f"{name}(): does not support bool input")
    if dim is None:
        if not input.size:
            raise IndexError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0."
            )
        flat = input.reshape(-1)
        found = _first_place(flat, reduce(flat, 0), 0)
        return found.reshape((1,) * input.ndim) if keepdim else found
    dim = normalize_dim(dim, input.ndim)
    require_elements(name, input, dim)
    x = at_least_1d(input)
    found = _first_place(x, reduce(x, dim), dim)
    return lax.expand_dims(found, [dim]) if keepdim and input.ndim else found


@op(out="same", result=return_types.aminmax)
def aminmax(input: Array, *, dim: int | None = None, keepdim: bool = False):
    """(min, max) over a dim, or over all."""
    if dim is None and not input.size:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
        )
    dims = normalize_dims(dim, input.ndim)
    return (
        _extreme("aminmax", "aminmax_cpu", jnp.min, input, dims, keepdim),
        _extreme("aminmax", "aminmax_cpu", jnp.max, input, dims, keepdim),
    )


# --- truth and counts ---------------------------------------------------------------------------


def _truth_rule(name: str):
    def refuse(result, out) -> None:
        if out.dtype not in (dtypes.bool, dtypes.uint8):
            raise RuntimeError(
                f"{name} only supports bool tensor for result, got: {out.dtype.legacy}"
            )

    return refuse


@op(nondiff=True, out=_truth_rule("all"))
def all(input: Array, dim: Dims = None, keepdim: bool = False):
    """Whether all are non-zero: bool, or uint8 of uint8."""
    return _truth(jnp.all, input, dim, keepdim)


@op(nondiff=True, out=_truth_rule("any"))
def any(input: Array, dim: Dims = None, keepdim: bool = False):
    """Whether any is non-zero: bool, or uint8 of uint8."""
    return _truth(jnp.any, input, dim, keepdim)


def _truth(reduce, input: jax.Array, dim: Dims, keepdim: bool):
    found = reduce(input != 0, normalize_dims(dim, input.ndim), keepdims=keepdim)
    return found.astype(jnp.uint8) if input.dtype == jnp.uint8 else found


@op(nondiff=True)
def count_nonzero(input: Array, dim: Dims = None):
    """How many are not zero, over dims (all)."""
    return jnp.sum(input != 0, normalize_dims(dim, input.ndim), dtype=index_dtype())


# --- bits ---------------------------------------------------------------------------------------


@op(nondiff=True, out="Expected result to be of dtype uint64, but got {got.legacy}")
def hash_tensor(input: Array, dim: Dims = (), *, keepdim: bool = False, mode: int = 0):
    """The xor over dims of the bits of the elements as float64 or int64, a uint64."""
    if mode != 0:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    _promote.refuse(input, "c", "hash_tensor_cpu")
    wide = jnp.int64 if _promote.is_integral(input) else jnp.float64
    bits = lax.bitcast_convert_type(input.astype(wide), jnp.uint64)
    dims = normalize_dims(dim, input.ndim)
    found = lax.reduce(bits, np.uint64(0), lax.bitwise_xor, dims)
    return lax.expand_dims(found, dims) if keepdim else found
