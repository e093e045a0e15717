"""The random numbers of data loading: which generator is asked, how often, in PyTorch's order."""

from __future__ import annotations

import random as python_random

import numpy as np

from jaxtorch import dtypes, random

__all__ = ["draw_seed", "permutation", "seed_worker"]


def or_default(generator: random.Generator | None) -> random.Generator:
    return random.default_generator if generator is None else generator


def draw_seed(generator: random.Generator | None = None) -> int:
    """One number from the whole range of int64's positive half: two words of the generator."""
    return int(random.random_(or_default(generator), (), dtypes.int64))


def permutation(n: int, generator: random.Generator | None = None) -> list[int]:
    """0 … n - 1 in the order of ``torch.randperm``."""
    return random.permutation(or_default(generator), n).tolist()


def integers(high: int, count: int, generator: random.Generator) -> list[int]:
    """``count`` draws below ``high``, as ``torch.randint``'s."""
    return random.randint(generator, 0, high, (count,), dtypes.int64).tolist()


def numpy_seed(base_seed: int, worker_id: int) -> np.ndarray:
    """A mix of both numbers, lest the streams of neighbouring workers be related."""
    words = [worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    return np.random.SeedSequence(words).generate_state(4)


def seed_worker(base_seed: int, worker_id: int) -> int:
    """Seed ``random``, ``numpy.random`` and torch in a worker process, as PyTorch does."""
    seed = base_seed + worker_id
    python_random.seed(seed)
    random.manual_seed(seed)
    np.random.seed(numpy_seed(base_seed, worker_id))
    return seed
