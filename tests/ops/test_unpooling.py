"""Max unpooling, and pooling over fractional windows whose beginnings are given."""

from tests import oracle
from tests.oracle import F, I, V, raises, row

FN = "nn.functional."
KEPT = {"node": False, "dtypes": ""}
PLACES = V([[[[0, 3], [10, 8]]]])

ROWS = [
    row(FN + "max_unpool1d", F(1, 2, 2), V([[[1, 2], [0, 3]]]), 2, **KEPT),
    row(FN + "max_unpool2d", F(1, 1, 2, 2), PLACES, 2, **KEPT, second=True),
    row(FN + "max_unpool2d", F(1, 2, 2), V([[[0, 0], [3, 8]]]), 2, output_size=(5, 3), **KEPT),
    row(FN + "max_unpool3d", F(1, 1, 1, 2, 2), V([[[[[0, 20], [31, 8]]]]]), 2, **KEPT),
    row(FN + "fractional_max_pool2d", F(2, 3, 7, 6), (2, 3), (4, 2), return_indices=True,
        _random_samples=F(2, 3, 2, low=0.0, high=1.0, grad=False), **KEPT),
    row(FN + "fractional_max_pool2d_with_indices", F(3, 7, 6), 2, output_ratio=(0.5, 0.7),
        _random_samples=F(1, 3, 2, low=0.0, high=1.0, grad=False), **KEPT),
    row(FN + "fractional_max_pool3d", F(1, 2, 6, 7, 4), 2, (3, 4, 1),
        _random_samples=F(1, 2, 3, low=0.0, high=1.0, grad=False), **KEPT),
    row(FN + "fractional_max_pool3d_with_indices", F(1, 2, 6, 7, 6), 2, (3, 4, 3),
        _random_samples=F(1, 2, 3, low=0.0, high=1.0, grad=False), **KEPT),
    raises(FN + "max_unpool2d", F(1, 1, 2, 2), I(1, 1, 2, 2, low=16, high=17), 2,
           error=RuntimeError, text="Found an invalid max index: 16"),
    raises(FN + "max_unpool2d", F(1, 1, 2, 2), PLACES, 2, output_size=(7, 7),
           error=ValueError, text="dim 0 must be between 2 and 6"),
    raises(FN + "fractional_max_pool2d", F(1, 1, 3, 3), 3, 2, error=RuntimeError,
           text="pool height 3 too large relative to input height 3"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
