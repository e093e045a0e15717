"""What is drawn when jaxtorch's generator is compared with PyTorch's: the same rows for both."""

from __future__ import annotations

import numpy as np

from jaxtorch import dtypes, random

FLOATS = "float32 float64 float16 bfloat16".split()
INTEGERS = "int64 int32 int16 int8 uint8 bool".split()
# Of these a library function's last bit differs from one C library to the next.
TRANSCENDENTAL = {"normal", "exponential", "cauchy", "log_normal", "standard_gamma", "dirichlet"}


def rows(sizes) -> list[tuple]:
    """(kind, dtype, size, arguments), to be drawn one after another from one generator."""
    found = []
    for size in sizes:
        for d in FLOATS:
            found += [("uniform", d, size, args) for args in ((0, 1), (-0.1, 0.1), (3, 5))]
            found += [("normal", d, size, args) for args in ((0, 1), (0.3, 1.7))]
            found += [
                ("exponential", d, size, (1.3,)),
                ("cauchy", d, size, (0.2, 1.3)),
                ("log_normal", d, size, (0.2, 1.3)),
                ("multinomial", d, size + 2, (1, False)),
                ("multinomial", d, size + 2, (4, True)),
            ]
            found += [("poisson", d, size, (rate,)) for rate in (0.0, 0.5, 12.0)]
        for d in FLOATS[:2]:
            found += [("standard_gamma", d, size, (a,)) for a in (0.3, 1.0, 7.5)]
            found += [("dirichlet", d, size + 1, (0.7,)), ("binomial", d, size, (12, 0.4))]
            found += [("binomial", d, size, (300, 0.6))]
        for d in ("complex64", "complex128"):
            found += [("uniform", d, size, (0, 1)), ("normal", d, size, (0.3, 1.7))]
        for d in FLOATS + INTEGERS:
            found += [
                ("random", d, size, ()),
                ("random", d, size, (1, None)),
                ("randint", d, size, (0, 2)),
                ("bernoulli", d, size, (0.3,)),
            ]
            found += [("bernoulli_like", d, size, (p,)) for p in FLOATS]
            if d != "bool":
                found += [("randint", d, size, (3, 100)), ("geometric", d, size, (0.3,))]
        found += [
            ("randint", "int64", size, (-5, 2**28 - 6)),
            ("randint", "int64", size, (-5, 2**28 - 5)),
            ("randint", "int64", size, (-(2**62), 2**62)),
            ("random", "int64", size, (-(2**63), None)),
            ("random", "float16", size, (2047, None)),
            ("randint", "float32", size, (2**24 - 5, 2**24 + 5)),
            ("randint", "bfloat16", size, (-3000, 4000)),
            ("randint", "float16", size, (-2051, 2055)),
            ("permutation", "int64", size, ()),
            ("dropout", "float32", size, ()),
            ("normal", "float32", size, (0, 1)),
        ]
    return found


STORED_SEEDS = (0, -42)
STORED_ROWS = rows((5, 17))
# Kept as a digest, so only of what is the same on every machine.
LONG_ROWS = [
    ("uniform", "float32", 1_000_003, (-1, 1)),
    ("uniform", "float64", 100_003, (0, 1)),
    ("normal", "float32", 1_000_003, (0, 0.02)),
    ("normal", "bfloat16", 100_003, (0, 1)),
    ("bernoulli", "float32", 100_003, (0.1,)),
    ("randint", "int64", 100_003, (0, 1000)),
    ("permutation", "int64", 60_000, ()),
]


def weights(size: int) -> np.ndarray:
    return np.array([(7 * i % 5) / 4 for i in range(1, size + 1)])


def probabilities(size: int) -> np.ndarray:
    return np.array([(3 * i % 8) / 8 for i in range(size)])


def ours(g: random.Generator, kind: str, name: str, size: int, args: tuple) -> np.ndarray:
    dtype = dtypes.ALL[name]
    if kind == "multinomial":
        return random.multinomial(g, weights(size).astype(dtype.numpy), *args)
    if kind in ("poisson", "standard_gamma", "dirichlet", "binomial"):
        return getattr(random, kind)(g, *[np.full(size, a, dtype.numpy) for a in args])
    if kind == "bernoulli_like":
        p = probabilities(size).astype(dtypes.ALL[args[0]].numpy)
        return random.bernoulli_like(g, p, dtype)
    if kind == "permutation":
        return random.permutation(g, size)
    if kind == "randint":
        return random.randint(g, *args, (size,), dtype)
    if kind == "dropout":
        g.dropout_seed(size)
        return np.empty(0, dtype.numpy)
    function = {"random": random.random_}.get(kind) or getattr(random, kind)
    return function(g, (size,), dtype, *args)


_OF_TENSORS = {
    "poisson": "poisson", "standard_gamma": "_standard_gamma", "dirichlet": "_sample_dirichlet",
    "binomial": "binomial",
}  # fmt: skip


def torchs(torch, g, kind: str, name: str, size: int, args: tuple) -> np.ndarray:
    dtype = getattr(torch, name)
    if kind == "multinomial":
        x = torch.multinomial(torch.tensor(weights(size), dtype=dtype), *args, generator=g)
    elif kind in _OF_TENSORS:
        function = getattr(torch, _OF_TENSORS[kind])
        x = function(*[torch.full((size,), a, dtype=dtype) for a in args], generator=g)
    elif kind == "bernoulli_like":
        p = torch.tensor(probabilities(size), dtype=getattr(torch, args[0]))
        x = torch.empty(size, dtype=dtype).bernoulli_(p, generator=g)
    elif kind == "permutation":
        x = torch.randperm(size, generator=g)
    elif kind == "randint":
        x = torch.randint(*args, (size,), dtype=dtype, generator=g)
    elif kind == "dropout":
        torch.default_generator.set_state(g.get_state())
        torch.nn.functional.dropout(torch.ones(size))
        g.set_state(torch.default_generator.get_state())
        x = torch.empty(0)
    else:
        x = getattr(torch.empty(size, dtype=dtype), kind + "_")(*args, generator=g)
    if dtype is torch.bfloat16 and x.dtype is dtype:
        return x.float().numpy().astype(dtypes.bfloat16.numpy)
    return x.numpy()


def agree(mine: np.ndarray, theirs: np.ndarray, row: tuple) -> None:
    """Bit for bit, but for an ulp of what libraries compute."""
    assert mine.dtype == theirs.dtype and mine.shape == theirs.shape, row
    if row[0] in TRANSCENDENTAL and row[1] in ("float64", "complex128"):
        ulps = 8 if row[0] == "dirichlet" else 2  # a thousand terms summed in another order
        np.testing.assert_array_max_ulp(mine.view(np.float64), theirs.view(np.float64), ulps)
    else:
        assert np.array_equal(mine, theirs, equal_nan=mine.dtype.kind in "fc"), row
