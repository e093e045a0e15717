"""Systems of linear equations: general, triangular, from given factors, and least squares."""

from __future__ import annotations

import functools

import jax
import numpy as np
from jax import lax, numpy as jnp

from jaxtorch import return_types
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import same_rank
from jaxtorch.ops._op import Array, Operand, index_dtype, op
from jaxtorch.ops.linalg import checks, inverses
from jaxtorch.ops.linalg.checks import conjugate_transpose, same_batch
from jaxtorch.ops.pointwise import magnitude

# --- general matrices ---------------------------------------------------------------------------


def _solved(A: jax.Array, B: jax.Array, left: bool, name: str, checked: bool):
    """(solution, info); singular matrices are complained of if ``checked``."""
    checks.square("linalg.solve", A)
    if not B.ndim:
        checks.matrix("linalg.solve", B, "B")
    checks.floats("linalg.solve", A)
    checks.same_dtype("linalg.solve", A, B)
    checks.full_precision("lu_cpu", A)
    vectors = B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])
    if vectors and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    b = B[..., None] if vectors else B
    checks.fits("linalg.solve", A, b, left)
    info = inverses.singularity(A)
    a, b = same_batch(A, b)
    if not b.size:
        x = b
    elif left:
        x = jnp.linalg.solve(a, b)
    else:
        x = jnp.linalg.solve(a.swapaxes(-1, -2), b.swapaxes(-1, -2)).swapaxes(-1, -2)
    if checked:
        x = checks.succeeded(x, info, name, checks.UNSOLVABLE)
    return (x[..., 0] if vectors else x), info


@op(out="same", name="LinalgSolveExBackward0", prompt=True)
def solve(A: Array, B: Array, *, left: bool = True):
    """The X of A @ X = B (or X @ A = B); B holds vectors if its shape is A's without the last.

    LinAlgError if A is singular."""
    return _solved(A, B, left, "torch.linalg.solve", True)[0]


@op(out="same", result=return_types.linalg_solve_ex, name="LinalgSolveExBackward0", prompt=True)
def solve_ex(A: Array, B: Array, *, left: bool = True, check_errors: bool = False):
    """(solve's result, info): info is not 0 where A is singular."""
    return _solved(A, B, left, "torch.linalg.solve_ex", check_errors)


# --- triangular matrices ------------------------------------------------------------------------


@op(out="same", name="LinalgSolveTriangularBackward0")
def solve_triangular(
    A: Array, B: Array, *, upper: bool, left: bool = True, unitriangular: bool = False
):
    """The X of A @ X = B (or X @ A = B) for a triangular A, of which the other half is not read."""
    name = "linalg.solve_triangular"
    checks.same_dtype(name, A, B)
    checks.square(name, A)
    checks.matrix(name, B, "B")
    checks.fits(name, A, B, left)
    checks.full_precision("triangular_solve_cpu", A)
    return by_substitution(*same_batch(A, B), lower=not upper, left=left, unit=unitriangular)


def by_substitution(a, b, *, lower: bool, left: bool = True, unit: bool = False, turned=False):
    """``lax.linalg.triangular_solve``; ``turned`` takes a's conjugate transpose for a."""
    if not b.size:
        return b
    return lax.linalg.triangular_solve(
        a, b, left_side=left, lower=lower, unit_diagonal=unit, transpose_a=turned,
        conjugate_a=turned and jnp.iscomplexobj(a),
    )  # fmt: skip


def _old_style(name: str, A: jax.Array, b: jax.Array, other: str) -> None:
    """The checks of the functions that are older than torch.linalg."""
    if b.ndim < 2:
        raise RuntimeError(
            f"b should have at least 2 dimensions, but has {b.ndim} dimensions instead"
        )
    if A.ndim < 2:
        raise RuntimeError(
            f"{other} should have at least 2 dimensions, but has {A.ndim} dimensions instead"
        )
    old_style_fit(name, A, b)


def old_style_fit(name: str, A: jax.Array, b: jax.Array) -> None:
    if A.dtype != b.dtype:
        raise RuntimeError(
            "Expected b and A to have the same dtype, but found b of type "
            f"{_promote.dtype_of(b).legacy} and A of type {_promote.dtype_of(A).legacy} instead."
        )
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            "A must be batches of square matrices, but they are "
            f"{A.shape[-2]} by {A.shape[-1]} matrices"
        )
    if A.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {A.shape[-1]} by "
            f"{A.shape[-1]} but each b matrix is {b.shape[-2]} by {b.shape[-1]}"
        )


