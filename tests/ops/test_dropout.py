"""Dropout: its rate, its scale, its seeds."""

import numpy as np
import pytest

import jaxtorch as torch
import jaxtorch.nn.functional as F
from jaxtorch.engine import Policy


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_what_is_kept_is_scaled_so_that_the_mean_stays():
    x = torch.ones(200, 500)
    for p in (0.1, 0.5, 0.9):
        y = F.dropout(x, p).numpy()
        assert set(np.unique(y)) == {0, np.float32(1) / np.float32(1 - p)}
        assert (y == 0).mean() == pytest.approx(p, abs=0.005)
        # neither rows nor columns nor neighbours hang together
        dropped = (y == 0) - p
        assert dropped.mean(0).std() == pytest.approx((p * (1 - p) / 200) ** 0.5, rel=0.15)
        assert dropped.mean(1).std() == pytest.approx((p * (1 - p) / 500) ** 0.5, rel=0.15)
        assert abs((dropped[:, 1:] * dropped[:, :-1]).mean()) < 0.005


def test_masks_differ_and_a_seed_brings_them_back():
    x = torch.ones(1000)
    first, second = F.dropout(x), F.dropout(x)
    assert not torch.equal(first, second)
    torch.manual_seed(0)
    assert torch.equal(F.dropout(x), first)


def test_the_gradient_is_the_mask():
    x = torch.ones(100, requires_grad=True)
    y = F.dropout(x, 0.3)
    y.sum().backward()
    assert torch.equal(x.grad, y)


def test_the_generator_moves_as_pytorchs_does():
    F.dropout(torch.ones(3, 5), 0.3)
    F.dropout(torch.ones(3), 0.0)
    F.dropout(torch.ones(3), 1.0)
    F.dropout(torch.ones(3), 0.5, training=False)
    after = torch.rand(2)
    torch.manual_seed(0)
    torch.empty(15).bernoulli_(0.5)
    assert torch.equal(torch.rand(2), after)


def test_nothing_and_everything():
    x = torch.tensor([1.0, -2.0])
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 1.0).tolist() == [0, 0]
    with pytest.raises(ValueError, match="has to be between 0 and 1, but got 1.5"):
        F.dropout(x, 1.5)


def test_in_place():
    x = torch.ones(50)
    y = F.dropout(x, 0.5, inplace=True)
    assert y is x and set(x.tolist()) == {0.0, 2.0}


@pytest.mark.parametrize(
    "drop, shape, channels",
    [
        (F.dropout1d, (4, 30, 6), 2),
        (F.dropout1d, (30, 6), 1),
        (F.dropout2d, (4, 30, 3, 2), 2),
        (F.dropout3d, (4, 30, 3, 2, 2), 2),
        (F.dropout3d, (30, 3, 2, 2), 1),
    ],
)
def test_channels_are_dropped_whole(drop, shape, channels):
    y = drop(torch.ones(shape), 0.5).numpy().reshape(int(np.prod(shape[:channels])), -1)
    assert ((y == 0).all(1) | (y == 2).all(1)).all()
    assert 0 < (y == 0).mean() < 1


def test_alpha_dropout_keeps_mean_and_variance():
    x = torch.randn(300, 300)
    for drop in (F.alpha_dropout, F.feature_alpha_dropout):
        y = drop(x, 0.2, training=True)
        assert y.mean().item() == pytest.approx(0, abs=0.05)
        assert y.var().item() == pytest.approx(1, abs=0.05)


def test_a_new_seed_compiles_nothing():
    x = torch.tensor([1.0, 2.0])
    for _ in range(Policy.streak):
        F.dropout(x, 0.5).tolist()
    before = torch.stats()
    F.dropout(x, 0.5).tolist()
    assert torch.stats()["structures"] == before["structures"]
    assert torch.stats()["compiled"] == before["compiled"]


def test_jit_draws_afresh_on_every_call():
    drop = torch.jit(lambda x: F.dropout(x, 0.5))
    x = torch.ones(100)
    first, second = drop(x), drop(x)
    assert set(first.tolist()) == {0.0, 2.0} and not torch.equal(first, second)


def test_torchs_own_functions():
    x = torch.ones(4, 30, 3)
    for write in (torch.dropout_, torch.feature_dropout_):
        y = x.clone()
        assert write(y, 0.5, True) is y and set(y.unique().tolist()) == {0.0, 2.0}
    for write in (torch.alpha_dropout_, torch.feature_alpha_dropout_):
        y = x.clone()
        assert write(y, 0.5, True) is y and len(y.unique()) == 2
    torch.manual_seed(0)
    kept, mask = torch.native_dropout(x, 0.5, None)
    assert torch.equal(kept, mask * 2.0) and mask.dtype is torch.bool
    torch.manual_seed(0)
    assert torch.equal(F.dropout(x, 0.5), kept)
    assert torch.native_dropout(x, 0.5, False)[1].all()
    assert not torch.native_dropout(x, 1.0, True)[1].any()
