"""Any optax transformation is an optimizer with PyTorch's manners."""

import copy

import numpy as np
import optax
import pytest

import jaxtorch as torch
from jaxtorch import engine
from jaxtorch.interop.optax import OptaxLR, transforms


def parameters():
    rng = np.random.RandomState(0)
    return [
        torch.nn.Parameter(torch.tensor(rng.standard_normal(s).astype(np.float32)))
        for s in [(3, 4), (4,)]
    ]


def run(params, optimizer, steps, seed=1):
    rng = np.random.RandomState(seed)
    for _ in range(steps):
        for param in params:
            param.grad = torch.tensor(rng.standard_normal(param.shape).astype(np.float32))
        optimizer.step()
    return [param.detach().numpy().copy() for param in params]


def by_hand(transformation, steps):
    if isinstance(transformation, optax.MultiSteps):
        transformation = transformation.gradient_transformation()
    arrays = [p.detach().numpy().copy() for p in parameters()]
    state, rng = transformation.init(arrays), np.random.RandomState(1)
    for _ in range(steps):
        grads = [rng.standard_normal(a.shape).astype(np.float32) for a in arrays]
        updates, state = transformation.update(grads, state, arrays)
        arrays = optax.apply_updates(arrays, updates)
    return arrays


@pytest.mark.parametrize(
    "transformation",
    [
        optax.adam(1e-2),
        optax.lion(1e-2),
        optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(1e-2)),
        optax.chain(optax.trace(0.9), optax.trace(0.5), optax.scale(-0.1)),
        optax.adam(optax.exponential_decay(0.1, 2, 0.5)),
        optax.sgd(0.1),
        optax.MultiSteps(optax.adam(1e-2), 2),
        optax.add_noise(0.1, 0.5, key=3),
    ],
    ids=["adam", "lion", "clipped", "twice", "scheduled", "stateless", "accumulated", "random"],
)
def test_it_steps_as_optax(transformation):
    params = parameters()
    found = run(params, torch.optim.from_optax(transformation, params), 5)
    for a, b in zip(found, by_hand(transformation, 5), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_options_are_data():
    params = parameters()
    optimizer = torch.optim.from_optax(optax.adamw, params, lr=1e-2, weight_decay=0.1)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-2)
    assert optimizer.param_groups[0]["weight_decay"] == pytest.approx(0.1)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    run(params, optimizer, engine.Policy.streak)
    compiled = engine.stats()["compiled"]
    for seed in range(3):
        run(params, optimizer, 1, seed)
        scheduler.step()
    assert engine.stats()["compiled"] == compiled
    optimizer.param_groups[0].update(lr=0.0)
    before = [p.detach().numpy().copy() for p in params]
    for a, b in zip(run(params, optimizer, 1), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_groups():
    params = parameters()
    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.0}]
    optimizer = torch.optim.from_optax(optax.sgd, groups, lr=0.1)
    before = [p.detach().numpy().copy() for p in params]
    after = run(params, optimizer, 1)
    assert (after[0] != before[0]).all() and (after[1] == before[1]).all()


def test_a_parameter_without_a_gradient_stays():
    params = parameters()
    optimizer = torch.optim.from_optax(optax.adamw(0.1), params)
    before = params[1].detach().numpy().copy()
    run(params[:1], optimizer, 2)
    np.testing.assert_array_equal(params[1].detach().numpy(), before)


def test_the_loss_of_a_closure_is_its_value():
    (param, _) = parameters()
    transformation = optax.chain(
        optax.sgd(0.1), optax.contrib.reduce_on_plateau(factor=0.5, patience=0, cooldown=0)
    )
    optimizer = torch.optim.from_optax(transformation, [param])

    def closure():
        optimizer.zero_grad()
        loss = (param * 0).sum() + 1
        loss.backward()
        return loss

    for _ in range(4):
        assert optimizer.step(closure).item() == 1
    assert optimizer.state["group0"]["scale"].item() < 1


def test_it_is_saved_and_copied():
    params = parameters()
    optimizer = torch.optim.from_optax(optax.adam, params, lr=0.1)
    run(params, optimizer, 2)
    saved = optimizer.state_dict()
    assert set(saved["state"]) == {0, 1, "group0"}
    assert set(saved["state"][0]) == {"mu", "nu"}
    twin = copy.deepcopy(optimizer)
    others = [torch.nn.Parameter(p.detach().clone()) for p in params]
    other = torch.optim.from_optax(optax.adam, others, lr=0.5)
    other.load_state_dict(saved)
    wanted = run(params, optimizer, 2, seed=3)
    for found in (
        run(others, other, 2, seed=3),
        run(twin.param_groups[0]["params"], twin, 2, seed=3),
    ):
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_names_are_the_trees():
    params = parameters()
    masked = optax.masked(optax.scale(0.0), lambda tree: {name: name == "bias" for name in tree})
    transformation = optax.chain(optax.sgd(0.1), masked)
    optimizer = torch.optim.from_optax(transformation, [("weight", params[0]), ("bias", params[1])])
    before = [p.detach().numpy().copy() for p in params]
    after = run(params, optimizer, 1)
    assert (after[0] != before[0]).all() and (after[1] == before[1]).all()


def test_options_need_a_factory():
    with pytest.raises(TypeError, match="optax.adam, not optax.adam"):
        torch.optim.from_optax(optax.adam(0.1), parameters(), lr=0.2)


