"""GradScaler: the scale's course, skipped steps, and that nothing is looked at in between."""

import copy
import math
import pickle

import pytest

import jaxtorch as torch
from jaxtorch import engine

MAKES = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1),
}


def scaled_step(net, optimizer, scaler, factor=1.0):
    optimizer.zero_grad()
    loss = (net(torch.ones(2, 3)) * factor).sum()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()


@pytest.mark.parametrize("name", MAKES)
def test_an_overflow_skips_the_step_and_halves_the_scale(name):
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 2)
    twin = copy.deepcopy(net)
    optimizer, plain = MAKES[name](net.parameters()), MAKES[name](twin.parameters())
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    scales = []
    for i, factor in enumerate((math.inf, 1, 1, math.nan, 1, 1)):
        scaled_step(net, optimizer, scaler, factor)
        scales.append(scaler.get_scale())
        if i not in (0, 3):
            plain.zero_grad()
            twin(torch.ones(2, 3)).sum().backward()
            plain.step()
    assert scales == [4, 4, 8, 4, 4, 8]
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        assert a.detach().numpy() == pytest.approx(b.detach().numpy(), rel=1e-6)
    for a, b in zip(optimizer.state.values(), plain.state.values(), strict=True):
        assert list(a) == list(b)
        assert float(a.get("step", 0)) == float(b.get("step", 0))


def test_a_step_is_one_evaluation():
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters())
    scaler = torch.amp.GradScaler("cpu", growth_interval=3)
    for _ in range(4):
        scaled_step(net, optimizer, scaler)
    before = engine.stats()
    for _ in range(3):
        scaled_step(net, optimizer, scaler)
    after = engine.stats()
    assert after["evaluations"] - before["evaluations"] == 3
    assert after["structures"] == before["structures"]


def test_optimizers_and_steps_of_the_users_own_are_not_called_when_skipped():
    calls = []

    class Counting(torch.optim.SGD):
        def step(self, closure=None):
            calls.append("own")
            return super().step(closure)

    for make in (Counting, torch.optim.SGD):
        net = torch.nn.Linear(3, 2)
        optimizer = make(net.parameters(), lr=0.1)
        if make is torch.optim.SGD:
            optimizer.register_step_post_hook(lambda *_: calls.append("hook"))
        scaler = torch.amp.GradScaler("cpu")
        for factor in (math.inf, 1.0):
            scaled_step(net, optimizer, scaler, factor)
    assert calls == ["own", "hook"]


def test_an_optimizer_that_scales_by_itself():
    seen = []

    class Own(torch.optim.SGD):
        _step_supports_amp_scaling = True

        def step(self, closure=None):
            seen.append((self.grad_scale.item(), self.found_inf.item()))

    net = torch.nn.Linear(3, 2)
    optimizer = Own(net.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for factor in (1.0, math.inf):
        scaled_step(net, optimizer, scaler, factor)
    assert seen == [(4.0, 0.0), (4.0, 1.0)]
    assert not hasattr(optimizer, "found_inf")


def test_unscale_and_what_may_not_be_done_twice():
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    with pytest.raises(AssertionError, match="Attempted step but _scale is None"):
        scaler.step(optimizer)
    outputs = scaler.scale([net(torch.ones(1, 3)).sum(), (torch.ones(()),)])
    assert outputs[1][0].item() == 16
    outputs[0].backward()
    scaler.unscale_(optimizer)
    assert net.bias.grad.tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="unscale_\\(\\) has already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="step\\(\\) has already been called"):
        scaler.step(optimizer)
    with pytest.raises(AssertionError, match="only be pickled at the beginning"):
        pickle.dumps(scaler)
    scaler.update(32.0)
    assert scaler.get_scale() == 32
    scaler.update(torch.tensor(2.0))
    assert scaler.get_scale() == 2
    with pytest.raises(RuntimeError, match="Closure use is not currently supported"):
        scaler.step(optimizer, closure=lambda: None)
    twin = pickle.loads(pickle.dumps(scaler))
    assert twin.state_dict() == scaler.state_dict()
    fresh = torch.amp.GradScaler("cpu")
    fresh.load_state_dict(scaler.state_dict())
    assert fresh.get_scale() == 2


def test_half_gradients_are_refused_and_a_disabled_scaler_does_nothing():
    weight = torch.nn.Parameter(torch.ones(2, dtype=torch.float16))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(weight.sum()).backward()
    with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
        scaler.step(optimizer)
    off = torch.amp.GradScaler("cpu", enabled=False)
    assert off.scale(weight) is weight
    assert off.get_scale() == 1.0 and off.state_dict() == {}
    with pytest.warns(UserWarning, match="CUDA is not available"):
        assert not torch.amp.GradScaler().is_enabled()
