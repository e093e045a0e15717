"""Every optimizer takes PyTorch's steps, as a class and as a plain optax transformation."""

import functools
import json
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from flax import nnx

import jaxtorch as torch
from tests.optim.cases import (
    CHECKED_STEPS,
    OPTIMIZERS,
    TOLERANCE,
    beginnings,
    case_id,
    gradients,
)

REFERENCE = Path(__file__).parents[1] / "reference"
REPRS = json.loads((REFERENCE / "optim_repr.json").read_text())
LAST_OF_EACH = list({name: (name, options) for name, options in OPTIMIZERS}.values())
every_case = pytest.mark.parametrize("case", OPTIMIZERS, ids=case_id)


@functools.cache
def stored(case_name: str) -> dict[str, np.ndarray]:
    """What real torch got."""
    with np.load(REFERENCE / "optim.npz") as file:
        prefix = f"{case_name}/"
        return {k.removeprefix(prefix): file[k] for k in file.files if k.startswith(prefix)}


def in_a_row(values) -> np.ndarray:
    return np.concatenate([np.ravel(np.asarray(value)) for value in values])


def close(found, wanted, name: str) -> None:
    tolerance = TOLERANCE.get(name, 2e-6)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@every_case
def test_a_step_is_pytorchs(case):
    name, options = case
    wanted = dict(stored(case_id(case)))
    params = [torch.nn.Parameter(torch.tensor(p)) for p in beginnings(name)]
    optimizer = getattr(torch.optim, name)(params, **options)
    rows = []
    for step, grads in enumerate(gradients(name), 1):
        for param, grad in zip(params, grads, strict=True):
            param.grad = torch.tensor(grad)
        assert optimizer.step() is None
        if step in CHECKED_STEPS:
            rows.append(in_a_row(param.detach() for param in params))
    close(np.stack(rows), wanted.pop("params"), name)
    states = [optimizer.state[param] for param in params]
    assert {key for state in states for key in state} == set(wanted)
    for key, value in wanted.items():
        close(in_a_row(state[key] for state in states if key in state), value, name)


@pytest.mark.parametrize("case", LAST_OF_EACH, ids=case_id)
def test_the_transformation_in_plain_optax(case):
    name, options = case
    wanted = stored(case_id(case))["params"]
    params = dict(enumerate(beginnings(name)))
    options = dict(options)
    for pair, names in PAIRS.items():
        if pair in options and isinstance(options[pair], tuple):
            options |= zip(names, options.pop(pair), strict=True)
    transformation = getattr(torch.optim.transforms, name.lower())(**options)
    state = transformation.init(params)
    rows = []

    # Donation finds out whether parts of a first state share an array.
    @functools.partial(jax.jit, donate_argnums=1)
    def take_step(params, state, grads):
        updates, state = transformation.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    for step, grads in enumerate(gradients(name), 1):
        params, state = take_step(params, state, dict(enumerate(grads)))
        if step in CHECKED_STEPS:
            rows.append(in_a_row(params.values()))
    close(np.stack(rows), wanted, name)


PAIRS = {
    "betas": ("b1", "b2"),
    "etas": ("eta_minus", "eta_plus"),
    "step_sizes": ("min_step_size", "max_step_size"),
    "eps": ("eps1", "eps2"),
}


@every_case
def test_repr_is_pytorchs(case):
    name, options = case
    params = [torch.nn.Parameter(torch.tensor(p)) for p in beginnings(name)]
    assert repr(getattr(torch.optim, name)(params, **options)) == REPRS[case_id(case)]


def test_numbers_of_a_transformation_can_be_traced():
    params, grads = beginnings("Adam"), next(gradients("Adam"))
    fixed = torch.optim.transforms.adamw(lr=0.01, b1=0.8)
    injected = optax.inject_hyperparams(torch.optim.transforms.adamw)(lr=0.5, b1=0.8)
    state = injected.init(params)
    state.hyperparams["lr"] = np.float32(0.01)
    found, _ = jax.jit(injected.update)(grads, state, params)
    wanted, _ = fixed.update(grads, fixed.init(params), params)
    np.testing.assert_allclose(in_a_row(found), in_a_row(wanted), rtol=1e-5)


def test_the_transformation_of_an_optimizer():
    params = [torch.nn.Parameter(torch.tensor(p)) for p in beginnings("Adam")]
    optimizer = torch.optim.Adam(
        [{"params": params[:1]}, {"params": params[1:], "lr": 0.5}], weight_decay=0.1
    )
    arrays, grads = beginnings("Adam")[1:], next(gradients("Adam"))
    transformation = optimizer.transformation(1)
    updates, _ = transformation.update(grads[1:], transformation.init(arrays), arrays)
    for param, grad in zip(params, grads, strict=True):
        param.grad = torch.tensor(grad)
    optimizer.step()
    moved = optax.apply_updates(arrays, updates)
    np.testing.assert_allclose(in_a_row(p.detach() for p in params[1:]), in_a_row(moved), rtol=1e-6)


def test_the_transformation_in_an_nnx_optimizer():
    torch.manual_seed(4)  # from some beginnings, steps of 0.1 overshoot within five
    net = torch.nn.Linear(4, 2)
    trained = nnx.Optimizer(net, torch.optim.transforms.adamw(lr=0.1), wrt=nnx.Param)
    x = np.random.RandomState(0).standard_normal((8, 4)).astype(np.float32)

    @nnx.jit
    def take_step(net, trained, x):
        loss, grads = nnx.value_and_grad(lambda n: (n(torch.Tensor(x)) ** 2).mean().jax())(net)
        trained.update(net, grads)
        return loss

    losses = [float(take_step(net, trained, jax.numpy.asarray(x))) for _ in range(5)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0] / 2
