"""Logic on truth values and bits, and the arithmetic of divisors."""

from __future__ import annotations

import jax
from jax import lax, numpy as jnp

from jaxtorch.ops import _promote
from jaxtorch.ops._dims import same_rank
from jaxtorch.ops._op import FOUND, Array, Operand, op

# --- truth values: any dtype in, bool out -------------------------------------------------------


@op(nondiff=True, out=True)
def logical_and(input: Array, other: Array):
    """Whether both are non-zero."""
    input, other = same_rank(input != 0, other != 0)
    return input & other


@op(nondiff=True, out=True)
def logical_or(input: Array, other: Array):
    """Whether one or both are non-zero."""
    input, other = same_rank(input != 0, other != 0)
    return input | other


@op(nondiff=True, out=True)
def logical_xor(input: Array, other: Array):
    """Whether exactly one is non-zero."""
    input, other = same_rank(input != 0, other != 0)
    return input ^ other


@op(nondiff=True, out=True)
def logical_not(input: Array):
    """Whether input is zero."""
    return input == 0


# --- bits: integers and bool --------------------------------------------------------------------


@op(promote="arith", nondiff=True, out=True)
def bitwise_and(input: Operand, other: Operand):
    """The bits set in both; of bools, their and."""
    return _bits("bitwise_and_cpu", jnp.bitwise_and, input, other)


@op(promote="arith", nondiff=True, out=True)
def bitwise_or(input: Operand, other: Operand):
    """The bits set in one or both; of bools, their or."""
    return _bits("bitwise_or_cpu", jnp.bitwise_or, input, other)


@op(promote="arith", nondiff=True, out=True)
def bitwise_xor(input: Operand, other: Operand):
    """The bits set in exactly one; of bools, whether they differ."""
    return _bits("bitwise_xor_cpu", jnp.bitwise_xor, input, other)


@op(promote="arith", nondiff=True, out=FOUND)
def bitwise_not(input: Array):
    """Every bit flipped; of a bool, its not."""
    if not _promote.is_integral(input):
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
        )
    return ~input


@op(promote="arith", nondiff=True, out=True)
def bitwise_left_shift(input: Operand, other: Operand):
    """input * 2**other; 0 where other is negative or not less than the width in bits."""
    return _shift("lshift_cpu", lax.shift_left, input, other)


@op(promote="arith", nondiff=True, out=True)
def bitwise_right_shift(input: Operand, other: Operand):
    """input / 2**other rounded down: the sign is kept."""
    return _shift("rshift_cpu", lax.shift_right_arithmetic, input, other)


def _bits(kernel, combine, input: jax.Array, other: jax.Array):
    if not _promote.is_integral(input):
        raise _promote.not_implemented(kernel, input)
    return combine(*same_rank(input, other))


def _shift(kernel, shift, input: jax.Array, other: jax.Array):
    if not _promote.is_integral(input) or input.dtype == jnp.bool_:
        raise _promote.not_implemented(kernel, input)
    input, other = jnp.broadcast_arrays(*same_rank(input, other))
    if shift is lax.shift_right_arithmetic and jnp.issubdtype(input.dtype, jnp.unsignedinteger):
        shift = lax.shift_right_logical
    # a negative count is as one too large: XLA's own rule for counts not less than the width
    return shift(input, jnp.where(other < 0, input.dtype.itemsize * 8, other).astype(input.dtype))


# --- divisors -----------------------------------------------------------------------------------


@op(promote="arith", nondiff=True, out=True)
def gcd(input: Array, other: Array):
    """The greatest common divisor, never negative."""
    return _divisor("gcd_cpu", jnp.gcd, input, other)


@op(promote="arith", nondiff=True, out=True)
def lcm(input: Array, other: Array):
    """The least common multiple, never negative."""
    return _divisor("lcm_cpu", jnp.lcm, input, other)


def _divisor(kernel, function, input: jax.Array, other: jax.Array):
    if not _promote.is_integral(input) or input.dtype == jnp.bool_:
        raise _promote.not_implemented(kernel, input)
    return function(*same_rank(input, other))
