"""DataLoader: batches from a dataset, in this process or ahead of time by workers."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

from jaxtorch.utils.data import crews, portable, seeds
from jaxtorch.utils.data.collate import default_collate, default_convert
from jaxtorch.utils.data.dataset import Dataset, IterableDataset
from jaxtorch.utils.data.fetch import Fetcher, Reading
from jaxtorch.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler
from jaxtorch.utils.data.worker import Ended, Failure, Resume, get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T = TypeVar("T", covariant=True)

# However deep the prefetching, no more than this many requests lie in a worker's socket: a sender
# must never find it full.
_MOST_AHEAD = 64


class _Endless(Sampler[int]):
    """Stands for the indices of an iterable dataset, which has none: only their count matters."""

    def __iter__(self) -> Iterator[int]:
        return itertools.repeat(0)


class DataLoader(Generic[T]):
    """Iterates over a dataset in batches.

    Args:
        dataset: map-style (``dataset[i]``, ``len``) or an :class:`IterableDataset`.
        batch_size: samples in a batch; None for samples as they come, each on its own.
        shuffle: a new order on each pass: PyTorch's own for the state of ``generator``.
        sampler: indices, in place of ``shuffle``.
        batch_sampler: lists of indices, in place of all four of batch_size, shuffle, sampler and
            drop_last.
        num_workers: 0 reads in this process, as each batch is asked for. Otherwise that many
            forkserver processes read ahead. (Not forks: XLA's threads do not survive one.) What
            cannot be pickled, and a script whose workers could not import it because it has no
            ``if __name__ == "__main__":``, is served by threads, with a warning that says why.
        collate_fn: from a list of samples to a batch; :func:`default_collate` if None.
        pin_memory, pin_memory_device: accepted and without effect: XLA stages what it copies to an
            accelerator by itself.
        drop_last: leave out a last batch that is short.
        timeout: seconds to wait for a batch from the workers; 0 is for ever.
        worker_init_fn: called in each worker with its number, before it reads.
        multiprocessing_context: a start method ("forkserver", "spawn") or a context.
        generator: where the shuffle and the workers' seeds are drawn from.
        prefetch_factor: batches ahead, per worker; 2 if None.
        persistent_workers: keep the workers, and their copies of the dataset, from pass to pass.
        in_order: False yields batches as workers finish them.
    """

    _fixed = False

    def __init__(
        self,
        dataset: Dataset[T],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable | None = None,
        batch_sampler: Sampler[list] | Iterable[list] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: str | BaseContext | None = None,
        generator=None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        iterable = isinstance(dataset, IterableDataset)
        _check_sampling(iterable, batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers > 0 and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.generator = generator
        self.persistent_workers = persistent_workers
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        if sampler is None:
            if iterable:
                sampler = _Endless()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)  # type: ignore[arg-type]
            else:
                sampler = SequentialSampler(dataset)  # type: ignore[arg-type]
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.collate_fn = collate_fn
        self._iterator: _MultiProcessingDataLoaderIter | None = None
        self._length_told: int | None = None  # by len(), of an iterable dataset
        self._warn_of_many_workers()
        self._fixed = True

    @property
    def multiprocessing_context(self) -> BaseContext | None:
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: str | BaseContext | None) -> None:
        if context is not None:
            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading "
                    f"(num_workers > 0), but got num_workers={self.num_workers}"
                )
            methods = multiprocessing.get_all_start_methods()
            if isinstance(context, str):
                if context not in methods:
                    raise ValueError(
                        "multiprocessing_context option should specify a valid start method in "
                        f"{methods!r}, but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context object or a string "
                    f"specifying the start method, but got multiprocessing_context={context}"
                )
            if context.get_start_method() == "fork":
                raise ValueError(
                    "multiprocessing_context='fork' deadlocks in a process in which XLA's threads "
                    "run. Leave it out: workers are 'forkserver' processes then, or threads where "
                    "something cannot be pickled."
                )
        self._context = context

    def __setattr__(self, name: str, value) -> None:
        if self._fixed and name in (
            "batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers",
        ):  # fmt: skip
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        self._warn_of_many_workers()
        if not self.persistent_workers:
            return _MultiProcessingDataLoaderIter(self)
        if self._iterator is None or self._iterator.broken:
            self._iterator = _MultiProcessingDataLoaderIter(self)
        else:
            self._iterator.start_again()
        return self._iterator

    def __len__(self) -> int:
        """Batches in a pass. For an iterable dataset a guess, from the length it claims."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler)
        length = self._length_told = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)

    def _warn_of_many_workers(self) -> None:
        affinity = getattr(os, "sched_getaffinity", None)
        cores = len(affinity(0)) if affinity else os.cpu_count()
        if cores is not None and self.num_workers > cores:
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our "
                f"suggested max number of worker in current system is {cores}, which is smaller "
                "than what this DataLoader is going to create. Please be aware that excessive "
                "worker creation might get DataLoader running slow or even freeze, lower the "
                "worker number to avoid potential slowness/freeze if necessary.",
                stacklevel=3,
            )


def _check_workers(num_workers, timeout, prefetch_factor, persistent_workers) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            "multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if num_workers == 0 and timeout > 0:
        raise ValueError("timeout is for workers: it needs num_workers > 0")
    if prefetch_factor is not None and prefetch_factor <= 0:
        raise ValueError(f"prefetch_factor option should be positive, but got {prefetch_factor}")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_sampling(iterable, batch_size, shuffle, sampler, batch_sampler, drop_last) -> None:
    if iterable:
        for name, value in (
            ("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler),
        ):  # fmt: skip
            if value is not None:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, "
                    f"but got {name}={value}"
                )
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                "and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )


