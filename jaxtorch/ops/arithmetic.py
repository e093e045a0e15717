"""Mathematics of two or three tensors, element by element: add, div, pow, clamp, where."""

from __future__ import annotations

import jax
import numpy as np
from jax import lax, numpy as jnp

from jaxtorch import dtypes, return_types
from jaxtorch.engine.handles import Handles
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import broadcast, same_rank
from jaxtorch.ops._op import Array, Mask, Operand, Scalar, check, op, twin
from jaxtorch.ops._result_type import no_room, result_type


def _tensor_form(stem: str, position: int = 1):
    """torch numbers an op's overload for a number 0 and the one for a tensor 1."""
    return lambda avals, statics: f"{stem}Backward{int(avals[position].kind == 'array')}"


# --- the four operations ------------------------------------------------------------------------


def _sum_type(avals) -> dtypes.dtype:
    """The result type of add, after torch's rules for alpha."""
    found, alpha = result_type(avals[:2]), avals[2]
    if alpha.kind == "bool" and found.category != dtypes.BOOL:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if alpha.kind in ("float", "complex") and found.category < dtypes.FLOAT:
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    return found


def _difference_type(avals) -> dtypes.dtype:
    """As for add; bool tensors are refused."""
    bools = [a.dtype is dtypes.bool for a in avals[:2]]
    if all(bools):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )
    if any(bools):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
            "to invert a mask, use the `~` or `logical_not()` operator instead."
        )
    return _sum_type(avals)


@op(promote=_sum_type, out=True)
def add(input: Operand, other: Operand, *, alpha: Scalar | None = None):
    """input + alpha * other."""
    input, other = same_rank(input, _scaled(other, alpha))
    return jnp.add(input, other)


@op(promote=_difference_type, out=True)
def sub(input: Operand, other: Operand, *, alpha: Scalar | None = None):
    """input - alpha * other; bool is refused."""
    input, other = same_rank(input, _scaled(other, alpha))
    return input - other


@op(
    promote=_difference_type, out=True,
    name=lambda avals, statics: f"RsubBackward{int(avals[1].kind != 'array')}",
)  # fmt: skip
def rsub(input: Array, other: Operand, *, alpha: Scalar | None = None):
    """other - alpha * input: sub with its operands exchanged."""
    input, other = same_rank(_scaled(input, alpha), other)
    return other - input


@op(promote="arith", out=True)
def mul(input: Operand, other: Operand):
    """input * other; of bools, their and."""
    input, other = same_rank(input, other)
    return jnp.multiply(input, other)


def div(input, other, *, rounding_mode=None, out=None):
    """input / other, of integers too a float; rounded to "trunc" or "floor" where asked."""
    if rounding_mode is None:
        return true_divide(input, other, out=out)
    return _div_rounded(input, other, rounding_mode=rounding_mode, out=out)


@op(promote="float", out=True, name="DivBackward0")
def true_divide(input: Operand, other: Operand):
    """input / other; of integers too a float."""
    input, other = same_rank(input, other)
    return input / other


@op(promote="narrow", out=True, name="DivBackward2")
def _div_rounded(input: Operand, other: Operand, *, rounding_mode: str):
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' "
            f"but found '{rounding_mode}'"
        )
    narrow = input
    input, other = (_promote.widened(lax.stop_gradient(x)) for x in same_rank(input, other))
    if rounding_mode == "floor":
        return _floor_divide(input, other).astype(narrow.dtype)
    _promote.real("div_trunc_cpu", input)
    if _promote.is_integral(input):
        return _over(input, other, lax.div)
    # the quotient is a number of the dtype: of half types, it may have been rounded up
    return jnp.trunc(_promote.rounded(input / other, narrow)).astype(narrow.dtype)


@op(promote="arith", nondiff=True, out=True)
def floor_divide(input: Operand, other: Operand):
    """input / other rounded towards minus infinity, as Python's ``//``."""
    return _floor_divide(*same_rank(input, other))


