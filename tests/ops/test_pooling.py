"""Pools: windows, edges, padding, indices, and which of equals takes the gradient."""

from tests import oracle
from tests.oracle import F, I, V, raises, row

FN = "nn.functional."
EQUAL = V([[[[1.0, 1.0, 2.0, 0.0], [1.0, 1.0, 2.0, 2.0]]]])
KEPT = {"node": False, "dtypes": ""}

ROWS = [
    row(FN + "max_pool2d", F(2, 3, 7, 6), 2, second=True, **KEPT),
    row(FN + "max_pool2d", EQUAL, 2, **KEPT),
    row(FN + "max_pool2d", F(2, 3, 7, 6), (3, 2), 2, 1, 2, True, **KEPT),
    row(FN + "max_pool2d", F(2, 3, 7, 6), 3, 2, 1, return_indices=True, **KEPT),
    row(FN + "max_pool1d", F(3, 9), 3, 2, ceil_mode=True, **KEPT),
    row(FN + "max_pool3d", F(1, 2, 5, 4, 6), 2, **KEPT),
    row(FN + "avg_pool2d", F(2, 3, 7, 6), 3, 2, 1, True, False, **KEPT),
    row(FN + "avg_pool2d", F(2, 3, 7, 6), 2, divisor_override=3, **KEPT),
    row(FN + "avg_pool1d", F(2, 3, 9), 3, 2, 1, **KEPT),
    row(FN + "avg_pool3d", F(2, 2, 5, 4, 6), 2, **KEPT),
    row(FN + "adaptive_avg_pool2d", F(2, 3, 7, 6), (3, None), **KEPT),
    row(FN + "adaptive_avg_pool2d", F(2, 3, 7, 6), 1, **KEPT),
    row(FN + "adaptive_max_pool2d", F(2, 3, 7, 6), (2, 3), return_indices=True, **KEPT),
    row(FN + "lp_pool2d", F(2, 3, 6, 6, low=0.5, high=2.0), 2.0, 3, **KEPT),
    row(FN + "adaptive_avg_pool1d", F(2, 3, 7), 3, **KEPT),
    row(FN + "adaptive_avg_pool3d", F(1, 2, 5, 4, 6), (2, 2, 3), **KEPT),
    row(FN + "adaptive_max_pool1d", F(2, 3, 7), 3, **KEPT),
    row(FN + "adaptive_max_pool3d", F(1, 2, 5, 4, 6), (2, 2, 3), **KEPT),
    row(FN + "lp_pool1d", F(2, 3, 6, low=0.5, high=2.0), 2.0, 3, **KEPT),
    row(FN + "lp_pool3d", F(1, 2, 4, 4, 4, low=0.5, high=2.0), 2.0, 2, **KEPT),
    row(FN + "max_pool1d_with_indices", F(3, 9), 3, 2, **KEPT),
    row(FN + "max_pool2d_with_indices", EQUAL, 2, **KEPT),
    row(FN + "max_pool3d_with_indices", F(1, 2, 5, 4, 6), 2, **KEPT),
    row(FN + "adaptive_max_pool1d_with_indices", F(2, 3, 7), 3, **KEPT),
    row(FN + "adaptive_max_pool2d_with_indices", F(2, 3, 7, 6), (2, 3), **KEPT),
    row(FN + "adaptive_max_pool3d_with_indices", F(1, 2, 5, 4, 6), (2, 2, 3), **KEPT),
    raises(
        FN + "max_pool1d",
        F(2, 3, 8),
        1,
        1,
        0,
        0,
        error=RuntimeError,
        text="dilation must be greater",
    ),
    raises(FN + "max_pool2d", F(2, 3, 8, 8), 3, padding=2, error=RuntimeError, text="at most half"),
    raises(
        FN + "avg_pool2d",
        I(2, 3, 4, 4, dtype="int32"),
        2,
        error=NotImplementedError,
        text="\"avg_pool2d\" not implemented for 'Int'",
    ),
    raises(FN + "max_pool2d", F(2, 3, 1, 1), 2, error=RuntimeError, text="too small"),
]

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
