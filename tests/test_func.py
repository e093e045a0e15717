"""Function transforms: outside of a trace, inside one, and inside each other."""

import numpy as np
import pytest

import jaxtorch as torch
import jaxtorch.nn as nn
from jaxtorch import func

X = torch.tensor([1.0, 2.0, 3.0])


def cubes(x):
    return (x**3).sum()


def both_ways(function):
    """The function as it is, and under ``jaxtorch.jit``."""
    return [function, torch.jit(function)]


@pytest.mark.parametrize("run", both_ways(lambda x: func.grad(cubes)(x)), ids=["plain", "jit"])
def test_grad(run):
    assert run(X).tolist() == [3.0, 12.0, 27.0]


@pytest.mark.parametrize(
    "run", both_ways(lambda x: func.value_and_grad(cubes)(x)), ids=["plain", "jit"]
)
def test_value_and_grad(run):
    value, gradient = run(X)
    assert value.item() == 36.0 and gradient.tolist() == [3.0, 12.0, 27.0]
    assert type(value) is torch.Tensor and not value.requires_grad


def test_grad_and_value_is_the_other_way_round():
    gradient, value = func.grad_and_value(cubes)(X)
    assert value.item() == 36.0 and gradient.tolist() == [3.0, 12.0, 27.0]


def test_argnums_and_aux():
    def f(a, b):
        return (a * b).sum(), a + b

    (first, second), aux = func.grad(f, argnums=(0, 1), has_aux=True)(X, 2 * X)
    assert first.tolist() == [2.0, 4.0, 6.0] and second.tolist() == [1.0, 2.0, 3.0]
    assert aux.tolist() == [3.0, 6.0, 9.0]
    assert func.grad(f, argnums=-1, has_aux=True)(X, X)[0].tolist() == X.tolist()
    with pytest.raises(RuntimeError, match="argnum=2"):
        func.grad(cubes, argnums=2)(X)


def test_pytrees_go_in_and_come_out():
    def f(params):
        return (params["w"] * 2).sum() + params["rest"][0] ** 2

    params = {"w": X, "rest": [torch.tensor(5.0)]}
    gradients = func.grad(f)(params)
    assert gradients["w"].tolist() == [2.0] * 3 and gradients["rest"][0].item() == 10.0


def test_the_function_may_branch_on_values():
    def f(x):
        return x * 2 if x.item() > 0 else x * 3

    assert func.grad(f)(torch.tensor(1.0)).item() == 2.0
    assert func.grad(f)(torch.tensor(-1.0)).item() == 3.0


def test_grad_of_what_is_no_scalar():
    with pytest.raises(RuntimeError, match="to return a scalar Tensor, got tensor with 1"):
        func.grad(lambda x: x * 2)(X)
    with pytest.raises(RuntimeError, match="to return a Tensor, got"):
        func.grad(lambda x: 2.0)(X)


@pytest.mark.parametrize(
    "run",
    both_ways(lambda x: func.grad(lambda x: func.grad(cubes)(x).sum())(x)),
    ids=["plain", "jit"],
)
def test_grad_of_grad(run):
    assert run(X).tolist() == [6.0, 12.0, 18.0]


def test_grad_of_grad_of_grad():
    f = func.grad(func.grad(func.grad(lambda x: x**4)))
    assert f(torch.tensor(2.0)).item() == 48.0


def test_a_transform_leaves_grad_alone():
    w = torch.ones(3, requires_grad=True)
    assert func.grad(cubes)(w).tolist() == [3.0] * 3
    assert w.grad is None


def test_a_gradient_can_be_differentiated_by_what_it_depends_on():
    x, w = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    func.grad(lambda x: w * x**3)(x).backward()
    assert (x.grad.item(), w.grad.item()) == (36.0, 12.0)


@pytest.mark.parametrize(
    "run", both_ways(lambda x, v: func.vjp(torch.sin, x)[1](v)[0]), ids=["plain", "jit"]
)
def test_vjp(run):
    np.testing.assert_allclose(run(X, 2 * X).tolist(), 2 * X.numpy() * np.cos(X.numpy()), rtol=1e-6)


def test_vjp_of_several_arguments_with_aux():
    out, back, aux = func.vjp(lambda a, b: (a * b, a), X, 2 * X, has_aux=True)
    assert out.tolist() == [2.0, 8.0, 18.0] and aux.tolist() == X.tolist()
    first, second = back(torch.ones(3))
    assert first.tolist() == [2.0, 4.0, 6.0] and second.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "run", both_ways(lambda x, v: func.jvp(torch.sin, (x,), (v,))), ids=["plain", "jit"]
)
def test_jvp(run):
    out, tangent = run(X, 2 * X)
    np.testing.assert_allclose(out.tolist(), np.sin(X.numpy()), rtol=1e-6)
    np.testing.assert_allclose(tangent.tolist(), 2 * X.numpy() * np.cos(X.numpy()), rtol=1e-6)


