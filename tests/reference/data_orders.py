"""The data loading whose order is compared with PyTorch's: each case draws, and returns numbers.

``python tests/reference/data_orders.py`` runs them with real PyTorch and writes data_orders.json.
"""

from __future__ import annotations

import json
from pathlib import Path

STORED = Path(__file__).with_suffix(".json")


def cases(torch, **workers) -> dict:
    """name -> function; ``torch`` is either; ``workers`` are options for the loaders."""
    data = torch.utils.data
    sets = {n: list(range(n)) for n in (1, 5, 10, 32, 100)}

    def generator(seed):
        return torch.Generator().manual_seed(seed)

    def drawn():
        return torch.default_generator.get_state()[:200].tolist()

    def passes(count, n, **options):
        def case():
            loader = data.DataLoader(sets[n], **options, **workers)
            return [[batch.tolist() for batch in loader] for _ in range(count)], drawn()

        return case

    def sampled(make, n=100):
        def case():
            return [list(make(sets[n])) for _ in range(2)], drawn()

        return case

    def split(n, lengths, seed=None):
        def case():
            given = {} if seed is None else {"generator": generator(seed)}
            return [part.indices for part in data.random_split(sets[n], lengths, **given)], drawn()

        return case

    def own_generator():
        g = generator(7)
        loader = data.DataLoader(sets[10], 3, shuffle=True, generator=g, **workers)
        return [[b.tolist() for b in loader] for _ in range(3)], g.get_state()[:200].tolist()

    def interleaved():
        loader = data.DataLoader(sets[10], 4, shuffle=True, **workers)
        seen = []
        for batch in loader:
            seen.append((batch.tolist(), torch.rand(1).item()))
        return seen, torch.randn(3).tolist(), drawn()

    weights = [0.1, 0.9, 0.4, 0.7, 3.0, 0.6]
    return {
        "in order": passes(2, 10, batch_size=3),
        "shuffled": passes(3, 10, batch_size=4, shuffle=True),
        "shuffled, short batch dropped": passes(
            2, 100, batch_size=32, shuffle=True, drop_last=True
        ),
        "shuffled, unbatched": sampled(lambda d: data.RandomSampler(d)),
        "one sample": passes(2, 1, shuffle=True),
        "own generator": own_generator,
        "interleaved with other draws": interleaved,
        "with replacement": sampled(lambda d: data.RandomSampler(d, replacement=True)),
        "with replacement, 32": sampled(lambda d: data.RandomSampler(d, replacement=True), 32),
        "more than all": sampled(lambda d: data.RandomSampler(d, num_samples=250)),
        "fewer than all": sampled(lambda d: data.RandomSampler(d, num_samples=7)),
        "exactly twice": sampled(lambda d: data.RandomSampler(d, False, 20, generator(3)), 10),
        "subset": sampled(lambda d: data.SubsetRandomSampler(d[10:30])),
        "subset, generator": sampled(lambda d: data.SubsetRandomSampler(d[10:30], generator(2))),
        "weighted": sampled(lambda d: data.WeightedRandomSampler(weights, 12)),
        "weighted, once each": sampled(lambda d: data.WeightedRandomSampler(weights, 5, False)),
        "weighted, generator": sampled(
            lambda d: data.WeightedRandomSampler(weights, 5, True, generator(4))
        ),
        "batches of a sampler": sampled(
            lambda d: data.BatchSampler(data.RandomSampler(d, num_samples=11), 4, False)
        ),
        "replica 1 of 3": sampled(lambda d: data.DistributedSampler(d, 3, 1, seed=5)),
        "replica 2 of 3, dropping": sampled(
            lambda d: data.DistributedSampler(d, 3, 2, seed=5, drop_last=True)
        ),
        "replicas in order": sampled(lambda d: data.DistributedSampler(d, 7, 6, shuffle=False)),
        "more replicas than samples": sampled(lambda d: data.DistributedSampler(d, 12, 11), 5),
        "split": split(10, [3, 7]),
        "split by fractions": split(100, [0.3, 0.3, 0.4], 42),
        "split with remainder": split(32, [0.5, 0.25, 0.25], 1),
        "split with remainder going round": split(10, [1 / 3, 1 / 3, 1 / 3], 1),
    }


WITH_WORKERS = ["shuffled", "own generator", "interleaved with other draws"]


def answer(torch, case):
    torch.manual_seed(0)
    return json.loads(json.dumps(case()))


def run(torch) -> dict:
    results = {name: answer(torch, case) for name, case in cases(torch).items()}
    with_workers = cases(torch, num_workers=2)
    for name in WITH_WORKERS:
        results[f"with workers: {name}"] = answer(torch, with_workers[name])
    return results


def seeds_in_workers(torch):
    """(id, num_workers, seed, random, numpy, torch) as each of two workers has them."""
    import random

    import numpy

    class Seeds(torch.utils.data.Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            info = torch.utils.data.get_worker_info()
            draws = random.random(), float(numpy.random.rand()), torch.rand(1).item()
            return info.id, info.num_workers, info.seed, *draws

    return lambda: list(torch.utils.data.DataLoader(Seeds(), None, num_workers=2))


if __name__ == "__main__":
    import torch

    answers = run(torch)
    answers["worker seeds"] = answer(torch, seeds_in_workers(torch))
    STORED.write_text(json.dumps(answers, separators=(",", ":")) + "\n")
