"""torch.cpu.amp.autocast, which torch.amp's has replaced."""

from __future__ import annotations

from jaxtorch import amp, dtypes
from jaxtorch.cuda.amp.autocast_mode import deprecated

__all__ = ["autocast"]


class autocast(amp.autocast):
    """``torch.autocast("cpu")``."""

    def __init__(self, enabled: bool = True, dtype=dtypes.bfloat16, cache_enabled: bool = True):
        deprecated("cpu", "autocast", "'cpu', args...")
        super().__init__("cpu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)