@op(out=True)
def cholesky_solve(B: Array, L: Array, upper: bool = False):
    """The X of A @ X = B, given A's triangular factor."""
    _old_style("cholesky_solve", L, B, "u")
    checks.full_precision("cholesky_solve_cpu", B)
    factor, b = same_batch(L, B)
    return _by_factor(factor, b, upper)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _by_factor(factor, b, upper: bool):
    first = by_substitution(factor, b, lower=not upper, turned=upper)
    return by_substitution(factor, first, lower=not upper, turned=not upper)


@_by_factor.defjvp
def _by_factor_jvp(upper, primals, tangents):
    # as in torch, of the whole L @ L^H: the half of L that is not read has a gradient too
    factor, b = primals
    x = _by_factor(factor, b, upper)
    lower, moved = (conjugate_transpose(f) if upper else f for f in (factor, tangents[0]))
    change = moved @ conjugate_transpose(lower)
    change = change + conjugate_transpose(change)
    return x, _by_factor(factor, tangents[1] - change @ x, upper)


@op(out=True, prompt=True)
def cholesky_inverse(L: Array, upper: bool = False):
    """The inverse of A, given its triangular factor."""
    checks.square("cholesky_inverse", L)
    checks.full_precision("cholesky_inverse_out_cpu", L)
    identity = jnp.broadcast_to(jnp.eye(L.shape[-1], dtype=L.dtype), L.shape)
    info = checks.first_zero(jnp.diagonal(L, axis1=-2, axis2=-1))
    return checks.succeeded(
        _by_factor(L, identity, upper), info, "cholesky_inverse", checks.SINGULAR
    )


# --- LU and LDL factors -------------------------------------------------------------------------


@op(out="same")
def lu_solve(LU: Array, pivots: Array, B: Array, *, left: bool = True, adjoint: bool = False):
    """The X of A @ X = B, given lu_factor(A); of X @ A = B; or with A's conjugate transpose."""
    name = "linalg.lu_solve"
    checks.square(f"torch.{name}", LU)
    checks.floats(f"torch.{name}", LU)
    checks.same_dtype(name, LU, B, ("LU", "B"))
    if _promote.dtype_of(pivots).name != "int32":
        raise RuntimeError(f"{name}: pivots should be a Tensor of scalar type torch.int32")
    checks.matrix(name, B, "B")
    checks.fits(name, LU, B, left)
    if LU.shape[:-1] != pivots.shape:
        raise RuntimeError(
            f"{name}: Number of pivots per batch should be same as the dimension of the matrix"
        )
    checks.full_precision(f"{name}_cpu", LU)
    if not left:  # X @ A = B is A^H @ X^H = B^H
        return conjugate_transpose(_by_lu(LU, pivots, conjugate_transpose(B), not adjoint))
    return _by_lu(LU, pivots, B, adjoint)


def _by_lu(LU, pivots, b, adjoint: bool):
    order = lax.linalg.lu_pivots_to_permutation(pivots - 1, LU.shape[-1])
    LU, b = same_batch(LU, b)
    order = jnp.broadcast_to(order, b.shape[:-1])
    if not b.size:
        return b
    if adjoint:
        b = by_substitution(LU, b, lower=False, turned=True)
        b = by_substitution(LU, b, lower=True, unit=True, turned=True)
        return jnp.take_along_axis(b, jnp.argsort(order, -1)[..., None], -2)
    b = jnp.take_along_axis(b, order[..., None], -2)
    return by_substitution(LU, by_substitution(LU, b, lower=True, unit=True), lower=False)


@op(out="same", nondiff=True)
def ldl_solve(LD: Array, pivots: Array, B: Array, *, hermitian: bool = False):
    """The X of A @ X = B, given ldl_factor(A)."""
    name = "torch.linalg.ldl_solve"
    checks.square(name, LD)
    checks.floats(name, LD)
    if B.ndim < 2:
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got -2)")
    old_style_fit(name, LD, B)
    if LD.shape[:-1] != pivots.shape:
        raise RuntimeError(
            f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with "
            f"shape {list(pivots.shape)} instead"
        )
    if _promote.is_integral(pivots) is False:
        raise RuntimeError(
            f"{name}: Expected pivots to be integers. Got {_promote.dtype_of(pivots).legacy}"
        )
    checks.full_precision("ldl_solve_kernel_cpu", LD)
    LD, B = same_batch(LD, B)
    pivots = jnp.broadcast_to(pivots, LD.shape[:-1]).astype(jnp.int32)
    shape = jax.ShapeDtypeStruct(B.shape, B.dtype)
    return jax.pure_callback(
        lambda *given: _ldl_solved(*map(np.asarray, given), hermitian), shape, LD, pivots, B
    )


