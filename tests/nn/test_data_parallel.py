"""One batch over eight devices: declared, not hand-written."""

import copy
from collections import namedtuple

import jax
import pytest

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F
from jaxtorch import engine
from jaxtorch.nn.parallel import parallel_apply, replicate
from jaxtorch.nn.parallel.scatter_gather import gather, scatter, scatter_kwargs


def train(net, steps=5, size=16):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    torch.manual_seed(1)
    losses = []
    for _ in range(steps):
        x, y = torch.randn(size, 6), torch.randint(0, 3, (size,))
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def test_eight_devices_train_as_one():
    net = network()
    many = nn.DataParallel(copy.deepcopy(net), device_ids=range(8))
    assert train(many) == pytest.approx(train(net), rel=1e-4)
    assert len(many.module[0].weight.jax().devices()) == 8
    assert many.module[1].num_batches_tracked.item() == 5
    assert list(many.state_dict()) == [f"module.{name}" for name in net.state_dict()]


def test_the_batch_is_on_all_of_them():
    seen = []

    class Look(nn.Module):
        def forward(self, x, scale=1.0):
            seen.append(x.jax().sharding)
            return x * scale

    many = nn.DataParallel(nn.Sequential(Look(), nn.Linear(2, 2)), device_ids=[0, 1, 2, 3])
    many(torch.ones(8, 2))
    many(torch.ones(7, 2))  # no multiple of four: computed on each
    assert [len(s.device_set) for s in seen] == [4, 1]
    assert seen[0].shard_shape((8, 2)) == (2, 2)


def test_a_program_may_meet_its_arguments_elsewhere():
    net = network().eval()
    many = nn.DataParallel(net, device_ids=range(8))
    x = torch.randn(16, 6)
    for _ in range(engine.Policy.streak + 1):
        alone = net(x).tolist()
    for _ in range(engine.Policy.streak + 1):
        assert many(x).sum().item() == pytest.approx(torch.tensor(alone).sum().item(), rel=1e-4)
    assert torch.tensor(alone).allclose(net(x), rtol=1e-4, atol=1e-5)


def test_gradients_of_what_was_cut():
    x = torch.randn(8, 6, requires_grad=True)
    net = network().eval()
    torch.nn.parallel.data_parallel(net, x, range(8)).square().sum().backward()
    found = x.grad.clone()
    x.grad = None
    net(x).square().sum().backward()
    assert found.allclose(x.grad, rtol=1e-4, atol=1e-6)


def test_one_cpu_unless_told_otherwise():
    net = nn.Linear(2, 2)
    many = nn.DataParallel(net)
    many(torch.ones(8, 2))
    assert len(net.weight.jax().devices()) == 1 < len(jax.devices())


def test_devices_that_are_not_there():
    with pytest.raises(RuntimeError, match="JAX sees 8 cpu devices"):
        nn.DataParallel(nn.Linear(2, 2), device_ids=[0, 99])(torch.ones(2, 2))


Pair = namedtuple("Pair", "first second")


def test_scatter_and_gather():
    x, host = torch.arange(6.0), [torch.device("cpu")] * 3
    given = (x, [{"x": x, "name": 1}], Pair(x, ()))
    cut = scatter(given, host)
    assert [type(some) for some in cut] == [tuple] * 3
    assert [some[0].tolist() for some in cut] == [[0, 1], [2, 3], [4, 5]]
    assert cut[1][1][0]["x"].tolist() == [2, 3] and cut[1][1][0]["name"] == 1
    assert type(cut[2][2]) is Pair and cut[2][2].second == ()
    whole = gather([(some[0], Pair(*some[2][:1], None)) for some in cut], "cpu")
    assert whole[0].tolist() == x.tolist() and type(whole[1]) is Pair
    assert gather([{"x": t} for t in x.chunk(2)], -1)["x"].tolist() == x.tolist()
    with pytest.warns(UserWarning, match="all input tensors were scalars"):
        assert gather([torch.tensor(1.0), torch.tensor(2.0)], "cpu").tolist() == [1, 2]
    with pytest.raises(ValueError, match="same number of keys"):
        gather([{"x": x}, {}], "cpu")
    assert len(scatter(x[:2], host)) == 2
    assert scatter_kwargs((), {"k": 1}, host) == (((),) * 3, ({"k": 1},) * 3)
    assert scatter_kwargs((1,), None, host) == (((1,),) * 3, ({},) * 3)


def test_gradients_go_back_through_gather_and_scatter():
    x = torch.arange(4.0, requires_grad=True)
    pieces = scatter(x, ["cpu", "cpu"])
    (gather([pieces[0] * 2, pieces[1] * 3], "cpu") ** 2).sum().backward()
    assert x.grad.tolist() == [0, 8, 36, 54]


def test_replicas_lead_back_to_the_module():
    net = network()
    net[0].tied = net[3]
    first, second = replicate(net, ["cpu", "cpu"])
    assert list(first.parameters()) == [] and first[0].tied is first[3] is not net[3]
    assert list(first[0]._former_parameters) == ["weight", "bias"]
    assert repr(first) == repr(net) and len(list(net.parameters())) == 6
    x = torch.ones(4, 6)
    outs = parallel_apply([first, second], [x, (x * 2,)], [{}, {}])
    assert [out.shape for out in outs] == [(4, 3)] * 2
    gather(outs, "cpu").sum().backward()
    expected = copy.deepcopy(net)
    expected.zero_grad()
    (expected(x).sum() + expected(x * 2).sum()).backward()
    for name, param in net.named_parameters():
        assert param.grad.allclose(expected.get_parameter(name).grad), name
    (alone,) = replicate(net, ["cpu"], detach=True)
    assert not alone(x).requires_grad
    with pytest.raises(AssertionError, match="2 is not equal to the number of inputs 1"):
        parallel_apply([first, second], [x])
