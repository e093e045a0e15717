"""``torch.fx.passes.utils``."""

from jaxtorch import left_out

__all__ = ["matcher_utils"]

__getattr__ = left_out.attributes_of(__name__)
