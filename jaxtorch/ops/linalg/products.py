"""Products, powers and functions of matrices, and the equations of tensordot."""

from __future__ import annotations

import math

import jax
from jax import lax, numpy as jnp, scipy

from jaxtorch import dtypes
from jaxtorch.ops import _promote, blas, views
from jaxtorch.ops._dims import at_least_1d, broadcast, normalize_dim, normalize_dims
from jaxtorch.ops._op import Array, Arrays, op
from jaxtorch.ops.linalg import checks, inverses, solvers


def diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """A view of the diagonals of matrices."""
    return views.diagonal(A, offset, dim1, dim2)


@op(out=True, prompt=True)
def matrix_power(A: Array, n: int):
    """A multiplied by itself n times; of a negative n the inverse's power."""
    checks.square("linalg.matrix_power", A)
    if n < 0:
        A, n = inverses.inv.body(A), -n
    if n == 0:
        return jnp.broadcast_to(jnp.eye(A.shape[-1], dtype=A.dtype), A.shape)
    found, square = None, A
    while True:  # by the bits of n
        if n & 1:
            found = square if found is None else blas.matmul.body(found, square)
        n >>= 1
        if not n:
            return found
        square = blas.matmul.body(square, square)


@op(name="LinalgMatrixExpBackward0")
def matrix_exp(A: Array):
    """The exponential series of a square matrix."""
    checks.square_floats("linalg.matrix_exp", A)
    if not A.size:
        return A
    # JAX's float32 loses a digit more than torch's: in double, where that is to be had
    x = _promote.cast(A, dtypes.complex128 if jnp.iscomplexobj(A) else dtypes.float64)
    if A.ndim == 2:
        return scipy.linalg.expm(x).astype(A.dtype)
    batch = x.reshape((-1, *A.shape[-2:]))
    return jax.vmap(scipy.linalg.expm)(batch).reshape(A.shape).astype(A.dtype)


@op(out="same")
def multi_dot(tensors: Arrays):
    """The product of several matrices (the first and last may be vectors), cheapest order first."""
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    first, *middle, last = tensors
    for i, x in enumerate(tensors):
        edge = "the first tensor" if i == 0 else "the last tensor" if x is last else ""
        if x.ndim != 2 and not (edge and x.ndim == 1):
            wanted = f"{edge} must be 1D or 2D" if edge else f"tensor {i} must be 2D"
            raise RuntimeError(f"multi_dot(): {wanted} but got {x.ndim}D")
        if x.dtype != first.dtype:
            raise RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                f"{_promote.dtype_of(first).legacy} and tensor {i} {_promote.dtype_of(x).legacy}"
            )
    chain = [first if first.ndim == 2 else first[None], *middle]
    chain.append(last if last.ndim == 2 else last[:, None])
    for i, (a, b) in enumerate(zip(chain, chain[1:], strict=False)):
        if a.shape[-1] != b.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {list(tensors[i].shape)} and "
                f"{list(tensors[i + 1].shape)} cannot be multiplied"
            )
    found = _cheapest(chain)
    shape = [n for n, x in zip(found.shape, (first, last), strict=True) if x.ndim == 2]
    return found.reshape(shape)


def _cheapest(chain: list) -> jax.Array:
    """The product in the order with the fewest multiplications."""
    count = len(chain)
    sizes = [x.shape[0] for x in chain] + [chain[-1].shape[1]]
    cost = {(i, i): (0, i) for i in range(count)}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j] = min(
                (cost[i, k][0] + cost[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )

    def of(i, j):
        if i == j:
            return chain[i]
        k = cost[i, j][1]
        return blas.mm.body(of(i, k), of(k + 1, j))

    return of(0, count - 1)


def cross(input, other, *, dim=-1, out=None):
    """The vector product along dim, of size 3."""
    return blas.cross(input, other, dim, out=out)


@op(out="same", name="SumBackward1")
def vecdot(x: Array, y: Array, *, dim: int = -1):
    """The dot products along dim; complex x is conjugated."""
    checks.floats("linalg.vecdot", x)
    dtype = dtypes.promote_types(_promote.dtype_of(x), _promote.dtype_of(y))
    x, y = (_promote.cast(z, dtype) for z in broadcast(x, y))
    product = blas.rounded_product(jnp.conj(x) if jnp.iscomplexobj(x) else x, y)
    return jnp.sum(product, normalize_dim(dim, product.ndim)).astype(x.dtype)


@op(name="CatBackward0")
def vander(x: Array, N: int | None = None):
    """The matrix of the powers 0 to N - 1 (as many as x has) of x's elements."""
    if N is not None and N <= 1:
        raise RuntimeError("N must be greater than 1.")
    if x.dtype == jnp.bool_:
        raise RuntimeError(
            "linalg.vander supports floating point, complex, and integer tensors, but got Bool"
        )
    if _promote.is_integral(x):
        x = _promote.cast(x, dtypes.int64)
    return powers(at_least_1d(x), x.shape[-1] if N is None and x.ndim else N or 1)


def powers(x: jax.Array, count: int) -> jax.Array:
    """x to the powers 0 to count - 1, in a new last dim."""
    ones = jnp.ones((*x.shape, 1), x.dtype)
    if count < 2:
        return ones[..., :count]
    again = jnp.broadcast_to(x[..., None], (*x.shape, count - 1))
    return jnp.concatenate([ones, jnp.cumprod(again, -1, dtype=x.dtype)], -1)


# --- tensordot's equations ----------------------------------------------------------------------


@op(out=True, name="ViewBackward0", prompt=True)
def tensorinv(A: Array, ind: int = 2):
    """The inverse of tensordot with A over its last dims."""
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    first, last = A.shape[:ind], A.shape[ind:]
    if math.prod(first) != math.prod(last):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {math.prod(last)} != {math.prod(first)}"
        )
    square = A.reshape((math.prod(first), math.prod(last)))
    return inverses.inv.body(square).reshape((*last, *first))


@op(out=True, name="ViewBackward0", prompt=True)
def tensorsolve(A: Array, B: Array, dims: tuple | None = None):
    """The X of tensordot(A, X, X.ndim) = B; ``dims`` of A are moved to its end first."""
    if dims is not None:
        moved = normalize_dims(dims, A.ndim)
        A = jnp.transpose(A, [d for d in range(A.ndim) if d not in moved] + list(moved))
    rest, given = math.prod(A.shape[B.ndim :]), math.prod(A.shape[: B.ndim])
    if rest != given:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {rest} != {given}"
        )
    square = A.reshape((rest, rest))
    return solvers.solve.body(square, lax.reshape(B, (B.size,))).reshape(A.shape[B.ndim :])