class _BaseDataLoaderIter:
    """One pass over a DataLoader."""

    def __init__(self, loader: DataLoader):
        self._loader = loader
        self._yielded = 0
        self._told = loader._length_told  # before this pass: list(loader) asks once it has begun
        # As in torch: the pass takes its sampler, then draws the workers' seed, workers or not; a
        # RandomSampler draws its own when the first index is asked for.
        self._indices = iter(loader._index_sampler)
        self._base_seed = seeds.draw_seed(loader.generator)
        self._reading = Reading(
            loader.dataset,
            loader.collate_fn,
            loader.batch_sampler is not None,
            loader.drop_last,
            loader.worker_init_fn if loader.num_workers else None,
        )

    def __iter__(self):
        return self

    def __len__(self) -> int:
        return len(self._loader._index_sampler)

    def __next__(self):
        batch = self._next()
        self._yielded += 1
        told = self._told
        if told is not None and self._yielded > told:
            more = (
                " For multiprocessing data-loading, this could be caused by not properly "
                "configuring the IterableDataset replica at each worker."
            )
            warnings.warn(
                f"Length of IterableDataset {self._loader.dataset} was reported to be {told} (when "
                f"accessing len(dataloader)), but {self._yielded} samples have been fetched."
                + (more if self._loader.num_workers else ""),
                stacklevel=2,
            )
        return batch

    def _next(self):
        raise NotImplementedError

    def __getstate__(self):
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    def __init__(self, loader: DataLoader):
        super().__init__(loader)
        self._fetcher = Fetcher(self._reading)

    def _next(self):
        return self._fetcher.fetch(next(self._indices))


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Asks workers for batches ahead of time, and yields them in the order they were asked for."""

    def __init__(self, loader: DataLoader):
        super().__init__(loader)
        self._count = loader.num_workers
        self._ahead = min(loader.prefetch_factor or 2, _MOST_AHEAD)
        self.broken = False
        self._crew = self._hire()
        self._begin()

    def _hire(self):
        try:
            packed, needs_main = portable.prepare(self._reading)
        except portable.NotPortable as reason:
            warnings.warn(
                f"DataLoader's {self._count} workers are threads, not processes: {reason}. Threads "
                "share the interpreter, and random, numpy.random and torch's default generator are "
                "not seeded for each.",
                stacklevel=4,
            )
            return crews.ThreadCrew(self._reading, self._count, self._base_seed)
        context = self._loader.multiprocessing_context
        if context is None and multiprocessing.get_start_method(allow_none=True) == "spawn":
            context = multiprocessing.get_context("spawn")
        return crews.ProcessCrew(packed, self._count, self._base_seed, context, needs_main)

    def _begin(self) -> None:
        self._indices = iter(self._loader._index_sampler)
        self._yielded = 0
        self._asked = 0  # the number of the next request
        self._due = 0  # the number of the request to be yielded next
        self._worker_of: dict[int, int] = {}  # requests not answered yet
        self._answers: dict[int, Any] = {}  # answers that came early
        self._load = [0] * self._count  # requests of each that are not yielded yet
        self._streaming = [True] * self._count
        self._turns = itertools.cycle(range(self._count))
        for _ in range(self._ahead * self._count):
            self._ask()

    def start_again(self) -> None:
        """The next pass, with the workers of the last one."""
        for i in range(self._count):
            self._crew.ask(i, -1, Resume())
        waiting = self._count
        while waiting:  # what is left of the pass before comes first, and is dropped
            _, number, answer = self._hear()
            if isinstance(answer, Resume):
                waiting -= 1
            elif number == -1:
                answer.reraise()
        self._begin()

    def _ask(self) -> None:
        free = [
            streaming and (self._loader.in_order or load < self._ahead)
            for streaming, load in zip(self._streaming, self._load, strict=True)
        ]
        if not any(free):
            return
        try:
            index = next(self._indices)
        except StopIteration:
            return
        worker = next(i for i in self._turns if free[i])
        self._crew.ask(worker, self._asked, index)
        self._worker_of[self._asked] = worker
        self._load[worker] += 1
        self._asked += 1

    def _hear(self) -> tuple[int, int, Any]:
        timeout = self._loader.timeout or None
        try:
            heard = self._crew.hear(timeout)
        except RuntimeError:
            self._shutdown_workers()
            raise
        if heard is None:
            self._shutdown_workers()
            raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
        return heard

    def _shutdown_workers(self) -> None:
        self.broken = True
        self._crew.close()

    def _skip_what_will_not_come(self) -> None:
        """Requests to a worker whose stream had ended before them are never answered."""
        while (
            self._due < self._asked
            and self._due not in self._answers
            and not (self._due in self._worker_of and self._streaming[self._worker_of[self._due]])
        ):
            self._worker_of.pop(self._due, None)
            self._due += 1

    def _next(self):
        while not self.broken:
            self._skip_what_will_not_come()
            if self._due in self._answers:
                return self._hand_over(*self._answers.pop(self._due))
            if self._due == self._asked:
                if not self._loader.persistent_workers:
                    self._shutdown_workers()
                break
            worker, number, answer = self._hear()
            if isinstance(answer, Ended):
                self._load[worker] -= 1
                self._streaming[worker] = False
                self._ask()
                continue
            self._worker_of.pop(number)
            if number == self._due or not self._loader.in_order:
                return self._hand_over(worker, answer)
            self._answers[number] = worker, answer
        raise StopIteration

    def _hand_over(self, worker: int, answer):
        self._load[worker] -= 1
        self._ask()
        self._due += self._loader.in_order
        if isinstance(answer, Failure):
            answer.reraise()
        return answer
