"""``torch.distributed.fsdp``, for programs that ask whether a module is sharded by it: none is."""

from jaxtorch import left_out

__all__ = ["FullyShardedDataParallel"]


class FullyShardedDataParallel:
    """A module in pieces; making one raises NotImplementedError, which says why."""

    def __init__(self, *args, **kwargs):
        why = left_out.reason("torch.distributed.DeviceMesh")
        raise NotImplementedError(f"torch.distributed.fsdp.FullyShardedDataParallel: {why}")


__getattr__ = left_out.attributes_of(__name__)
