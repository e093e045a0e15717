"""Cholesky, QR, LU and LDL factorizations, and products of Householder reflections."""

from __future__ import annotations

import jax
import numpy as np
from jax import lax, numpy as jnp

from jaxtorch import return_types
from jaxtorch.ops import _promote
from jaxtorch.ops._op import Array, op
from jaxtorch.ops.linalg import checks
from jaxtorch.ops.linalg.checks import conjugate_transpose, identity_like
from jaxtorch.ops.linalg.spectra import checking, hermitian

# --- Cholesky -----------------------------------------------------------------------------------


def cholesky_of(A: jax.Array, upper: bool, name: str, checked: bool):
    """(factor, info) of a positive-definite matrix; others are complained of if ``checked``."""
    checks.full_precision("cholesky_cpu", A)
    read = hermitian(A, upper)
    lower = lax.linalg.cholesky(read, symmetrize_input=False)
    factor = conjugate_transpose(lower) if upper else lower
    info = _failing_minor(lax.stop_gradient(read), lax.stop_gradient(lower))
    return (checks.succeeded(factor, info, name, checks.NOT_POSITIVE) if checked else factor), info


def _failing_minor(A: jax.Array, lower: jax.Array) -> jax.Array:
    """The order of the first leading minor that is not positive-definite, or 0."""
    if not lower.size:
        return jnp.zeros(A.shape[:-2], jnp.int32)
    failed = jnp.isnan(lower[..., -1, -1])

    def eliminate(i, state):
        A, info = state
        pivot = lax.dynamic_index_in_dim(A, i, -1, False)
        main = lax.dynamic_index_in_dim(pivot, i, -1, False).real
        info = jnp.where((info == 0) & ~(main > 0), i + 1, info).astype(jnp.int32)
        row = conjugate_transpose(pivot[..., None])
        return A - pivot[..., None] * row / main[..., None, None].astype(A.dtype), info

    def minors():
        zeros = jnp.zeros(A.shape[:-2], jnp.int32)
        info = lax.fori_loop(0, A.shape[-1], eliminate, (A, zeros))[1]
        return jnp.where(failed, jnp.maximum(info, 1), 0)

    # eliminated anew only where LAPACK's factorization, of which XLA keeps no info, broke down
    return lax.cond(jnp.any(failed), minors, lambda: jnp.zeros(A.shape[:-2], jnp.int32))


@op(out="same", name="LinalgCholeskyExBackward0", prompt=True)
def cholesky(A: Array, *, upper: bool = False):
    """The triangular L of A = L @ L^H. LinAlgError if A is not positive-definite."""
    checks.square_floats("linalg.cholesky", A)
    return cholesky_of(A, upper, "linalg.cholesky", True)[0]


@op(
    out="same",
    result=return_types.linalg_cholesky_ex,
    name="LinalgCholeskyExBackward0",
    prompt=True,
)
def cholesky_ex(A: Array, *, upper: bool = False, check_errors: bool = False):
    """(L, info): info is not 0 where A is not positive-definite, and L is NaN."""
    checks.square_floats("linalg.cholesky", A)
    return cholesky_of(A, upper, "linalg.cholesky_ex", check_errors)


# --- QR -----------------------------------------------------------------------------------------


def qr(A, mode: str = "reduced", *, out=None):
    """A = Q @ R, Q orthogonal and R upper triangular; mode reduced, complete or r (R alone)."""
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), "
            "'r', or 'complete'"
        )
    if mode == "r":
        return _qr_r(A, out=out)
    if mode == "complete" and A.ndim > 1 and A.shape[-2] > A.shape[-1]:
        return _qr_complete(A, out=out)
    return _qr(A, out=out)


def _qr_input(A: jax.Array) -> None:
    checks.matrix("linalg.qr", A)
    checks.floats("linalg.qr", A)
    checks.full_precision("geqrf_cpu", A)


@op(out="same", result=return_types.linalg_qr, name="LinalgQrBackward0")
def _qr(A: Array):
    _qr_input(A)
    return qr_of(A)


