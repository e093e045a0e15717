"""Counting: bincount, and histograms in one dimension or several."""

from __future__ import annotations

import jax
from jax import numpy as jnp

from jaxtorch import dtypes, return_types
from jaxtorch.ops import _promote
from jaxtorch.ops._op import Array, Arrays, check, index_dtype, op
from jaxtorch.ops.creation import _line
from jaxtorch.ops.sorting import _search, _values


def bincount(input, weights=None, minlength=0):
    """How often each of 0, 1, 2, ... occurs, or the sums of their weights."""
    if input.dtype.category != dtypes.INT:
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{input.dtype.legacy}'")
    array = _values(input)
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is not None and weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    return _bincount(input, weights, max(minlength, int(array.max()) + 1 if array.size else 0))


@op(nondiff=True)
def _bincount(input: Array, weights: Array | None, length: int):
    if weights is None:
        weights = jnp.ones(input.shape, index_dtype())
    elif weights.dtype != jnp.float32:
        weights = _promote.cast(weights, dtypes.float64)
    return jnp.zeros(length, weights.dtype).at[input].add(weights)


@op(nondiff=True, out="same")
def histc(input: Array, bins: int = 100, min: float = 0, max: float = 0):
    """How many elements fall in each of ``bins`` equal parts of [min, max] (0, 0: of the data)."""
    _promote.refuse(input, "biuc", "histogram_cpu")
    if bins <= 0:
        raise RuntimeError(f"bins must be > 0, but got {bins}")
    if min > max:
        raise RuntimeError("torch.histc: max must be larger than min")
    x = _promote.widened(input.reshape(-1))
    low, high = jnp.asarray(min, x.dtype), jnp.asarray(max, x.dtype)
    if min == max and x.size:
        low, high = jnp.min(x), jnp.max(x)
    low = _finite(low, high, "torch.histc: range is not finite")
    same = low == high
    low, high = jnp.where(same, low - 1, low), jnp.where(same, high + 1, high)
    inside = (x >= low) & (x <= high)
    place = jnp.clip(((x - low) / (high - low) * bins).astype(jnp.int32), 0, bins - 1)
    return jnp.zeros(bins, x.dtype).at[place].add(inside.astype(x.dtype)).astype(input.dtype)


def _check_points(input, weight, shape) -> None:
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f"\"histogramdd\" not implemented for '{input.dtype.legacy}'")
    if weight is not None and tuple(weight.shape) != shape:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the "
            "input tensor excluding its innermost dimension, but got input with shape "
            f"{list(input.shape)} and weight with shape {list(weight.shape)}"
        )


def histogram(input, bins, *, range=None, weight=None, density=False, out=None):
    """(counts, edges) of ``bins`` equal parts, or of the parts between given edges."""
    _check_points(input, weight, tuple(input.shape))
    if isinstance(bins, int):
        low, high = range or (0.0, 0.0)
        return _histogram(input, weight, bins, float(low), float(high), density, out=out)
    return _histogram_at(input, bins, weight, density, out=out)


@op(nondiff=True, out="same", result=return_types.histogram)
def _histogram(
    input: Array, weight: Array | None, bins: int, low: float, high: float, density: bool
):
    _promote.refuse(input, "biu", "histogramdd")
    x = input.reshape(-1)
    return _counted(x, _edges(x, bins, low, high), weight, density)


def _finite(low: jax.Array, high: jax.Array, text: str):
    finite = jnp.isfinite(low) & jnp.isfinite(high)
    return check(low, finite, jnp.zeros((), jnp.int32), text, RuntimeError)


def _edges(x: jax.Array, bins: int, low: float, high: float, dim: int = 0):
    """``bins`` + 1 evenly spaced edges from ``low`` to ``high`` (equal: of the data)."""
    if bins <= 0:
        raise RuntimeError(
            f"torch.histogram(): bins must be > 0, but got {bins} for dimension {dim}"
        )
    if low > high:
        raise RuntimeError(
            f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for "
            f"dimension {dim}"
        )
    start, stop = jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype)
    if low == high:
        start, stop = (jnp.min(x), jnp.max(x)) if x.size else (start, stop + 1)
    start = _finite(start, stop, f"torch.histogramdd: dimension {dim}'s range is not finite")
    same = start == stop
    start, stop = jnp.where(same, start - 0.5, start), jnp.where(same, stop + 0.5, stop)
    return _line(bins + 1, start, stop, _promote.dtype_of(x))


