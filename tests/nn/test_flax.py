"""flax sees a module as its own: every nnx function works on it, with torch's names as paths."""

from __future__ import annotations

import copy
import pickle

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jaxtorch as torch
from jaxtorch import nn
from jaxtorch.interop.flax import FlaxLayer, from_linen


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3, 4)
        self.bn = nn.BatchNorm1d(4)
        self.fc2 = nn.Linear(4, 2)
        self.sizes = [3, 4, 2]

    def forward(self, x):
        return self.fc2(torch.relu(self.bn(self.fc1(x))))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net()


@pytest.fixture
def mlp():
    """JAX differentiates a whole module where it has no integers: no count of batches."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


@pytest.fixture
def x():
    return jnp.asarray(np.random.RandomState(0).randn(5, 3), jnp.float32)


def loss(net, x):
    return (net(torch.Tensor(x)) ** 2).mean().jax()


def torch_loss_and_grads(net, x):
    net.zero_grad()
    value = (net(torch.Tensor(x)) ** 2).mean()
    value.backward()
    return value.item(), {name: p.grad.numpy() for name, p in net.named_parameters()}


def flat(state):
    return {".".join(path): np.asarray(v.get_value()) for path, v in nnx.to_flat_state(state)}


def test_state_has_torchs_names(net):
    params, buffers = nnx.state(net, nnx.Param), nnx.state(net, nn.Buffer)
    assert sorted(flat(params)) == sorted(name for name, _ in net.named_parameters())
    assert sorted(flat(buffers)) == sorted(name for name, _ in net.named_buffers())
    for name, value in flat(params).items():
        np.testing.assert_array_equal(value, net.get_parameter(name).detach().numpy())


def test_split_and_merge(net, x):
    graphdef, params, rest = nnx.split(net, nnx.Param, ...)
    again = nnx.merge(graphdef, params, rest)
    assert repr(again) == repr(net) and list(again.state_dict()) == list(net.state_dict())
    assert again.sizes == [3, 4, 2] and again.training
    np.testing.assert_array_equal(loss(again.eval(), x), loss(net.eval(), x))


def test_clone_and_deepcopy_agree(net, x):
    net.fc2.weight.requires_grad = False
    net.eval().fc1.register_forward_hook(lambda module, args, out: out * 2)
    for twin in (nnx.clone(net), copy.deepcopy(net)):
        assert repr(twin) == repr(net) and twin.fc1.weight is not net.fc1.weight
        assert not twin.fc2.weight.requires_grad and twin.fc1.weight.requires_grad
        assert not twin.training and twin.sizes is not net.sizes
        np.testing.assert_array_equal(loss(twin, x), loss(net, x))
        twin.fc1.weight.data.zero_()
        assert net.fc1.weight.abs().sum() > 0


def test_grad_is_backwards(net, x):
    value, grads = torch_loss_and_grads(copy.deepcopy(net), x)
    found, state = nnx.value_and_grad(loss)(net, x)
    np.testing.assert_allclose(found, value, rtol=1e-6)
    for name, grad in flat(state).items():
        np.testing.assert_allclose(grad, grads[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_jit_keeps_what_it_writes(net, x):
    plain = copy.deepcopy(net)
    step = nnx.jit(lambda net, x: net(torch.Tensor(x)).jax())
    for _ in range(2):
        expected = plain(torch.Tensor(x)).detach().numpy()
        np.testing.assert_allclose(step(net, x), expected, rtol=1e-5, atol=1e-6)
    assert net.bn.num_batches_tracked.item() == 2
    np.testing.assert_allclose(net.bn.running_mean, plain.bn.running_mean.numpy(), rtol=1e-5)
    assert str(net.bn.num_batches_tracked.dtype) == "torch.int64"


def test_a_write_to_a_captured_buffer_is_refused(net, x):
    for captured in (net, nnx.clone(net)):
        before = captured.bn.running_mean.numpy().copy()
        with pytest.raises(jax.errors.UnexpectedTracerError, match="nnx.jit"):
            jax.jit(lambda x, net=captured: net(torch.Tensor(x)).jax())(x)
        np.testing.assert_array_equal(captured.bn.running_mean.numpy(), before)


def test_jit_traces_anew_when_the_module_changes(net, x):
    traces = []

    @nnx.jit
    def run(net, x):
        traces.append(net.training)
        return net(torch.Tensor(x)).jax()

    run(net, x), run(net, x)
    assert traces == [True]
    run(net.eval(), x)
    assert traces == [True, False]
    net.sizes.append(1)
    run(net, x)
    assert len(traces) == 3
    sizes = net.sizes
    run(net, x)
    assert len(traces) == 3 and net.sizes is sizes


def test_optimizer_trains_as_torchs_does(net, x):
    plain = copy.deepcopy(net)
    torch_optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9)
    optimizer = nnx.Optimizer(net, optax.sgd(0.1, momentum=0.9), wrt=nnx.Param)

    @nnx.jit
    def step(net, optimizer, x):
        value, grads = nnx.value_and_grad(loss)(net, x)
        optimizer.update(net, grads)
        return value

    for _ in range(3):
        expected, _ = torch_loss_and_grads(plain, x)
        torch_optimizer.step()
        np.testing.assert_allclose(step(net, optimizer, x), expected, rtol=1e-5)
    for name, p in plain.named_parameters():
        np.testing.assert_allclose(
            net.get_parameter(name).detach(), p.detach().numpy(), rtol=1e-4, atol=1e-6
        )


def test_update_writes_into_the_same_handles(net):
    weight, mean = net.fc1.weight, net.bn.running_mean
    state = jax.tree.map(jnp.ones_like, nnx.state(net))
    nnx.update(net, state)
    assert net.fc1.weight is weight and net.bn.running_mean is mean
    assert (weight == 1).all() and (mean == 1).all() and weight.requires_grad


def test_a_module_is_a_pytree(mlp, net, x):
    found = jax.jit(loss)(net.eval(), x)
    np.testing.assert_allclose(found, loss(net, x), rtol=1e-6)
    _, expected = torch_loss_and_grads(mlp, x)
    for grads in (jax.grad(loss)(mlp, x), nnx.grad(loss, graph=False)(mlp, x)):
        np.testing.assert_allclose(grads[0].weight.jax(), expected["0.weight"], rtol=1e-5)
    doubled = jax.tree.map(lambda a: a * 2, mlp)
    assert isinstance(doubled, nn.Sequential) and doubled[0].weight is not mlp[0].weight
    np.testing.assert_array_equal(doubled[0].weight.detach(), mlp[0].weight.detach() * 2)


def test_tied_weights_stay_tied(x):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    _, expected = torch_loss_and_grads(net, x)
    found = flat(nnx.grad(loss)(net, x))
    assert len(found) == 3
    np.testing.assert_allclose(found["0.weight"], expected["0.weight"], rtol=1e-5)

    @nnx.jit
    def double(net):
        net[0].weight.data.mul_(2)
        return net[1].weight is net[0].weight

    before = net[1].weight.detach().numpy().copy()
    double(net)
    assert net[1].weight is net[0].weight
    np.testing.assert_array_equal(net[1].weight.detach(), before * 2)
    for twin in (nnx.clone(net), copy.deepcopy(net), nnx.merge(*nnx.split(net))):
        assert twin[1].weight is twin[0].weight


def test_a_plain_list_of_modules_is_seen_by_flax_only(x):
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(3, 3)]

        def forward(self, x):
            return self.layers[0](x)

    net = Hidden()
    assert not list(net.parameters()) and not net.state_dict()
    run = nnx.jit(loss)
    first = run(net, x)
    net.layers[0].weight.data.zero_()
    net.layers[0].bias.data.zero_()
    assert first > 0 and run(net, x) == 0


def test_plain_tensors_are_data_for_flax(x):
    net = nn.Identity()
    net.table = torch.zeros(3)
    run = nnx.jit(lambda net: net.table.jax().sum())
    assert run(net) == 0
    net.table.add_(1)
    assert run(net) == 3


def test_state_kept_over_steps_is_not_touched(net, x):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    kept = jax.tree.map(lambda a: a, nnx.state(net, nnx.Param))
    array = net.fc1.weight.jax()
    before = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    for _ in range(3):
        torch_loss_and_grads(net, x)
        optimizer.step()
    np.testing.assert_array_equal(array, before["fc1.weight"])
    for name, value in flat(kept).items():
        np.testing.assert_array_equal(value, before[name])
    assert not np.array_equal(net.fc1.weight.detach(), before["fc1.weight"])


def test_display(net, capsys):
    nnx.display(net)
    nnx.display(nnx.state(net))
    nnx.display(nn.LazyLinear(3))
    assert "fc1" in capsys.readouterr().out
    assert repr(jax.tree.map(lambda a: a.shape, {"w": torch.ones(2)})) == "{'w': Tensor((2,))}"


class InFlax(nnx.Module):
    def __init__(self):
        self.inner = nn.Linear(3, 4)
        self.outer = nnx.Linear(4, 4, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.outer(self.inner(torch.Tensor(x)).jax())


def test_tabulate(net, x):
    """One row a call, with shapes, as of flax's own layers; the numbers are left alone."""
    net.drop = nn.Dropout(0.5)  # in training mode: a key is found for it
    net.dense = nnx.Linear(2, 2, rngs=nnx.Rngs(0))
    net.register_forward_hook(lambda module, args, out: module.dense(module.drop(out)))
    options = {"console_kwargs": {"force_terminal": False, "width": 150}}

    def rows(table):
        cells = [line.split("│") for line in table.splitlines() if line.startswith("│")]
        return [tuple(c.strip() for c in row[1:5]) for row in cells if row[2].strip()]

    random = torch.get_rng_state()
    table = nnx.tabulate(net, torch.Tensor(x), **options)
    assert rows(table) == [
        ("", "Net", "float32[5,3]", "float32[5,2]"),
        ("fc1", "Linear", "float32[5,3]", "float32[5,4]"),
        ("bn", "BatchNorm1d", "float32[5,4]", "float32[5,4]"),
        ("fc2", "Linear", "float32[5,4]", "float32[5,2]"),
        ("drop", "Dropout", "float32[5,2]", "float32[5,2]"),
        ("dense", "FlaxLayer", "float32[5,2]", "float32[5,2]"),
    ]
    assert "num_batches_tracked: int64[]" in table and "weight: float32[4,3]" in table
    assert net.bn.num_batches_tracked == 0 and torch.equal(torch.get_rng_state(), random)
    assert "forward" in vars(nn.Linear) and not hasattr(nn.Linear.forward, "__wrapped__")
    assert rows(nnx.tabulate(InFlax(), x, compute_flops=True, **options)) == [
        ("", "InFlax", "float32[5,3]", "float32[5,4]"),
        ("inner", "Linear", "float32[5,3]", "float32[5,4]"),
        ("outer", "Linear", "float32[5,4]", "float32[5,4]"),
    ]


