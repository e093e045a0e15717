"""Optimizers and schedules side by side with real PyTorch."""

import warnings

import numpy as np
import pytest

import jaxtorch
from tests.optim.cases import EPOCHS, OPTIMIZERS, SCHEDULES, TOLERANCE, case_id, shapes_of

torch = pytest.importorskip("torch")
BOTH = (torch, jaxtorch)
every_case = pytest.mark.parametrize("case", OPTIMIZERS, ids=case_id)


def parameters(library, shapes, dtype=np.float32):
    rng = np.random.RandomState(0)
    values = [rng.standard_normal(s).astype(dtype) for s in shapes]
    return [library.nn.Parameter(library.tensor(v)) for v in values]


def give_grads(library, params, seed, missing=0.0, dtype=np.float32):
    rng = np.random.RandomState(seed)
    for param in params:
        grad = rng.standard_normal(tuple(param.shape)).astype(dtype)
        param.grad = None if rng.uniform() < missing else library.tensor(grad)


def close(a, b, name):
    tolerance = TOLERANCE.get(name, 2e-6)
    np.testing.assert_allclose(
        np.asarray(a.detach().numpy()), b.detach().numpy(), rtol=tolerance, atol=tolerance
    )


@every_case
def test_gradients_that_come_and_go(case):
    name, options = case
    pairs = []
    for library in BOTH:
        params = parameters(library, shapes_of(name))
        groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.03}]
        pairs.append((library, params, getattr(library.optim, name)(groups, **options)))
    for step in range(9):
        for library, params, optimizer in pairs:
            give_grads(library, params, step, missing=0.3)
            optimizer.step()
    (_, theirs, their_optimizer), (_, ours, our_optimizer) = pairs
    for a, b in zip(ours, theirs, strict=True):
        close(a, b, name)
        mine, wanted = our_optimizer.state[a], their_optimizer.state[b]
        assert list(mine) == list(wanted)
        for key, value in wanted.items():
            if value is not None:
                close(mine[key], value, name)
    assert repr(our_optimizer) == repr(their_optimizer)


@every_case
def test_pytorchs_state_dict_is_loaded(case):
    name, options = case
    theirs = parameters(torch, shapes_of(name))
    their_optimizer = getattr(torch.optim, name)(theirs, **options)
    for step in range(3):
        give_grads(torch, theirs, step)
        their_optimizer.step()
    saved = their_optimizer.state_dict()
    state = {
        number: {
            key: jaxtorch.tensor(value.numpy()) if isinstance(value, torch.Tensor) else value
            for key, value in slots.items()
        }
        for number, slots in saved["state"].items()
    }
    ours = [jaxtorch.nn.Parameter(jaxtorch.tensor(p.detach().numpy().copy())) for p in theirs]
    our_optimizer = getattr(jaxtorch.optim, name)(ours, **options)
    our_optimizer.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
    for step in range(3, 8):
        give_grads(torch, theirs, step)
        give_grads(jaxtorch, ours, step)
        their_optimizer.step()
        our_optimizer.step()
    for a, b in zip(ours, theirs, strict=True):
        close(a, b, name)
    assert (
        our_optimizer.state_dict()["param_groups"] == their_optimizer.state_dict()["param_groups"]
    )


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad", "Adamax", "NAdam", "Rprop"])
@pytest.mark.parametrize("dtype", [np.float64, np.complex64])
def test_other_dtypes(name, dtype):
    pairs = []
    for library in BOTH:
        params = parameters(library, [(3, 4)], dtype)
        pairs.append((library, params, getattr(library.optim, name)(params, lr=0.01)))
    for step in range(5):
        for library, params, optimizer in pairs:
            give_grads(library, params, step, dtype=dtype)
            optimizer.step()
    (_, (theirs,), _), (_, (ours,), _) = pairs
    tolerance = 1e-12 if dtype is np.float64 else 2e-6
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance)


BAD = [
    lambda t, p: t.optim.SGD([]),
    lambda t, p: t.optim.SGD([{"params": {p}}]),
    lambda t, p: t.optim.SGD([1.0]),
    lambda t, p: t.optim.SGD([p * 2]),
    lambda t, p: t.optim.SGD([p], lr=-1),
    lambda t, p: t.optim.SGD([p], momentum=-1),
    lambda t, p: t.optim.SGD([p], weight_decay=-1),
    lambda t, p: t.optim.SGD([p], nesterov=True),
    lambda t, p: t.optim.SGD([p], lr=t.tensor([0.1, 0.2])),
    lambda t, p: t.optim.SGD([{"params": [p]}, {"params": p}]),
    lambda t, p: t.optim.SGD([("a", p), t.zeros(1)]),
    lambda t, p: t.optim.Adam([p], lr=-1.5),
    lambda t, p: t.optim.Adam([p], betas=(1.0, 0.9)),
    lambda t, p: t.optim.Adam([p], betas=(0.9, -0.1)),
    lambda t, p: t.optim.Adam([p], eps=-1),
    lambda t, p: t.optim.Adam([p], weight_decay=-1),
    lambda t, p: t.optim.Adam([p], foreach=True, fused=True),
    lambda t, p: t.optim.Adam([p], foreach=True, lr=t.tensor(0.1)),
    lambda t, p: t.optim.RMSprop([p], alpha=-1),
    lambda t, p: t.optim.Adagrad([p], lr_decay=-1),
    lambda t, p: t.optim.Adadelta([p], rho=1.5),
    lambda t, p: t.optim.NAdam([p], momentum_decay=-1),
    lambda t, p: t.optim.Rprop([p], etas=(2, 3)),
    lambda t, p: t.optim.Adafactor([p], beta2_decay=1),
    lambda t, p: t.optim.Adafactor([p], d=0.5),
    lambda t, p: t.optim.Muon([p]),
    lambda t, p: t.optim.Adam([p]).load_state_dict({"state": {}, "param_groups": []}),
    lambda t, p: t.optim.Adam([p]).add_param_group([p]),
    lambda t, p: t.optim.lr_scheduler.StepLR(3, 1),
    lambda t, p: t.optim.lr_scheduler.LambdaLR(t.optim.SGD([p]), [abs, abs]),
    lambda t, p: t.optim.lr_scheduler.OneCycleLR(t.optim.SGD([p]), 0.1, 0),
    lambda t, p: t.optim.lr_scheduler.CyclicLR(t.optim.Rprop([p]), 0.1, 1),
]


