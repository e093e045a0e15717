"""interpolate and upsample: other sizes for images, one spatial dimension after another."""

from __future__ import annotations

import math
import operator
import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxtorch.ops._op import Array, op
from jaxtorch.ops._promote import refuse, widened
from jaxtorch.ops.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d


def _scale(n: int, out: int, factor: float | None, align_corners: bool, real=np.float32):
    """Source pixels for each result pixel, in float32 as torch has it but for float64 images."""
    if align_corners:
        return real((n - 1) / (out - 1)) if out > 1 else real(0)
    return real(1 / factor) if factor else real(n / out)


def _nearest(n, out, factor, exact):
    scale = _scale(n, out, factor, False)
    at = np.arange(out, dtype=np.float32) + np.float32(0.5 if exact else 0)
    return np.minimum(np.floor(at * scale).astype(np.int64), n - 1)


def _linear(n, out, factor, align_corners, real):
    """(out, 2) indices and weights."""
    scale, at = _scale(n, out, factor, align_corners, real), np.arange(out, dtype=real)
    half = real(0.5)
    x = at * scale if align_corners else np.maximum((at + half) * scale - half, 0)
    low = np.minimum(x.astype(np.int64), n - 1)
    t = np.clip(x - low, 0, 1)
    return np.stack([low, np.minimum(low + 1, n - 1)], 1), np.stack([1 - t, t], 1)


def _cubic_weights(x, a):
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _cubic(n, out, factor, align_corners, real):
    """(out, 4) indices and weights of cubic convolution with a = -0.75."""
    scale, at = _scale(n, out, factor, align_corners, real), np.arange(out, dtype=real)
    half = real(0.5)
    x = at * scale if align_corners else (at + half) * scale - half
    low = np.floor(x)
    taps = low[:, None] + np.arange(-1, 3)
    weights = _cubic_weights(x[:, None] - taps, real(-0.75))
    return np.clip(taps, 0, n - 1).astype(np.int64), weights


# What smooths: pixels to either side, and the weights of what is that far away.
_FILTERS = {
    "bilinear": (1, lambda x: np.maximum(1 - np.abs(x), 0)),
    "bicubic": (2, lambda x: _cubic_weights(x, -0.5)),
    "lanczos": (3, lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)),
}


def _smoothed(n, out, factor, align_corners, real, mode):
    """The (out, n) matrix of an antialiased resize: the filter widened as far as it shrinks."""
    scale = float(_scale(n, out, factor, align_corners, real))
    wide = max(scale, 1.0)
    reach, weigh = _FILTERS[mode]
    support = reach * wide
    matrix = np.zeros((out, n))
    for i in range(out):
        center = scale * (i + 0.5)
        start = max(int(center - support + 0.5), 0)
        stop = min(int(center + support + 0.5), n)
        x = (np.arange(start, stop) - center + 0.5) / wide
        weights = weigh(x)
        matrix[i, start:stop] = weights / weights.sum()
    return matrix


def _bytes_along(x, axis, matrix):
    """Whole numbers times weights in 16 bits, with as many digits after the point as the largest
    leaves room for: torch's way with bytes, to the last one."""
    digits = 0
    while digits < 22 and int(0.5 + matrix.max() * (1 << (digits + 1))) < 1 << 15:
        digits += 1
    scaled = matrix * (1 << digits)
    weights = np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int32)
    x = jnp.tensordot(x.astype(jnp.int32), jnp.asarray(weights), ((axis,), (1,)))
    x = (x + (1 << digits >> 1)) >> digits
    return jnp.moveaxis(x, -1, axis).astype(jnp.float32)


def _along(x, axis, at, weights) -> Any:
    shape = [1] * x.ndim
    shape[axis] = len(at)
    out = None
    for k in range(at.shape[1]):
        piece = jnp.take(x, at[:, k], axis=axis, mode="clip")
        piece = piece * jnp.asarray(weights[:, k].reshape(shape), x.dtype)
        out = piece if out is None else out + piece
    return out


def _repeated(x, axis, times):
    spread = jnp.broadcast_to(
        jnp.expand_dims(x, axis + 1), (*x.shape[: axis + 1], times, *x.shape[axis + 1 :])
    )
    return spread.reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :])


def _kernel_of(mode: str, ndim: int) -> str:
    if mode == "bilinear" or (mode == "nearest" and ndim == 2):
        return f"upsample_{mode}2d_channels_last"
    parts = {"nearest-exact": "nearest", "bicubic": "cubic", "trilinear": "linear"}
    return f"compute_indices_weights_{parts.get(mode, mode)}"


def _upsample_name(arrays, statics) -> str:
    mode, ndim = statics["mode"], len(statics["size"])
    aa = "Aa" if statics["antialias"] else ""
    if mode.startswith("nearest"):
        return f"UpsampleNearest{'Exact' if mode.endswith('exact') else ''}{ndim}DBackward0"
    return f"Upsample{mode.capitalize()}{ndim}D{aa}Backward0"