def test_a_state_is_pickled_and_copied(net, x):
    expected = loss(net.eval(), x)
    graphdef, state = pickle.loads(pickle.dumps(nnx.split(net)))
    again = nnx.merge(graphdef, copy.deepcopy(state))
    np.testing.assert_array_equal(loss(again, x), expected)
    assert again.bn.num_batches_tracked.dtype == torch.int64


def test_an_average_of_the_parameters(net, x):
    """flax makes each Variable anew, of its value and metadata."""
    net.fc1.weight.requires_grad_(False).set_metadata(out_sharding=("model", None))
    average = nnx.EMA(net, decay=0.5, only=nnx.Param)
    before = net.fc2.weight.detach().clone()
    with torch.no_grad():
        net.fc2.weight.add_(1)
        average.update(net)
    made = average.apply_to(net)
    np.testing.assert_allclose(made.fc2.weight.detach(), before.numpy() + 0.5, rtol=1e-6)
    assert made.fc2.weight.requires_grad and not made.fc1.weight.requires_grad
    assert made.fc1.weight.get_metadata()["out_sharding"] == ("model", None)
    with pytest.raises(TypeError, match="unexpected keyword argument 'out_sharding'"):
        nn.Parameter(torch.ones(1), out_sharding=("model",))


def test_a_compiled_module_is_its_module_to_flax(net, x):
    compiled = torch.compile(net)
    assert set(flat(nnx.state(compiled))) == {f"_orig_mod.{name}" for name in net.state_dict()}
    step = nnx.jit(lambda net, x: net(torch.Tensor(x)).jax())
    net.compile()
    np.testing.assert_allclose(step(compiled, x), step(nnx.clone(net), x), rtol=1e-5, atol=1e-6)
    step(net, x)
    assert net.bn.num_batches_tracked == 2 and net._compiled_call_impl is not None
    assert type(nnx.clone(compiled)) is type(compiled) and nnx.clone(compiled).training


