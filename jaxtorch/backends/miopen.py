"""``torch.backends.miopen``: not here; XLA calls it on AMD GPUs, and asks nobody."""

__all__ = ["is_available"]


def is_available() -> bool:
    return False
