"""Autograd as a program uses it: graphs, hooks, modes, and the search for NaN."""

import gc
import weakref

import numpy as np
import pytest

import jaxtorch as torch
import jaxtorch.nn as nn
from jaxtorch import autograd


def leaf(*values):
    return torch.tensor(values if len(values) != 1 else values[0], requires_grad=True)


# --- graphs -----------------------------------------------------------------------------------


def test_leaves_and_what_is_computed_from_them():
    w, x = leaf(1.0, 2.0), torch.ones(2)
    y = w * x
    assert w.is_leaf and x.is_leaf and not y.is_leaf
    assert w.grad_fn is None and x.grad_fn is None
    assert y.grad_fn.name() == "MulBackward0"
    assert not (x * 2).requires_grad and (x * 2).is_leaf


def test_next_functions_lead_to_the_leaves():
    w, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    z = (w * 2 + b).sum()
    assert z.grad_fn.name() == "SumBackward0"
    ((add, _),) = z.grad_fn.next_functions
    assert add.name() == "AddBackward0"
    (mul, _), (accumulate, _) = add.next_functions
    assert mul.name() == "MulBackward0"
    assert accumulate.name() == "torch::autograd::AccumulateGrad" and accumulate.variable is b
    assert repr(mul).startswith("<MulBackward0 object at 0x")
    (variable, _), nothing = mul.next_functions  # the number 2 is a tensor without a gradient
    assert variable.variable is w and nothing == (None, 0)
    assert len((w**2).grad_fn.next_functions) == len((1 - w).grad_fn.next_functions) == 1


def test_gradients_accumulate_until_they_are_zeroed():
    w = leaf(3.0)
    for expected in (6.0, 12.0, 18.0):
        (w * w).backward()
        assert w.grad.item() == expected
    w.grad.zero_()
    (w * w).backward()
    assert w.grad.item() == 6.0
    w.grad = None
    (w * w).backward()
    assert w.grad.item() == 6.0


def test_who_holds_the_gradient_sees_it_grow():
    w = leaf(3.0)
    (w * w).backward()
    held = w.grad
    (w * w).backward()
    assert held is w.grad and held.item() == 12.0


def test_a_second_backward_needs_retain_graph():
    w = leaf(3.0)
    y = w * w
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()
    z = w * w
    z.backward(retain_graph=True)
    z.backward()
    assert w.grad.item() == 18.0


def test_only_what_was_walked_is_freed():
    """A gradient for a value half-way leaves what lies before it, and asks nothing of it."""
    x = leaf(1.0, 2.0)
    h = x * x
    y, z = (h * h).sum(), (h * 3 * h * 0.5).sum()
    assert torch.autograd.grad(y, h)[0].tolist() == [2.0, 8.0]
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        torch.autograd.grad(y, x)
    assert torch.autograd.grad(h[0], x)[0].tolist() == [2.0, 0.0]
    assert torch.autograd.grad(z, h)[0].tolist() == [3.0, 12.0]  # past which x * x is freed
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        h.sum().backward()
    h = (x * x).exp()
    (h * h).sum().backward(inputs=[h])  # goes through exp as well
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        h.sum().backward()


def test_a_graph_that_saved_nothing_may_be_walked_again():
    w = leaf(1.0, 2.0)
    y = (w + 1).sum()
    y.backward()
    y.backward()
    assert w.grad.tolist() == [2.0, 2.0]


def test_backward_of_what_carries_no_gradient():
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        torch.ones(()).backward()
    with pytest.raises(
        RuntimeError, match="grad can be implicitly created only for scalar outputs"
    ):
        (leaf(1.0, 2.0) * 2).backward()
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (leaf(1.0, 2.0) * 2).backward(torch.ones(3))


def test_backward_with_a_gradient_given():
    w = leaf(1.0, 2.0)
    (w * w).backward(torch.tensor([10.0, 1.0]))
    assert w.grad.tolist() == [20.0, 4.0]


def test_backward_of_several_at_once():
    w = leaf(1.0, 2.0)
    a, b = w * 2, w.sum() * 3
    autograd.backward([a, b], [torch.ones(2), None])
    assert w.grad.tolist() == [5.0, 5.0]


def test_backward_into_chosen_inputs():
    a, b = leaf(2.0), leaf(5.0)
    (a * b).backward(inputs=[a])
    assert a.grad.item() == 5.0 and b.grad is None


