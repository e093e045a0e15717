"""Eigenvalues and singular values, with their vectors.

The derivatives are those of the decomposition's defining equations. Vectors are unique up to a
phase only: the gradient of a loss that depends on it does not exist, and asking for it raises.
"""

from __future__ import annotations

import functools

import jax
from jax import lax, numpy as jnp

from jaxtorch import return_types
from jaxtorch.engine.kernels import Complaint, gradients_checked
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import broadcast_to
from jaxtorch.ops._op import Array, check, op
from jaxtorch.ops.linalg import checks
from jaxtorch.ops.linalg.checks import conjugate_transpose, identity_like


def _complaint(text: str) -> Complaint:
    message = Complaint(text)
    message.error = RuntimeError
    return message


def checking(vjp):
    """Declare that a registered vjp makes deferred checks, which the engine must know before."""
    vjp.checks = True
    return vjp


def phase_free(gradient, overlap: jax.Array, name: str, says: str):
    """``gradient``, unless the diagonal of ``overlap`` (vectors^H @ cotangents) has an imaginary
    part: then the loss depends on the vectors' phases. torch's bound is 0.01."""
    if not gradients_checked():
        return gradient
    phase = jnp.abs(jnp.diagonal(overlap, axis1=-2, axis2=-1).imag)
    return check(gradient, phase <= 1e-2, jnp.zeros((), jnp.int32), _complaint(f"{name}: {says}"))


def inverse_gaps(
    values: jax.Array, asked: jax.Array | bool = True, squares: bool = False
) -> jax.Array:
    """1 / (w_j - w_i) off the diagonal (of ``squares``, 1 / (w_j^2 - w_i^2)), 0 on it. Of equal
    values infinite, as in torch, where a gradient is ``asked`` for the vectors (batch)."""
    row, column = values[..., None, :], values[..., :, None]
    gaps = row - column
    if squares:  # so that equal values leave exactly 0: a fused multiply-add would not
        gaps = gaps * (row + column)
    main = identity_like(gaps, jnp.bool_)
    equal = (gaps == 0) | main
    asked = broadcast_to(jnp.asarray(asked)[..., None, None], gaps.shape)
    infinite = jnp.where(asked & ~main, jnp.inf, 0).astype(gaps.dtype)
    return jnp.where(equal, infinite, 1 / jnp.where(equal, 1, gaps))


def given(cotangents: jax.Array) -> jax.Array:
    """For each matrix: is there any cotangent that is not 0?"""
    return jnp.any(cotangents != 0, (-2, -1))


# --- Hermitian matrices -------------------------------------------------------------------------


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def hermitian(A: jax.Array, upper: bool) -> jax.Array:
    """The Hermitian matrix of which A's lower or upper half is read. Its derivative is spread over
    both halves, as torch does."""
    half = jnp.triu(A, 1) if upper else jnp.tril(A, -1)
    main = identity_like(A, jnp.bool_)
    return jnp.where(main, A.real.astype(A.dtype), half + conjugate_transpose(half))


@hermitian.defjvp
def _hermitian_jvp(upper, primals, tangents):
    return hermitian(primals[0], upper), _both_halves(tangents[0])


def _both_halves(x: jax.Array) -> jax.Array:
    return (x + conjugate_transpose(x)) / 2


@jax.custom_jvp
def eigh_of(A: jax.Array):
    """(eigenvalues, eigenvectors) of a Hermitian matrix."""
    values, vectors = jnp.linalg.eigh(A, symmetrize_input=False)
    return values, vectors


@eigh_of.defjvp
def _eigh_jvp(primals, tangents):
    out = eigh_of(*primals)
    return out, _eigh_tangent(tangents[0], *out, inverse_gaps(out[0]))


def _eigh_tangent(change, values, vectors, gaps):
    change = conjugate_transpose(vectors) @ change @ vectors
    return jnp.diagonal(change, axis1=-2, axis2=-1).real, vectors @ (
        change * gaps.astype(change.dtype)
    )


def _half(name: str, A: jax.Array, UPLO: str) -> jax.Array:
    checks.square(name, A)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    checks.full_precision("linalg_eigh_cpu", A)
    return hermitian(A, UPLO.upper() == "U")


