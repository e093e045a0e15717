"""What a child process of ``multiprocessing`` is told before it runs.

A spawned or forkserver child starts from nothing but the *preparation data* that
``multiprocessing.spawn`` sends it: ``sys.path``, ``sys.argv``, the name of ``__main__``. Two things
are said there in addition: that ``torch`` means jaxtorch (where the parent has it so), and that
``__main__`` need not be imported again (where nothing that is sent was defined in it).
"""

from __future__ import annotations

import contextlib
import os
import threading
from multiprocessing import spawn

__all__ = ["announce_torch", "preload", "retract_torch", "without_main"]

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_IN_THE_CHILD = """\
import sys
if {root!r} not in sys.path:
    sys.path.append({root!r})
import jaxtorch.alias
jaxtorch.alias.install()
"""


class _Announcement:
    """Unpickled in the child, ahead of everything else, it makes ``import torch`` work there."""

    def __reduce__(self):
        # Not a function of this module: until sys.path arrives, jaxtorch may be out of reach.
        return exec, (_IN_THE_CHILD.format(root=_ROOT), {})


_original = spawn.get_preparation_data
_torch_is_jaxtorch = False
_thread = threading.local()


def _get_preparation_data(name):
    data = _original(name)
    if getattr(_thread, "without_main", False):
        data.pop("init_main_from_name", None)
        data.pop("init_main_from_path", None)
    return {"jaxtorch": _Announcement(), **data} if _torch_is_jaxtorch else data


def announce_torch() -> None:
    """From now on children resolve ``import torch`` to jaxtorch."""
    global _torch_is_jaxtorch
    _torch_is_jaxtorch = True
    spawn.get_preparation_data = _get_preparation_data


def retract_torch() -> None:
    """Children resolve ``import torch`` as Python does."""
    global _torch_is_jaxtorch
    _torch_is_jaxtorch = False
    if spawn.get_preparation_data is _get_preparation_data:
        spawn.get_preparation_data = _original


@contextlib.contextmanager
def without_main():
    """A child started in this block, by this thread, does not import ``__main__`` again."""
    before = spawn.get_preparation_data
    _thread.without_main, spawn.get_preparation_data = True, _get_preparation_data
    try:
        yield
    finally:
        _thread.without_main = False
        if not _torch_is_jaxtorch:
            spawn.get_preparation_data = before


def preload(context, module: str) -> None:
    """Have the fork server import a module once, so that starting a process is a fork of it.

    Left alone where the program has asked for modules of its own to be preloaded. (Before 3.13
    the default, ``__main__``, was not preloaded either; a child imports it for itself if need be.)
    """
    from multiprocessing import forkserver

    server = forkserver._forkserver  # type: ignore[attr-defined]
    if getattr(server, "_preload_modules", None) == ["__main__"]:
        context.set_forkserver_preload([module])
