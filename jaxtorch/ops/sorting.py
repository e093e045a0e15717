"""Order and its statistics: sort, topk, median, mode, quantile, search, unique, histograms."""

from __future__ import annotations

import math

import jax
import numpy as np
from jax import lax, numpy as jnp

from jaxtorch import return_types
from jaxtorch.engine.trace import is_traced
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import at_least_1d, normalize_dim, require_elements
from jaxtorch.ops._op import Array, Operand, check, index_dtype, numpy_names, op
from jaxtorch.ops.data import is_tensor
from jaxtorch.ops.reduction import pick

# --- order --------------------------------------------------------------------------------------


def _ordered(x: jax.Array, dim: int, descending: bool = False):
    """(values, indices) in stable order. NaN is the greatest, as in torch."""
    places = lax.broadcasted_iota(index_dtype(), x.shape, dim)
    if not descending:
        return lax.sort((x, places), dimension=dim, is_stable=True, num_keys=1)
    # Reversed, sorted and reversed again: equal elements keep their order.
    both = tuple(lax.rev(a, (dim,)) for a in (x, places))
    both = lax.sort(both, dimension=dim, is_stable=True, num_keys=1)
    return tuple(lax.rev(a, (dim,)) for a in both)


def _sort_name(avals, statics) -> str:
    return f"SortBackward{int(statics['stable'] is not None)}"


@op(out="same", result=return_types.sort, name=_sort_name)
def sort(input: Array, dim: int = -1, descending: bool = False, *, stable: bool | None = None):
    """(values, indices) in order along dim; always stable."""
    if jnp.iscomplexobj(input):
        raise RuntimeError("Sort does not support complex dtypes on CPU")
    dim = normalize_dim(dim, input.ndim)
    values, indices = _ordered(at_least_1d(input), dim, descending)
    return values.reshape(input.shape), indices.reshape(input.shape)


@op(nondiff=True, out="same")
def argsort(input: Array, dim: int = -1, descending: bool = False, *, stable: bool = False):
    """The indices that sort along dim; always stable."""
    return sort.body(input, dim, descending)[1]


@op(out="same", name="SortBackward0")
def msort(input: Array):
    """The values in order along the first dim."""
    return sort.body(input, 0)[0]


@op(out="same", result=return_types.topk)
def topk(input: Array, k: int, dim: int = -1, largest: bool = True, sorted: bool = True):
    """(values, indices) of the k largest or smallest along dim, always in order."""
    if input.dtype.kind in "bc":
        kind = "bool" if input.dtype == jnp.bool_ else "complex"
        raise RuntimeError(f"topk does not support {kind} dtypes on CPU")
    d = normalize_dim(dim, input.ndim)
    x = at_least_1d(input)
    if not 0 <= k <= x.shape[d]:
        raise RuntimeError("selected index k out of range")
    if x.dtype in (jnp.float32, jnp.float16, jnp.bfloat16):
        values, indices = _top(x, k, d, largest)
    else:
        values, indices = _ordered(x, d, largest)
        values, indices = (lax.slice_in_dim(a, 0, k, axis=d) for a in (values, indices))
    return (values, indices) if input.ndim else (values[0], indices[0])


def _top(x: jax.Array, k: int, dim: int, largest: bool):
    """``lax.top_k``, for float32: 5 of (1024, 512) take 2 ms on a CPU, sorting them all 470."""
    # In XLA's total order NaN is the greatest if its sign is plus, and the least if minus.
    last = jnp.moveaxis(_promote.widened(x), dim, -1)
    last = jnp.where(last != last, jnp.nan, last)
    values, indices = lax.top_k(last if largest else -last, k)
    values = values if largest else -values
    indices = jnp.moveaxis(indices, -1, dim).astype(index_dtype())
    return jnp.moveaxis(values, -1, dim).astype(x.dtype), indices


def _nth(x: jax.Array, indices: jax.Array, n, dim: int, keepdim: bool):
    """(value, index) at rank n of sorted ``indices`` along dim."""
    index = lax.index_in_dim(indices, n, dim, keepdims=False)
    value = pick(x, index, dim)
    if keepdim:
        return lax.expand_dims(value, [dim]), lax.expand_dims(index, [dim])
    return value, index


