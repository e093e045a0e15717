"""``torch.distributed.constants``: how long PyTorch's collectives wait by default. Those of one
process, as here, wait for nobody."""

from jaxtorch.distributed._groups import default_pg_timeout

__all__ = ["default_pg_nccl_timeout", "default_pg_timeout"]

default_pg_nccl_timeout = None  # as in a PyTorch without NCCL
