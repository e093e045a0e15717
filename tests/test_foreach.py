"""torch._foreach_*, and what memory that runs out raises."""

import pytest

import jaxtorch as torch


def test_foreach():
    xs = [torch.tensor([1.0, 4.0]), torch.tensor([9.0])]
    assert [t.tolist() for t in torch._foreach_sqrt(xs)] == [[1, 2], [3]]
    assert [t.tolist() for t in torch._foreach_add(xs, xs, alpha=2)] == [[3, 12], [27]]
    assert [t.tolist() for t in torch._foreach_mul(xs, [2.0, 3.0])] == [[2, 8], [27]]
    assert torch._foreach_mul_(xs, 2.0) is xs and xs[1].tolist() == [18]
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


def test_operands_by_name_and_number():
    xs = [torch.tensor([1.0, 4.0]), torch.tensor([[9.0]])]
    ones = [torch.ones(2), torch.ones(1, 1)]

    def lists(found):
        return [t.tolist() for t in found]

    assert lists(torch._foreach_addcmul(xs, ones, ones, scalars=[2.0, 3.0])) == [[3, 6], [[12]]]
    packed = torch.tensor([2.0, 4.0])
    assert lists(torch._foreach_addcdiv(xs, ones, ones, scalars=packed)) == [[3, 6], [[13]]]
    assert lists(torch._foreach_addcdiv(xs, ones, ones, 2)) == [[3, 6], [[11]]]
    assert lists(torch._foreach_lerp(xs, ones, weight=[0.5, 1.0])) == [[1, 2.5], [[1]]]
    assert lists(torch._foreach_pow(2, xs)) == [[2, 16], [[512]]]
    assert lists(torch._foreach_mul(xs, scalars=[2, 3])) == [[2, 8], [[27]]]
    assert lists(torch._foreach_add(xs, other=torch.tensor(1.0), alpha=2)) == [[3, 6], [[11]]]
    with pytest.raises(RuntimeError, match="expected to be 0 dim but it has 1 dimensions"):
        torch._foreach_add(xs, torch.ones(3))
    with pytest.raises(RuntimeError, match="same number of elements as scalar list"):
        torch._foreach_add(xs, [1.0])
    with pytest.raises(RuntimeError, match="input of length 2 but got 3"):
        torch._foreach_addcmul(xs, ones, ones, torch.ones(3))
    with pytest.raises(TypeError, match="must be tuple of Tensors, not Tensor"):
        torch._foreach_exp(xs[0])


def test_reductions():
    xs = [torch.tensor([1.0, -4.0]), torch.tensor([[9.0]])]
    assert [t.item() for t in torch._foreach_max(xs)] == [1, 9]
    assert [t.item() for t in torch._foreach_powsum(xs, 2)] == [17, 81]
    assert [t.item() for t in torch._foreach_powsum(xs, float("inf"))] == [4, 9]
    assert [t.tolist() for t in torch._foreach_mm([xs[1]], [xs[1]])] == [[[81]]]
    copies = torch._foreach_clone(xs)
    torch._foreach_zero_(copies)
    assert xs[0].tolist() == [1, -4] and copies[1].item() == 0
    with pytest.raises(RuntimeError, match="maximum of an empty tensor"):
        torch._foreach_max([torch.ones(0)])
    with pytest.raises(RuntimeError, match="infinity norm on an empty tensor"):
        torch._foreach_norm([torch.ones(0)], float("inf"))
