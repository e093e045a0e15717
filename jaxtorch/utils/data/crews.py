"""A DataLoader's workers, seen from its own process: hired, asked, heard, dismissed."""

from __future__ import annotations

import copy
import multiprocessing
import queue
import random as python_random
import signal
import socket
import threading
import weakref
from multiprocessing import connection
from typing import Any

import numpy as np

from jaxtorch import children, random
from jaxtorch.utils.data import seeds, transport, worker
from jaxtorch.utils.data.fetch import Reading

__all__ = ["ProcessCrew", "ThreadCrew"]

_PATIENCE = 2.0  # seconds that a dismissed worker has for ending its current sample


def _dismiss(processes: list, links: list) -> None:
    for link in links:
        link.close()
    waiting = {process.sentinel: process for process in processes}
    while waiting and (ended := connection.wait(list(waiting), _PATIENCE)):
        for sentinel in ended:
            waiting.pop(sentinel).join()  # type: ignore[arg-type]
    for process in waiting.values():
        process.terminate()
    for process in waiting.values():
        process.join(_PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()


class ProcessCrew:
    """Worker processes, each at the other end of a socket."""

    def __init__(
        self,
        packed: transport.Packed | bytes,
        num_workers: int,
        base_seed: int,
        context=None,
        needs_main: bool = True,
    ):
        if context is None:
            context = multiprocessing.get_context("forkserver")
        if context.get_start_method() == "forkserver":
            children.preload(context, "jaxtorch.utils.data.worker")
        self.links: list[socket.socket] = []
        self.processes: list[Any] = []
        self.close = weakref.finalize(self, _dismiss, self.processes, self.links)
        for i in range(num_workers):
            ours, theirs = socket.socketpair()
            self.links.append(ours)
            process = context.Process(
                target=worker.run, args=(theirs, i, num_workers, base_seed), daemon=True
            )
            if needs_main:
                process.start()
            else:
                with children.without_main():
                    process.start()
            self.processes.append(process)
            theirs.close()
            transport.send_packed(ours, 0, packed)
        self._worker_of = {link: i for i, link in enumerate(self.links)}
        self._sentinels = {process.sentinel: i for i, process in enumerate(self.processes)}

    def ask(self, worker_id: int, number: int, index) -> None:
        try:
            transport.send(self.links[worker_id], number, index)
        except OSError:
            pass  # its end is reported by hear(), after what it may have sent before

    def hear(self, timeout: float | None) -> tuple[int, int, Any] | None:
        """The next (worker, number, answer); None if there is none in time.

        RuntimeError if a worker has died.
        """
        ready = connection.wait([*self._worker_of, *self._sentinels], timeout)  # type: ignore[list-item]
        dead = [self._sentinels[one] for one in ready if one in self._sentinels]  # type: ignore
        for link in ready:
            if link in self._worker_of:
                try:
                    return self._worker_of[link], *transport.receive(link)  # type: ignore
                except (EOFError, ConnectionError):
                    dead.append(self._worker_of[link])  # type: ignore[index]
        if dead:
            self._report_death(dead[-1])
        return None

    def _report_death(self, worker_id: int) -> None:
        dead = self.processes[worker_id]
        dead.join(_PATIENCE)
        code = dead.exitcode
        if code is not None and code < 0:
            how = f"is killed by signal: {signal.strsignal(-code)}."
        else:
            how = (
                f"exited unexpectedly with exit code {code}. Details are lost due to "
                "multiprocessing (what it printed is above). Rerunning with num_workers=0 may "
                "give better error trace."
            )
        raise RuntimeError(f"DataLoader worker (pid(s) {dead.pid}) {how}")


def _work_in_thread(reading, worker_id, num_workers, base_seed, inbox, outbox) -> None:
    try:
        dataset = copy.copy(reading.dataset)  # a worker_init_fn may write to it
    except Exception:
        dataset = reading.dataset
    mine = copy.copy(reading)
    mine.dataset = dataset
    seed = base_seed + worker_id
    rng = worker.ThreadRandom(
        python_random.Random(seed),
        random.Generator().manual_seed(seed),
        np.random.default_rng(seeds.numpy_seed(base_seed, worker_id)),
    )
    random.set_thread_generator(rng.torch_generator)
    worker.set_worker_info(
        worker.WorkerInfo(worker_id, num_workers, seed, dataset, rng, worker_method="thread")
    )
    worker.serve(
        mine,
        worker_id,
        inbox.get,
        lambda number, answer: outbox.put((worker_id, number, answer)),
        f"worker thread {worker_id}",
    )


def _dismiss_threads(inboxes: list) -> None:
    for inbox in inboxes:
        while True:  # what is not begun need not be done
            try:
                inbox.get_nowait()
            except queue.Empty:
                break
        inbox.put((0, None))


class ThreadCrew:
    """Worker threads, for what cannot be sent to another process.

    The process's own ``random``, ``numpy.random`` and default generator are not seeded for them;
    ``get_worker_info().rng`` has generators that are.
    """

    def __init__(self, reading: Reading, num_workers: int, base_seed: int):
        self.inboxes: list[queue.SimpleQueue] = [queue.SimpleQueue() for _ in range(num_workers)]
        self.outbox: queue.SimpleQueue = queue.SimpleQueue()
        self.close = weakref.finalize(self, _dismiss_threads, self.inboxes)
        for i, inbox in enumerate(self.inboxes):
            threading.Thread(
                target=_work_in_thread,
                args=(reading, i, num_workers, base_seed, inbox, self.outbox),
                name=f"DataLoader worker {i}",
                daemon=True,
            ).start()

    def ask(self, worker_id: int, number: int, index) -> None:
        self.inboxes[worker_id].put((number, index))

    def hear(self, timeout: float | None) -> tuple[int, int, Any] | None:
        try:
            return self.outbox.get(timeout=timeout)
        except queue.Empty:
            return None
