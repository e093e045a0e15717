"""``torch.ops.profiler``: a ``record_function`` block in two calls, for captured programs."""

from __future__ import annotations

from typing import Any

from jaxtorch.ops import _overrides

__all__ = []


def _record_function_enter(name: str, args: str | None = None) -> Any:
    """Begin a block of that name: what ends it."""
    from jaxtorch.profiler import record_function

    return record_function(name, args).__enter__()


def _record_function_exit(handle: Any) -> None:
    """End the block."""
    if _overrides.overrides(handle):
        return _overrides.handle(_record_function_exit, [handle], (handle,), {})
    return handle.__exit__(None, None, None)
