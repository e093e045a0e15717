"""Images: pixel shuffles, patches, sampling by a grid. interpolation.py changes their size."""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops import _promote
from jaxtorch.ops._op import Array, index_dtype, op


def _pair(value, name: str) -> tuple:
    if isinstance(value, int):
        return (value, value)
    if len(value) == 1:
        return (value[0], value[0])
    if len(value) != 2:
        raise RuntimeError(f"expected {name} to be an int or a pair, got {value}")
    return tuple(value)


@op
def pixel_shuffle(input: Array, upscale_factor: int):
    """(..., C * r * r, H, W) to (..., C, H * r, W * r) (arXiv 1609.05158)."""
    r = upscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            "pixel_shuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *batch, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    x = input.reshape(math.prod(batch), c // (r * r), r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(*batch, c // (r * r), h * r, w * r)


@op
def pixel_unshuffle(input: Array, downscale_factor: int):
    """(..., C, H * r, W * r) to (..., C * r * r, H, W)."""
    r = downscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            "pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *batch, c, h, w = input.shape
    for name, n, at in (("height", h, -2), ("width", w, -1)):
        if n % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({at})={n} is not divisible by {r}"
            )
    x = input.reshape(math.prod(batch), c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(*batch, c * r * r, h // r, w // r)


# --- patches ------------------------------------------------------------------------------------


def _blocks(size, kernel, dilation, padding, stride):
    """How many patches fit along each dimension."""
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(size, kernel, dilation, padding, stride, strict=True)
    )


def _patches(x, kernel, dilation, padding, stride):
    """(N, C, H, W) to (N, C * kh * kw, L): one strided slice for each place in the kernel."""
    n, c, *size = x.shape
    rows, columns = _blocks(size, kernel, dilation, padding, stride)
    edges = ((0, 0, 0), (0, 0, 0), (padding[0], padding[0], 0), (padding[1], padding[1], 0))
    x = lax.pad(x, jnp.zeros((), x.dtype), edges)
    pieces = []
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * dilation[0], j * dilation[1]
            stop = (top + (rows - 1) * stride[0] + 1, left + (columns - 1) * stride[1] + 1)
            piece = lax.slice(x, (0, 0, top, left), (n, c, *stop), (1, 1, *stride))
            pieces.append(piece.reshape(n, c, 1, rows * columns))
    return lax.concatenate(pieces, 2).reshape(n, c * len(pieces), rows * columns)


def _check_positive(**sizes):
    for name, value in sizes.items():
        if min(value) <= 0:
            raise RuntimeError(f"{name} should be greater than zero, but got {name}={list(value)}")


@op(name="Im2ColBackward0")
def _unfold(input: Array, kernel_size: tuple, dilation: tuple, padding: tuple, stride: tuple):
    _promote.refuse(input, "iu", "im2col_out_cpu")
    if input.ndim not in (3, 4):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}"
        )
    _check_positive(kernel_size=kernel_size, dilation=dilation, stride=stride)
    blocks = _blocks(input.shape[-2:], kernel_size, dilation, padding, stride)
    if min(blocks) < 1:
        raise RuntimeError(
            f"Given input with spatial size {tuple(input.shape[-2:])}, kernel_size={kernel_size}, "
            f"dilation={dilation}, padding={padding}, calculated shape of the array of sliding "
            f"blocks as {blocks}, but its components must be at least one."
        )
    x = input if input.ndim == 4 else input[None]
    out = _patches(x, kernel_size, dilation, padding, stride)
    return out if input.ndim == 4 else out[0]


def unfold_patches(input, kernel_size, dilation=1, padding=0, stride=1):
    """The patches of (N, C, H, W) as columns: (N, C * kh * kw, L). ``F.unfold``."""
    return _unfold(
        input, _pair(kernel_size, "kernel_size"), _pair(dilation, "dilation"),
        _pair(padding, "padding"), _pair(stride, "stride"),
    )  # fmt: skip


