"""Products of vectors and matrices: matmul and its special cases, tensordot, kron."""

from __future__ import annotations

from typing import Any

import jax
from jax import lax, numpy as jnp

from jaxtorch import dtypes
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import (
    broadcast_shapes,
    broadcast_to,
    normalize_dim,
    text,
)
from jaxtorch.ops._op import Array, Scalar, numpy_names, op, twin
from jaxtorch.ops._result_type import no_room


def _same_dtype(a: jax.Array, b: jax.Array) -> None:
    if a.dtype != b.dtype:
        raise RuntimeError(
            "expected m1 and m2 to have the same dtype, but got: "
            f"{_promote.dtype_of(a).cpp} != {_promote.dtype_of(b).cpp}"
        )


def product(
    a: jax.Array, b: jax.Array, contract, batch=((), ()), narrow=True, kernel="addmm_impl_cpu_"
) -> jax.Array:
    """``lax.dot_general``, half types summed in float32; bools are refused, as in torch.

    Not ``narrow``, the float32 stays."""
    _promote.refuse(a, "b", kernel)
    wide = jnp.float32 if _promote.dtype_of(a) in dtypes.HALF_TYPES else None
    out = lax.dot_general(a, b, (contract, batch), preferred_element_type=wide)
    return out.astype(a.dtype) if narrow else out


def rounded_product(a: jax.Array, b: jax.Array) -> jax.Array:
    """a * b, of half types in float32 but rounded, as torch's kernels round between their steps.
    (Otherwise XLA keeps float32 until the end of what it fuses.)"""
    if _promote.dtype_of(a) not in dtypes.HALF_TYPES:
        return a * b
    info = jnp.finfo(a.dtype)
    return lax.reduce_precision(_promote.widened(a) * _promote.widened(b), info.nexp, info.nmant)


# --- two operands -------------------------------------------------------------------------------


def _matmul_name(avals, statics) -> str:
    """torch's matmul hands over to a kernel by rank, and the graph shows that kernel's name."""
    a, b = avals[0].ndim, avals[1].ndim
    if (a, b) == (1, 1):
        return "DotBackward0"
    if (a, b) == (2, 2):
        return "MmBackward0"
    if b == 1 and a == 2:
        return "MvBackward0"
    if a == 1 and b == 2:
        return "SqueezeBackward4"
    if b <= 2:
        return "UnsafeViewBackward0" if b == 2 else "ViewBackward0"
    return "UnsafeViewBackward0" if a > 1 else "SqueezeBackward1"


@op(out="same", name=_matmul_name)
def matmul(input: Array, other: Array):
    """The matrix product over the last two dims, broadcast over the others.

    A 1-d operand is a row on the left and a column on the right, and its dim is not in the result.
    """
    a, b = input.ndim, other.ndim
    if a == 0 or b == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D"
        )
    _same_dtype(input, other)
    if b == 1:
        return _matmul_vector(input, other)
    if a == 1:
        if input.shape[0] != other.shape[-2]:
            raise _mismatch((1, input.shape[0]), other.shape[-2:])
        return product(input, other, ((0,), (b - 2,)))
    if input.shape[-1] != other.shape[-2]:
        if a > 2 and b > 2:
            raise RuntimeError(
                "Expected size for first two dimensions of batch2 tensor to be: "
                f"[{_batch(input, other)}, {input.shape[-1]}] but got: "
                f"[{_batch(input, other)}, {other.shape[-2]}]."
            )
        rows = _count(input.shape[:-1]) if b == 2 else input.shape[-2]
        raise _mismatch((rows, input.shape[-1]), other.shape[-2:])
    if b == 2:
        return product(input, other, ((a - 1,), (0,)))
    if a == 2:
        return jnp.moveaxis(product(input, other, ((1,), (b - 2,))), 0, -2)
    batch = broadcast_shapes(input.shape[:-2], other.shape[:-2])
    input = broadcast_to(input, batch + input.shape[-2:])
    other = broadcast_to(other, batch + other.shape[-2:])
    dims = tuple(range(len(batch)))
    return product(input, other, ((len(batch) + 1,), (len(batch),)), (dims, dims))