def _floor_divide(input, other):
    if _promote.is_integral(input):
        return _over(input, other, jnp.floor_divide)
    _promote.real("div_floor_cpu", input)
    # the remainder decides, as in Python: input / other may round up to the next integer
    quotient = jnp.floor_divide(input, other)
    return jnp.where(other == 0, input / other, quotient)


@op(promote="arith", out=True, name=_tensor_form("Remainder"))
def remainder(input: Operand, other: Operand):
    """input - other * floor(input / other), with the sign of other, as Python's ``%``."""
    input, other = same_rank(input, other)
    if _promote.is_integral(input):
        return _over(input, other, jnp.remainder)
    return jnp.remainder(_promote.real("remainder_cpu", input), other)


@op(promote="arith", out=True, name=_tensor_form("Fmod"))
def fmod(input: Array, other: Operand):
    """The remainder of input / other with the sign of input, as C's."""
    input, other = same_rank(input, other)
    if _promote.is_integral(input):
        return _over(input, other, jnp.fmod)
    return jnp.fmod(_promote.real("fmod_cpu", input), other)


def _over(input, other, divide):
    """divide(input, other) of integers, where dividing by 0 is an error."""
    _promote.refuse(input, "b", "div_floor_cpu")
    zero = other == 0
    out = divide(input, jnp.where(zero, 1, other))
    return check(out, ~zero, other, "ZeroDivisionError", RuntimeError)


def _scaled(x, alpha):
    return x if alpha is None else jnp.multiply(x, alpha)


# --- powers -------------------------------------------------------------------------------------


def pow(input, exponent, *, out=None):
    """input to the power of exponent; one of them may be a number."""
    if isinstance(exponent, (int, float, complex, np.generic)):
        return _pow_number(input, exponent, out=out)
    if isinstance(input, (int, float, complex, np.generic)):
        return _number_pow(exponent, input, out=out)
    return _pow_tensor(input, exponent, out=out)


@op(out=True, name="PowBackward0")
def _pow_number(input: Array, exponent: float):
    x = _promote.cast(input, _promote.with_number(input, exponent))
    if _promote.is_integral(x):
        if exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if x.dtype == jnp.bool_:
            if exponent not in (0, 1):
                raise _promote.not_implemented("pow", x)
            return x if exponent == 1 else jnp.ones_like(x)
        return lax.integer_pow(x, int(exponent))
    return _promote.cast(_power(_promote.widened(x), exponent), _promote.dtype_of(x))


def _power(x, exponent):
    # A constant exponent is part of the program: as an input of it, x**2 would be 8 times slower.
    # Repeated products lose a little precision with each, so only short ones.
    if exponent == 0.5:
        return jnp.sqrt(x)
    if exponent == -0.5 and not jnp.iscomplexobj(x):
        return lax.rsqrt(x)
    if not isinstance(exponent, complex) and exponent == int_or_none(exponent):
        if -2 <= exponent <= 8:
            return lax.integer_pow(x, int(exponent))
    return lax.pow(x, jnp.asarray(exponent, x.dtype))


def int_or_none(x: float) -> int | None:
    """A finite float's integer part."""
    return int(x) if x - x == 0 else None


@op(promote="arith", out=True, name="PowBackward2")
def _number_pow(exponent: Array, input: Operand):
    return _power_of_arrays(input, exponent)


@op(promote="arith", out=True, name="PowBackward1")
def _pow_tensor(input: Array, exponent: Array):
    return _power_of_arrays(*same_rank(input, exponent))


def _power_of_arrays(x, exponent):
    _promote.refuse(x, "b", "pow")
    if not _promote.is_integral(x):
        # the derivative at 0**0 is 0, though that of x**0 has the factor x**(0 - 1)
        base = jnp.where((exponent == 0) & (x == 0), 1, x)
        if not jnp.iscomplexobj(x):
            return jnp.power(base, exponent)
        nothing = (x == 0) & (exponent.real > 0)  # by logarithms it would be NaN
        return jnp.where(nothing, 0, jnp.power(jnp.where(nothing, 1, base), exponent))
    negative = exponent < 0
    power = jnp.power(x, jnp.where(negative, 0, exponent))
    # only 1 and -1 have integer inverses; torch answers 0 for all others
    odd = (exponent & 1) == 1
    inverse = jnp.where(x == 1, 1, jnp.where(x == -1, jnp.where(odd, -1, 1), 0))
    return jnp.where(negative, inverse.astype(power.dtype), power)


