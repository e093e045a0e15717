"""Linear algebra of (batches of) matrices: norms, solutions, inverses, decompositions.

Gradients are those of JAX, which exist for all of them but the vectors of ``eig`` and of ``svd``
and ``qr`` with full matrices.
"""

from __future__ import annotations

import math
from functools import reduce

import jax
from jax import lax, numpy as jnp, scipy

from jaxtorch import dtypes, return_types
from jaxtorch.dtypes import dtype as DType
from jaxtorch.ops import _promote, blas
from jaxtorch.ops._dims import Dims, at_least_1d, normalize_dim, normalize_dims
from jaxtorch.ops._op import Array, Arrays, index_dtype, op
from jaxtorch.ops.pointwise import magnitude

# --- what is asked of the arguments -------------------------------------------------------------


def _floats(name: str, x: jax.Array) -> None:
    if _promote.is_integral(x):
        raise RuntimeError(
            f"linalg.{name}: Expected a floating point or complex tensor as input. "
            f"Got {_promote.dtype_of(x).legacy}"
        )


def _matrix(name: str, x: jax.Array, argument: str = "A") -> None:
    if x.ndim < 2:
        raise RuntimeError(
            f"linalg.{name}: The input tensor {argument} must have at least 2 dimensions."
        )
    _floats(name, x)


def _square(name: str, x: jax.Array) -> None:
    _matrix(name, x)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"linalg.{name}: A must be batches of square matrices, "
            f"but they are {x.shape[-2]} by {x.shape[-1]} matrices"
        )


def conjugate_transpose(x: jax.Array) -> jax.Array:
    """The conjugate transpose of matrices."""
    return jnp.conj(x.swapaxes(-1, -2)) if jnp.iscomplexobj(x) else x.swapaxes(-1, -2)


# --- norms --------------------------------------------------------------------------------------


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


@op(out=True, name="LinalgVectorNormBackward0")
def vector_norm(
    x: Array, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
):
    """The p-norm (p = ord, also infinities and 0) over dims, or of all elements."""
    _floats("vector_norm", x)
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


@op(out=True, name=_matrix_norm_name)
def matrix_norm(
    A: Array, ord: float | str = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False, *,
    dtype: DType | None = None,
):  # fmt: skip
    """The norm of matrices: "fro", "nuc", 1, -1, 2, -2, inf or -inf."""
    _matrix("matrix_norm", A)
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


def norm(A, ord=None, dim: Dims = None, keepdim=False, *, out=None, dtype=None):
    """The vector norm, or with an ``ord`` and a matrix (or two dims) the matrix norm."""
    if ord is not None and not (isinstance(dim, int) or (dim is not None and len(dim) == 1)):
        if dim is not None or A.ndim == 2 or isinstance(ord, str):
            return matrix_norm(A, ord, dim or (-2, -1), keepdim, dtype=dtype, out=out)
        if A.ndim != 1:
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
                f"Got {A.ndim}D."
            )
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype, out=out)


@op(out=True, name="SqueezeBackward1")
def cond(A: Array, p: float | str | None = None):
    """The condition number: the norm of A times that of its inverse."""
    _matrix("cond", A)
    if p in (None, 2, -2):
        values = jnp.linalg.svd(A, compute_uv=False)
        return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    _square("cond", A)
    found = matrix_norm.body(A, p) * matrix_norm.body(jnp.linalg.inv(A), p)
    return jnp.where(found != found, jnp.inf, found)


# --- determinants, inverses, solutions ----------------------------------------------------------


@op(out=True, name="LinalgDetBackward0")
def det(A: Array):
    """The determinant."""
    _square("det", A)
    return jnp.linalg.det(A) if A.shape[-1] else jnp.ones(A.shape[:-2], A.dtype)


@op(out=True, result=return_types.linalg_slogdet, name="LinalgSlogdetBackward0")
def slogdet(A: Array):
    """(sign, log of the absolute value) of the determinant."""
    _square("slogdet", A)
    sign, size = jnp.linalg.slogdet(A)
    return sign, size