@checking
def _eigh_vjp(needs, flat, statics, out, cotangents):
    values, vectors = out
    gaps = inverse_gaps(values, given(cotangents[1]))
    pull = jax.linear_transpose(
        lambda change: _eigh_tangent(_both_halves(change), values, vectors, gaps), flat[0]
    )
    gradient = pull(cotangents)
    if not jnp.iscomplexobj(vectors):
        return gradient
    overlap = conjugate_transpose(vectors) @ jnp.conj(cotangents[1])
    return phase_free(gradient, overlap, "linalg_eigh_backward", _EIGEN_PHASE)


_EIGEN_PHASE = (
    "The eigenvectors in the complex case are specified up to multiplication by e^{{i phi}}. The "
    "specified loss function depends on this quantity, so it is ill-defined."
)


@op(out="same", result=return_types.linalg_eigh, name="LinalgEighBackward0", vjp=_eigh_vjp)
def eigh(A: Array, UPLO: str = "L"):
    """(eigenvalues ascending, eigenvectors) of a Hermitian matrix, of which one half is read."""
    return eigh_of(_half("linalg.eigh", A, UPLO))


@op(out="same", name="LinalgEighBackward0")
def eigvalsh(A: Array, UPLO: str = "L"):
    """The eigenvalues of a Hermitian matrix, ascending."""
    return eigh_of(_half("linalg.eigh", A, UPLO))[0]


# --- any square matrix --------------------------------------------------------------------------


@jax.custom_jvp
def eig_of(A: jax.Array):
    """(eigenvalues, eigenvectors of norm 1), complex. JAX computes it on the CPU only."""
    values, vectors = jnp.linalg.eig(A)
    return values, vectors


@eig_of.defjvp
def _eig_jvp(primals, tangents):
    out = eig_of(*primals)
    return out, _eig_tangent(tangents[0], *out, inverse_gaps(out[0]))


def _eig_tangent(change, values, vectors, gaps):
    change = jnp.linalg.solve(vectors, change.astype(vectors.dtype) @ vectors)
    moved = vectors @ (change * gaps)
    # the vectors keep their norm: what they grow along themselves is taken out
    growth = jnp.sum(jnp.conj(vectors) * moved, -2, keepdims=True).real
    return jnp.diagonal(change, axis1=-2, axis2=-1), moved - vectors * growth.astype(vectors.dtype)


@checking
def _eig_vjp(needs, flat, statics, out, cotangents):
    values, vectors = out
    gaps = inverse_gaps(values, given(cotangents[1]))
    pull = jax.linear_transpose(lambda change: _eig_tangent(change, values, vectors, gaps), flat[0])
    overlap = conjugate_transpose(vectors) @ jnp.conj(cotangents[1])
    return phase_free(pull(cotangents), overlap, "linalg_eig_backward", _EIGEN_PHASE)


def _finite(name: str, A: jax.Array) -> jax.Array:
    checks.square(name, A)
    if _promote.is_integral(A):
        raise RuntimeError(f"Unknown Complex ScalarType for {_promote.dtype_of(A).legacy}")
    checks.full_precision("linalg_eig_out_cpu", A)
    says = f"torch.{name}: input tensor should not contain infs or NaNs."
    return check(A, jnp.isfinite(A), jnp.zeros((), jnp.int32), _complaint(says))


@op(out=True, result=return_types.linalg_eig, name="LinalgEigBackward0", vjp=_eig_vjp, prompt=True)
def eig(A: Array):
    """(eigenvalues, eigenvectors) of a square matrix, complex. JAX computes it on the CPU only."""
    return eig_of(_finite("linalg.eig", A))


@op(out=True, name="LinalgEigBackward0", prompt=True)
def eigvals(A: Array):
    """The eigenvalues of a square matrix, complex."""
    return eig_of(_finite("linalg.eigvals", A))[0]


# --- singular values ----------------------------------------------------------------------------


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def svd_of(A: jax.Array, full: bool):
    """(U, S, V^H). Where they are ``full``, the vectors beyond those of S have no derivative."""
    return tuple(jnp.linalg.svd(A, full_matrices=full and A.shape[-1] != A.shape[-2]))


@svd_of.defjvp
def _svd_jvp(full, primals, tangents):
    out = svd_of(primals[0], full)
    thin = _thin(*out)
    return out, _svd_tangent(tangents[0], out, thin, *_svd_factors(thin[1]))


def _thin(u, s, vh):
    rank = s.shape[-1]
    return u[..., :rank], s, vh[..., :rank, :]