@pytest.mark.parametrize("make", BAD)
def test_bad_input_raises_as_in_pytorch(make):
    errors = []
    for library in BOTH:
        with pytest.raises(Exception) as raised:
            make(library, parameters(library, [(3,)])[0])
        errors.append((raised.type, str(raised.value)))
    assert errors[0] == errors[1]


@pytest.mark.parametrize("i", range(len(SCHEDULES)), ids=lambda i: f"{SCHEDULES[i][0]}-{i}")
def test_schedules_of_adam_with_jumps(i):
    name, options = SCHEDULES[i]
    found = []
    for library in BOTH:
        params = parameters(library, [(2,), (3,)])
        groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.02}]
        optimizer = library.optim.Adam(groups, lr=0.1)
        scheduler = getattr(library.optim.lr_scheduler, name)(optimizer, **options)
        seen = []
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for epoch in range(EPOCHS):
                optimizer.step()
                if epoch % 7 == 5:
                    scheduler.step(epoch // 2)
                else:
                    scheduler.step()
                seen.append([(group["lr"], group["betas"]) for group in optimizer.param_groups])
        found.append((seen, [str(w.message)[:40] for w in told]))
    assert found[0] == found[1]


def test_plateaus():
    metrics = np.random.RandomState(0).uniform(size=60).cumsum()[::-1] * 0.01
    metrics[20:50] = metrics[20]
    for options in (
        dict(patience=2),
        dict(patience=0, cooldown=3, factor=0.7),
        dict(mode="max", threshold_mode="abs", threshold=0.02, patience=4, min_lr=1e-3),
    ):
        found = []
        for library in BOTH:
            optimizer = library.optim.SGD(parameters(library, [(2,)]), lr=1.0)
            scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
            seen = []
            for metric in metrics:
                scheduler.step(metric)
                seen.append(optimizer.param_groups[0]["lr"])
            found.append((seen, scheduler.state_dict()))
        assert found[0] == found[1]


def test_composed_schedules():
    found = []
    for library in BOTH:
        optimizer = library.optim.SGD(parameters(library, [(2,)]), lr=1.0)
        made = library.optim.lr_scheduler
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            inner = made.SequentialLR(
                optimizer,
                [made.ConstantLR(optimizer, 0.5, 3), made.CosineAnnealingLR(optimizer, 6)],
                milestones=[4],
            )
            scheduler = made.SequentialLR(
                optimizer, [inner, made.ExponentialLR(optimizer, 0.5)], milestones=[12]
            )
        seen = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(20):
                optimizer.step()
                scheduler.step()
                seen.append(optimizer.param_groups[0]["lr"])
        found.append((seen, scheduler.state_dict()))
    assert found[0] == found[1]


def test_warnings_are_pytorchs():
    found = []
    for library in BOTH:
        made = library.optim.lr_scheduler
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            scheduler = made.StepLR(library.optim.SGD(parameters(library, [(2,)])), 3)
            scheduler.step()
            scheduler.get_lr()
            scheduler.step(4)
        found.append([str(w.message) for w in told])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "options",
    [
        dict(line_search_fn="strong_wolfe", max_iter=30),
        dict(line_search_fn="strong_wolfe", max_iter=12, max_eval=17, history_size=2),
        dict(lr=0.1, max_iter=15),
    ],
)
def test_lbfgs(options):
    found = []
    for library in BOTH:
        x = library.nn.Parameter(library.tensor([-1.2, 1.0, 0.5], dtype=library.float64))
        optimizer = library.optim.LBFGS([x], **options)

        def closure(x=x, optimizer=optimizer):
            optimizer.zero_grad()
            loss = ((1 - x[:-1]) ** 2 + 10 * (x[1:] - x[:-1] ** 2) ** 2).sum()
            loss.backward()
            return loss

        rows = []
        for _ in range(2):
            optimizer.step(closure)
            rows.append(x.detach().numpy().copy())
        state = optimizer.state[x]
        found.append((rows, state["func_evals"], state["n_iter"]))
    (theirs, *their_counts), (ours, *our_counts) = found
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert our_counts == their_counts
