"""Convolutions, in XLA's form and in those for few channels and few pixels."""

from tests import oracle
from tests.oracle import F, raises, row

FN = "nn.functional."
WIDE = {"limits": (1e-4, 1e-4), "node": False, "dtypes": ""}

ROWS = [
    row("conv_tbc", F(5, 2, 3), F(2, 3, 4), F(4), 1, node=False),
    row(FN + "conv2d", F(2, 1, 7, 6), F(3, 1, 3, 3), F(3), second=True, **WIDE),
    row(FN + "conv2d", F(2, 20, 4, 4), F(5, 20, 3, 3), F(5), padding=1, second=True, **WIDE),
    row(FN + "conv2d", F(2, 20, 9, 8), F(5, 20, 1, 1), stride=2, second=True, **WIDE),
    row(FN + "conv2d", F(2, 6, 9, 8), F(4, 6, 3, 2), F(4), 1, 1, 2, **WIDE),
    row(FN + "conv2d", F(2, 20, 12, 12), F(4, 20, 3, 3), padding="same", **WIDE),
    row(FN + "conv2d", F(4, 9, 8), F(6, 2, 3, 3), groups=2, **WIDE),
    row(FN + "conv1d", F(2, 4, 9), F(3, 4, 3), F(3), stride=2, padding=2, **WIDE),
    row(FN + "conv3d", F(2, 2, 4, 5, 6), F(3, 2, 2, 3, 2), padding=(0, 1, 1), **WIDE),
    row(FN + "conv_transpose1d", F(2, 4, 5), F(4, 3, 3), F(3), stride=2, **WIDE),
    row(FN + "conv_transpose2d", F(2, 4, 5, 4), F(4, 3, 3, 3), F(6), 2, 1, 1, 2, **WIDE),
    row(FN + "conv_transpose3d", F(1, 2, 3, 3, 3), F(2, 3, 2, 2, 2), dilation=2, **WIDE),
    # the bias is added before the one rounding
    row(
        FN + "conv1d",
        *(F(*n, dtype="float16") for n in ((2, 4), (2, 1, 4), (2,))),
        padding="same",
        dilation=2,
        groups=2,
        node=False,
    ),
    raises(FN + "conv2d", F(2, 3, 8, 8), F(6, 1, 3, 3), error=RuntimeError, text="Given groups=1"),
    raises(FN + "conv2d", F(1, 1, 3, 3, dtype="float64"), F(1, 1, 2, 2), F(1), error=RuntimeError,
           text="Input type (double) and bias type (float) should be the same"),
    raises(FN + "conv2d", F(2, 3), F(6, 1, 3, 3), error=RuntimeError, text="Expected 3D"),
    raises(FN + "conv2d", F(1, 3, 2, 2), F(6, 3, 3, 3), error=RuntimeError, text="Kernel size"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
