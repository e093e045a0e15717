"""Reading and writing by index: gather and scatter, slices along a dimension, positions."""

import pytest

import jaxtorch
from tests import oracle
from tests.oracle import F, V, raises, row

X = F(3, 4)
AT = V([[0, 2, 1, 0], [2, 2, 0, 1]])
TWICE = V([0, 2, 0])
ZEROS = V([[0.0, 2.0, 3.0], [4.0, 0.0, 0.0]])

ROWS = [
    row("gather", X, 0, AT, second=True, dtypes=""),
    row("gather", X, 1, V([[3, 0], [1, 1]])),
    row("gather", F(), 0, V(0)),
    raises("gather", X, 0, V([0]), error=RuntimeError, text="same number of dimensions as input"),
    raises(
        "gather", X, 0, F(2, 4), error=RuntimeError, text="Expected dtype int32/int64 for index"
    ),
    raises("gather", X, 1, V([[0]] * 4), error=RuntimeError, text="to be no larger than self"),
    row("scatter", X, 0, AT, F(2, 4)),
    # torch itself cannot differentiate a src larger than the index
    row("scatter", X, 0, V([[0, 2], [1, 1]]), F(3, 3), grad=False),
    row("scatter", X, 1, V([[0, 2], [1, 3]]), 1.5),
    row("scatter", X, 1, V([[0, 2]]), value=2),
    row("scatter", X, 0, V([[0, 2]]), 2.0, reduce="multiply", node=False, grad=False),
    row("scatter", X, 0, V([[0, 0], [0, 1]]), F(2, 2), reduce="add", node=False, grad=False),
    raises(
        "scatter", X, 0, V([[0]]), V([[1]]), error=RuntimeError, text="to be equal to src.dtype"
    ),
    raises(
        "scatter", X, 0, V([[0], [0]]), F(1, 1), error=RuntimeError, text="no larger size than src"
    ),
    row("scatter_add", X, 0, AT, F(2, 4), second=True),
    row("scatter_add", X, 1, V([[1, 1, 1]]), F(2, 3), grad=False),
    *(
        row(
            "scatter_reduce",
            X,
            0,
            AT,
            F(2, 4),
            how,
            include_self=own,
            second=how in ("sum", "mean"),
        )
        for how in ("sum", "prod", "mean", "amax", "amin")
        for own in (True, False)
    ),
    row("scatter_reduce", ZEROS, 0, V([[0, 0, 0], [0, 1, 0]]), ZEROS, "prod"),
    row("scatter_reduce", V([1.0, 2.0]), 0, V([0, 0, 1]), V([1.0, 1.0, 2.0]), "amax"),
    *(
        row(
            "scatter_reduce",
            F(3, dtype="complex64"),
            0,
            V([0, 0, 2]),
            F(3, dtype="complex64"),
            how,
            include_self=False,
            grad=False,
        )
        for how in ("sum", "prod", "mean")
    ),
    raises(
        "scatter_reduce",
        F(3, dtype="complex64"),
        0,
        V([0]),
        F(3, dtype="complex64"),
        "amax",
        error=NotImplementedError,
    ),
    raises("scatter_reduce", X, 0, AT, F(2, 4), "foo", error=RuntimeError, text="sum, prod, mean"),
    row("index_select", X, 0, TWICE, second=True),
    row("index_select", X, -1, V(1)),
    raises("index_select", X, 0, V([[0]]), error=IndexError, text="supposed to be a vector"),
    raises("index_select", X, 0, V([5]), error=IndexError, text="index out of range in self"),
    row("index_add", X, 0, TWICE, F(3, 4)),
    row("index_add", X, 1, V([3]), F(3, 1), alpha=2),
    row("index_copy", X, 0, V([2, 0]), F(2, 4)),
    raises("index_copy", X, 0, V([5]), F(1, 4), error=IndexError, text="index 5 is out of bounds"),
    row("index_fill", X, 0, V([0, -1]), 3.0),
    row("index_fill", X, 1, V([2]), F()),
    *(
        row("index_reduce", X, 0, TWICE, F(3, 4), how, include_self=own)
        for how in ("prod", "mean", "amax", "amin")
        for own in (True, False)
    ),
    row("take", X, V([[0, 11], [-1, 3]])),
    raises("take", X, V([12]), error=IndexError, text="tried to access index 12 on a tensor of 12"),
    row("Tensor.put", X, V([0, 5, -1]), F(3)),
    row("Tensor.put", X, V([0, 0]), F(2), True),
    row("take_along_dim", X, V([[0, 2, 1, 1]]), 0),
    row("take_along_dim", X, V([0, 7])),
    row("Tensor.index_put", X, (V([0, 2]), V([1, 1])), F(2)),
    row("Tensor.index_put", X, (V([0, 0]),), F(4), accumulate=True),
    row("Tensor.index_put", X, (V([0, 0]), V([1, 1])), F(2), True),
    raises(
        "Tensor.index_put", X, (V([0]),), V([1]), error=RuntimeError, text="dtypes match, got Float"
    ),
    row("masked_fill", X, V([[True, False, True, False]] * 3), 2.0),
    row("masked_fill", X, V([True, False, False, True]), F()),
    row("masked_scatter", F(2, 3), V([[True, False, True], [False, True, True]]), F(5)),
    row("masked_select", F(2, 3), V([[True, False, True], [False, True, True]]), trace=False),
    row("masked_select", F(2, 3), V([True, False, True]), trace=False),
    raises("masked_fill", X, X, 1.0, error=RuntimeError, text="only supports boolean masks"),
    row("nonzero", V([[0, 1], [2, 0]]), trace=False),
    row("nonzero", V([[0, 1], [2, 0]]), as_tuple=True, trace=False),
    row("nonzero", V(3.0), trace=False, grad=False),
    row("argwhere", V([0.0, 2.0]), trace=False, grad=False),
    row("nonzero_static", V([0, 3, 4]), size=3),
]

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


@pytest.mark.parametrize("index", [[[3]], [[-1]]])
@pytest.mark.parametrize("name", ["gather", "scatter"])
def test_an_index_out_of_range_raises(name, index):
    x, at = jaxtorch.ones(3, 2), jaxtorch.tensor(index)
    arguments = (1.0,) if name == "scatter" else ()
    with pytest.raises(IndexError, match=f"index {index[0][0]} is out of bounds for dimension 0"):
        getattr(x, name)(0, at, *arguments).tolist()
