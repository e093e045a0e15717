"""The garbage collector waits while JAX traces and lowers.

A trace makes objects by the thousand, and all of them live until it ends. So the collector comes to
think that many have come to stay and looks at every object of the process: 0.08 s, a third of what
a small program's first step takes with a warm compilation cache. What is not there any more when
the trace has ended need not be looked at.
"""

from __future__ import annotations

import contextlib
import gc
import threading

_lock = threading.Lock()
_waiting = 0  # blocks that are being run
_resumes = False  # was it enabled when the first of them began?


@contextlib.contextmanager
def put_off():
    """No collection begins in this block; blocks may be nested, and run in several threads."""
    global _waiting, _resumes
    with _lock:
        if not _waiting:
            _resumes = gc.isenabled()
            gc.disable()
        _waiting += 1
    try:
        yield
    finally:
        with _lock:
            _waiting -= 1
            if not _waiting and _resumes:
                gc.enable()
