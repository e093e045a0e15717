"""``torch.backends.mha``: the fast path of attention layers in evaluation. Here both paths are one
program and give the same results: the switch is for programs that ask."""

__all__ = ["get_fastpath_enabled", "set_fastpath_enabled"]

_enabled = True


def get_fastpath_enabled() -> bool:
    return _enabled


def set_fastpath_enabled(value: bool) -> None:
    global _enabled
    _enabled = bool(value)