def test_programs_of_flax_over_modules(x):
    """A module made for each of several keys, called with each, in a loop, and rematerialised."""
    many = nnx.vmap(lambda _: nn.Linear(3, 3), out_axes=0)(jnp.arange(4))
    assert many.weight.shape == (4, 3, 3)
    one = nnx.vmap(lambda net, x: net(torch.Tensor(x)).jax(), in_axes=(0, None))(many, x)
    assert one.shape == (4, 5, 3)

    def layer(x, net):
        return net(torch.Tensor(x)).jax(), None

    out, _ = nnx.scan(layer, in_axes=(nnx.Carry, 0), out_axes=(nnx.Carry, 0))(x, many)
    expected = np.asarray(x)
    for i in range(4):
        expected = expected @ many.weight[i].detach().numpy().T + many.bias[i].detach().numpy()
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)

    net = nn.Linear(3, 2)
    _, grads = torch_loss_and_grads(net, x)
    found = flat(nnx.grad(lambda net, x: nnx.remat(loss)(net, x))(net, x))
    np.testing.assert_allclose(found["weight"], grads["weight"], rtol=1e-5)


def test_popped_variables_are_gone(net):
    net.seen = nnx.Intermediate(jnp.ones(3))
    assert list(nnx.pop(net, nnx.Intermediate)) == ["seen"] and not hasattr(net, "seen")
    assert len(flat(nnx.pop(net, nn.Buffer))) == 3
    assert not list(net.buffers()) and "running_mean" not in net.bn._buffers