def test_several_outputs_of_one_op():
    x = leaf([3.0, 1.0, 2.0])
    values, indices = x.sort()
    assert not indices.requires_grad and indices.dtype is torch.int64
    (values * torch.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [100.0, 1.0, 10.0]
    y = leaf([[3.0, 1.0], [2.0, 4.0]])
    top, _ = y.max(dim=1)
    first, second = y.unbind(0)
    (top.sum() + first.sum()).backward()
    assert y.grad.tolist() == [[2.0, 1.0], [0.0, 1.0]]
    assert second.requires_grad


def test_integer_inputs_carry_no_gradient():
    x, i = leaf([1.0, 2.0, 3.0]), torch.tensor([2, 0, 2])
    x[i].sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 2.0]
    with pytest.raises(RuntimeError, match="only Tensors of floating point"):
        i.requires_grad_()
    assert not i.float().requires_grad


def test_requires_grad_is_switched_on_leaves_only():
    x = torch.ones(2)
    assert x.requires_grad_() is x and x.requires_grad
    y = x * 2
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf"):
        y.requires_grad_(False)
    x.requires_grad = False
    assert not (x * 2).requires_grad
    assert y.requires_grad
    y.sum().backward()


def test_retain_grad():
    w = leaf(1.0, 2.0)
    h = w * 3
    h.retain_grad()
    assert h.retains_grad and not w.retains_grad
    (h * h).sum().backward()
    assert h.grad.tolist() == [6.0, 12.0] and w.grad.tolist() == [18.0, 36.0]


def test_a_gradient_must_fit():
    w = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="attempting to assign a gradient of size"):
        w.grad = torch.ones(3)
    with pytest.raises(RuntimeError, match="gradient with dtype 'double' to a tensor with grad_d"):
        w.grad = torch.ones(2, dtype=torch.float64)
    with pytest.raises(TypeError, match="assigned grad expected to be a Tensor or None"):
        w.grad = 1.0
    w.grad = torch.ones(2)
    (w * 2).sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_backward_frees_what_it_saved():
    w = leaf(1.0, 2.0)
    h = w.exp()
    saved = weakref.ref(h._node)
    loss = (h * h).sum()
    loss.backward()
    w.grad.tolist()
    del h
    gc.collect()
    assert saved() is None and loss.requires_grad


# --- hooks ------------------------------------------------------------------------------------


def test_a_hook_sees_the_gradient_and_may_replace_it():
    w = leaf(1.0, 2.0)
    h = w * 3
    seen = []
    handle = h.register_hook(lambda g: seen.append(g.tolist()))
    h.register_hook(lambda g: g * 10)
    (h * h).sum().backward()
    assert seen == [[6.0, 12.0]] and w.grad.tolist() == [180.0, 360.0]
    handle.remove()
    (w * 1).sum().backward()
    assert len(seen) == 1


def test_a_hook_on_a_leaf_runs_once_with_the_sum():
    w = leaf(2.0)
    seen = []
    w.register_hook(lambda g: seen.append(g.item()))
    (w * w + w * 3).backward()
    assert sum(seen) == 7.0


def test_a_hook_after_accumulation_gets_the_leaf():
    w = leaf(2.0)
    seen = []

    def hook(p):
        seen.append((p is w, p.grad.item()))
        p.grad = None

    w.register_post_accumulate_grad_hook(hook)
    (w * w).backward()
    (w * w).backward()
    assert seen == [(True, 4.0)] * 2 and w.grad is None
    with pytest.raises(RuntimeError, match="cannot be registered on non-leaf"):
        (w * 2).register_post_accumulate_grad_hook(hook)


def test_a_hook_gets_one_gradient_of_a_batch_at_a_time():
    x, seen = torch.arange(6.0, dtype=torch.float64).reshape(2, 3).requires_grad_(), []

    def halve_large(grad):
        rows, columns = grad.shape
        seen.append((rows, columns))
        return grad / 2 if grad.sum() > 6 else grad

    y = x * x
    y.register_hook(halve_large)
    basis = torch.eye(2, dtype=torch.float64) * torch.tensor([1.0, 4.0], dtype=torch.float64)
    (grads,) = autograd.grad(y.sum(1), x, basis, is_grads_batched=True)
    assert seen == [(2, 3)] * 2
    assert grads.tolist() == [[[0, 2, 4], [0, 0, 0]], [[0, 0, 0], [12, 16, 20]]]
    assert autograd.gradcheck(lambda x: _hooked(x).sum(0), (x,))


def _hooked(x):
    y = x * x
    y.register_hook(lambda grad: grad.reshape(2, 3))
    return y


def test_hooks_need_a_gradient():
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        torch.ones(2).register_hook(lambda g: g)


def test_an_optimizer_in_the_backward_pass():
    """Steps taken by post-accumulate hooks, so that gradients need not live together."""
    w = leaf(1.0, 2.0)
    optimizer = torch.optim.SGD([w], lr=0.5)

    def step(_):
        optimizer.step()
        optimizer.zero_grad()

    w.register_post_accumulate_grad_hook(step)
    for _ in range(2):
        (w * w).sum().backward()
    assert w.tolist() == [0.0, 0.0] and w.grad is None


