"""Every optimizer of PyTorch's own table (``common_optimizers.optim_db``), with all its inputs."""

from __future__ import annotations

import copy
import re
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.testing._internal.common_optimizers import optim_db  # noqa: E402

import jaxtorch  # noqa: E402
from tests.optim.cases import TOLERANCE  # noqa: E402
from tests.parity.module_db import translated  # noqa: E402

every_optimizer = pytest.mark.parametrize("info", optim_db, ids=lambda i: i.optim_cls.__name__)
# One shape for all, so that equal options are one program: Muon takes matrices only.
SHAPES = [(4, 5), (4, 5)]


def pair(info, options):
    """PyTorch's optimizer and ours on equal parameters: (library, parameters, optimizer) each."""
    name = info.optim_cls.__name__
    rng = np.random.RandomState(0)
    values = [rng.standard_normal(shape).astype(np.float32) for shape in SHAPES]
    made = []
    for library in (torch, jaxtorch):
        params = [library.nn.Parameter(library.tensor(v)) for v in values]
        if library is jaxtorch:
            options = {k: translated(v) for k, v in options.items()}
        made.append((library, params, getattr(library.optim, name)(params, **options)))
    return made


def step(library, params, optimizer, number: int):
    rng = np.random.RandomState(number + 1)
    for param in params:
        param.grad = library.tensor(rng.standard_normal(tuple(param.shape)).astype(np.float32))
    if isinstance(optimizer, library.optim.LBFGS):
        optimizer.step(lambda: library.tensor(1.0))
    else:
        optimizer.step()


def assert_close(ours, theirs, name: str) -> None:
    tolerance = TOLERANCE.get(name, 5e-6)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(
            a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance
        )


@every_optimizer
def test_all_samples(info):
    name = info.optim_cls.__name__
    for sample in info.optim_inputs_func("cpu"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs, ours = pair(info, sample.kwargs)
            if name == "SparseAdam":  # takes sparse gradients only, which are not here
                for side in (theirs, ours):
                    with pytest.raises(RuntimeError, match="does not support dense gradients"):
                        step(*side, 0)
                continue
            for number in range(3):
                step(*theirs, number)
                step(*ours, number)
        assert_close(ours[1], theirs[1], name)
        assert repr(ours[2]) == repr(theirs[2]), sample.desc


@every_optimizer
def test_error_inputs(info):
    name = info.optim_cls.__name__
    for case in info.optim_error_inputs_func("cpu", torch.float32):
        given = case.optimizer_error_input
        if "dense params required" in given.desc:  # of a sparse tensor, which cannot be made here
            continue
        params, options = translated(given.params), translated(given.kwargs)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                optimizer = getattr(jaxtorch.optim, name)(params, **options)
                for group in optimizer.param_groups:
                    for param in group["params"]:
                        param.grad = jaxtorch.ones_like(param)
                optimizer.step()
        except case.error_type as error:
            assert re.search(case.error_regex, str(error)), given.desc
        else:
            pytest.fail(f"nothing raised: {given.desc}")


def as_theirs(value):
    """Our state_dict for PyTorch."""
    if isinstance(value, jaxtorch.Tensor):
        return torch.tensor(value.detach().numpy())
    if isinstance(value, dict):
        return {k: as_theirs(v) for k, v in value.items()}
    return type(value)(map(as_theirs, value)) if isinstance(value, list | tuple) else value


@every_optimizer
@pytest.mark.parametrize("direction", ["from PyTorch", "to PyTorch"])
def test_a_saved_run_goes_on_in_the_other(info, direction):
    name = info.optim_cls.__name__
    if name == "SparseAdam":
        assert not pair(info, {})[1][2].state_dict()["state"]
        return
    theirs, ours = pair(info, {})
    first, second = (theirs, ours) if direction == "from PyTorch" else (ours, theirs)
    for number in range(3):
        step(*first, number)
    convert = translated if first is theirs else as_theirs
    with torch.no_grad(), jaxtorch.no_grad():
        for param, saved in zip(second[1], first[1], strict=True):
            param.copy_(convert(saved.detach()))
    second[2].load_state_dict(convert(copy.deepcopy(first[2].state_dict())))
    for number in range(3, 5):
        step(*first, number)
        step(*second, number)
    assert_close(ours[1], theirs[1], name)
    mine, wanted = ours[2].state_dict(), theirs[2].state_dict()
    assert mine["param_groups"] == wanted["param_groups"]
    for number, state in wanted["state"].items():  # "al" is room that PyTorch's LBFGS works in
        assert set(mine["state"][number]) - {"al"} == set(state) - {"al"}


def test_schedules_go_on_in_the_other():
    makes = [
        lambda m, o: m.StepLR(o, 2),
        lambda m, o: m.CosineAnnealingWarmRestarts(o, 3, T_mult=2),
        lambda m, o: m.OneCycleLR(o, 0.5, total_steps=20),
        lambda m, o: m.CyclicLR(o, 0.01, 0.1, step_size_up=3),
        lambda m, o: m.SequentialLR(
            o, [m.ConstantLR(o, 0.5, 3), m.ExponentialLR(o, 0.9)], milestones=[4]
        ),
        lambda m, o: m.ChainedScheduler([m.ConstantLR(o, 0.5, 3), m.ExponentialLR(o, 0.9)]),
        lambda m, o: m.ReduceLROnPlateau(o, patience=1),
    ]
    for make in makes:
        for first, second in ((torch, jaxtorch), (jaxtorch, torch)):
            runs = []
            for library in (first, second):
                param = library.nn.Parameter(library.zeros(2))
                optimizer = library.optim.SGD([param], lr=0.1, momentum=0.9)
                runs.append((optimizer, make(library.optim.lr_scheduler, optimizer)))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for epoch in range(10):
                    if epoch == 5:
                        runs[1][1].load_state_dict(copy.deepcopy(runs[0][1].state_dict()))
                        runs[1][0].load_state_dict(copy.deepcopy(runs[0][0].state_dict()))
                    for optimizer, schedule in runs[: 1 if epoch < 5 else 2]:
                        optimizer.step()
                        plateau = type(schedule).__name__ == "ReduceLROnPlateau"
                        schedule.step(*([1.0] if plateau else []))
            (one, a), (other, b) = runs
            assert one.param_groups[0]["lr"] == other.param_groups[0]["lr"]
            assert one.param_groups[0]["momentum"] == other.param_groups[0]["momentum"]
            assert a.get_last_lr() == b.get_last_lr()
