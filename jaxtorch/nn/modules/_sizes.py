"""An int for every dimension, or one for each: the arguments of windows, strides and paddings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["each", "reversed_twice"]


def each(value: Any, count: int) -> tuple:
    """``value`` once for each of ``count`` dimensions, or its own items if it has some."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(value)
    return (value,) * count


def reversed_twice(padding: tuple[int, ...]) -> list[int]:
    """A padding by dimension as ``F.pad`` takes it: the last dimension first, both sides."""
    return [p for p in reversed(padding) for _ in range(2)]
