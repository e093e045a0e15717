"""What only the data can tell is checked where the data is, and reported with the user's line."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F
from jaxtorch import engine
from tests.engine.programs import forced

TABLE = torch.arange(12.0).reshape(4, 3)


def line_of(error) -> str:
    """The source text that an error names."""
    return re.search(r"\(at .*test_checks\.py:\d+: (.*)\)$", str(error.value))[1]


CASES = {
    "embedding": lambda i: F.embedding(i, TABLE),
    "index": lambda i: TABLE[i],
    "gather": lambda i: TABLE.gather(0, i.unsqueeze(1)),
    "index_select": lambda i: TABLE.index_select(0, i),
    "take": lambda i: TABLE.take(i + 8),
    "scatter": lambda i: TABLE.scatter(0, i.unsqueeze(1), 0.0),
    "cross_entropy": lambda i: F.cross_entropy(TABLE[:2], i - 1),
    "nll_loss": lambda i: F.nll_loss(TABLE[:2], i - 1),
}


@pytest.mark.parametrize("how", ["interpret", "compile"])
@pytest.mark.parametrize("name", CASES)
def test_an_index_out_of_range_raises_at_the_look(name, how):
    with forced(how):
        out = CASES[name](torch.tensor([1, 4]))
        with pytest.raises(IndexError) as error:
            out.tolist()
        assert line_of(error).startswith(f'"{name}": lambda i:')


@pytest.mark.parametrize("name", CASES)
def test_an_index_in_range_does_not(name):
    assert np.isfinite(CASES[name](torch.tensor([1, 3])).numpy()).all()


def test_the_error_says_which_index():
    with pytest.raises(IndexError, match="7"):
        TABLE[torch.tensor([0, 7])].tolist()


def test_negative_indices_count_from_the_end():
    assert TABLE[torch.tensor([-1])].tolist() == [[9.0, 10.0, 11.0]]
    with pytest.raises(IndexError):
        TABLE[torch.tensor([-5])].tolist()


def test_an_index_known_at_the_call_raises_there():
    with pytest.raises(IndexError):
        TABLE[4]
    with pytest.raises(IndexError):
        TABLE[0, -4]


def test_a_training_loop_that_never_looks_raises_at_the_next_step():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    labels = torch.tensor([0, 1])

    def step(ids):
        optimizer.zero_grad()
        F.cross_entropy(model(ids), labels).backward()
        optimizer.step()

    step(torch.tensor([[0, 1], [2, 3]]))
    with pytest.raises(IndexError, match="out of range|out of bounds") as error:
        for _ in range(200):
            step(torch.tensor([[0, 1], [2, 5]]))
    assert line_of(error) == "F.cross_entropy(model(ids), labels).backward()"


def test_after_the_error_work_goes_on():
    with pytest.raises(IndexError):
        TABLE[torch.tensor([9])].tolist()
    assert TABLE[torch.tensor([1])].tolist() == [[3.0, 4.0, 5.0]]
    assert not engine.evaluate.PENDING_CHECKS


def test_several_checks_in_one_program_report_the_first():
    good, bad, worse = torch.tensor([0]), torch.tensor([8]), torch.tensor([9])
    out = TABLE[good] + TABLE[bad] + TABLE[worse]
    with pytest.raises(IndexError, match="index 8 is out of bounds"):
        out.tolist()
    assert not engine.evaluate.PENDING_CHECKS


def test_ignored_targets_may_be_anything_that_is_ignored():
    loss = F.cross_entropy(TABLE, torch.tensor([0, -100, 2, -100]))
    assert np.isfinite(loss.item())
    with pytest.raises(IndexError):
        F.cross_entropy(TABLE, torch.tensor([0, -99, 2, 1])).item()


@pytest.mark.parametrize("name", CASES)
def test_inside_a_foreign_trace_the_result_is_poisoned(name):
    def run(i):
        return CASES[name](torch.Tensor(i)).jax()

    assert np.isfinite(jax.jit(run)(jnp.array([1, 3]))).all()
    assert np.isnan(jax.jit(run)(jnp.array([1, 4]))).all()


def test_integers_are_poisoned_with_their_minimum():
    table = torch.arange(4, dtype=torch.int32)
    out = jax.jit(lambda i: table[torch.Tensor(i)].jax())(jnp.array([0, 4]))
    assert out.tolist() == [np.iinfo(np.int32).min] * 2


def test_under_vmap_any_example_counts():
    out = torch.func.vmap(lambda i: TABLE[i])(torch.tensor([[0, 1], [2, 3]]))
    assert out.shape == (2, 2, 3)