# --- grad and higher derivatives --------------------------------------------------------------


def test_grad_leaves_grad_alone():
    x, y = leaf(2.0), leaf(3.0)
    assert [g.item() for g in autograd.grad(x * x * y, [x, y])] == [12.0, 4.0]
    assert x.grad is None and y.grad is None


def test_grad_of_what_was_not_used():
    x, y = leaf(2.0), leaf(3.0)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        autograd.grad(x * x, [x, y])
    g, unused = autograd.grad(x * x, [x, y], allow_unused=True)
    assert g.item() == 4.0 and unused is None
    g, zero = autograd.grad(x * x, [x, y], materialize_grads=True)
    assert zero.item() == 0.0


def test_grad_with_respect_to_what_was_computed():
    x = leaf(2.0)
    h = x * x
    (g,) = autograd.grad(h * h, h)
    assert g.item() == 8.0


def test_second_and_third_derivatives():
    x = leaf(2.0)
    y = x**4
    (first,) = autograd.grad(y, x, create_graph=True)
    (second,) = autograd.grad(first, x, create_graph=True)
    (third,) = autograd.grad(second, x)
    assert [first.item(), second.item(), third.item()] == [32.0, 48.0, 48.0]
    assert first.requires_grad and not third.requires_grad


def test_a_gradient_penalty_is_trained_on():
    w, x = leaf(1.0, -2.0), leaf(0.5, 1.5)
    out = (w * x * x).sum()
    (g,) = autograd.grad(out, x, create_graph=True)
    (g * g).sum().backward()
    # g = 2wx, so the penalty is 4w²x² and its gradient in w is 8wx².
    assert w.grad.tolist() == [2.0, -36.0]


def test_backward_with_create_graph_can_be_differentiated():
    x = leaf(3.0)
    (x * x * x).backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.backward()
    assert x.grad.item() == 18.0


# --- modes ------------------------------------------------------------------------------------


def test_grad_modes_as_contexts():
    w = leaf(2.0)
    with torch.no_grad():
        assert not torch.is_grad_enabled() and not (w * 2).requires_grad
        with torch.enable_grad():
            assert (w * 2).requires_grad
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    with torch.inference_mode():
        assert torch.is_inference_mode_enabled() and not (w * 2).requires_grad
    with torch.set_grad_enabled(False):
        assert not (w * 2).requires_grad
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    assert (w * 2).requires_grad


def test_an_error_inside_a_mode_ends_it():
    with pytest.raises(ZeroDivisionError), torch.no_grad():
        1 / 0  # noqa: B018
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.no_grad(),
        lambda: torch.no_grad,
        lambda: torch.inference_mode(),
        lambda: torch.set_grad_enabled(False),
    ],
    ids=["no_grad()", "no_grad", "inference_mode()", "set_grad_enabled(False)"],
)
def test_grad_modes_as_decorators(make):
    @make()
    def double(w):
        """Twice."""
        return w * 2

    w = leaf(2.0)
    assert not double(w).requires_grad and torch.is_grad_enabled()
    assert double.__name__ == "double" and double.__doc__ == "Twice."


def test_a_mode_decorating_a_generator_holds_inside_it_only():
    @torch.no_grad()
    def produce(w):
        got = yield w * 2
        yield (w * got).requires_grad
        try:
            yield torch.is_grad_enabled()
        except ValueError:
            yield torch.is_grad_enabled()
        return "done"

    w = leaf(2.0)
    generator = produce(w)
    assert not next(generator).requires_grad and torch.is_grad_enabled()
    assert generator.send(3.0) is False and torch.is_grad_enabled()
    assert next(generator) is False
    assert generator.throw(ValueError()) is False
    with pytest.raises(StopIteration, match="done"):
        next(generator)


def test_parameters_made_under_no_grad_require_it_all_the_same():
    with torch.no_grad():
        w = nn.Parameter(torch.ones(2))
        v = torch.ones(2, requires_grad=True)
    assert w.requires_grad and v.requires_grad


# --- anomalies --------------------------------------------------------------------------------


def test_the_first_nan_is_named_with_its_line():
    w = leaf(0.0, 1.0)
    with (
        pytest.warns(UserWarning, match="Anomaly Detection"),
        pytest.raises(RuntimeError) as error,
        autograd.detect_anomaly(),
    ):
        y = w.sqrt() * 0
        y.sum().backward()
    assert "Function 'SqrtBackward0' returned nan values in its 0th output" in str(error.value)
    assert "test_autograd.py" in str(error.value) and "y = w.sqrt() * 0" in str(error.value)
    assert not torch.is_anomaly_enabled()


