"""Determinants, inverses, ranks and the condition number."""

from __future__ import annotations

import jax
from jax import lax, numpy as jnp

from jaxtorch import return_types
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import same_rank
from jaxtorch.ops._op import Array, Operand, index_dtype, op
from jaxtorch.ops.linalg import checks, norms
from jaxtorch.ops.linalg.checks import conjugate_transpose, identity_like
from jaxtorch.ops.linalg.spectra import hermitian
from jaxtorch.ops.pointwise import magnitude

# --- determinants -------------------------------------------------------------------------------


@op(out="same", name="LinalgDetBackward0")
def det(A: Array):
    """The determinant."""
    checks.square_floats("linalg.det", A)
    checks.full_precision("lu_cpu", A)
    return jnp.linalg.det(A) if A.shape[-1] else jnp.ones(A.shape[:-2], A.dtype)


@op(out="same", result=return_types.linalg_slogdet, name="LinalgSlogdetBackward0")
def slogdet(A: Array):
    """(sign, log of the absolute value) of the determinant."""
    return sign_and_log("linalg.slogdet", A)


def sign_and_log(name: str, A: jax.Array):
    """slogdet; ``name`` is who asks."""
    checks.square_floats(name, A, low_precision=False)
    sign, size = jnp.linalg.slogdet(A)
    return sign, size


@op(name="WhereBackward0")
def logdet(input: Array):
    """The logarithm of the determinant; NaN where a real one is negative."""
    sign, size = sign_and_log("logdet", input)
    if jnp.iscomplexobj(sign):
        return size + jnp.log(sign)
    return jnp.where(sign < 0, jnp.nan, size)


# --- inverses -----------------------------------------------------------------------------------


def _inverted(A: jax.Array, name: str, checked: bool):
    """(inverse, info); singular matrices are complained of if ``checked``."""
    checks.square_floats("linalg.inv", A, low_precision=False)
    info = singularity(A)
    inverse = jnp.linalg.inv(A) if A.size else A
    return (checks.succeeded(inverse, info, name, checks.SINGULAR) if checked else inverse), info


def singularity(A: jax.Array) -> jax.Array:
    """The place of the first 0 on the diagonal of U in A = P @ L @ U, from 1; 0 if there is none.

    XLA computes one decomposition for this and for the solution beside it."""
    if not A.size:
        return jnp.zeros(A.shape[:-2], jnp.int32)
    factors = lax.linalg.lu(lax.stop_gradient(A))[0]
    return checks.first_zero(jnp.diagonal(factors, axis1=-2, axis2=-1))


@op(out="same", name="LinalgInvExBackward0", prompt=True)
def inv(A: Array):
    """The inverse of a square matrix. LinAlgError if it is singular."""
    return _inverted(A, "linalg.inv", True)[0]


@op(out="same", result=return_types.linalg_inv_ex, name="LinalgInvExBackward0", prompt=True)
def inv_ex(A: Array, *, check_errors: bool = False):
    """(inverse, info): info is not 0 where the matrix is singular."""
    return _inverted(A, "linalg.inv_ex", check_errors)


def bound(values: jax.Array, atol, rtol, shape) -> jax.Array:
    """The bound under which singular ``values`` (batch, k) of matrices of ``shape`` count as 0."""
    default = jnp.asarray(max(shape[-2:]) * float(jnp.finfo(values.dtype).eps), values.dtype)
    if atol is not None:
        atol = jnp.asarray(atol, values.dtype)
    if rtol is not None:
        relative = jnp.asarray(rtol, values.dtype)
    elif atol is None:
        relative = default
    else:
        relative = jnp.where(atol > 0, 0, default)
    relative, largest = same_rank(relative, jnp.max(values, -1, initial=0))
    limit = relative * largest
    return (limit if atol is None else jnp.maximum(*same_rank(atol, limit)))[..., None]


@jax.custom_jvp
def _pseudoinverse(A, atol, rtol):
    u, s, vh = jnp.linalg.svd(A, full_matrices=False)
    kept = jnp.greater(*same_rank(s, bound(s, atol, rtol, A.shape)))
    inverse = jnp.where(kept, 1 / jnp.where(kept, s, 1), 0).astype(A.dtype)
    return (conjugate_transpose(vh) * inverse[..., None, :]) @ conjugate_transpose(u)


