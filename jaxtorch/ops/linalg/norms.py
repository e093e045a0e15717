"""Norms of vectors and of matrices."""

from __future__ import annotations

import math

import jax
from jax import numpy as jnp

from jaxtorch import dtypes
from jaxtorch.dtypes import dtype as DType
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import Dims, normalize_dim, normalize_dims
from jaxtorch.ops._op import Array, numpy_names, op
from jaxtorch.ops.linalg import checks
from jaxtorch.ops.pointwise import magnitude


def safe_sqrt(x: jax.Array) -> jax.Array:
    """The square root whose derivative at 0 is 0."""
    zero = x == 0
    return jnp.where(zero, jnp.zeros_like(x), jnp.sqrt(jnp.where(zero, jnp.ones_like(x), x)))


def _norm(x: jax.Array, p: float, dims: tuple[int, ...], keepdim: bool) -> jax.Array:
    """The p-norm over dims. Its derivative where it is 0 is 0."""
    if p == 2:
        squares = jnp.square(x.real) + jnp.square(x.imag) if jnp.iscomplexobj(x) else x * x
        return safe_sqrt(jnp.sum(squares, dims, keepdims=keepdim))
    size = magnitude(x)
    if p == math.inf:
        return jnp.max(size, dims, keepdims=keepdim)
    if p == -math.inf:
        return jnp.min(size, dims, keepdims=keepdim)
    if p == 1:
        return jnp.sum(size, dims, keepdims=keepdim)
    zero = size == 0
    if p == 0:
        return jnp.sum(~zero, dims, keepdims=keepdim, dtype=size.dtype)
    powers = jnp.where(zero, 1, size) ** jnp.asarray(p, size.dtype)
    powers = jnp.where(zero, 0 if p > 0 else jnp.inf, powers)
    total = jnp.sum(powers, dims, keepdims=keepdim)
    empty = (total == 0) | jnp.isposinf(total)
    root = jnp.where(empty, 1, total) ** jnp.asarray(1 / p, size.dtype)
    return jnp.where(empty, total if p > 0 else 1 / total, root)


@op(out="same", name="LinalgVectorNormBackward0")
def vector_norm(
    x: Array, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
):
    """The p-norm (p = ord, also infinities and 0) over dims, or of all elements."""
    checks.floats("linalg.vector_norm", x)
    if dtype is not None and dtype.category < dtypes.FLOAT:
        raise RuntimeError(
            f"linalg.vector_norm: dtype should be floating point or complex, but got {dtype.legacy}"
        )
    dims = normalize_dims(dim, x.ndim)
    if (ord < 0 or ord == math.inf) and any(x.shape[d] == 0 for d in dims):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the "
            "operation does not have an identity"
        )
    x = _promote.cast(x, dtype)
    found = _norm(_promote.widened(x), ord, dims, keepdim)
    return found.astype(jnp.finfo(x.dtype).dtype)


def _matrix_norm_name(avals, statics) -> str:
    order = statics["ord"]
    if order in ("fro", 2.0) and order == "fro":
        return "LinalgVectorNormBackward0"
    if order == "nuc":
        return "SumBackward1"
    return "AmaxBackward0" if order > 0 else "AminBackward0"


@op(out="same", name=_matrix_norm_name)
def matrix_norm(
    A: Array, ord: float | str = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False, *,
    dtype: DType | None = None,
):  # fmt: skip
    """The norm of matrices: "fro", "nuc", 1, -1, 2, -2, inf or -inf."""
    checks.matrix("linalg.matrix_norm", A)
    checks.floats("linalg.matrix_norm", A)
    if len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {list(dim)}")
    rows, columns = (normalize_dim(d, A.ndim) for d in dim)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    x = _promote.cast(A, dtype)
    narrow = jnp.finfo(x.dtype).dtype
    x = jnp.moveaxis(_promote.widened(x), (rows, columns), (-2, -1))
    if ord == "fro":
        found = _norm(x, 2, (x.ndim - 2, x.ndim - 1), False)
    elif ord == "nuc":
        found = jnp.sum(jnp.linalg.svd(x, compute_uv=False), -1)
    elif isinstance(ord, str) or abs(ord) not in (1, 2, math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    elif abs(ord) == 2:
        values = jnp.linalg.svd(x, compute_uv=False)
        found = jnp.max(values, -1) if ord > 0 else jnp.min(values, -1)
    else:
        sums = jnp.sum(magnitude(x), -2 if abs(ord) == 1 else -1)
        found = jnp.max(sums, -1) if ord > 0 else jnp.min(sums, -1)
    return (jnp.expand_dims(found, (rows, columns)) if keepdim else found).astype(narrow)


@numpy_names
def norm(A, ord=None, dim: Dims = None, keepdim=False, *, out=None, dtype=None):
    """The vector norm, or with an ``ord`` and a matrix (or two dims) the matrix norm."""
    if ord is not None and dim is None and A.ndim not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{A.ndim}D."
        )
    if ord is not None and not (isinstance(dim, int) or (dim is not None and len(dim) == 1)):
        if dim is not None or A.ndim == 2 or isinstance(ord, str):
            return matrix_norm(A, ord, dim or (-2, -1), keepdim, dtype=dtype, out=out)
        if A.ndim != 1:
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
                f"Got {A.ndim}D."
            )
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype, out=out)
