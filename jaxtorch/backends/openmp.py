"""``torch.backends.openmp``: not here; XLA has threads of its own (``torch.set_num_threads``)."""

__all__ = ["is_available"]


def is_available() -> bool:
    return False
