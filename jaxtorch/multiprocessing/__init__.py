"""``torch.multiprocessing``: Python's own, and ``spawn``.

Tensors travel as copies of their values (they share no memory, being immutable). Processes start by
"forkserver" here unless a program chooses another way: one forked after JAX has started can hang.
"""

import multiprocessing
from multiprocessing import *  # noqa: F403

from jaxtorch.multiprocessing.spawn import (
    ProcessContext as ProcessContext,
    ProcessException as ProcessException,
    ProcessExitedException as ProcessExitedException,
    ProcessRaisedException as ProcessRaisedException,
    SpawnContext as SpawnContext,
    spawn as spawn,
    start_processes as start_processes,
)
from jaxtorch.multiprocessing.starting import (
    DEFAULT,
    Process as Process,
    get_start_method as get_start_method,
    set_start_method as set_start_method,
)

Array, Value, RawArray, RawValue = DEFAULT.Array, DEFAULT.Value, DEFAULT.RawArray, DEFAULT.RawValue
Barrier, Condition, Event = DEFAULT.Barrier, DEFAULT.Condition, DEFAULT.Event
Lock, RLock = DEFAULT.Lock, DEFAULT.RLock
BoundedSemaphore, Semaphore = DEFAULT.BoundedSemaphore, DEFAULT.Semaphore
JoinableQueue, Queue, SimpleQueue = DEFAULT.JoinableQueue, DEFAULT.Queue, DEFAULT.SimpleQueue
Manager, Pipe, Pool = DEFAULT.Manager, DEFAULT.Pipe, DEFAULT.Pool
get_context = DEFAULT.get_context

__all__ = [
    *multiprocessing.__all__, "ProcessContext", "ProcessException", "ProcessExitedException",
    "ProcessRaisedException", "SpawnContext", "get_all_sharing_strategies",
    "get_sharing_strategy", "set_sharing_strategy", "spawn", "start_processes",
]  # fmt: skip


def get_all_sharing_strategies() -> set[str]:
    return {"file_descriptor", "file_system"}


_strategy = "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Keep a name for who asks: tensors are sent as values, by neither strategy."""
    global _strategy
    if new_strategy not in get_all_sharing_strategies():
        raise AssertionError(f"{new_strategy!r} is no sharing strategy")
    _strategy = new_strategy


def get_sharing_strategy() -> str:
    return _strategy
