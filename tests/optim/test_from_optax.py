"""Any optax transformation is an optimizer with PyTorch's manners."""

import copy

import numpy as np
import optax
import pytest

import jaxtorch as torch
from jaxtorch import engine


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
    ],
    ids=["adam", "lion", "clipped", "twice", "scheduled", "stateless"],
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
