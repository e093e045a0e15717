"""Fourier transforms over one, two or more dims, real and complex."""

from __future__ import annotations

import jax
import numpy as np
from jax import numpy as jnp

from jaxtorch import dtypes
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import Dims, normalize_dim, normalize_dims
from jaxtorch.ops._op import Array, op


def _checked(x: jax.Array, norm: str | None) -> jax.Array:
    if norm not in (None, "forward", "backward", "ortho"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return _promote.widened(_promote.floating(x))


def _length(n: int | None) -> None:
    if n is not None and n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")


def _real_only(name: str, x: jax.Array) -> None:
    if jnp.iscomplexobj(x):
        raise RuntimeError(f"{name} expects a real input tensor, but got ComplexFloat")


# --- one dim ------------------------------------------------------------------------------------


@op(out=True, name="FftR2CBackward0")
def fft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The discrete Fourier transform along dim, cut or padded to n."""
    _length(n)
    return jnp.fft.fft(_checked(input, norm), n, normalize_dim(dim, input.ndim), norm)


@op(out=True, name="FftC2CBackward0")
def ifft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The inverse of fft."""
    _length(n)
    return jnp.fft.ifft(_checked(input, norm), n, normalize_dim(dim, input.ndim), norm)


@op(out=True, name="FftR2CBackward0")
def rfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """fft of a real tensor: the n // 2 + 1 frequencies that are not negative."""
    _length(n)
    _real_only("rfft", input)
    return jnp.fft.rfft(_checked(input, norm), n, normalize_dim(dim, input.ndim), norm)


@op(out=True, name="FftC2RBackward0")
def irfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The inverse of rfft, of length n (2 * (size - 1))."""
    _length(n)
    return jnp.fft.irfft(_checked(input, norm), n, normalize_dim(dim, input.ndim), norm)


@op(out=True, name="FftC2RBackward0")
def hfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """fft of a signal whose transform is real, given its half."""
    _length(n)
    return jnp.fft.hfft(_checked(input, norm), n, normalize_dim(dim, input.ndim), norm)


@op(out=True, name="FftR2CBackward0")
def ihfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The inverse of hfft."""
    _length(n)
    _real_only("ihfft", input)
    return jnp.fft.ihfft(_checked(input, norm), n, normalize_dim(dim, input.ndim), norm)


# --- several dims -------------------------------------------------------------------------------


def _axes(x: jax.Array, s: tuple | None, dim: Dims) -> tuple[tuple | None, tuple[int, ...]]:
    """The sizes (-1: as it is) and dims of a transform over several."""
    if dim is None:
        count = x.ndim if s is None else len(s)
        dim = tuple(range(x.ndim - count, x.ndim))
    dims = normalize_dims(dim, x.ndim, empty_is_all=False)
    if s is not None:
        if len(s) != len(dims):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
        s = tuple(x.shape[d] if size == -1 else size for size, d in zip(s, dims, strict=True))
    return s, dims


def _over_many(transform, input: jax.Array, s: tuple | None, dim: Dims, norm: str | None):
    x = _checked(input, norm)
    s, dims = _axes(x, s, dim)
    return transform(x, s, dims, norm)


@op(out=True, name="FftC2CBackward0")
def fftn(input: Array, s: tuple | None = None, dim: Dims = None, norm: str | None = None):
    """fft over several dims (all, or the last so many as s has)."""
    return _over_many(jnp.fft.fftn, input, s, dim, norm)


@op(out=True, name="FftC2CBackward0")
def ifftn(input: Array, s: tuple | None = None, dim: Dims = None, norm: str | None = None):
    """The inverse of fftn."""
    return _over_many(jnp.fft.ifftn, input, s, dim, norm)


@op(out=True, name="FftR2CBackward0")
def rfftn(input: Array, s: tuple | None = None, dim: Dims = None, norm: str | None = None):
    """rfft over the last of several dims, fft over the others."""
    _real_only("rfftn", input)
    return _over_many(jnp.fft.rfftn, input, s, dim, norm)


@op(out=True, name="FftC2RBackward0")
def irfftn(input: Array, s: tuple | None = None, dim: Dims = None, norm: str | None = None):
    """The inverse of rfftn."""
    return _over_many(jnp.fft.irfftn, input, s, dim, norm)


def fft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """fft over two dims."""
    return fftn(input, s, dim, norm, out=out)


def ifft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """The inverse of fft2."""
    return ifftn(input, s, dim, norm, out=out)


def rfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """rfft over the second of two dims, fft over the first."""
    return rfftn(input, s, dim, norm, out=out)


def irfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """The inverse of rfft2."""
    return irfftn(input, s, dim, norm, out=out)


# --- frequencies --------------------------------------------------------------------------------


@op(name="RollBackward0")
def fftshift(input: Array, dim: Dims = None):
    """Frequency 0 moved to the middle of dims (all)."""
    return jnp.fft.fftshift(input, normalize_dims(dim, input.ndim))


@op(name="RollBackward0")
def ifftshift(input: Array, dim: Dims = None):
    """The inverse of fftshift."""
    return jnp.fft.ifftshift(input, normalize_dims(dim, input.ndim))


def fftfreq(n: int, d: float = 1.0, *, dtype=None, device=None, requires_grad=False):
    """The frequencies that fft of n samples with spacing d gives."""
    return _frequencies(np.fft.fftfreq(n, d), dtype, device, requires_grad)


def rfftfreq(n: int, d: float = 1.0, *, dtype=None, device=None, requires_grad=False):
    """The frequencies that rfft of n samples with spacing d gives."""
    return _frequencies(np.fft.rfftfreq(n, d), dtype, device, requires_grad)


def _frequencies(values: np.ndarray, dtype, device, requires_grad: bool):
    from jaxtorch.ops.data import tensor

    dtype = dtype or dtypes.get_default_dtype()
    return tensor(values, dtype=dtype, device=device, requires_grad=requires_grad)
