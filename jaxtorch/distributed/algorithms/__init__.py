"""``torch.distributed.algorithms``."""

from jaxtorch import left_out
from jaxtorch.distributed.algorithms.join import (
    Join as Join,
    Joinable as Joinable,
    JoinHook as JoinHook,
)

__all__ = ["Join", "JoinHook", "Joinable"]

__getattr__ = left_out.attributes_of(__name__)
