"""Initial values are PyTorch's own for the same seed."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from flax import nnx

import jaxtorch
from jaxtorch import nn
from tests import oracle, stored
from tests.nn.programs import complaint

FILLS = [
    "uniform_(t(3, 5))",
    "uniform_(t(3, 5), -2.0, 3.0)",
    "normal_(t(3, 7), 1.0, 0.5)",
    "normal_(t(3))",
    "normal_(t(3, 7), generator=torch.Generator().manual_seed(5))",
    "constant_(t(2, 2), 0.3)",
    "ones_(t(3))",
    "zeros_(t(3))",
    "eye_(t(3, 5))",
    "dirac_(t(4, 2, 3))",
    "dirac_(t(4, 2, 3, 3), 2)",
    "dirac_(t(2, 2, 3, 3, 3))",
    "xavier_uniform_(t(3, 5))",
    "xavier_uniform_(t(4, 3, 2, 2), gain=2.0)",
    "xavier_normal_(t(6, 5))",
    "kaiming_uniform_(t(3, 5), a=5**0.5)",
    "kaiming_uniform_(t(4, 3, 2), mode='fan_out', nonlinearity='relu')",
    "kaiming_normal_(t(6, 5), nonlinearity='tanh')",
    "trunc_normal_(t(6, 7))",
    "trunc_normal_(t(6, 7), std=0.02)",
    "trunc_normal_(t(6, 7), mean=3.0, std=1.0, a=4.0, b=6.0)",
    "orthogonal_(t(3, 5))",
    "orthogonal_(t(5, 3), gain=2.0)",
    "orthogonal_(t(4, 2, 2))",
    "sparse_(t(6, 3), 0.4)",
    "uniform_(t(3, 5).double())",
    "normal_(t(4, 5).half())",
    "calculate_gain('leaky_relu', 0.2)",
    "calculate_gain('tanh')",
    "calculate_gain('relu')",
    "calculate_gain('selu')",
]


def fill(library, text: str):
    library.manual_seed(3)
    scope = {name: getattr(library.nn.init, name) for name in dir(library.nn.init)}
    found = eval(text, scope | {"t": library.empty, "torch": library})
    return oracle.Side(library).read(found)


def expected() -> dict:
    if oracle.torch is None:
        return stored.load(oracle.REFERENCE, "init")
    with oracle.no_warnings():
        return {text: fill(oracle.torch, text) for text in FILLS}


@pytest.mark.parametrize("text", FILLS)
def test_values(text):
    with oracle.no_warnings():
        oracle.agree(text, fill(jaxtorch, text), expected()[text], (2e-6, 5e-7))


def test_a_leaf_may_be_filled_and_stays_one():
    p = nn.Parameter(jaxtorch.zeros(2, 3))
    assert nn.init.ones_(p) is p
    assert p.requires_grad and p.is_leaf and p.sum().item() == 6


def test_a_part_may_be_filled():
    p = nn.Parameter(jaxtorch.zeros(2, 3))
    nn.init.ones_(p[0])
    np.testing.assert_array_equal(p.detach().numpy(), [[1, 1, 1], [0, 0, 0]])


def test_old_names_warn():
    with pytest.warns(FutureWarning, match="nn.init.xavier_uniform_"):
        nn.init.xavier_uniform(jaxtorch.zeros(2, 3))
    with pytest.warns(UserWarning, match="no-op"):
        nn.init.kaiming_uniform_(jaxtorch.zeros(0, 3))


def test_errors():
    def texts(library):
        init, t = library.nn.init, library.zeros
        return [
            complaint(lambda: init.xavier_uniform_(t(3))),
            complaint(lambda: init.kaiming_normal_(t(3, 3), mode="middle")),
            complaint(lambda: init.calculate_gain("nothing")),
            complaint(lambda: init.calculate_gain("leaky_relu", True)),
            complaint(lambda: init.eye_(t(3))),
            complaint(lambda: init.dirac_(t(3, 3))),
            complaint(lambda: init.dirac_(t(3, 3, 3), 2)),
            complaint(lambda: init.orthogonal_(t(3))),
            complaint(lambda: init.sparse_(t(3), 0.1)),
        ]

    mine = texts(jaxtorch)
    assert all(text.startswith("ValueError") for text in mine)
    if oracle.torch is not None:
        assert mine == texts(oracle.torch)


RANDOM_FILLS = {
    "uniform_": lambda p: nn.init.uniform_(p, 1.0, 3.0),
    "normal_": lambda p: nn.init.normal_(p, 5.0, 0.1),
    "trunc_normal_": lambda p: nn.init.trunc_normal_(p, 0.0, 1.0, -0.5, 0.5),
    "trunc_normal_ far out": lambda p: nn.init.trunc_normal_(p, 0.0, 1.0, 1.5, 3.0),
    "orthogonal_": lambda p: nn.init.orthogonal_(p, gain=2.0),
    "sparse_": lambda p: nn.init.sparse_(p, 0.5),
    "kaiming_uniform_": nn.init.kaiming_uniform_,
}
BOUNDS = {
    "uniform_": (1, 3), "normal_": (4.5, 5.5), "trunc_normal_": (-0.5, 0.5),
    "trunc_normal_ far out": (1.5, 3), "orthogonal_": (-2, 2), "sparse_": (-0.05, 0.05),
    "kaiming_uniform_": (-1, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", RANDOM_FILLS)
def test_a_bare_program_draws_pytorchs_numbers_on_every_call(name):
    def make():
        return RANDOM_FILLS[name](nn.Parameter(jaxtorch.empty(8, 6))).detach().jax()

    program = jax.jit(make)
    jaxtorch.manual_seed(0)
    found = [np.asarray(program()) for _ in range(2)]
    jaxtorch.manual_seed(0)
    for array in found:
        np.testing.assert_array_equal(array, np.asarray(make()))
    assert (found[0] != found[1]).any()


@pytest.mark.parametrize("name", RANDOM_FILLS)
def test_jit_draws_from_its_key(name):
    program = jaxtorch.jit(lambda: RANDOM_FILLS[name](jaxtorch.empty(8, 6)))
    jaxtorch.manual_seed(0)
    first, second = program().numpy(), program().numpy()
    jaxtorch.manual_seed(0)
    np.testing.assert_array_equal(program().numpy(), first)
    assert (first != second).any()
    low, high = BOUNDS[name]
    assert low <= first.min() and first.max() <= high
    if name == "orthogonal_":
        np.testing.assert_allclose(first.T @ first, 4 * np.eye(6), atol=1e-5)
    if name == "sparse_":
        assert ((first == 0).sum(0) == 4).all()


def test_a_module_may_be_made_in_a_program():
    make = nnx.jit(lambda: nn.Linear(2, 3))
    jaxtorch.manual_seed(0)
    first, second = make(), make()
    jaxtorch.manual_seed(0)
    assert first.weight.tolist() == nn.Linear(2, 3).weight.tolist() != second.weight.tolist()


def test_a_shape_alone_draws_nothing():
    before = jaxtorch.get_rng_state()
    nnx.eval_shape(lambda: nn.Linear(2, 3))
    assert (before == jaxtorch.get_rng_state()).all()


def test_values_go_where_the_elements_lie():
    """As torch draws for a transposed tensor: in the order of its memory."""
    for fill in (nn.init.uniform_, nn.init.normal_, nn.init.trunc_normal_):
        jaxtorch.manual_seed(0)
        x = fill(jaxtorch.empty(4, 5))
        jaxtorch.manual_seed(0)
        assert jaxtorch.equal(fill(jaxtorch.empty(4, 5).t()).t(), x)
