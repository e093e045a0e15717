"""Channels mixed across groups."""

from __future__ import annotations

from jaxtorch.nn import functional as F
from jaxtorch.nn.modules.module import Module
from jaxtorch.tensor import Tensor

__all__ = ["ChannelShuffle"]


class ChannelShuffle(Module):
    """Rearrange the channels of (N, C, \\*) so that each group has some of every group."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
