"""What a worker does, process or thread: read batches as they are asked for, and hand them over."""

from __future__ import annotations

import os
import random as python_random
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from typing import Any

import numpy as np

from jaxtorch import random
from jaxtorch.utils.data import seeds, transport
from jaxtorch.utils.data.fetch import Fetcher, Reading

__all__ = ["Ended", "Failure", "Resume", "WorkerInfo", "get_worker_info", "serve"]


@dataclass(frozen=True, slots=True)
class ThreadRandom:
    """A worker thread's own generators, as the global ones belong to the process."""

    random_generator: python_random.Random
    torch_generator: random.Generator
    numpy_generator: np.random.Generator


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What :func:`get_worker_info` tells: ``dataset`` is this worker's own copy.

    ``rng`` is for worker threads, and None in worker processes, where all that is global is seeded.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: ThreadRandom | None = None
    worker_method: str = "multiprocessing"


_process_info: WorkerInfo | None = None
_thread = threading.local()


def get_worker_info() -> WorkerInfo | None:
    """In a DataLoader's worker, which of them it is; None elsewhere."""
    return getattr(_thread, "info", None) or _process_info


def set_worker_info(info: WorkerInfo) -> None:
    global _process_info
    if info.worker_method == "thread":
        _thread.info = info
    else:
        _process_info = info


@dataclass(frozen=True)
class Resume:
    """Asked of a worker that is kept: begin the dataset anew. It answers with the same."""


@dataclass(frozen=True)
class Ended:
    """A worker's answer when its copy of an iterable dataset has no more."""


class _Message(str):
    """KeyError shows the repr of its argument, which would put a traceback on one line."""

    def __repr__(self):
        return str(self)


class Failure:
    """An exception in a worker: its type, and its traceback as text."""

    def __init__(self, error: BaseException, where: str):
        self.kind: type[BaseException] = type(error)
        text = "".join(traceback.format_exception(error))
        self.message = f"Caught {self.kind.__name__} in DataLoader {where}.\nOriginal {text}"

    def with_kind(self, kind: type[BaseException]) -> Failure:
        self.kind = kind
        return self

    def reraise(self):
        """Raise it here: in its own type, if that can be made of a message alone."""
        message = _Message(self.message) if self.kind is KeyError else self.message
        try:
            error = self.kind(message)
        except Exception:
            raise RuntimeError(message) from None
        raise error


def serve(
    reading: Reading,
    worker_id: int,
    receive: Callable[[], tuple[int, Any]],
    send: Callable[[int, Any], None],
    where: str,
    defer: bool = False,
) -> None:
    """Answer each ``(number, index)`` with ``(number, batch)``, until asked to stop by ``None``."""
    broken = fetcher = None
    try:
        if reading.worker_init_fn is not None:
            reading.worker_init_fn(worker_id)
        fetcher = Fetcher(reading, defer)
    except Exception as error:
        broken = Failure(error, where)
    while True:
        number, index = receive()
        if index is None:
            return
        answer: Any
        try:
            if broken is not None:
                answer = broken
            elif isinstance(index, Resume):
                fetcher = Fetcher(reading, defer)
                answer = index
            else:
                answer = fetcher.fetch(index)  # type: ignore[union-attr]
        except StopIteration as error:
            answer = Ended() if reading.iterable else Failure(error, where)
        except Exception as error:
            answer = Failure(error, where)
        send(number, answer)
        del answer, index


def _exit_with_parent() -> None:
    """A parent that was killed closes nothing down: its end is noticed here."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _pack(answer, where: str):
    """The answer ready to be sent; what cannot be pickled becomes an error that can."""
    if isinstance(answer, Failure):
        try:
            return transport.pack(answer)
        except Exception:  # a type that only this process knows
            return transport.pack(answer.with_kind(RuntimeError))
    try:
        return transport.pack(answer)
    except Exception as error:
        return transport.pack(Failure(error, where))


def run(link: socket.socket, worker_id: int, num_workers: int, base_seed: int) -> None:
    """The body of a worker process. Its parent ends it by closing the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then closes it
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    where = f"worker process {worker_id}"
    import jax

    jax.config.update("jax_platforms", "cpu")  # an accelerator is the parent's alone
    seed = seeds.seed_worker(base_seed, worker_id)

    def send(number, answer):
        transport.send_packed(link, number, _pack(answer, where))

    try:
        try:
            _, reading = transport.receive(link, private=True)
        except EOFError:
            return
        except Exception as error:  # a class that cannot be imported here, say
            failure = Failure(error, where)
            while True:
                number, index = transport.receive(link)
                if index is None:
                    return
                send(number, failure)
        set_worker_info(WorkerInfo(worker_id, num_workers, seed, reading.dataset))
        serve(reading, worker_id, lambda: transport.receive(link), send, where, defer=True)
    except (EOFError, ConnectionError):
        pass  # the parent has closed its end
    finally:
        sys.stdout.flush()
        link.close()
