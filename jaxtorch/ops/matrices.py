"""Linear algebra in torch's own namespace, where ``torch.linalg`` has another signature."""

from __future__ import annotations

import jax
from jax import lax, numpy as jnp

from jaxtorch import return_types
from jaxtorch.ops import _promote
from jaxtorch.ops._op import Array, op
from jaxtorch.ops.linalg import checks, factorizations, inverses, products, solvers, spectra
from jaxtorch.ops.linalg.checks import conjugate_transpose

# --- decompositions -----------------------------------------------------------------------------


@op(out=True, prompt=True)
def cholesky(input: Array, upper: bool = False):
    """The triangular factor of a positive-definite matrix; see linalg.cholesky."""
    checks.square("cholesky", input)
    if upper:  # as in torch, another half is read than in linalg.cholesky
        input = conjugate_transpose(input)
    factor = factorizations.cholesky_of(input, False, "cholesky", True)[0]
    return conjugate_transpose(factor) if upper else factor


def qr(input, some: bool = True, *, out=None):
    """(Q, R), reduced unless ``some`` is false; see linalg.qr."""
    return return_types.qr(*factorizations.qr(input, "reduced" if some else "complete", out=out))


@spectra.checking
def _svd_vjp(needs, flat, statics, out, cotangents):
    u, s, v = out
    gu, gs, gv = cotangents
    if not statics["compute_uv"]:
        raise RuntimeError(
            "svd_backward: Setting compute_uv to false in torch.svd doesn't compute singular "
            "matrices, and hence we cannot compute backward. Please use torch.svd(compute_uv=True)"
        )
    # Vh's cotangent, from V's
    turned = (u, s, conjugate_transpose(v)), (gu, gs, conjugate_transpose(gv))
    return spectra.svd_vjp(needs, flat, statics, *turned)


@op(out=True, result=return_types.svd, name="LinalgSvdBackward0", vjp=_svd_vjp, prompt=True)
def svd(input: Array, some: bool = True, compute_uv: bool = True):
    """(U, S, V) with input = U @ diag(S) @ V^H (linalg.svd returns V^H); U and V are zeros unless
    ``compute_uv``."""
    if input.ndim < 2:
        raise RuntimeError(
            f"linalg.svd: input should have at least 2 dimensions, but has {input.ndim} "
            "dimensions instead"
        )
    u, s, vh = spectra.svd_of(spectra.svd_input(input, None), not some)
    v = conjugate_transpose(vh)
    if compute_uv:
        return u, s, v
    rows, columns = input.shape[-2:]
    zeros = [jnp.zeros((*input.shape[:-2], n, n), input.dtype) for n in (rows, columns)]
    return zeros[0], s, zeros[1]


@op(out=True, result=return_types.slogdet, name="LinalgSlogdetBackward0")
def slogdet(input: Array):
    """(sign, log of the absolute value) of the determinant."""
    return inverses.slogdet.body(input)


def lu(A, pivot: bool = True, get_infos: bool = False, out=None):
    """(L and U in one matrix, pivots counted from 1), and where asked for LAPACK's infos."""
    factor = factorizations.lu_factor_ex if get_infos else factorizations.lu_factor
    return tuple(factor(A, pivot=pivot, out=out))


@op(out=True, result=return_types.lu_unpack, name="LuUnpackBackward0")
def lu_unpack(
    LU_data: Array, LU_pivots: Array, unpack_data: bool = True, unpack_pivots: bool = True
):
    """(P, L, U) of lu_factor's result; empty tensors for what is not unpacked."""
    if _promote.dtype_of(LU_pivots).name != "int32":
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 "
            "dtype.\nNote: this function is intended to be used with the output produced by "
            "torch.linalg.lu_factor"
        )
    nothing = jnp.zeros((0,), LU_data.dtype)
    lower = upper = permutation = nothing
    if unpack_data:
        lower, upper = factorizations.triangles(LU_data)
    if unpack_pivots:
        rows = LU_data.shape[-2]
        order = lax.linalg.lu_pivots_to_permutation(LU_pivots - 1, rows)
        permutation = factorizations.permutation_matrix(order, LU_data.dtype)
    return permutation, lower, upper


# --- equations ----------------------------------------------------------------------------------


@op(out=True, result=return_types.triangular_solve)
def triangular_solve(
    b: Array, A: Array, upper: bool = True, transpose: bool = False, unitriangular: bool = False
):
    """(the X of A @ X = b for a triangular A, a copy of A)."""
    for name, x in (("b", b), ("A", A)):
        if x.ndim < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it "
                f"has {x.ndim} dimensions instead"
            )
    solvers.old_style_fit("triangular_solve", A, b)
    checks.full_precision("triangular_solve_cpu", A)
    A, b = checks.same_batch(A, b)
    if not b.size:
        return b, A
    solution = lax.linalg.triangular_solve(
        A, b, left_side=True, lower=not upper, transpose_a=transpose, unit_diagonal=unitriangular
    )
    return solution, jnp.asarray(A)


def lu_solve(b, LU_data, LU_pivots, *, out=None):
    """The X of A @ X = b, given lu(A)."""
    return solvers.lu_solve(LU_data, LU_pivots, b, out=out)


@op(name="FlipBackward0")
def vander(x: Array, N: int | None = None, increasing: bool = False):
    """The matrix of the powers of x's elements, the highest first unless ``increasing``."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    if N is not None and N < 0:
        raise RuntimeError("N must be non-negative.")
    if _promote.dtype_of(x) is _promote.dtypes.bool:
        x = x.astype(jnp.int64 if jax.config.jax_enable_x64 else jnp.int32)
    powers = products.powers(x, x.shape[0] if N is None else N)
    return powers if increasing else jnp.flip(powers, -1)


# --- removed ------------------------------------------------------------------------------------


def _removed(name: str, instead: str):
    def refuse(*args, **kwargs):
        raise RuntimeError(
            f"This function was deprecated since version 1.9 and is now removed. {instead}"
        )

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Removed from torch: {instead}"
    return refuse


lstsq = _removed("lstsq", "`torch.lstsq` is deprecated in favor of `torch.linalg.lstsq`.")
eig = _removed("eig", "`torch.linalg.eig` returns complex tensors of dtype `cfloat` or `cdouble`.")
solve = _removed("solve", "`torch.solve` is deprecated in favor of `torch.linalg.solve`.")
symeig = _removed(
    "symeig",
    "L, V = torch.symeig(A, eigenvectors=True) should be replaced with: "
    "L, V = torch.linalg.eigh(A, UPLO='U' if upper else 'L')",
)
matrix_rank = _removed("matrix_rank", "Please use the `torch.linalg.matrix_rank` function instead.")