@op(name="WhereBackward0")
def logdet(input: Array):
    """The logarithm of the determinant; NaN where it is negative."""
    _square("logdet", input)
    sign, size = jnp.linalg.slogdet(input)
    return jnp.where(sign < 0, jnp.nan, size)


@op(out=True, name="LinalgInvExBackward0")
def inv(A: Array):
    """The inverse of a square matrix; of a singular one infinities or NaN."""
    _square("inv", A)
    return jnp.linalg.inv(A)


@op(out=True, result=return_types.linalg_inv_ex, name="LinalgInvExBackward0")
def inv_ex(A: Array, *, check_errors: bool = False):
    """(inverse, info): info is not 0 where the matrix is singular."""
    _square("inv_ex", A)
    if check_errors:
        raise NotImplementedError("inv_ex: check_errors=True is not supported; look at info")
    inverse = jnp.linalg.inv(A)
    bad = ~jnp.all(jnp.isfinite(inverse), (-2, -1))
    return inverse, bad.astype(jnp.int32)


@op(out=True, name="LinalgSolveExBackward0")
def solve(A: Array, B: Array, *, left: bool = True):
    """The X of A @ X = B (or X @ A = B); B holds vectors if its shape is A's without the last."""
    _square("solve", A)
    _floats("solve", B)
    if A.dtype != B.dtype:
        raise RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of type "
            f"{_promote.dtype_of(A).legacy} and B of type {_promote.dtype_of(B).legacy} instead"
        )
    vectors = B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])
    rows = B.shape[-1] if vectors else B.shape[-2 if left else -1]
    if rows != A.shape[-1]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({A.shape[-2]}x{A.shape[-1]} and "
            f"{'x'.join(map(str, B.shape[-1:] if vectors else B.shape[-2:]))})"
        )
    b = B[..., None] if vectors else B
    batch = jnp.broadcast_shapes(A.shape[:-2], b.shape[:-2])
    a = jnp.broadcast_to(A, batch + A.shape[-2:])
    b = jnp.broadcast_to(b, batch + b.shape[-2:])
    if not left and not vectors:
        return jnp.linalg.solve(a.swapaxes(-1, -2), b.swapaxes(-1, -2)).swapaxes(-1, -2)
    x = jnp.linalg.solve(a, b)
    return x[..., 0] if vectors else x


@op(out=True, name="LinalgSolveTriangularBackward0")
def solve_triangular(
    A: Array, B: Array, *, upper: bool, left: bool = True, unitriangular: bool = False
):
    """The X of A @ X = B (or X @ A = B) for a triangular A, of which the other half is not read."""
    _square("solve_triangular", A)
    batch = jnp.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    return lax.linalg.triangular_solve(
        jnp.broadcast_to(A, batch + A.shape[-2:]), jnp.broadcast_to(B, batch + B.shape[-2:]),
        left_side=left, lower=not upper, unit_diagonal=unitriangular,
    )  # fmt: skip


def _within(values: jax.Array, atol: float | None, rtol: float | None, shape) -> jax.Array:
    """The bound under which singular values count as 0."""
    if rtol is None:
        rtol = 0.0 if atol else max(shape[-2:]) * float(jnp.finfo(values.dtype).eps)
    return jnp.maximum(
        jnp.asarray(atol or 0.0, values.dtype), jnp.max(values, -1, keepdims=True) * rtol
    )


@op(out=True, name="LinalgPinvBackward0")
def pinv(
    A: Array, rcond: float | None = None, hermitian: bool = False, *, atol: float | None = None,
    rtol: float | None = None,
):  # fmt: skip
    """The Moore-Penrose inverse; singular values up to max(atol, rtol * the largest) count as 0."""
    _matrix("pinv", A)
    rtol = rcond if rtol is None else rtol
    if rtol is None:
        rtol = 0.0 if atol else max(A.shape[-2:]) * float(jnp.finfo(A.dtype).eps)
    if atol is None and not hermitian:
        return jnp.linalg.pinv(A, rtol=rtol)
    A = _symmetric(A, "L") if hermitian else A
    u, s, vh = jnp.linalg.svd(A, full_matrices=False)
    kept = s > _within(s, atol, rtol, A.shape)
    inverse = jnp.where(kept, 1 / jnp.where(kept, s, 1), 0)
    return conjugate_transpose(vh) @ (inverse[..., None] * conjugate_transpose(u))


