"""``torch.backends.mkldnn``: XLA may call oneDNN where it helps, and asks nobody."""

from jaxtorch.backends._flags import Flags, become, fixed

__all__ = ["is_available"]


def is_available() -> bool:
    return False


class _Mkldnn(Flags):
    _names = ("enabled", "deterministic")
    enabled = fixed("enabled", False, "XLA decides by itself")
    deterministic = fixed("deterministic", True, "XLA's programs for the CPU are deterministic")


become(__name__, _Mkldnn)
