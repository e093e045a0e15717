"""torch.cuda.amp: the older names of torch.amp, for GPUs."""

from jaxtorch.cuda.amp import autocast_mode as autocast_mode, grad_scaler as grad_scaler
from jaxtorch.cuda.amp.autocast_mode import (
    amp_definitely_not_available as amp_definitely_not_available,
    autocast as autocast,
    custom_bwd as custom_bwd,
    custom_fwd as custom_fwd,
)
from jaxtorch.cuda.amp.grad_scaler import GradScaler as GradScaler

__all__ = ["GradScaler", "amp_definitely_not_available", "autocast", "custom_bwd", "custom_fwd"]
