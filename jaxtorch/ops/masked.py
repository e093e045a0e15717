"""``torch.masked``: reductions and normalizations of the elements at which a mask is True.

What is masked out counts as the identity of the operation: 0 in a sum, -inf in a maximum.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from jaxtorch import dtypes
from jaxtorch.dtypes import dtype as DType
from jaxtorch.ops import (
    activation,
    arithmetic,
    comparison,
    conversion,
    creation,
    cumulative,
    pointwise,
    reduction,
    sorting,
    views,
)
from jaxtorch.ops._dims import Dims, normalize_dim
from jaxtorch.ops.linalg import norms as linalg_norms


def _lowest(d: DType) -> float:
    return -math.inf if d.category >= dtypes.FLOAT else dtypes.iinfo(d).min


def _highest(d: DType) -> float:
    return math.inf if d.category >= dtypes.FLOAT else dtypes.iinfo(d).max


def _mask_of(input, mask):
    """The mask with the shape of input, as bools."""
    if mask.ndim > input.ndim:
        raise IndexError(
            "_input_mask expected broadcastable mask (got mask dimensionality higher than of the "
            "input)"
        )
    return conversion.to(views.broadcast_to(mask, input.shape), dtypes.bool)


def _filled(name: str, input, mask, identity: float | Callable[[DType], float]):
    """input with the identity of an operation where the mask is False."""
    if mask is None:
        return input
    if callable(identity):
        if input.dtype is dtypes.bool or (input.dtype.is_complex and name != "logsumexp"):
            raise NotImplementedError(f"identity of {name} on {input.dtype} input")
        identity = identity(input.dtype)
    fill = creation.full((), identity, dtype=input.dtype, device=input.device)
    return arithmetic.where(_mask_of(input, mask), input, fill)


def _dims(dim: Dims, ndim: int) -> tuple[int, ...]:
    """The dims to reduce, sorted; all of them for None and ()."""
    if dim is None or dim == ():
        return tuple(range(ndim))
    found = []
    for d in (dim,) if isinstance(dim, int) else dim:
        if d in found:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
        found.append(normalize_dim(d, ndim))
    return tuple(sorted(found))


def _accumulated(input, dtype: DType | None) -> DType:
    if dtype is not None:
        return dtype
    return input.dtype if input.dtype.category >= dtypes.FLOAT else dtypes.int64


# --- reductions ---------------------------------------------------------------------------------


def sum(input, dim: Dims = None, *, keepdim=False, dtype: DType | None = None, mask=None):
    """The sum over dims; of nothing, 0."""
    x = _filled("sum", input, mask, 0)
    dtype = _accumulated(input, dtype)
    return reduction.sum(x, _dims(dim, input.ndim), bool(keepdim), dtype=dtype)


def prod(input, dim: Dims = None, *, keepdim=False, dtype: DType | None = None, mask=None):
    """The product over dims; of nothing, 1."""
    x = conversion.to(_filled("prod", input, mask, 1), _accumulated(input, dtype))
    for d in reversed(_dims(dim, input.ndim)):
        x = reduction.prod(x, d, bool(keepdim))
    return x


def amax(input, dim: Dims = None, *, keepdim=False, dtype: DType | None = None, mask=None):
    """The largest over dims; of nothing, the lowest number of the dtype."""
    x = _filled("amax", input, mask, _lowest)
    found = reduction.amax(x, _dims(dim, input.ndim), bool(keepdim))
    return conversion.to(found, dtype or input.dtype)


def amin(input, dim: Dims = None, *, keepdim=False, dtype: DType | None = None, mask=None):
    """The smallest over dims; of nothing, the highest number of the dtype."""
    x = _filled("amin", input, mask, _highest)
    found = reduction.amin(x, _dims(dim, input.ndim), bool(keepdim))
    return conversion.to(found, dtype or input.dtype)


def argmax(input, dim: int | None = None, *, keepdim=False, dtype: DType | None = None, mask=None):
    """The index of the largest, in ``dtype``: as in torch, input's own unless told otherwise."""
    x = _filled("argmax", input, mask, _lowest)
    return conversion.to(reduction.argmax(x, dim, bool(keepdim)), dtype or input.dtype)


def argmin(input, dim: int | None = None, *, keepdim=False, dtype: DType | None = None, mask=None):
    """The index of the smallest, in ``dtype``: as in torch, input's own unless told otherwise."""
    x = _filled("argmin", input, mask, _highest)
    return conversion.to(reduction.argmin(x, dim, bool(keepdim)), dtype or input.dtype)


def _count(input, dim: Dims, keepdim: bool, mask):
    if mask is None:
        mask = creation.ones((), dtype=dtypes.bool, device=input.device)
    return reduction.sum(_mask_of(input, mask), _dims(dim, input.ndim), keepdim)


def mean(input, dim: Dims = None, *, keepdim=False, dtype: DType | None = None, mask=None):
    """The mean over dims; of nothing, NaN."""
    wanted = dtype or input.dtype
    if wanted.category < dtypes.FLOAT:
        raise ValueError(
            f"mean(): Could not infer output dtype. {'Input' if dtype is None else 'Optional'} "
            f"dtype must be either a floating point or complex dtype. Got: {wanted}"
        )
    total = sum(input, dim, keepdim=keepdim, dtype=wanted, mask=mask)
    return arithmetic.div(total, _count(input, dim, bool(keepdim), mask))


