"""DistributedSampler: each of several replicas sees its own part of the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import jax

from jaxtorch import random
from jaxtorch.utils.data import seeds
from jaxtorch.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index from ``rank`` on, after a shuffle that all replicas share.

    Replicas are JAX processes: ``num_replicas`` and ``rank`` are ``jax.process_count()`` and
    ``jax.process_index()`` unless given. The parts are made equally long: by repeating the first
    indices, or with ``drop_last`` by leaving out the last. Call ``set_epoch`` before each epoch,
    for another order.
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        num_replicas = jax.process_count() if num_replicas is None else num_replicas
        rank = jax.process_index() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        n = len(dataset)
        self.num_samples = n // num_replicas if drop_last else -(-n // num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        if self.shuffle:
            indices = seeds.permutation(n, random.Generator().manual_seed(self.seed + self.epoch))
        else:
            indices = list(range(n))
        if self.total_size > n and n:
            indices = indices * -(-self.total_size // n)
        return iter(indices[: self.total_size][self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """The shuffle of the next pass is that of ``seed + epoch``."""
        self.epoch = epoch
