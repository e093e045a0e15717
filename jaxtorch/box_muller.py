"""Pairs of uniforms to pairs of normals, rounding where PyTorch's CPU kernels round.

float32: ``log`` and ``sincos`` are the Cephes polynomials of its AVX2 kernel, each step a fused
multiply-add, which NumPy has not: the product is exact in float64, and the sum is rounded there and
then to float32. (Rounding twice differs from rounding once in about 1 of 5e8 steps, by an ulp.)
float64: the C library's functions.
"""

from __future__ import annotations

import math

import numpy as np

BLOCK = 16  # eight radii, eight angles
_CHUNK = 16384  # radii at a time: the temporaries stay in cache

_f32 = np.float32
_LOG = [
    float(_f32(c))
    for c in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
        -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
]  # fmt: skip
_LN2_LOW, _LN2_HIGH = _f32(-2.12194440e-4), float(_f32(0.693359375))
_SQRT_HALF = _f32(0.707106781186547524)
_FOUR_OVER_PI = _f32(1.27323954473516)
_PI_4 = [float(_f32(c)) for c in (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)]
_COS = [float(_f32(c)) for c in (2.443315711809948e-5, -1.388731625493765e-3, 4.16666456829882e-2)]
_SIN = [float(_f32(c)) for c in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)]
_TWO_PI = _f32(2 * math.pi)


def box_muller_float32(words: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Normals, float32, from uint32 words; their number is a multiple of 16."""
    out = np.empty(words.shape, _f32)
    pairs, normals = words.reshape(-1, 2, 8), out.reshape(-1, 2, 8)
    step = _CHUNK // 8
    for i in range(0, len(pairs), step):
        chunk = (pairs[i : i + step] & np.uint32(2**24 - 1)).astype(_f32)
        chunk *= _f32(2.0**-24)
        radius = np.sqrt(_f32(-2) * _log(_f32(1) - chunk[:, 0]))
        sine, cosine = _sincos(_TWO_PI * chunk[:, 1])
        normals[i : i + step, 0] = _fma(radius * cosine, float(_f32(std)), float(_f32(mean)))
        normals[i : i + step, 1] = _fma(radius * sine, float(_f32(std)), float(_f32(mean)))
    return out


def _fma(a, b, c):
    """a * b + c, rounded once (but see above). ``b`` and ``c``: float64 arrays or numbers."""
    y = a.astype(np.float64)
    y *= b
    y += c
    return y.astype(_f32)


def _log(x):
    bits = x.view(np.int32)
    exponent = ((bits >> 23) - 126).astype(_f32)
    x = ((bits & 0x7FFFFF) | 0x3F000000).view(_f32)  # the significand, in [0.5, 1)
    small = x < _SQRT_HALF
    exponent -= small
    x = np.where(small, x, 0) + (x - _f32(1))
    wide, z = x.astype(np.float64), x * x
    y = np.full_like(x, _LOG[0])
    for c in _LOG[1:]:
        y = _fma(y, wide, c)
    y = _fma(y * x, z.astype(np.float64), exponent * _LN2_LOW)
    y = _fma(z, -0.5, y)
    return _fma(exponent, _LN2_HIGH, x + y)


def _sincos(x):
    """For x >= 0."""
    octant = (x * _FOUR_OVER_PI).astype(np.int32)
    octant = (octant + 1) & ~1
    turns = octant.astype(_f32)
    for c in _PI_4:
        x = _fma(turns, c, x)
    z = x * x
    wide = z.astype(np.float64)
    cosine = _fma(_fma(z, _COS[0], _COS[1]), wide, _COS[2]) * z
    cosine = _fma(cosine, wide, z * _f32(-0.5)) + _f32(1)
    sine = _fma(_fma(z, _SIN[0], _SIN[1]), wide, _SIN[2]) * z
    sine = _fma(sine, x.astype(np.float64), x)
    swap = (octant & 2) != 0
    sine_flip = (octant & 4) << 29
    cosine_flip = (~(octant - 2) & 4) << 29
    s, c = np.where(swap, cosine, sine), np.where(swap, sine, cosine)
    return (s.view(np.int32) ^ sine_flip).view(_f32), (c.view(np.int32) ^ cosine_flip).view(_f32)


def box_muller_float64(uniforms: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Normals, float64, from uniforms; their number is a multiple of 16."""
    pairs = uniforms.reshape(-1, 2, BLOCK // 2)
    radius = np.sqrt(-2 * libm(math.log, 1 - pairs[:, 0]))
    angle = 2 * math.pi * pairs[:, 1]
    normals = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return fma(normals, std, mean).reshape(-1)


def libm(function, x: np.ndarray) -> np.ndarray:
    """The C library's own rounding of ``function``, where NumPy's vector form has another."""
    return np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)


def fma(x: np.ndarray, factor: float, term: float) -> np.ndarray:
    """x * factor + term in float64, rounded once: Dekker's exact product, Knuth's exact sum."""
    if factor == 1:
        return x + term
    product = x * factor
    x_high, factor_high = _halve(x), _halve(np.float64(factor))
    x_low, factor_low = x - x_high, factor - factor_high
    lost = x_high * factor_high - product + x_high * factor_low + x_low * factor_high
    lost += x_low * factor_low
    total = product + term
    part = total - product
    lost += (product - (total - part)) + (term - part)
    return total + lost


def _halve(x):
    """The leading 26 bits of each significand."""
    c = x * (2.0**27 + 1)
    return c - (c - x)
