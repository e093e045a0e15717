"""Schedules set PyTorch's learning rates, to the last bit of a float64."""

import copy
import json
import warnings
from pathlib import Path

import pytest

import jaxtorch as torch
from jaxtorch.optim import lr_scheduler
from tests.optim.cases import EPOCHS, SCHEDULES

STORED = json.loads((Path(__file__).parents[1] / "reference" / "lr_scheduler.json").read_text())


def case_id(i: int) -> str:
    return f"{SCHEDULES[i][0]}-{i}"


every_schedule = pytest.mark.parametrize("i", range(len(SCHEDULES)), ids=case_id)


def optimizer_of_two_groups(**options):
    weights = [torch.nn.Parameter(torch.zeros(2)) for _ in range(2)]
    groups = [{"params": [weights[0]]}, {"params": [weights[1]], "lr": 0.02}]
    return torch.optim.SGD(groups, **{"lr": 0.1, "momentum": 0.9, **options})


def follow(optimizer, scheduler, epochs):
    lrs, momenta = [], []
    for _ in range(epochs):
        lrs.append([group["lr"] for group in optimizer.param_groups])
        momenta.append([group["momentum"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return lrs, momenta


def plain(state_dict):
    """What json makes of it."""
    return json.loads(json.dumps({k: v for k, v in state_dict.items() if k != "milestones"}))


@every_schedule
def test_learning_rates_are_pytorchs(i):
    (name, options), wanted = SCHEDULES[i], STORED[i]
    optimizer = optimizer_of_two_groups()
    scheduler = getattr(lr_scheduler, name)(optimizer, **options)
    lrs, momenta = follow(optimizer, scheduler, EPOCHS)
    assert lrs == wanted["lr"]
    assert momenta == wanted["momentum"]
    assert plain(scheduler.state_dict()) == wanted["state"]
    assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]


@every_schedule
def test_a_loaded_schedule_goes_on(i):
    name, options = SCHEDULES[i]
    optimizer, other = optimizer_of_two_groups(), optimizer_of_two_groups()
    scheduler = getattr(lr_scheduler, name)(optimizer, **options)
    follow(optimizer, scheduler, 7)
    fresh = getattr(lr_scheduler, name)(other, **options)
    fresh.load_state_dict(copy.deepcopy(scheduler.state_dict()))
    other.load_state_dict(optimizer.state_dict())
    assert follow(other, fresh, 10) == follow(optimizer, scheduler, 10)


def test_plateau():
    optimizer = optimizer_of_two_groups()
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=1, cooldown=1, min_lr=[0.03, 0.0]
    )
    lrs = []
    for loss in [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.5, torch.tensor(0.6), 0.6, 0.6, 0.6]:
        scheduler.step(loss)
        lrs.append(optimizer.param_groups[0]["lr"])
    assert lrs == [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03]
    assert optimizer.param_groups[1]["lr"] == 0.02 * 0.5**3
    best = lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", threshold_mode="abs")
    best.step(1.0)
    best.step(1.00005)
    assert best.num_bad_epochs == 1


def test_one_schedule_after_the_other():
    optimizer = optimizer_of_two_groups()
    warmup = lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=3)
    decay = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    scheduler = lr_scheduler.SequentialLR(optimizer, [warmup, decay], milestones=[3])
    lrs = [lr for lr, _ in follow(optimizer, scheduler, 6)[0]]
    assert lrs == pytest.approx([0.01, 0.04, 0.07, 0.1, 0.05, 0.025])


def test_schedules_at_once():
    optimizer = optimizer_of_two_groups()
    halves = lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    tenths = lr_scheduler.ExponentialLR(optimizer, gamma=0.1)
    scheduler = lr_scheduler.ChainedScheduler([halves, tenths])
    lrs = [lr for lr, _ in follow(optimizer, scheduler, 4)[0]]
    assert lrs == pytest.approx([0.1, 0.01, 0.0005, 0.00005])
    assert [set(s) for s in scheduler.state_dict()["_schedulers"]] == [
        set(halves.state_dict()),
        set(tenths.state_dict()),
    ]