@op(nondiff=True, out=True)
def matrix_rank(
    A: Array, tol: float | None = None, hermitian: bool = False, *, atol: float | None = None,
    rtol: float | None = None,
):  # fmt: skip
    """How many singular values are above max(atol, rtol * the largest)."""
    _matrix("matrix_rank", A)
    if not min(A.shape[-2:]):
        return jnp.zeros(A.shape[:-2], index_dtype())
    values = magnitude(jnp.linalg.eigvalsh(A)) if hermitian else jnp.linalg.svd(A, compute_uv=False)
    bound = _within(values, atol if tol is None else tol, rtol, A.shape)
    return jnp.sum(values > bound, -1, dtype=index_dtype())


@op(out=True)
def matrix_power(A: Array, n: int):
    """A multiplied by itself n times; of a negative n the inverse's power."""
    _square("matrix_power", A)
    return jnp.linalg.matrix_power(A, n)


@op(name="LinalgMatrixExpBackward0")
def matrix_exp(A: Array):
    """The exponential series of a square matrix."""
    _square("matrix_exp", A)
    batch = A.reshape((-1, *A.shape[-2:]))
    return jax.vmap(scipy.linalg.expm)(batch).reshape(A.shape)


@op(out=True)
def multi_dot(tensors: Arrays):
    """The product of several matrices (the first and last may be vectors), cheapest order first."""
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    return jnp.linalg.multi_dot(tensors) if len(tensors) > 2 else blas.matmul.body(*tensors)


@op(out=True, result=return_types.linalg_lstsq, name="LinalgLstsqBackward0")
def lstsq(A: Array, B: Array, rcond: float | None = None, *, driver: str | None = None):
    """The X that minimises the norm of A @ X - B, its residuals, A's rank and singular values.

    One driver serves all names: the singular value decomposition.
    """
    _matrix("lstsq", A)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    vectors = A.ndim - 1 == B.ndim
    b = B[..., None] if vectors else B
    u, s, vh = jnp.linalg.svd(A, full_matrices=False)
    rtol = max(A.shape[-2:]) * float(jnp.finfo(A.dtype).eps) if rcond is None else rcond
    kept = s > _within(s, None, rtol, A.shape)
    inverse = jnp.where(kept, 1 / jnp.where(kept, s, 1), 0)
    x = conjugate_transpose(vh) @ (inverse[..., None] * (conjugate_transpose(u) @ b))
    rank = jnp.sum(kept, -1, dtype=index_dtype())
    nothing = jnp.zeros((0,), s.dtype)
    # what torch's drivers leave out
    tall = A.shape[-2] > A.shape[-1] and driver not in (None, "gelsy")
    residuals = jnp.sum(jnp.square(magnitude(A @ x - b)), -2) if tall else nothing
    if driver == "gels":
        rank = jnp.zeros((0,), index_dtype())
    values = s if driver in ("gelsd", "gelss") else nothing
    return (x[..., 0] if vectors else x), residuals, rank, values


# --- decompositions -----------------------------------------------------------------------------


@op(out=True, name="LinalgCholeskyExBackward0")
def cholesky(A: Array, *, upper: bool = False):
    """The triangular L of A = L @ L^H; NaN where A is not positive-definite."""
    _square("cholesky", A)
    lower = lax.linalg.cholesky(_symmetric(A, "L"), symmetrize_input=False)
    return conjugate_transpose(lower) if upper else lower


