"""Mathematics of one tensor, element by element. (Two or more: ``arithmetic``.)"""

from __future__ import annotations

import math

import jax
from jax import lax, numpy as jnp, scipy

from jaxtorch import dtypes
from jaxtorch.ops import _gamma, _promote
from jaxtorch.ops._op import FOUND, Array, op, twin
from jaxtorch.ops.views import _conj

# --- integers stay integers ---------------------------------------------------------------------


@jax.custom_jvp
def magnitude(x: jax.Array) -> jax.Array:
    """|x|, with torch's derivative: 0 at 0 and for NaN, where JAX has 1 and -1."""
    return jnp.abs(x)


@magnitude.defjvp
def _magnitude_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    direction = sgn.body(x)
    return magnitude(x), (jnp.conj(direction) * t).real if jnp.iscomplexobj(x) else direction * t


@op(promote="arith", out=FOUND)
def abs(input: Array):
    """The absolute value; of a complex number its modulus."""
    _promote.refuse(input, "b", "abs_cpu")
    return magnitude(input)


@op(promote="arith", out=FOUND)
def neg(input: Array):
    """-input; bool is refused."""
    if input.dtype == jnp.bool_:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )
    return -input


def positive(input):
    """input itself; bool is refused."""
    if input.dtype is dtypes.bool:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@op(promote="arith", out=FOUND)
def sign(input: Array):
    """-1, 0 or 1, and 0 for NaN; its derivative is 0."""
    if jnp.iscomplexobj(input):
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. "
            "Please use torch.sgn instead."
        )
    if input.dtype == jnp.bool_:
        return input
    return jnp.where(jnp.isnan(input), jnp.zeros_like(input), jnp.sign(input))


@op(promote="arith", out=FOUND)
def sgn(input: Array):
    """sign, and for a complex number the number of modulus 1 that points its way."""
    if jnp.iscomplexobj(input):
        modulus = magnitude(input)
        zero = modulus == 0
        return jnp.where(zero, jnp.zeros_like(input), input / jnp.where(zero, 1, modulus))
    return sign.body(input)


@op(promote="arith", out=True, name="PowBackward0")
def square(input: Array):
    """input * input."""
    return input * input if input.dtype != jnp.bool_ else input.astype(_promote.width(dtypes.int64))


def _rounded(kernel: str, rounding, input: jax.Array):
    if jnp.iscomplexobj(input) and "round" not in kernel:
        name = kernel.removesuffix("_vml_cpu")
        raise NotImplementedError(f"{name} is not supported for complex inputs")
    _promote.refuse(input, "bc", kernel)
    return rounding(input) if jnp.issubdtype(input.dtype, jnp.floating) else input


@op(promote="arith", out=FOUND)
def floor(input: Array):
    """The largest integer not above, as a float; integers stay."""
    return _rounded("floor_vml_cpu", jnp.floor, input)


@op(promote="arith", out=FOUND)
def ceil(input: Array):
    """The smallest integer not below, as a float; integers stay."""
    return _rounded("ceil_vml_cpu", jnp.ceil, input)


@op(promote="arith", out=FOUND)
def trunc(input: Array):
    """The integer part, as a float; integers stay."""
    return _rounded("trunc_vml_cpu", jnp.trunc, input)


@op(promote="arith", out=FOUND, name=lambda avals, statics: f"RoundBackward{_round_form(statics)}")
def round(input: Array, *, decimals: int = 0):
    """To the nearest integer, halves to the even one; or to so many decimals."""
    if decimals == 0:
        return _rounded("round_vml_cpu", jnp.round, input)
    _promote.refuse(input, "biuc", "round_cpu")
    factor = jnp.asarray(10.0 ** math.fabs(decimals), input.dtype)
    if decimals > 0:
        return jnp.round(input * factor) / factor
    return jnp.round(input / factor) * factor


def _round_form(statics: dict) -> int:
    return 1 if statics["decimals"] else 0


@op(promote="arith", out=FOUND)
def frac(input: Array):
    """input - trunc(input), with input's sign."""
    _promote.refuse(input, "biu", "frac_cpu")
    return input - jnp.trunc(_promote.real("frac_cpu", input))


@op(promote="arith", nondiff=True, out="signbit does not support non-boolean outputs.")
def signbit(input: Array):
    """Whether the sign bit is set: also of -0.0."""
    if input.dtype == jnp.bool_:
        return jnp.zeros_like(input)
    return (
        input < 0
        if _promote.is_integral(input)
        else jnp.signbit(_promote.real("signbit_cpu", input))
    )


