"""Once warm, a training loop compiles nothing more, whatever changes from step to step."""

import contextlib

import jax
import numpy as np
import pytest
from jax import monitoring

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F
from jaxtorch.engine import evaluate
from tests.engine.programs import Counted, data, net, sgd, values

COMPILING = "/jax/core/compile/backend_compile_duration"
_compilations = [0]


def _listen(event, duration, **_):
    _compilations[0] += event == COMPILING


monitoring.register_event_duration_secs_listener(_listen)


@contextlib.contextmanager
def no_compilation():
    """Neither the engine nor anything else hands XLA a program inside."""
    before = _compilations[0]
    with Counted() as engine_did:
        yield
    assert engine_did.compiled == 0
    assert _compilations[0] == before


def test_the_counter_counts():
    before = _compilations[0]
    jax.jit(lambda x: x * 3 + 17)(1.0)
    assert _compilations[0] > before


class Loop:
    """A model with dropout, its optimizer, and one step of training with whatever varies."""

    def __init__(self):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
        self.optimizer = sgd(self.model)
        self.x, self.y = data()

    def step(self, scale=1.0, look=False, metric=False):
        self.optimizer.zero_grad()
        out = self.model(self.x)
        loss = F.cross_entropy(out, self.y) * scale
        if look:
            loss.item()
        loss.backward()
        self.optimizer.step()
        return (out.argmax(1) == self.y).sum() if metric else loss

    def warm(self, times=6, **how):
        for _ in range(times):
            self.step(**how)
        return self


def test_a_loop_settles_on_one_program_and_one_evaluation_a_step():
    loop = Loop().warm()
    with no_compilation(), Counted() as did:
        for _ in range(5):
            loop.step()
    assert did.evaluations == 5 and did.interpreted == 0 and did.structures == 0


def test_a_change_of_learning_rate():
    loop = Loop().warm()
    schedule = torch.optim.lr_scheduler.ExponentialLR(loop.optimizer, 0.9)
    with no_compilation():
        for i in range(4):
            loop.step()
            schedule.step()
            loop.optimizer.param_groups[0]["momentum"] = 0.5 + i / 10


def test_a_python_number_that_scales_the_loss():
    loop = Loop().warm(scale=1.5)
    with no_compilation():
        for i in range(4):
            loop.step(scale=1.0 / (i + 1))


def test_the_dropout_seed():
    loop = Loop().warm()
    with no_compilation(), Counted() as did:
        for seed in range(3):
            torch.manual_seed(seed)
            loop.step()
    assert did.structures == 0


def test_dropout_draws_anew_each_step_and_follows_the_seed():
    drop, x = nn.Dropout(0.5), torch.ones(64)
    torch.manual_seed(7)
    first, second = drop(x).tolist(), drop(x).tolist()
    torch.manual_seed(7)
    assert drop(x).tolist() == first != second


def test_a_metric_left_pending():
    """The training program is the same one whether the metric was looked at, or is, or never."""
    loop = Loop().warm(metric=True)
    pending = []
    with no_compilation():
        for _ in range(4):
            pending.append(loop.step(metric=True))
    assert all(0 <= int(m) <= 4 for m in pending)


def test_a_metric_left_pending_adds_no_second_training_program():
    loop = Loop().warm(8)
    loop.warm(8, metric=True)
    with no_compilation(), Counted() as did:
        for _ in range(3):
            loop.step()
        for _ in range(3):
            loop.step(metric=True)
    assert did.evaluations <= 9


def test_item_before_backward_on_every_step():
    loop = Loop().warm(8, look=True)
    with no_compilation(), Counted() as did:
        for _ in range(4):
            loop.step(look=True)
    # One program for forward and backward at the look, one for the optimizer's step.
    assert did.evaluations == 8


