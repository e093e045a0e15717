"""What a step does besides the formula: which parameters, how many programs, which options."""

import warnings

import numpy as np
import pytest

import jaxtorch as torch
from jaxtorch import engine


def parameters(*shapes, dtype=np.float32):
    rng = np.random.RandomState(0)
    return [torch.nn.Parameter(torch.tensor(rng.standard_normal(s).astype(dtype))) for s in shapes]


def give_grads(params, value=0.5):
    for param in params:
        shape, dtype = tuple(param.shape), param.detach().numpy().dtype
        param.grad = torch.tensor(np.full(shape, value, dtype))


def values(params):
    return [param.detach().numpy().copy() for param in params]


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.1),
        lambda p: torch.optim.Adam(p, weight_decay=0.1, amsgrad=True),
        lambda p: torch.optim.RMSprop(p, momentum=0.9, centered=True),
        lambda p: torch.optim.Adagrad(p, lr_decay=0.1),
    ],
    ids=["SGD", "Adam", "RMSprop", "Adagrad"],
)
def test_numbers_change_without_compiling(make):
    params = parameters((3, 5), (7,))
    optimizer = make(params)
    for _ in range(engine.Policy.streak):
        give_grads(params)
        optimizer.step()
    before = engine.stats()["compiled"], engine.stats()["structures"]
    group = optimizer.param_groups[0]
    for i in range(4):
        group["lr"] = 0.1 / (i + 1)
        group["weight_decay"] = 0.2 + i if group["weight_decay"] else 0
        for key, value in (("betas", (0.5, 0.9)), ("momentum", 0.3 + i / 10), ("eps", 1e-5 * i)):
            if key in group:
                group[key] = value
        give_grads(params)
        optimizer.step()
    assert (engine.stats()["compiled"], engine.stats()["structures"]) == before


def test_a_warmup_from_zero_is_one_program():
    params = parameters((3, 6))
    optimizer = torch.optim.Adam(params)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: epoch / 5)
    counts = []
    for _ in range(4):
        give_grads(params)
        optimizer.step()
        schedule.step()
        counts.append(engine.stats()["structures"])
    assert len(set(counts)) == 1


def test_a_parameter_without_a_gradient_is_passed_over():
    params = parameters((3,), (4,))
    optimizer = torch.optim.Adam(params, lr=0.1)
    give_grads(params[:1])
    before = values(params)
    optimizer.step()
    assert params[1] not in optimizer.state
    np.testing.assert_array_equal(params[1].detach().numpy(), before[1])
    give_grads(params)
    optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in params] == [2.0, 1.0]
    # A first step of Adam is lr long whatever the gradient, also when others have gone before.
    np.testing.assert_allclose(params[1].detach().numpy(), before[1] - 0.1, rtol=1e-5)
    give_grads(params)
    optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in params] == [3.0, 2.0]


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam])
def test_other_gradients_in_every_step_are_few_programs(make):
    params = parameters((2,), (3,), (4,), (5,), (6,))
    optimizer = make(params, lr=0.1)
    rng = np.random.RandomState(0)
    for step in range(40):
        if step == 25:
            before = engine.stats()["compiled"]
        optimizer.zero_grad()
        give_grads([param for param in params if rng.uniform() < 0.5])
        optimizer.step()
    assert engine.stats()["compiled"] == before


def test_state_is_of_those_that_have_been_updated():
    params = parameters((2,), (3,))
    optimizer = torch.optim.SGD(params, lr=0.1)
    give_grads(params)
    optimizer.step()
    assert optimizer.state_dict()["state"] == {}
    optimizer.param_groups[0]["momentum"] = 0.9
    optimizer.zero_grad()
    give_grads(params[:1])
    optimizer.step()
    assert list(optimizer.state_dict()["state"]) == [0]


def test_dampening_spares_the_first_gradient_of_each_parameter():
    params = parameters((3,), (4,))
    optimizer = torch.optim.SGD(params, lr=1.0, momentum=0.9, dampening=0.5)
    give_grads(params[:1], 1.0)
    optimizer.step()
    give_grads(params, 1.0)
    optimizer.step()
    buffers = [optimizer.state[p]["momentum_buffer"].numpy() for p in params]
    np.testing.assert_allclose(buffers[0], 0.9 + 0.5)
    np.testing.assert_allclose(buffers[1], 1.0)


def test_no_gradients_no_step():
    params = parameters((3,))
    optimizer = torch.optim.Adam(params)
    before = values(params)
    optimizer.step()
    np.testing.assert_array_equal(params[0].detach().numpy(), before[0])
    assert not optimizer.state


