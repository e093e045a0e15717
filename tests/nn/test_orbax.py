"""Checkpoints of orbax, which takes a module for the nnx.Module that it is."""

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import nnx

import jaxtorch as torch


def make(seed: int):
    torch.manual_seed(seed)
    conv = torch.nn.Conv2d(1, 2, 3, bias=False)  # whose gradient before a batch norm is noise
    net = torch.nn.Sequential(
        conv, torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )
    net(torch.randn(2, 1, 4, 4))  # moves the running statistics
    return net


def same(a, b, tolerance=0.0):
    assert list(a) == list(b)
    for name, tensor in a.items():
        np.testing.assert_allclose(tensor.numpy(), b[name].numpy(), rtol=tolerance, atol=tolerance)


def test_a_modules_state_goes_through_orbax(tmp_path):
    net, other = make(0), make(1)
    _, state = nnx.split(net)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "net", nnx.to_pure_dict(state))
        checkpointer.wait_until_finished()
        graph, abstract = nnx.split(other)
        pure = checkpointer.restore(tmp_path / "net", nnx.to_pure_dict(abstract))
    nnx.replace_by_pure_dict(abstract, pure)
    same(nnx.merge(graph, abstract).eval().state_dict(), net.state_dict())
    nnx.update(other, abstract)
    same(other.state_dict(), net.state_dict())


def test_a_state_dict_is_a_tree_of_arrays_for_orbax(tmp_path):
    net = make(0)
    optimizer = torch.optim.AdamW(net.parameters())
    x = torch.randn(2, 1, 4, 4)
    net(x).square().sum().backward()
    optimizer.step()
    arrays = {name: tensor.detach().jax() for name, tensor in net.state_dict().items()}
    moments = {
        str(i): {k: v.detach().jax() for k, v in state.items()}
        for i, state in optimizer.state_dict()["state"].items()
    }
    with ocp.StandardCheckpointer() as checkpointer, jax.enable_x64(True):
        checkpointer.save(tmp_path / "run", {"net": arrays, "optimizer": moments})
        checkpointer.wait_until_finished()
        found = checkpointer.restore(tmp_path / "run")
    twin = make(1)
    twin.load_state_dict({name: torch.Tensor(value) for name, value in found["net"].items()})
    same(twin.state_dict(), net.state_dict())
    second = torch.optim.AdamW(twin.parameters())
    saved = optimizer.state_dict() | {
        "state": {
            int(i): {k: torch.Tensor(v) for k, v in state.items()}
            for i, state in found["optimizer"].items()
        }
    }
    second.load_state_dict(saved)
    for model, one in ((net, optimizer), (twin, second)):
        one.zero_grad()
        model(x).square().sum().backward()
        one.step()
    same(twin.state_dict(), net.state_dict(), 1e-5)
