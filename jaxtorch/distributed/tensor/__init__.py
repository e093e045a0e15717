"""``torch.distributed.tensor``, for programs that ask whether a tensor is a DTensor: none is."""

from jaxtorch import left_out
from jaxtorch.distributed.tensor import placement_types as placement_types
from jaxtorch.distributed.tensor.placement_types import (
    Partial as Partial,
    Placement as Placement,
    Replicate as Replicate,
    Shard as Shard,
)
from jaxtorch.tensor import Tensor

__all__ = ["DTensor", "Partial", "Placement", "Replicate", "Shard"]


class DTensor(Tensor):
    """A tensor over several processes; making one raises NotImplementedError, which says why."""

    def __new__(cls, *args, **kwargs):
        why = left_out.reason("torch.distributed.DeviceMesh")
        raise NotImplementedError(f"torch.distributed.tensor.DTensor: {why}")

    @staticmethod
    def from_local(*args, **kwargs):
        return DTensor(*args, **kwargs)


__getattr__ = left_out.attributes_of(__name__)
