"""Rounding to a grid of few integers, with the gradient of doing nothing."""

from tests import oracle
from tests.oracle import DTYPES, F, I, V, raises, row

inf, nan = float("inf"), float("nan")
WHOLE, EACH = "fake_quantize_per_tensor_affine", "fake_quantize_per_channel_affine"
X = V([-3.0, -0.04, 0.04, 0.26, 7.0, 26.0, nan, inf, -inf])
POINTS = V([0, 1, 2], "int32")
SCALES = V([0.1, 0.2, 0.3], grad=False)

ROWS = [
    row(WHOLE, X, 0.1, 0, 0, 255),
    row(WHOLE, F(3, 4), 0.07, 3, -8, 7, dtypes=DTYPES),
    row(WHOLE, F(3, 4), V([0.1], grad=False), V([3], "int32"), 0, 15),
    row(EACH, F(2, 3), SCALES, POINTS, 1, 0, 10),
    row(EACH, F(3, 4), SCALES, V([0.0, 1.0, 2.5], grad=False), 0, 0, 10),
    raises(WHOLE, X, 0.1, 300, 0, 255, error=RuntimeError, text="`zero_point` must be between"),
    raises(WHOLE, X, 0.1, 0, 5, 2, error=RuntimeError, text="`quant_min` should be less than"),
    raises(WHOLE, I(3), 0.1, 0, 0, 255, error=NotImplementedError, text="implemented for 'Long'"),
    raises(EACH, F(2, 3), SCALES, V([0, 1, 20], "int32"), 1, 0, 10, error=RuntimeError,
           text="`zero_point` must be between"),
    raises(EACH, F(2, 3), SCALES, V([0, 1, 2]), 1, 0, 10, error=RuntimeError, text="Zero-point"),
    raises(EACH, F(2, 4), SCALES, POINTS, 1, 0, 10, error=RuntimeError, text="not consistent with"),
    raises(EACH, F(2, 3), SCALES, POINTS, 2, 0, 10, error=IndexError),
    raises(EACH, F(2, 3), SCALES, POINTS, -1, 0, 10, error=RuntimeError, text="`axis` must be"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