def test_item_before_backward_gives_the_same_training():
    trained = []
    for look in (False, True):
        model, (x, y) = net(), data()
        optimizer = sgd(model)
        losses = []
        for _ in range(8):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            if look:
                losses.append(loss.item())
            loss.backward()
            optimizer.step()
            if not look:
                losses.append(loss.item())
        trained.append((losses, values(model)))
    np.testing.assert_allclose(trained[0][0], trained[1][0], rtol=1e-5)
    for a, b in zip(trained[0][1], trained[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_look_that_is_not_followed_by_backward_any_more():
    """Evaluation after training on looked-at losses: right numbers, and the backward not run."""
    model, (x, y) = net(), data()
    optimizer = sgd(model)
    for _ in range(4):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.item()
        loss.backward()
        optimizer.step()
    seen = {F.cross_entropy(model(x), y).item() for _ in range(4)}
    optimizer.zero_grad()
    assert len(seen) == 1 and model[0].weight.grad is None


def accumulate(loop, batches):
    loop.optimizer.zero_grad()
    for i in range(batches):
        (F.cross_entropy(loop.model(loop.x + float(i)), loop.y) / batches).backward()
    loop.optimizer.step()


def test_gradient_accumulation_over_8_batches():
    loop = Loop()
    for _ in range(4):
        accumulate(loop, 8)
    with no_compilation(), Counted() as did:
        accumulate(loop, 8)
        accumulate(loop, 8)
    assert did.structures == 0 and did.evaluations == 16


def test_the_number_of_accumulated_batches_may_change():
    loop = Loop()
    for _ in range(3):
        accumulate(loop, 8)
    with no_compilation():
        accumulate(loop, 3)
        accumulate(loop, 11)


def test_accumulated_gradients_are_the_sum():
    model, (x, y) = net(), data()
    F.cross_entropy(model(x.repeat(8, 1)), y.repeat(8), reduction="sum").backward()
    whole = [p.grad.tolist() for p in model.parameters()]
    model.zero_grad()
    for _ in range(8):
        F.cross_entropy(model(x), y, reduction="sum").backward()
    for p, expected in zip(model.parameters(), whole, strict=True):
        np.testing.assert_allclose(p.grad.tolist(), expected, rtol=1e-4, atol=1e-5)


def test_an_unequal_last_batch_is_a_program_of_its_own():
    model, (x, y) = net(), data()
    optimizer = sgd(model)
    sizes = [4, 4, 3] * 6

    def epoch(n):
        for size in sizes[:n]:
            optimizer.zero_grad()
            F.cross_entropy(model(x[:size]), y[:size]).backward()
            optimizer.step()

    epoch(18)
    with no_compilation(), Counted() as did:
        epoch(6)
    assert did.structures == 0


@pytest.mark.parametrize("look", [False, True])
def test_a_gan_whose_discriminator_steps_before_the_generators_backward(look):
    """``optD.step()`` evaluates the fake batch; the generator's backward goes through it later."""
    torch.manual_seed(0)
    generator, critic = nn.Linear(2, 3), nn.Linear(3, 1)
    opt_g = torch.optim.SGD(generator.parameters(), lr=0.1)
    opt_c = torch.optim.SGD(critic.parameters(), lr=0.1)
    noise, real = torch.tensor(np.ones((4, 2), np.float32)), data()[0]

    def step():
        fake = generator(noise)
        opt_c.zero_grad()
        loss_c = F.softplus(-critic(real)).mean() + F.softplus(critic(fake.detach())).mean()
        loss_c.backward()
        opt_c.step()
        opt_g.zero_grad()
        loss_g = F.softplus(-critic(fake)).mean()
        loss_g.backward()
        opt_g.step()
        if look:
            return loss_c.item(), loss_g.item()
        return loss_c, loss_g

    def by_hand(gw, gb, cw, cb):
        """The same step, written out."""
        x, z = real.numpy().astype(np.float64), np.ones((4, 2))
        fake = z @ gw.T + gb
        sigmoid = lambda t: 1 / (1 + np.exp(-t))  # noqa: E731
        on_real, on_fake = x @ cw.T + cb, fake @ cw.T + cb
        d_real, d_fake = -sigmoid(-on_real) / 4, sigmoid(on_fake) / 4
        cw = cw - 0.1 * (d_real.T @ x + d_fake.T @ fake)
        cb = cb - 0.1 * (d_real.sum(0) + d_fake.sum(0))
        d = -sigmoid(-(fake @ cw.T + cb)) / 4 @ cw
        return gw - 0.1 * d.T @ z, gb - 0.1 * d.sum(0), cw, cb

    state = [v.astype(np.float64) for v in values(generator) + values(critic)]
    for _ in range(6):
        step()
        state = by_hand(*state)
    for mine, expected in zip(values(generator) + values(critic), state, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-6)
    with no_compilation(), Counted() as did:
        for _ in range(3):
            step()
    assert did.structures == 0


def test_steps_that_are_looked_at_are_not_compiled_with_a_backward_through_all_of_them(monkeypatch):
    """Decoding: a loss looked at in every step, and a backward from their sum, through as many
    steps as there were this time. No two such backwards are alike."""
    w = torch.eye(4).requires_grad_()

    def decode(steps):
        h, total = torch.ones(1, 4), 0
        for _ in range(steps):
            h = torch.tanh(h @ w)
            loss = h.sum()
            total = total + loss
            loss.item()
        total.backward()
        found, w.grad = w.grad, None
        return found

    for steps in (2, 3, 2, 3):
        decode(steps)
    evaluate_nodes, at_once = evaluate._evaluate_nodes, []

    def spy(nodes, wanted, look, wired=None, compile_now=False):
        at_once.append(compile_now)
        return evaluate_nodes(nodes, wanted, look, wired, compile_now)

    monkeypatch.setattr(evaluate, "_evaluate_nodes", spy)
    grads = [decode(steps) for steps in (4, 5, 6)]
    # What reaches no further than its own step may be compiled: one of the steps of each.
    assert len(at_once) == 15 and sum(at_once) <= 3
    for steps, found in zip((4, 5, 6), grads, strict=True):
        again = torch.eye(4).requires_grad_()
        h, total = torch.ones(1, 4), 0
        for _ in range(steps):
            h = torch.tanh(h @ again)
            total = total + h.sum()
        (expected,) = torch.autograd.grad(total, again)
        torch.testing.assert_close(found, expected)


def test_a_long_loop_in_python_is_not_compiled_at_its_third_sight(monkeypatch):
    # As long as compiling it would take more seconds than twice the times that it has come back.
    monkeypatch.setattr(evaluate.Policy, "node", 0.1)

    def step(state):
        for _ in range(60):
            state = torch.tanh(state * 1.5)
        return state.sum().item()

    x = torch.linspace(-1, 1, 2000)
    with Counted() as did:
        for _ in range(5):
            step(x)
    assert did.compiled == 0 and did.interpreted == 5
    with Counted() as did:
        for _ in range(3):
            step(x)
    assert did.compiled == 1
