"""Distributions beside real torch, in the dtypes of which there are no stored answers."""

import warnings

import pytest

torch = pytest.importorskip("torch")

import jaxtorch  # noqa: E402
from tests.distributions import cases  # noqa: E402
from tests.distributions.test_values import agree  # noqa: E402

OTHERS = [(n, d) for n, case in cases.CASES.items() for d in case.dtypes
          if (n, d) not in cases.STORED]  # fmt: skip


@pytest.mark.parametrize(("name", "dtype"), OTHERS, ids=[f"{n} {d}" for n, d in OTHERS])
def test_a_distribution_answers_as_torchs(name, dtype):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Singular sample")
        expected = cases.Asker(torch, name, dtype).answers()
    found = cases.Asker(jaxtorch, name, dtype).answers()
    assert found.keys() == expected.keys()
    for question, answer in expected.items():
        agree(found[question], answer, cases.CASES[name].loose.get(question, 0), question)


def test_every_pair_that_torch_knows_is_compared():
    from torch.distributions.kl import _KL_REGISTRY

    known = {(p.__name__, q.__name__) for p, q in _KL_REGISTRY}
    abstract = {
        "ExponentialFamily",
        "TransformedDistribution",
        "Independent",
    }  # test_values: by kin
    asked = {(p, q) for p in cases.KL_NAMES for q in cases.KL_NAMES}
    assert {pair for pair in known if not abstract & set(pair)} <= asked


def test_the_public_names_are_torchs():
    for module in ("", ".constraints", ".transforms", ".kl", ".constraint_registry"):
        theirs = __import__("torch.distributions" + module, fromlist=["x"])
        mine = __import__("jaxtorch.distributions" + module, fromlist=["x"])
        names = getattr(theirs, "__all__", [])
        assert not [name for name in names if not hasattr(mine, name)], module
