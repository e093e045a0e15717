"""``torch.multiprocessing``: Python's own, and ``spawn``.

Tensors travel as copies of their values (they share no memory, being immutable). A process forked
after JAX has started can hang in JAX: use "spawn" or "forkserver".
"""

import multiprocessing
from multiprocessing import *  # noqa: F403
from multiprocessing import (
    Array as Array,
    Event as Event,
    Lock as Lock,
    Manager as Manager,
    Pipe as Pipe,
    Pool as Pool,
    Process as Process,
    Queue as Queue,
    Semaphore as Semaphore,
    SimpleQueue as SimpleQueue,
    Value as Value,
    active_children as active_children,
    cpu_count as cpu_count,
    current_process as current_process,
    get_context as get_context,
    get_start_method as get_start_method,
    set_start_method as set_start_method,
)

from jaxtorch.multiprocessing.spawn import (
    ProcessContext as ProcessContext,
    ProcessException as ProcessException,
    ProcessExitedException as ProcessExitedException,
    ProcessRaisedException as ProcessRaisedException,
    SpawnContext as SpawnContext,
    spawn as spawn,
    start_processes as start_processes,
)

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