def _ldl_solved(LD, pivots, B, hermitian: bool):
    """LAPACK's ?sytrs or ?hetrs, which XLA does not have, on the host; of pivots that no
    factorization gives, and that LAPACK would follow out of the matrix, NaN."""
    from scipy.linalg import lapack

    kind = "he" if hermitian and np.iscomplexobj(LD) else "sy"
    solver = getattr(lapack, f"{_LETTERS[LD.dtype.name]}{kind}trs")
    out = np.full_like(B, np.nan)
    for place in np.ndindex(LD.shape[:-2] if B.size else (0,)):
        if _sound(pivots[place]):
            out[place] = solver(LD[place], pivots[place], B[place], lower=1)[0]
    return out


def _sound(pivots: np.ndarray) -> bool:
    """Does each row (from 1) name one not above it, negative ones in pairs of neighbours?"""
    starts = np.flatnonzero(pivots < 0)
    first, second = starts[::2], starts[1::2]
    paired = len(first) == len(second) and np.array_equal(first + 1, second)
    rows = np.arange(1, len(pivots) + 1)
    size = np.abs(pivots)
    inside = np.all((size >= rows) & (size <= len(pivots)))
    return paired and np.array_equal(pivots[first], pivots[second]) and bool(inside)


_LETTERS = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}

# --- least squares ------------------------------------------------------------------------------


@op(out=True, result=return_types.linalg_lstsq, name="LinalgLstsqBackward0")
def lstsq(A: Array, B: Array, rcond: Operand | None = None, *, driver: str | None = None):
    """The X that minimises the norm of A @ X - B, its residuals, A's rank and singular values.

    One driver serves all names: the singular value decomposition.
    """
    vectors = _lstsq_arguments(A, B, driver)
    b = B[..., None] if vectors else B
    own = lax.stop_gradient(A)  # rank and singular values are those of A, not of A broadcast
    A, b = same_batch(A, b)
    real = jnp.finfo(A.dtype).dtype
    if rcond is None:
        rcond = max(A.shape[-2:]) * float(jnp.finfo(A.dtype).eps)
    # `gels` takes A's rank for full, whatever its singular values are
    rtol = 0.0 if driver == "gels" else rcond
    rtol = jnp.asarray(rtol, real)
    x = inverses.pinv.body(A, rtol=rtol) @ b
    values = (*own.shape[:-2], 0)
    s = jnp.linalg.svd(own, compute_uv=False) if own.size else jnp.zeros(values, real)
    above = jnp.greater(*same_rank(s, inverses.bound(s, None, rtol, A.shape)))
    rank = jnp.sum(above, -1, dtype=index_dtype())
    nothing = jnp.zeros((0,), real)
    # what torch's drivers leave out
    residuals = nothing
    if A.shape[-2] > A.shape[-1] and driver not in (None, "gelsy"):
        residuals = jnp.sum(jnp.square(magnitude(A @ x - b)), -2)
        if driver != "gels":
            # of a batch, torch gives them only if every matrix has full rank
            full = jnp.all(rank == A.shape[-1])
            residuals = jnp.where(full, residuals, jnp.nan) if residuals.size else nothing
    if driver == "gels":
        rank = jnp.zeros((0,), index_dtype())
    values = s if driver in ("gelsd", "gelss") else nothing
    return (x[..., 0] if vectors else x), residuals, rank, values


def _lstsq_arguments(A, B, driver) -> bool:
    """Are B's last dims vectors?"""
    name = "torch.linalg.lstsq"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if not B.ndim:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if A.dtype != B.dtype:
        raise RuntimeError(
            f"{name}: Expected input and other to have the same dtype, but got input's dtype "
            f"{_promote.dtype_of(A).legacy} and other's dtype {_promote.dtype_of(B).legacy}"
        )
    if _promote.is_integral(A) or _promote.dtype_of(A) in _promote.dtypes.HALF_TYPES:
        raise RuntimeError("This function doesn't handle types other than float and double")
    gap = A.ndim - B.ndim
    if not 0 <= gap <= 1:
        raise RuntimeError(
            f"{name}: input.dim() must be greater or equal to other.dim() and (input.dim() - "
            "other.dim()) <= 1"
        )
    vectors = gap == 1
    if A.shape[-2] != B.shape[-1 if vectors else -2]:
        raise RuntimeError(
            f"{name}: input.size(-2) should match other.size({-1 if vectors else -2})"
        )
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    return vectors
