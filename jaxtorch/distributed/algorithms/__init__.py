"""``torch.distributed.algorithms``: of them, ``Join``."""

from jaxtorch import left_out
from jaxtorch.distributed.algorithms.join import Join, Joinable, JoinHook

__all__ = ["Join", "JoinHook", "Joinable"]

__getattr__ = left_out.attributes_of(__name__)
