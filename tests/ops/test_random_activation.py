"""rrelu and gumbel_softmax: torch's numbers from the same seed, and their gradients."""

import pytest

import jaxtorch as torch
import jaxtorch.nn.functional as F

X = [-2.0, -1.0, 0.0, 1.0, 2.0]
RRELU = [-0.5880212, -0.241564, 0.0, 1.0, 2.0]
GUMBEL = [2.716305e-05, 0.001631871, 0.04825519, 0.02098693, 0.9290989]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_rrelu_draws_a_slope_for_what_is_not_positive():
    x = torch.tensor(X, requires_grad=True)
    y = F.rrelu(x, 0.1, 0.3, training=True)
    assert y.tolist() == pytest.approx(RRELU)
    y.sum().backward()
    assert x.grad.tolist()[:2] == pytest.approx([RRELU[0] / -2, -RRELU[1]])
    assert x.grad.tolist()[3:] == [1, 1]
    # PyTorch draws twice 32 bits for each of the three, and nothing for the others
    after = torch.rand(1)
    torch.manual_seed(0)
    torch.rand(3, dtype=torch.float64)
    assert torch.equal(torch.rand(1), after)


def test_rrelu_without_training_takes_the_mean_slope():
    assert F.rrelu(torch.tensor(X), 0.1, 0.3).tolist() == pytest.approx([-0.4, -0.2, 0, 1, 2])
    x = torch.tensor(X)
    assert F.rrelu_(x, 0.1, 0.3) is x and torch.rrelu_(x, 0.5, 0.5) is x
    assert x.tolist() == pytest.approx([-0.2, -0.1, 0, 1, 2])
    with pytest.raises(RuntimeError, match="Lower bound should be less than or equal"):
        F.rrelu(x, 0.3, 0.1)


def test_gumbel_softmax():
    x = torch.tensor([X], requires_grad=True)
    soft = F.gumbel_softmax(x, 0.5)
    assert soft.tolist()[0] == pytest.approx(GUMBEL, rel=1e-5)
    torch.manual_seed(0)
    hard = F.gumbel_softmax(x, 0.5, hard=True)
    assert hard.tolist() == [[float(p == max(GUMBEL)) for p in GUMBEL]]
    weight = torch.arange(5.0)
    wanted, found = (torch.autograd.grad((y * weight).sum(), x)[0] for y in (soft, hard))
    assert torch.allclose(wanted, found)


def test_jit_draws_afresh_on_every_call():
    step = torch.jit(lambda x: F.rrelu(x, 0.1, 0.3, training=True))
    x = -torch.ones(50)
    first, second = step(x), step(x)
    assert not torch.equal(first, second)
    assert ((first <= -0.1) & (first >= -0.3)).all()
