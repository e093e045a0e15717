"""Views are lenses: they read through and write through, and autograd goes along."""

import pickle

import numpy as np
import pytest

import jaxtorch as torch


def matrix():
    return torch.arange(6.0).reshape(2, 3).clone()


WRITES = {
    "x[0]": lambda x: x[0],
    "x[-1]": lambda x: x[-1],
    "x[:, 1]": lambda x: x[:, 1],
    "x[0, 2]": lambda x: x[0, 2, ...],
    "x[..., 1:]": lambda x: x[..., 1:],
    "x[:, ::2]": lambda x: x[:, ::2],
    "x[None]": lambda x: x[None],
    "x.t()": lambda x: x.t(),
    "x.T": lambda x: x.T,
    "x.mT": lambda x: x.mT,
    "x.view(3, 2)": lambda x: x.view(3, 2),
    "x.reshape(-1)": lambda x: x.reshape(-1),
    "x.flatten()": lambda x: x.flatten(),
    "x.unsqueeze(1)": lambda x: x.unsqueeze(1),
    "x.unsqueeze(0).squeeze()": lambda x: x.unsqueeze(0).squeeze(),
    "x.permute(1, 0)": lambda x: x.permute(1, 0),
    "x.transpose(0, 1)": lambda x: x.transpose(0, 1),
    "x.narrow(1, 1, 2)": lambda x: x.narrow(1, 1, 2),
    "x.select(1, 0)": lambda x: x.select(1, 0),
    "x.diagonal()": lambda x: x.diagonal(),
    "x.chunk(2, 1)[1]": lambda x: x.chunk(2, 1)[1],
    "x.split(2, 1)[0]": lambda x: x.split(2, 1)[0],
    "x.unbind(1)[2]": lambda x: x.unbind(1)[2],
    "x.unfold(1, 2, 2)": lambda x: x.unfold(1, 2, 2),
    "x.view(-1)[1:5].view(2, 2).t()[0]": lambda x: x.view(-1)[1:5].view(2, 2).t()[0],
}
ONE_OF_SEVERAL = {"x.chunk(2, 1)[1]", "x.split(2, 1)[0]", "x.unbind(1)[2]"}
# The same view of an array: NumPy's views write through as well.
NUMPY = {
    "x.t()": lambda x: x.T, "x.T": lambda x: x.T, "x.mT": lambda x: x.T,
    "x.view(3, 2)": lambda x: x.reshape(3, 2),
    "x.flatten()": lambda x: x.reshape(-1),
    "x.unsqueeze(1)": lambda x: x[:, None],
    "x.unsqueeze(0).squeeze()": lambda x: x,
    "x.permute(1, 0)": lambda x: x.T, "x.transpose(0, 1)": lambda x: x.T,
    "x.narrow(1, 1, 2)": lambda x: x[:, 1:3],
    "x.select(1, 0)": lambda x: x[:, 0],
    "x.diagonal()": lambda x: x.reshape(-1)[0:6:4],
    "x.chunk(2, 1)[1]": lambda x: x[:, 2:],
    "x.split(2, 1)[0]": lambda x: x[:, :2],
    "x.unbind(1)[2]": lambda x: x[:, 2],
    "x.unfold(1, 2, 2)": lambda x: x[:, None, :2],
    "x.view(-1)[1:5].view(2, 2).t()[0]": lambda x: x.reshape(-1)[1:5].reshape(2, 2).T[0],
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_a_write_through_a_view_reaches_the_base_and_only_there(name):
    x, expected = matrix(), np.arange(6.0, dtype=np.float32).reshape(2, 3)
    view, other = WRITES[name](x), x.view(-1)
    part = NUMPY.get(name, WRITES[name])(expected)
    assert view.tolist() == part.tolist()
    view.mul_(10).add_(1)
    part[...] = part * 10 + 1
    assert x.tolist() == expected.tolist()
    assert view.tolist() == part.tolist()
    assert other.tolist() == expected.ravel().tolist()


@pytest.mark.parametrize("name", WRITES)
def test_a_view_reads_through_when_its_base_has_moved_on(name):
    x = matrix()
    view = WRITES[name](x)
    x.neg_()
    assert view.tolist() == WRITES[name](x.clone()).tolist()


@pytest.mark.parametrize("name", WRITES)
def test_gradients_through_a_write_through_a_view(name):
    """Twice the viewed part, written in place: its gradient doubles, the rest's stays."""
    x = matrix().requires_grad_()
    y = x.clone()
    if name in ONE_OF_SEVERAL:
        with pytest.raises(RuntimeError, match="the output of a function that returns multiple"):
            WRITES[name](y).mul_(2)
        return
    WRITES[name](y).mul_(2)
    y.sum().backward()
    expected = torch.ones(2, 3)
    WRITES[name](expected).mul_(2)
    assert x.grad.tolist() == expected.tolist()


INDICES = {
    "int": 1,
    "slice": slice(0, 2),
    "step": slice(None, None, 2),
    "tuple": (0, 1),
    "ellipsis": (Ellipsis, 0),
    "none": (None, 1),
    "list": [0, 2],
    "tensor": torch.tensor([2, 0]),
    "negative tensor": torch.tensor([-1]),
    "two tensors": (torch.tensor([0, 2]), torch.tensor([1, 0])),
    "tensor and slice": (slice(1, None), torch.tensor([1])),
    "mask": torch.tensor([True, False, True]),
    "full mask": torch.tensor([[True, False], [False, True], [True, True]]),
    "bool": True,
    "numpy": np.array([1, 2]),
    "numpy int": np.int64(2),
    "0-d tensor": torch.tensor(1),
    "all": Ellipsis,
}


def as_numpy(index):
    if isinstance(index, tuple):
        return tuple(map(as_numpy, index))
    return index.numpy() if isinstance(index, torch.Tensor) else index


@pytest.mark.parametrize("name", INDICES)
def test_setitem_with_every_kind_of_index(name):
    index = INDICES[name]
    x, expected = torch.zeros(3, 2), np.zeros((3, 2), np.float32)
    x[index] = 5
    expected[as_numpy(index)] = 5
    assert x.tolist() == expected.tolist()
    x[index] = torch.tensor(7.0)
    expected[as_numpy(index)] = 7
    assert x.tolist() == expected.tolist()
    x[index] += 1
    expected[as_numpy(index)] += 1
    assert x.tolist() == expected.tolist()


@pytest.mark.parametrize("name", INDICES)
def test_setitem_carries_gradients_to_both(name):
    index = INDICES[name]
    x = torch.ones(3, 2, requires_grad=True)
    value = torch.tensor(3.0, requires_grad=True)
    y = x * 1
    y[index] = value
    (y * 2).sum().backward()
    written = np.zeros((3, 2), np.float32)
    written[as_numpy(index)] = 1
    assert x.grad.tolist() == (2 * (1 - written)).tolist()
    assert value.grad.item() == 2 * written.sum()


def test_a_write_of_one_row_inside_a_differentiated_computation():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * x
    y[0] *= 2
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 4.0, 6.0]


