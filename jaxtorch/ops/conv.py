"""Convolutions and their transposes, in one to three dimensions.

torch's layout throughout: input (N, C, *size) or (C, *size), weight (out, in / groups, *kernel),
and for a transposed convolution (in, out / groups, *kernel).
"""

import itertools
import math

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops import _promote
from jaxtorch.ops._op import Array, op
from jaxtorch.ops._platform import on_cpu
from jaxtorch.ops.linear import standing

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def _per_dim(name: str, value, ndim: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * ndim
    value = tuple(value)
    if len(value) == 1:
        return value * ndim
    if len(value) != ndim:
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {ndim} values to match the "
            f"convolution dimensions, but got {name}={list(value)}"
        )
    return value


def _check_dtypes(input, weight, bias) -> None:
    for name, other in (("bias", bias), ("weight", weight)):
        if other is not None and other.dtype != input.dtype:
            found, wanted = (dtypes.from_numpy_dtype(a.dtype).cpp for a in (input, other))
            raise RuntimeError(
                f"Input type ({found}) and {name} type ({wanted}) should be the same"
            )


def _check(input, weight, bias, stride, dilation, groups, ndim, transposed) -> None:
    name = f"conv{'_transpose' if transposed else ''}{ndim}d"
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(
            f"Expected {ndim + 1}D (unbatched) or {ndim + 2}D (batched) input to {name}, but got "
            f"input of size: {list(input.shape)}"
        )
    if weight.ndim < 3:
        raise RuntimeError("weight should have at least three dimensions")
    if weight.ndim != ndim + 2:
        raise RuntimeError(
            f"Expected {weight.ndim}-dimensional input for {weight.ndim}-dimensional weight"
            f"{list(weight.shape)}, but got {input.ndim}-dimensional input of size "
            f"{list(input.shape)} instead"
        )
    for what, values in (("stride", stride), ("dilation", dilation), ("groups", (groups,))):
        if min(values) <= 0:
            raise RuntimeError(
                "dilation should be greater than zero" if what == "dilation"
                else f"non-positive {what} is not supported"
            )  # fmt: skip
    _check_dtypes(input, weight, bias)
    if weight.shape[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but "
            f"got weight of size {list(weight.shape)} instead"
        )
    if weight.shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size [{list(weight.shape)}] instead"
        )
    given = f"Given {'transposed=1' if transposed else f'groups={groups}'}, weight of size "
    channels = input.shape[input.ndim - ndim - 1]
    expected = weight.shape[0] if transposed else weight.shape[1] * groups
    if channels != expected:
        raise RuntimeError(
            f"{given}{list(weight.shape)}, expected input{list(input.shape)} to have {expected} "
            f"channels, but got {channels} channels instead"
        )
    outputs = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and bias.shape != (outputs,):
        given = given if transposed else "Given weight of size "
        raise RuntimeError(
            f"{given}{list(weight.shape)}, expected bias to be 1-dimensional with {outputs} "
            f"elements, but got bias of size {list(bias.shape)} instead"
        )


def _pad_pairs(padding, kernel, stride, dilation) -> tuple[tuple[int, int], ...]:
    """(before, after) a dimension, from torch's integers, 'valid' or 'same'."""
    ndim = len(kernel)
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * ndim
        if padding != "same":
            raise RuntimeError(f"Invalid padding string: {padding!r}")
        if max(stride) > 1:
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    padding = _per_dim("padding", padding, ndim)
    if min(padding) < 0:
        raise RuntimeError("negative padding is not supported")
    return tuple((p, p) for p in padding)


def _times(sizes) -> str:
    return " x ".join(map(str, sizes))


def _add_bias(out, bias, ndim: int):
    if bias is None:
        return out
    return out + bias.reshape(1, -1, *(1,) * ndim)


def _widened(*arrays):
    """Half types in float32 on the CPU, where XLA does so anyway, but would round before the bias
    is added; other devices have units for half types."""
    return [a if a is None or not on_cpu() else _promote.widened(a) for a in arrays]


