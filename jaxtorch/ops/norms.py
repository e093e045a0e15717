"""Norms of tensors by torch's older names; the newer ones are in linalg."""

from __future__ import annotations

from jax import numpy as jnp

from jaxtorch.ops import arithmetic, pointwise
from jaxtorch.ops._dims import Dims, normalize_dim
from jaxtorch.ops._op import Array, numpy_names, op
from jaxtorch.ops.linalg.norms import matrix_norm, vector_norm


@numpy_names
def norm(input, p="fro", dim: Dims = None, keepdim=False, out=None, dtype=None):
    """The p-norm of the flattened tensor, or over dims; "nuc" is the nuclear norm of matrices."""
    if p is None or (p == "fro" and not isinstance(p, (int, float))):
        p = 2.0
    if isinstance(p, str):
        if p == "nuc" and dim is None:
            dim = (-2, -1)
        return matrix_norm(input, p, dim or (-2, -1), keepdim, dtype=dtype, out=out)
    return vector_norm(input, p, dim, keepdim, dtype=dtype, out=out)


@numpy_names
def frobenius_norm(input, dim: Dims, keepdim=False, *, out=None):
    """The root of the sum of squares over dims."""
    return norm(input, 2.0, dim, keepdim, out=out)


@numpy_names
def nuclear_norm(input, dim: Dims = None, keepdim=False, *, out=None):
    """The sum of the singular values of matrices."""
    return norm(input, "nuc", dim, keepdim, out=out)


def norm_except_dim(v, pow: int = 2, dim: int = 0):
    """The norm over all dims but one, which stay as 1s; for dim -1 that of all elements."""
    if dim == -1:
        return vector_norm(v, pow)
    kept = normalize_dim(dim, v.ndim)
    others = tuple(d for d in range(v.ndim) if d != kept)
    return vector_norm(v, pow, others, True) if others else pointwise.abs(v)


def dist(input, other, p=2):
    """The p-norm of input - other."""
    return vector_norm(arithmetic.sub(input, other), p)


@op(out="same")
def renorm(input: Array, p: float, dim: int, maxnorm: float):
    """input with each slice along dim scaled down to a p-norm of at most maxnorm."""
    if input.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions"
        )
    others = tuple(d for d in range(input.ndim) if d != normalize_dim(dim, input.ndim))
    size = vector_norm.body(input, p, others, True)
    limit = jnp.asarray(maxnorm, input.dtype)
    small = jnp.asarray(1e-7, input.dtype)
    return jnp.where(size > limit, input * (limit / (size + small)), input)
