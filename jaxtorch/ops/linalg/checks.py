"""What linear algebra asks of its arguments, and how it says that a matrix is singular."""

from __future__ import annotations

import jax
from jax import numpy as jnp

from jaxtorch import dtypes
from jaxtorch.engine.kernels import Complaint
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import broadcast_shapes, broadcast_to
from jaxtorch.ops._op import check


class LinAlgError(RuntimeError):
    """A matrix is singular, not positive-definite, or an algorithm did not converge on it."""

    __module__ = "jaxtorch._C"


LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"  # as programs print it


LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"  # as tracebacks of torch have it


# --- shapes and dtypes --------------------------------------------------------------------------


def floats(name: str, x: jax.Array, low_precision: bool = True) -> None:
    """A floating or complex dtype; no half type unless ``low_precision``."""
    dtype = _promote.dtype_of(x)
    if dtype.category < dtypes.FLOAT:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {dtype.legacy}"
        )
    if not low_precision and dtype in dtypes.HALF_TYPES:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {dtype.legacy}")


def full_precision(kernel: str, x: jax.Array) -> None:
    """No half type and no integer: torch's kernel for it is named in the refusal."""
    dtype = _promote.dtype_of(x)
    if dtype.category < dtypes.FLOAT or dtype in dtypes.HALF_TYPES:
        raise _promote.not_implemented(kernel, x)


def matrix(name: str, x: jax.Array, argument: str = "A") -> None:
    if x.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {argument} must have at least 2 dimensions.")


def square(name: str, x: jax.Array) -> None:
    matrix(name, x)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, "
            f"but they are {x.shape[-2]} by {x.shape[-1]} matrices"
        )


def square_floats(name: str, x: jax.Array, low_precision: bool = True) -> None:
    square(name, x)
    floats(name, x, low_precision)


def same_dtype(name: str, a: jax.Array, b: jax.Array, names: tuple[str, str] = ("A", "B")) -> None:
    if a.dtype != b.dtype:
        first, second = names
        raise RuntimeError(
            f"{name}: Expected {first} and {second} to have the same dtype, but found {first} of "
            f"type {_promote.dtype_of(a).legacy} and {second} of type "
            f"{_promote.dtype_of(b).legacy} instead"
        )


def fits(name: str, a: jax.Array, b: jax.Array, left: bool = True) -> None:
    """b's rows (or columns) are as many as a's."""
    if a.shape[-1 if left else -2] != b.shape[-2 if left else -1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({a.shape[-2]}x{a.shape[-1]} and "
            f"{b.shape[-2]}x{b.shape[-1]})"
        )


def same_batch(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Both with the batch dims that theirs broadcast to."""
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return broadcast_to(a, batch + a.shape[-2:]), broadcast_to(b, batch + b.shape[-2:])


def identity_like(x: jax.Array, dtype=None) -> jax.Array:
    """The identity (ones on the main diagonal) in the shape of matrices x."""
    return broadcast_to(jnp.eye(*x.shape[-2:], dtype=dtype or x.dtype), x.shape)


def conjugate_transpose(x: jax.Array) -> jax.Array:
    """The conjugate transpose of matrices."""
    return jnp.conj(x.swapaxes(-1, -2)) if jnp.iscomplexobj(x) else x.swapaxes(-1, -2)


# --- what only the data can tell ----------------------------------------------------------------


class Failure(Complaint):
    """``name: (Batch element 2): says``, where ``says`` may hold LAPACK's ``{info}``."""

    name = ""
    orders = 0  # more than any info: a value is batch * orders + info
    batched = False

    def format(self, *, value: int) -> str:  # type: ignore[override]
        batch, info = divmod(value, self.orders)
        where = f" (Batch element {batch}):" if self.batched else ""
        return f"{self.name}:{where} {str.format(self, info=info)}"


def first_zero(diagonal: jax.Array) -> jax.Array:
    """LAPACK's info of triangular factors: the place of the first 0, counted from 1; or 0."""
    zero = diagonal == 0
    if not zero.shape[-1]:
        return jnp.zeros(zero.shape[:-1], jnp.int32)
    return jnp.where(jnp.any(zero, -1), jnp.argmax(zero, -1) + 1, 0).astype(jnp.int32)


def succeeded(out, info: jax.Array, name: str, says: str, error=LinAlgError):
    """``out``, after noting that all of ``info`` (batch) must be 0."""
    message = Failure(says)
    message.name, message.error, message.batched = name, error, info.ndim > 0
    message.orders = 2**15
    number = jnp.arange(info.size, dtype=jnp.int32).reshape(info.shape)
    return check(out, info == 0, number * message.orders + info, message)


SINGULAR = (
    "The diagonal element {info} is zero, the inversion could not be completed because the input "
    "matrix is singular."
)
UNSOLVABLE = "The solver failed because the input matrix is singular."
NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the "
    "leading minor of order {info} is not positive-definite)."
)
NOT_FINITE = (
    "The algorithm failed to converge because the input matrix contained non-finite values."
)
ZERO_PIVOT = (
    "U[{info},{info}] is zero and using it on lu_solve would result in a division by zero. If you "
    "still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
    "linalg.lu_factor_ex(A, pivot)"
)