def _dimension_numbers(ndim: int):
    spatial = "DHW"[3 - ndim :]
    return f"NC{spatial}", f"OI{spatial}", f"NC{spatial}"


def _obvious(input, weight, stride, pads, dilation, groups):
    return lax.conv_general_dilated(
        input, weight, stride, pads, rhs_dilation=dilation, feature_group_count=groups,
        dimension_numbers=_dimension_numbers(input.ndim - 2),
    )  # fmt: skip


# ---------------------------------------------------------------- forms for the CPU
#
# XLA takes every convolution to channels last and back, weights included, and its kernels are made
# for many channels. ms on two cores, XLA's / the form's / PyTorch's, float32:
#
#                                           forward           to input         to weight
# 1 to 6, 3x3, (64, 28, 28)            1.9 / 0.11 / 0.40                    0.79 / 0.30 / 0.4
# 6 to 16, 3x3, (64, 13, 13)           0.5 / -    / 0.21  0.88 / 0.41 / 0.52
# 64 to 128, 1x1 by 2, (8, 32, 32)     1.2 / 0.86 / 0.57   1.0 / 0.70 / 1.4  1.6 / 0.78 / 0.7
# 64 to 64, 3x3, (8, 32, 32)           7.8 / -    / 5.9    7.4 / -    / 6.1  7.0 / -    / 8.0
# 256 to 512, 3x3 by 2, (8, 8, 8)      4.0 / 2.5  / 3.2    4.9 / -    / 4.7  4.8 / 2.5  / 2.7
# 512 to 512, 3x3, (8, 4, 4)          10.8 / 5.4  / 6.0    6.1 / -    / 5.6  8.2 / 4.6  / 4.5

FEW_TERMS = 27  # products summed for an element: unrolled, one loop takes them all
FEW_CHANNELS = 16
FEW_PIXELS = 16  # of the output: XLA's time then goes into turning the weights about


def _has_forms(input, groups) -> bool:
    return groups == 1 and on_cpu() and input.dtype == jnp.float32 and 0 not in input.shape


def _taps(x, kernel, stride, pads, dilation):
    """For each place in the kernel the elements of x (*, *, *size) that it meets, in order."""
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (0, 0, 0), *((*p, 0) for p in pads)])
    sizes = _sizes(x.shape[2:], kernel, stride, dilation)
    for place in itertools.product(*map(range, kernel)):
        first = [i * d for i, d in zip(place, dilation, strict=True)]
        last = [f + (n - 1) * s + 1 for f, n, s in zip(first, sizes, stride, strict=True)]
        yield lax.slice(x, (0, 0, *first), (*x.shape[:2], *last), (1, 1, *stride))


def _sizes(padded, kernel, stride, dilation) -> list[int]:
    return [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(padded, kernel, stride, dilation, strict=True)
    ]


def _patches(x, kernel, stride, pads, dilation):
    """The matrix (channels * places, examples * pixels) that the flat weights multiply."""
    taps = list(_taps(jnp.swapaxes(x, 0, 1), kernel, stride, pads, dilation))
    return standing(jnp.stack(taps, 1).reshape(len(taps) * x.shape[1], -1))


def _few_pixels(weight, sizes) -> bool:
    return math.prod(sizes) <= FEW_PIXELS or math.prod(weight.shape[2:]) == 1


def _forward(input, weight, stride, pads, dilation, groups):
    kernel = weight.shape[2:]
    padded = [n + lo + hi for n, (lo, hi) in zip(input.shape[2:], pads, strict=True)]
    sizes = _sizes(padded, kernel, stride, dilation)
    if _has_forms(input, groups) and weight.size:
        if math.prod(weight.shape[1:]) <= FEW_TERMS:
            return _summed(input, weight, stride, pads, dilation)
        if _few_pixels(weight, sizes):
            rows = weight.reshape(weight.shape[0], -1)
            out = rows @ _patches(input, kernel, stride, pads, dilation)
            return jnp.swapaxes(out.reshape(-1, input.shape[0], *sizes), 0, 1)
    return _obvious(input, weight, stride, pads, dilation, groups)


