"""Saved tensors as a program sees them, beside what real PyTorch answered.

``python tests/reference/make_saved.py`` writes the answers.
"""

import json

import pytest

import jaxtorch
from jaxtorch.engine.graph import MODES, STATE
from tests import saved_programs
from tests.oracle import REFERENCE

STORED = json.loads((REFERENCE / "saved_tensors.json").read_text())


def alike(mine, theirs) -> bool:
    if isinstance(theirs, float):
        return mine == pytest.approx(theirs, rel=2e-4, abs=2e-4)
    if isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(alike, mine, theirs))
    if isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(alike(mine[k], theirs[k]) for k in theirs)
    return mine == theirs


@pytest.mark.parametrize("name", saved_programs.OPS)
def test_an_op_packs_what_it_does_in_torch_and_uses_what_unpacking_gives(name):
    mine = saved_programs.op(jaxtorch, name)
    assert alike(mine, STORED[name]), (mine, STORED[name])


@pytest.mark.parametrize("program", saved_programs.PROGRAMS, ids=lambda p: p.__name__)
def test_a_program_does_what_it_does_in_torch(program):
    mine = json.loads(json.dumps(program(jaxtorch)))
    assert alike(mine, STORED[program.__name__]), (mine, STORED[program.__name__])


def test_without_hooks_nothing_is_left_on():
    assert MODES[0] == 0 and STATE.saving is None


def test_inside_a_jax_trace_hooks_are_refused():
    with jaxtorch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        with pytest.raises(NotImplementedError, match="saved_tensors_hooks around mul"):
            jaxtorch.jit(lambda x: x.requires_grad_() * x)(jaxtorch.ones(2))


def test_a_result_that_is_a_constant_is_packed_too():
    x = jaxtorch.ones(0, 0, requires_grad=True)
    with jaxtorch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = jaxtorch.linalg.det(x)
    y.backward()
    assert y.item() == 1 and x.grad.shape == (0, 0)


def test_a_result_is_not_compared_with_what_is_computed_again():
    x = jaxtorch.tensor([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]], requires_grad=True)
    (plain,) = jaxtorch.autograd.grad(jaxtorch.linalg.matrix_norm(x, 2), x)
    with jaxtorch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = jaxtorch.linalg.matrix_norm(x, 2)
    y.backward()
    jaxtorch.testing.assert_close(x.grad, plain)
