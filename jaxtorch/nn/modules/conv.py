"""Convolutions and transposed convolutions of one, two and three dimensions: each one body and
an ``ndim``."""

from __future__ import annotations

import math
from typing import Any

from jaxtorch.nn import functional as F, init
from jaxtorch.nn.modules._sizes import each, reversed_twice
from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.parameter import blank
from jaxtorch.tensor import Tensor

__all__ = [
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d",
]  # fmt: skip

_PADDING_MODES = {"zeros", "reflect", "replicate", "circular"}


class _ConvNd(Module):
    """What a convolution holds: weight (out, in / groups, \\*kernel_size), bias (out,)."""

    ndim: int
    transposed = False
    _torch_has_too = ("transposed",)  # in what it pickles
    output_padding: tuple[int, ...] = (0,)

    def _set_up(
        self, in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding,
        groups, bias, padding_mode, device, dtype,
    ) -> None:  # fmt: skip
        Module.__init__(self)
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = each(kernel_size, self.ndim)
        self.stride = each(stride, self.ndim)
        self.padding = padding if isinstance(padding, str) else each(padding, self.ndim)
        self.dilation = each(dilation, self.ndim)
        self.output_padding = each(output_padding, self.ndim)
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._around()
        channels = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = blank((channels[0], channels[1] // groups, *self.kernel_size), device, dtype)
        self.register_parameter("bias", blank((out_channels,), device, dtype) if bias else None)
        self.reset_parameters()

    def _around(self) -> list[int]:
        """The padding as ``F.pad`` takes it, for the modes that pad before they convolve."""
        if self.padding not in ("same", "valid"):
            if isinstance(self.padding, str):
                raise ValueError(
                    f"Invalid padding string {self.padding!r}, should be one of "
                    f"{ {'same', 'valid'} }"
                )
            return reversed_twice(self.padding)
        if self.padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        sides = []
        for d, k in zip(reversed(self.dilation), reversed(self.kernel_size), strict=True):
            total = d * (k - 1) if self.padding == "same" else 0
            sides += [total // 2, total - total // 2]
        return sides

    def reset_parameters(self) -> None:
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        none = (0,) * len(self.padding)
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}",
            f"stride={self.stride}",
            f"padding={self.padding}" if self.padding != none else "",
            f"dilation={self.dilation}" if any(d != 1 for d in self.dilation) else "",
            f"output_padding={self.output_padding}" if any(self.output_padding) else "",
            f"groups={self.groups}" if self.groups != 1 else "",
            "bias=False" if self.bias is None else "",
            f"padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "",
        ]
        return ", ".join(part for part in parts if part)


class _Conv(_ConvNd):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: str | int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {_PADDING_MODES}, but got "
                f"padding_mode='{padding_mode}'"
            )
        self._set_up(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        return self._function(input, weight, bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """Convolution: (N, C, L) to (N, out_channels, L_out)."""

    ndim = 1
    _function = staticmethod(F.conv1d)


class Conv2d(_Conv):
    """Convolution: (N, C, H, W) to (N, out_channels, H_out, W_out)."""

    ndim = 2
    _function = staticmethod(F.conv2d)


class Conv3d(_Conv):
    """Convolution: (N, C, D, H, W) to (N, out_channels, D_out, H_out, W_out)."""

    ndim = 3
    _function = staticmethod(F.conv3d)


class _ConvTransposeNd(_ConvNd):
    """The gradient of a convolution as a layer: weight (in, out / groups, \\*kernel_size)."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        output_padding: int | tuple[int, ...] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, ...] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        self._set_up(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return self._function(
            input, self.weight, self.bias, self.stride, self.padding,
            self._output_padding(input, output_size), self.groups, self.dilation,
        )  # fmt: skip

    def _output_padding(self, input: Tensor, output_size) -> tuple[int, ...]:
        """What to add on one side to come out at ``output_size`` (the last dims, or all)."""
        if output_size is None:
            return self.output_padding
        n = self.ndim
        batched = input.dim() == n + 2
        sizes = list(output_size)
        if len(sizes) == n + (2 if batched else 1):
            sizes = sizes[-n:]
        if len(sizes) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or "
                f"{input.dim()} elements (got {len(sizes)})"
            )
        windows = zip(
            input.shape[-n:],
            self.stride,
            self.padding,
            self.kernel_size,
            self.dilation,
            strict=True,
        )
        least = [(i - 1) * s - 2 * p + d * (k - 1) + 1 for i, s, p, k, d in windows]
        most = [m + s - 1 for m, s in zip(least, self.stride, strict=True)]
        if any(not low <= size <= high for size, low, high in zip(sizes, least, most, strict=True)):
            raise ValueError(
                f"requested an output size of {list(output_size)}, but valid sizes range from "
                f"{least} "
                f"to {most} (for an input of {list(input.shape[2:])})"
            )
        return tuple(size - low for size, low in zip(sizes, least, strict=True))


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution: (N, C, L) to (N, out_channels, L_out)."""

    ndim = 1
    _function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution: (N, C, H, W) to (N, out_channels, H_out, W_out)."""

    ndim = 2
    _function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution: (N, C, D, H, W) to (N, out_channels, D_out, H_out, W_out)."""

    ndim = 3
    _function = staticmethod(F.conv_transpose3d)
