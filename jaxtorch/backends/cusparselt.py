"""``torch.backends.cusparselt``: not here; arrays are dense."""

__all__ = ["is_available", "version"]


def is_available() -> bool:
    return False


def version() -> None:
    return None
