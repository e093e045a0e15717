"""Fourier transforms over one, two or more dims, real and complex."""

from __future__ import annotations

import jax
import numpy as np
from jax import numpy as jnp

from jaxtorch import dtypes
from jaxtorch.ops import _promote
from jaxtorch.ops._dims import Dims, normalize_dim, normalize_dims
from jaxtorch.ops._op import Array, op


def _floating(x: jax.Array) -> jax.Array:
    dtype = _promote.dtype_of(x)
    if dtype in dtypes.HALF_TYPES:
        raise RuntimeError(f"Unsupported dtype {dtype.legacy}")
    return _promote.floating(x)


def _known(norm: str | None) -> None:
    if norm not in (None, "forward", "backward", "ortho"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')


def _length(n: int) -> None:
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")


def _complex_out(result, out) -> None:
    if not out.dtype.is_complex:
        raise RuntimeError(f"fft expects a complex output tensor, but got {out.dtype.legacy}")


def _real_out(result, out) -> None:
    if not out.dtype.is_floating_point:
        raise RuntimeError(
            f"fft expects a floating point output tensor, but got {out.dtype.legacy}"
        )


# --- one dim ------------------------------------------------------------------------------------


def _over_one(transform, x: jax.Array, n: int | None, dim: int, norm: str | None) -> jax.Array:
    _known(norm)
    x = _floating(x)
    if not x.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = normalize_dim(dim, x.ndim)
    shorter = transform in (jnp.fft.irfft, jnp.fft.hfft)
    _length(n if n is not None else 2 * (x.shape[axis] - 1) if shorter else x.shape[axis])
    return transform(x, n, axis, norm)


def _real_only(name: str, x: jax.Array) -> None:
    if jnp.iscomplexobj(x):
        kind = _promote.dtype_of(x).legacy
        raise RuntimeError(f"{name} expects a real input tensor, but got {kind}")


@op(out=_complex_out, name="FftR2CBackward0")
def fft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The discrete Fourier transform along dim, cut or padded to n."""
    return _over_one(jnp.fft.fft, input, n, dim, norm)


@op(out="same", name="FftC2CBackward0")
def ifft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The inverse of fft."""
    return _over_one(jnp.fft.ifft, input, n, dim, norm)


@op(out=_complex_out, name="FftR2CBackward0")
def rfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """fft of a real tensor: the n // 2 + 1 frequencies that are not negative."""
    _real_only("rfft", input)
    return _over_one(jnp.fft.rfft, input, n, dim, norm)


@op(out=_real_out, name="FftC2RBackward0")
def irfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The inverse of rfft, of length n (2 * (size - 1))."""
    return _over_one(jnp.fft.irfft, input, n, dim, norm)


@op(out=_real_out, name="FftC2RBackward0")
def hfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """fft of a signal whose transform is real, given its half."""
    return _over_one(jnp.fft.hfft, input, n, dim, norm)


@op(out="same", name="FftR2CBackward0")
def ihfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None):
    """The inverse of hfft."""
    _real_only("ihfft", input)
    return _over_one(jnp.fft.ihfft, input, n, dim, norm)


# --- several dims -------------------------------------------------------------------------------


def _axes(x: jax.Array, s: tuple | None, dim: Dims) -> tuple[tuple | None, tuple[int, ...]]:
    """The sizes (-1: as it is) and dims of a transform over several."""
    if dim is not None:
        dims = (dim,) if isinstance(dim, int) else tuple(dim)
        if dims and not x.ndim:
            raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
        dims = tuple(normalize_dim(d, x.ndim) for d in dims)
        if len(set(dims)) < len(dims):
            raise RuntimeError("FFT dims must be unique")
    else:
        count = x.ndim if s is None else len(s)
        if count > x.ndim:
            raise RuntimeError(
                f"Got shape with {count} values but input tensor only has {x.ndim} dimensions."
            )
        dims = tuple(range(x.ndim - count, x.ndim))
    if s is None:
        return None, dims
    if len(s) != len(dims):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    return tuple(x.shape[d] if n == -1 else n for n, d in zip(s, dims, strict=True)), dims


def _over_many(transform, x: jax.Array, s: tuple | None, dim: Dims, norm: str | None, real=""):
    """``real`` is the name of a transform to or from real numbers: its last dim is special."""
    _known(norm)
    x = _floating(x)
    s, dims = _axes(x, s, dim)
    if real and not dims:
        raise RuntimeError(f"{real} must transform at least one axis")
    sizes = [x.shape[d] for d in dims] if s is None else list(s)
    if s is None and real in ("irfftn", "hfftn"):
        sizes[-1] = 2 * (sizes[-1] - 1)
    for n in sizes:
        _length(n)
    if not dims:
        return x.astype(jnp.promote_types(x.dtype, jnp.complex64))
    return transform(x, tuple(sizes), dims, norm)


def _hfftn(x, sizes, dims, norm):
    # fft over all dims but the last; JAX has no hfftn
    x = jnp.fft.fftn(x, sizes[:-1], dims[:-1], norm) if len(dims) > 1 else x
    return jnp.fft.hfft(x, sizes[-1], dims[-1], norm)


def _ihfftn(x, sizes, dims, norm):
    x = jnp.fft.ihfft(x, sizes[-1], dims[-1], norm)
    return jnp.fft.ifftn(x, sizes[:-1], dims[:-1], norm) if len(dims) > 1 else x


@op(out=_complex_out, name="FftC2CBackward0")
def fftn(input: Array, s: tuple | None = None, dim: Dims = None, norm: str | None = None):
    """fft over several dims (all, or the last so many as s has)."""
    return _over_many(jnp.fft.fftn, input, s, dim, norm)


@op(out=_complex_out, name="FftC2CBackward0")
def ifftn(input: Array, s: tuple | None = None, dim: Dims = None, norm: str | None = None):
    """The inverse of fftn."""
    return _over_many(jnp.fft.ifftn, input, s, dim, norm)


@op(out=_complex_out, name="FftR2CBackward0")
def rfftn(input: Array, s: tuple | None = None, dim: Dims = None, norm: str | None = None):
    """rfft over the last of several dims, fft over the others."""
    if jnp.iscomplexobj(input):
        kind = _promote.dtype_of(input).legacy
        raise RuntimeError(f"rfftn expects a real-valued input tensor, but got {kind}")
    return _over_many(jnp.fft.rfftn, input, s, dim, norm, "rfftn")


@op(out=_real_out, name="FftC2RBackward0")
def irfftn(input: Array, s: tuple | None = None, dim: Dims = None, norm: str | None = None):
    """The inverse of rfftn."""
    return _over_many(jnp.fft.irfftn, input, s, dim, norm, "irfftn")


@op(out=_real_out, name="FftC2RBackward0")
def hfftn(input: Array, s: tuple | None = None, dim: Dims = None, norm: str | None = None):
    """hfft over the last of several dims, fft over the others."""
    return _over_many(_hfftn, input, s, dim, norm, "hfftn")


@op(out=_complex_out, name="FftR2CBackward0")
def ihfftn(input: Array, s: tuple | None = None, dim: Dims = None, norm: str | None = None):
    """The inverse of hfftn."""
    if jnp.iscomplexobj(input):
        kind = _promote.dtype_of(input).legacy
        raise RuntimeError(f"Only supports floating-point dtypes, but found: {kind}")
    return _over_many(_ihfftn, input, s, dim, norm, "ihfftn")


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


def hfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """hfft over the second of two dims, fft over the first."""
    return hfftn(input, s, dim, norm, out=out)


def ihfft2(input, s=None, dim=(-2, -1), norm=None, *, out=None):
    """The inverse of hfft2."""
    return ihfftn(input, s, dim, norm, out=out)


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
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    whole = np.arange(n) - n * (np.arange(n) >= (n + 1) // 2)
    return _frequencies(whole, n * d, dtype, device, requires_grad)


def rfftfreq(n: int, d: float = 1.0, *, dtype=None, device=None, requires_grad=False):
    """The frequencies that rfft of n samples with spacing d gives."""
    return _frequencies(np.arange(n // 2 + 1), n * d, dtype, device, requires_grad)


def _frequencies(whole: np.ndarray, period: float, dtype, device, requires_grad: bool):
    from jaxtorch.ops.data import tensor

    dtype = dtype or dtypes.get_default_dtype()
    if dtype.category < dtypes.FLOAT:
        raise RuntimeError("fftfreq requires a floating point or complex dtype")
    # torch multiplies by the inverse in the dtype itself
    exact = dtype.numpy if dtype not in dtypes.HALF_TYPES else np.float32
    with np.errstate(all="ignore"):
        values = whole.astype(exact) * np.asarray(np.float64(1) / period).astype(exact)
    return tensor(values, dtype=dtype, device=device, requires_grad=requires_grad)