def qr_of(A: jax.Array):
    """(Q, R), reduced."""
    rows, columns = A.shape[-2:]
    if not A.size:
        rank = min(rows, columns)
        return jnp.zeros((*A.shape[:-2], rows, rank), A.dtype), jnp.zeros(
            (*A.shape[:-2], rank, columns), A.dtype
        )
    if columns <= rows:
        q, r = jnp.linalg.qr(A)
        return q, r
    # The first columns decide Q. (JAX has no derivative of a wide matrix's.)
    q, r = jnp.linalg.qr(A[..., :rows])
    return q, jnp.concatenate([r, conjugate_transpose(q) @ A[..., rows:]], -1)


NO_COMPLETE = "The QR decomposition is not differentiable when mode='complete' and nrows > ncols"
NO_Q = (
    "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
    "Please use linalg.qr(A, mode='reduced') if you are going to require gradients."
)


def _refused(text: str):
    def vjp(needs, flat, statics, out, cotangents):
        raise RuntimeError(text)

    return checking(vjp)


@op(
    out="same",
    result=return_types.linalg_qr,
    name="LinalgQrBackward0",
    vjp=_refused(NO_COMPLETE),
)
def _qr_complete(A: Array):
    _qr_input(A)
    if not A.size:
        identity = jnp.eye(A.shape[-2], dtype=A.dtype)
        return jnp.broadcast_to(identity, (*A.shape[:-2], *identity.shape)), A
    q, r = jnp.linalg.qr(A, mode="complete")
    return q, r


@op(out="same", result=return_types.linalg_qr, name="LinalgQrBackward0", vjp=_refused(NO_Q))
def _qr_r(A: Array):
    _qr_input(A)
    return jnp.zeros((0,), A.dtype), qr_of(A)[1]


# --- Householder reflections --------------------------------------------------------------------


def _compact(A: jax.Array, tau: jax.Array):
    """V, T of the product of reflections I - V @ T @ V^H, LAPACK's compact WY form."""
    rank = tau.shape[-1]
    v = jnp.tril(A[..., :rank], -1)
    v = v + identity_like(v)
    overlaps = tau[..., None] * jnp.triu(conjugate_transpose(v) @ v, 1)
    scale = tau[..., None] * identity_like(overlaps)
    if not rank:
        return v, scale
    # T = (1 / tau + overlaps)^-1, in the form that a tau of 0 does not disturb
    return v, lax.linalg.triangular_solve(
        overlaps, scale, left_side=True, lower=False, unit_diagonal=True
    )


@op(out=True, name="LinalgHouseholderProductBackward0")
def householder_product(A: Array, tau: Array):
    """The first columns of a product of Householder reflections."""
    name = "torch.linalg.householder_product"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if A.shape[-2] < A.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]"
        )
    if A.shape[-1] < tau.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]"
        )
    if A.ndim - tau.ndim != 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal "
            f"to {tau.ndim} and input.ndim is equal to {A.ndim}"
        )
    if tau.shape[:-1] != A.shape[:-2]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got "
            f"{list(tau.shape[:-1])}"
        )
    if A.dtype != tau.dtype:
        raise RuntimeError(
            f"{name}: tau dtype {_promote.dtype_of(tau).legacy} does not match input dtype "
            f"{_promote.dtype_of(A).legacy}"
        )
    checks.full_precision("orgqr_cpu", A)
    v, t = _compact(A, tau)
    first = conjugate_transpose(v[..., : A.shape[-1], :])
    return identity_like(A) - v @ (t @ first)


@op(out="same")
def ormqr(input: Array, tau: Array, other: Array, left: bool = True, transpose: bool = False):
    """Q @ other (other @ Q unless ``left``), or with Q's conjugate transpose, of the square Q that
    householder_product(input, tau) has the first columns of."""
    _ormqr_arguments(input, tau, other, left)
    v, t = _compact(input, tau)
    t = conjugate_transpose(t) if transpose else t
    if left:
        return other - v @ (t @ (conjugate_transpose(v) @ other))
    return other - ((other @ v) @ t) @ conjugate_transpose(v)


