"""torch.cpu.amp: the older names of torch.amp, for the CPU."""

from jaxtorch.cpu.amp import autocast_mode as autocast_mode, grad_scaler as grad_scaler
from jaxtorch.cpu.amp.autocast_mode import autocast as autocast
from jaxtorch.cpu.amp.grad_scaler import GradScaler as GradScaler

__all__ = ["GradScaler", "autocast"]
