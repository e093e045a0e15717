"""Approximate decompositions of low rank, from random projections.

N. Halko, P.-G. Martinsson, J. Tropp: Finding structure with randomness, arXiv:0909.4061.
"""

from __future__ import annotations

from jaxtorch.ops import arithmetic, blas, reduction, sampling, views
from jaxtorch.ops.linalg import factorizations, spectra


def _projected(A, M, x):
    """(A - M) @ x."""
    product = blas.matmul(A, x)
    return product if M is None else arithmetic.sub(product, blas.matmul(M, x))


def _basis(A, M, q: int, niter: int):
    """Orthonormal columns (m, q) that span the range of A - M nearly (Algorithm 4.4)."""
    turned = views.adjoint(A), None if M is None else views.adjoint(M)
    x = sampling.randn(A.shape[-1], q, dtype=A.dtype, device=A.device)
    found = factorizations.qr(_projected(A, M, x)).Q
    for _ in range(niter):
        found = factorizations.qr(_projected(*turned, found)).Q
        found = factorizations.qr(_projected(A, M, found)).Q
    return found


def svd_lowrank(A, q: int | None = 6, niter: int | None = 2, M=None):
    """(U, S, V) with A - M nearly U @ diag(S) @ V^H, of rank q (Algorithm 5.1)."""
    q, niter = 6 if q is None else q, 2 if niter is None else niter
    M = None if M is None else M.broadcast_to(A.shape)
    wide = A.shape[-2] < A.shape[-1]
    if wide:
        A, M = views.adjoint(A), None if M is None else views.adjoint(M)
    basis = _basis(A, M, q, niter)
    turned = views.adjoint(basis)
    small = blas.matmul(turned, A)
    if M is not None:
        small = arithmetic.sub(small, blas.matmul(turned, M))
    u, s, vh = spectra.svd(small, full_matrices=False)
    u, v = blas.matmul(basis, u), views.adjoint(vh)
    return (v, s, u) if wide else (u, s, v)


def pca_lowrank(A, q: int | None = None, center: bool = True, niter: int = 2):
    """(U, S, V) of A with its columns centred: V's columns are the principal directions."""
    most = min(A.shape[-2:])
    if q is None:
        q = min(6, most)
    elif not 0 <= q <= most:
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={most}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if center:
        A = arithmetic.sub(A, reduction.mean(A, (-2,), True))
    return svd_lowrank(A, q, niter)