class Logarithm(nn.Module):
    def forward(self, x):
        return (x * 0 - 1).log() * x


def test_the_module_is_named_and_where_the_forward_pass_went_wrong():
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh(), Logarithm()))
    with (
        autograd.set_detect_anomaly(True),
        pytest.raises(RuntimeError, match=r"MulBackward0.*'1\.1' of Sequential.*made by log\("),
    ):
        net(torch.ones(1, 2)).sum().backward()


def test_a_backward_without_nan_is_left_alone():
    w = leaf(4.0, 9.0)
    with autograd.set_detect_anomaly(True):
        assert torch.is_anomaly_enabled() and torch.is_anomaly_check_nan_enabled()
        w.sqrt().sum().backward()
    np.testing.assert_allclose(w.grad.tolist(), [0.25, 1 / 6], rtol=1e-6)


def test_an_error_in_a_backward_is_given_the_forward_line():
    class Breaks(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            raise ValueError("broken")

    with (
        autograd.set_detect_anomaly(True, check_nan=False),
        pytest.raises(ValueError, match="broken") as error,
    ):
        Breaks.apply(leaf(1.0)).backward()
    assert any("BreaksBackward" in note for note in error.value.__notes__)


def test_a_dual_tensor_gives_back_the_tangent_it_was_given():
    from jaxtorch.autograd import forward_ad

    primal, tangent = torch.ones(2, 2), torch.rand(2, 2)
    with forward_ad.dual_level():
        assert forward_ad.unpack_dual(forward_ad.make_dual(primal, tangent)).tangent is tangent
        turned = forward_ad.unpack_dual(forward_ad.make_dual(primal, tangent.T)).tangent
        assert turned is not tangent and torch.equal(turned, tangent.T)
        dual = forward_ad.make_dual(primal, tangent)
        before = tangent.clone()
        tangent.add_(1)  # what is written to it later is not the dual's
        assert torch.equal(forward_ad.unpack_dual(dual).tangent, before)


def test_what_is_written_outside_autograd_keeps_its_function():
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    with torch.no_grad():
        y.add_(1).exp_()
    y.data = torch.full((3,), 5.0)
    y.data.zero_()
    assert y.grad_fn.name() == "MulBackward0" and y.grad_fn.next_functions[0][0].variable is x
    seen = []
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(outputs[0].tolist()))
    (y + 1).sum().backward()
    assert seen == [[1, 1, 1]] and x.grad.tolist() == [2, 2, 2]


def test_what_cannot_be_a_gradient():
    w = leaf(1.0, 2.0)
    for value, error, text in (
        (w, RuntimeError, "can't assign Variable as its own grad"),
        (1, TypeError, "expected to be a Tensor or None but got grad of type int"),
        (torch.ones(2).double(), RuntimeError, "with dtype 'double' to a tensor with grad_dtype"),
        (torch.ones(2, device="meta"), RuntimeError, "with device type 'meta' to a tensor"),
    ):
        with pytest.raises(error, match=text):
            w.grad = value
    assert w.grad is None


def test_out_carries_no_gradient():
    w = leaf(1.0, 2.0)
    for call in (
        lambda: torch.exp(w, out=torch.empty(2)),
        lambda: torch.max(w, 0, out=(torch.empty(()), torch.empty((), dtype=torch.int64))),
        lambda: torch.exp(torch.ones(2), out=w),
    ):
        with pytest.raises(RuntimeError, match="functions with out=... arguments don't support"):
            call()
    with torch.no_grad():
        assert torch.exp(w * 0, out=torch.empty(2)).tolist() == [1, 1]


# --- the tensors of old -----------------------------------------------------------------------


def test_a_variable_is_the_tensor_cut_from_its_graph():
    x = leaf(1.0, 2.0)
    y = x * 2
    old = autograd.Variable(y)
    assert isinstance(old, autograd.Variable) and isinstance(x, autograd.Variable)
    assert not isinstance(np.ones(1), autograd.Variable) and not old.requires_grad
    again = autograd.Variable(y, requires_grad=True)
    (again * 3).sum().backward()
    assert again.is_leaf and again.grad.tolist() == [3, 3] and x.grad is None
    data = torch.zeros(2)
    autograd.Variable(data).data[0] = 5
    assert data.tolist() == [5, 0] and autograd.Variable().shape == (0,)
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got list"):
        autograd.Variable([1.0])


def test_a_volatile_variable_warns_as_in_torch():
    with pytest.warns(UserWarning, match="volatile"):
        assert not autograd.Variable(torch.ones(2), volatile=True).requires_grad
    with pytest.raises(ValueError, match="volatile and require_grad"):
        autograd.Variable(torch.ones(2), True, volatile=True)
