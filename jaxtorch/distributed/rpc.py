"""``torch.distributed.rpc``: it can be imported, and whoever asks for anything in it is told why
not."""

from jaxtorch import left_out


def is_available() -> bool:
    """False, as in a PyTorch that was built without it."""
    return False


__getattr__ = left_out.attributes_of(__name__)