@op(
    promote="arith",
    out="nan_to_num: dtype of out: {got.legacy} should be same as input: {have.legacy}",
)
def nan_to_num(
    input: Array, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
):
    """NaN as ``nan`` (0), infinities as given or as the largest finite numbers."""
    if _promote.is_integral(input):
        return input
    return jnp.nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


# --- complex numbers ----------------------------------------------------------------------------


@op(out=FOUND)
def _conj_physical(input: Array):
    return jnp.conj(input)


def conj(input):
    """The complex conjugate, a view; of a real tensor, itself."""
    return _conj(input) if input.dtype.is_complex else input


def conj_physical(input, *, out=None):
    """The complex conjugate; a real tensor itself."""
    return _conj_physical(input, out=out) if input.dtype.is_complex or out is not None else input


def resolve_conj(input):
    """input, or a copy of what is a view of another's conjugate."""
    return input.clone() if input.is_conj() else input


def resolve_neg(input):
    """input, or a copy of what is a view of the imaginary part of a conjugate."""
    return input.clone() if input.is_neg() else input


@op(promote="float", out=True)
def angle(input: Array):
    """The argument of a complex number; of a real one 0, pi or NaN."""
    if jnp.iscomplexobj(input):
        return jnp.angle(input)
    turned = jnp.where(input < 0, jnp.asarray(math.pi, input.dtype), jnp.zeros_like(input))
    return jnp.where(jnp.isnan(input), lax.stop_gradient(input), turned)


# --- powers, exponentials, logarithms -----------------------------------------------------------


@op(promote="float", out=True)
def sqrt(input: Array):
    """The square root; NaN below 0."""
    return jnp.sqrt(input)


@op(promote="float", out=True)
def rsqrt(input: Array):
    """1 / sqrt(input)."""
    return lax.rsqrt(input)


@op(promote="float", out=True)
def reciprocal(input: Array):
    """1 / input."""
    return 1 / input


@op(promote="float", out=True)
def exp(input: Array):
    """e to the power of input."""
    if jnp.iscomplexobj(input):  # 0 at minus infinity, whatever the imaginary part
        gone = input.real == -jnp.inf
        return jnp.where(gone, 0, jnp.exp(jnp.where(gone, 0, input)))
    return jnp.exp(input)


@op(promote="float", out=True)
def exp2(input: Array):
    """2 to the power of input."""
    # 2.0**x is exact for whole x, jnp.exp2 is not
    return jnp.exp2(input) if jnp.iscomplexobj(input) else lax.pow(jnp.full_like(input, 2), input)


@op(promote="float", out=True)
def expm1(input: Array):
    """exp(input) - 1, exact near 0."""
    return jnp.expm1(input)


@op(promote="float", out=True)
def log(input: Array):
    """The natural logarithm."""
    return jnp.log(input)


@op(promote="float", out=True)
def log2(input: Array):
    """The logarithm to base 2."""
    return jnp.log2(input)


@op(promote="float", out=True)
def log10(input: Array):
    """The logarithm to base 10."""
    return jnp.log10(input)


@op(promote="float", out=True, name="Log1PBackward0")
def log1p(input: Array):
    """log(1 + input), exact near 0."""
    return jnp.log1p(input)


@op(promote="float", out=True)
def sigmoid(input: Array):
    """1 / (1 + exp(-input))."""
    return lax.logistic(input)


@op(promote="float", out=True)
def logit(input: Array, eps: float | None = None):
    """log(x / (1 - x)), the inverse of sigmoid; x is clamped to [eps, 1 - eps] if eps is given."""
    x = _promote.real("logit_cpu", input)
    if eps is not None:
        low, high = jnp.asarray(eps, x.dtype), jnp.asarray(1 - eps, x.dtype)
        x = jnp.where(x < low, low, jnp.where(x > high, high, x))
    return jnp.log(x / (1 - x))


# --- trigonometry -------------------------------------------------------------------------------


@op(promote="float", out=True)
def sin(input: Array):
    """The sine of an angle in radians."""
    return jnp.sin(input)


@op(promote="float", out=True)
def cos(input: Array):
    """The cosine of an angle in radians."""
    return jnp.cos(input)


@op(promote="float", out=True)
def tan(input: Array):
    """The tangent of an angle in radians."""
    return jnp.tan(input)