def test_momentum_cycles_through_beta1():
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(2))])
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=10)
    assert optimizer.param_groups[0]["betas"] == (0.95, 0.999)
    optimizer.step()
    scheduler.step()
    scheduler.step()
    assert optimizer.param_groups[0]["betas"] == (0.85, 0.999)


def test_a_tensor_learning_rate_is_written_into():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=torch.tensor(1.0))
    scheduler = lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    lr = optimizer.param_groups[0]["lr"]
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr and lr.item() == 0.5
    assert scheduler.base_lrs[0].item() == 1.0


def test_resuming_needs_the_initial_rate():
    optimizer = optimizer_of_two_groups()
    with pytest.raises(
        KeyError, match="param 'initial_lr' is not specified in param_groups\\[0\\]"
    ):
        lr_scheduler.StepLR(optimizer, 3, last_epoch=4)
    for group in optimizer.param_groups:
        group["initial_lr"] = 0.1
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=10, last_epoch=4)
    assert scheduler.last_epoch == 5


def test_epochs_by_number_use_the_closed_form():
    optimizer = optimizer_of_two_groups()
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    optimizer.step()
    with pytest.warns(UserWarning, match="The epoch parameter"):
        scheduler.step(5)
    assert optimizer.param_groups[0]["lr"] == 0.1 * 0.1**2


def test_a_schedule_of_ones_own():
    class Inverse(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [lr / (1 + self.last_epoch) for lr in self.base_lrs]

    optimizer = optimizer_of_two_groups()
    lrs, _ = follow(optimizer, Inverse(optimizer), 3)
    assert [lr for lr, _ in lrs] == [0.1, 0.05, 0.1 / 3]


def test_the_order_of_steps_is_watched():
    optimizer = optimizer_of_two_groups()
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match="`lr_scheduler.step\\(\\)` before `optimizer.step\\(\\)`"):
        scheduler.step()
    optimizer = optimizer_of_two_groups()
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    optimizer.step = lambda: None
    with pytest.warns(UserWarning, match="`optimizer.step\\(\\)` has been overridden"):
        scheduler.step()
    optimizer = optimizer_of_two_groups()
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
        scheduler.step()
    with pytest.warns(UserWarning, match="please use `get_last_lr\\(\\)`"):
        scheduler.get_lr()


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda o: lr_scheduler.StepLR(3, 1), TypeError, "int is not an Optimizer"),
        (lambda o: lr_scheduler.LambdaLR(o, [abs]), ValueError, "Expected 2 lr_lambdas, but got 1"),
        (lambda o: lr_scheduler.MultiplicativeLR(o, 0.5), TypeError, "lr_lambda should be a func"),
        (lambda o: lr_scheduler.ConstantLR(o, factor=2), ValueError, "between 0 and 1"),
        (lambda o: lr_scheduler.LinearLR(o, start_factor=0), ValueError, "greater than 0 and less"),
        (lambda o: lr_scheduler.LinearLR(o, end_factor=2), ValueError, "between 0 and 1"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1), ValueError, "You must define either"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=-1), ValueError, "total_steps"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 5, pct_start=2), ValueError, "pct_start"),
        (lambda o: lr_scheduler.CyclicLR(o, [0.1], 1), ValueError, "base_lr must have the same"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1, mode="x"), ValueError, "mode is invalid"),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "positive integer"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1), ValueError, "Factor should be"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, mode="x"), ValueError, "mode x is unknown"),
        (lambda o: lr_scheduler.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
        (
            lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(o)]),
            ValueError,
            "does not support `ReduceLROnPlateau`",
        ),
    ],
)
def test_bad_input(make, error, text):
    with pytest.raises(error, match=text):
        make(optimizer_of_two_groups())