@op(out="same", result=return_types.kthvalue)
def kthvalue(input: Array, k: int, dim: int = -1, keepdim: bool = False):
    """(value, index) of the k-th smallest along dim, counted from 1."""
    _promote.refuse(input, "bc", "kthvalue_cpu")
    d = normalize_dim(dim, input.ndim)
    x = at_least_1d(input)
    if not 1 <= k <= x.shape[d]:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {d}")
    return _nth(x, _ordered(x, d)[1], k - 1, d, keepdim and input.ndim > 0)


# --- middle and most frequent -------------------------------------------------------------------


@op(name="MedianBackward0")
def _median_all(input: Array):
    return _middle(input.reshape(-1), 0, False)[0] if input.size else _nothing(input)


@op(name="NanmedianBackward0")
def _nanmedian_all(input: Array):
    return _middle(input.reshape(-1), 0, True)[0] if input.size else _nothing(input)


def _nothing(input: jax.Array):
    return jnp.asarray(jnp.nan if not _promote.is_integral(input) else 0, input.dtype)


@op(out="same", result=return_types.median, name="MedianBackward1")
def _median_dim(input: Array, dim: int, keepdim: bool):
    return _median_along("median", input, dim, keepdim, False)


@op(out="same", result=return_types.nanmedian, name="NanmedianBackward1")
def _nanmedian_dim(input: Array, dim: int, keepdim: bool):
    return _median_along("nanmedian", input, dim, keepdim, True)


def _median_along(name: str, input: jax.Array, dim: int, keepdim: bool, skip_nan: bool):
    d = normalize_dim(dim, input.ndim)
    require_elements(name, input, d)
    value, index = _middle(at_least_1d(input), d, skip_nan)
    if keepdim and input.ndim:
        return lax.expand_dims(value, [d]), lax.expand_dims(index, [d])
    return value, index


