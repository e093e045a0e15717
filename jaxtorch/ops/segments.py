"""Reductions of a tensor's consecutive segments along a dim."""

from __future__ import annotations

import math
from functools import partial

import jax
from jax import lax, numpy as jnp
from jax.ops import segment_max, segment_min, segment_prod, segment_sum

from jaxtorch.ops import _promote
from jaxtorch.ops._dims import normalize_dim
from jaxtorch.ops._op import Array, check, op

_REDUCTIONS = ("sum", "prod", "mean", "max", "min")
_IDENTITIES = {"sum": 0.0, "prod": 1.0, "mean": 0.0, "max": -math.inf, "min": math.inf}


def segment_reduce(
    data, reduce: str, *, lengths=None, indices=None, offsets=None, axis: int = 0,
    unsafe: bool = False, initial: float | None = None,
):  # fmt: skip
    """The sum, prod, mean, max or min of each segment along axis, given by lengths or offsets.

    An empty segment gives ``initial``, or what the reduction gives of nothing (mean: NaN). Lengths
    that do not cover data raise RuntimeError unless ``unsafe``.
    """
    if reduce.removeprefix("a") not in _REDUCTIONS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    bounds = lengths if offsets is None else offsets
    axis = normalize_dim(axis, data.ndim)
    if axis != bounds.ndim - 1:
        raise RuntimeError(
            f"segment_reduce(): Expected axis to be the last dimension of "
            f"{'lengths' if offsets is None else 'offsets'} but got {axis}."
        )
    start = None if initial is None else float(initial)
    by_length = offsets is None
    return _segment_reduce(data, bounds, reduce.removeprefix("a"), start, by_length, bool(unsafe))


@op(name="SegmentReduceBackward0")
def _segment_reduce(
    data: Array, bounds: Array, reduce: str, initial: float | None, by_length: bool, unsafe: bool
):
    _promote.refuse(data, "biuc", "_segment_reduce_cpu")
    x = _promote.widened(data)
    starts = bounds
    if by_length:
        ends = jnp.cumsum(bounds, -1)
        starts = jnp.concatenate([jnp.zeros_like(ends[..., :1]), ends], -1)
    one = partial(_reduced, reduce=reduce, initial=initial)
    for _ in range(bounds.ndim - 1):
        one = jax.vmap(one)
    out = _promote.cast(one(x, starts), _promote.dtype_of(data))
    if by_length and not unsafe:
        whole = ends[..., -1] == data.shape[bounds.ndim - 1]
        out = check(out, bounds >= 0, bounds, "lengths contains negative value!", RuntimeError)
        out = check(
            out, whole, ends[..., -1],
            "segment_reduce(): Expected all rows of lengths along axis to sum to "
            "data.size(lengths.dim()-1) when !unsafe.", RuntimeError,
        )  # fmt: skip
    return out


def _reduced(x: jax.Array, starts: jax.Array, reduce: str, initial: float | None) -> jax.Array:
    count = starts.shape[0] - 1
    places = lax.iota(starts.dtype, x.shape[0])
    segment = jnp.searchsorted(starts, places, side="right") - 1
    segment = jnp.where(segment < 0, count, segment)  # count: in no segment
    begin = _IDENTITIES[reduce] if initial is None else initial
    if reduce == "prod":
        return begin * _product(x, segment, count)
    if reduce in ("max", "min"):
        choose = segment_max if reduce == "max" else segment_min
        found = _extreme(x, segment, choose, count)
        beyond = begin > found if reduce == "max" else begin < found
        return jnp.where(beyond, jnp.asarray(begin, x.dtype), found)
    total = begin + segment_sum(x, segment, count)
    if reduce == "sum":
        return total
    sizes = jnp.diff(starts).reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype)
    nothing = math.nan if initial is None else begin
    return jnp.where(sizes == 0, nothing, total / jnp.where(sizes == 0, 1, sizes))


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _extreme(x, segment, choose, count):
    return choose(x, segment, count)


@_extreme.defjvp
def _extreme_jvp(choose, count, primals, tangents):
    # equal ones share the gradient
    (x, segment), (moving, _) = primals, tangents
    found = _extreme(x, segment, choose, count)
    here = x == found.at[segment].get(mode="fill", fill_value=jnp.nan)
    shares = segment_sum(here.astype(x.dtype), segment, count)
    moved = segment_sum(jnp.where(here, moving, 0), segment, count)
    return found, moved / jnp.maximum(shares, 1)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _product(x, segment, count):
    return segment_prod(x, segment, count)


@_product.defjvp
def _product_jvp(count, primals, tangents):
    # the product of the others, also where one of them is 0
    (x, segment), (moving, _) = primals, tangents
    zero = x == 0
    zeros = segment_sum(zero.astype(x.dtype), segment, count)
    rest = _product(jnp.where(zero, 1, x), segment, count)

    def of(values):
        return values.at[segment].get(mode="fill", fill_value=0)

    others = of(rest) / jnp.where(zero, 1, x)
    others = jnp.where(of(zeros) == zero, others, 0)
    return _product(x, segment, count), segment_sum(others * moving, segment, count)
