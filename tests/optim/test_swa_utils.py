"""Averaged weights, their schedule, and what an optimizer can be lent for a block."""

import warnings

import numpy as np
import pytest

import jaxtorch
from jaxtorch.optim import swa_utils
from tests import oracle

LIBRARIES = [jaxtorch] if oracle.torch is None else [jaxtorch, oracle.torch]
AVERAGES = [
    dict(),
    dict(use_buffers=True),
    dict(avg=("get_ema_avg_fn", 0.9)),
    dict(multi=("get_ema_multi_avg_fn", 0.9)),
    dict(multi=("get_swa_multi_avg_fn",)),
    dict(avg=("get_swa_avg_fn",), use_buffers=True),
]


def averaged(torch, avg=None, multi=None, use_buffers=False):
    """The averages after four updates, and with BatchNorm's statistics computed anew."""
    utils = torch.optim.swa_utils
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    net[0].load_state_dict({"weight": torch.ones(3, 2), "bias": torch.zeros(3)})
    net[0].weight.data = torch.arange(6.0).reshape(3, 2)

    def made(given):
        return None if given is None else getattr(utils, given[0])(*given[1:])

    mean = utils.AveragedModel(
        net, avg_fn=made(avg), multi_avg_fn=made(multi), use_buffers=use_buffers
    )
    for i in range(4):
        with torch.no_grad():
            for p in net.parameters():
                p.add_(i + 0.5)
        net(torch.full((4, 2), float(i)) + torch.arange(4.0)[:, None])
        mean.update_parameters(net)
    found = [t.detach().tolist() for t in mean.state_dict().values()]
    utils.update_bn([[torch.arange(8.0).reshape(4, 2)], torch.ones(4, 2)], mean)
    found += [t.detach().tolist() for t in mean.state_dict().values()]
    return list(mean.state_dict()), found, mean(torch.ones(2, 2)).tolist()


@pytest.mark.parametrize("options", AVERAGES, ids=str)
def test_averages(options):
    names, *values = averaged(jaxtorch, **options)
    if oracle.torch is None:
        assert names[0] == "n_averaged" and values[0][0] == 4
        return
    wanted, *theirs = averaged(oracle.torch, **options)
    assert names == wanted
    for mine, other in zip(values[0], theirs[0], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5)
    # Inputs near 50 whose variance is near 1: the normalised output keeps four digits.
    np.testing.assert_allclose(values[1], theirs[1], rtol=1e-3, atol=1e-3)


def test_the_mean_is_the_mean_and_the_model_keeps_its_own():
    net = jaxtorch.nn.Linear(1, 1, bias=False)
    mean = swa_utils.AveragedModel(net)
    for value in (1.0, 2.0, 6.0):
        net.weight.data.fill_(value)
        mean.update_parameters(net)
    assert mean.module.weight.item() == 3
    assert net.weight.item() == 6
    assert mean.n_averaged.item() == 3


@pytest.mark.parametrize("options", [{}, {"anneal_strategy": "linear"}, {"anneal_epochs": 0}])
def test_the_schedule(options):
    courses = []
    for torch in LIBRARIES:
        param = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([{"params": [param], "lr": 0.1}])
        before = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        schedule = torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.02, **options)
        rates = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for epoch in range(15):
                optimizer.step()
                (before if epoch < 2 else schedule).step()
                rates.append(optimizer.param_groups[0]["lr"])
        again = torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.02)
        again.load_state_dict(schedule.state_dict())
        assert again.state_dict() == schedule.state_dict()
        courses.append((rates, sorted(schedule.state_dict())))
    assert courses[0][0][-1] == pytest.approx(0.02)
    assert courses[0] == courses[-1]


def test_refusals():
    with pytest.raises(ValueError, match="Invalid decay value 2"):
        swa_utils.get_ema_avg_fn(2)
    net = jaxtorch.nn.Linear(1, 1)
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        swa_utils.AveragedModel(net, avg_fn=max, multi_avg_fn=max)
    optimizer = jaxtorch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="anneal_strategy must be one of"):
        swa_utils.SWALR(optimizer, 0.1, anneal_strategy="other")
    with pytest.raises(ValueError, match="anneal_epochs must be equal or greater than 0"):
        swa_utils.SWALR(optimizer, 0.1, anneal_epochs=-1)


def test_other_parameters_and_state_for_a_block():
    swap = jaxtorch.optim.swap_in_optimizer_params_and_state
    mine, other = (jaxtorch.nn.Parameter(jaxtorch.zeros(2)) for _ in range(2))
    optimizer = jaxtorch.optim.Adam([mine], lr=0.1)
    with pytest.raises(RuntimeError, match="requires initialized optimizer state"):
        with swap(optimizer, {"p": other}, optimizer.state_dict()):
            pass
    mine.grad = jaxtorch.ones(2)
    optimizer.step()
    saved = optimizer.state_dict()
    saved["param_groups"][0]["lr"] = 1.0
    before = mine.tolist()
    with swap(optimizer, {"p": other}, saved):
        other.grad = jaxtorch.ones(2)
        optimizer.step()
    assert mine.tolist() == before and other.tolist() == pytest.approx([-1, -1])
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.param_groups[0]["params"][0] is mine
    assert optimizer.state[mine]["step"] == 1
    for damage, complaint in (
        (lambda s: s.update(state=[]), "to be a dict mapping"),
        (lambda s: s.update(param_groups=[]), "different number of parameter groups"),
        (lambda s: s["param_groups"][0].pop("lr"), r"Keys only in live: \['lr'\]"),
        (lambda s: s["state"].update({7: {}}), r"got extra keys \[7\]"),
    ):
        broken = optimizer.state_dict()
        damage(broken)
        with pytest.raises(RuntimeError, match=complaint):
            with swap(optimizer, {"p": other}, broken):
                pass