@op(name=_upsample_name)
def _interpolate(
    input: Array, size: tuple, factors: tuple, mode: str, align_corners: bool, antialias: bool
):
    refuse(
        input,
        "biuc" if mode.endswith("linear") and mode != "bilinear" else "bic",
        _kernel_of(mode, len(size)),
    )
    x = widened(input)
    whole = x.dtype == jnp.uint8 and not mode.startswith("nearest")
    if whole:  # a byte again after each dimension, the last one first, as in torch
        x = x.astype(jnp.float32)
    real = np.float64 if x.dtype == jnp.float64 else np.float32
    todo = list(enumerate(zip(size, factors, strict=True), start=2))
    for axis, (out, factor) in reversed(todo) if whole else todo:
        n = x.shape[axis]
        if n == out and factor in (None, 1):
            continue
        if mode.startswith("nearest"):
            at = _nearest(n, out, factor, mode == "nearest-exact")
            if out % n == 0 and (at == np.arange(out) // (out // n)).all():
                x = _repeated(x, axis, out // n)  # whose gradient is a sum, not a scatter
            else:
                x = jnp.take(x, at, axis=axis, mode="clip")
        elif antialias:
            matrix = _smoothed(n, out, factor, align_corners, real, mode)
            if whole:
                x = _bytes_along(x, axis, matrix)
            else:
                x = jnp.tensordot(x, jnp.asarray(matrix, x.dtype), ((axis,), (1,)))
                x = jnp.moveaxis(x, -1, axis)
        elif mode == "bicubic":
            x = _along(x, axis, *_cubic(n, out, factor, align_corners, real))
        else:
            x = _along(x, axis, *_linear(n, out, factor, align_corners, real))
        if whole:
            x = jnp.clip(jnp.floor(x + 0.5), 0, 255)
    return x.astype(input.dtype)


_DIMENSIONS = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5, "lanczos": 4}


def _whole_numbers(size) -> tuple:
    """The elements of a size as ints. TypeError for one of another kind, a float say."""
    try:
        return tuple(operator.index(n) for n in size)
    except TypeError:
        kinds = [type(n) for n in size]
        raise TypeError(
            "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, "
            f"int], but got size with types {kinds}"
        ) from None


def _check_sizes(input, size: tuple) -> None:
    have = tuple(input.shape[2:])
    if min(size) <= 0 or min(have) <= 0:
        names = "DHW"[3 - len(size) :]
        given, wanted = (
            f"({', '.join(f'{name}: {n}' for name, n in zip(names, sizes, strict=True))})"
            for sizes in (have, size)
        )
        raise RuntimeError(
            "Input and output sizes should be greater than 0, but got input "
            f"{given}{' and' if len(size) == 1 else ''} output {wanted}"
        )
    if not input.shape[1]:
        raise RuntimeError(
            f"Non-empty {input.ndim}D data tensor expected but got a tensor with sizes "
            f"{list(input.shape)}"
        )


def interpolate(
    input, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    antialias: bool = False,
):  # fmt: skip
    """(N, C, ...) resized to ``size`` or by ``scale_factor``.

    Modes: nearest, nearest-exact, area; linear of 3-D, bilinear, bicubic and (with ``antialias``)
    lanczos of 4-D, trilinear of 5-D input.
    """
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | "
                "bilinear | bicubic | trilinear"
            )
        align_corners = False
    dim = input.ndim - 2
    if (size is None) == (scale_factor is None):
        raise ValueError(
            "either size or scale_factor should be defined"
            if size is None
            else "only one of size or scale_factor should be defined"
        )
    for name, given in (("output shape", size), ("scale_factor", scale_factor)):
        if isinstance(given, (tuple, list)) and len(given) != dim:
            raise ValueError(
                f"Input and {name if name != 'output shape' else 'output'} must have the same "
                f"number of spatial dimensions, but got input with spatial dimensions of "
                f"{list(input.shape[2:])} and {name} of {given}."
            )
    factors = (None,) * dim
    if size is not None:
        size = _whole_numbers(size if isinstance(size, (tuple, list)) else (size,) * dim)
        if recompute_scale_factor:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    else:
        many = isinstance(scale_factor, (tuple, list))
        factors = tuple(map(float, scale_factor)) if many else (float(scale_factor),) * dim
        size = tuple(math.floor(n * f) for n, f in zip(input.shape[2:], factors, strict=True))
        if recompute_scale_factor:
            factors = (None,) * dim
    if antialias and not (mode in _FILTERS and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires "
            "a 4-D tensor as input"
        )
    if mode == "area":
        pool = {3: adaptive_avg_pool1d, 4: adaptive_avg_pool2d, 5: adaptive_avg_pool3d}
        return pool[input.ndim](input, size)
    wanted = _DIMENSIONS.get(mode, input.ndim)
    known = mode in ("nearest", "nearest-exact", *_DIMENSIONS) and 3 <= input.ndim <= 5
    if not known or (wanted != input.ndim and not mode.endswith("linear")):
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | "
            f"lanczos | area | nearest-exact (got {mode})"
        )
    if wanted != input.ndim:
        raise NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {wanted}D input")
    if mode == "lanczos" and (align_corners or not antialias):
        rule = "does not support align_corners=True" if align_corners else "requires antialias=True"
        raise ValueError(f"Lanczos mode {rule}")
    _check_sizes(input, size)
    return _interpolate(input, size, factors, mode, bool(align_corners), antialias)


def _old_name(name: str) -> None:
    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.",
        UserWarning,
        stacklevel=3,
    )


def upsample(input, size=None, scale_factor=None, mode: str = "nearest", align_corners=None):
    """The old name of ``interpolate``."""
    _old_name("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    _old_name("upsample_nearest")
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """Bilinear with the corners aligned."""
    _old_name("upsample_bilinear")
    return interpolate(input, size, scale_factor, "bilinear", align_corners=True)
