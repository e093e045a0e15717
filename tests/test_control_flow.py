"""torch.cond and torch.while_loop, run by Python and inside a compiled function."""

import jax
import pytest

import jaxtorch as torch


def double(x, y):
    return {"z": x * y * 2}


def less(x, y):
    return {"z": x - y}


def choose(pred, x, y):
    return torch.cond(pred, double, less, (x, y))["z"]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("pred", [True, False])
def test_cond_takes_one_branch_and_its_gradient(pred, compiled):
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, -1.0])

    def value(x):
        return choose(x.sum() > 2.5 if pred else x.sum() < 2.5, x, y).sum()

    gradient = torch.func.grad(value)
    found = (torch.jit(gradient) if compiled else gradient)(x)
    assert found.tolist() == ([6.0, -2.0] if pred else [1.0, 1.0])


def test_cond_runs_only_what_it_takes():
    ran = []
    torch.cond(torch.tensor([1]), lambda: ran.append("yes"), lambda: ran.append("no"))
    torch.cond(0, lambda: ran.append("yes"), lambda: ran.append("no"))
    assert ran == ["yes", "no"]


def test_cond_in_autograd():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    choose(x.sum() > 0, x, x).sum().backward()
    assert x.grad.tolist() == [4.0, 8.0]


def test_cond_refuses():
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match="single-element tensor"):
        choose(x > 0, x, x)
    with pytest.raises(RuntimeError, match="both branches to be callable"):
        torch.cond(torch.tensor(True), 3, less, (x, x))
    for wrong in (x, (x, "a")):
        with pytest.raises(RuntimeError, match="only consists of tensor leaves"):
            torch.cond(torch.tensor(True), double, less, wrong)


def collatz(n, steps):
    return torch.while_loop(
        lambda n, steps: n != 1,
        lambda n, steps: (torch.where(n % 2 == 0, n // 2, 3 * n + 1), steps + 1),
        (n, steps),
    )


@pytest.mark.parametrize("transform", [lambda f: f, torch.jit, jax.jit])
def test_while_loop_counts_its_rounds(transform):
    counters = torch.tensor([27, 0], dtype=torch.int32)  # bare jax.jit has no 64-bit types
    n, steps = transform(collatz)(*counters)
    assert (n.item(), steps.item()) == (1, 111)


def test_while_loop_of_numbers_and_of_none():
    assert torch.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, 1)) == (3, 8)
    assert torch.while_loop(lambda i: i < 0, lambda i: (i + 1,), [5]) == (5,)


def test_while_loop_refuses():
    with pytest.raises(RuntimeError, match="as many values as it takes, 1, got 2"):
        torch.while_loop(lambda i: i < 3, lambda i: (i, i), (0,))
    with pytest.raises(RuntimeError, match="carried_inputs to be a tuple"):
        torch.while_loop(lambda i: i < 3, lambda i: (i,), 0)
    with pytest.raises(RuntimeError, match="should return a boolean scalar"):
        torch.while_loop(lambda x: x > 0, lambda x: (x,), (torch.ones(2),))
    with pytest.raises(RuntimeError, match="callable"):
        torch.while_loop(3, lambda x: (x,), (0,))