def median(input, dim: int = -1, *, keepdim=False, dtype: DType | None = None, mask=None):
    """The median along dim, the lower of two; of nothing NaN, which integers cannot be."""
    floating = input.dtype.is_floating_point
    x = input if floating else conversion.to(input, dtypes.float32)
    x = _filled("median", x, mask, math.nan)
    found = sorting.nanmedian(x, normalize_dim(dim, input.ndim), keepdim).values
    if floating:
        return found
    if reduction.any(comparison.isnan(found)):
        raise ValueError(
            "masked median expects no fully masked out rows if dtype is not floating point"
        )
    return conversion.to(found, dtype or input.dtype)


def logsumexp(input, dim: Dims = None, *, keepdim=False, dtype: DType | None = None, mask=None):
    """log(sum(exp(input))) over dims; of nothing, -inf."""
    x = _filled("logsumexp", input, mask, _lowest)
    found = reduction.logsumexp(x, _dims(dim, input.ndim), keepdim)
    return conversion.to(found, dtype or input.dtype)


def norm(
    input, ord: float | None = 2.0, dim: Dims = None, *, keepdim=False, dtype: DType | None = None,
    mask=None,
):  # fmt: skip
    """The vector norm over dims; of nothing 0, and inf for the order -inf."""
    order = 2.0 if ord is None else ord
    x = _filled("norm", input, mask, math.inf if order == -math.inf else 0)
    dims = _dims(dim, input.ndim)
    return linalg_norms.vector_norm(x, order, dims, bool(keepdim), dtype=dtype or input.dtype)


def var(
    input, dim: Dims = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim=False, dtype: DType | None = None, mask=None,
):  # fmt: skip
    """The variance over dims, divided by n - correction (1)."""
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    dtype = dtype or (input.dtype if input.dtype.category >= dtypes.FLOAT else dtypes.float32)
    compute = dtype if dtype.category >= dtypes.FLOAT else dtypes.float32
    total = sum(input, dim, keepdim=True, dtype=dtype, mask=mask)
    average = arithmetic.div(total, _count(input, dim, True, mask))
    centred = arithmetic.sub(input, average)
    squares = arithmetic.mul(centred, pointwise.conj(centred))
    total = sum(squares, dim, keepdim=keepdim, dtype=compute, mask=mask)
    freedom = conversion.to(_count(input, dim, bool(keepdim), mask), compute.to_real())
    freedom = arithmetic.clamp(arithmetic.sub(freedom, correction), 0)
    return conversion.to(arithmetic.div(total, freedom), dtype)


def std(
    input, dim: Dims = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim=False, dtype: DType | None = None, mask=None,
):  # fmt: skip
    """The standard deviation over dims: the root of var."""
    return pointwise.sqrt(
        var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask)
    )


# --- normalizations and running results: the shape stays ----------------------------------------


def softmax(input, dim: int, *, dtype: DType | None = None, mask=None):
    """softmax along dim; 0 where masked out."""
    x = _filled("amax", input, mask, _lowest)
    return activation.softmax(x, normalize_dim(dim, input.ndim), dtype=dtype or input.dtype)


def log_softmax(input, dim: int, *, dtype: DType | None = None, mask=None):
    """log_softmax along dim; -inf where masked out."""
    x = _filled("amax", input, mask, _lowest)
    return activation.log_softmax(x, normalize_dim(dim, input.ndim), dtype=dtype or input.dtype)


def softmin(input, dim: int, *, dtype: DType | None = None, mask=None):
    """softmin along dim; 0 where masked out."""
    x = _filled("amin", input, mask, _highest)
    return activation.softmin(x, normalize_dim(dim, input.ndim), dtype=dtype or input.dtype)


def normalize(
    input, ord: float, dim: int, *, eps: float = 1e-12, dtype: DType | None = None, mask=None
):
    """input over its norm along dim; the norm counts as at least eps."""
    dtype = dtype or input.dtype
    size = norm(input, ord, normalize_dim(dim, input.ndim), keepdim=True, dtype=dtype, mask=mask)
    x = _filled("sum", input, mask, 0)
    floor = creation.full((), eps, dtype=size.dtype, device=size.device)
    return arithmetic.div(x, arithmetic.maximum(size, floor))


def cumsum(input, dim: int, *, dtype: DType | None = None, mask=None):
    """The running sum along dim."""
    dtype = dtype or input.dtype
    x = _filled("cumsum", input, mask, 0)
    return cumulative.cumsum(x, normalize_dim(dim, input.ndim), dtype=dtype)


def cumprod(input, dim: int, *, dtype: DType | None = None, mask=None):
    """The running product along dim."""
    dtype = dtype or input.dtype
    x = _filled("cumprod", input, mask, 1)
    return cumulative.cumprod(x, normalize_dim(dim, input.ndim), dtype=dtype)


def logaddexp(input, other, *, dtype: DType | None = None, input_mask=None, other_mask=None):
    """log(exp(input) + exp(other)); what is masked out counts as -inf."""
    x = _filled("logaddexp", input, input_mask, _lowest)
    y = _filled("logaddexp", other, other_mask, _lowest)
    return conversion.to(arithmetic.logaddexp(x, y), dtype or input.dtype)
