"""``torch.utils``."""

from jaxtorch import left_out
from jaxtorch.utils import data, dlpack

__all__ = ["data", "dlpack"]

__getattr__ = left_out.attributes_of(__name__)
