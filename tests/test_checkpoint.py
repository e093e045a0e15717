"""torch.utils.checkpoint: the gradients of the plain call, with less memory."""

import contextlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtorch as torch
import jaxtorch.nn as nn
from jaxtorch.engine import evaluate
from jaxtorch.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential
from tests import oracle

both = pytest.mark.parametrize("reentrant", [True, False])


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 4))


def gradients(run):
    net = network()
    x = torch.randn(3, 4, requires_grad=True)
    out = run(net, x)
    out.square().sum().backward()
    return [out, x.grad, *(p.grad for p in net.parameters()), torch.rand(2)]


@both
def test_gradients_and_random_numbers_are_those_of_the_plain_call(reentrant):
    plain = gradients(lambda net, x: net(x * 2).sin())
    found = gradients(lambda net, x: checkpoint(net, x * 2, use_reentrant=reentrant).sin())
    for a, b in zip(found, plain, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_what_it_used_by_name_nested_and_in_closures():
    a = torch.ones(3, requires_grad=True)
    b = torch.full((3,), 2.0, requires_grad=True)
    c = torch.full((3,), 3.0, requires_grad=True)
    inner = c * 2  # no leaf, and from outside

    def f(given, *, scale):
        return {"product": given["a"] * scale[0] * inner * c, "same": given["a"], "count": 3}

    out = checkpoint(f, {"a": a}, scale=[b], use_reentrant=False)
    assert out["count"] == 3 and out["same"] is a
    (out["product"].sum() + out["same"].sum()).backward()
    assert a.grad.tolist() == [37] * 3
    assert b.grad.tolist() == [18] * 3
    assert c.grad.tolist() == [24] * 3


def test_an_argument_that_the_closure_has_too():
    x = torch.full((2,), 3.0, requires_grad=True)
    for y in (x, x * 1):
        x.grad = None
        checkpoint(lambda a, y=y: a * y, y, use_reentrant=False).sum().backward()
        assert x.grad.tolist() == [6, 6]


def test_second_derivatives_and_checkpoints_in_checkpoints():
    x = torch.linspace(-1, 1, 5, dtype=torch.float64).requires_grad_()

    def inner(a):
        return checkpoint(lambda b: (b * x).tanh(), a.sin(), use_reentrant=False).exp()

    found = []
    for f in (inner, lambda a: (a.sin() * x).tanh().exp()):
        y = checkpoint(f, x * 2, use_reentrant=False) if f is inner else f(x * 2)
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        (h,) = torch.autograd.grad(g.square().sum(), x)
        found.append((g.tolist(), h.tolist()))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@both
def test_it_runs_twice_and_hooks_of_leaves_once(reentrant):
    calls, hooks = [], []
    net = nn.Linear(2, 2)
    net.weight.register_hook(lambda g: hooks.append(1))

    def f(x):
        calls.append(torch.is_grad_enabled())
        return net(x)

    checkpoint(f, torch.ones(1, 2, requires_grad=True), use_reentrant=reentrant).sum().backward()
    assert calls == [not reentrant, True]
    assert hooks == [1]
    assert net.weight.grad.tolist() == [[1, 1], [1, 1]]


def test_the_second_run_has_the_firsts_autocast_and_context():
    seen, entered = [], []

    @contextlib.contextmanager
    def note(name):
        entered.append(name)
        yield

    def f(x):
        seen.append((x @ x).dtype)
        return x @ x

    x = torch.ones(2, 2, requires_grad=True)
    with torch.autocast("cpu"):
        y = checkpoint(
            f, x, use_reentrant=False, context_fn=lambda: (note("forward"), note("again"))
        )
    y.float().sum().backward()
    assert seen == [torch.bfloat16] * 2
    assert entered == ["forward", "again"]
    assert x.grad.tolist() == [[4, 4], [4, 4]]


def test_sequential():
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(5)]
    x = torch.randn(2, 4, requires_grad=True)
    grads = []
    for run in (
        lambda: checkpoint_sequential(nn.Sequential(*layers), 2, x, use_reentrant=False),
        lambda: checkpoint_sequential(layers, 3, x, use_reentrant=True),
        lambda: nn.Sequential(*layers)(x),
    ):
        x.grad = None
        run().sum().backward()
        grads.append(x.grad.numpy())
    np.testing.assert_allclose(grads[0], grads[2], rtol=1e-5)
    np.testing.assert_allclose(grads[1], grads[2], rtol=1e-5)


