"""L-BFGS finds minima, with and without a line search, and can be saved on the way."""

import numpy as np
import pytest

import jaxtorch as torch


def rosenbrock(x):
    return ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum()


def closure_of(optimizer, x, function):
    calls = []

    def closure():
        optimizer.zero_grad()
        loss = function(x)
        loss.backward()
        calls.append(loss.item())
        return loss

    return closure, calls


def test_a_valley_with_line_search():
    x = torch.nn.Parameter(torch.tensor([-1.2, 1.0, 0.5]))
    optimizer = torch.optim.LBFGS([x], max_iter=80, line_search_fn="strong_wolfe")
    closure, calls = closure_of(optimizer, x, rosenbrock)
    loss = optimizer.step(closure)
    assert loss.item() == pytest.approx(calls[0])
    np.testing.assert_allclose(x.detach().numpy(), 1, atol=1e-3)
    assert len(calls) == optimizer.state[x]["func_evals"]


def test_a_bowl_in_steps_of_its_own():
    bowl = np.diag([1.0, 3.0, 10.0]).astype(np.float32)
    x = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.LBFGS([x], lr=0.5, history_size=3)
    closure, _ = closure_of(optimizer, x, lambda x: x @ torch.tensor(bowl) @ x)
    for _ in range(4):
        optimizer.step(closure)
    np.testing.assert_allclose(x.detach().numpy(), 0, atol=1e-4)


def test_it_goes_on_from_a_state_dict():
    def training():
        x = torch.nn.Parameter(torch.tensor([-1.2, 1.0]))
        return x, torch.optim.LBFGS([x], lr=0.01, max_iter=3)

    x, optimizer = training()
    closure, _ = closure_of(optimizer, x, rosenbrock)
    optimizer.step(closure)
    y, other = training()
    other.load_state_dict(optimizer.state_dict())
    with torch.no_grad():
        y.copy_(x)
    optimizer.step(closure)
    other.step(closure_of(other, y, rosenbrock)[0])
    np.testing.assert_array_equal(x.detach().numpy(), y.detach().numpy())


def test_bad_input():
    params = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    with pytest.raises(ValueError, match="doesn't support per-parameter options"):
        torch.optim.LBFGS([{"params": p} for p in params])
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        torch.optim.LBFGS(params, line_search_fn="armijo").step(lambda: None)