def test_partitions(net):
    net.fc1.weight.set_metadata(out_sharding=("model", None))
    specs = nnx.get_partition_spec(nnx.state(net))
    assert specs["fc1"]["weight"].get_value() == jax.sharding.PartitionSpec("model", None)
    assert specs["fc2"]["weight"].get_value() == jax.sharding.PartitionSpec()


def test_eval_shape_makes_no_arrays():
    abstract = nnx.eval_shape(lambda: nn.Linear(2, 3))
    assert nnx.state(abstract)["weight"].get_value().shape == (3, 2)


# -------------------------------------------------------------------------------------------------
# The other way round: flax layers inside a module


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.dense = nnx.Linear(4, 4, rngs=nnx.Rngs(0))
        self.norm = nnx.BatchNorm(4, rngs=nnx.Rngs(0))
        self.drop = nnx.Dropout(0.5, rngs=nnx.Rngs(1))
        self.out = from_linen(linen.Dense(2), jnp.ones((1, 4)))

    def forward(self, x):
        return self.out(self.drop(self.norm(self.dense(self.fc(x)))))


def test_flax_layers_are_trained_with_the_rest(x):
    torch.manual_seed(0)
    net = Mixed()
    names = [name for name, _ in net.named_parameters()]
    assert names[2:] == [
        "dense.bias", "dense.kernel", "norm.bias", "norm.scale", "out.bias", "out.kernel",
    ]  # fmt: skip
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    before = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    for _ in range(2):
        torch_loss_and_grads(net, x)
        optimizer.step()
    unchanged = [n for n, p in net.named_parameters() if np.array_equal(p.detach(), before[n])]
    assert not unchanged
    assert net.drop.rngs.count.item() == 2 and net.norm.mean.abs().sum() > 0
    net.eval()
    kept = net.norm.mean.numpy().copy()
    np.testing.assert_array_equal(net(torch.Tensor(x)).detach(), net(torch.Tensor(x)).detach())
    np.testing.assert_array_equal(net.norm.mean.numpy(), kept)


