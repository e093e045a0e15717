"""``torch.backends.kleidiai``: not here; XLA has kernels of its own."""

__all__ = ["is_available"]


def is_available() -> bool:
    return False