def _middle(x: jax.Array, dim: int, skip_nan: bool):
    """(value, index) of the lower middle; of the first NaN if there is one and it counts."""
    _promote.refuse(x, "bc", "median_cpu")
    indices = _ordered(x, dim)[1]
    nan = jnp.sum(x != x, dim, keepdims=True, dtype=indices.dtype)
    size = x.shape[dim]
    if skip_nan:
        rank = jnp.maximum(size - nan - 1, 0) // 2
    else:
        rank = jnp.where(nan > 0, size - nan, (size - 1) // 2)
    index = lax.squeeze(jnp.take_along_axis(indices, rank, dim, mode="promise_in_bounds"), [dim])
    return pick(x, index, dim), index


@numpy_names
def median(input, dim=None, keepdim=False, *, out=None):
    """The lower median of all; along a dim, (values, indices). NaN if any is NaN."""
    if dim is None:
        return _median_all(input)
    return _median_dim(input, dim, keepdim, out=out)


@numpy_names
def nanmedian(input, dim=None, keepdim=False, *, out=None):
    """The lower median of what is not NaN; along a dim, (values, indices)."""
    if dim is None:
        return _nanmedian_all(input)
    return _nanmedian_dim(input, dim, keepdim, out=out)


@op(out="same", result=return_types.mode)
def mode(input: Array, dim: int = -1, keepdim: bool = False):
    """(value, index) of the most frequent along dim: of equally frequent ones the smallest, and of
    its places the last."""
    _promote.refuse(input, "c", "mode_cpu")
    d = normalize_dim(dim, input.ndim)
    require_elements("mode", input, d)
    x = at_least_1d(input)
    values, indices = _ordered(x, d)
    size = x.shape[d]
    places = lax.broadcasted_iota(indices.dtype, x.shape, d)
    before = lax.slice_in_dim(values, 0, -1, axis=d)
    after = lax.slice_in_dim(values, 1, None, axis=d)
    first = jnp.zeros_like(lax.slice_in_dim(values, 0, 1, axis=d), dtype=jnp.bool_)
    starts = lax.cummax(jnp.where(jnp.concatenate([first, after != before], d), places, 0), d)
    # the end of the longest run: argmax takes the first of several, which has the smallest value
    end = lax.argmax(places - starts, d, indices.dtype)
    place = lax.expand_dims(end, [d])
    index = lax.squeeze(jnp.take_along_axis(indices, place, d, mode="promise_in_bounds"), [d])
    value = pick(x, index, d)
    if keepdim and input.ndim and size:
        return lax.expand_dims(value, [d]), lax.expand_dims(index, [d])
    return value, index


# --- quantiles ----------------------------------------------------------------------------------


@numpy_names
def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
    """The q-th quantiles (q in [0, 1], a number or 1-d tensor) along dim, or of all elements."""
    return _quantile(input, _fraction(input, q), dim, keepdim, interpolation, False, out=out)


@numpy_names
def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
    """quantile of what is not NaN."""
    return _quantile(input, _fraction(input, q), dim, keepdim, interpolation, True, out=out)


def _fraction(input, q):
    if is_tensor(q) and q.dtype is not input.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if isinstance(q, (int, float)) and not 0 <= q <= 1:
        raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")
    return q


@op(out="same", name="SqueezeBackward4")
def _quantile(
    input: Array, q: Operand, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool
):
    if input.dtype not in (jnp.float32, jnp.float64):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    if q.ndim > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    if not input.size:
        raise RuntimeError("quantile() input tensor must be non-empty")
    d = None if dim is None else normalize_dim(dim, input.ndim)
    x = input.reshape(-1) if d is None else jnp.moveaxis(at_least_1d(input), d, -1)
    if x.ndim == 1:
        # every step below then has the rank of its result
        found = _quantile_along(x[None], q, interpolation, skip_nan)[:, 0]
    else:
        found = _quantile_along(x, q, interpolation, skip_nan)
    if d is None:
        found = found.reshape((-1, *([1] * input.ndim if keepdim else ())))
    elif keepdim:
        found = jnp.moveaxis(found, -1, d + 1) if input.ndim else found[..., 0]
    else:
        found = found[..., 0]
    return found if q.ndim else found[0]


def _quantile_along(x: jax.Array, q: jax.Array, interpolation: str, skip_nan: bool):
    """The quantiles along the last dim, which stays: (fractions, ..., 1)."""
    values = _ordered(x, x.ndim - 1)[0]
    nan = jnp.sum(x != x, -1, keepdims=True, dtype=x.dtype)
    last = x.shape[-1] - 1
    count = jnp.maximum(last - nan, 0) if skip_nan else jnp.full_like(nan, last)
    fractions = q.reshape((-1, *(1 for _ in x.shape))).astype(x.dtype)
    ranks = fractions * count[None]
    if not skip_nan:
        ranks = jnp.where(nan[None] > 0, jnp.asarray(last, x.dtype), ranks)
    return _between(values, ranks, interpolation)


def _between(values: jax.Array, ranks: jax.Array, interpolation: str):
    """The sorted values at fractional ranks."""
    if interpolation == "lower":
        ranks = jnp.floor(ranks)
    elif interpolation == "higher":
        ranks = jnp.ceil(ranks)
    elif interpolation == "nearest":
        ranks = jnp.round(ranks)
    shape = (ranks.shape[0], *values.shape)
    stacked = jnp.broadcast_to(values[None], shape)

    def at(rank):
        places = rank.astype(index_dtype())
        return jnp.take_along_axis(stacked, places, -1, mode="clip")

    below = jnp.floor(ranks)
    low = at(below)
    if interpolation in ("lower", "higher", "nearest"):
        return low
    weight = jnp.full_like(ranks, 0.5) if interpolation == "midpoint" else ranks - below
    high = at(jnp.ceil(ranks))
    difference = high - low
    return jnp.where(weight < 0.5, low + weight * difference, high - difference * (1 - weight))


# --- search -------------------------------------------------------------------------------------


@op(nondiff=True, out="same")
def searchsorted(
    sorted_sequence: Array, input: Operand, *, out_int32: bool = False, right: bool = False,
    side: str | None = None, sorter: Array | None = None,
):  # fmt: skip
    """Where to put input into sorted sequences (the last dim) so that they stay sorted."""
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if right and side == "left":
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    _check_sequences(sorted_sequence, input)
    found = None
    if sorter is not None:
        if sorter.shape != sorted_sequence.shape:
            raise RuntimeError(
                "torch.searchsorted(): boundary and sorter must have the same size, but got "
                f"boundary tensor {list(sorted_sequence.shape)}and got sorter tensor "
                f"{list(sorter.shape)}"
            )
        if sorter.dtype not in (jnp.int64, jnp.int32):
            raise RuntimeError(
                "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
                f"{_promote.dtype_of(sorter).legacy}"
            )
        found = (sorter >= 0) & (sorter < sorted_sequence.shape[-1])
        sorted_sequence = jnp.take_along_axis(sorted_sequence, sorter, -1, mode="clip")
    places = _search(sorted_sequence, input, right or side == "right", out_int32)
    if found is None:
        return places
    text = "torch.searchsorted(): sorter index out of range"
    return check(places, found, sorter, text, RuntimeError)


def _check_sequences(sequence: jax.Array, x: jax.Array) -> None:
    if sequence.ndim > 1 and not x.ndim:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor "
            f"dimension is 1, but we got boundaries tensor dim({sequence.ndim}) and input value's "
            "dim(0) numel(1)"
        )
    if sequence.ndim > 1 and sequence.shape[:-1] != x.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
            "dimensions of boundaries tensor and input value tensor must match, but we got "
            f"boundaries tensor {list(sequence.shape)} and input value tensor {list(x.shape)}"
        )


