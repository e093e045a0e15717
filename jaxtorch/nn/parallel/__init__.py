"""``torch.nn.parallel``: the wrappers that spread a module over processes and devices."""

from jaxtorch import left_out
from jaxtorch.nn.parallel.data_parallel import (
    DataParallel as DataParallel,
    data_parallel as data_parallel,
)
from jaxtorch.nn.parallel.distributed import DistributedDataParallel as DistributedDataParallel
from jaxtorch.nn.parallel.parallel_apply import parallel_apply as parallel_apply
from jaxtorch.nn.parallel.replicate import replicate as replicate
from jaxtorch.nn.parallel.scatter_gather import gather as gather, scatter as scatter

__all__ = [
    "DataParallel", "DistributedDataParallel", "data_parallel", "gather", "parallel_apply",
    "replicate", "scatter",
]  # fmt: skip

__getattr__ = left_out.attributes_of(__name__)
