"""The device "meta": shapes and dtypes are inferred, and there are no values."""

import copy

import pytest

import jaxtorch as torch
from jaxtorch import nn


def net():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4)
    )


@pytest.fixture
def meta_net():
    with torch.device("meta"):
        return net()


def test_shapes_are_inferred_without_values(meta_net):
    assert all(t.is_meta for t in (*meta_net.parameters(), *meta_net.buffers()))
    out = meta_net(torch.empty(2, 3, 8, 8, device="meta"))
    assert out.is_meta and out.shape == (2, 4) and out.requires_grad
    out.sum().backward()
    assert meta_net[0].weight.grad.shape == (8, 3, 3, 3) and meta_net[0].weight.grad.is_meta
    torch.optim.SGD(meta_net.parameters(), lr=0.1, momentum=0.9).step()
    assert meta_net[0].weight.is_meta


def test_what_would_never_fit_in_memory():
    wide = nn.Linear(2**20, 2**20, device="meta")
    assert sum(p.numel() for p in wide.parameters()) == 2**40 + 2**20
    x = torch.rand(2**10, 3, 2**16, 2**16, device="meta")
    assert torch.relu(x)[:, :, ::2].transpose(0, 1).shape == (3, 2**10, 2**15, 2**16)


def test_writes_and_views_keep_shapes():
    x = torch.empty(4, 5, device="meta")
    x[0] = 1
    x[:, 1].add_(2)
    x.normal_().copy_(torch.ones(4, 5))
    assert (x.view(2, 10) @ x.view(10, 2)).shape == (2, 2) and x.is_meta
    for _ in range(5000):  # more than may be pending at once
        x = x + 1
    assert x.shape == (4, 5)


def test_a_number_beside_it_is_still_computed():
    scale = torch.tensor(2.0) * 3
    y = torch.empty(3, device="meta") * scale
    assert y.is_meta and scale.item() == 6
    assert y.device == torch.device("meta")


def test_nothing_is_drawn_from_the_cpus_generator():
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    torch.rand(5, device="meta")
    torch.randperm(5, device="meta")
    nn.init.trunc_normal_(nn.Linear(3, 3, device="meta").weight)
    assert torch.equal(torch.rand(2), expected)


def test_looks_at_values_are_refused():
    x = torch.zeros(2, device="meta")
    for look in (x.tolist, x.cpu, x.nonzero, lambda: torch.zeros(2).copy_(x), lambda: x[x > 0]):
        with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
            look()
    for look in (x[0].item, lambda: bool(x[0]), lambda: int(x[0])):
        with pytest.raises(RuntimeError, match=r"Tensor.item\(\) cannot be called on meta"):
            look()
    with pytest.raises(TypeError, match="can't convert meta device type tensor to numpy"):
        x.numpy()
    with pytest.raises(RuntimeError, match="same device"):
        x + torch.zeros(2)


def test_modules_leave_the_device_by_loading_or_empty(meta_net):
    with pytest.raises(NotImplementedError, match="to_empty"):
        meta_net.to("cpu")
    state = net().state_dict()
    with pytest.warns(UserWarning, match="for .*: copying from a non-meta parameter.*no-op"):
        meta_net.load_state_dict(state)
    assert meta_net[0].weight.is_meta
    twin = copy.deepcopy(meta_net).to_empty(device="cpu")
    assert twin[0].weight.device.type == "cpu" and twin[1].running_mean.device.type == "cpu"
    meta_net.load_state_dict(state, assign=True)
    assert isinstance(meta_net[0].weight, nn.Parameter) and meta_net[0].weight.requires_grad
    assert torch.equal(meta_net[4].bias, state["4.bias"])


def test_prints():
    x = torch.empty(2, 3, device="meta")
    assert repr(x) == "tensor(..., device='meta', size=(2, 3))"
    assert repr(x.long()) == "tensor(..., device='meta', size=(2, 3), dtype=torch.int64)"
    x.requires_grad_()
    assert repr(x * 2) == "tensor(..., device='meta', size=(2, 3), grad_fn=<MulBackward0>)"
    assert repr(nn.Parameter(x)).endswith("size=(2, 3), requires_grad=True)")


def test_who_asks_for_the_default_device():
    cpu = torch.ones(2)
    with torch.device("meta"):
        made = [
            torch.tensor([1.0]), torch.tensor(cpu.tolist()), torch.as_tensor(cpu),
            torch.asarray([1]), torch.scalar_tensor(2.0), torch.tril_indices(2, 2),
            torch.arange(3), torch.eye(2), torch.full((2,), 1.0), torch.randint(3, (2,)),
        ]  # fmt: skip
        kept = [
            torch.Tensor([1.0]), torch.FloatTensor([1.0]), torch.zeros_like(cpu),
            cpu.new_zeros(2), torch.from_numpy(cpu.numpy()), torch.normal(0.0, 1.0, (2,)),
        ]  # fmt: skip
    assert all(t.is_meta for t in made)
    assert not any(t.is_meta for t in kept)
