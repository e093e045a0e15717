"""Pooling over the last one to three dimensions.

Windows are products of intervals, so every pool goes dimension by dimension, and within a dimension
tap by tap: the k-th element of every window at once, a strided slice. XLA's reduce_window takes 6.0
ms forward and backward for 2x2 on (64, 16, 24, 24) on two CPU cores, slices 2.8 ms. The first
maximum in reading order is the first row's first maximum, so a comparison with ``>`` gives
PyTorch's choice among equals, and its derivative gives that element the whole gradient.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxtorch.ops._op import Array, index_dtype, op
from jaxtorch.ops._promote import divisor, not_implemented, refuse, widened

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "avg_pool1d", "avg_pool2d",
    "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool1d_with_indices",
    "max_pool2d", "max_pool2d_with_indices", "max_pool3d", "max_pool3d_with_indices",
]  # fmt: skip

Sizes = int | tuple[int, ...]
AdaptiveSizes = int | tuple[int | None, ...]
MANY_TAPS = 16  # a wider window is gathered whole: a slice a tap would make a large program
WORDS = {1: "one int", 2: "two ints", 3: "three ints"}


# ---------------------------------------------------------------- windows


def _per_dim(function: str, name: str, value, ndim: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * ndim
    value = tuple(value)
    if len(value) == 1:
        return value * ndim
    if len(value) != ndim:
        raise RuntimeError(
            f"{function}: {name} must either be a single int, or a tuple of {WORDS[ndim]}"
        )
    return value


def _pooled_size(size, kernel, stride, padding, dilation, ceil_mode) -> int:
    span = dilation * (kernel - 1) + 1
    room = size + 2 * padding - span
    out = (-(-room // stride) if ceil_mode else room // stride) + 1
    # A window that would begin in the padding after the last element is dropped.
    return out - 1 if ceil_mode and (out - 1) * stride >= size + padding else out


def _windows(function: str, input, kernel, stride, padding, dilation, ceil_mode, ndim: int):
    """For each dimension the positions (taps, windows) of each window's elements in the input."""
    kernel = _per_dim(function, "kernel_size", kernel, ndim)
    # torch's Python wrappers pass an empty list for "the kernel's size"
    absent = stride is None or stride == ()
    stride = kernel if absent else _per_dim(function, "stride", stride, ndim)
    padding = _per_dim(function, "padding", padding, ndim)
    dilation = _per_dim(function, "dilation", dilation, ndim)
    if min(stride) == 0:
        if function == "max_pool1d":
            raise RuntimeError("max_pool1d() stride must be greater than zero, but got 0")
        raise RuntimeError("stride should not be zero")
    if min(kernel) <= 0 or min(stride) < 0:
        raise RuntimeError(
            f"kernel size and stride should be greater than zero, but got kernel_size="
            f"{list(kernel)} and stride={list(stride)}"
        )
    if min(dilation) <= 0:
        if function == "max_pool1d":
            raise RuntimeError(
                f"max_pool1d() dilation must be greater than zero, but got {min(dilation)}"
            )
        raise RuntimeError(f"dilation should be greater than zero, but got {list(dilation)}")
    for p, k, d in zip(padding, kernel, dilation, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                "pad should be at most half of effective kernel size, but got "
                f"pad={p}, kernel_size={k} and dilation={d}"
            )
    wanted = f"{ndim + 1}D or {ndim + 2}D (batch mode) tensor"
    right = input.ndim in (ndim + 1, ndim + 2)
    if not right and ndim > 1:
        raise RuntimeError(f"non-empty {wanted} expected for input")
    empty = [d for d, n in enumerate(input.shape[-ndim - 1 :]) if n == 0]
    if ndim == 3 and empty:
        raise RuntimeError(
            "Expected input's non-batch dimensions to have positive length, but input has a shape "
            f"of {list(input.shape)} and non-batch dimension {empty[0]} has length zero!"
        )
    if not right or empty:
        raise RuntimeError(
            f"{f'{function}: ' * (ndim == 1)}Expected {wanted} with optional 0 dim batch size for "
            f"input, but got:{list(input.shape)}"
        )
    sizes = input.shape[-ndim:]
    each = list(zip(sizes, kernel, stride, padding, dilation, strict=True))
    outs = [_pooled_size(*dim, ceil_mode) for dim in each]
    if min(outs) < 1:
        planes = input.shape[input.ndim - ndim - 1]
        given, found = ("x".join(map(str, (planes, *s))) for s in (sizes, outs))
        raise RuntimeError(
            f"Given input size: ({given}). Calculated output size: ({found}). Output size is too "
            "small"
        )
    return [
        np.arange(out)[None, :] * s - p + np.arange(k)[:, None] * d
        for out, (_, k, s, p, d) in zip(outs, each, strict=True)
    ]