@_pseudoinverse.defjvp
def _pseudoinverse_jvp(primals, tangents):
    # Golub and Pereyra, 1973: of matrices that keep their rank
    A, atol, rtol = primals
    p = _pseudoinverse(A, atol, rtol)
    change = tangents[0]
    p_h, change_h = conjugate_transpose(p), conjugate_transpose(change)
    inside = p @ (p_h @ change_h)
    outside = (change_h @ p_h) @ p
    moved = inside - inside @ A @ p + outside - p @ (A @ outside) - p @ change @ p
    return p, moved


def _refuse_pinv(x: jax.Array, tolerance) -> None:
    dtype = _promote.dtype_of(x)
    if x.ndim < 2 or _promote.is_integral(x) or dtype in _promote.dtypes.HALF_TYPES:
        raise RuntimeError(
            f"linalg.pinv({dtype.legacy}{{{list(x.shape)}}}): expected a tensor with 2 or more "
            "dimensions of float, double, cfloat or cdouble types"
        )
    if tolerance is not None and jnp.iscomplexobj(tolerance):
        raise RuntimeError("linalg.pinv: rcond tensor of complex type is not supported.")


@op(out=True, name="LinalgPinvBackward0")
def pinv(
    A: Array, rcond: Operand | None = None, hermitian: bool = False, *,
    atol: Operand | None = None, rtol: Operand | None = None,
):  # fmt: skip
    """The Moore-Penrose inverse; singular values up to max(atol, rtol * the largest) count as 0."""
    _refuse_pinv(A, rcond)
    if not A.size:
        return A.swapaxes(-1, -2)
    rtol = rcond if rtol is None else rtol
    return _pseudoinverse(_lower_half(A) if hermitian else A, atol, rtol)


@jax.custom_jvp
def _lower_half(A: jax.Array) -> jax.Array:
    checks.square("linalg.eigh", A)
    return hermitian(A, False)


@_lower_half.defjvp
def _lower_half_jvp(primals, tangents):
    # torch's pinv differentiates as if all of A were read
    return _lower_half(*primals), tangents[0]


@op(nondiff=True, out=True)
def matrix_rank(
    A: Array, tol: Operand | None = None, hermitian: bool = False, *, atol: Operand | None = None,
    rtol: Operand | None = None,
):  # fmt: skip
    """How many singular values are above max(atol, rtol * the largest)."""
    checks.matrix("torch.linalg.matrix_rank", A, "input")
    dtype = _promote.dtype_of(A)
    if _promote.is_integral(A) or dtype in _promote.dtypes.HALF_TYPES:
        raise RuntimeError("This function doesn't handle types other than float and double")
    for name, tolerance in (("tol", tol), ("atol", atol), ("rtol", rtol)):
        if tolerance is not None and jnp.iscomplexobj(tolerance):
            raise RuntimeError(
                f"torch.linalg.matrix_rank: {name} tensor of complex type is not supported."
            )
    if hermitian:
        values = magnitude(jnp.linalg.eigh(_lower_half(A), symmetrize_input=False)[0])
    elif min(A.shape[-2:]):
        values = jnp.linalg.svd(A, compute_uv=False)
    else:
        values = jnp.zeros((*A.shape[:-2], 0), jnp.finfo(A.dtype).dtype)
    if tol is not None:
        limit = jnp.asarray(tol).astype(values.dtype)[..., None]
    else:
        limit = bound(values, atol, rtol, A.shape)
    return jnp.sum(jnp.greater(*same_rank(values, limit)), -1, dtype=index_dtype())


@op(out=True, name="SqueezeBackward1")
def cond(A: Array, p: float | str | None = None):
    """The condition number: the norm of A times that of its inverse."""
    if A.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    if p in (None, 2, -2):
        checks.floats("linalg.svd", A)
        checks.full_precision("linalg_svd_cpu", A)
        if not A.size:
            return jnp.zeros(A.shape[:-2], jnp.finfo(A.dtype).dtype)
        values = jnp.linalg.svd(A, compute_uv=False)
        return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    checks.square("linalg.cond", A)
    checks.floats("linalg.cond", A)
    if not A.size:
        return jnp.zeros(A.shape[:-2], jnp.finfo(A.dtype).dtype)
    fine = singularity(A) == 0
    # a singular matrix is taken out first: its inverse would make the gradient NaN
    safe = jnp.where(fine[..., None, None], A, identity_like(A))
    found = norms.matrix_norm.body(safe, p) * norms.matrix_norm.body(jnp.linalg.inv(safe), p)
    return jnp.where(fine, found, jnp.inf)


inverse = inv
pinverse = pinv
