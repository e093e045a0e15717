"""Views as copies, copies with a part replaced, and other sizes."""

import numpy as np
import pytest

import jaxtorch as torch
from tests import oracle
from tests.oracle import F, I, V, raises, row

X = F(2, 3, 4)
C = F(2, 3, dtype="complex64")
P = F(2, 3, grad=False)
OWN = {"node": False}

ROWS = [
    row("alias_copy", X, **OWN),
    row("as_strided_copy", X, (2, 2), (1, 3), **OWN),
    row("detach_copy", P),
    row("diagonal_copy", X, 1, 0, 2, **OWN),
    row("expand_copy", F(3, 1), (2, 3, 4), **OWN),
    row("narrow_copy", X, 2, 1, 2, **OWN),
    row("permute_copy", X, (2, 0, 1), **OWN),
    row("select_copy", X, 1, -1, **OWN),
    row("slice_copy", X, 2, 1, 4, 2, **OWN),
    raises("slice_copy", X, 2, 1, 4, -1, error=RuntimeError, text="slice step must be positive"),
    row("split_copy", X, 2, 2, **OWN),
    row("split_with_sizes_copy", X, [1, 3], 2, **OWN),
    row("squeeze_copy", F(1, 3), 0, **OWN),
    row("t_copy", F(2, 3), **OWN),
    row("transpose_copy", X, 0, 1, **OWN),
    row("unbind_copy", X, 1, **OWN),
    row("unfold_copy", X, 2, 2, 1, **OWN),
    row("unsqueeze_copy", X, 1, **OWN),
    row("view_as_complex_copy", F(3, 2, grad=False), trace=False),
    row("view_as_real_copy", C, **OWN),
    row("view_copy", X, (4, 6), **OWN),
    row("select_scatter", X, F(2, 4), 1, -1, **OWN),
    raises(
        "select_scatter", X, F(2, 3), 1, 0, error=RuntimeError,
        text="expected src to have a size equal to the slice of self. src size = [2, 3], slice",
    ),
    row("slice_scatter", X, F(2, 2, 4), 1, 1, **OWN),
    row("slice_scatter", X, F(2, 3, 2), 2, 0, 4, 2, **OWN),
    row("diagonal_scatter", F(3, 4), F(3), **OWN),
    row("as_strided_scatter", F(3, 3), F(2, 2), (2, 2), (1, 2), 1, grad=False, **OWN),
    row("unsafe_split", F(7), 3),
    row("unsafe_split_with_sizes", F(7), [3, 4]),
    row("unsafe_chunk", F(7), 3),
    row("_chunk_cat", [F(3, 2), F(5)], 0, 2, grad=False, **OWN),
    row("unravel_index", I(2, 3, low=0, high=12), (3, 4)),
    raises("unravel_index", I(2), (3, -4), error=ValueError, text="cannot have negative values"),
    row("Tensor.resize_", P, 3, 2),
    row("Tensor.resize_", P, (4,)),
    row("Tensor.sum_to_size", X, 3, 1, **OWN),
    row("Tensor.sum_to_size", X, (2, 1, 4), second=True, **OWN),
    raises("Tensor.sum_to_size", X, 2, 2, error=RuntimeError, text="is not expandable to size"),
    row("Tensor.fill_diagonal_", F(5, 2, grad=False), 7.0, True),
    row("Tensor.fill_diagonal_", F(5, 2, grad=False), 7.0),
    row("Tensor.fill_diagonal_", F(3, 3, 3, grad=False), 7.0),
    raises("Tensor.fill_diagonal_", F(3, grad=False), 1, error=RuntimeError, text="larger than 1"),
    row("histogramdd", F(20, 2, grad=False), [3, 2], out=False),
    row("histogramdd", F(20, 2, grad=False), 2, range=(-1.0, 1.0, 0.0, 2.0), density=True),
    row("histogramdd", F(9, 2), [V([-1.0, 0, 2]), V([0.0, 1])], weight=F(9), grad=False),
    raises("histogramdd", F(9, 2), [3], error=RuntimeError, text="The size of bins must be equal"),
    row("_unsafe_masked_index", F(4), V([True, False, True]), [V([1, 9, -7])], 2.5, **OWN),
    row("_unsafe_masked_index_put_accumulate", F(4), V([True, False]), [V([1, 2])], F(2), **OWN),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_several_copies_are_written_to_a_list():
    out = [torch.empty(0), torch.empty(0)]
    assert torch.unbind_copy(torch.arange(4.0).view(2, 2), out=out) is None
    assert [x.tolist() for x in out] == [[0, 1], [2, 3]]


def test_a_resized_view_shows_more_of_its_base():
    x = torch.arange(12.0).view(3, 4)
    x[1].resize_(2, 3).mul_(10)
    assert x.tolist() == [[0, 1, 2, 3], [40, 50, 60, 70], [80, 90, 10, 11]]
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        torch.zeros(2, requires_grad=True).resize_(3)
    with pytest.raises(NotImplementedError, match="its base has too few elements"):
        x[1].resize_(3, 4)


def test_resize_as_and_the_old_spelling():
    x = torch.arange(6.0)
    assert x.resize_as_(torch.empty(2, 2)) is x and x.tolist() == [[0, 1], [2, 3]]
    assert torch.resize_as_(x, torch.empty(1)).tolist() == [0]
    with pytest.warns(UserWarning, match="non-inplace resize is deprecated"):
        assert torch.zeros(2, 3).resize(3, 2).shape == (3, 2)
    with pytest.warns(UserWarning), pytest.raises(RuntimeError, match="requested resize to 4"):
        torch.zeros(2, 3).resize_as(torch.zeros(4))


def test_set_makes_a_view_of_another_tensor():
    x, y = torch.arange(6.0), torch.zeros(1)
    assert y.set_(x, 1, (2, 2), (1, 2)) is y
    y.add_(10)
    assert x.tolist() == [0, 11, 12, 13, 14, 5]
    assert y.set_(x).is_set_to(x) and not y.is_set_to(x[1:]) and y.set_().shape == (0,)
    with pytest.raises(RuntimeError, match="Could not set tensor of type"):
        y.set_(torch.zeros(1, dtype=torch.int64))


def test_functions_of_python_numbers():
    x = torch.arange(3.0)
    x.apply_(lambda a: a + 1).map_(torch.tensor([10.0]), lambda a, b: a * b)
    assert x.map2_(x, torch.ones(3), lambda a, b, c: a + b - c).tolist() == [19, 39, 59]


def test_new_makes_a_tensor_of_the_same_dtype():
    x = torch.zeros(1, dtype=torch.float64)
    assert x.new(2, 3).shape == (2, 3) and x.new([1, 2]).dtype is torch.float64


def test_the_order_of_dimensions_in_memory():
    x = torch.zeros(2, 3, 4)
    assert x.dim_order() == (0, 1, 2) and x.transpose(1, 2).dim_order() == (0, 2, 1)
    with pytest.raises(RuntimeError, match="does not have unique dim order"):
        torch.zeros(1, 3).dim_order(ambiguity_check=True)
    with pytest.raises(TypeError, match="must be a bool or a list of memory formats"):
        x.dim_order(ambiguity_check="no")


def test_strided_views_are_of_the_whole_base():
    x = torch.arange(12.0).view(3, 4)
    for part in (x[1], x.t()[1], x.detach()[1]):
        assert part.as_strided((2,), (4,), 2).tolist() == [2, 6]
    assert x[1].as_strided((2,), (4,)).tolist() == [4, 8]
    x[2].as_strided((2, 2), (1, 4), 0).fill_(-1)
    assert np.asarray(x).tolist() == [[-1, -1, 2, 3], [-1, -1, 6, 7], [8, 9, 10, 11]]
    with pytest.raises(RuntimeError, match="out of bounds for storage"):
        x[0].as_strided((3,), (6,))
