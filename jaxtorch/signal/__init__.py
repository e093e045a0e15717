"""``torch.signal``: its windows."""

from jaxtorch.signal import windows

__all__ = ["windows"]
