"""``jaxtorch.jit``, and our Tensors and Modules inside JAX's own transformations."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F

X = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
LEAK = jax.errors.UnexpectedTracerError


def test_a_function_of_tensors():
    run = torch.jit(lambda x, y: x @ y.t() + 1)
    assert run(X, X).tolist() == [[15.0, 33.0], [33.0, 78.0]]
    assert type(run(X, X)) is torch.Tensor


def test_it_is_traced_once_for_a_shape_whatever_the_values():
    @torch.jit
    @chex.assert_max_traces(n=1)
    def run(x, scale):
        return x * scale

    for i in range(3):
        assert run(X + float(i), float(i)).shape == (2, 3)


def test_pytrees_go_in_and_come_out():
    @torch.jit
    def run(tree, *, bias):
        return {"sum": tree["a"] + tree["b"][0] + bias, "none": None, "pair": (tree["a"], 3.0)}

    out = run({"a": X, "b": [X]}, bias=torch.tensor(1.0))
    assert out["sum"].tolist() == (2 * X + 1).tolist()
    assert out["none"] is None and out["pair"][0].tolist() == X.tolist()


def test_static_arguments():
    @torch.jit(static_argnums=1, static_argnames="mode")
    def run(x, power, mode="sum"):
        return getattr(x**power, mode)()

    assert run(X, 2).item() == 91.0
    assert run(X, 2, mode="mean").item() == pytest.approx(91 / 6)


def test_64_bit_types_are_64_bit_inside():
    out = torch.jit(lambda x, i: (x.double() / 3, i + 1, x.argmax()))(X, torch.tensor(2**40))
    assert out[0].dtype is torch.float64 and out[0][0, 0].item() == 1 / 3
    assert out[1].item() == 2**40 + 1 and out[2].dtype is torch.int64
    assert not jax.config.jax_enable_x64
    assert jnp.arange(3).dtype == np.int32


def test_autograd_works_inside():
    @torch.jit
    def run(x):
        w = x.detach().requires_grad_()
        (w * w).sum().backward()
        return w.grad

    assert run(X).tolist() == (2 * X).tolist()


def test_a_training_step_with_optax():
    net = nn.Linear(3, 1)
    tx = optax.sgd(0.01)

    def loss_fn(params, x):
        return (torch.func.functional_call(net, params, (x,)) ** 2).mean()

    @torch.jit
    def step(params, state, x):
        loss, grads = torch.func.value_and_grad(loss_fn)(params, x)
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    params = {k: p.detach() for k, p in net.named_parameters()}
    state, losses = tx.init(params), []
    for _ in range(5):
        params, state, loss = step(params, state, X)
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]


# --- modules ----------------------------------------------------------------------------------


@pytest.mark.parametrize("jit", [torch.jit, nnx.jit], ids=["jaxtorch.jit", "nnx.jit"])
def test_a_module_passed_as_an_argument_keeps_its_statistics(jit):
    norm, reference = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    out = jit(lambda norm, x: norm(x))(norm, X)
    expected = reference(X)
    np.testing.assert_allclose(out.tolist(), expected.tolist(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(norm.running_mean.tolist(), reference.running_mean.tolist())
    np.testing.assert_allclose(norm.running_var.tolist(), reference.running_var.tolist(), rtol=1e-6)
    assert norm.num_batches_tracked.item() == 1


def test_a_parameter_written_inside_is_kept():
    net = nn.Linear(3, 1)

    @torch.jit
    def zero(net):
        with torch.no_grad():
            net.weight.zero_()

    zero(net)
    assert net.weight.tolist() == [[0.0, 0.0, 0.0]] and net.weight.requires_grad


def test_a_bare_jax_jit_discards_what_a_module_writes():
    norm = nn.BatchNorm1d(3)
    jax.jit(lambda norm, x: norm(x).jax())(norm, X)
    assert norm.running_mean.tolist() == [0.0, 0.0, 0.0]


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x))


def test_tied_weights_stay_tied():
    net = Tied()

    @nnx.jit
    def double(net):
        net.first.weight.set_value(net.first.weight.get_value() * 2)

    before = net.first.weight.tolist()
    double(net)
    assert net.first.weight is net.second.weight
    assert net.first.weight.tolist() == (2 * np.array(before, np.float32)).tolist()
    grads = nnx.grad(lambda net: net(X).sum().jax())(net)
    assert len(jax.tree.leaves(grads)) == 1
    net(X).sum().backward()
    np.testing.assert_allclose(
        np.asarray(jax.tree.leaves(grads)[0]), net.first.weight.grad.numpy(), rtol=1e-5
    )


# --- randomness -------------------------------------------------------------------------------


def test_random_operations_are_fresh_on_every_call_and_follow_the_seed():
    draw = torch.jit(lambda x: (F.dropout(x, 0.5), torch.rand(4)))
    x = torch.ones(64)
    torch.manual_seed(3)
    first, second = draw(x), draw(x)
    torch.manual_seed(3)
    again = draw(x)
    assert [t.tolist() for t in first] == [t.tolist() for t in again]
    assert first[0].tolist() != second[0].tolist() and first[1].tolist() != second[1].tolist()


def test_two_draws_of_one_call_differ():
    a, b = torch.jit(lambda: (torch.rand(8), torch.rand(8)))()
    assert a.tolist() != b.tolist()


def test_a_random_operation_in_a_bare_jit_raises_and_says_what_to_use():
    for draw in (lambda x: F.dropout(torch.Tensor(x)).jax(), lambda x: torch.rand(3).jax() + x):
        with pytest.raises(RuntimeError, match="use jaxtorch.jit"):
            jax.jit(draw)(jnp.ones(3))


# --- leaks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("jit", [torch.jit, jax.jit], ids=["jaxtorch.jit", "jax.jit"])
def test_a_write_to_a_captured_tensor_raises_and_names_the_line(jit):
    captured = torch.zeros(2, 3)

    def run(x):
        x = x if isinstance(x, torch.Tensor) else torch.Tensor(x)
        captured.add_(x)
        return x

    with pytest.raises(LEAK, match=r"leak.*test_jit\.py.*captured\.add_\(x\)"):
        jit(run)(X if jit is torch.jit else X.jax())
    assert captured.tolist() == [[0.0] * 3] * 2


def test_a_write_to_a_captured_parameter_raises():
    net = nn.Linear(3, 1)
    before = net.weight.tolist()

    @torch.jit
    def run(x):
        with torch.no_grad():
            net.weight.copy_(x[:1])
        return x

    with pytest.raises(LEAK, match="leak"):
        run(X)
    assert net.weight.tolist() == before


def test_a_write_to_a_captured_buffer_raises():
    norm = nn.BatchNorm1d(3)
    with pytest.raises(LEAK, match="leak"):
        torch.jit(lambda x: norm(x))(X)
    assert norm.running_mean.tolist() == [0.0, 0.0, 0.0]


class Tally(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("total", torch.zeros(()))
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x):
        self.total = self.total + x.sum()
        return x * self.weight


def test_a_buffer_or_parameter_exchanged_in_a_captured_module_raises():
    tally = Tally()
    with pytest.raises(LEAK, match="self.total = self.total"):
        torch.jit(lambda x: tally(x))(X)

    @jax.jit
    def exchange(x):
        tally.weight = nn.Parameter(x[0])

    with pytest.raises(LEAK, match="leak"):
        exchange(X)
    assert tally.total == 0 and tally.weight.tolist() == [1.0, 1.0, 1.0]
    for run in (torch.jit(Tally.forward), nnx.jit(Tally.forward), Tally.forward):
        run(tally, X)
    assert tally.total == 3 * X.sum()

    @jax.jit
    def made_inside(x):
        tally = Tally()
        tally.total, tally.weight = x.sum(), nn.Parameter(x[0])
        return tally(x), tally.total

    assert made_inside(X)[1] == 2 * X.sum()


def test_a_traced_tensor_can_be_printed(capsys):
    torch.jit(lambda x: print(x, f"{x[0, 0]}"))(X)
    assert capsys.readouterr().out.count("float32[2,3]") == 1


def test_a_write_through_a_captured_view_raises():
    captured = torch.zeros(2, 3)
    view = captured[0]
    with pytest.raises(LEAK, match="leak"):
        torch.jit(lambda x: view.copy_(x[0]))(X)
    assert captured.tolist() == [[0.0] * 3] * 2


def test_a_backward_into_a_captured_parameter_raises():
    net = nn.Linear(3, 1)

    @torch.jit
    def run(x):
        net(x).sum().backward()
        return x

    with pytest.raises(LEAK, match="leak"):
        run(X)
    assert net.weight.grad is None


@pytest.mark.parametrize("jit", [torch.jit, jax.jit], ids=["jaxtorch.jit", "jax.jit"])
def test_what_was_made_inside_may_be_written_to(jit):
    @jit
    def run(x):
        out = torch.zeros(2, 3)
        out.add_(1)
        out[0] = x[1]
        out[1, 1:].mul_(x[0, 2])
        weight = torch.ones(3, requires_grad=True)
        (weight * x).sum().backward()
        return out, weight.grad

    out, gradient = run(X)
    assert out.tolist() == [[4.0, 5.0, 6.0], [1.0, 3.0, 3.0]]
    assert gradient.tolist() == [5.0, 7.0, 9.0]


def test_a_mask_first_made_inside_a_trace_is_used_outside():
    made = {}

    def mask(n):
        if n not in made:
            made[n] = torch.ones(n, n).tril().bool()
        return made[n]

    def run(x):
        return torch.Tensor(x).masked_fill(~mask(3), 0.0).jax()

    inside = jax.jit(run)(jnp.ones((3, 3)))
    assert inside.tolist() == run(jnp.ones((3, 3))).tolist()
    assert made[3].tolist() == [[True, False, False], [True, True, False], [True, True, True]]


# --- JAX's own transformations, with 64-bit types off -----------------------------------------


def test_jax_grad_of_a_function_of_a_tensor():
    g = jax.grad(lambda x: (torch.Tensor(x) ** 3).sum().jax())(jnp.array([1.0, 2.0]))
    assert g.tolist() == [3.0, 12.0]


def test_tensors_are_pytrees_for_jax():
    g = jax.grad(lambda t: (t * t).sum().jax())(X)
    assert type(g) is torch.Tensor and g.tolist() == (2 * X).tolist()
    doubled = jax.tree.map(lambda a: a * 2, {"x": X.detach()})
    assert type(doubled["x"]) is torch.Tensor and doubled["x"].tolist() == (2 * X).tolist()
    assert jax.jit(lambda t: t.sum())(X).item() == 21.0
    assert jax.vmap(lambda t: t.sum())(X).tolist() == [6.0, 15.0]


def test_every_op_is_tried_inside_jax():
    """The rows of tests/ops run under a bare jax.jit, jax.grad and nnx.jit: see oracle.tests."""
    from tests import oracle

    check, inside = oracle.tests(__file__, [])
    assert callable(check) and callable(inside)


def test_captured_64_bit_values_that_a_bare_jit_would_narrow_say_what_to_use():
    with pytest.raises(RuntimeError, match="use jaxtorch.jit"):
        jax.jit(lambda x: (torch.tensor([2**40]) + torch.Tensor(x).long()).jax())(jnp.ones(1))
    with pytest.raises(RuntimeError, match="use jaxtorch.jit"):
        jax.jit(lambda x: (torch.tensor([1.0, 2.0], dtype=torch.float64) * torch.Tensor(x)).jax())(
            jnp.ones(2)
        )


def test_one_function_with_and_without_modules():
    @torch.jit
    def doubled(tree):
        out = []
        for item in tree["items"]:
            if isinstance(item, nn.Module):
                item.running_mean.add_(1)
                item = item.weight
            out.append(item * 2)
        return out

    assert doubled({"items": [torch.ones(2)]})[0].tolist() == [2, 2]
    norm = nn.BatchNorm1d(2)
    assert doubled({"items": [norm]})[0].tolist() == [2, 2]
    assert norm.running_mean.tolist() == [1, 1]
    assert doubled({"items": [torch.ones(2)]})[0].tolist() == [2, 2]


def test_a_module_comes_out():
    def with_weight(weight):
        layer = nn.Linear(2, 1, bias=False)
        layer.weight = nn.Parameter(weight)
        return layer

    layer = torch.jit(with_weight)(torch.ones(1, 2))
    assert isinstance(layer, nn.Linear) and layer(torch.ones(1, 2)).tolist() == [[2.0]]


def test_a_type_error_of_the_function_is_its_own():
    seen = []

    @torch.jit
    def run(x):
        seen.append(x)
        return x + object()

    with pytest.raises(TypeError, match="unsupported operand"):
        run(torch.ones(1))
    assert len(seen) == 1