@op(name="Col2ImBackward0")
def _fold(
    input: Array, size: tuple, kernel_size: tuple, dilation: tuple, padding: tuple, stride: tuple
):
    if input.ndim not in (2, 3):
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(input.shape)}"
        )
    _check_positive(kernel_size=kernel_size, dilation=dilation, stride=stride)
    places = kernel_size[0] * kernel_size[1]
    if input.shape[-2] % places:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={input.shape[-2]} and kernel_size={kernel_size}."
        )
    rows, columns = _blocks(size, kernel_size, dilation, padding, stride)
    if input.shape[-1] != rows * columns:
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={kernel_size}, dilation={dilation}, "
            f"padding={padding}, stride={stride}, expected size of input's dimension 2 to match "
            f"the calculated number of sliding blocks {rows} * {columns} = {rows * columns}, but "
            f"got input.size(2)={input.shape[-1]}."
        )
    x = input if input.ndim == 3 else input[None]
    image = jax.ShapeDtypeStruct((x.shape[0], x.shape[1] // places, *size), x.dtype)
    fold = jax.linear_transpose(
        lambda y: _patches(y, kernel_size, dilation, padding, stride), image
    )
    (out,) = fold(x)
    return out if input.ndim == 3 else out[0]


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns (N, C * kh * kw, L) summed back into an image (N, C, *output_size): the transpose of
    ``F.unfold``."""
    return _fold(
        input, _pair(output_size, "output_size"), _pair(kernel_size, "kernel_size"),
        _pair(dilation, "dilation"), _pair(padding, "padding"), _pair(stride, "stride"),
    )  # fmt: skip


# --- sampling by a grid -------------------------------------------------------------------------


def _axis(n: int, align_corners: bool, dtype):
    if n <= 1:
        return jnp.zeros(n, dtype)
    ends = jnp.linspace(-1, 1, n, dtype=dtype)
    return ends if align_corners else ends * ((n - 1) / n)


@op(name="AffineGridGeneratorBackward0")
def _affine_grid(theta: Array, size: tuple, align_corners: bool):
    n, spatial = size[0], size[2:]
    axes = [_axis(k, align_corners, theta.dtype) for k in spatial]
    grids = jnp.meshgrid(*axes, indexing="ij")[::-1]  # x first
    base = jnp.stack([*grids, jnp.ones(spatial, theta.dtype)], -1)
    out = base.reshape(1, -1, len(spatial) + 1) @ jnp.swapaxes(theta, 1, 2)
    return out.reshape(n, *spatial, len(spatial))


def _told(align_corners: bool | None) -> None:
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since "
            "1.3.0: say align_corners=True for the older one, or align_corners=False",
            stacklevel=3,
        )


def affine_grid(theta, size, align_corners: bool | None = None):
    """The grid of an affine map for images of ``size`` (N, C, H, W) or (N, C, D, H, W):
    ``theta`` is (N, 2, 3) or (N, 3, 4), the result (N, H, W, 2) or (N, D, H, W, 3)."""
    size = tuple(size)
    _told(align_corners)
    if not theta.dtype.is_floating_point:
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    want = {4: (2, 3), 5: (3, 4)}.get(len(size))
    if want is None:
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {size}."
        )
    if theta.ndim != 3 or tuple(theta.shape[1:]) != want:
        raise ValueError(
            f"Expected a batch of {want[0]}D affine matrices of shape Nx{want[0]}x{want[1]} for "
            f"size {size}. Got {theta.shape}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if theta.shape[0] != size[0]:
        raise RuntimeError(
            f"affine_grid: theta has {theta.shape[0]} matrices for the {size[0]} images of size "
            f"{size}"
        )
    return _affine_grid(theta, size, bool(align_corners))


def _reflected(x, low2: int, high2: int):
    """``x`` thrown back at low2 / 2 and high2 / 2 until it lies between."""
    if low2 == high2:
        return jnp.zeros_like(x)
    low, span = low2 / 2, (high2 - low2) / 2
    away = jnp.abs(x - low)
    flips, rest = jnp.floor(away / span), jnp.mod(away, span)
    return jnp.where(jnp.mod(flips, 2) == 0, rest + low, span - rest + low)


def _unnormalized(x, n: int, align_corners: bool):
    return (x + 1) / 2 * (n - 1) if align_corners else ((x + 1) * n - 1) / 2


def _inside(x, n: int, padding_mode: str, align_corners: bool):
    if padding_mode == "reflection":
        x = _reflected(x, 0, 2 * (n - 1)) if align_corners else _reflected(x, -1, 2 * n - 1)
    if padding_mode != "zeros":
        x = jnp.clip(x, 0, n - 1)
    return x


def _read(flat, coordinates, sizes):
    """Pixels at whole ``coordinates`` (one (N, P) array a dimension), zero outside."""
    inside: Any = True
    place: Any = 0
    for x, n in zip(coordinates, sizes, strict=True):
        inside = inside & (x >= 0) & (x <= n - 1)
        place = place * n + jnp.clip(x, 0, n - 1).astype(index_dtype())
    pixels = jnp.take_along_axis(flat, place[:, None], 2, mode="promise_in_bounds")
    return jnp.where(inside[:, None], pixels, jnp.zeros((), flat.dtype))


def _cubic(t):
    """The four weights of cubic convolution with a = -0.75, for a point ``t`` past the second."""
    a = -0.75

    def near(x):
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x):
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return far(t + 1), near(t), near(1 - t), far(2 - t)


def _check_grid(input, grid, spatial: int) -> None:
    shapes = list(input.shape), list(grid.shape)
    if shapes[0][0] != shapes[1][0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with "
            f"sizes {shapes[0]} and grid with sizes {shapes[1]}"
        )
    if grid.shape[-1] != spatial or grid.ndim != input.ndim:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {spatial} in last dimension, but got grid "
            f"with sizes {shapes[1]}"
        )
    if 0 in shapes[0][2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
            f"sizes {shapes[0]} with dimension {2 + shapes[0][2:].index(0)} being empty"
        )
    want, have = (dtypes.from_numpy_dtype(x.dtype) for x in (input, grid))
    if want is not have:
        raise RuntimeError(f"expected scalar type {want.legacy} but found {have.legacy}")


def _grid_name(avals, statics) -> str:
    return f"GridSampler{avals[0].ndim - 2}DBackward0"


@op(name=_grid_name)
def _grid_sample(input: Array, grid: Array, mode: str, padding_mode: str, align_corners: bool):
    kernel = "grid_sampler_2d_cpu_kernel_impl" if input.ndim == 4 else "grid_sampler3d_cpu"
    _promote.refuse(input, "biuc", kernel)
    sizes, spatial = input.shape[2:], input.ndim - 2
    _check_grid(input, grid, spatial)
    n, c, out = *input.shape[:2], grid.shape[1:-1]
    points = _promote.widened(grid).reshape(n, -1, spatial)  # a place takes more digits than 8
    flat = input.reshape(n, c, -1)
    x = [
        _unnormalized(points[..., spatial - 1 - d], sizes[d], align_corners) for d in range(spatial)
    ]
    if mode != "bicubic":
        x = [_inside(a, k, padding_mode, align_corners) for a, k in zip(x, sizes, strict=True)]
    if mode == "nearest":
        result = _read(flat, [jnp.round(a) for a in x], sizes)
    elif mode == "bilinear":
        low = [jnp.floor(a) for a in x]
        result: Any = 0
        for corner in range(2**spatial):
            bits = [corner >> d & 1 for d in range(spatial)]
            weight: Any = 1
            for a, base, bit in zip(x, low, bits, strict=True):
                weight = weight * (a - base if bit else base + 1 - a)
            at = [base + bit for base, bit in zip(low, bits, strict=True)]
            result = result + _read(flat, at, sizes) * weight[:, None]
    else:
        low = [lax.stop_gradient(jnp.floor(a)) for a in x]
        rows, columns = (_cubic(a - base) for a, base in zip(x, low, strict=True))
        result: Any = 0
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                at = [
                    _inside(base + k - 1, size, padding_mode, align_corners)
                    for base, k, size in zip(low, (i, j), sizes, strict=True)
                ]
                result = result + _read(flat, at, sizes) * (row * column)[:, None]
    return result.reshape(n, c, *out).astype(input.dtype)


def grid_sample(
    input, grid, mode: str = "bilinear", padding_mode: str = "zeros",
    align_corners: bool | None = None,
):  # fmt: skip
    """``input`` (N, C, H, W) or (N, C, D, H, W) at the points of ``grid`` (N, ..., 2 or 3), where
    x, y(, z) run from -1 to 1."""
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    if mode == "bicubic" and input.ndim != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    _told(align_corners)
    return _grid_sample(input, grid, mode, padding_mode, bool(align_corners))