def _matmul_vector(input: jax.Array, other: jax.Array) -> jax.Array:
    if input.ndim == 1:
        return dot.body(input, other)
    if input.shape[-1] != other.shape[0]:
        rows = _count(input.shape[:-1])
        raise RuntimeError(
            f"size mismatch, got input ({rows}), mat ({rows}x{input.shape[-1]}), "
            f"vec ({other.shape[0]})"
        )
    return product(input, other, ((input.ndim - 1,), (0,)))


def _count(shape) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _batch(a: jax.Array, b: jax.Array) -> int:
    return _count(broadcast_shapes(a.shape[:-2], b.shape[:-2]))


def _mismatch(a, b) -> RuntimeError:
    return RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({text(a)} and {text(b)})")


@op(out="same")
def mm(input: Array, mat2: Array):
    """The product of two matrices: (n, m) by (m, p)."""
    _matrices(input, mat2)
    _same_dtype(input, mat2)
    return product(input, mat2, ((1,), (0,)))


def _matrices(a: jax.Array, b: jax.Array) -> None:
    for name, x in (("self", a), ("mat2", b)):
        if x.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix")
    if a.shape[1] != b.shape[0]:
        raise _mismatch(a.shape, b.shape)


@op(out="same")
def bmm(input: Array, mat2: Array):
    """The products of a batch of matrices: (b, n, m) by (b, m, p)."""
    _batches(input, mat2)
    return product(input, mat2, ((2,), (1,)), ((0,), (0,)), kernel="bmm")


def _batches(a: jax.Array, b: jax.Array) -> None:
    for name, x in (("batch1", a), ("batch2", b)):
        if x.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    if (a.shape[0], a.shape[2]) != b.shape[:2]:
        raise RuntimeError(
            "Expected size for first two dimensions of batch2 tensor to be: "
            f"[{a.shape[0]}, {a.shape[2]}] but got: [{b.shape[0]}, {b.shape[1]}]."
        )
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"expected scalar type {_promote.dtype_of(a).legacy} but found "
            f"{_promote.dtype_of(b).legacy}"
        )


@op(out="same")
def mv(input: Array, vec: Array):
    """The product of a matrix and a vector: (n, m) by (m,)."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    _same_dtype(input, vec)
    return _matmul_vector(input, vec)


@op(out="same")
def dot(input: Array, tensor: Array):
    """The sum of the products of two vectors; complex ones are not conjugated."""
    _vectors(input, tensor)
    return product(input, tensor, ((0,), (0,)), kernel="dot")


@op(out="same")
def vdot(input: Array, other: Array):
    """dot with the first vector conjugated."""
    _vectors(input, other)
    conjugated = jnp.conj(input) if jnp.iscomplexobj(input) else input
    return product(conjugated, other, ((0,), (0,)), kernel="dot")


def _vectors(a: jax.Array, b: jax.Array) -> None:
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors")
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found "
            f"{_promote.dtype_of(a).legacy} and {_promote.dtype_of(b).legacy}"
        )
    if a.shape != b.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{a.shape[0]}] and src [{b.shape[0]}] to "
            "have the same number of elements, but got "
            f"{a.shape[0]} and {b.shape[0]} elements respectively"
        )


@op(promote="arith", out=True, name="MulBackward0")
def outer(input: Array, vec2: Array):
    """The products of all pairs of elements of two vectors."""
    for name, x in (("self", input), ("vec2", vec2)):
        if x.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {x.ndim}-D")
    return input[:, None] * vec2[None, :]


@op(out="same")
def inner(input: Array, other: Array):
    """The dot products over the last dims of both; with a 0-d operand, the product."""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    _same_dtype(input, other)
    return product(input, other, ((input.ndim - 1,), (other.ndim - 1,)))


# --- a product added to something: beta * input + alpha * product -------------------------------


def _combine(input: jax.Array, added: jax.Array, beta, alpha) -> jax.Array:
    """beta and alpha None are 1. The numbers are dynamic: another value is not another program.

    ``added`` may be wider than the input's half type, whose sum is then rounded once."""
    if not jnp.iscomplexobj(input) and (jnp.iscomplexobj(alpha) or jnp.iscomplexobj(beta)):
        raise no_room(_promote.dtype_of(input))
    narrow = input.dtype
    input = input.astype(added.dtype)
    if alpha is not None:
        added = added * alpha.astype(added.dtype)
    if beta is not None:
        factor = beta.astype(input.dtype)
        # NaN and infinity in an ignored input do not count
        input = jnp.where(factor == 0, jnp.zeros_like(input), input * factor)
    return (broadcast_to(input, added.shape) + added).astype(narrow)


