"""How the samples of one batch are read from a dataset."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jaxtorch.utils.data import tensors
from jaxtorch.utils.data.collate import makes_only_tensors
from jaxtorch.utils.data.dataset import IterableDataset, Subset, TensorDataset

__all__ = ["Fetcher", "Reading"]


@dataclass
class Reading:
    """What a DataLoader does with an index; workers get a copy of it."""

    dataset: Any
    collate_fn: Callable
    batched: bool  # an index stands for a list of samples
    drop_last: bool
    worker_init_fn: Callable | None = None

    @property
    def iterable(self) -> bool:
        return isinstance(self.dataset, IterableDataset)


def _rows(dataset, indices: list[int]):
    """The batch of a (subset of a) TensorDataset in one gather per tensor; None for others.

    Equal to ``default_collate([dataset[i] for i in indices])``.
    """
    kind = type(dataset)
    if isinstance(dataset, Subset):
        if kind.__getitem__ is Subset.__getitem__ and kind.__getitems__ is Subset.__getitems__:
            return _rows(dataset.dataset, [dataset.indices[i] for i in indices])
        return None
    if not isinstance(dataset, TensorDataset) or hasattr(dataset, "__getitems__"):
        return None
    if kind.__getitem__ is not TensorDataset.__getitem__:
        return None
    if not all(tensors.is_plain(tensor) for tensor in dataset.tensors):
        return None
    return [tensors.from_array(tensors.gather(tensor, indices)) for tensor in dataset.tensors]


class Fetcher:
    """Reads one epoch's samples: ``fetch(index)`` gives what the loader yields for it.

    With ``defer`` (in a worker process) a batch by ``default_collate`` holds arrays that become
    Tensors in the parent.
    """

    def __init__(self, reading: Reading, defer: bool = False):
        self.reading = reading
        self.stream = iter(reading.dataset) if reading.iterable else None
        self.ended = False
        self.fast = (
            self.stream is None and reading.batched and makes_only_tensors(reading.collate_fn)
        )
        self.defer = defer and makes_only_tensors(reading.collate_fn)

    def fetch(self, index):
        """Raises StopIteration when an iterable dataset has no more."""
        if self.fast and (batch := self._collated(lambda: _rows(self.reading.dataset, index))):
            return batch
        samples = self._samples(index)
        return self._collated(lambda: self.reading.collate_fn(samples))

    def _collated(self, make):
        with tensors.deferred() if self.defer else contextlib.nullcontext():
            return make()

    def _samples(self, index):
        dataset, batched = self.reading.dataset, self.reading.batched
        if self.stream is not None:
            return self._read_stream(index) if batched else next(self.stream)
        if not batched:
            return dataset[index]
        read_all = getattr(dataset, "__getitems__", None)
        return read_all(index) if read_all else [dataset[i] for i in index]

    def _read_stream(self, index: list) -> list:
        if self.ended:
            raise StopIteration
        samples = list(itertools.islice(self.stream, len(index)))  # type: ignore[arg-type]
        self.ended = len(samples) < len(index)
        if not samples or (self.ended and self.reading.drop_last):
            raise StopIteration
        return samples
