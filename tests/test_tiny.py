"""What jaxtorch is, on one page. Read this first; if it fails, nothing else matters."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxtorch as torch
import jaxtorch.nn as nn
import jaxtorch.nn.functional as F


def xor():
    inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return inputs, torch.tensor([0, 1, 1, 0])


def small_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))


def test_a_tensor_computes():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert (x @ x + 1).tolist() == [[8.0, 11.0], [16.0, 23.0]]
    assert repr(x.sum(dim=0)) == "tensor([4., 6.])"


def test_a_gradient_flows():
    x = torch.tensor(3.5, requires_grad=True)
    y = (x - 1) * (x - 2) * (x - 3)
    y.backward()
    assert x.grad.item() == 5.75


def test_a_write_through_a_view_reaches_the_base():
    x = torch.zeros(2, 2)
    x[0].fill_(1)
    x.t()[1, 1] = 5
    assert x.tolist() == [[1.0, 1.0], [0.0, 5.0]]


def test_an_array_once_taken_never_changes():
    x = torch.zeros(2)
    taken = x.jax()
    x.add_(1)
    assert taken.tolist() == [0.0, 0.0] and x.tolist() == [1.0, 1.0]


def test_the_loop_everyone_writes_learns():
    net, (inputs, targets) = small_net(), xor()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 < losses[0]
    assert (net(inputs).argmax(1) == targets).all()


def test_the_same_net_trains_as_a_pure_function_with_optax():
    net, (inputs, targets) = small_net(), xor()
    tx = optax.adam(0.1)

    def loss_fn(params):
        return F.cross_entropy(torch.func.functional_call(net, params, (inputs,)), targets)

    @torch.jit
    def step(params, state):
        loss, grads = torch.func.value_and_grad(loss_fn)(params)
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    params = {name: param.detach() for name, param in net.named_parameters()}
    state = tx.init(params)
    for _ in range(60):
        params, state, loss = step(params, state)
    assert loss.item() < 0.05


def test_jax_and_numpy_are_one_word_away():
    x = torch.arange(3)
    assert isinstance(x.jax(), jax.Array)
    assert isinstance(x.numpy(), np.ndarray)
    assert torch.Tensor(jnp.arange(3.0)).tolist() == [0.0, 1.0, 2.0]