@op(promote="float", out=True)
def asin(input: Array):
    """The angle in [-pi/2, pi/2] whose sine is given."""
    return jnp.arcsin(input)


@op(promote="float", out=True)
def acos(input: Array):
    """The angle in [0, pi] whose cosine is given."""
    return jnp.arccos(input)


@op(promote="float", out=True)
def atan(input: Array):
    """The angle in [-pi/2, pi/2] whose tangent is given."""
    return jnp.arctan(input)


@op(promote="float", out=True)
def sinh(input: Array):
    """The hyperbolic sine."""
    return jnp.sinh(input)


@op(promote="float", out=True)
def cosh(input: Array):
    """The hyperbolic cosine."""
    return jnp.cosh(input)


@op(promote="float", out=True)
def tanh(input: Array):
    """The hyperbolic tangent."""
    return jnp.tanh(input)


@op(promote="float", out=True)
def asinh(input: Array):
    """The inverse of sinh."""
    return jnp.arcsinh(input)


@op(promote="float", out=True)
def acosh(input: Array):
    """The inverse of cosh; NaN below 1."""
    return jnp.arccosh(input)


@op(promote="float", out=True)
def atanh(input: Array):
    """The inverse of tanh; NaN outside [-1, 1]."""
    return jnp.arctanh(input)


@op(promote="float", out=True)
def sinc(input: Array):
    """sin(pi x) / (pi x), and 1 at 0."""
    return jnp.sinc(input)


def _no_complex(name: str, input: jax.Array) -> jax.Array:
    if jnp.iscomplexobj(input):
        raise RuntimeError(f"{name} is not supported for complex tensors.")
    return input


@op(promote="float", out=True, name="Deg2RadBackward0")
def deg2rad(input: Array):
    """Degrees as radians."""
    return _no_complex("deg2rad", input) * jnp.asarray(math.pi / 180, input.dtype)


@op(promote="float", out=True, name="Rad2DegBackward0")
def rad2deg(input: Array):
    """Radians as degrees."""
    return _no_complex("rad2deg", input) * jnp.asarray(180 / math.pi, input.dtype)


# --- the error function and the gamma function (their relatives: special) -----------------------


@op(promote="float", out=True)
def erf(input: Array):
    """The error function."""
    return lax.erf(_promote.real("erf_vml_cpu", input))


@op(promote="float", out=True)
def erfc(input: Array):
    """1 - erf(input), exact for large input."""
    return lax.erfc(_promote.real("erfc_vml_cpu", input))


@op(promote="float", out=True)
def erfinv(input: Array):
    """The inverse of erf; infinite at -1 and 1."""
    return lax.erf_inv(_promote.real("erfinv_vml_cpu", input))


@op(promote="float", out=True)
def lgamma(input: Array):
    """log(|gamma(input)|)."""
    return _gamma.lgamma(_promote.real("lgamma_vml_cpu", input))


@op(promote="float", out=True)
def digamma(input: Array):
    """The derivative of lgamma; at the poles NaN, at 0 the infinity of the other sign."""
    return _gamma.digamma(_promote.real("digamma", input))


@op(promote="float", out=True)
def i0(input: Array):
    """The modified Bessel function of the first kind, order 0."""
    return _i0(_promote.real("i0_vml_cpu", input))


@jax.custom_jvp
def _i0(x):
    return scipy.special.i0(x)


@_i0.defjvp
def _i0_jvp(primals, tangents):
    # JAX differentiates exp(|x|), whose derivative at 0 is not 0
    return _i0(*primals), bessel_i1(*primals) * tangents[0]


@jax.custom_jvp
def bessel_i1(x):
    """The modified Bessel function of order 1, with derivatives that hold at 0 as well."""
    return scipy.special.i1(x)


@bessel_i1.defjvp
def _bessel_i1_jvp(primals, tangents):
    (x,) = primals
    zero = x == 0
    ratio = jnp.where(zero, 0.5, bessel_i1(x) / jnp.where(zero, 1, x))
    return bessel_i1(x), (_i0(x) - ratio) * tangents[0]


absolute = twin(abs, name="absolute")
negative = twin(neg, name="negative")
fix = twin(trunc, name="fix")
arcsin, arccos = twin(asin, name="arcsin"), twin(acos, name="arccos")
arctan, arcsinh = twin(atan, name="arctan"), twin(asinh, name="arcsinh")
arccosh, arctanh = twin(acosh, name="arccosh"), twin(atanh, name="arctanh")
