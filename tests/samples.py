"""Datasets and functions that worker processes can import."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import namedtuple

import numpy as np

import jaxtorch
from jaxtorch.utils import data

Pair = namedtuple("Pair", ["value", "square"])


class Numbers(data.Dataset):
    """Samples as datasets of pictures have them: an array, a label, and what came along."""

    def __init__(self, n: int = 10):
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int):
        picture = np.full((2, 3), i, np.float32)
        return picture, i, {"weight": i / 2, "name": str(i)}, Pair(np.float64(i), np.int32(i * i))


class Big(Numbers):
    """A megabyte a sample."""

    def __getitem__(self, i: int):
        return np.full(1 << 18, i, np.float32)


class Failing(Numbers):
    def __init__(self, n: int = 10, error: type[BaseException] = ValueError):
        super().__init__(n)
        self.error = error

    def __getitem__(self, i: int):
        if i == 5:
            raise self.error("five is right out")
        return i


class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)


class FailingOddly(Numbers):
    def __getitem__(self, i: int):
        raise Odd(1, 2)


class Dying(Numbers):
    def __getitem__(self, i: int):
        if i == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return i


class Exiting(Numbers):
    def __getitem__(self, i: int):
        if i == 5:
            os._exit(3)
        return i


class Slow(Numbers):
    def __init__(self, n: int = 10, seconds: float = 60.0):
        super().__init__(n)
        self.seconds = seconds

    def __getitem__(self, i: int):
        time.sleep(self.seconds)
        return i


class Seeds(Numbers):
    """What each kind of global randomness gives in a worker."""

    def __getitem__(self, i: int):
        info = data.get_worker_info()
        assert info is not None and isinstance(info.dataset, Seeds)
        draws = random.random(), float(np.random.rand()), jaxtorch.rand(1).item()
        return info.id, info.num_workers, info.seed, *draws


class WhoAmI(Numbers):
    def __getitem__(self, i: int):
        return os.getpid(), type(self).__module__


class Tensors(Numbers):
    """Samples that are Tensors, made in the worker."""

    def __getitem__(self, i: int):
        x = jaxtorch.full((3,), float(i))
        return x * 2, jaxtorch.tensor(i), jaxtorch.ones(2, dtype=jaxtorch.bfloat16)


class Stream(data.IterableDataset):
    """0 … n-1, shared out among the workers."""

    def __init__(self, n: int, share: bool = True, length: int | None = None):
        self.n, self.share, self.length, self.start = n, share, length, 0

    def __iter__(self):
        info = data.get_worker_info()
        if info is None or not self.share:
            return iter(range(self.start, self.n))
        return iter(range(self.start + info.id, self.n, info.num_workers))

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("a stream without a length")
        return self.length


def start_at_tens(worker_id: int) -> None:
    info = data.get_worker_info()
    assert info is not None
    info.dataset.start = 10 * worker_id


def fail_to_start(worker_id: int) -> None:
    raise OSError("no such disk")


def keep_list(samples: list) -> list:
    return samples


def as_numpy(samples: list) -> np.ndarray:
    return np.array(samples)


def not_picklable(samples: list):
    return lambda: samples