def test_jvp_wants_tuples():
    with pytest.raises(RuntimeError, match="Expected primals to be a tuple"):
        func.jvp(torch.sin, X, X)


@pytest.mark.parametrize("transform", [func.jacrev, func.jacfwd])
def test_jacobians(transform):
    jacobian = transform(lambda x: torch.stack([x[0] * x[1], x[2] ** 2]))
    for run in both_ways(lambda x: jacobian(x)):
        assert run(X).tolist() == [[2.0, 1.0, 0.0], [0.0, 0.0, 6.0]]


def test_hessian():
    for run in both_ways(lambda x: func.hessian(lambda x: x.prod())(x)):
        assert run(X).tolist() == [[0.0, 3.0, 2.0], [3.0, 0.0, 1.0], [2.0, 1.0, 0.0]]


def test_vmap():
    batch = torch.stack([X, 2 * X])
    assert func.vmap(lambda x: x.sum())(batch).tolist() == [6.0, 12.0]
    dots = func.vmap(torch.dot, in_dims=(0, None))
    for run in both_ways(lambda a, b: dots(a, b)):
        assert run(batch, X).tolist() == [14.0, 28.0]
    assert func.vmap(lambda x: x * 2, in_dims=1, out_dims=1)(batch).tolist() == (2 * batch).tolist()
    assert func.vmap(func.grad(cubes))(batch).tolist() == (3 * batch**2).tolist()


def test_gradients_of_each_example():
    torch.manual_seed(0)
    net, x = nn.Linear(3, 1), torch.stack([X, -X])
    params = {k: v.detach() for k, v in net.named_parameters()}

    def loss(params, x):
        return (func.functional_call(net, params, (x,)) ** 2).sum()

    each = func.vmap(func.grad(loss), in_dims=(None, 0))(params, x)
    assert each["weight"].shape == (2, 1, 3)
    for i in range(2):
        one = func.grad(loss)(params, x[i])
        np.testing.assert_allclose(each["weight"][i].tolist(), one["weight"].tolist(), rtol=1e-5)


def test_64_bit_types_in_transforms():
    x = X.double()
    assert func.grad(cubes)(x).dtype is torch.float64
    assert func.vmap(lambda x: x * 2)(x).dtype is torch.float64
    assert func.jacrev(lambda x: x * 2)(x).dtype is torch.float64
    assert func.vmap(lambda x: x.argmax())(torch.stack([x, x])).dtype is torch.int64


# --- functional_call --------------------------------------------------------------------------


def test_functional_call_uses_what_it_is_given_and_leaves_the_module_alone():
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    before = net.weight.tolist()
    given = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}
    assert func.functional_call(net, given, (X,)).tolist() == [6.0, 6.0]
    assert func.functional_call(net, {"weight": torch.zeros(2, 3)}, X).tolist() == net.bias.tolist()
    assert net.weight.tolist() == before and net.weight.requires_grad


def test_functional_call_differentiates_with_respect_to_what_it_is_given():
    net = nn.Linear(3, 1)
    weight = torch.ones(1, 3, requires_grad=True)
    func.functional_call(net, {"weight": weight}, (X,)).sum().backward()
    assert weight.grad.tolist() == [X.tolist()] and net.weight.grad is None


def test_functional_call_writes_buffers_to_the_given_ones():
    norm = nn.BatchNorm1d(3)
    given = {
        "running_mean": torch.zeros(3), "running_var": torch.ones(3),
        "num_batches_tracked": torch.tensor(0),
    }  # fmt: skip
    func.functional_call(norm, given, (torch.stack([X, 3 * X]),))
    np.testing.assert_allclose(given["running_mean"].tolist(), [0.2, 0.4, 0.6], rtol=1e-6)
    assert given["num_batches_tracked"].item() == 1
    assert norm.running_mean.tolist() == [0.0] * 3 and norm.num_batches_tracked.item() == 0


