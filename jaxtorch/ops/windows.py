"""Windows of signal processing: hann, hamming, blackman, bartlett, kaiser."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops._op import Scalar, op
from jaxtorch.ops._promote import width
from jaxtorch.ops.creation import _made


def _places(length: int, periodic: bool, dtype):
    """0 to 1 over the window; a periodic one is cut from a window of one more."""
    steps = length if periodic else length - 1
    return lax.iota(jnp.int32, length).astype(width(dtype)) / steps


@op(nondiff=True)
def _cosines(length: int, a: Scalar, b: Scalar, c: Scalar, periodic: bool, dtype: dtypes.dtype):
    """a - b cos(x) + c cos(2x)."""
    x = _places(length, periodic, dtype) * (2 * math.pi)
    a, b, c = (n.astype(x.dtype) for n in (a, b, c))
    return a - b * jnp.cos(x) + c * jnp.cos(2 * x)


@op(nondiff=True)
def _bartlett(length: int, periodic: bool, dtype: dtypes.dtype):
    x = _places(length, periodic, dtype) * 2
    return jnp.where(x <= 1, x, 2 - x)


@op(nondiff=True)
def _kaiser(length: int, beta: Scalar, periodic: bool, dtype: dtypes.dtype):
    x = _places(length, periodic, dtype) * 2 - 1
    beta = beta.astype(x.dtype)
    return jnp.i0(beta * jnp.sqrt(jnp.maximum(1 - x * x, 0))) / jnp.i0(beta)


def _window(name: str, make: Any, length: int, *args, dtype=None, **options):
    dtype = dtypes.of(dtype)
    if dtype is not None and not dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if length < 0:
        raise RuntimeError(
            f"{name} requires non-negative window_length, got window_length={length}"
        )
    if length == 1:
        make, args = _flat, ()
    return _made(lambda d: make(length, *args, d), dtype=dtype, **options)


@op(nondiff=True)
def _flat(length: int, dtype: dtypes.dtype):
    return jnp.ones(length, width(dtype))


def hann_window(window_length: int, periodic: bool = True, **options):
    """sin(pi n / N) ** 2."""
    return _window("hann_window", _cosines, window_length, 0.5, 0.5, 0.0, periodic, **options)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, **options
):
    """alpha - beta cos(2 pi n / N)."""
    return _window("hamming_window", _cosines, window_length, alpha, beta, 0.0, periodic, **options)


def blackman_window(window_length: int, periodic: bool = True, **options):
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)."""
    return _window("blackman_window", _cosines, window_length, 0.42, 0.5, 0.08, periodic, **options)


def bartlett_window(window_length: int, periodic: bool = True, **options):
    """A triangle."""
    return _window("bartlett_window", _bartlett, window_length, periodic, **options)


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, **options):
    """I0(beta sqrt(1 - x ** 2)) / I0(beta) for x from -1 to 1."""
    return _window("kaiser_window", _kaiser, window_length, float(beta), periodic, **options)