def _same_as_input(name: str, input: jax.Array, other: jax.Array) -> None:
    if input.dtype != other.dtype:
        raise RuntimeError(
            f"self and {name} must have the same dtype, but got "
            f"{_promote.dtype_of(input).legacy} and {_promote.dtype_of(other).legacy}"
        )


@op(out="same")
def addmm(
    input: Array, mat1: Array, mat2: Array, *, beta: Scalar | None = None,
    alpha: Scalar | None = None,
):  # fmt: skip
    """beta * input + alpha * (mat1 @ mat2)."""
    for name, x in (("mat1", mat1), ("mat2", mat2)):
        if x.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {x.ndim}-D tensor")
    if mat1.shape[1] != mat2.shape[0]:
        raise _mismatch(mat1.shape, mat2.shape)
    if mat1.dtype != mat2.dtype:
        left, right = (_promote.dtype_of(m).legacy for m in (mat1, mat2))
        raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {left} and {right}")
    _same_as_input("mat2", input, mat2)
    return _combine(input, product(mat1, mat2, ((1,), (0,)), narrow=False), beta, alpha)


@op(out="same")
def addmv(
    input: Array, mat: Array, vec: Array, *, beta: Scalar | None = None,
    alpha: Scalar | None = None,
):  # fmt: skip
    """beta * input + alpha * (mat @ vec)."""
    if mat.ndim != 2 or vec.ndim != 1 or input.ndim > 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}"
        )
    if mat.shape[1] != vec.shape[0] or input.shape not in ((), (1,), mat.shape[:1]):
        raise RuntimeError(
            f"size mismatch, got input ({text(input.shape)}), mat ({text(mat.shape)}), "
            f"vec ({text(vec.shape)})"
        )
    _same_dtype(mat, vec)
    return _combine(input, product(mat, vec, ((1,), (0,)), narrow=False), beta, alpha)


@op(out=True)
def addr(
    input: Array, vec1: Array, vec2: Array, *, beta: Scalar | None = None,
    alpha: Scalar | None = None,
):  # fmt: skip
    """beta * input + alpha * outer(vec1, vec2)."""
    for name, x in (("vec1", vec1), ("vec2", vec2)):
        if x.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {x.ndim}-D")
    if _promote.dtype_of(vec1) in dtypes.HALF_TYPES and input.dtype == vec1.dtype == vec2.dtype:
        return _addr_by_halves(input, vec1, vec2, beta, alpha)
    return _combine(input, vec1[:, None] * vec2[None, :], beta, alpha)


def _addr_by_halves(input, vec1, vec2, beta, alpha):
    """addr with every step rounded to the half type, as torch's kernel does."""
    half = input.dtype
    scaled = vec1
    if alpha is not None:
        scaled = rounded_product(vec1, jnp.broadcast_to(alpha.astype(half), vec1.shape))
    added = rounded_product(scaled.astype(half)[:, None], vec2[None, :])
    if beta is not None:
        factor = jnp.broadcast_to(beta.astype(half), input.shape)
        input = jnp.where(factor == 0, 0, rounded_product(input, factor))
    return (broadcast_to(_promote.widened(input), added.shape) + added).astype(half)


@op(out="same")
def baddbmm(
    input: Array, batch1: Array, batch2: Array, *, beta: Scalar | None = None,
    alpha: Scalar | None = None,
):  # fmt: skip
    """beta * input + alpha * bmm(batch1, batch2)."""
    _batches(batch1, batch2)
    found = product(batch1, batch2, ((2,), (1,)), ((0,), (0,)), narrow=False, kernel="baddbmm")
    return _combine(input, found, beta, alpha)


@op(out="same")
def addbmm(
    input: Array, batch1: Array, batch2: Array, *, beta: Scalar | None = None,
    alpha: Scalar | None = None,
):  # fmt: skip
    """beta * input + alpha * the sum of bmm(batch1, batch2) over the batch."""
    _batches(batch1, batch2)
    if _promote.dtype_of(batch1) not in dtypes.HALF_TYPES or not batch1.shape[0]:
        return _combine(input, product(batch1, batch2, ((0, 2), (0, 1))), beta, alpha)
    # half types are rounded after each matrix, as in torch
    found = addmm.body(input, batch1[0], batch2[0], beta=beta, alpha=alpha)
    rest = (batch1[1:], batch2[1:])
    return lax.scan(lambda sum, pair: (addmm.body(sum, *pair, alpha=alpha), None), found, rest)[0]


