"""Linear algebra in torch's own namespace, where ``torch.linalg`` has another signature."""

from __future__ import annotations

from jax import lax, numpy as jnp

from jaxtorch import return_types
from jaxtorch.ops import linalg
from jaxtorch.ops._op import Array, op


@op(out=True)
def cholesky(input: Array, upper: bool = False):
    """The triangular factor of a positive-definite matrix; see linalg.cholesky."""
    return linalg.cholesky.body(input, upper=upper)


@op(out=True, result=return_types.qr, name="LinalgQrBackward0")
def qr(input: Array, some: bool = True):
    """(Q, R), reduced unless ``some`` is false; see linalg.qr."""
    return linalg.qr.body(input, "reduced" if some else "complete")


@op(out=True, result=return_types.svd, name="LinalgSvdBackward0")
def svd(input: Array, some: bool = True, compute_uv: bool = True):
    """(U, S, V) with input = U @ diag(S) @ V^H (linalg.svd returns V^H); U and V are zeros unless
    ``compute_uv``."""
    u, s, vh = linalg.svd.body(input, full_matrices=not some)
    v = linalg.conjugate_transpose(vh)
    return (u, s, v) if compute_uv else (jnp.zeros_like(u), s, jnp.zeros_like(v))


@op(out=True, result=return_types.slogdet, name="LinalgSlogdetBackward0")
def slogdet(input: Array):
    """(sign, log of the absolute value) of the determinant."""
    return linalg.slogdet.body(input)


@op(out=True, result=return_types.triangular_solve)
def triangular_solve(
    b: Array, A: Array, upper: bool = True, transpose: bool = False, unitriangular: bool = False
):
    """(the X of A @ X = b for a triangular A, a copy of A)."""
    solution = lax.linalg.triangular_solve(
        A, b, left_side=True, lower=not upper, transpose_a=transpose, unit_diagonal=unitriangular
    )
    return solution, jnp.asarray(A)


@op(out=True, name="LinalgLuFactorExBackward0")
def lu(A: Array, pivot: bool = True, get_infos: bool = False):
    """(L and U in one matrix, pivots counted from 1, and zeros where infos are asked for)."""
    if not pivot:
        raise NotImplementedError("lu: pivot=False is not supported")
    factors, pivots = linalg.lu_factor.body(A)
    infos = (jnp.zeros(A.shape[:-2], jnp.int32),) if get_infos else ()
    return factors, pivots, *infos


@op(name="FlipBackward0")
def vander(x: Array, N: int | None = None, increasing: bool = False):
    """The matrix of the powers of x's elements, the highest first unless ``increasing``."""
    powers = linalg.vander.body(x, N)
    return powers if increasing else jnp.flip(powers, -1)


def lu_solve(b, LU_data, LU_pivots, *, out=None):
    """The X of A @ X = b, given lu(A)."""
    return linalg.lu_solve(LU_data, LU_pivots, b, out=out)
