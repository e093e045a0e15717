"""Padding in all modes."""

from tests import oracle
from tests.oracle import F, I, raises, row

X = F(2, 3, 4, 5)
PAD = "nn.functional.pad"


def padded(*args, **options):
    return row(PAD, *args, node=False, **options)


ROWS = [
    row("constant_pad_nd", F(2, 3), (1, -1, 0, 2), 1.5, node=False),
    padded(X, (1, 2)),
    padded(X, (1, 2, 0, 3), value=2.5),
    padded(X, (-1, 2, 1, -2)),
    padded(I(2, 3), (1, 1), value=3),
    padded(F(3), [2, 0], "constant"),
    *(padded(F(2, 3, 5), (1, 2), mode) for mode in ("reflect", "replicate", "circular")),
    *(padded(X, (1, 2, 2, 1), mode) for mode in ("reflect", "replicate", "circular")),
    padded(F(3, 5), (2, 1), mode="reflect"),
    padded(F(2, 3, 4, 5, 3), (1, 0, 1, 2, 1, 1), mode="reflect"),
    padded(F(2, 3, 5), (-1, 2), mode="replicate"),
    raises(PAD, X, (1,), error=RuntimeError, text="Padding length must be divisible by 2"),
    raises(PAD, F(3), (1, 1, 1, 1), error=RuntimeError, text="less than or equal to two times"),
    raises(PAD, X, (1, 1), "mirror", error=NotImplementedError, text="padding mode mirror"),
    raises(
        PAD,
        F(1, 1, 3, 4, 5),
        (6, 1, 5, 1, 4, 3),
        "reflect",
        error=RuntimeError,
        text="Argument #4: Padding size should be less than the corresponding input dimension, "
        "but got: padding (6, 1) at dimension 4 of input [1, 1, 3, 4, 5]",
    ),
    raises(
        PAD,
        F(1, 1, 4, 4),
        (1, 1, 5, 0),
        "reflect",
        error=RuntimeError,
        text="Argument #6: Padding size should be less than the corresponding input dimension, "
        "but got: padding (5, 0) at dimension 2 of input [1, 1, 4, 4]",
    ),
    raises(PAD, F(2, 3), (9, 1), "reflect", error=RuntimeError, text="Padding size should be less"),
    raises(PAD, F(2, 3), (9, 1), "circular", error=RuntimeError, text="wrapping around more than"),
    raises(PAD, X, (1, 1), "reflect", value=3.0, error=RuntimeError, text="take in value argument"),
]

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
