"""autograd.Function inside JAX's transforms; what the graph refuses."""

import pytest

import jaxtorch as torch


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


def test_saved_tensor_hooks_are_refused():
    with pytest.raises(NotImplementedError, match="save_on_cpu.*checkpoint"):
        torch.autograd.graph.save_on_cpu()
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        x = torch.ones(2, requires_grad=True)
        y = x * 1
        z = y * y
        y.mul_(5)
        z.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_saved_tensors_hooks_are_refused_in_words():
    graph = torch.autograd.graph
    with pytest.raises(NotImplementedError, match="torch.utils.checkpoint"):
        graph.save_on_cpu()
    with graph.disable_saved_tensors_hooks("not in here"):
        with pytest.raises(RuntimeError, match="not in here"):
            graph.saved_tensors_hooks(lambda t: t, lambda t: t)
    with pytest.raises(NotImplementedError):
        graph.saved_tensors_hooks(lambda t: t, lambda t: t)
