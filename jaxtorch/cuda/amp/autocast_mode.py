"""torch.cuda.amp.autocast and its decorators, which torch.amp's have replaced."""

from __future__ import annotations

import warnings

from jaxtorch import amp, cuda, dtypes

__all__ = ["amp_definitely_not_available", "autocast", "custom_bwd", "custom_fwd"]


def deprecated(device: str, name: str, instead: str, stacklevel: int = 3) -> None:
    """PyTorch's warning about an older name."""
    warnings.warn(
        f"`torch.{device}.amp.{name}(args...)` is deprecated. "
        f"Please use `torch.amp.{name}({instead})` instead.",
        FutureWarning,
        stacklevel=stacklevel,
    )


def amp_definitely_not_available() -> bool:
    """Whether there is no GPU to run mixed precision on."""
    return not cuda.is_available()


class autocast(amp.autocast):
    """``torch.autocast("cuda")``."""

    def __init__(self, enabled: bool = True, dtype=dtypes.float16, cache_enabled: bool = True):
        deprecated("cuda", "autocast", "'cuda', args...")
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


def custom_fwd(fwd=None, *, cast_inputs=None):
    """``torch.amp.custom_fwd(device_type="cuda")``."""
    deprecated("cuda", "custom_fwd", "args..., device_type='cuda'")
    return amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd):
    """``torch.amp.custom_bwd(device_type="cuda")``."""
    deprecated("cuda", "custom_bwd", "args..., device_type='cuda'")
    return amp.custom_bwd(bwd, device_type="cuda")
