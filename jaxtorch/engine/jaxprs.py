"""A kernel's jaxpr: made once and for little, and kept for a while to be run again."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import jax
from jax._src import config, linear_util
from jax._src.api_util import debug_info
from jax._src.interpreters.partial_eval import trace_to_jaxpr_dynamic
from jax.extend.core import ClosedJaxpr

from jaxtorch.engine import sweeping

__all__ = ["afresh", "jaxpr_of", "keep", "kept"]

MOST = 1024  # jaxprs that are kept
_kept: dict[int, tuple] = {}  # kernel's id -> (settings it was traced under, jaxpr)
_lock = threading.Lock()
_state = threading.local()


def jaxpr_of(function: Callable, avals, straight: bool = False) -> ClosedJaxpr:
    """The jaxpr of ``function(*arrays) -> list of arrays``; the caller has 64-bit types on.

    What ``jax.make_jaxpr`` gives, at a third of its price: a small function's takes 0.1 ms.
    ``straight``: the function has no loop of JAX's, and is traced without the ``jax.jit`` that each
    function of ``jax.numpy`` is wrapped in (two thirds of the time).
    """
    wrapped = linear_util.wrap_init(function, debug_info=debug_info("kernel", function, avals, {}))
    direct = jax.disable_jit() if straight else contextlib.nullcontext()
    with direct, sweeping.put_off():
        jaxpr, _, constants = trace_to_jaxpr_dynamic(wrapped, avals)
    return ClosedJaxpr(jaxpr, constants)


def keep(kernel: int, jaxpr: ClosedJaxpr) -> None:
    """Keep the jaxpr of the kernel with this id; of too many the oldest goes."""
    with _lock:
        _kept[kernel] = config.trace_context(), jaxpr
        if len(_kept) > MOST:
            del _kept[next(iter(_kept))]


def kept(kernel: int) -> ClosedJaxpr | None:
    """The jaxpr of the kernel with this id, if it is still there and JAX's settings (precision
    among them) are what they were."""
    settings, jaxpr = _kept.get(kernel, (None, None))
    if jaxpr is None or settings != config.trace_context() or getattr(_state, "afresh", False):
        return None
    return jaxpr


@contextlib.contextmanager
def afresh():
    """Bodies are traced again, whatever is kept."""
    _state.afresh = True
    try:
        yield
    finally:
        _state.afresh = False
