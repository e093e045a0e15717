"""How processes start when a program does not say: by "forkserver" or "spawn", never by a fork of
this process, in which JAX's threads would be missing."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import DefaultContext
from multiprocessing.process import BaseProcess
from typing import Any

from jaxtorch import children

__all__ = ["DEFAULT", "Process", "get_start_method", "set_start_method"]

_SAFE = [m for m in ("forkserver", "spawn") if m in multiprocessing.get_all_start_methods()]
_chosen: str | None = None


def get_start_method(allow_none: bool = False) -> str | None:
    """What the program has chosen, here or with Python's own ``multiprocessing``; by default
    "forkserver", or "spawn" where that is not."""
    said = _chosen or multiprocessing.get_start_method(allow_none=True)
    if said in _SAFE or _chosen:  # Python's own default may be a fork that nobody asked for
        return said
    return None if allow_none else _SAFE[0]


def set_start_method(method: str | None, force: bool = False) -> None:
    """Choose how processes start. A process forked after JAX has started can hang in JAX."""
    global _chosen
    multiprocessing.set_start_method(method, force=force)
    _chosen = method


class _Context(DefaultContext):
    """``multiprocessing``'s context, with the default of this module."""

    def get_context(self, method: str | None = None) -> Any:
        context = multiprocessing.get_context(method or get_start_method())
        if context.get_start_method() == "forkserver":
            children.preload(context, "jaxtorch.utils.data.worker")
        return context


DEFAULT: Any = _Context(multiprocessing.get_context(_SAFE[0]))


class Process(BaseProcess):
    """A process that starts in the way of :func:`get_start_method`."""

    _start_method = None

    @staticmethod
    def _Popen(process_obj):
        return DEFAULT.get_context().Process._Popen(process_obj)
