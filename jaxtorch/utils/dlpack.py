"""``torch.utils.dlpack``: a window on ``jaxtorch.interop.dlpack``."""

from jaxtorch.interop.dlpack import from_dlpack, to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]