@op(nondiff=True, out="same")
def bucketize(input: Operand, boundaries: Array, *, out_int32: bool = False, right: bool = False):
    """The number of the bucket between sorted boundaries that each element falls in."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return _search(boundaries, input, right, out_int32)


def _search(sequence: jax.Array, x: jax.Array, right: bool, out_int32: bool):
    """Binary search, with torch's comparisons: what is NaN counts as passed by every value."""
    _promote.refuse(sequence, "b", "searchsorted_out_cpu")
    if x.ndim or (_promote.is_integral(sequence) and not _promote.is_integral(x)):
        kind = jnp.promote_types(sequence.dtype, x.dtype)
    else:
        kind = sequence.dtype
    sequence, x = sequence.astype(kind), x.astype(kind)
    n = sequence.shape[-1]
    if sequence.ndim == 1:
        first = jnp.zeros(x.shape, index_dtype())
    else:
        rows = jnp.arange(math.prod(x.shape[:-1]), dtype=index_dtype()) * n
        first = jnp.broadcast_to(rows.reshape((*x.shape[:-1], 1)), x.shape)
    flat = sequence.reshape(-1)

    def halve(_, ends):
        low, high = ends
        middle = low + (high - low) // 2
        value = flat.at[middle].get(mode="clip")
        further = ~(value > x if right else value >= x) & (low < high)
        return jnp.where(further, middle + 1, low), jnp.where(further, high, middle)

    low, _ = lax.fori_loop(0, n.bit_length(), halve, (first, first + n)) if n else (first, None)
    return (low - first).astype(jnp.int32 if out_int32 else index_dtype())


# --- what has a shape that depends on the data: evaluated, through NumPy ------------------------


