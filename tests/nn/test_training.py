"""Whole training runs follow PyTorch's, loss by loss, from the same seed."""

import pytest

import jaxtorch
from tests import oracle, stored
from tests.nn import training


@pytest.mark.parametrize("run", training.RUNS, ids=lambda run: run.__name__)
def test_losses(run):
    answers = None if oracle.torch else stored.load(oracle.REFERENCE, "training")
    expected = run(oracle.torch) if answers is None else answers[run.__name__]
    found = run(jaxtorch)
    assert len(found) == len(expected)
    assert found == pytest.approx(expected, rel=1e-4)
    assert min(found[-2:]) < found[0]  # it learns
