"""Comparisons, element by element and of whole tensors, and the predicates: isnan, isfinite, ..."""

from __future__ import annotations

from jax import numpy as jnp

from jaxtorch.ops import _promote
from jaxtorch.ops._dims import same_rank
from jaxtorch.ops._op import Array, Operand, op, twin

# --- order --------------------------------------------------------------------------------------


@op(promote="arith", nondiff=True, out=True)
def eq(input: Array, other: Operand):
    """input == other."""
    return jnp.equal(*same_rank(input, other))


@op(promote="arith", nondiff=True, out=True)
def ne(input: Array, other: Operand):
    """input != other; NaN differs from itself."""
    return jnp.not_equal(*same_rank(input, other))


@op(promote="arith", nondiff=True, out=True)
def lt(input: Array, other: Operand):
    """input < other; complex numbers have no order and are refused."""
    return _ordered("lt_cpu", jnp.less, input, other)


@op(promote="arith", nondiff=True, out=True)
def le(input: Array, other: Operand):
    """input <= other."""
    return _ordered("le_cpu", jnp.less_equal, input, other)


@op(promote="arith", nondiff=True, out=True)
def gt(input: Array, other: Operand):
    """input > other."""
    return _ordered("gt_cpu", jnp.greater, input, other)


@op(promote="arith", nondiff=True, out=True)
def ge(input: Array, other: Operand):
    """input >= other."""
    return _ordered("ge_cpu", jnp.greater_equal, input, other)


def _ordered(kernel, compare, input, other):
    _promote.refuse(input, "c", kernel)
    return compare(*same_rank(input, other))


# --- closeness ----------------------------------------------------------------------------------


@op(nondiff=True)
def isclose(
    input: Array, other: Array, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
):
    """|input - other| <= atol + rtol * |other|; equal infinities are close."""
    if input.dtype != other.dtype:
        have, got = _promote.dtype_of(input), _promote.dtype_of(other)
        raise RuntimeError(f"{have.legacy} did not match {got.legacy}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if tolerance < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {tolerance}")
    input, other = same_rank(input, other)
    close = input == other
    if equal_nan:
        close |= (input != input) & (other != other)
    if rtol == 0 and atol == 0:
        return close
    a, b = _promote.floating(input), _promote.floating(other)
    allowed = atol + jnp.abs(rtol * b)
    difference = jnp.abs(a - b)
    return close | (jnp.isfinite(difference) & (difference <= allowed))


@op(nondiff=True)
def _allclose(input: Array, other: Array, rtol: float, atol: float, equal_nan: bool):
    return jnp.all(isclose.body(input, other, rtol, atol, equal_nan))


def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool:
    """Whether all elements are close, as a Python bool; see isclose."""
    return bool(_allclose(input, other, rtol, atol, equal_nan))


@op(nondiff=True)
def _equal(input: Array, other: Array):
    return jnp.all(input == other)


def equal(input, other) -> bool:
    """Whether shapes and all elements are the same, as a Python bool."""
    if input.shape != other.shape:
        return False
    return bool(_equal(input, other))


# --- predicates ---------------------------------------------------------------------------------


@op(nondiff=True)
def isnan(input: Array):
    """Whether NaN; never for integers."""
    return input != input


@op(nondiff=True)
def isinf(input: Array):
    """Whether infinite, in either direction."""
    return jnp.isinf(input)


@op(nondiff=True)
def isfinite(input: Array):
    """Whether neither infinite nor NaN."""
    return jnp.isfinite(input)


@op(nondiff=True, out="isposinf does not support non-boolean outputs.")
def isposinf(input: Array):
    """Whether plus infinity."""
    if jnp.iscomplexobj(input):
        raise RuntimeError("isposinf does not support complex inputs.")
    return jnp.isposinf(input)


@op(nondiff=True, out="isneginf does not support non-boolean outputs.")
def isneginf(input: Array):
    """Whether minus infinity."""
    if jnp.iscomplexobj(input):
        raise RuntimeError("isneginf does not support complex inputs.")
    return jnp.isneginf(input)


@op(nondiff=True)
def isreal(input: Array):
    """Whether the imaginary part is 0."""
    return jnp.isreal(input)


@op(nondiff=True, out="same")
def isin(elements: Operand, test_elements: Operand, *, assume_unique: bool = False,
         invert: bool = False):  # fmt: skip
    """Whether each of elements is among test_elements."""
    if elements.dtype.kind in "bc":
        kind = _promote.dtype_of(elements).legacy
        raise RuntimeError(f"Unsupported input type encountered for isin(): {kind}")
    among = jnp.any(elements[..., None] == test_elements.reshape((1,) * elements.ndim + (-1,)), -1)
    return ~among if invert else among


greater, greater_equal = twin(gt, name="greater"), twin(ge, name="greater_equal")
less, less_equal = twin(lt, name="less"), twin(le, name="less_equal")
not_equal = twin(ne, name="not_equal")