def float_power(input, exponent, *, out=None):
    """input to the power of exponent, computed in float64 or complex128."""
    operands = (
        x if isinstance(x, (int, float, complex)) else _double(x) for x in (input, exponent)
    )
    made = pow(*operands)
    if out is None:
        return made
    if out.dtype is not made.dtype:
        raise RuntimeError(
            f"the output given to float_power has dtype {out.dtype.legacy} but the operation's "
            f"result requires dtype {made.dtype.legacy}"
        )
    return Handles.assign_out(made, out)


def float_power_(input, exponent):
    """float_power in place, for float64 and complex128 only."""
    if input.dtype not in (dtypes.float64, dtypes.complex128):
        raise RuntimeError(
            f"the base given to float_power_ has dtype {input.dtype.legacy} but the operation's "
            "result requires dtype Double"
        )
    return input._write(float_power(input, exponent))


@op(name="ToCopyBackward0")
def _double(input: Array):
    wide = dtypes.complex128 if jnp.iscomplexobj(input) else dtypes.float64
    return _promote.cast(input, wide)


# --- bounds and choice --------------------------------------------------------------------------


def _clamp_name(avals, statics) -> str:
    return f"ClampBackward{int(any(a.kind not in ('array', 'none') for a in avals[1:]))}"


@op(promote="arith", out=True, name=_clamp_name)
def clamp(input: Array, min: Operand | None = None, max: Operand | None = None):
    """input, but not below min and not above max (which wins). At a bound the gradient passes."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if jnp.iscomplexobj(input):
        raise NotImplementedError("clamp is not supported for complex types")
    if min is not None and max is not None:  # by one tensor it is maximum or minimum
        _promote.refuse(input, "b", "clamp_cpu" if min.ndim or max.ndim else "clamp_scalar_cpu")
    out = input
    if min is not None:
        out, min = same_rank(out, min)
        out = jnp.where(out >= min, out, _unless_nan(out, min))
    if max is not None:
        out, max = same_rank(out, max)
        out = jnp.where(out <= max, out, _unless_nan(out, max))
    return out


def _unless_nan(x, bound):
    return jnp.where(x != x, lax.stop_gradient(x), bound)


@op(promote="arith", out=True, name=_tensor_form("ClampMin"))
def clamp_min(input: Array, min: Operand):
    """input, but not below min."""
    return clamp.body(input, min, None)


@op(promote="arith", out=True, name=_tensor_form("ClampMax"))
def clamp_max(input: Array, max: Operand):
    """input, but not above max."""
    return clamp.body(input, None, max)


@op(promote="arith", out=True)
def maximum(input: Array, other: Array):
    """The larger of two; NaN if either is. Equal ones share the gradient."""
    return _extreme("maximum", jnp.maximum, input, other)


@op(promote="arith", out=True)
def minimum(input: Array, other: Array):
    """The smaller of two; NaN if either is. Equal ones share the gradient."""
    return _extreme("minimum", jnp.minimum, input, other)


def _extreme(name, choose, input, other):
    return choose(*same_rank(_real(name, input), other))


def _real(name, x):
    if jnp.iscomplexobj(x):
        raise RuntimeError(f"{name} not implemented for complex tensors.")
    return x


@op(promote="arith", out=True)
def fmax(input: Array, other: Array):
    """The larger of two; the other one of NaN. Of equal ones, the first takes the gradient."""
    input, other = same_rank(_real("fmax", input), other)
    return jnp.where((input >= other) | (other != other), input, other)


@op(promote="arith", out=True)
def fmin(input: Array, other: Array):
    """The smaller of two; the other one of NaN. Of equal ones, the first takes the gradient."""
    input, other = same_rank(_real("fmin", input), other)
    return jnp.where((input <= other) | (other != other), input, other)


@op(promote="arith", out="Expected out type to be {have.legacy} but got {got.legacy}")
def _where(condition: Mask, input: Operand, other: Operand):
    if condition.dtype not in (jnp.bool_, jnp.uint8):
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{_promote.dtype_of(condition).legacy}"
        )
    condition, input, other = same_rank(condition, input, other)
    return jnp.where(condition != 0, input, other)


def where(condition, input=None, other=None, *, out=None):
    """input where the condition holds, other elsewhere; alone, the places where it holds."""
    if input is None and other is None:
        from jaxtorch.ops.masking import nonzero

        return nonzero(condition, as_tuple=True)
    return _where(condition, input, other, out=out)


# --- with three tensors -------------------------------------------------------------------------


@op(out=True, name=_tensor_form("Lerp", 2))
def lerp(input: Array, end: Array, weight: Operand):
    """input + weight * (end - input); the weight a number or a tensor."""
    if _promote.is_integral(input):
        kernel = "tensor" if weight.ndim else "scalar"
        raise _promote.not_implemented(f"lerp_kernel_{kernel}", input)
    for name, x in (("end", end), ("weight", weight)):
        if x.dtype != input.dtype and (name == "end" or x.ndim):
            raise RuntimeError(
                f"expected dtype {_promote.dtype_of(input).cpp} for `{name}` "
                f"but got dtype {_promote.dtype_of(x).cpp}"
            )
    narrow = _promote.dtype_of(input)
    input, end = _promote.widened(input), _promote.widened(end)
    if jnp.iscomplexobj(weight) and not jnp.iscomplexobj(input):
        raise no_room(_promote.dtype_of(input))
    input, end, weight = same_rank(input, end, weight.astype(input.dtype))
    # from the nearer end, so that weight 1 gives exactly `end`
    difference = end - input
    near = jnp.abs(weight) < 0.5
    out = jnp.where(near, input + weight * difference, end - difference * (1 - weight))
    return _promote.cast(out, narrow)


@op(promote="arith", out=True)
def addcmul(input: Array, tensor1: Array, tensor2: Array, *, value: Scalar | None = None):
    """input + value * tensor1 * tensor2."""
    input, tensor1, tensor2 = same_rank(input, tensor1, tensor2)
    _promote.refuse(input, "b", "addcmul_cpu_out")
    return input + _scaled(tensor1, value) * tensor2


@op(promote="arith", out=True)
def addcdiv(input: Array, tensor1: Array, tensor2: Array, *, value: Scalar | None = None):
    """input + value * tensor1 / tensor2; integers are refused."""
    if _promote.is_integral(input):
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv"
            " will perform a true division of tensor1 and tensor2. Convert the inputs to floating "
            "point, or use input + value * torch.trunc(tensor1 / tensor2)."
        )
    input, tensor1, tensor2 = same_rank(input, tensor1, tensor2)
    return input + _scaled(tensor1, value) / tensor2


# --- geometry, signs, logarithms ----------------------------------------------------------------


@op(promote="float", out=True)
def atan2(input: Array, other: Array):
    """The angle of the point (other, input)."""
    return jnp.arctan2(*same_rank(_promote.real("atan2_cpu", input), other))


@op(promote="arith", out=True)
def hypot(input: Array, other: Array):
    """sqrt(input**2 + other**2)."""
    _promote.refuse(input, "biu", "hypot_cpu")
    return jnp.hypot(*same_rank(_promote.real("hypot_cpu", input), other))


def _copysign_name(avals, statics) -> str:
    return f"CopysignBackward{int(avals[1].kind != 'array')}"


@op(promote="float", out=True, name=_copysign_name)
def copysign(input: Array, other: Operand):
    """The magnitude of input with the sign of other."""
    input, other = same_rank(_promote.real("copysign_cpu", input), other)
    # jnp.copysign's derivative is that of other's sign bit: nothing; here it is sign * sign
    flips = jnp.signbit(input) != jnp.signbit(other)
    out = jnp.where(flips, -input, input)
    return jnp.where(input == 0, lax.stop_gradient(out), out)


@op(
    promote="arith",
    nondiff=True,
    out="heaviside is not yet implemented for tensors with different dtypes.",
)
def heaviside(input: Array, values: Array):
    """0 below 0, 1 above, ``values`` at 0."""
    if jnp.iscomplexobj(input):
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    input, values = same_rank(input, values)
    step = (input > 0).astype(input.dtype)
    return jnp.where(input == 0, values, jnp.where(input != input, input, step))


@op(promote="arith", out=True)
def logaddexp(input: Array, other: Array):
    """log(exp(input) + exp(other)), without overflow."""
    _promote.refuse(input, "biu", "logaddexp_cpu")
    input, other = same_rank(input, other)
    if jnp.iscomplexobj(input):
        return log_add_exp_complex(input, other)
    return jnp.logaddexp(input, other)


def log_add_exp_complex(x, y):
    """logaddexp of complex numbers: the larger's imaginary part is not brought to (-pi, pi]."""
    swap = (x.real > y.real) | ((x.real == y.real) & (x.imag > y.imag))
    low, high = jnp.where(swap, y, x), jnp.where(swap, x, y)
    endless = ~jnp.isfinite(low.real) & (low.real == high.real)
    finite = jnp.where(endless, 0, low - high)
    usual = high + jnp.log1p(jnp.exp(finite))
    nan = jnp.full_like(x, complex(jnp.nan, jnp.nan))
    infinite = jnp.where(low.real < 0, low, jnp.log(jnp.exp(low) + jnp.exp(high)))
    found = jnp.where(endless, infinite, usual)
    return jnp.where(jnp.isnan(x) | jnp.isnan(y), nan, found)