def last_name(params):
    return {name: name.rpartition(".")[2] for name in params}


def weights(params):
    return {name: name.endswith("weight") for name in params}


@pytest.mark.parametrize(
    "transformation",
    [
        optax.multi_transform(
            {"weight": optax.adam(1e-2), "bias": optax.sgd(0.1, momentum=0.9)}, last_name
        ),
        optax.masked(optax.adamw(1e-2, weight_decay=0.1), weights),
        optax.partition({"weight": transforms.rmsprop(lr=1e-2), "bias": optax.set_to_zero()},
                        last_name),
        optax.MultiSteps(optax.masked(optax.sgd(0.1), weights), 3),
    ],
    ids=["by name", "masked", "frozen", "accumulated"],
)  # fmt: skip
def test_parameters_are_told_apart_by_their_names(transformation):
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.from_optax(transformation, net.named_parameters())
    if isinstance(transformation, optax.MultiSteps):
        transformation = transformation.gradient_transformation()
    tree = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    state, rng = transformation.init(tree), np.random.RandomState(0)
    for _ in range(4):
        grads = {
            name: rng.standard_normal(array.shape).astype(np.float32)
            for name, array in tree.items()
        }
        for name, param in net.named_parameters():
            param.grad = torch.tensor(grads[name])
        optimizer.step()
        updates, state = transformation.update(grads, state, tree)
        tree = optax.apply_updates(tree, updates)
    for name, param in net.named_parameters():
        np.testing.assert_allclose(param.detach().numpy(), tree[name], rtol=2e-5, atol=1e-6)


def test_an_option_may_be_a_schedule():
    """It counts the steps by itself, so that the groups have no such option to be set."""
    schedule = optax.linear_schedule(0.1, 0.0, 4)
    params = parameters()
    optimizer = torch.optim.from_optax(optax.sgd, params, lr=schedule)
    assert "lr" not in optimizer.param_groups[0]
    found = run(params, optimizer, 3)
    assert optimizer.state["group0"]["learning_rate"].item() == pytest.approx(schedule(2))
    for a, b in zip(found, by_hand(optax.sgd(schedule), 3), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_a_schedule_is_a_scheduler():
    schedule = optax.warmup_cosine_decay_schedule(0.0, 1.0, 3, 8)
    param = torch.nn.Parameter(torch.zeros(1))
    groups = [{"params": [param]}, {"params": [torch.nn.Parameter(torch.zeros(1))]}]
    optimizer = torch.optim.SGD(groups, lr=5.0)
    scheduler = OptaxLR(optimizer, [schedule, optax.constant_schedule(0.5)])
    for epoch in range(6):
        assert scheduler.get_last_lr() == pytest.approx([float(schedule(epoch)), 0.5])
        assert optimizer.param_groups[0]["lr"] == pytest.approx(float(schedule(epoch)))
        param.grad = torch.ones(1)
        optimizer.step()
        scheduler.step()
    rates = [float(schedule(epoch)) for epoch in range(6)]
    assert param.item() == pytest.approx(-sum(rates), rel=1e-5)
    other = OptaxLR(optimizer, [schedule, optax.constant_schedule(0.5)])
    other.load_state_dict(scheduler.state_dict())
    scheduler.step()
    other.step()
    assert other.get_last_lr() == scheduler.get_last_lr()
    with pytest.raises(ValueError, match="2 values, param_groups has 1"):
        OptaxLR(torch.optim.SGD([param], 0.1), [schedule, schedule])


@pytest.mark.parametrize(
    "around",
    [
        lambda tx: optax.chain(optax.clip_by_global_norm(0.5), tx),
        lambda tx: optax.MultiSteps(tx, 2).gradient_transformation(),
        lambda tx: optax.masked(tx, {"weight": True, "bias": False}),
        lambda tx: optax.multi_transform({"a": tx, "b": optax.sgd(0.1)},
                                         {"weight": "a", "bias": "b"}),
    ],
    ids=["chain", "MultiSteps", "masked", "multi_transform"],
)  # fmt: skip
def test_ours_are_plain_transformations(around):
    """Inside any of optax's wrappers, PyTorch's Adam moves a tree as optax's own does."""
    start = {"weight": np.ones((2, 3), np.float32), "bias": np.ones(3, np.float32)}
    ends = []
    for tx in (around(transforms.adam(lr=0.1)), around(optax.adam(0.1))):
        params, state, rng = start, tx.init(start), np.random.RandomState(0)
        for _ in range(4):
            grads = {
                name: rng.standard_normal(array.shape).astype(np.float32)
                for name, array in start.items()
            }
            updates, state = tx.update(grads, state, params)
            params = optax.apply_updates(params, updates)
        ends.append(params)
    for name, value in ends[1].items():
        np.testing.assert_allclose(ends[0][name], value, rtol=1e-5)


def test_a_schedule_injected_into_ours():
    tx = optax.inject_hyperparams(transforms.sgd)(lr=optax.linear_schedule(1.0, 0.0, 4))
    params, moved = np.zeros(1, np.float32), []
    state = tx.init(params)
    for _ in range(4):
        updates, state = tx.update(np.ones(1, np.float32), state, params)
        moved.append(float(updates[0]))
    np.testing.assert_allclose(moved, [-1.0, -0.75, -0.5, -0.25])
