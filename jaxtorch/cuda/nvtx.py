"""``torch.cuda.nvtx``: ranges with names, as ``jax.profiler`` traces them."""

from __future__ import annotations

import contextlib
import threading

import jax

__all__ = ["mark", "range", "range_pop", "range_push"]


class _Open(threading.local):
    def __init__(self):
        self.ranges = []


_open = _Open()


def range_push(msg: str) -> int:
    """Begin a range inside those that are open; returns how many are around it."""
    annotation = jax.profiler.TraceAnnotation(msg)
    annotation.__enter__()
    _open.ranges.append(annotation)
    return len(_open.ranges) - 1


def range_pop() -> int:
    """End the innermost range; returns how many are around it, -1 if none was open."""
    if not _open.ranges:
        return -1
    _open.ranges.pop().__exit__(None, None, None)
    return len(_open.ranges)


def mark(msg: str) -> None:
    """A moment with a name."""
    with jax.profiler.TraceAnnotation(msg):
        pass


@contextlib.contextmanager
def range(msg: str, *args, **kwargs):
    """A range for the length of a ``with`` block, or of a function's call; ``msg`` is formatted
    with the other arguments."""
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
