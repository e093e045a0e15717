"""Order and its statistics."""

import jaxtorch
from tests import oracle
from tests.oracle import B, F, I, V, raises, row

inf, nan = float("inf"), float("nan")
X = F(3, 4)
TIES = V([[3.0, 1.0, 3.0, 2.0], [1.0, 1.0, 0.0, 5.0]])
HOLES = V([[3.0, nan, 1.0, 2.0], [1.0, 4.0, 0.0, 5.0]])
ODD = V([2.0, nan, -inf, inf, -0.0, 0.0, 1.0])

ROWS = [
    row("sort", X, second=True, dtypes="bool uint8 int64 float16 float64"),
    row("sort", X, 1, True),
    row("sort", TIES, dim=0),
    row("sort", TIES, stable=True, descending=True),
    row("sort", ODD, stable=True, grad=False),
    row("sort", ODD, descending=True, stable=True, grad=False),
    row("sort", I(2, 3), 1),
    row("sort", F(), 0),
    row("argsort", X),
    row("argsort", TIES, dim=1, descending=True, stable=True),
    row("msort", X),
    row("topk", X, 2),
    row("topk", X, 2, dim=0, largest=False),
    row("topk", X, k=1, dim=-1, largest=True, sorted=True),
    row("topk", HOLES, 2, grad=False),
    row("topk", V([4, 1, 3, 2]), 3, largest=False),
    row("topk", X, 0),
    row("kthvalue", X, 2),
    row("kthvalue", X, 3, 0, True),
    row("kthvalue", V([4, 1, 3, 2]), 2),
    row("median", X, second=True),
    row("median", X, 1),
    row("median", X, dim=0, keepdim=True),
    row("median", HOLES, 1, grad=False),
    row("median", V([1, 3, 2, 5])),
    row("nanmedian", HOLES, 1),
    row("nanmedian", HOLES),
    row("mode", V([[1.0, 2.0, 2.0, 3.0], [5.0, 4.0, 4.0, 5.0]])),
    row("mode", V([[1, 2, 2], [3, 3, 3]]), 1, True),
    *(row("quantile", X, 0.3, dim=1, interpolation=how, node=False)
      for how in "linear lower higher midpoint nearest".split()),
    row("quantile", X, 0.5, node=False),
    row("quantile", X, V([0.1, 0.5, 0.9], grad=False), dim=0, keepdim=True, node=False),
    row("quantile", X, 0.25, keepdim=True, node=False),
    row("quantile", F(), 0.5, node=False),
    row("quantile", HOLES, 0.5, dim=1, node=False, grad=False),
    row("nanquantile", HOLES, 0.4, dim=1, node=False),
    row("searchsorted", V([1.0, 3.0, 5.0, 7.0]), V([[0.0, 3.0], [6.0, 9.0]])),
    row("searchsorted", V([1.0, 3.0, 5.0, 7.0]), V([3.0, 6.0]), right=True, out_int32=True),
    row("searchsorted", V([[1.0, 3.0], [2.0, 4.0]]), V([[3.0, 5.0], [1.0, 3.0]]), side="right"),
    row("searchsorted", V([1, 3, 5]), 3),
    row("bucketize", F(2, 3), V([-1.0, 0.0, 1.0])),
    row("bucketize", V([1.0, 2.0]), V([1.0, 2.0]), right=True),
    row("unique", V([3, 1, 3, 2]), trace=False),
    row("unique", V([[3, 1], [3, 2]]), return_inverse=True, return_counts=True, trace=False),
    row("unique", V([[1, 2], [1, 2], [0, 5]]), dim=0, return_inverse=True, trace=False),
    row("unique", V([2.0, 1.0, 2.0]), trace=False, grad=False),
    row("unique_consecutive", V([1, 1, 2, 2, 1]), trace=False),
    row("unique_consecutive", V([1, 1, 2]), return_inverse=True, return_counts=True, trace=False),
    row("bincount", V([0, 1, 1, 4]), trace=False),
    row("bincount", V([0, 1, 1, 4]), V([0.5, 1.0, 2.0, 3.0], grad=False), minlength=7, trace=False),
    row("histc", F(2, 3), 4, -1, 1, grad=False),
    row("histc", F(2, 3), bins=5, grad=False),
    row("histogram", F(2, 3), 4, range=(-1.0, 1.0), grad=False),
    row("histogram", F(2, 3), V([-1.0, 0.0, 1.0]), density=True, grad=False),
    row("cov", F(3, 4), node=False),
    row("cov", F(3, 4), correction=0, fweights=I(4, low=1), node=False),
    row("cov", F(4), node=False),
    row("corrcoef", F(3, 4), node=False),

    raises("sort", X, 4, error=IndexError, text="Dimension out of range"),
    raises("topk", X, 7, error=RuntimeError, text="selected index k out of range"),
    raises("kthvalue", X, 9, error=RuntimeError,
           text="kthvalue(): selected number k out of range for dimension 1"),
    raises("quantile", X, 2.0, error=RuntimeError,
           text="quantile() q must be in the range [0, 1] but got 2"),
    raises("quantile", I(3), 0.5, error=RuntimeError,
           text="quantile() input tensor must be either float or double dtype"),
    raises("bincount", V([-1, 2]), error=RuntimeError,
           text="bincount only supports 1-d non-negative integral inputs."),
    raises("bincount", F(3), error=NotImplementedError, text="not implemented for 'Float'"),
    raises("histc", I(3), error=NotImplementedError, text="not implemented for 'Long'"),
    raises("bucketize", F(3), F(2, 2), error=RuntimeError, text="must be 1 dimension"),
    raises("median", B(0, 3), 0, error=IndexError,
           text="Expected reduction dim 0 to have non-zero"),
    row("searchsorted", V([1.0, 2.0, 2.0, float("nan")]), V([0.0, 2.0, float("nan")]), right=True),
    row("searchsorted", V([3.0, 1.0, 2.0]), V([1.5, 2.0]), sorter=V([1, 2, 0])),
    raises(
        "searchsorted", V([3.0, 1.0]), V([1.5]), sorter=V([1]), error=RuntimeError,
        text="boundary and sorter must have the same size",
    ),
    row("bucketize", 2.5, V([1, 2, 4])),
    raises("histogram", V([1, 2]), 3, error=NotImplementedError, text="not implemented for 'Long'"),
    raises("quantile", F(3), V(0.5, "float64"), error=RuntimeError, text="must be same dtype as"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_histc_of_half_types_counts_in_the_right_bins():
    """Bins are found in float32; torch's, in bfloat16, are wrong for one element in five."""
    x = jaxtorch.linspace(-12, 2, 2000).bfloat16()
    mine, exact = jaxtorch.histc(x, 100, -10, 0), jaxtorch.histc(x.float(), 100, -10, 0)
    assert mine.dtype is jaxtorch.bfloat16 and mine.tolist() == exact.bfloat16().tolist()
