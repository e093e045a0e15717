"""torch.nn.utils.memory_format: XLA lays arrays out by itself, so there is nothing to convert."""

from __future__ import annotations

from jaxtorch.layouts import memory_format as MemoryFormat
from jaxtorch.nn.modules.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def convert_conv2d_weight_memory_format(module: Module, memory_format: MemoryFormat) -> Module:
    """The module as it is: XLA chooses the layout in which a convolution is fastest."""
    if not isinstance(memory_format, MemoryFormat):
        raise TypeError(f"memory_format must be torch.memory_format, not {type(memory_format)}")
    return module


def convert_conv3d_weight_memory_format(module: Module, memory_format: MemoryFormat) -> Module:
    """As ``convert_conv2d_weight_memory_format``."""
    return convert_conv2d_weight_memory_format(module, memory_format)
