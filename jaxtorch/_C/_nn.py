"""``torch._C._nn``: how ``Module.to`` reads its arguments; and PyTorch's home of those functions of
``nn.functional`` that it wrote in C++, by which generated code calls them."""

from __future__ import annotations

from jaxtorch import devices
from jaxtorch.ops.conversion import _to_arguments

__all__ = ["_parse_to"]


def _parse_to(*args, memory_format=None, **kwargs) -> tuple:
    """(device, dtype, non_blocking, memory format) of what ``to`` was given."""
    non_blocking = kwargs.get("non_blocking", False)
    device, dtype, _ = _to_arguments(*args, **kwargs)
    where = None if device is None else devices.device(device)
    return where, dtype, non_blocking, memory_format


def __getattr__(name: str):
    from jaxtorch.nn import functional

    found = getattr(functional, {"log_sigmoid": "logsigmoid"}.get(name, name), None)
    if found is None or name.startswith("__"):
        raise AttributeError(f"module 'torch._C._nn' has no attribute '{name}'", name=name)
    return found
