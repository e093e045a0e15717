"""repr() beside real torch's, on random tensors and options."""

import pytest

torch = pytest.importorskip("torch")

import jaxtorch  # noqa: E402
from tests.printing_rows import ours, rows, torchs  # noqa: E402


@pytest.mark.parametrize("seed", range(1, 5))
def test_random_tensors(seed):
    for row in rows(seed, 400):
        assert ours(row) == torchs(torch, row), row


def written(t, row) -> str:
    """repr of a library's own tensor, with the options set as a program sets them."""
    x = t.tensor(row.array.tolist(), dtype=getattr(t, row.dtype))
    if row.grad:
        x.requires_grad_()
    if row.grad == "made":
        x = x.clone()
    t.set_printoptions(**row.options)
    t.set_default_dtype(getattr(t, row.default))
    try:
        return f"{x}\n{x!r}\n{str(x)}"
    finally:
        t.set_printoptions(profile="default")
        t.set_default_dtype(t.float32)


def test_tensors_themselves():
    for row in [r for r in rows(9, 200) if r.array.size < 300]:
        assert written(jaxtorch, row) == written(torch, row), row


CASES = [
    lambda t: t.nn.Parameter(t.tensor([1.5, -2.0])),
    lambda t: t.nn.Parameter(t.ones(2, 2), requires_grad=False),
    lambda t: t.nn.Parameter(t.ones(2, dtype=t.float64)),
    lambda t: [t.tensor(1.0), t.tensor([True])],
    lambda t: {"a": t.zeros(0), "b": t.zeros(0, 3), "c": t.zeros(2, 0, dtype=t.int64)},
    lambda t: t.tensor([1.5, float("inf"), -0.0, float("nan")], dtype=t.float8_e5m2),
    lambda t: t.tensor([0.001, 448.0], dtype=t.float8_e4m3fn),
    lambda t: (t.ones(2, requires_grad=True) * 2).sum(),
    lambda t: t.ones(2, requires_grad=True)[0].sin(),
    lambda t: t.ones(2, 2, requires_grad=True).T @ t.ones(2, 2),
    lambda t: t.arange(6.0).reshape(2, 3).max(1),
    lambda t: t.ones(3).as_subclass(type("Mine", (t.Tensor,), {})),
    lambda t: t.ones(2).data,
    lambda t: t.complex(t.tensor([1e-8, 1e8]), t.tensor([float("nan"), -0.0])),
    lambda t: t.tensor(3 + 4j),
    lambda t: t.tensor([2**62, -1]),
    lambda t: t.tensor([[1e10, 1], [float("nan"), -float("inf")]]),
    lambda t: t.finfo(t.float16),
    lambda t: t.iinfo(t.int8),
    lambda t: (t.Size([1, 2]), t.device("cpu"), t.device("cuda", 1), t.float32, t.strided),
    lambda t: t.get_default_dtype(),
    lambda t: f"{t.tensor(3.14159):.2f} {t.tensor(7):d} {t.tensor(7):>5} {t.tensor([1.0])}",
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_other_things_that_are_printed(case):
    assert repr(CASES[case](jaxtorch)) == repr(CASES[case](torch))