def test_groups_have_their_own_options():
    params = parameters((3,), (4,))
    optimizer = torch.optim.SGD(
        [{"params": params[0]}, {"params": params[1:], "lr": 0.5, "momentum": 0.9}], lr=0.1
    )
    give_grads(params, 1.0)
    before = values(params)
    optimizer.step()
    for param, old, lr in zip(params, before, (0.1, 0.5), strict=True):
        np.testing.assert_allclose(param.detach().numpy(), old - lr, rtol=1e-6)
    assert params[0] not in optimizer.state or not optimizer.state[params[0]]
    more = parameters((2,))
    optimizer.add_param_group({"params": more, "lr": 1.0})
    give_grads(more, 1.0)
    old = values(more)
    optimizer.step()
    np.testing.assert_allclose(more[0].detach().numpy(), old[0] - 1.0, rtol=1e-6)


def test_a_learning_rate_can_be_a_tensor():
    params = parameters((3,))
    lr = torch.tensor(0.25)
    optimizer = torch.optim.SGD(params, lr=lr)
    give_grads(params, 1.0)
    before = values(params)
    optimizer.step()
    counts = []
    for value in (0.5, 0.125, 0.125):
        lr.fill_(value)
        optimizer.step()
        counts.append(engine.stats()["structures"])
    assert len(set(counts)) == 1
    np.testing.assert_allclose(params[0].detach().numpy(), before[0] - 1.0, rtol=1e-6)
    assert "lr: 0.125" in repr(optimizer)


@pytest.mark.parametrize("name", ["float64", "float16", "bfloat16", "complex64"])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_dtypes_are_kept(name, optimizer):
    dtype = getattr(torch, name)
    param = torch.nn.Parameter(torch.ones(3, dtype=dtype))
    beside = torch.nn.Parameter(torch.ones(2))
    options = {"momentum": 0.9} if optimizer in ("SGD", "RMSprop") else {}
    made = getattr(torch.optim, optimizer)([param, beside], lr=0.1, **options)
    for _ in range(2):
        give_grads([param, beside], 0.5)
        made.step()
    assert param.dtype is dtype and beside.dtype is torch.float32
    for key, value in made.state[param].items():
        assert value.dtype is (torch.float32 if key == "step" else dtype)
    assert np.isfinite(param.detach().to(torch.complex64).numpy()).all()
    assert (param.detach().to(torch.complex64).real < 1).all()


