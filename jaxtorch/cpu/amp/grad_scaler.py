"""torch.cpu.amp.GradScaler, which torch.amp's has replaced."""

from __future__ import annotations

from jaxtorch import amp
from jaxtorch.cuda.amp.autocast_mode import deprecated

__all__ = ["GradScaler"]


class GradScaler(amp.GradScaler):
    """``torch.amp.GradScaler("cpu")``."""

    def __init__(
        self, init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
        growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        deprecated("cpu", "GradScaler", "'cpu', args...")
        super().__init__("cpu", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
