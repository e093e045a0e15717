"""``torch.utils``."""

from jaxtorch.utils import data

__all__ = ["data"]
