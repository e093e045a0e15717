"""Autograd goes on through ``torch.func``'s transforms: to what they are given, and to what the
function takes from elsewhere."""

import pytest

import jaxtorch as torch
from jaxtorch import nn
from jaxtorch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))


X = torch.tensor([[0.3, -1.2], [0.8, 0.1], [-0.5, 0.7]])


def gradients(net, result):
    net.zero_grad()
    result.pow(2).sum().backward()
    return [0.0 if p.grad is None else p.grad.clone() for p in net.parameters()]


def total(net):
    return lambda x: net(x).sum()


@pytest.mark.parametrize(
    "transformed, plain",
    [
        (lambda net: vmap(net)(X), lambda net: net(X)),
        (lambda net: vmap(net, chunk_size=2)(X), lambda net: net(X)),
        (
            lambda net: vmap(lambda x: functional_call(net, dict(net.named_parameters()), (x,)))(X),
            lambda net: net(X),
        ),
        (lambda net: vmap(grad(total(net)))(X), lambda net: slopes(net)),
        (lambda net: vmap(jacrev(net))(X), lambda net: slopes(net)),
        (lambda net: vmap(jacfwd(net))(X), lambda net: slopes(net)),
        (lambda net: vjp(net, X)[1](torch.ones(3, 1))[0], lambda net: slopes(net)),
        (
            lambda net: jvp(net, (X,), (torch.ones(3, 2),))[1],
            lambda net: slopes(net).sum(1),
        ),
        (
            lambda net: torch.stack([hessian(total(net))(x) for x in X]),
            lambda net: vmap(hessian(total(net)))(X),
        ),
    ],
)
def test_parameters_get_their_gradients(net, transformed, plain):
    for mine, other in zip(
        gradients(net, transformed(net)), gradients(net, plain(net)), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def slopes(net):
    x = X.clone().requires_grad_()
    return torch.autograd.grad(net(x).sum(), x, create_graph=True)[0]


def test_gradients_of_gradients(net):
    x = X.clone().requires_grad_()
    batched = vmap(lambda p: net(p).pow(2).sum())(x).sum()
    (first,) = torch.autograd.grad(batched, x, create_graph=True)
    mine = gradients(net, first), x.grad
    x.grad = None
    (first,) = torch.autograd.grad(net(x).pow(2).sum(), x, create_graph=True)
    other = gradients(net, first), x.grad
    torch.testing.assert_close(mine, other)


def test_what_is_computed_inside_from_what_is_outside(net):
    v = torch.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
    vmap(lambda p: (v / v.norm(dim=1, keepdim=True)) @ p)(X).pow(3).sum().backward()
    mine, v.grad = v.grad, None
    (X @ (v / v.norm(dim=1, keepdim=True)).t()).pow(3).sum().backward()
    torch.testing.assert_close(mine, v.grad)


def test_what_is_returned_as_it_was_taken():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    doubled, same = vmap(lambda p: (p * w, w), out_dims=(0, None))(torch.ones(3, 1))
    (doubled.sum() + (same * same).sum()).backward()
    assert w.grad.tolist() == [5.0, 7.0]


def test_indices_into_what_is_outside():
    table = torch.arange(6.0).view(3, 2).requires_grad_()
    vmap(lambda i: table[i].sum())(torch.tensor([0, 2, 2])).sum().backward()
    assert table.grad.tolist() == [[1, 1], [0, 0], [2, 2]]


def test_draws_are_the_same_as_where_nothing_requires_grad():
    w = torch.ones(2)

    def draw(p):
        return p * w + torch.rand(2)

    torch.manual_seed(0)
    plain = vmap(draw, randomness="different")(X)
    torch.manual_seed(0)
    w.requires_grad_()
    assert vmap(draw, randomness="different")(X).tolist() == plain.tolist()


def test_autograd_that_is_off_stays_off(net):
    with torch.no_grad():
        assert not vmap(net)(X).requires_grad and not jacrev(net)(X[0]).requires_grad
    assert vmap(net)(X).requires_grad and vjp(net, X)[0].requires_grad
    assert not vmap(lambda x: x * 2)(X).requires_grad
