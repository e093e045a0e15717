"""autograd.Function, inside JAX's transforms too; what the graph refuses."""

import pytest

import jaxtorch as torch
from jaxtorch import autograd
from tests.test_autograd import leaf


class Cube(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3 * x * x


def test_a_function_of_ones_own():
    x = leaf(2.0)
    y = Cube.apply(x)
    assert y.grad_fn.name() == "CubeBackward" and y.item() == 8.0
    (y * 2).backward()
    assert x.grad.item() == 24.0


def test_a_function_is_differentiated_twice():
    x = leaf(2.0)
    (g,) = autograd.grad(Cube.apply(x), x, create_graph=True)
    g.backward()
    assert x.grad.item() == 12.0


def test_its_backward_is_what_is_used():
    class Straight(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.round()

        @staticmethod
        def backward(ctx, grad):
            return grad

    x = leaf(0.3, 1.7)
    Straight.apply(x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_function_with_several_inputs_and_outputs():
    seen = {}

    class Both(autograd.Function):
        @staticmethod
        def forward(ctx, a, b, scale):
            ctx.scale = scale
            return a * scale, b + 1

        @staticmethod
        def backward(ctx, first, second):
            seen["needs"], seen["second"] = ctx.needs_input_grad, second.item()
            return first * ctx.scale, second, None

    a, b = leaf(2.0), torch.tensor(3.0)
    first, second = Both.apply(a, b, 10)
    assert (first.item(), second.item()) == (20.0, 4.0)
    first.backward()
    assert a.grad.item() == 10.0 and b.grad is None
    assert seen == {"needs": (True, False, False), "second": 0.0}


def test_gradients_that_are_not_materialized():
    seen = []

    class Two(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, first, second):
            seen.append((first is None, second is None))
            return second * 2

    x = leaf(1.0)
    Two.apply(x)[1].backward()
    assert seen == [(True, False)] and x.grad.item() == 2.0


def test_a_function_that_writes_to_its_input():
    class Double(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

    w = leaf(3.0)
    h = w * 1
    out = Double.apply(h)
    assert out is h and h.item() == 6.0
    out.backward()
    assert w.grad.item() == 2.0


def test_an_output_without_gradient():
    class Largest(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            at = x.argmax()
            kept = x > 0
            mask = x * 0
            ctx.mark_non_differentiable(mask)
            return x * 2, at, kept, mask

        @staticmethod
        def backward(ctx, grad, *_):
            return grad * 2

    out, at, kept, mask = Largest.apply(leaf(1.0, 5.0))
    assert out.requires_grad
    assert not (at.requires_grad or kept.requires_grad or mask.requires_grad)


def test_a_function_with_setup_context():
    class Square(autograd.Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, grad):
            return 2 * ctx.saved_tensors[0] * grad

    x = leaf(5.0)
    Square.apply(x).backward()
    assert x.grad.item() == 10.0


def test_a_backward_that_returns_too_little_or_what_does_not_fit():
    class Wrong(autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, grad):
            return grad

    with pytest.raises(RuntimeError, match="returned an incorrect number of gradients"):
        Wrong.apply(leaf(1.0), leaf(2.0)).backward()

    class Misshapen(autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a * 1

        @staticmethod
        def backward(ctx, grad):
            return torch.ones(3)

    with pytest.raises(RuntimeError, match="returned an invalid gradient at index 0"):
        Misshapen.apply(leaf(1.0, 2.0)).sum().backward()


def test_a_gradient_that_the_input_broadcasts_to_is_summed():
    class Scaled(autograd.Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.save_for_backward(x)
            return x * scale

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad, grad * x

    scale = leaf(2.0)
    Scaled.apply(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), scale).sum().backward()
    assert scale.grad.shape == scale.shape and scale.grad.sum().item() == 10.0


def test_a_function_outside_autograd_just_computes():
    with torch.no_grad():
        assert not Cube.apply(leaf(2.0)).requires_grad
    assert not Cube.apply(torch.tensor(2.0)).requires_grad


def straight_through():
    class Round(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.factor = 2.0
            ctx.save_for_backward(x)
            return x.round()

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor + 0 * ctx.saved_tensors[0]

        @staticmethod
        def jvp(ctx, t):
            return t * 3

    return Round


def test_a_functions_own_rules_hold_inside_jax():
    f = straight_through()
    x = torch.tensor([0.4, 1.6])
    traced = torch.jit(lambda x: torch.func.grad(lambda x: (f.apply(x) * x).sum())(x))
    assert traced(x).tolist() == pytest.approx([0.8, 5.2])
    assert torch.func.jacrev(f.apply)(x).diagonal().tolist() == [2, 2]
    assert torch.func.vjp(f.apply, x)[1](torch.ones(2))[0].tolist() == [2, 2]
    out, along = torch.func.jvp(f.apply, (x,), (torch.ones(2),))
    assert out.tolist() == [0, 2] and along.tolist() == [3, 3]
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones(2))
        assert torch.autograd.forward_ad.unpack_dual(f.apply(dual)).tangent.tolist() == [3, 3]
    assert torch.func.vmap(f.apply)(x).tolist() == [0, 2]


def test_saved_tensors_may_be_written_to():
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        x = torch.ones(2, requires_grad=True)
        y = x * 1
        z = y * y
        y.mul_(5)
        z.sum().backward()
    assert x.grad.tolist() == [2, 2]
