"""``torch.utils``."""

from jaxtorch.utils import data, dlpack

__all__ = ["data", "dlpack"]
