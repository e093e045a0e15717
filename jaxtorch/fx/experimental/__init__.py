"""``torch.fx.experimental``: of its tools, ``optimization``."""

from jaxtorch import left_out

__all__ = ["optimization"]

__getattr__ = left_out.attributes_of(__name__)
