"""Brackets, read and written, beside NumPy's and torch's."""

import numpy as np
import pytest

import jaxtorch as torch
from tests import oracle
from tests.oracle import B, F, V, raises, row

X = F(3, 4, 5)
ALL = slice(None)
MASK = V([True, False, True])
GET = "Tensor.__getitem__"

ROWS = [
    row(GET, X, 1),
    row(GET, X, -1),
    row(GET, X, slice(1, 3), second=True),
    row(GET, X, (ALL, slice(None, -1), slice(1, None, 2))),
    row(GET, X, (0, 1, 2)),
    row(GET, X, (..., 0)),
    row(GET, X, (None, 0, ..., None)),
    row(GET, X, V([2, 0, 2])),
    row(GET, X, [2, -1]),
    row(GET, X, [[0, 1], [1, 2]]),
    row(GET, X, V([[0, 1], [1, 2]])),
    row(GET, X, (V([0, 1]), V([1, 3])), second=True),
    row(GET, X, (V([0, 1]), ALL, V([1, 3]))),
    row(GET, X, (ALL, V([0, 1]), V([[1], [3]]))),
    row(GET, X, (0, ALL, V([0, 1]))),
    row(GET, X, (V([0, 1]), None, V([0, 1]))),
    row(GET, X, (V([0, 1]), 0, V([0, 1]))),
    row(GET, X, (slice(0, 2), V([[0], [2]]), slice(1, 4))),
    row(GET, X, V(1), node=False),
    row(GET, X, MASK, trace=False),
    row(GET, X, (ALL, V([True, False, True, False])), trace=False),
    row(GET, X, (MASK, V([0, 1])), trace=False),
    row(GET, X, (B(3, 4), slice(1, 3)), trace=False),
    row(GET, X, B(3, 4, 5), trace=False),
    row(GET, X, True),
    row(GET, X, False),
    row(GET, F(), None),
    row(GET, F(), ...),
    raises(GET, X, 3, error=IndexError, text="index 3 is out of bounds for dimension 0 with"),
    raises(GET, X, (0, 0, 0, 0), error=IndexError, text="too many indices for tensor of dimension"),
    raises(GET, X, "a", error=TypeError),
    raises(GET, X, (0, "a"), error=TypeError),
    raises(GET, X, 1.5, error=IndexError, text="valid indices (got float)"),
    raises(GET, X, F(2), error=IndexError, text="must be long, int, byte or bool tensors"),
    raises(GET, X, V([5]), error=IndexError, text="index 5 is out of bounds for dimension 0 with"),
    raises(GET, X, B(2), error=IndexError, text="The shape of the mask [2] at index 0 does not"),
    raises(GET, X, slice(None, None, -1), error=ValueError, text="step must be greater than zero"),
    raises(GET, F(), 0, error=IndexError, text="invalid index of a 0-dim tensor"),
    raises(GET, F(), -1, error=IndexError, text="index -1 is out of bounds for dimension 0 with"),
    raises(GET, F(), ALL, error=IndexError, text="slice() cannot be applied to a 0-dim tensor."),
    raises(GET, F(), V([0]), error=IndexError, text="too many indices for tensor of dimension 0"),
    # the place in the key, of what is an int; among the tensors, of what is one
    raises(GET, X, (0, 9), error=IndexError, text="index 9 is out of bounds for dimension 1 with"),
    raises(GET, X, (None, 0, 9), error=IndexError, text="bounds for dimension 2 with size 4"),
    raises(GET, X, (..., V([9])), error=IndexError, text="bounds for dimension 0 with size 5"),
    raises(GET, F(3, 0), (ALL, V([0])), error=IndexError, text="index is out of bounds for"),
    raises(GET, X, np.float32(1), error=IndexError, text="valid indices (got numpy.float32)"),
    raises(GET, X, np.bool_(True), error=IndexError, text="valid indices (got numpy.bool)"),
    raises(GET, X, (None, "a"), error=TypeError, text="new(): invalid data type 'str'"),
    raises("Tensor.index_put", X, (0,), F(), error=TypeError, text="expected Tensor as element 0"),
    raises("Tensor.index_put", X, V([0]), F(), error=TypeError, text="be tuple of Tensors, not"),
    raises(
        GET, X, (V([0, 1, 2]), V([0, 1])), error=IndexError,
        text="indexing tensors could not be broadcast together with shapes [3], [2]",
    ),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_a_byte_mask_takes_no_number():
    """torch fills where there is one value, and fills by boolean masks only."""
    x, mask = torch.arange(3.0), torch.tensor([1, 0, 1], dtype=torch.uint8)
    with pytest.warns(UserWarning, match="dtype torch.uint8 is deprecated"):
        for value in (7, torch.tensor([7.0])):
            with pytest.raises(RuntimeError, match="only supports boolean masks"):
                x[mask] = value
        x[mask] = torch.tensor([5.0, 6.0])
    assert x.tolist() == [5.0, 1.0, 6.0]


def test_a_list_that_is_a_tuple_of_indices_is_told():
    x = torch.arange(6).reshape(2, 3)
    with pytest.warns(UserWarning, match="a list that is read as a tuple"):
        assert x[[[0, 1], [2, 0]]].tolist() == [2, 3]
    with pytest.warns(UserWarning, match="a list that is read as a tuple"):
        assert x[[slice(None), 0]].tolist() == [0, 3]


@pytest.mark.parametrize(
    "index, value, error, text",
    [
        (0, torch.ones(5), RuntimeError, r"Target sizes: \[3, 4\].  Tensor sizes: \[5\]"),
        (0, torch.ones(2, 3, 4), RuntimeError, r"expand\(torch.FloatTensor\{\[2, 3, 4\]\}"),
        ((0, 9), 1, IndexError, "dimension 1 with size 3"),
        (0, np.ones(4), TypeError, "can't assign a numpy.ndarray to a torch.FloatTensor"),
        (0, 2**70, ValueError, "Overflow when unpacking long long"),
        (0, 1j, RuntimeError, "value cannot be converted to type float without overflow"),
    ],
)
def test_what_cannot_be_assigned(index, value, error, text):
    x = torch.zeros(2, 3, 4)
    with pytest.raises(error, match=text):
        x[index] = value
    assert not x.any()


def test_numbers_that_do_not_fit():
    x = torch.zeros(3, dtype=torch.uint8)
    for index in (0, [0], x == 0):
        with pytest.raises(RuntimeError, match="converted to type uint8_t without overflow"):
            x[index] = 300
        x[index] = -1
        assert x.tolist()[0] == 255
    y = torch.zeros(2, dtype=torch.half)
    y[0], y[[1]] = 1e6, -1e6  # floats become infinite, without a warning
    assert y.tolist() == [float("inf"), -float("inf")]


def test_steps_beyond_32_bits():
    x = torch.arange(6.0).reshape(2, 3).clone()
    assert x[:, :: 10**12].tolist() == [[0], [3]] and x[:, 1 :: 10**18].tolist() == [[1], [4]]
    x[:, :: 10**12] = 9
    x[:, 1 :: 10**12] = torch.tensor([7.0])
    assert x.tolist() == [[9, 7, 2], [9, 7, 5]]


def test_a_slice_whose_ends_have_crossed():
    w = torch.ones(2, 4, requires_grad=True)
    assert w[:, 3:-2:3].shape == (2, 0) and w[2:-3:3].shape == (0, 4)
    (w[:, 3:-2:3].sum() + w.sum()).backward()
    assert w.grad.tolist() == [[1] * 4] * 2
    x = torch.zeros(2, 4)
    x[:, 3:-2:3] = 5
    x[2:-3:3] = torch.ones(4)
    assert not x.any()


def test_values_of_too_many_dimensions_for_a_mask():
    x = torch.zeros(2, 3)
    for value in (torch.ones(2, 1, 2), torch.ones(2, 3, 2)):
        with pytest.raises(
            RuntimeError, match=r"shape mismatch: value tensor of shape \[2, \d, 2\]"
        ):
            x[:, torch.tensor([True, False, False])] = value


def test_nothing_is_written_where_a_dimension_is_empty():
    x = torch.zeros(3, 0, 2)
    x[torch.tensor([0]), :, ::3] = torch.ones(1, 0, 1)
    assert x.shape == (3, 0, 2)


def test_an_index_of_false_writes_nothing():
    x = torch.zeros(2, 3)
    x[False] = torch.ones(7)
    assert not x.any()


def test_what_a_tensor_contains():
    x = torch.tensor([[1.0, 2.0]])
    assert 1.0 in x and torch.tensor([1.0, 9.0]) in x and np.float32(3) not in x
    for other in ("a", None, [1]):
        with pytest.raises(RuntimeError, match="only supports Tensor or scalar, but you passed"):
            assert other in x
    with pytest.raises(TypeError, match="does not support deleting items"):
        del x[0]
    assert x.__reversed__().tolist() == [[2.0, 1.0]]


A = np.array
INDICES = [
    1, -1, slice(1, 3), (0, 1), (..., 2), (slice(None), slice(None, None, 2)), None, (0, None),
    A([2, 0]), [0, 2], (A([0, 1]), A([1, 3])), (slice(None), A([1, 3])), (A([0, 2]), slice(1, 3)),
    A([True, False, True]), (slice(None), A([True, False, True, False])),
    (A([True, False, True]), 1), (A([0, 2]), None), (A([[0], [2]]), A([1, 3])),
]  # fmt: skip


def ours(index):
    if isinstance(index, tuple):
        return tuple(map(ours, index))
    return torch.tensor(index) if isinstance(index, np.ndarray) else index


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_writing_is_numpys(index):
    base = np.arange(12.0).reshape(3, 4)
    for value in (-1.0, np.broadcast_to(-1.0 - np.arange(base[index].shape[-1]), base[index].shape)
                  if base[index].ndim else np.float64(-2)):  # fmt: skip
        expected = base.copy()
        expected[index] = value
        x = torch.tensor(base)
        x[ours(index)] = value if isinstance(value, float) else torch.tensor(np.array(value))
        assert x.tolist() == expected.tolist()


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_adding_in_place_is_numpys(index):
    base = np.arange(12.0).reshape(3, 4)
    expected = base.copy()
    expected[index] += 10
    x = torch.tensor(base)
    x[ours(index)] += 10
    assert x.tolist() == expected.tolist()


def test_a_mask_write_evaluates_nothing():
    x = torch.arange(6.0) * 1
    y = x * 2
    y[y > 4] = 0
    assert y._node.value is None
    assert y.tolist() == [0, 2, 4, 0, 0, 0]


def test_values_for_a_mask_are_taken_in_order():
    x = torch.arange(6.0).reshape(2, 3)
    x[x > 2] = torch.tensor([10.0, 20.0, 30.0])
    assert x.tolist() == [[0, 1, 2], [10, 20, 30]]
    with pytest.raises(RuntimeError, match=r"shape \[2\] cannot be broadcast to indexing result"):
        x[x > 2] = torch.tensor([1.0, 2.0])
        x.tolist()


def test_gradients_flow_through_writes():
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    y[0] = 5
    y[1:] *= x[:2]
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0, 2.0]


def test_slices_at_other_places_compile_nothing_new():
    x = torch.tensor(np.arange(100.0))
    x[10:20].sum().item()
    before = torch.stats()["structures"]
    for i in range(20, 60, 10):
        assert x[i : i + 10].sum().item() == sum(range(i, i + 10))
    assert torch.stats()["structures"] == before


def test_assignment_needs_a_tensor_or_a_number():
    x = torch.zeros(2)
    with pytest.raises(TypeError, match="can't assign a list to a torch.FloatTensor"):
        x[0] = [1.0]
    with pytest.raises(RuntimeError, match="must match the existing size|must match the size"):
        x[0:2] = torch.zeros(3)