def _adaptive_windows(function: str, input, output_size, ndim: int):
    """Positions as in _windows; a window shorter than the longest is filled up with -1."""
    if isinstance(output_size, int) or output_size is None:
        output_size = (output_size,) * ndim
    elif ndim > 1 and input.ndim <= len(output_size):
        raise ValueError(f"Input dimension should be at least {len(output_size) + 1}")
    if len(output_size) != ndim:
        if ndim == 1:
            raise RuntimeError(
                f"{function}() argument 'output_size' should contain one int (got "
                f"{len(output_size)})"
            )
        average = function.startswith("adaptive_avg")
        what = ": output_size" if average else "(): internal error: output_size.size()"
        raise RuntimeError(f"{function}{what} must be {ndim}")
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(
            f"{function}(): Expected {ndim + 1}D or {ndim + 2}D tensor, but got: "
            f"{list(input.shape)}"
        )
    windows = []
    for size, out in zip(input.shape[-ndim:], output_size, strict=True):
        out = size if out is None else out
        if out < 0 and function.startswith("adaptive_max"):
            shape = [*input.shape[:-ndim], *output_size]
            raise RuntimeError(f"Trying to create tensor with negative dimension {out}: {shape}")
        if out < 0:
            raise RuntimeError(
                f"{function}: elements of output_size must be greater than or equal to 0 but "
                f"received {{{', '.join(map(str, output_size))}}}"
            )
        if size == 0:
            raise RuntimeError(
                f"{function}(): Expected input to have non-zero size for non-batch dimensions, but "
                f"input has sizes {list(input.shape)}"
            )
        place = np.arange(out)
        start = place * size // max(out, 1)
        end = -(-(place + 1) * size // max(out, 1))
        longest = int((end - start).max()) if out else 1
        positions = start[None, :] + np.arange(longest)[:, None]
        windows.append(np.where(positions < end[None, :], positions, -1))
    return windows


def _along(vector: np.ndarray, axis: int, ndim: int) -> np.ndarray:
    return vector.reshape(*(-1 if d == axis else 1 for d in range(ndim)))


def _is_whole(positions: np.ndarray, size: int) -> bool:
    return positions.shape[1] == 1 and np.array_equal(positions[:, 0], np.arange(size))


def _taps(x, axis: int, positions: np.ndarray, fill):
    """The array of each tap's elements, ``fill`` where the window hangs over the edge."""
    size, out = x.shape[axis], positions.shape[1]
    steps = np.diff(positions, axis=1)
    step = int(steps[0, 0]) if steps.size else 1
    if out == 0 or (steps.size and (steps != step).any()):
        for row in positions:
            found = jnp.take(x, np.maximum(row, 0), axis, mode="clip")
            inside = _along((row >= 0) & (row < size), axis, x.ndim)
            yield jnp.where(inside, found, fill)
        return
    before, after = max(0, -positions.min()), max(0, positions.max() + 1 - size)
    if before or after:
        pads = [(before, after, 0) if d == axis else (0, 0, 0) for d in range(x.ndim)]
        x = lax.pad(x, jnp.asarray(fill, x.dtype), pads)
    for first in positions[:, 0] + before:
        yield lax.slice_in_dim(x, int(first), int(first) + (out - 1) * step + 1, step, axis)


# ---------------------------------------------------------------- max


def _lowest(dtype):
    if jnp.issubdtype(dtype, jnp.inexact):
        return -jnp.inf
    return jnp.iinfo(dtype).min


def _max_along(x, index, axis: int, positions: np.ndarray, weight: int):
    """The maximum of each window along axis, and its index + weight * its position there."""
    size = x.shape[axis]
    valid = (positions >= 0) & (positions < size)
    if len(positions) > MANY_TAPS:
        return _max_along_gathered(x, index, axis, positions, valid, weight)
    taps = _taps(x, axis, positions, _lowest(x.dtype))
    places = (None,) * len(positions) if index is None else _taps(index, axis, positions, 0)
    best = best_index = best_valid = None
    for tap, place, row, inside in zip(taps, places, positions, valid, strict=True):
        if place is not None:
            place = place + jnp.asarray(_along(row * weight, axis, x.ndim), index.dtype)
        if best is None:
            best, best_index, best_valid = tap, place, inside
            continue
        better = tap > best
        if jnp.issubdtype(x.dtype, jnp.inexact):
            better |= tap != tap
        if not best_valid.all():  # an element of -inf beats the padding
            better |= jnp.broadcast_to(_along(inside & ~best_valid, axis, x.ndim), better.shape)
            best_valid = best_valid | inside
        best = jnp.where(better, tap, best)
        if place is not None:
            best_index = jnp.where(better, place, best_index)
    return best, best_index


def _max_along_gathered(x, index, axis, positions, valid, weight):
    shape = (*x.shape[:axis], *positions.shape, *x.shape[axis + 1 :])
    places = np.clip(positions, 0, x.shape[axis] - 1)
    inside = valid.reshape(*(1,) * axis, *positions.shape, *(1,) * (x.ndim - axis - 1))
    windows = jnp.where(
        inside, jnp.take(x, places.reshape(-1), axis).reshape(shape), _lowest(x.dtype)
    )
    tap = jnp.expand_dims(jnp.argmax(windows, axis), axis)
    best = jnp.take_along_axis(windows, tap, axis).squeeze(axis)
    if index is None:
        return best, None
    index = jnp.take(index, places.reshape(-1), axis).reshape(*index.shape[:axis], *shape[axis:])
    own = (places * weight).reshape(inside.shape)
    index = jnp.broadcast_to(index + jnp.asarray(own, index.dtype), shape)
    return best, jnp.take_along_axis(index, tap, axis).squeeze(axis)


def _max_windows(x, windows, return_indices: bool):
    index = jnp.zeros((1,) * x.ndim, index_dtype()) if return_indices else None
    if return_indices:
        index = jnp.broadcast_to(index, x.shape)
    ndim = len(windows)
    sizes = x.shape[-ndim:]
    for dim in reversed(range(ndim)):
        weight = math.prod(sizes[dim + 1 :])
        x, index = _max_along(x, index, x.ndim - ndim + dim, windows[dim], weight)
    return (x, index) if return_indices else x


def _max_name(arrays, statics) -> str:
    ndim = statics["ndim"]
    return "SqueezeBackward1" if ndim == 1 else f"MaxPool{ndim}DWithIndicesBackward0"


@op(name=_max_name)
def _max_pool(
    input: Array, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes,
    ceil_mode: bool, return_indices: bool, ndim: int,
):  # fmt: skip
    """The maximum of each window, and on demand its index in the flattened last ndim dimensions."""
    name = f"max_pool{ndim}d"
    refuse(input, "bc", f"max_pool{max(ndim, 2)}d")
    windows = _windows(name, input, kernel_size, stride, padding, dilation, ceil_mode, ndim)
    return _max_windows(input, windows, return_indices)


def max_pool1d(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """The maximum of each window: (N, C, L) or (C, L) -> (N, C, L'). -inf beyond the edges."""
    return _max_pool(
        input, kernel_size, stride, padding, dilation, bool(ceil_mode), bool(return_indices), 1
    )


def max_pool2d(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """The maximum of each window: (N, C, H, W) or (C, H, W) -> (N, C, H', W').

    With return_indices also where it was, as an index into the flattened H * W plane.
    """
    return _max_pool(
        input, kernel_size, stride, padding, dilation, bool(ceil_mode), bool(return_indices), 2
    )


def max_pool3d(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """The maximum of each window: (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W')."""
    return _max_pool(
        input, kernel_size, stride, padding, dilation, bool(ceil_mode), bool(return_indices), 3
    )


def max_pool1d_with_indices(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """``max_pool1d`` and where each maximum was."""
    return max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d_with_indices(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """``max_pool2d`` and where each maximum was."""
    return max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool3d_with_indices(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """``max_pool3d`` and where each maximum was."""
    return max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def _adaptive_kernel(name: str, ndim: int) -> str:
    return f"{name}3d_cpu" if ndim == 3 else f"{name}2d"


def _adaptive_max_name(arrays, statics) -> str:
    ndim = statics["ndim"]
    return "SqueezeBackward1" if ndim == 1 else f"AdaptiveMaxPool{ndim}DBackward0"


@op(name=_adaptive_max_name)
def _adaptive_max_pool(input: Array, output_size: AdaptiveSizes, return_indices: bool, ndim: int):
    """The maximum of output_size windows a dimension, as even as they can be."""
    refuse(input, "biuc", _adaptive_kernel("adaptive_max_pool", ndim))
    windows = _adaptive_windows(f"adaptive_max_pool{ndim}d", input, output_size, ndim)
    return _max_windows(input, windows, return_indices)


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """The maxima of output_size windows that cover (N, C, L)."""
    return _adaptive_max_pool(input, output_size, bool(return_indices), 1)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """The maxima of output_size windows that cover (N, C, H, W); None keeps a dimension's size."""
    return _adaptive_max_pool(input, output_size, bool(return_indices), 2)


def adaptive_max_pool3d(input, output_size, return_indices=False):
    """The maxima of output_size windows that cover (N, C, D, H, W)."""
    return _adaptive_max_pool(input, output_size, bool(return_indices), 3)


def adaptive_max_pool1d_with_indices(input, output_size, return_indices=False):
    """``adaptive_max_pool1d`` and where each maximum was."""
    return adaptive_max_pool1d(input, output_size, True)


def adaptive_max_pool2d_with_indices(input, output_size, return_indices=False):
    """``adaptive_max_pool2d`` and where each maximum was."""
    return adaptive_max_pool2d(input, output_size, True)


def adaptive_max_pool3d_with_indices(input, output_size, return_indices=False):
    """``adaptive_max_pool3d`` and where each maximum was."""
    return adaptive_max_pool3d(input, output_size, True)


# ---------------------------------------------------------------- average


def _sum_windows(x, windows):
    ndim = len(windows)
    for dim in reversed(range(ndim)):
        axis, positions = x.ndim - ndim + dim, windows[dim]
        if _is_whole(positions, x.shape[axis]):
            x = jnp.sum(x, axis, keepdims=True, dtype=x.dtype)
        elif len(positions) > MANY_TAPS:
            valid = (positions >= 0) & (positions < x.shape[axis])
            places = np.where(valid, positions, 0)
            shape = (*x.shape[:axis], *positions.shape, *x.shape[axis + 1 :])
            inside = valid.reshape(*(1,) * axis, *positions.shape, *(1,) * (x.ndim - axis - 1))
            gathered = jnp.take(x, places.reshape(-1), axis).reshape(shape)
            x = jnp.sum(jnp.where(inside, gathered, 0), axis, dtype=x.dtype)
        else:
            taps = _taps(x, axis, positions, 0)
            total = next(taps)
            for tap in taps:
                total = total + tap
            x = total
    return x


def _divide(total, counts: list[np.ndarray]):
    """total / the product of the counts of each of its last dimensions."""
    if all((c == c[0]).all() for c in counts if c.size):
        count = math.prod(int(c[0]) for c in counts if c.size)
        if not jnp.issubdtype(total.dtype, jnp.integer):
            return total / divisor(count, total)
        number = jnp.asarray(count, total.dtype)
    else:
        ndim = len(counts)
        product = math.prod(_along(c, dim, ndim) for dim, c in enumerate(counts))
        shape = (1,) * (total.ndim - ndim) + product.shape
        number = jnp.asarray(product.reshape(shape), total.dtype)
    if jnp.issubdtype(total.dtype, jnp.integer):
        return lax.div(total, jnp.broadcast_to(number, total.shape))
    return total / number


def _average_name(arrays, statics) -> str:
    ndim = statics["ndim"]
    return "SqueezeBackward1" if ndim == 1 else f"AvgPool{ndim}DBackward0"


@op(promote="arith", name=_average_name, out="same")
def _avg_pool(
    input: Array, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None, ndim: int,
):  # fmt: skip
    """The mean of each window; the padding counts as zeros, or not at all."""
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    name = f"avg_pool{ndim}d"
    kernel = "avg_pool3d_out_frame" if ndim == 3 else "avg_pool2d"
    refuse(input, "bcu", kernel)
    if input.dtype.kind == "i" and input.dtype != index_dtype():
        raise not_implemented(kernel, input)
    windows = _windows(name, input, kernel_size, stride, padding, 1, ceil_mode, ndim)
    total = _sum_windows(input, windows)
    if divisor_override is not None:
        return _divide(total, [np.asarray([divisor_override])])
    counts = []
    pads = _per_dim(name, "padding", padding, ndim)
    for positions, size, pad in zip(windows, input.shape[-ndim:], pads, strict=True):
        low, high = (-pad, size + pad) if count_include_pad else (0, size)
        counts.append(((positions >= low) & (positions < high)).sum(0))
    return _divide(total, counts)


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window: (N, C, L) or (C, L) -> (N, C, L')."""
    return _avg_pool(
        input, kernel_size, stride, padding, bool(ceil_mode), bool(count_include_pad), None, 1
    )


def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
    divisor_override=None, *, out=None,
):  # fmt: skip
    """The mean of each window: (N, C, H, W) or (C, H, W) -> (N, C, H', W').

    The divisor is the window's size within the padded input (count_include_pad), within the input,
    or divisor_override.
    """
    return _avg_pool(
        input, kernel_size, stride, padding, bool(ceil_mode), bool(count_include_pad),
        divisor_override, 2, out=out,
    )  # fmt: skip


def avg_pool3d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
    divisor_override=None, *, out=None,
):  # fmt: skip
    """The mean of each window: (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W')."""
    return _avg_pool(
        input, kernel_size, stride, padding, bool(ceil_mode), bool(count_include_pad),
        divisor_override, 3, out=out,
    )  # fmt: skip


def _adaptive_average_name(arrays, statics) -> str:
    ndim, size = statics["ndim"], statics["output_size"]
    if ndim == 1:
        return "SqueezeBackward1"
    whole = size == 1 or (isinstance(size, tuple) and all(s == 1 for s in size))
    return "MeanBackward1" if whole else f"AdaptiveAvgPool{ndim}DBackward0"


@op(promote="arith", name=_adaptive_average_name)
def _adaptive_avg_pool(input: Array, output_size: AdaptiveSizes, ndim: int):
    """The mean of output_size windows a dimension, as even as they can be."""
    name = f"adaptive_avg_pool{ndim}d"
    refuse(input, "biuc", _adaptive_kernel("adaptive_avg_pool", ndim))
    windows = _adaptive_windows(name, input, output_size, ndim)
    mean = _divide(_sum_windows(widened(input), windows), [(w >= 0).sum(0) for w in windows])
    return mean.astype(input.dtype)


def adaptive_avg_pool1d(input, output_size):
    """The means of output_size windows that cover (N, C, L)."""
    return _adaptive_avg_pool(input, output_size, 1)


def adaptive_avg_pool2d(input, output_size):
    """The means of output_size windows that cover (N, C, H, W); None keeps a dimension's size."""
    return _adaptive_avg_pool(input, output_size, 2)


def adaptive_avg_pool3d(input, output_size):
    """The means of output_size windows that cover (N, C, D, H, W)."""
    return _adaptive_avg_pool(input, output_size, 3)


# ---------------------------------------------------------------- power average


@op(promote="arith", name="PowBackward0")
def _lp_pool(
    input: Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None, ceil_mode: bool,
    ndim: int,
):  # fmt: skip
    name = f"lp_pool{ndim}d"
    kernel = _per_dim(name, "kernel_size", kernel_size, ndim)
    windows = _windows(name, input, kernel, stride, 0, 1, ceil_mode, ndim)
    size = math.prod(kernel)
    power = int(norm_type) if norm_type == int(norm_type) else norm_type
    total = _sum_windows(input**power, windows)
    # As torch's: the mean over a clipped window times the whole kernel's size.
    sizes = input.shape[-ndim:]
    counts = [((w >= 0) & (w < n)).sum(0) for w, n in zip(windows, sizes, strict=True)]
    mean = _divide(total, counts)
    positive = jnp.where(mean <= 0, 0, mean)
    return (positive * size) ** (1.0 / norm_type)


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The norm_type-norm of each window of (N, C, L) or (C, L)."""
    return _lp_pool(input, norm_type, kernel_size, stride, bool(ceil_mode), 1)


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The norm_type-norm of each window of (N, C, H, W) or (C, H, W)."""
    return _lp_pool(input, norm_type, kernel_size, stride, bool(ceil_mode), 2)


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The norm_type-norm of each window of (N, C, D, H, W) or (C, D, H, W)."""
    return _lp_pool(input, norm_type, kernel_size, stride, bool(ceil_mode), 3)