def test_functional_call_reports_names_that_do_not_fit():
    net = nn.Linear(3, 1)
    with pytest.raises(RuntimeError, match="Unexpected key.*'nonsense'"):
        func.functional_call(net, {"nonsense": X}, (X,), strict=True)
    with pytest.raises(AttributeError, match="has no attribute `nonsense`"):
        func.functional_call(net, {"nonsense.weight": X}, (X,))
    func.functional_call(net, {"nonsense": X}, (X,))
    assert not hasattr(net, "nonsense")
    with pytest.raises(RuntimeError, match="Missing key.*'bias'"):
        func.functional_call(net, {"weight": torch.ones(1, 3)}, (X,), strict=True)
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        func.functional_call(net, ({"weight": X}, {"weight": X}), (X,))


def test_functional_call_restores_the_module_after_an_error():
    net = nn.Linear(3, 1)
    before = net.weight.tolist()
    with pytest.raises(RuntimeError):
        func.functional_call(net, {"weight": torch.ones(1, 5)}, (X,))
    assert net.weight.tolist() == before


def test_functional_call_with_tied_weights():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
            self.second.weight = self.first.weight

        def forward(self, x):
            return self.second(self.first(x))

    out = func.functional_call(Tied(), {"first.weight": 2 * torch.eye(3)}, (X,))
    assert out.tolist() == (4 * X).tolist()


def test_an_ensemble_of_stacked_modules():
    torch.manual_seed(0)
    nets = [nn.Linear(3, 2) for _ in range(3)]
    params, buffers = func.stack_module_state(nets)
    assert params["weight"].shape == (3, 2, 3) and buffers == {}
    together = func.vmap(lambda p, x: func.functional_call(nets[0], p, (x,)), in_dims=(0, None))
    expected = [net(X).tolist() for net in nets]
    np.testing.assert_allclose(
        together({k: v.detach() for k, v in params.items()}, X).tolist(), expected, rtol=1e-5
    )


def test_dicts_keep_the_order_of_their_keys():
    """As PyTorch's trees do, and JAX's do not: gradients are zipped with ``parameters()``."""
    seen = []

    def loss(p, x):
        seen.append([*p, *p["rest"][0]])
        return (p["w"] * x + p["b"] * p["rest"][0]["z"] * p["rest"][0]["c"]).sum()

    def parts(p, x):
        return {"y": p["w"] * x, "a": (x, {"q": p["b"] * 1, "c": x * 1})}

    p = {"w": X, "b": 2 * X, "rest": [{"z": X, "c": X}]}
    own = ["w", "b", "rest", "z", "c"]

    def order(tree):
        if not isinstance(tree, dict):
            return [k for t in tree for k in order(t)] if isinstance(tree, list | tuple) else []
        return [*tree, *(k for t in tree.values() for k in order(t))]

    rows = torch.ones(2, 3)
    assert order(func.grad(loss)(p, X)) == own
    assert order(func.vmap(func.grad(loss), (None, 0))(p, rows)) == own
    assert seen == [own, own]
    mapped = func.vmap(parts, ({"w": None, "b": 0, "rest": None}, 0))({**p, "b": rows}, rows)
    assert order(mapped) == ["y", "a", "q", "c"]
    out, pull = func.vjp(parts, p, X)
    assert order(out) == ["y", "a", "q", "c"] and order(pull(out)) == own
    out, along = func.jvp(parts, (p, X), (p, X))
    assert order(out) == order(along) == ["y", "a", "q", "c"]
    for jacobian in (func.jacrev, func.jacfwd):
        found = jacobian(parts)(p, X)
        assert order(found["y"]) == own and list(found) == ["y", "a"]
    out, push = func.linearize(parts, p, X)
    assert order(push(p, X)) == order(out) == ["y", "a", "q", "c"]
    aux = func.grad(lambda p: (p["w"].sum(), {"q": X, "b": X}), has_aux=True)(p)[1]
    assert list(aux) == ["q", "b"]


def test_parameters_are_tensors_to_transforms():
    layer = nn.Linear(3, 2)
    p = dict(layer.named_parameters())
    along = {k: torch.ones_like(v) for k, v in p.items()}

    def out(p):
        return func.functional_call(layer, p, X).pow(2)

    y, found = func.jvp(out, (p,), (along,))
    (expected,) = func.vjp(out, p)[1](torch.ones(2))
    assert {type(g) for g in expected.values()} == {torch.Tensor}
    total = sum((g * along[k]).sum() for k, g in expected.items())
    torch.testing.assert_close(found.sum(), total)
    linear, push = func.linearize(out, p)
    torch.testing.assert_close((linear, push(along)), (y, found))
    for jacobian in (func.jacrev, func.jacfwd):
        rows = jacobian(out)(p)
        assert {type(j) for j in rows.values()} == {torch.Tensor}
        torch.testing.assert_close(rows["weight"].sum(0), expected["weight"])