@op(out=True, result=return_types.linalg_cholesky_ex, name="LinalgCholeskyExBackward0")
def cholesky_ex(A: Array, *, upper: bool = False, check_errors: bool = False):
    """(L, info): info is not 0 where A is not positive-definite."""
    if check_errors:
        raise NotImplementedError("cholesky_ex: check_errors=True is not supported; look at info")
    lower = cholesky.body(A, upper=upper)
    return lower, jnp.any(lower != lower, (-2, -1)).astype(jnp.int32)


@op(out=True)
def cholesky_solve(B: Array, L: Array, upper: bool = False):
    """The X of A @ X = B, given A's triangular factor."""
    if B.ndim < 2 or L.ndim < 2:
        raise RuntimeError(
            f"b should have at least 2 dimensions, but has {B.ndim} dimensions instead"
        )
    batch = jnp.broadcast_shapes(B.shape[:-2], L.shape[:-2])
    factor = jnp.broadcast_to(L, batch + L.shape[-2:])
    return scipy.linalg.cho_solve((factor, not upper), jnp.broadcast_to(B, batch + B.shape[-2:]))


@op(out=True)
def cholesky_inverse(L: Array, upper: bool = False):
    """The inverse of A, given its triangular factor."""
    identity = jnp.broadcast_to(jnp.eye(L.shape[-1], dtype=L.dtype), L.shape)
    return scipy.linalg.cho_solve((L, not upper), identity)


@op(out=True, result=return_types.linalg_qr, name="LinalgQrBackward0")
def qr(A: Array, mode: str = "reduced"):
    """A = Q @ R, Q orthogonal and R upper triangular; mode reduced, complete or r (R alone)."""
    _matrix("qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), "
            "'r', or 'complete'"
        )
    if mode == "r":
        return jnp.zeros((0,), A.dtype), jnp.linalg.qr(A, mode="r")
    q, r = jnp.linalg.qr(A, mode=mode)
    return q, r


@op(out=True, result=return_types.linalg_svd, name="LinalgSvdBackward0")
def svd(A: Array, full_matrices: bool = True, *, driver: str | None = None):
    """A = U @ diag(S) @ Vh, S descending. Gradients need full_matrices=False, or a square A."""
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with "
            "cuSOLVER backend."
        )
    _matrix("svd", A)
    full = full_matrices and A.shape[-1] != A.shape[-2]
    u, s, vh = jnp.linalg.svd(A, full_matrices=full)
    return u, s, vh


@op(out=True, name="LinalgSvdBackward0")
def svdvals(A: Array, *, driver: str | None = None):
    """The singular values, descending."""
    if driver is not None:
        raise RuntimeError("torch.linalg.svdvals: `driver=` is only supported on CUDA inputs.")
    _matrix("svdvals", A)
    return jnp.linalg.svd(A, compute_uv=False)


def _symmetric(A: jax.Array, UPLO: str) -> jax.Array:
    """The Hermitian matrix of which A's lower or upper half is read. Its gradient is spread over
    both halves, as torch does."""
    half = jnp.tril(A, -1) if UPLO == "L" else jnp.triu(A, 1)
    main = jnp.eye(A.shape[-1], dtype=jnp.bool_)
    read = jnp.where(main, A.real.astype(A.dtype), half + conjugate_transpose(half))
    both = (A + conjugate_transpose(A)) / 2
    return both + lax.stop_gradient(read - both)


def _half(name: str, A: jax.Array, UPLO: str) -> jax.Array:
    _square(name, A)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return _symmetric(A, UPLO.upper())


@op(out=True, result=return_types.linalg_eigh, name="LinalgEighBackward0")
def eigh(A: Array, UPLO: str = "L"):
    """(eigenvalues ascending, eigenvectors) of a Hermitian matrix, of which one half is read."""
    values, vectors = jnp.linalg.eigh(_half("eigh", A, UPLO), symmetrize_input=False)
    return values, vectors


@op(out=True, name="LinalgEighBackward0")
def eigvalsh(A: Array, UPLO: str = "L"):
    """The eigenvalues of a Hermitian matrix, ascending."""
    return jnp.linalg.eigh(_half("eigvalsh", A, UPLO), symmetrize_input=False)[0]