@numpy_names
def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The different elements in order (or slices along dim); with them, where asked, the place of
    each element among them, and how often each occurs."""
    array = _values(input)
    axis = None if dim is None else normalize_dim(dim, array.ndim)
    found = np.unique(array, return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    values, inverse, counts = found
    inverse = inverse.reshape(array.shape if dim is None else -1)
    return _chosen(input, values, inverse, counts, return_inverse, return_counts)


@numpy_names
def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """The first of each run of equal elements (or slices along dim); see unique."""
    array = _values(input)
    axis = 0 if dim is None else normalize_dim(dim, array.ndim)
    runs = array.reshape(-1) if dim is None else array
    moved = np.moveaxis(runs, axis, 0)
    differs = (moved[1:] != moved[:-1]).any(tuple(range(1, moved.ndim)))
    starts = np.flatnonzero(np.concatenate([[True], differs])) if len(moved) else np.arange(0)
    inverse = np.cumsum(np.concatenate([[0], differs])) if len(moved) else np.arange(0)
    counts = np.diff(np.append(starts, len(moved)))
    inverse = inverse.reshape(array.shape if dim is None else -1)
    values = np.take(runs, starts, axis)
    return _chosen(input, values, inverse, counts, return_inverse, return_counts)


def _values(input) -> np.ndarray:
    if is_traced(input._read()):
        raise NotImplementedError(
            "the shape of the result depends on the data, which a jax trace does not know; call it "
            "outside of jit"
        )
    if input.dtype.is_complex:
        raise NotImplementedError(f"\"unique\" not implemented for '{input.dtype.legacy}'")
    return np.asarray(input.jax())


def _chosen(input, values, inverse, counts, return_inverse: bool, return_counts: bool):
    from jaxtorch.ops.data import wrap

    result = [wrap(values)]
    if return_inverse:
        result.append(wrap(inverse.astype(np.int64)))
    if return_counts:
        result.append(wrap(counts.astype(np.int64)))
    return result[0] if len(result) == 1 else tuple(result)


# --- covariance ---------------------------------------------------------------------------------


@op(name="SqueezeBackward0", prompt=True)
def cov(
    input: Array, *, correction: int = 1, fweights: Array | None = None,
    aweights: Array | None = None,
):  # fmt: skip
    """The covariances of the rows (variables) of a matrix of observations."""
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    if input.dtype == jnp.bool_:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = _promote.floating(jnp.atleast_2d(input))
    f, a = _weights(x, fweights, aweights)
    weights = f if a is None else a if f is None else f.astype(a.dtype) * a
    if weights is None:
        total, row = jnp.asarray(x.shape[1], jnp.finfo(x.dtype).dtype), None
        average = jnp.sum(x, 1, keepdims=True) / total
    else:
        x = x.astype(jnp.promote_types(x.dtype, weights.dtype))
        row = weights.astype(x.dtype)[None, :]
        total = jnp.sum(weights)
        none = "cov(): weights sum to zero, can't be normalized"
        total = check(total, total != 0, jnp.zeros((), jnp.int32), none, RuntimeError)
        average = jnp.sum(x * row, 1, keepdims=True) / total.astype(x.dtype)
    centred = x - average
    if a is None or correction == 0:
        freedom = total - correction
    else:
        freedom = total - correction * jnp.sum(weights * a) / total
    weighed = centred if row is None else centred * row
    found = weighed @ jnp.conj(centred.T) / jnp.maximum(freedom.real, 0).astype(x.dtype)
    return found if input.ndim == 2 and input.shape[0] > 1 else found.reshape(())


def _weights(x: jax.Array, fweights: jax.Array | None, aweights: jax.Array | None):
    """cov's two kinds of weights of the observations, once they are seen to be in order."""
    found = []
    for name, given, integral in (("fweights", fweights, True), ("aweights", aweights, False)):
        if given is None:
            found.append(None)
            continue
        if given.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
                f"{given.ndim} dimensions"
            )
        if _promote.is_integral(given) != integral:
            raise RuntimeError(
                f"cov(): expected {name} to have {'integral' if integral else 'floating point'} "
                f"dtype but got {name} with {_promote.dtype_of(given).legacy} dtype"
            )
        if given.size != x.shape[1]:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the "
                f"input but got {given.size} != {x.shape[1]}"
            )
        negative = f"cov(): {name} cannot be negative"
        zero = jnp.zeros((), jnp.int32)
        found.append(check(given.reshape(-1), given >= 0, zero, negative, RuntimeError))
    return found


@op(name="DivBackward0")
def corrcoef(input: Array):
    """The correlations of the rows (variables) of a matrix of observations."""
    found = cov.body(input)
    if input.ndim < 2 or input.shape[0] == 1:
        return (found / found).reshape(())
    deviation = jnp.sqrt(jnp.diagonal(found).real)
    found = found / deviation[:, None] / deviation[None, :]
    return found if jnp.iscomplexobj(found) else jnp.clip(found, -1, 1)
