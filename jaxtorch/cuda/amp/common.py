"""``torch.cuda.amp.common``."""

from jaxtorch.cuda._devices import is_available

__all__ = ["amp_definitely_not_available"]


def amp_definitely_not_available() -> bool:
    return not is_available()