def test_the_value_used_before_a_write_keeps_its_gradient():
    """Where PyTorch refuses (a saved tensor was modified), the old value is still there."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    squares = y * y
    y.zero_()
    (squares.sum() + y.sum()).backward()
    assert x.grad.tolist() == [2.0, 4.0]


IN_PLACE = {
    "relu_": (lambda t: t.relu_(), [0.0, 1.0, 1.0]),
    "masked_fill_": (lambda t: t.masked_fill_(t > 1, 0.0), [1.0, 1.0, 0.0]),
    "copy_": (lambda t: t.copy_(torch.ones(3)), [0.0, 0.0, 0.0]),
    "+=": (lambda t: t.__iadd__(t), [2.0, 2.0, 2.0]),
    "exp_": (lambda t: t.exp_(), np.exp([-1.0, 0.5, 2.0]).tolist()),
    "clamp_": (lambda t: t.clamp_(0, 1), [0.0, 1.0, 0.0]),
    "zero_": (lambda t: t.zero_(), [0.0, 0.0, 0.0]),
    "fill_": (lambda t: t.fill_(3), [0.0, 0.0, 0.0]),
    "div_": (lambda t: t.div_(4), [0.25, 0.25, 0.25]),
    "pow_": (lambda t: t.pow_(2), [-2.0, 1.0, 4.0]),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_gradients_through_operations_in_place(name):
    write, expected = IN_PLACE[name]
    x = torch.tensor([-1.0, 0.5, 2.0], requires_grad=True)
    y = x * 1
    written = write(y)
    assert written is y
    y.sum().backward()
    np.testing.assert_allclose(x.grad.tolist(), expected, rtol=1e-6)


def test_copy_takes_gradients_to_its_source():
    source = torch.ones(3, requires_grad=True)
    target = torch.zeros(2, 3)
    target[1].copy_(source * 2)
    assert target.requires_grad and target.grad_fn.name() == "CopySlices"
    target.sum().backward()
    assert source.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_view_taken_before_a_write_has_its_gradient():
    x = torch.ones(2, 2, requires_grad=True)
    y = x * 1
    row = y[0]
    y.mul_(3)
    row.sum().backward()
    assert x.grad.tolist() == [[3.0, 3.0], [0.0, 0.0]]


def test_two_views_of_one_base_see_each_others_writes():
    x = torch.zeros(2, 3)
    row, column = x[0], x[:, 1]
    row.fill_(1)
    assert column.tolist() == [1.0, 0.0]
    column.add_(5)
    assert row.tolist() == [1.0, 6.0, 1.0]
    assert x.tolist() == [[1.0, 6.0, 1.0], [0.0, 5.0, 0.0]]


def test_two_views_of_one_base_with_gradients():
    x = torch.ones(2, 2, requires_grad=True)
    y = x * 1
    row, column = y[0], y[:, 0]
    row.mul_(2)
    column.mul_(3)
    assert y.tolist() == [[6.0, 2.0], [3.0, 1.0]]
    (row.sum() + column.sum()).backward()
    assert x.grad.tolist() == [[12.0, 2.0], [3.0, 0.0]]


def test_a_leaf_that_requires_grad_is_not_written_in_place():
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(
        RuntimeError, match="a leaf Variable that requires grad is being used in an"
    ):
        w.add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        w[0] = 3
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        w.view(-1).zero_()
    with torch.no_grad():
        w.add_(1)
        w[0] = 5
    assert w.tolist() == [5.0, 2.0] and w.requires_grad and w.is_leaf


def test_a_write_under_no_grad_changes_the_value_and_not_the_history():
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    y = x * 4
    with torch.no_grad():
        y.mul_(0)
    assert y.requires_grad and y.tolist() == [0.0, 0.0]
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_in_place_keeps_dtype_and_shape():
    x = torch.ones(2, dtype=torch.int64)
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        x += 0.5
    with pytest.raises(RuntimeError, match="output with shape"):
        torch.ones(2).add_(torch.ones(3, 2))
    half = torch.ones(2, dtype=torch.float16)
    half += torch.ones(2)
    assert half.dtype is torch.float16


# --- detach and .data -------------------------------------------------------------------------


@pytest.mark.parametrize("take", [lambda t: t.detach(), lambda t: t.data], ids=["detach", "data"])
class TestDetached:
    def test_it_shares_the_value_both_ways(self, take):
        x = torch.zeros(3)
        y = take(x)
        y[0] = 5
        x[1] = 6
        y.add_(1)
        assert x.tolist() == y.tolist() == [6.0, 7.0, 1.0]

    def test_it_is_a_plain_tensor_without_history(self, take):
        y = take(torch.ones(2, requires_grad=True) * 2)
        assert type(y) is torch.Tensor and y.is_leaf
        assert not y.requires_grad and y.grad_fn is None

    def test_writing_to_it_changes_the_value_and_not_the_history(self, take):
        w = torch.ones(3, requires_grad=True)
        h = w * 2
        take(h).add_(10)
        assert h.tolist() == [12.0] * 3
        (h * h).sum().backward()
        assert w.grad.tolist() == [48.0] * 3

    def test_a_parameter_is_written_through_it(self, take):
        w = torch.nn.Parameter(torch.ones(2, 2))
        take(w)[0].fill_(7)
        take(w).t()[1].mul_(2)
        assert w.tolist() == [[7.0, 14.0], [1.0, 2.0]] and w.requires_grad and w.is_leaf

    def test_that_of_a_view_writes_to_the_base(self, take):
        x = torch.zeros(2, 2)
        take(x[1]).fill_(3)
        assert x.tolist() == [[0.0, 0.0], [3.0, 3.0]]

    def test_it_outlives_its_source(self, take):
        x = torch.zeros(3)
        y, z = take(x), take(x)
        x += 1
        del x
        y[0] = 9
        assert y.tolist() == z.tolist() == [9.0, 1.0, 1.0]

    def test_it_may_have_a_history_of_its_own(self, take):
        w = torch.tensor(3.0, requires_grad=True)
        y = take(torch.zeros(3))
        y[0].add_(w)
        y[1] = w * w
        y.sum().backward()
        assert w.grad.item() == 7.0

    def test_it_may_be_a_leaf_of_its_own(self, take):
        x = torch.ones(2)
        y = take(x).requires_grad_()
        (y * y).sum().backward()
        assert y.grad.tolist() == [2.0, 2.0]
        with pytest.raises(RuntimeError, match="leaf Variable"):
            y[0] = 1
        with torch.no_grad():
            y -= y.grad
        assert x.tolist() == y.tolist() == [-1.0, -1.0] and y.is_leaf and y.requires_grad
        x.fill_(4)
        assert y.tolist() == [4.0, 4.0] and y.requires_grad


def test_data_is_assigned():
    w = torch.nn.Parameter(torch.ones(2))
    w.data = torch.tensor([3.0, 4.0])
    w.data -= 1
    w.data[1:].data *= 2
    assert w.tolist() == [2.0, 6.0] and w.requires_grad
    with pytest.raises(TypeError, match="Variable data has to be a tensor"):
        w.data = 3


def test_data_of_what_was_computed_is_assigned_and_its_history_stays():
    # As binary networks do to their inputs: `input.data = input.data.sign()`.
    x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    h = x * 2
    later = h + 1
    h.data = h.data.sign()
    assert h.tolist() == [1, -1, 1] and later.tolist() == [3, -3, 7] and h.requires_grad
    (h * h * torch.tensor([1.0, 2.0, 3.0]) + later).sum().backward()
    assert x.grad.tolist() == [6, -6, 14]


def test_shape_and_layout_of_views_of_detached_tensors():
    x = torch.zeros(2, 3).detach()
    assert x.t().stride() == (1, 3) and not x.t().is_contiguous()
    assert x.t()[1].stride() == (3,) and x.t()[1].storage_offset() == 1
    x.unsqueeze_(0)
    assert x.shape == (1, 2, 3)


def test_expand_reads_through_and_a_write_that_overlaps_is_refused_or_right():
    x = torch.zeros(3, 1)
    wide = x.expand(3, 4)
    x.add_(1)
    assert wide.sum().item() == 12.0


def test_writes_through_views_of_another_dtype():
    x = torch.zeros(2, dtype=torch.complex64)
    torch.view_as_real(x)[0] = 1
    x.imag.mul_(3)
    x.real[1] = 5
    assert x.tolist() == [1 + 3j, 5]
    y = torch.zeros(1, 2)
    torch.view_as_complex(y)[0] = 1 + 2j
    assert y.tolist() == [[1, 2]]
    z = torch.zeros(2)
    z.view(torch.int32)[0] = 0x3F800000
    assert z.tolist() == [1, 0]


def test_data_assigned_parts_from_what_was_detached_before():
    param = torch.nn.Parameter(torch.ones(2))
    backup = param.data
    param.data = torch.full((2,), 5.0)  # as averaged weights are swapped in for an evaluation
    assert backup.tolist() == [1, 1]
    param.data = backup
    assert param.tolist() == [1, 1]
    param.data.mul_(3)
    assert param.tolist() == [3, 3]


def test_what_overlaps_is_written_where_the_writes_do_not():
    x = torch.zeros(1, 3)
    x.expand(4, 3)[1] = 5
    x.expand(4, 3)[2, 1:].add_(1)
    assert x.tolist() == [[5, 6, 6]]
    y = torch.arange(4.0)
    y.unfold(0, 2, 1)[1].mul_(10)
    y.as_strided((2, 2), (1, 1))[0, 1:].sub_(1)
    assert y.tolist() == [0, 9, 20, 3]
    w = torch.ones(3, requires_grad=True)
    z = w * 2
    z.expand(2, 3)[1].mul_(3)
    z.sum().backward()
    assert w.grad.tolist() == [6, 6, 6]


def test_one_number_may_be_written_to_what_overlaps():
    x = torch.arange(4.0)
    x.unfold(0, 2, 1).fill_(3)
    assert x.tolist() == [3] * 4
    x.expand(2, 4).zero_()
    assert x.tolist() == [0] * 4
    for write in (lambda v: v.add_(1), lambda v: v.copy_(torch.ones(2, 4)), lambda v: v.exp_()):
        with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
            write(x.expand(2, 4))


def test_what_is_written_and_read_may_not_overlap_in_part():
    x = torch.arange(12.0).reshape(3, 4).clone()
    before = x.tolist()
    for write in (
        lambda: x[1:].add_(x[:2]),
        lambda: x[0].sub_(x[0, 0]),
        lambda: x.view(-1)[1:].mul_(x.view(-1)[:-1]),
        lambda: x[1:].copy_(x[:-1]),
    ):
        with pytest.raises(RuntimeError, match="input tensor and the written-to tensor refer"):
            write()
    assert x.tolist() == before
    x[0].add_(x[0])
    x[1].add_(x[2])
    x[:, 1].add_(x[:, 2])
    assert x.tolist() == [[0, 6, 4, 6], [12, 30, 16, 18], [8, 19, 10, 11]]


def test_what_is_a_view():
    x = torch.zeros(2, 3)
    views = [x[:], x[...], x.view(-1), x.T, x.expand_as(x), x.real.view_as(x)]
    assert [v._is_view() for v in views] == [True] * len(views)
    assert not any(t._is_view() for t in (x, x.detach(), x[0].detach(), x.clone(), x.contiguous()))


def test_copy_says_what_does_not_broadcast():
    x = torch.zeros(3, 4)
    for other, text in (
        (torch.ones(5), r"tensor a \(4\) must match the size of tensor b \(5\) at non-singleton"),
        (torch.ones(1, 3, 4), r"output with shape \[3, 4\] doesn't match the broadcast shape"),
    ):
        with pytest.raises(RuntimeError, match=text):
            x.copy_(other)
    with pytest.raises(TypeError, match="argument 'other' .position 1. must be Tensor, not numpy"):
        x.copy_(np.ones(4))
    assert x.copy_(other=torch.ones(4)).sum() == 12


def test_a_conjugate_keeps_its_turn_where_its_elements_are_asked_for():
    z = torch.tensor([1 + 2j, 3 - 4j, 5 + 1j])
    assert z.conj().as_strided((2,), (2,)).tolist() == [1 - 2j, 5 - 1j]
    assert pickle.loads(pickle.dumps(z.conj())).tolist() == z.conj().tolist()


def test_a_conjugate_is_a_view():
    x = torch.tensor([1 + 1j, 2 - 1j])
    z = x.conj()
    assert z.is_conj() and z._is_view() and z.imag.is_neg() and not z.real.is_neg()
    assert z[0].is_conj() and z.detach().is_conj() and x[None].mH.is_conj()
    assert not any(t.is_conj() for t in (x, z.conj(), z.clone(), z + 1, z.resolve_conj()))
    z.add_(1j)
    assert x.tolist() == [1, 2 - 2j] and z.tolist() == [1, 2 + 2j]
    z[0] = 5j
    x[1] = 7j
    assert x.tolist() == [-5j, 7j] and z.tolist() == [5j, -7j]
    for turned in (z, z.imag):
        with pytest.raises(RuntimeError, match=r"Use tensor.resolve_(conj|neg)\(\).numpy\(\)"):
            turned.numpy()
    assert z.resolve_conj().numpy().tolist() == [5j, -7j]
    assert z.imag.resolve_neg().numpy().tolist() == [5, -7]
    w = torch.tensor([1 + 1j], requires_grad=True)
    y = w * 1
    y.conj().mul_(2j)
    y.real.sum().backward()  # y = conj(2j conj(w)) = -2j w
    assert w.grad.tolist() == [2j]