def inner_memory(reentrant: bool | None) -> int:
    """Bytes that a step's program needs beside its arguments and results."""
    before = set(evaluate.STRUCTURES)
    layers = [nn.Linear(16, 16, bias=False) for _ in range(4)]

    def block(x):
        for layer in layers:
            x = layer(x).tanh().exp().sin()
        return x

    x = torch.ones(4096, 16, requires_grad=True)
    with oracle.evaluated("compile"):
        y = x
        for _ in range(4):
            y = block(y) if reentrant is None else checkpoint(block, y, use_reentrant=reentrant)
        y.sum().backward()
        x.grad.sum().item()
    made = [s for key, s in evaluate.STRUCTURES.items() if key not in before]
    programs = [p for structure in made for p in structure.programs.values()]
    return max(p.compiled.memory_analysis().temp_size_in_bytes for p in programs)


def test_it_needs_less_memory():
    # XLA's CPU backend orders a program without regard to memory: there jax.checkpoint itself
    # saves no more (11.3 of 12.3 MB).
    plain = inner_memory(None)
    assert inner_memory(False) < 0.95 * plain
    assert inner_memory(True) < 0.95 * plain


def test_a_second_run_that_differs_is_refused():
    first = [True]

    def f(x):
        y = x.sin() if first[0] else x.sin().cos()
        first[0] = False
        return y

    x = torch.ones(2, requires_grad=True)
    with pytest.raises(CheckpointError, match="the recomputation differs"):
        checkpoint(f, x, use_reentrant=False).sum().backward()
    first[0] = True
    checkpoint(f, x, use_reentrant=False, determinism_check="none").sum().backward()
    assert x.grad is not None


def test_inside_jax_transforms():
    @torch.jit
    def loss_and_grad(net, x):
        def f(a):
            return net(a).tanh() * torch.rand(2, 3)

        checkpoint(f, x, use_reentrant=False).sum().backward()
        replayed = net.bias.grad
        net.weight.grad = net.bias.grad = None
        return replayed

    net = nn.Linear(3, 3)
    assert loss_and_grad(net, torch.zeros(2, 3)).shape == (3,)

    def f(w):
        w = torch.Tensor(w)
        return checkpoint(lambda a: (a @ a).sin(), w, use_reentrant=False).sum().jax()

    assert "remat" in str(jax.make_jaxpr(jax.grad(f))(jnp.eye(2)))
    plain = jax.grad(lambda w: jnp.sin(w @ w).sum())(jnp.eye(2))
    np.testing.assert_allclose(jax.grad(f)(jnp.eye(2)), plain, rtol=1e-6)


def test_refusals_and_warnings():
    x = torch.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        checkpoint(torch.sin, x)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: other"):
        checkpoint(torch.sin, x, use_reentrant=True, other=1)
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(torch.sin, x, use_reentrant=True, debug=True)
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(torch.sin, x, use_reentrant=False, determinism_check="maybe")
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        assert not checkpoint(torch.sin, x.detach(), use_reentrant=True).requires_grad
    with pytest.raises(RuntimeError, match=r"incompatible with \.grad\(\)"):
        torch.autograd.grad(checkpoint(torch.sin, x, use_reentrant=True).sum(), x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with torch.no_grad():
            assert not checkpoint(torch.sin, x, use_reentrant=False).requires_grad
    with pytest.raises(AttributeError, match="create_selective_checkpoint_contexts"):
        torch.utils.checkpoint.create_selective_checkpoint_contexts  # noqa: B018
