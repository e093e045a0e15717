"""Special functions: relatives of the gamma function, Bessel functions, the normal distribution."""

from __future__ import annotations

import math

import jax
from jax import numpy as jnp, scipy
from jax.scipy import special as jsp

from jaxtorch.ops import _gamma, arithmetic, pointwise, reduction
from jaxtorch.ops._dims import same_rank
from jaxtorch.ops._op import Array, Operand, op
from jaxtorch.ops._promote import refuse

# --- gamma --------------------------------------------------------------------------------------


@op(promote="float", out=True, name="PolygammaBackward0")
def _polygamma(input: Array, n: int):
    refuse(input, "c", "polygamma" if n > 1 else "trigamma" if n else "digamma")
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return _gamma.polygamma(n, input)


def polygamma(n, input, *, out=None):
    """The n-th derivative of digamma."""
    return _polygamma(input, n, out=out)


def polygamma_of(input, n):
    """polygamma with its arguments in the order of the method."""
    return _polygamma(input, n)


@op(promote="float", out=True, name="MvlgammaBackward0")
def multigammaln(input: Array, p: int):
    """The logarithm of the multivariate gamma function of dimension p."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    constant = p * (p - 1) / 4 * math.log(math.pi)
    parts = [jax.lax.lgamma(input - jnp.asarray(j / 2, input.dtype)) for j in range(p)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total + jnp.asarray(constant, input.dtype)


@op(promote="arith", out=True, name="IgammaBackward0")
def gammainc(input: Array, other: Array):
    """The regularised lower incomplete gamma function P(input, other)."""
    refuse(input, "biuc", "igamma_cpu")
    return jsp.gammainc(*same_rank(input, other))


@op(promote="arith", out=True, name="IgammacBackward0")
def gammaincc(input: Array, other: Array):
    """The regularised upper incomplete gamma function Q(input, other)."""
    refuse(input, "biuc", "igammac_cpu")
    return jsp.gammaincc(*same_rank(input, other))


@op(promote="float", out=True, name="SpecialZetaBackward0")
def zeta(input: Operand, other: Operand):
    """The Hurwitz zeta function."""
    return _gamma.zeta(*jnp.broadcast_arrays(*same_rank(input, other)))


# --- Bessel functions ---------------------------------------------------------------------------


@op(promote="float", out=True, name="SpecialI0EBackward0")
def i0e(input: Array):
    """exp(-|x|) i0(x)."""
    return jsp.i0e(input)


@op(promote="float", out=True, name="SpecialI1Backward0")
def i1(input: Array):
    """The modified Bessel function of the first kind, order 1."""
    return pointwise.bessel_i1(input)


@op(promote="float", out=True, name="SpecialI1EBackward0")
def i1e(input: Array):
    """exp(-|x|) i1(x)."""
    return jsp.i1e(input)


# --- the normal distribution, entropy, logarithms -----------------------------------------------


@op(promote="float", out=True, name="SpecialErfcxBackward0")
def erfcx(input: Array):
    """exp(x**2) erfc(x), without overflow for large x."""
    refuse(input, "c", "erfcx_cpu")
    # the continued fraction's first terms where erfc underflows
    large = input > 9
    x = jnp.where(large, input, jnp.asarray(9, input.dtype))
    square = x * x
    tail = (1 - 0.5 / square + 0.75 / square**2) / (x * jnp.asarray(math.sqrt(math.pi), x.dtype))
    small = jnp.where(large, jnp.zeros_like(input), input)
    return jnp.where(large, tail, jnp.exp(small * small) * jax.lax.erfc(small))


@op(promote="float", out=True, name="MulBackward1")
def ndtr(input: Array):
    """The cumulative distribution function of the normal distribution."""
    return (1 + jax.lax.erf(input * jnp.asarray(math.sqrt(0.5), input.dtype))) * 0.5


@op(promote="float", out=True, name="SpecialNdtriBackward0")
def ndtri(input: Array):
    """The inverse of ndtr."""
    refuse(input, "c", "ndtri_cpu")
    return jsp.ndtri(input)


@op(promote="float", out=True, name="SpecialLogNdtrBackward0")
def log_ndtr(input: Array):
    """log(ndtr(x)), exact for very negative x."""
    refuse(input, "c", "log_ndtr_cpu")
    return jsp.log_ndtr(input)


@op(promote="float", out=True, name="SpecialEntrBackward0")
def entr(input: Array):
    """-x log(x); 0 at 0, minus infinity below."""
    return jsp.entr(input)


@op(promote="float", out=True, name="SpecialXlog1PyBackward0")
def xlog1py(input: Operand, other: Operand):
    """input * log1p(other), and 0 where input is 0 (unless other is NaN)."""
    refuse(input, "c", "xlog1py_cpu")
    return scipy.special.xlog1py(*same_rank(input, other))


# Names that torch.special shares with torch.
psi = digamma = pointwise.digamma
expit = pointwise.sigmoid
gammaln = pointwise.lgamma
erf, erfc, erfinv = pointwise.erf, pointwise.erfc, pointwise.erfinv
exp2, expm1, log1p = pointwise.exp2, pointwise.expm1, pointwise.log1p
i0, logit, round, sinc = pointwise.i0, pointwise.logit, pointwise.round, pointwise.sinc
logsumexp = reduction.logsumexp
xlogy = arithmetic.xlogy
