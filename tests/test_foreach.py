"""torch._foreach_*, and what memory that runs out raises."""

import pytest

import jaxtorch as torch


def test_foreach():
    xs = [torch.tensor([1.0, 4.0]), torch.tensor([9.0])]
    assert [t.tolist() for t in torch._foreach_sqrt(xs)] == [[1, 2], [3]]
    assert [t.tolist() for t in torch._foreach_add(xs, xs, alpha=2)] == [[3, 12], [27]]
    assert [t.tolist() for t in torch._foreach_mul(xs, [2.0, 3.0])] == [[2, 8], [27]]
    assert torch._foreach_mul_(xs, 2.0) is None and xs[1].tolist() == [18]
    torch._foreach_addcmul_(xs, xs, [torch.ones(2), torch.ones(1)], value=0.5)
    torch._foreach_maximum_(xs, 20.0)
    assert [t.tolist() for t in xs] == [[20, 20], [27]]
    torch._foreach_lerp_(xs, [torch.zeros(2), torch.zeros(1)], 0.5)
    torch._foreach_copy_(xs, [xs[0] * 0, xs[1]])
    assert [t.tolist() for t in xs] == [[0, 0], [13.5]]
    assert [n.item() for n in torch._foreach_norm(xs)] == [0, 13.5]
    torch._foreach_zero_(xs)
    assert xs[1].item() == 0
    with pytest.raises(RuntimeError, match="at least one tensor"):
        torch._foreach_neg([])
    with pytest.raises(RuntimeError, match="same number of tensors, got 2 and 1"):
        torch._foreach_add(xs, [xs[0]])


def test_out_of_memory():
    with pytest.raises(torch.OutOfMemoryError, match="Out of memory allocating 45035"):
        torch.ones(2**20, 2**20, 2**10).jax()
    assert torch.cuda.OutOfMemoryError is torch.OutOfMemoryError
    assert torch.ones(2).sum().item() == 2