@op(promote="arith", out=True)
def logaddexp2(input: Array, other: Array):
    """log2(2**input + 2**other), without overflow."""
    _promote.refuse(input, "biuc", "logaddexp2_cpu")
    return jnp.logaddexp2(*same_rank(input, other))


def _xlogy_name(avals, statics) -> str:
    first, second = (a.kind == "array" for a in avals)
    return f"XlogyBackward{0 if first and second else 1 if second else 2}"


@op(promote="float", out=True, name=_xlogy_name)
def xlogy(input: Operand, other: Operand):
    """input * log(other), and 0 where input is 0 (unless other is NaN)."""
    input, other = same_rank(_promote.real("xlogy_cpu", input), other)
    nothing = (input == 0) & ((other <= 0) | jnp.isposinf(other))
    return input * jnp.log(jnp.where(nothing, 1, other))


@op(promote="narrow", out=True)
def nextafter(input: Array, other: Array):
    """The next representable number after input in the direction of other. Its slope is 1."""
    _promote.refuse(input, "biuc", "nextafter_cpu")
    return _nextafter(*broadcast(input, other))


@jax.custom_jvp
def _nextafter(x, y):
    return lax.nextafter(x, y)


@_nextafter.defjvp
def _nextafter_jvp(primals, tangents):
    x, y = primals
    return _nextafter(x, y), jnp.where(x == y, 0, tangents[0])


def _ldexp_rule(result, out) -> None:
    if not dtypes.can_cast(result.dtype, out.dtype):
        raise RuntimeError(f"ldexp can't be cast to the desired output type {out.dtype.legacy}")


@op(promote="float", out=_ldexp_rule)
def ldexp(input: Array, other: Array):
    """input * 2**other."""
    input, other = same_rank(input, other)
    return input * lax.pow(jnp.full_like(other, 2), other)


@op(out=True, result=return_types.frexp)
def frexp(input: Array):
    """(mantissa in [0.5, 1), int32 exponent) with input = mantissa * 2**exponent."""
    if input.dtype.kind in "biuc":
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    mantissa, exponent = jnp.frexp(_promote.widened(input))
    return mantissa.astype(input.dtype), exponent.astype(jnp.int32)


multiply, subtract = twin(mul, name="multiply"), twin(sub, name="subtract")
divide = twin(div, name="divide")
clip = twin(clamp, name="clip")
arctan2 = twin(atan2, name="arctan2")