def _summed(input, weight, stride, pads, dilation):
    """The sum over places and channels, written out: one loop over the output."""
    total = None
    flat = weight.reshape(*weight.shape[:2], -1)
    ones = (1,) * (input.ndim - 2)
    for place, tap in enumerate(_taps(input, weight.shape[2:], stride, pads, dilation)):
        for channel in range(input.shape[1]):
            term = tap[:, channel : channel + 1] * flat[:, channel, place].reshape(1, -1, *ones)
            total = term if total is None else total + term
    return standing(total)  # what reads it would else compute it again


def _input_gradient(grad, weight, shape, stride, pads, dilation, groups):
    kernel = weight.shape[2:]
    pointwise = math.prod(kernel) == 1
    if not (_has_forms(grad, groups) and (shape[1] <= FEW_CHANNELS or pointwise)):
        like = jax.ShapeDtypeStruct(shape, grad.dtype)
        turned = jax.linear_transpose(
            lambda x: _obvious(x, weight, stride, pads, dilation, groups), like
        )
        return turned(grad)[0]
    # A product for each place in the kernel, each added where it came from.
    flat = weight.reshape(*weight.shape[:2], -1)
    terms = jnp.einsum("ock,nop->nkcp", flat, grad.reshape(*grad.shape[:2], -1))
    terms = standing(terms.reshape(terms.shape[0], -1, shape[1], *grad.shape[2:]))
    total = None
    for index, place in enumerate(itertools.product(*map(range, kernel))):
        edges = [(0, 0, 0), (0, 0, 0)]
        for i, d, s, (lo, _), size, n in zip(
            place, dilation, stride, pads, shape[2:], grad.shape[2:], strict=True
        ):
            before = i * d - lo  # negative: it fell on the padding
            edges.append((before, size - before - ((n - 1) * s + 1), s - 1))
        term = lax.pad(terms[:, index], jnp.zeros((), grad.dtype), edges)
        total = term if total is None else total + term
    return standing(total)


def _weight_gradient(grad, input, shape, stride, pads, dilation, groups):
    kernel = shape[2:]
    if _has_forms(grad, groups) and input.size:
        if shape[1] == 1 and math.prod(kernel) <= FEW_TERMS:
            taps = jnp.concatenate(list(_taps(input, kernel, stride, pads, dilation)), 1)
            taps = standing(taps.reshape(*taps.shape[:2], -1))
            each = jnp.einsum("nop,nkp->nok", grad.reshape(*grad.shape[:2], -1), taps)
            return jnp.sum(each, 0).reshape(shape)
        if _few_pixels(jax.ShapeDtypeStruct(shape, grad.dtype), grad.shape[2:]):
            rows = standing(jnp.swapaxes(grad, 0, 1).reshape(shape[0], -1))
            patches = _patches(input, kernel, stride, pads, dilation)
            return jnp.einsum("op,kp->ok", rows, patches).reshape(shape)
    like = jax.ShapeDtypeStruct(shape, grad.dtype)
    turned = jax.linear_transpose(
        lambda w: _obvious(input, w, stride, pads, dilation, groups), like
    )
    return turned(grad)[0]


def _conv_vjp(needs, args, statics, out, grads):
    input, weight, bias = args
    ndim = weight.ndim - 2
    stride, dilation = (_per_dim(name, statics[name], ndim) for name in ("stride", "dilation"))
    pads = _pad_pairs(statics["padding"], weight.shape[2:], stride, dilation)
    if input.ndim == ndim + 1:
        input, grads = input[None], grads[None]
    input, weight, grads = _widened(input, weight, standing(grads))
    rest = stride, pads, dilation, statics["groups"]
    found = [None, None, None]
    if needs[0]:
        found[0] = _input_gradient(grads, weight, input.shape, *rest).reshape(args[0].shape)
    if needs[1]:
        found[1] = _weight_gradient(grads, input, weight.shape, *rest)
    if needs[2]:
        found[2] = jnp.sum(grads, (0, *range(2, grads.ndim)))
    return tuple(found)