# --- any number of dims -------------------------------------------------------------------------


def tensordot(a, b, dims=2, out=None):
    """The product of a and b summed over dims: the last and first so many, or two lists of dims."""
    if not isinstance(dims, int):
        pair: Any = dims.tolist() if hasattr(dims, "tolist") else dims
        if isinstance(pair, int):
            return tensordot(a, b, pair, out)
        first, second = ([d] if isinstance(d, int) else list(d) for d in pair)
        return _tensordot(a, b, tuple(first), tuple(second), out=out)
    if dims < 0:
        raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
    if dims > min(a.ndim, b.ndim):
        raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
    return _tensordot(a, b, tuple(range(-dims, 0)), tuple(range(dims)), out=out)


@op(out="same", name="UnsafeViewBackward0")
def _tensordot(a: Array, b: Array, first: tuple, second: tuple):
    if len(first) != len(second):
        raise RuntimeError("both dimension lists should have same length")
    over_a = [normalize_dim(d, a.ndim) for d in first]
    over_b = [normalize_dim(d, b.ndim) for d in second]
    for i, j, m, n in zip(first, second, over_a, over_b, strict=True):
        if a.shape[m] != b.shape[n] and 1 not in (a.shape[m], b.shape[n]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[m]} in dim {i} "
                f"and second has size {b.shape[n]} in dim {j}"
            )
    _same_dtype(a, b)
    # as in torch, a dim of size 1 stands against any size: the other side is summed up over it
    for m, n in zip(over_a, over_b, strict=True):
        if a.shape[m] != b.shape[n]:
            a = jnp.sum(a, m, keepdims=True) if b.shape[n] == 1 else a
            b = jnp.sum(b, n, keepdims=True) if a.shape[m] == 1 else b
    return product(a, b, (over_a, over_b))


@op(promote="arith", out=True, name="ReshapeAliasBackward0")
def kron(input: Array, other: Array):
    """The Kronecker product."""
    ndim = max(input.ndim, other.ndim)
    a, b = (lax.expand_dims(x, range(ndim - x.ndim)) for x in (input, other))
    left = lax.expand_dims(a, range(1, 2 * ndim, 2))
    right = lax.expand_dims(b, range(0, 2 * ndim, 2))
    return (left * right).reshape([m * n for m, n in zip(a.shape, b.shape, strict=True)])


@numpy_names
def cross(input, other, dim=None, *, out=None):
    """The vector product along a dim of size 3 (the first such dim)."""
    if dim is None:
        dim = next((d for d, size in enumerate(input.shape) if size == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    return _cross(input, other, dim, out=out)


@op(out="same", name="LinalgCrossBackward0")
def _cross(input: Array, other: Array, dim: int):
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    d = normalize_dim(dim, input.ndim)
    if input.shape[d] != 3 or other.shape[d] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. "
            f"Got {input.shape[d]} and {other.shape[d]}"
        )
    shape = broadcast_shapes(input.shape, other.shape)
    dtype = dtypes.promote_types(_promote.dtype_of(input), _promote.dtype_of(other))
    a, b = (_promote.cast(broadcast_to(x, shape), dtype) for x in (input, other))
    kind, a, b = a.dtype, jnp.moveaxis(a, d, 0), jnp.moveaxis(b, d, 0)
    pairs = ((1, 2), (2, 0), (0, 1))
    parts = [rounded_product(a[i], b[j]) - rounded_product(a[j], b[i]) for i, j in pairs]
    return jnp.stack(parts, d).astype(kind)


@op
def trace(input: Array):
    """The sum of a matrix's diagonal; of integers an int64."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    _promote.refuse(input, "b", "trace")
    diagonal = jnp.diagonal(input)
    if _promote.is_integral(input):
        diagonal = _promote.cast(diagonal, _promote.dtypes.int64)
    return jnp.sum(diagonal)


def chain_matmul(*matrices, out=None):
    """The product of several matrices, in the order that costs least."""
    from jaxtorch.ops.linalg.products import multi_dot

    return multi_dot(matrices, out=out)


ger = twin(outer, name="ger")