@op(nondiff=True, out="same", result=return_types.histogram)
def _histogram_at(input: Array, edges: Array, weight: Array | None, density: bool):
    return _counted(input.reshape(-1), edges, weight, density)


def _place(x: jax.Array, edges: jax.Array, dim: int = 0):
    """The bin of each of ``x``, and whether it lies in any; the last bin has its upper edge."""
    if edges.ndim != 1:
        raise RuntimeError(
            "torch.histogramdd: bins tensor should have one dimension, but got "
            f"{edges.ndim} dimensions in the bins tensor for dimension {dim}"
        )
    place = jnp.clip(_search(edges, x, True, False) - 1, 0, edges.shape[0] - 2)
    return place, (x >= edges[0]) & (x <= edges[-1])


def _counted(x: jax.Array, edges: jax.Array, weight: jax.Array | None, density: bool):
    place, inside = _place(x, edges)
    each = inside.astype(x.dtype) if weight is None else jnp.where(inside, weight.reshape(-1), 0)
    counts = jnp.zeros(edges.shape[0] - 1, x.dtype).at[place].add(each)
    if density:
        counts = counts / jnp.sum(counts) / jnp.diff(edges)
    return counts, edges


def histogramdd(input, bins, *, range=None, weight=None, density: bool = False):
    """(counts, edges) of points, the rows of ``input``, in boxes.

    ``bins``: how many parts each dimension has (one number, or one a dimension), or the edges
    themselves, a vector a dimension. ``range``: the lowest and highest edge of each in turn.
    """
    if input.ndim < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    n = input.shape[-1]
    if isinstance(bins, int):
        bins = (bins,) * n
    if len(bins) != n:
        raise RuntimeError(
            f"torch.histogramdd: expected {n} sequences of bin edges for a {n}-dimensional "
            f"histogram but got {len(bins)}"
            if _given_edges(bins)
            else "histogramdd: The size of bins must be equal to the innermost dimension of the "
            "input."
        )
    _check_points(input, weight, tuple(input.shape[:-1]))
    if not _given_edges(bins):
        ends = None if range is None else tuple(map(float, range))
        if ends is not None and len(ends) != 2 * n:
            raise RuntimeError(
                f"torch.histogramdd: for a {n}-dimensional histogram range should have {2 * n} "
                f"elements, but got {len(ends)}"
            )
        found = _edges_of(input, tuple(bins), ends)
        bins = found if isinstance(found, tuple) else (found,)
    counts = _histogramdd(input, bins, weight, density)
    return return_types.histogramdd(counts, tuple(bins))


def _given_edges(bins) -> bool:
    return not all(isinstance(b, int) for b in bins)


@op(nondiff=True)
def _edges_of(input: Array, bins: tuple, ends: tuple | None):
    return tuple(
        _edges(x, n, *((0.0, 0.0) if ends is None else ends[2 * d : 2 * d + 2]), d)
        for d, (n, x) in enumerate(zip(bins, jnp.moveaxis(input, -1, 0), strict=True))
    )


@op(nondiff=True)
def _histogramdd(input: Array, edges: Arrays, weight: Array | None, density: bool):
    _promote.refuse(input, "biuc", "histogramdd")
    points = input.reshape((-1, input.shape[-1])).T
    each, shape = jnp.ones(points.shape[1], input.dtype), tuple(e.shape[0] - 1 for e in edges)
    if weight is not None:
        each = weight.reshape(-1)
    places = []
    for d, (x, edge) in enumerate(zip(points, edges, strict=True)):
        place, inside = _place(x, edge, d)
        places.append(place)
        each = jnp.where(inside, each, 0)
    counts = jnp.zeros(shape, input.dtype).at[tuple(places)].add(each)
    if density:
        counts = counts / jnp.sum(counts)
        for d, edge in enumerate(edges):
            width = jnp.diff(edge)
            counts = counts / width.reshape((1,) * d + (-1,) + (1,) * (len(shape) - d - 1))
    return counts
