"""Bessel functions and Ai, by the Cephes library's approximations. As in torch, no derivatives."""

from __future__ import annotations

import math
from functools import partial

import jax
from jax import numpy as jnp
from jax.scipy import special as jsp

from jaxtorch.ops import _cephes
from jaxtorch.ops._cephes import chebyshev, polynomial, ratio
from jaxtorch.ops._op import Array, op
from jaxtorch.ops._promote import refuse

_plain = partial(op, promote="float", nondiff=True, out=True)


def _below(x: jax.Array, bound: float) -> jax.Array:
    """x where the formula for small x holds, elsewhere the bound: nothing overflows there."""
    return jnp.where(x <= bound, x, bound)


def _above(x: jax.Array, bound: float) -> jax.Array:
    return jnp.where(x <= bound, bound, x)  # NaN stays


# --- J and Y: rational up to 5, then Hankel's asymptotic form -----------------------------------


def _hankel(x, order: int, pp, pq, qp, qq):
    """(modulus times cos of its phase, the same with sin) of the wave at x > 5."""
    z = 25 / (x * x)
    p, q = ratio(pp, pq, z), 5 / x * ratio(qp, qq, z)
    phase = x - (2 * order + 1) * math.pi / 4
    scale = math.sqrt(2 / math.pi) / jnp.sqrt(x)
    cos, sin = jnp.cos(phase), jnp.sin(phase)
    return (p * cos - q * sin) * scale, (p * sin + q * cos) * scale


_hankel0 = partial(_hankel, order=0, pp=_cephes.J0_PP, pq=_cephes.J0_PQ, qp=_cephes.J0_QP,
                   qq=_cephes.J0_QQ)  # fmt: skip
_hankel1 = partial(_hankel, order=1, pp=_cephes.J1_PP, pq=_cephes.J1_PQ, qp=_cephes.J1_QP,
                   qq=_cephes.J1_QQ)  # fmt: skip


@_plain
def bessel_j0(input: Array):
    """The Bessel function of the first kind, order 0."""
    refuse(input, "c", "bessel_j0_cpu")
    x = jnp.abs(input)
    z = _below(x, 5.0) ** 2
    small = (z - 5.78318596294678452118) * (z - 30.4712623436620863991)
    small = small * ratio(_cephes.J0_RP, _cephes.J0_RQ, z)
    small = jnp.where(x < 1e-5, 1 - z / 4, small)
    return jnp.where(x <= 5, small, _hankel0(_above(x, 5.0))[0])


@_plain
def bessel_j1(input: Array):
    """The Bessel function of the first kind, order 1."""
    refuse(input, "c", "bessel_j1_cpu")
    x = jnp.abs(input)
    low = _below(x, 5.0)
    z = low * low
    small = low * (z - 14.6819706421238932572) * (z - 49.2184563216946036703)
    small = small * ratio(_cephes.J1_RP, _cephes.J1_RQ, z)
    found = jnp.where(x <= 5, small, _hankel1(_above(x, 5.0))[0])
    return jnp.where(input < 0, -found, found)


@_plain
def bessel_y0(input: Array):
    """The Bessel function of the second kind, order 0."""
    refuse(input, "c", "bessel_y0_cpu")
    x = _below(input, 5.0)
    small = ratio(_cephes.Y0_YP, _cephes.Y0_YQ, x * x)
    small = small + 2 / math.pi * jnp.log(x) * bessel_j0.body(x)
    return _from_zero(input, jnp.where(input <= 5, small, _hankel0(_above(input, 5.0))[1]), -1)


@_plain
def bessel_y1(input: Array):
    """The Bessel function of the second kind, order 1."""
    refuse(input, "c", "bessel_y1_cpu")
    x = _below(input, 5.0)
    small = x * ratio(_cephes.Y1_YP, _cephes.Y1_YQ, x * x)
    small = small + 2 / math.pi * (bessel_j1.body(x) * jnp.log(x) - 1 / x)
    return _from_zero(input, jnp.where(input <= 5, small, _hankel1(_above(input, 5.0))[1]), -1)


def _from_zero(x, found, sign: int):
    """``found`` above 0; there the infinity of this sign, below it NaN."""
    return jnp.where(x == 0, sign * math.inf, jnp.where(x < 0, math.nan, found))


# --- I and K ------------------------------------------------------------------------------------


@_plain
def modified_bessel_i0(input: Array):
    """The modified Bessel function of the first kind, order 0."""
    refuse(input, "c", "modified_bessel_i0_cpu")
    return jsp.i0(input)


