"""Every distribution beside real PyTorch's answers: samples, densities, moments, gradients."""

import numpy as np
import pytest

import jaxtorch
from tests import stored
from tests.distributions import cases
from tests.reference.make_distributions import REFERENCE

# (relative, absolute) differences allowed
LIMITS = {"float32": (3e-5, 3e-6), "float64": (1e-8, 1e-10), "int64": (0, 0), "bool": (0, 0)}


def agree(mine, theirs, loose: float, question: str) -> None:
    if isinstance(theirs, (list, tuple)):
        assert len(mine) == len(theirs), question
        for a, b in zip(mine, theirs, strict=True):
            agree(a, b, loose, question)
    elif isinstance(theirs, np.ndarray):
        assert mine.dtype == theirs.dtype and mine.shape == theirs.shape, question
        relative, absolute = LIMITS[str(theirs.dtype)]
        np.testing.assert_allclose(
            mine, theirs, rtol=max(relative, loose), atol=max(absolute, loose * 0.1),
            err_msg=question,
        )  # fmt: skip
    else:
        assert mine == theirs, question


@pytest.mark.parametrize(("name", "dtype"), cases.STORED, ids=[name for name, _ in cases.STORED])
def test_a_distribution_answers_as_torchs(name, dtype):
    expected = stored.load(REFERENCE, "distributions")[f"{name} {dtype}"]
    found = cases.Asker(jaxtorch, name, dtype).answers()
    assert found.keys() == expected.keys()
    for question, answer in expected.items():
        agree(found[question], answer, cases.CASES[name].loose.get(question, 0), question)


@pytest.mark.parametrize("p", cases.KL_NAMES)
def test_divergences_are_torchs(p):
    for q in cases.KL_NAMES:
        expected = stored.load(REFERENCE, "kl")[f"{p} {q}"]
        agree(cases.divergence(jaxtorch, p, q), expected, 0, f"KL({p} || {q})")
