"""Initial values are PyTorch's own for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

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
