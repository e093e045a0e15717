"""torch.testing beside real torch's: the same verdicts, word for word, and the same numbers."""

import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import jaxtorch  # noqa: E402
from jaxtorch import testing  # noqa: E402

FLOATS = "float32 float64 float16 bfloat16".split()
NAMES = [*FLOATS, "complex64", "complex128", "int64", "int32", "uint8", "bool"]


def verdict(side, actual, expected, **options) -> str:
    try:
        side.assert_close(actual, expected, **options)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return text.replace("jaxtorch.Tensor", "torch.Tensor")
    return "close"


def both(values, expected, name: str, **options):
    ours = [jaxtorch.tensor(v, dtype=getattr(jaxtorch, name)) for v in (values, expected)]
    theirs = [torch.tensor(v, dtype=getattr(torch, name)) for v in (values, expected)]
    return verdict(testing, *ours, **options), verdict(torch.testing, *theirs, **options)


@pytest.mark.parametrize("name", NAMES)
def test_random_tensors(name):
    rng = np.random.default_rng(NAMES.index(name))
    for trial in range(60):
        shape = [(), (7,), (3, 4), (1,), (2, 1, 3)][trial % 5]
        x = rng.normal(size=shape) * rng.choice([1e-3, 1, 50])
        if name.startswith("complex"):
            x = x + 1j * rng.normal(size=shape)
        elif name not in FLOATS:
            x = np.abs(rng.integers(0, 9, size=shape))
        noise = rng.choice([0, 1e-9, 1e-6, 1e-3, 1.0], size=shape)
        y = x + noise * (1 if name not in FLOATS else rng.normal(size=shape))
        special = rng.random(size=shape) < 0.1
        if name in FLOATS and trial % 2:
            x = np.where(special, rng.choice([np.nan, np.inf, -np.inf, 0.0]), x)
            y = np.where(special & (rng.random(size=shape) < 0.5), x, y)
        options = [{}, dict(rtol=1e-3, atol=1e-4), dict(rtol=0, atol=0), dict(equal_nan=True)]
        ours, theirs = both(x.tolist(), y.tolist(), name, **options[trial % 4])
        if name.startswith("complex"):  # absolute values differ in their last digit
            ours, theirs = (re.sub(r"(\.\d{5})\d+", r"\1", text) for text in (ours, theirs))
        assert ours == theirs, (x, y)


CASES = [
    (lambda t: (1.0, 1.5), {}),
    (lambda t: (1, 1.0), {}),
    (lambda t: (1, 1.0), {"check_dtype": False}),
    (lambda t: (0, 3), {}),
    (lambda t: (1 + 2j, 1 + 3j), {}),
    (lambda t: (float("nan"), float("nan")), {}),
    (lambda t: (float("nan"), float("nan")), {"equal_nan": True}),
    (lambda t: (True, False), {}),
    (lambda t: (None, 1), {}),
    (lambda t: (None, None), {}),
    (lambda t: ("a", "b"), {}),
    (lambda t: ([1, 2], [1]), {}),
    (lambda t: ([1, [2.0, t.ones(2)]], (1, (2.0, t.zeros(2)))), {}),
    (lambda t: ({"a": 1, "b": 2}, {"a": 1, "c": 2}), {}),
    (lambda t: ({"a": [1.0], "b": 2}, {"b": 2, "a": [1.25]}), {}),
    (lambda t: (t.ones(2), t.ones(3)), {}),
    (lambda t: (t.ones(2), t.ones(2, dtype=t.float64)), {}),
    (lambda t: (t.ones(2), t.ones(2, dtype=t.float64)), {"check_dtype": False}),
    (lambda t: (t.ones(2, dtype=t.int32), t.zeros(2, dtype=t.int64)), {"check_dtype": False}),
    (lambda t: (t.ones(2, 3), t.ones(3, 2).T), {"check_stride": True}),
    (lambda t: (t.ones(2), t.ones(2)), {"rtol": 1e-3}),
    (lambda t: (t.ones(2), np.ones(2)), {}),
    (lambda t: (np.ones(2), np.zeros(2)), {}),
    (lambda t: (t.ones(2), t.zeros(2)), {"msg": "not at all"}),
    (lambda t: (t.ones(2), t.zeros(2)), {"msg": lambda m: f"<{m}>"}),
    (lambda t: (t.nn.Parameter(t.ones(2)), t.ones(2)), {}),
    (lambda t: (t.ones(0), t.ones(0)), {}),
    (lambda t: (t.ones(2, requires_grad=True), t.zeros(2)), {}),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)))
def test_cases(case):
    make, options = CASES[case]
    ours = verdict(testing, *make(jaxtorch), **options)
    assert ours == verdict(torch.testing, *make(torch), **options)


def test_assert_allclose():
    for side in (testing, torch.testing):
        with pytest.warns(FutureWarning, match="is deprecated since 1.12"):
            side.assert_allclose([1.0, float("nan")], [1.00001, float("nan")])
        with pytest.warns(FutureWarning), pytest.raises(AssertionError, match="are not close"):
            side.assert_allclose([1.0], [1.1])


@pytest.mark.parametrize("name", NAMES)
def test_make_tensor(name):
    options = [{}, dict(low=0, high=3), dict(noncontiguous=True), dict(exclude_zero=True)]
    for given in options if name != "bool" else options[::2]:
        jaxtorch.manual_seed(1)
        torch.manual_seed(1)
        shape = (5, 4)
        ours = testing.make_tensor(shape, dtype=getattr(jaxtorch, name), device="cpu", **given)
        theirs = torch.testing.make_tensor(shape, dtype=getattr(torch, name), device="cpu", **given)
        assert ours.tolist() == theirs.tolist() and ours.dtype.name in str(theirs.dtype)
    for given in (dict(low=3, high=1), dict(low=float("nan"), high=1)):
        messages = []
        for side, t in ((testing, jaxtorch), (torch.testing, torch)):
            with pytest.raises(ValueError) as raised:
                side.make_tensor(3, dtype=getattr(t, name), device="cpu", **given)
            messages.append(str(raised.value))
        assert messages[0] == messages[1]
