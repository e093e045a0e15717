"""Convolutions and their transposes, in one to three dimensions.

torch's layout throughout: input (N, C, *size) or (C, *size), weight (out, in / groups, *kernel), and for a
transposed convolution (in, out / groups, *kernel).
"""

import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops._op import Array, op

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
    for name, other in (("weight", weight), ("bias", bias)):
        if other is not None and other.dtype != input.dtype:
            found, wanted = (
                dtypes.from_numpy_dtype(a.dtype).legacy.lower() for a in (input, other)
            )
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
    if weight.ndim != ndim + 2:
        raise RuntimeError(
            f"Expected a {ndim + 2}-dimensional weight for {name}, but got weight of size "
            f"{list(weight.shape)}"
        )
    for what, values in (("stride", stride), ("dilation", dilation), ("groups", (groups,))):
        if min(values) <= 0:
            raise RuntimeError(f"non-positive {what} is not supported")
    _check_dtypes(input, weight, bias)
    if weight.shape[0] % groups or weight.shape[0] < groups:
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


def _dimension_numbers(ndim: int):
    spatial = "DHW"[3 - ndim :]
    return f"NC{spatial}", f"OI{spatial}", f"NC{spatial}"


def _conv(input, weight, bias, stride, padding, dilation, groups, ndim: int):
    stride = _per_dim("stride", stride, ndim)
    dilation = _per_dim("dilation", dilation, ndim)
    _check(input, weight, bias, stride, dilation, groups, ndim, transposed=False)
    kernel = weight.shape[2:]
    pads = _pad_pairs(padding, kernel, stride, dilation)
    padded = [n + sum(p) for n, p in zip(input.shape[-ndim:], pads, strict=True)]
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(n < span for n, span in zip(padded, spans, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({_times(padded)}). Kernel size: "
            f"({_times(spans)}). Kernel size can't be greater than actual input size"
        )
    batched = input.ndim == ndim + 2
    out = lax.conv_general_dilated(
        input if batched else input[None], weight, stride, pads, rhs_dilation=dilation,
        dimension_numbers=_dimension_numbers(ndim), feature_group_count=groups,
    )  # fmt: skip
    out = _add_bias(out, bias, ndim)
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
    grouped = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    turned = jnp.flip(jnp.swapaxes(grouped, 1, 2).reshape(-1, grouped.shape[1], *kernel), spatial)
    batched = input.ndim == ndim + 2
    out = lax.conv_general_dilated(
        input if batched else input[None], turned, (1,) * ndim, pads, lhs_dilation=stride,
        rhs_dilation=dilation, dimension_numbers=_dimension_numbers(ndim),
        feature_group_count=groups,
    )  # fmt: skip
    out = _add_bias(out, bias, ndim)
    return out if batched else out[0]


Sizes = int | tuple[int, ...]
Padding = int | str | tuple[int, ...]


@op(name="ConvolutionBackward0")
def conv1d(
    input: Array, weight: Array, bias: Array | None = None, stride: Sizes = 1,
    padding: Padding = 0, dilation: Sizes = 1, groups: int = 1,
):  # fmt: skip
    """input (N, C, L), weight (O, C / groups, K) -> (N, O, L'); the batch dimension may be absent."""
    return _conv(input, weight, bias, stride, padding, dilation, groups, 1)


@op(name="ConvolutionBackward0")
def conv2d(
    input: Array, weight: Array, bias: Array | None = None, stride: Sizes = 1,
    padding: Padding = 0, dilation: Sizes = 1, groups: int = 1,
):  # fmt: skip
    """input (N, C, H, W), weight (O, C / groups, KH, KW) -> (N, O, H', W')."""
    return _conv(input, weight, bias, stride, padding, dilation, groups, 2)


@op(name="ConvolutionBackward0")
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
    """input (N, C, L), weight (C, O / groups, K) -> (N, O, (L - 1) stride - 2 padding + span + extra)."""
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
