"""Distances: between pairs of vectors, between all of them, and by angle."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from jaxtorch import dtypes
from jaxtorch.ops._dims import broadcast_shapes, broadcast_to, normalize_dim
from jaxtorch.ops._op import Array, numpy_names, op
from jaxtorch.ops._promote import floating


def _root(x):
    """sqrt with gradient 0 at 0, which is torch's for a norm."""
    positive = x > 0
    safe = jnp.where(positive, x, jnp.ones((), x.dtype))
    return jnp.where(positive, jnp.sqrt(safe), jnp.zeros((), x.dtype))


def _norm(x, p: float, axis: int, keepdims: bool = False):
    """The p-norm along ``axis``; at a zero vector its gradient is 0."""
    if jnp.iscomplexobj(x):
        x = _root(jnp.square(x.real) + jnp.square(x.imag))
    if p == 2:
        return _root(jnp.square(x).sum(axis, dtype=x.dtype, keepdims=keepdims))
    size = x * jnp.sign(x)  # whose derivative at 0 is 0
    if p == 0:
        return (x != 0).sum(axis, keepdims=keepdims).astype(x.dtype)
    if p == 1:
        return size.sum(axis, dtype=x.dtype, keepdims=keepdims)
    if math.isinf(p):
        return (size.max if p > 0 else size.min)(axis, keepdims=keepdims)
    total = jnp.where(size > 0, jnp.where(size > 0, size, 1) ** p, 0).astype(x.dtype)
    total = total.sum(axis, dtype=x.dtype, keepdims=keepdims)
    positive = total > 0
    safe = jnp.where(positive, total, jnp.ones((), x.dtype))
    return jnp.where(positive, safe ** (1 / p), jnp.zeros((), x.dtype))


@op(promote="arith")
def _pairwise(x1: Array, x2: Array, p: float, eps: float, keepdim: bool):
    shape = broadcast_shapes(x1.shape, x2.shape)
    gap = floating(broadcast_to(x1, shape) - broadcast_to(x2, shape))  # of bytes it wraps round
    gap = gap + jnp.full((), eps, gap.dtype)
    if not shape:
        gap = gap.reshape(1)
    return _norm(gap, p, -1, keepdim)


def pairwise_distance(x1, x2, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False):
    """The p-norm of x1 - x2 + eps along the last dimension."""
    return _pairwise(x1, x2, float(p), float(eps), keepdim)


@op(promote="float")
def _cosine(x1: Array, x2: Array, dim: int, eps: float):
    shape = broadcast_shapes(x1.shape, x2.shape)
    x1, x2 = broadcast_to(x1, shape), broadcast_to(x2, shape)
    axis = normalize_dim(dim, len(shape))
    if not shape:
        x1, x2 = x1.reshape(1), x2.reshape(1)
    dot = (x1 * x2).sum(axis, dtype=x1.dtype)
    # each norm is kept above eps, as a constant where it is below
    n1 = jnp.maximum(_norm(x1, 2, axis), jnp.full((), eps, x1.dtype))
    n2 = jnp.maximum(_norm(x2, 2, axis), jnp.full((), eps, x1.dtype))
    return dot / (n1 * n2)


@numpy_names
def cosine_similarity(x1, x2, dim: int = 1, eps: float = 1e-8):
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along ``dim``."""
    common = dtypes.promote_types(x1.dtype, x2.dtype)
    if not common.is_floating_point:
        raise RuntimeError(
            f"expected common dtype to be floating point, yet common dtype is {common.legacy}"
        )
    return _cosine(x1, x2, dim, float(eps))


def _check_cdist(x1, x2):
    for i, x in enumerate((x1, x2), 1):
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, X{i} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )


@op(promote="float", name="CdistBackward0")
def _cdist(x1: Array, x2: Array, p: float, product: bool):
    _check_cdist(x1, x2)
    batch = broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
    x1 = broadcast_to(x1, (*batch, *x1.shape[-2:]))
    x2 = broadcast_to(x2, (*batch, *x2.shape[-2:]))
    if product and p == 2:
        # |a|^2 + |b|^2 - 2ab, by one matrix product, as torch does beyond 25 rows
        s1 = jnp.square(x1).sum(-1, dtype=x1.dtype, keepdims=True)
        s2 = jnp.square(x2).sum(-1, dtype=x2.dtype, keepdims=True)
        square = s1 + jnp.swapaxes(s2, -1, -2) - 2 * (x1 @ jnp.swapaxes(x2, -1, -2))
        return _root(square)
    return _norm(x1[..., :, None, :] - x2[..., None, :, :], p, -1)


def cdist(x1, x2, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"):
    """The p-norm distance of each row of ``x1`` (..., P, M) to each of ``x2`` (..., R, M)."""
    for i, x in enumerate((x1, x2), 1):
        if not x.dtype.is_floating_point:
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, X{i} got: {x.dtype.legacy}"
            )
    modes = {
        "use_mm_for_euclid_dist_if_necessary": max(x1.shape[-2:-1] + x2.shape[-2:-1], default=0)
        > 25,
        "use_mm_for_euclid_dist": True,
        "donot_use_mm_for_euclid_dist": False,
    }
    if compute_mode not in modes:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    return _cdist(x1, x2, float(p), modes[compute_mode])


@op(promote="float", name="PdistBackward0")
def _pdist(input: Array, p: float):
    rows, columns = np.triu_indices(input.shape[0], 1)
    return _norm(input[rows] - input[columns], p, -1)


def pdist(input, p: float = 2.0):
    """The p-norm distance of each pair of rows, the first with all others, then the second, ..."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if not input.dtype.is_floating_point:
        raise RuntimeError("pdist only supports floating-point dtypes")
    return _pdist(input, float(p))
