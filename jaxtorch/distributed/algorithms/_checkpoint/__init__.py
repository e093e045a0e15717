"""``torch.distributed.algorithms._checkpoint``."""

from jaxtorch import left_out

__all__: list[str] = []

__getattr__ = left_out.attributes_of(__name__)