class Normed(linen.Module):
    @linen.compact
    def __call__(self, x, train: bool = True):
        x = linen.BatchNorm(use_running_average=not train, momentum=0.5)(linen.Dense(4)(x))
        return linen.Dropout(0.5, deterministic=not train)(x)


def test_a_linen_layer_keeps_its_statistics_and_draws_anew(x):
    layer = from_linen(Normed(), jnp.ones((4, 3)), rngs=nnx.Rngs(params=0, dropout=1))
    assert "Normed" in repr(layer)
    one, two = layer(torch.Tensor(x)), layer(torch.Tensor(x))
    assert not torch.equal(one, two)
    one.sum().backward()
    assert layer.get_parameter("Dense_0.kernel").grad is not None
    hidden = x @ layer.get_parameter("Dense_0.kernel").detach().jax()
    np.testing.assert_allclose(
        layer.get_buffer("BatchNorm_0.mean"), hidden.mean(0) * 0.75, rtol=1e-5, atol=1e-6
    )
    kept = layer.get_buffer("BatchNorm_0.mean").clone()
    same = [layer(torch.Tensor(x), train=False) for _ in range(2)]
    assert torch.equal(*same) and torch.equal(layer.get_buffer("BatchNorm_0.mean"), kept)


def test_a_flax_layer_answers_as_by_itself(x):
    layer = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    wrapped = FlaxLayer(layer)
    np.testing.assert_allclose(wrapped(torch.Tensor(x)).detach(), layer(x), rtol=1e-6)
    wrapped.kernel.data.mul_(2)
    np.testing.assert_array_equal(wrapped.flax_layer().kernel[...], layer.kernel[...] * 2)

    expected = nnx.grad(lambda layer: (layer(x) ** 2).mean())(layer)
    (FlaxLayer(layer)(torch.Tensor(x)) ** 2).mean().backward()
    mine = FlaxLayer(layer)
    (mine(torch.Tensor(x)) ** 2).mean().backward()
    np.testing.assert_allclose(mine.kernel.grad, expected["kernel"][...], rtol=1e-5)


def test_flax_layers_go_through_nnx_and_state_dicts(x):
    net, other = Mixed().eval(), Mixed().eval()
    other.load_state_dict(net.state_dict())
    expected = net(torch.Tensor(x)).detach().numpy()
    np.testing.assert_allclose(other(torch.Tensor(x)).detach(), expected, rtol=1e-6)
    for twin in (nnx.clone(net), copy.deepcopy(net)):
        np.testing.assert_allclose(twin(torch.Tensor(x)).detach(), expected, rtol=1e-6)
    found = nnx.jit(lambda net, x: net(torch.Tensor(x)).jax())(net, x)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert "dense.kernel" in flat(nnx.grad(loss)(net, x))