def _ormqr_arguments(input, tau, other, left) -> None:
    name, side = "torch.ormqr", -2 if left else -1
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if other.ndim < 2:
        raise RuntimeError(f"{name}: other must have at least 2 dimensions.")
    if other.shape[side] < tau.shape[-1]:
        raise RuntimeError(
            f"{name}: other.shape[{side}] must be greater than or equal to tau.shape[-1]"
        )
    if other.shape[side] != input.shape[-2]:
        raise RuntimeError(f"{name}: other.shape[{side}] must be equal to input.shape[-2]")
    if tau.shape[-1] != min(other.shape[side], input.shape[-1]):
        raise RuntimeError(
            f"{name}: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1])"
        )
    if input.ndim - tau.ndim != 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal "
            f"to {tau.ndim} and input.ndim is equal to {input.ndim}"
        )
    if input.ndim != other.ndim:
        raise RuntimeError(
            f"{name}: Expected other to have the same number of dimensions as input, but got "
            f"other.ndim equal to {other.ndim} and input.ndim is equal to {input.ndim}"
        )
    for what, batch in (("tau", tau.shape[:-1]), ("other", other.shape[:-2])):
        if batch != input.shape[:-2]:
            raise RuntimeError(
                f"{name}: Expected batch dimensions of {what} to be equal to input.shape[:-2], "
                f"but got {list(batch)}"
            )
    for what, x in (("tau", tau), ("other", other)):
        if x.dtype != input.dtype:
            raise RuntimeError(
                f"{name}: Expected input and {what} to have the same dtype, but input has dtype"
                f"{_promote.dtype_of(input).legacy} and {what} has dtype "
                f"{_promote.dtype_of(x).legacy}"
            )
    checks.full_precision("ormqr_cpu", input)


# --- LU -----------------------------------------------------------------------------------------


def _lu_of(A: jax.Array, name: str, asked: str, pivot: bool):
    if A.ndim < 2:
        raise RuntimeError(
            f"{asked}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead"
        )
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")
    checks.full_precision("lu_cpu", A)
    if not A.size:
        count = min(A.shape[-2:])
        pivots = jnp.broadcast_to(jnp.arange(count, dtype=jnp.int32), (*A.shape[:-2], count))
        order = jnp.arange(A.shape[-2], dtype=jnp.int32)
        return A, pivots, jnp.broadcast_to(order, A.shape[:-1])
    return lax.linalg.lu(A)


def triangles(factors: jax.Array):
    rank = min(factors.shape[-2:])
    lower = jnp.tril(factors[..., :rank], -1)
    return lower + identity_like(lower), jnp.triu(factors[..., :rank, :])


def permutation_matrix(order: jax.Array, dtype) -> jax.Array:
    """The P of P @ x[order] = x."""
    rows = lax.broadcasted_iota(order.dtype, (*order.shape, order.shape[-1]), order.ndim - 1)
    return (rows == order[..., None, :]).astype(dtype)


@op(out="same", result=return_types.linalg_lu, name="LinalgLuBackward0")
def lu(A: Array, *, pivot: bool = True):
    """A = P @ L @ U: a permutation, a unit lower and an upper triangular matrix."""
    factors, _, order = _lu_of(A, "linalg.lu", "linalg.lu", pivot)
    return permutation_matrix(order, A.dtype), *triangles(factors)


def lu_factored(A: jax.Array, pivot: bool, name: str, checked: bool):
    """(L and U in one matrix, pivots counted from 1, info); a zero pivot is complained of if
    ``checked``."""
    factors, pivots, _ = _lu_of(A, "linalg.lu_factor", "torch.lu_factor", pivot)
    info = checks.first_zero(jnp.diagonal(factors, axis1=-2, axis2=-1))
    if checked:
        factors = checks.succeeded(factors, info, name, checks.ZERO_PIVOT, RuntimeError)
    return factors, (pivots + 1).astype(jnp.int32), info