def _conv(input, weight, bias, stride, padding, dilation, groups, ndim: int):
    stride = _per_dim("stride", stride, ndim)
    dilation = _per_dim("dilation", dilation, ndim)
    if not isinstance(padding, str) and min(_per_dim("padding", padding, ndim)) < 0:
        raise RuntimeError("negative padding is not supported")
    _check(input, weight, bias, stride, dilation, groups, ndim, transposed=False)
    _promote.refuse(input, "b", f"slow_conv{max(ndim, 2)}d_cpu")
    kernel = weight.shape[2:]
    pads = _pad_pairs(padding, kernel, stride, dilation)
    padded = [n + sum(p) for n, p in zip(input.shape[-ndim:], pads, strict=True)]
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(n < span for n, span in zip(padded, spans, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({_times(padded)}). Kernel size: "
            f"({_times(spans)}). Kernel size can't be greater than actual input size"
        )
    batched, narrow = input.ndim == ndim + 2, input.dtype
    input, weight, bias = _widened(input, weight, bias)
    out = _forward(input if batched else input[None], weight, stride, pads, dilation, groups)
    out = _add_bias(out, bias, ndim).astype(narrow)
    return out if batched else out[0]


def _conv_transpose(
    input, weight, bias, stride, padding, output_padding, groups, dilation, ndim: int
):
    if isinstance(padding, str):
        raise TypeError(
            f"conv_transpose{ndim}d(): argument 'padding' must be tuple of ints, not str"
        )
    stride = _per_dim("stride", stride, ndim)
    dilation = _per_dim("dilation", dilation, ndim)
    extra = _per_dim("output_padding", output_padding, ndim)
    _check(input, weight, bias, stride, dilation, groups, ndim, transposed=True)
    _promote.refuse(input, "bu", f"slow_conv_transpose{max(ndim, 2)}d_out_cpu")
    if min(extra) < 0:
        raise RuntimeError("negative output_padding is not supported")
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise RuntimeError(
            "output padding must be smaller than either stride or dilation, but got "
            f"output_padding={list(extra)}, stride={list(stride)}, dilation={list(dilation)}"
        )
    kernel = weight.shape[2:]
    pads = [
        (d * (k - 1) - lo, d * (k - 1) - hi + e)
        for (lo, hi), k, d, e in zip(
            _pad_pairs(padding, kernel, stride, dilation), kernel, dilation, extra, strict=True
        )
    ]
    sizes = [
        (n - 1) * s + 1 + lo + hi - d * (k - 1)
        for n, s, (lo, hi), d, k in zip(
            input.shape[-ndim:], stride, pads, dilation, kernel, strict=True
        )
    ]
    if min(sizes) <= 0:
        raise RuntimeError(
            f"Given input size per channel: ({_times(input.shape[-ndim:])}). Calculated output "
            f"size per channel: ({_times(sizes)}). Output size is too small"
        )
    # The gradient of a convolution to its input: a convolution of the dilated input with the kernel
    # turned round and its channels exchanged, group by group.
    spatial = tuple(range(2, ndim + 2))
    batched, narrow = input.ndim == ndim + 2, input.dtype
    input, weight, bias = _widened(input, weight, bias)
    grouped = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    turned = jnp.flip(jnp.swapaxes(grouped, 1, 2).reshape(-1, grouped.shape[1], *kernel), spatial)
    out = lax.conv_general_dilated(
        input if batched else input[None], turned, (1,) * ndim, pads, lhs_dilation=stride,
        rhs_dilation=dilation, dimension_numbers=_dimension_numbers(ndim),
        feature_group_count=groups,
    )  # fmt: skip
    out = _add_bias(out, bias, ndim).astype(narrow)
    return out if batched else out[0]


Sizes = int | tuple[int, ...]
Padding = int | str | tuple[int, ...]


@op(name="ConvolutionBackward0", vjp=_conv_vjp)
def conv1d(
    input: Array, weight: Array, bias: Array | None = None, stride: Sizes = 1,
    padding: Padding = 0, dilation: Sizes = 1, groups: int = 1,
):  # fmt: skip
    """input (N, C, L), weight (O, C / groups, K) -> (N, O, L'); the batch dimension may be
    absent."""
    return _conv(input, weight, bias, stride, padding, dilation, groups, 1)


@op(name="ConvolutionBackward0", vjp=_conv_vjp)
def conv2d(
    input: Array, weight: Array, bias: Array | None = None, stride: Sizes = 1,
    padding: Padding = 0, dilation: Sizes = 1, groups: int = 1,
):  # fmt: skip
    """input (N, C, H, W), weight (O, C / groups, KH, KW) -> (N, O, H', W')."""
    return _conv(input, weight, bias, stride, padding, dilation, groups, 2)


@op(name="ConvolutionBackward0", vjp=_conv_vjp)
def conv3d(
    input: Array, weight: Array, bias: Array | None = None, stride: Sizes = 1,
    padding: Padding = 0, dilation: Sizes = 1, groups: int = 1,
):  # fmt: skip
    """input (N, C, D, H, W), weight (O, C / groups, KD, KH, KW) -> (N, O, D', H', W')."""
    return _conv(input, weight, bias, stride, padding, dilation, groups, 3)


@op(name="ConvolutionBackward0")
def conv_transpose1d(
    input: Array, weight: Array, bias: Array | None = None, stride: Sizes = 1, padding: Sizes = 0,
    output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1,
):  # fmt: skip
    """input (N, C, L), weight (C, O / groups, K) -> (N, O, (L - 1) stride - 2 padding + span +
    extra)."""
    return _conv_transpose(
        input, weight, bias, stride, padding, output_padding, groups, dilation, 1
    )


@op(name="ConvolutionBackward0")
def conv_transpose2d(
    input: Array, weight: Array, bias: Array | None = None, stride: Sizes = 1, padding: Sizes = 0,
    output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1,
):  # fmt: skip
    """input (N, C, H, W), weight (C, O / groups, KH, KW) -> (N, O, H', W')."""
    return _conv_transpose(
        input, weight, bias, stride, padding, output_padding, groups, dilation, 2
    )


@op(name="ConvolutionBackward0")
def conv_transpose3d(
    input: Array, weight: Array, bias: Array | None = None, stride: Sizes = 1, padding: Sizes = 0,
    output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1,
):  # fmt: skip
    """input (N, C, D, H, W), weight (C, O / groups, KD, KH, KW) -> (N, O, D', H', W')."""
    return _conv_transpose(
        input, weight, bias, stride, padding, output_padding, groups, dilation, 3
    )


@op(name="ConvTbcBackward0")
def conv_tbc(input: Array, weight: Array, bias: Array, pad: int = 0):
    """input (L, N, C), weight (K, C, O), bias (O,) -> (L + 2 pad - K + 1, N, O)."""
    if input.ndim != 3:
        raise RuntimeError("Input must have 3 dims: time, batch, in_channel")
    if weight.ndim != 3:
        raise RuntimeError(
            "Weight tensor must have 3 dims: kernel_width, in_channels, out_channels."
        )
    if bias.ndim != 1:
        raise RuntimeError("Bias must be 1-D")
    if input.shape[2] != weight.shape[1]:
        raise RuntimeError("Input dim 2 (input channels) is not == dim 1 in the weight tensor")
    if weight.shape[2] != bias.shape[0]:
        raise RuntimeError("Bias size must equal dim 2 in the weight tensor (output channels).")
    out = lax.conv_general_dilated(
        input, weight, (1,), [(pad, pad)], dimension_numbers=("WNC", "WIO", "WNC")
    )
    return out + jnp.broadcast_to(bias, out.shape)
