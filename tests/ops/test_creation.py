"""Tensors from nothing, and from Python data."""

import numpy as np
import pytest

import jaxtorch as torch
from tests import oracle
from tests.oracle import F, V, raises, row

X = F(2, 3)
CLOSE = {
    "limits": (2e-7, 1e-7)
}  # torch rounds by vector lanes, which differ from machine to machine

ROWS = [
    row("zeros", 2, 3),
    row("zeros", (2, 3), dtype="int32"),
    row("zeros", size=(2,)),
    row("zeros", ()),
    row("ones", 2, dtype="bool"),
    row("empty", 0, 3),
    row("full", (2, 2), 1.5),
    row("full", (2,), 7),
    row("full", (2,), True),
    row("full", (2,), 1j),
    row("full", (2,), 1.7, dtype="int64"),
    row("zeros_like", X, grad=False),
    row("ones_like", X, dtype="float64", grad=False),
    row("full_like", X, 3, grad=False),
    row("Tensor.new_zeros", X, 2, 2, grad=False),
    row("Tensor.new_ones", X, (3,), dtype="int64", grad=False),
    row("Tensor.new_full", X, (2,), 4, grad=False),
    row("Tensor.new_tensor", X, [1, 2], grad=False),
    row("arange", 5),
    row("arange", 2, 9, 3),
    row("arange", 5, 0, -2),
    row("arange", 0.0),
    row("arange", 1, 2.5, 0.5),
    row("arange", 0, 1, 0.1, **CLOSE),
    row("arange", 3, dtype="float16"),
    row("arange", 0, 5.5, 1.6, dtype="int64"),
    row("range", 1, 4),
    row("linspace", 0, 1, 7, **CLOSE),
    row("linspace", -3, 10, 5, dtype="int64"),
    row("linspace", 50, 1, 50, dtype="int64"),
    row("linspace", 2, 2, 1),
    row("linspace", 0, 1, 0),
    row("logspace", 0, 2, 5, limits=(3e-6, 0)),
    row("logspace", 0, 3, 4, base=2, dtype="int64"),
    row("eye", 3),
    row("eye", 2, 3, dtype="int64"),
    row("tril_indices", 3, 4, -1),
    row("triu_indices", 3, 3, offset=1),
    row("complex", F(3), F(3), trace=False),
    row("polar", F(3, low=0, high=2), F(3), trace=False, grad=False),
    raises("zeros", -1, error=RuntimeError, text="Dimension size must be non-negative"),
    raises("zeros", 2.0, error=TypeError, text="must be tuple of ints, not float"),
    raises("arange", 0, 1, 0, error=RuntimeError, text="step must be nonzero"),
    raises("arange", 1, 0, error=RuntimeError, text="inconsistent with step sign"),
    raises("linspace", 0, 1, -1, error=RuntimeError, text="number of steps must be non-negative"),
    raises("eye", -1, error=RuntimeError, text="n must be greater or equal to 0, got -1"),
    raises("complex", V([1]), V([2]), error=RuntimeError, text="Half, Float or Double tensors"),
    row("tensor", 3),
    row("tensor", 2.5),
    row("tensor", [1, 2.5]),
    row("tensor", [True, 2]),
    row("tensor", [1, 2j]),
    row("tensor", [[1, 2], [3, 4]], dtype="float64"),
    row("tensor", []),
    row("tensor", [[]]),
    row("tensor", range(3)),
    row("tensor", np.float64(1)),
    row("tensor", [np.float64(1), 2]),
    row("tensor", [np.int32(1)]),
    row("tensor", np.arange(3, dtype=np.int16)),
    row("tensor", [np.arange(2), np.arange(2)]),
    row("tensor", [V(1), V(2.0, grad=False)], grad=False),
    row("tensor", [1.9, -1.9], dtype="int64"),
    row("tensor", 2.5, dtype="bool"),
    row("tensor", [-1], dtype="uint8"),
    row("as_tensor", [1, 2.0]),
    row("scalar_tensor", 3),
    row("asarray", [1, 2]),
    row("asarray", V([1.0, 2.0]), dtype="float64"),
    row("asarray", V([1.0, 2.0]), copy=True),
    row("asarray", V([1.0, 2.0]), requires_grad=False, grad=False),
    raises("asarray", [1], requires_grad=True, error=RuntimeError, text="Only Tensors of floating"),
    raises("tensor", [[1, 2], [3]], error=ValueError, text="expected sequence of length 2 at"),
    raises("tensor", [[1, 2], 3], error=TypeError, text="not a sequence"),
    raises("tensor", "abc", error=TypeError, text="new(): invalid data type 'str'"),
    raises("tensor", None, error=RuntimeError, text="Could not infer dtype of NoneType"),
    raises("tensor", [300], dtype="uint8", error=RuntimeError, text="without overflow"),
    raises("tensor", [2**63], error=ValueError, text="Overflow when unpacking long long"),
    raises("tensor", [1j], dtype="float32", error=TypeError, text="must be real number, not"),
    raises("tensor", np.arange(3)[::-1], error=ValueError, text="At least one stride in the given"),
    raises("from_numpy", [1], error=TypeError, text="expected np.ndarray (got list)"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_data_is_copied():
    array = np.zeros(2, np.float32)
    x, y = torch.from_numpy(array), torch.tensor(array)
    array[0] = 1
    assert x.tolist() == y.tolist() == [0.0, 0.0]


def test_bytes_are_read_as_a_dtype():
    assert torch.frombuffer(bytearray(b"ab"), dtype=torch.uint8).tolist() == [97, 98]
    assert torch.frombuffer(bytearray(b"abcd"), dtype=torch.int16, offset=2).tolist() == [25699]
    with pytest.raises(ValueError, match="must be a multiple of element size"):
        torch.frombuffer(bytearray(b"abc"), dtype=torch.int16)


def test_the_legacy_constructor_takes_sizes_or_data():
    assert torch.Tensor(2, 3).shape == (2, 3)
    assert torch.Tensor([1, 2]).tolist() == [1.0, 2.0]
    assert torch.LongTensor([1, 2]).dtype is torch.int64
    assert torch.FloatTensor(np.eye(2)).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert torch.LongTensor(np.array([2])).tolist() == [2]
    assert torch.Tensor(np.array(2), np.int64(3)).shape == (2, 3)
    for array in (np.arange(4).reshape(2, 2), np.ones(1), np.zeros((2, 0))):
        assert torch.FloatTensor(array).tolist() == torch.Tensor(array).tolist() == array.tolist()
    assert torch.Tensor(np.int64(3)).shape == (3,)
    with pytest.raises(TypeError):
        torch.Tensor(1.5)


def test_the_default_dtype_is_followed():
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.zeros(1).dtype is torch.tensor(1.0).dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_ranges_from_a_variable_start_are_one_structure():
    torch.arange(3, 7).tolist()
    before = torch.stats()["structures"]
    assert [torch.arange(i, i + 4)[0].item() for i in range(4)] == [0, 1, 2, 3]
    assert torch.stats()["structures"] <= before + 1


def test_what_is_not_there_is_refused():
    with pytest.raises(NotImplementedError, match="names="):
        torch.zeros(2, names=("a",))
    with pytest.raises(RuntimeError, match="pin_memory"):
        torch.zeros(2, pin_memory=True)


def test_a_compiled_linspace_has_its_whole_numbers():
    with oracle.evaluated("compile"):
        assert torch.linspace(0, 77, 8).long().tolist() == [0, 11, 22, 33, 44, 55, 66, 77]


def test_a_size_that_no_memory_holds_is_an_error():
    for make in (
        lambda: torch.zeros(10**10, 10**10),
        lambda: torch.empty(2**62, 4),
        lambda: torch.randn(10**10, 10**10),
    ):
        with pytest.raises(RuntimeError, match="Storage size calculation overflowed with sizes"):
            make()


def test_what_is_given_by_name():
    assert torch.arange(end=3).tolist() == [0, 1, 2]
    assert torch.arange(start=1, end=3, step=1).tolist() == [1, 2]
    with pytest.raises(TypeError, match="missing 1 required positional"):
        torch.arange()
    with pytest.raises(TypeError, match="argument 'end' .position 1. must be Number, not str"):
        torch.arange("a")


def test_flags_and_values_are_checked_as_torch_does():
    for make in (
        lambda: torch.zeros(2, dtype=torch.int32, requires_grad=True),
        lambda: torch.tensor(1, requires_grad=True),
        lambda: torch.arange(3, requires_grad=True),
    ):
        with pytest.raises(RuntimeError, match="^Only Tensors of floating point"):
            make()
    with pytest.raises(TypeError, match=r"'fill_value' \(position 2\) must be Number, not list"):
        torch.full((2,), [1])
    with pytest.raises(TypeError, match="Size.. takes an iterable of 'int' .item 0 is 'float'"):
        torch.Size([2.5])
    assert torch.Size([torch.tensor(2), np.int64(3)]) == (2, 3)
    assert torch.tensor([[], [1]]).shape == (2, 0)
    assert torch.Tensor(torch.tensor([1, 2])).dtype is torch.int64  # as it is


def test_a_tensor_in_a_list_is_a_number():
    made = torch.tensor([torch.tensor([1]), torch.tensor([[2]])])
    assert made.tolist() == [1, 2] and torch.tensor((torch.tensor([1.5]), 2)).tolist() == [1.5, 2]
    assert torch.tensor([np.array([1]), np.array([2])]).shape == (2, 1)
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        torch.tensor([torch.tensor([1, 2]), torch.tensor([3, 4])])
    with pytest.raises(ValueError, match="only one element tensors can be converted"):
        torch.tensor([torch.zeros(2), torch.zeros(2)])


def test_what_cannot_be_shared():
    with pytest.raises(ValueError, match="can't alias arbitrary sequence into a tensor"):
        torch.asarray([1, 2], copy=False)
    with pytest.raises(ValueError, match="can't alias tensor with dtype 'Double' into dtype 'Fl"):
        torch.asarray(np.ones(2), dtype=torch.float32, copy=False)
    with pytest.raises(ValueError, match="does not implement Python buffer protocol"):
        torch.frombuffer([1], dtype=torch.int32)


def test_negative_sizes():
    for make in (torch.empty, torch.ones, torch.rand, torch.zeros(1).new_zeros):
        with pytest.raises(RuntimeError, match=r"with negative dimension -1: \[2, -1\]"):
            make(2, -1)


@pytest.mark.parametrize("join", [torch.cat, torch.stack, torch.vstack, torch.hstack])
def test_what_is_joined_is_a_sequence(join):
    for given, name in ((torch.ones(2, 2), "Tensor"), (iter([torch.ones(1)]), "list_iterator")):
        with pytest.raises(TypeError, match=f"must be tuple of Tensors, not {name}"):
            join(given)