@op(out="same", result=return_types.linalg_lu_factor, name="LinalgLuFactorExBackward0", prompt=True)
def lu_factor(A: Array, *, pivot: bool = True):
    """L and U in one matrix, and the pivots, counted from 1. RuntimeError if a pivot is 0."""
    return lu_factored(A, pivot, "torch.linalg.lu_factor", True)[:2]


@op(
    out="same", result=return_types.linalg_lu_factor_ex, name="LinalgLuFactorExBackward0",
    prompt=True,
)  # fmt: skip
def lu_factor_ex(A: Array, *, pivot: bool = True, check_errors: bool = False):
    """lu_factor's results and info, which is not 0 where a pivot is."""
    return lu_factored(A, pivot, "torch.linalg.lu_factor_ex", check_errors)


# --- LDL ----------------------------------------------------------------------------------------


def _ldl_of(A: jax.Array, hermitian: bool):
    name = "torch.linalg.ldl_factor_ex"
    checks.square_floats(name, A)
    checks.full_precision("ldl_factor_kernel_cpu", A)
    batch, size = A.shape[:-2], A.shape[-1]
    shapes = (
        jax.ShapeDtypeStruct(A.shape, A.dtype), jax.ShapeDtypeStruct((*batch, size), jnp.int32),
        jax.ShapeDtypeStruct(batch, jnp.int32),
    )  # fmt: skip
    return jax.pure_callback(lambda A: _ldl_factored(np.asarray(A), hermitian), shapes, A)


def _ldl_factored(A: np.ndarray, hermitian: bool):
    """LAPACK's ?sytrf or ?hetrf, which XLA does not have, on the host."""
    from scipy.linalg import lapack

    kind = "he" if hermitian and np.iscomplexobj(A) else "sy"
    letter = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}[A.dtype.name]
    factor = getattr(lapack, f"{letter}{kind}trf")
    out = np.tril(A)
    pivots = np.empty(A.shape[:-1], np.int32)
    info = np.zeros(A.shape[:-2], np.int32)
    for place in np.ndindex(A.shape[:-2] if A.size else (0,)):
        found, pivots[place], info[place] = factor(A[place], lower=1)
        out[place] = np.tril(found)
    return out, pivots, info


@op(out=True, nondiff=True, result=return_types.linalg_ldl_factor, prompt=True)
def ldl_factor(A: Array, *, hermitian: bool = False):
    """A = L @ D @ L^T (or L^H): both in one matrix, and LAPACK's pivots of Bunch and Kaufman."""
    factors, pivots, info = _ldl_of(A, hermitian)
    name = "torch.linalg.ldl_factor"
    return checks.succeeded(factors, info, name, checks.UNSOLVABLE, RuntimeError), pivots


@op(out=True, nondiff=True, result=return_types.linalg_ldl_factor_ex, prompt=True)
def ldl_factor_ex(A: Array, *, hermitian: bool = False, check_errors: bool = False):
    """ldl_factor's results and info, which is not 0 where D is singular."""
    factors, pivots, info = _ldl_of(A, hermitian)
    if check_errors:
        name = "torch.linalg.ldl_factor_ex"
        factors = checks.succeeded(factors, info, name, checks.UNSOLVABLE, RuntimeError)
    return factors, pivots, info


# --- torch's own spellings ----------------------------------------------------------------------


@op(out=True, nondiff=True, result=return_types.geqrf)
def geqrf(input: Array):
    """(R and the reflections below it in one matrix, their tau), which ormqr takes."""
    if input.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    checks.full_precision("geqrf_cpu", input)
    if not input.size:
        return input, jnp.zeros((*input.shape[:-2], min(input.shape[-2:])), input.dtype)
    a, tau = jnp.linalg.qr(input, mode="raw")
    return a.swapaxes(-1, -2), tau
