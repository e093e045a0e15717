"""``torch._C._nn``: how ``Module.to`` reads its arguments."""

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