@op(out=True, result=return_types.linalg_eig, name="LinalgEigBackward0")
def eig(A: Array):
    """(eigenvalues, eigenvectors) of a square matrix, complex. JAX computes it on the CPU only."""
    _square("eig", A)
    values, vectors = jnp.linalg.eig(A)
    return values, vectors


@op(out=True, name="LinalgEigBackward0")
def eigvals(A: Array):
    """The eigenvalues of a square matrix, complex."""
    _square("eigvals", A)
    return jnp.linalg.eigvals(A)


def _pivoting(name: str, pivot: bool) -> None:
    if not pivot:
        raise NotImplementedError(f"linalg.{name}: pivot=False is not supported")


@op(out=True, result=return_types.linalg_lu, name="LinalgLuBackward0")
def lu(A: Array, *, pivot: bool = True):
    """A = P @ L @ U: a permutation, a unit lower and an upper triangular matrix."""
    _pivoting("lu", pivot)
    _matrix("lu", A)
    batch = A.reshape((-1, *A.shape[-2:]))
    parts = jax.vmap(scipy.linalg.lu)(batch)
    return tuple(x.reshape(A.shape[:-2] + x.shape[-2:]) for x in parts)


@op(out=True, result=return_types.linalg_lu_factor, name="LinalgLuFactorExBackward0")
def lu_factor(A: Array, *, pivot: bool = True):
    """L and U in one matrix, and the pivots, counted from 1."""
    _pivoting("lu_factor", pivot)
    _matrix("lu_factor", A)
    factors, pivots, _ = lax.linalg.lu(A)
    return factors, pivots + 1


@op(out=True)
def lu_solve(LU: Array, pivots: Array, B: Array, *, left: bool = True, adjoint: bool = False):
    """The X of A @ X = B, given lu_factor(A); of X @ A = B; or with A's conjugate transpose."""
    if left:
        return scipy.linalg.lu_solve((LU, pivots - 1), B, trans=2 if adjoint else 0)
    turned = conjugate_transpose(B)
    found = scipy.linalg.lu_solve((LU, pivots - 1), turned, trans=0 if adjoint else 2)
    return conjugate_transpose(found)


@op(out=True, name="LinalgHouseholderProductBackward0")
def householder_product(A: Array, tau: Array):
    """The first columns of a product of Householder reflections."""
    return lax.linalg.householder_product(A, tau)


# --- products -----------------------------------------------------------------------------------


def cross(input, other, *, dim=-1, out=None):
    """The vector product along dim, of size 3."""
    return blas.cross(input, other, dim, out=out)


@op(promote="arith", out=True, name="SumBackward1")
def vecdot(x: Array, y: Array, *, dim: int = -1):
    """The dot products along dim; complex x is conjugated."""
    return jnp.sum((jnp.conj(x) if jnp.iscomplexobj(x) else x) * y, normalize_dim(dim, x.ndim))


@op(name="CatBackward0")
def vander(x: Array, N: int | None = None):
    """The matrix of the powers 0 to N - 1 (as many as x has) of x's elements."""
    x = at_least_1d(x)
    exponents = range(x.shape[-1] if N is None else N)
    return jnp.stack(list(reduce(lambda done, _: [*done, done[-1] * x] if done else
                                 [jnp.ones_like(x)], exponents, [])), -1)  # fmt: skip


@op(out=True, name="ViewBackward0")
def tensorinv(A: Array, ind: int = 2):
    """The inverse of tensordot with A over its last dims."""
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    return jnp.linalg.tensorinv(A, ind)


@op(out=True, name="ViewBackward0")
def tensorsolve(A: Array, B: Array, dims: tuple | None = None):
    """The X of tensordot(A, X, X.ndim) = B; ``dims`` of A are moved to its end first."""
    if dims is not None:
        dims = normalize_dims(dims, A.ndim)
        A = jnp.transpose(A, [d for d in range(A.ndim) if d not in dims] + list(dims))
    return jnp.linalg.tensorsolve(A, B)


inverse = inv
pinverse = pinv