@_plain
def modified_bessel_i1(input: Array):
    """The modified Bessel function of the first kind, order 1."""
    refuse(input, "c", "modified_bessel_i1_cpu")
    return jsp.i1(input)


def _scaled_k0(input):
    x = _below(input, 2.0)
    small = chebyshev(_cephes.K0_A, x * x - 2) - jnp.log(x / 2) * jsp.i0(x)
    return _scaled_k(input, small * jnp.exp(x), _cephes.K0_B)


def _scaled_k1(input):
    x = _below(input, 2.0)
    small = jnp.log(x / 2) * jsp.i1(x) + chebyshev(_cephes.K1_A, x * x - 2) / x
    return _scaled_k(input, small * jnp.exp(x), _cephes.K1_B)


def _scaled_k(input, small, coefficients):
    x = _above(input, 2.0)
    large = chebyshev(coefficients, 8 / x - 2) / jnp.sqrt(x)
    return _from_zero(input, jnp.where(input <= 2, small, large), 1)


@_plain
def scaled_modified_bessel_k0(input: Array):
    """exp(x) K0(x)."""
    refuse(input, "c", "scaled_modified_bessel_k0_cpu")
    return _scaled_k0(input)


@_plain
def scaled_modified_bessel_k1(input: Array):
    """exp(x) K1(x)."""
    refuse(input, "c", "scaled_modified_bessel_k1_cpu")
    return _scaled_k1(input)


@_plain
def modified_bessel_k0(input: Array):
    """The modified Bessel function of the second kind, order 0."""
    refuse(input, "c", "modified_bessel_k0_cpu")
    return jnp.exp(-input) * _scaled_k0(input)


@_plain
def modified_bessel_k1(input: Array):
    """The modified Bessel function of the second kind, order 1."""
    refuse(input, "c", "modified_bessel_k1_cpu")
    return jnp.exp(-input) * _scaled_k1(input)


@_plain
def spherical_bessel_j0(input: Array):
    """sin(x) / x, by its series near 0."""
    refuse(input, "c", "spherical_bessel_j0_cpu")
    near = jnp.abs(input) < 0.5
    z = jnp.where(near, input, 0) ** 2
    series = polynomial(tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(6, -1, -1)), z)
    away = jnp.sin(input) / jnp.where(near, 1, input)
    return jnp.where(jnp.isinf(input), 0, jnp.where(near, series, away))


# --- Ai -----------------------------------------------------------------------------------------

_AI_0, _SLOPE_0 = 0.355028053887817239260, 0.258819403792806798405  # Ai(0), -Ai'(0)


@_plain
def airy_ai(input: Array):
    """The Airy function Ai; NaN at the infinities."""
    refuse(input, "c", "airy_ai_cpu")
    decaying, waving = _airy_decaying(_above(input, 2.09)), _airy_waving(-_below(input, -2.09))
    middle = _airy_series(jnp.clip(input, -2.09, 2.09))
    found = jnp.where(input >= 2.09, decaying, jnp.where(input < -2.09, waving, middle))
    return jnp.where(jnp.isinf(input), math.nan, jnp.where(input > 103.892, 0, found))


def _airy_decaying(x):
    zeta = 2 * x * jnp.sqrt(x) / 3
    scale = 2 * math.sqrt(math.pi) * jnp.sqrt(jnp.sqrt(x)) * jnp.exp(zeta)
    return ratio(_cephes.AIRY_N, _cephes.AIRY_D, 1 / zeta) / scale


def _airy_waving(x):
    zeta = 2 * x * jnp.sqrt(x) / 3
    z = 1 / (zeta * zeta)
    cosine = 1 + z * ratio(_cephes.AIRY_FN, _cephes.AIRY_FD, z)
    sine = ratio(_cephes.AIRY_GN, _cephes.AIRY_GD, z) / zeta
    phase = zeta + math.pi / 4
    wave = jnp.sin(phase) * cosine - jnp.cos(phase) * sine
    return wave / (math.sqrt(math.pi) * jnp.sqrt(jnp.sqrt(x)))


def _airy_series(x):
    """Maclaurin's series: 17 terms of each part reach the last digit at |x| = 2.09."""
    cube = x**3
    f = g = jnp.ones_like(x)
    for k in range(48, 0, -3):
        f = 1 + f * cube / (k * (k - 1))
        g = 1 + g * cube / (k * (k + 1))
    return _AI_0 * f - _SLOPE_0 * x * g