def _svd_factors(s: jax.Array, asked: jax.Array | bool = True):
    """1 / (s_j^2 - s_i^2) and 1 / s, which infinity takes part in only where ``asked``."""
    zero = s == 0
    asked = jnp.asarray(asked)
    infinite = jnp.where(broadcast_to(asked[..., None], s.shape), jnp.inf, 0).astype(s.dtype)
    return inverse_gaps(s, asked, squares=True), jnp.where(
        zero, infinite, 1 / jnp.where(zero, 1, s)
    )


def _svd_tangent(change, out, thin, gaps, inverse):
    u, s, vh = thin
    v = conjugate_transpose(vh)
    inner = conjugate_transpose(u) @ change @ v
    diagonal = jnp.diagonal(inner, axis1=-2, axis2=-1)
    s_row = s[..., None, :].astype(inner.dtype)
    s_column = s[..., :, None].astype(inner.dtype)
    gaps = gaps.astype(inner.dtype)
    turn_u = gaps * (inner * s_row + s_column * conjugate_transpose(inner))
    turn_v = gaps * (s_column * inner + conjugate_transpose(inner) * s_row)
    if jnp.iscomplexobj(inner):
        # of the common phase of u and v, which is free, each takes a half
        half = diagonal.imag * inverse / 2
        main = identity_like(inner, s.dtype)
        turn_u = turn_u + 1j * half[..., None, :] * main
        turn_v = turn_v - 1j * half[..., None, :] * main
    du, dv = u @ turn_u, v @ turn_v
    scale = inverse[..., None, :].astype(inner.dtype)
    if u.shape[-2] > s.shape[-1]:
        beyond = change @ v
        du = du + (beyond - u @ (conjugate_transpose(u) @ beyond)) * scale
    if v.shape[-2] > s.shape[-1]:
        beyond = conjugate_transpose(change) @ u
        dv = dv + (beyond - v @ (vh @ beyond)) * scale
    return _padded(du, out[0]), diagonal.real, _padded(conjugate_transpose(dv), out[2])


def _padded(x: jax.Array, like: jax.Array) -> jax.Array:
    """x with zeros after its last rows and columns, in the shape of ``like``."""
    missing = [(0, n - m, 0) for m, n in zip(x.shape, like.shape, strict=True)]
    return lax.pad(x, jnp.zeros((), x.dtype), missing)


@checking
def svd_vjp(needs, flat, statics, out, cotangents):
    """The gradient, in respect of the first of ``flat``, of svd_of's three results."""
    thin = _thin(*out)
    gu, gs, gvh = cotangents
    factors = _svd_factors(thin[1], given(gu) | given(gvh))
    pull = jax.linear_transpose(lambda change: _svd_tangent(change, out, thin, *factors), flat[0])
    gradient = pull(cotangents)
    if not jnp.iscomplexobj(out[0]):
        return gradient
    u, s, vh = thin
    gu, _, gvh = _thin(gu, s, gvh)
    # V's cotangent is the conjugate transpose of V^H's
    overlap = conjugate_transpose(u) @ jnp.conj(gu) + vh @ gvh.swapaxes(-1, -2)
    return phase_free(gradient, overlap, "svd_backward", _SINGULAR_PHASE)


_SINGULAR_PHASE = (
    "The singular vectors in the complex case are specified up to multiplication by e^{{i phi}}. "
    "The specified loss function depends on this phase term, making it ill-defined."
)


def svd_input(A: jax.Array, driver: str | None, name: str = "linalg.svd"):
    """A, once it is seen to be fit for a decomposition; finite it must be."""
    if driver is not None:
        raise RuntimeError(
            f"torch.{name}: keyword argument `driver=` is only supported on CUDA inputs with "
            "cuSOLVER backend."
        )
    checks.matrix("linalg.svd", A)
    checks.floats("linalg.svd", A)
    checks.full_precision("linalg_svd_cpu", A)
    info = (~jnp.all(jnp.isfinite(A), (-2, -1))).astype(jnp.int32)
    return checks.succeeded(A, info, "linalg.svd", checks.NOT_FINITE)


@op(out="same", result=return_types.linalg_svd, name="LinalgSvdBackward0", vjp=svd_vjp, prompt=True)
def svd(A: Array, full_matrices: bool = True, *, driver: str | None = None):
    """A = U @ diag(S) @ Vh, S descending."""
    return svd_of(svd_input(A, driver), full_matrices)


@op(out="same", name="LinalgSvdBackward0", prompt=True)
def svdvals(A: Array, *, driver: str | None = None):
    """The singular values, descending."""
    return jnp.linalg.svd(svd_input(A, driver), compute_uv=False)