def test_closure_is_called_with_gradients_on():
    (param,) = parameters((3,))
    optimizer = torch.optim.SGD([param], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (param * param).sum()
        loss.backward()
        return loss

    before = values([param])[0]
    with torch.no_grad():
        loss = optimizer.step(closure)
    np.testing.assert_allclose(loss.item(), (before**2).sum(), rtol=1e-6)
    np.testing.assert_allclose(param.detach().numpy(), 0.8 * before, rtol=1e-6)


def test_zero_grad():
    params = parameters((3,), (2,))
    optimizer = torch.optim.SGD(params)
    give_grads(params[:1])
    optimizer.zero_grad(set_to_none=False)
    assert params[0].grad.tolist() == [0, 0, 0] and params[1].grad is None
    optimizer.zero_grad()
    assert params[0].grad is None


def test_hooks():
    params = parameters((3,))
    optimizer = torch.optim.SGD(params)
    seen = []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before"))
    after = optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after"))
    everywhere = torch.optim.optimizer.register_optimizer_step_pre_hook(
        lambda o, args, kwargs: seen.append("global")
    )
    optimizer.step()
    assert seen == ["global", "before", "after"]
    for handle in (before, after, everywhere):
        handle.remove()
    optimizer.step()
    assert len(seen) == 3


def test_an_optimizer_written_for_pytorch():
    class SignDescent(torch.optim.Optimizer):
        def __init__(self, params, lr=torch.optim.optimizer.required):
            super().__init__(params, dict(lr=lr))

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        state = self.state[p]
                        state["count"] = state.get("count", 0) + 1
                        p.add_(p.grad.sign(), alpha=-group["lr"])

    (param,) = parameters((3,))
    optimizer = SignDescent([param], lr=0.5)
    seen = []
    optimizer.register_step_post_hook(lambda *_: seen.append(1))
    before = values([param])[0]
    give_grads([param], 3.0)
    optimizer.step()
    np.testing.assert_allclose(param.detach().numpy(), before - 0.5, rtol=1e-6)
    assert seen == [1] and optimizer.state_dict()["state"] == {0: {"count": 1}}
    with pytest.raises(ValueError, match="required optimization parameter lr"):
        SignDescent([param])


def test_an_optimizer_around_another_need_not_call_the_base():
    class Lookahead(torch.optim.Optimizer):
        def __init__(self, inner):
            self.inner, self.param_groups = inner, inner.param_groups

        def step(self, closure=None):
            return self.inner.step(closure)

    (param,) = parameters((3,))
    before = values([param])[0]
    give_grads([param], 2.0)
    assert Lookahead(torch.optim.SGD([param], lr=0.5)).step() is None
    np.testing.assert_allclose(param.detach().numpy(), before - 1.0, rtol=1e-6)


def test_a_real_model_learns():
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 32).reshape(-1, 1)
    y = 2 * x + 1
    weight, bias = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        loss = ((x @ weight + bias - y) ** 2).mean()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-3


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda p: torch.optim.SGD([]), ValueError, "optimizer got an empty parameter list"),
        (lambda p: torch.optim.SGD(p), TypeError, "should be an iterable of Tensors or dicts"),
        (lambda p: torch.optim.SGD([{"params": {p}}]), TypeError, "Please use a list instead"),
        (lambda p: torch.optim.SGD([1.0]), TypeError, "one of the params is float"),
        (lambda p: torch.optim.SGD([p * 2]), ValueError, "can't optimize a non-leaf Tensor"),
        (lambda p: torch.optim.SGD([p], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda p: torch.optim.SGD([p], momentum=-1), ValueError, "Invalid momentum value: -1"),
        (lambda p: torch.optim.SGD([p], nesterov=True), ValueError, "Nesterov momentum requires"),
        (lambda p: torch.optim.Adam([p], betas=(1.0, 0.9)), ValueError, "at index 0: 1.0"),
        (lambda p: torch.optim.Adam([p], eps=-1), ValueError, "Invalid epsilon value: -1"),
        (lambda p: torch.optim.AdamW([p], differentiable=True), NotImplementedError, "AdamW"),
        (lambda p: torch.optim.RMSprop([p], alpha=-1), ValueError, "Invalid alpha value: -1"),
        (lambda p: torch.optim.Adagrad([p], lr_decay=-1), ValueError, "Invalid lr_decay value"),
        (lambda p: torch.optim.Rprop([p], etas=(2, 3)), ValueError, "Invalid eta values: 2, 3"),
        (lambda p: torch.optim.Muon([p]), ValueError, "only supports 2D parameters"),
        (lambda p: torch.optim.Optimizer([p], {}).step(), NotImplementedError, "step"),
        (
            lambda p: torch.optim.SGD([{"params": [p]}, {"params": p}]),
            ValueError,
            "some parameters appear in more than one parameter group",
        ),
        (
            lambda p: torch.optim.SGD([("a", p), torch.zeros(1)]),
            ValueError,
            "Some param names are missing",
        ),
    ],
)
def test_bad_input(make, error, text):
    (param,) = parameters((3,))
    with pytest.raises(error, match=text):
        make(param)


def test_a_parameter_given_twice_is_stepped_twice():
    (param,) = parameters((3,))
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = torch.optim.SGD([param, param], lr=0.5, momentum=0.9, dampening=0.5)
    before = values([param])[0]
    give_grads([param], 1.0)
    optimizer.step()
    moved = 0.5 * (1.0 + (0.9 + 0.5))
    np.testing.assert_allclose(param.detach().numpy(), before - moved, rtol=1e-6)


@pytest.mark.parametrize(
    "flags", [dict(foreach=True), dict(fused=True), dict(capturable=True, fused=True)]
)
def test_flags_of_pytorchs_implementations_change_nothing(flags):
    plain, flagged = parameters((3,)), parameters((3,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for params, options in ((plain, {}), (flagged, flags)):
            optimizer = torch.optim.Adam(params, **options)
            give_grads(params)
            optimizer.step()
    np.testing.assert_array_equal(values(plain)[0], values(flagged)[0])


@pytest.mark.parametrize(
    "name", "Adadelta Adam AdamW Adamax ASGD NAdam RAdam RMSprop Rprop".split()
)
def test_what_lies_on_the_cpu_cannot_be_captured(name):
    for options in ({}, {"foreach": True}):
        params = parameters((2,))
        optimizer = getattr(torch.optim, name)(params, capturable=True, **options)
        before = values(params)
        optimizer.step()  # nothing has a gradient
        give_grads(params)
        with pytest.raises(AssertionError, match="^If capturable=True, params.* supported devices"):
            optimizer.step()
        assert np.array_equal(values(params), before)
    if name in ("Adam", "AdamW"):
        optimizer = getattr(torch.optim, name)(params, capturable=True, fused=True)
        optimizer.step()
        assert not np.array_equal(values(params), before)
