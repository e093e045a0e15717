"""Mathematics of one tensor, element by element."""

import numpy as np

from tests import oracle
from tests.oracle import DTYPES, F, I, V, raises, row

inf, nan = float("inf"), float("nan")
EDGES = V([0.0, -0.0, 1.0, -1.0, 2.5, inf, -inf, nan])


def everywhere(name, **options):
    """An op defined for all numbers: values and both derivatives, edge cases, all dtypes."""
    return [
        row(name, F(2, 3), second=True, dtypes=DTYPES, **options),
        row(name, EDGES, **options),
    ]


def within(name, low, high, edges=EDGES, **options):
    """An op defined between low and high."""
    return [
        row(name, F(2, 3, low=low, high=high), second=True, dtypes=DTYPES, **options),
        row(name, edges, **options),
    ]


ROWS = [
    *(
        r
        for name in (
            "abs neg sign sgn square floor ceil trunc round exp exp2 expm1 sigmoid sin cos tan "
            "atan sinh cosh tanh asinh sinc deg2rad rad2deg erf erfc nan_to_num angle "
            "conj_physical i0 "
            "positive"
        ).split()
        for r in everywhere(name)
    ),
    *(r for name in "sqrt reciprocal log log2 log10".split() for r in within(name, 0.1, 3.0)),
    *(r for name in "asin acos atanh erfinv log1p".split() for r in within(name, -0.9, 0.9)),
    *within("acosh", 1.1, 4.0),
    *within("lgamma", 0.2, 5.0, limits=(2e-5, 2e-6)),
    *within("digamma", 0.2, 5.0, V([0.0, -0.0, 1.0, 2.5, inf, nan, -0.5]), grad=False,
            limits=(2e-5, 2e-6)),
    *within("logit", 0.1, 0.9, V([0.0, 0.5, 1.0, 2.0]), grad=False),
    *within("rsqrt", 0.1, 3.0, V([0.0, 1.0, inf, nan])),
    row("frac", F(2, 3, low=-3, high=3), second=True, dtypes=DTYPES),
    row("signbit", EDGES, dtypes=DTYPES),
    row("logit", V([-0.5, 0.0, 0.2, 0.7, 1.0, 1.5]), eps=0.1),
    row("logit", F(2, 3, low=0.1, high=0.9), 1e-6),
    row("round", F(2, 3, low=-300, high=300), decimals=2),
    row("round", F(2, 3, low=-300, high=300), decimals=-2),
    row("round", V([0.5, 1.5, 2.5, -0.5, -1.5])),
    row("nan_to_num", EDGES, 1.0, 2.0, -2.0),
    row("angle", F(2, 3, dtype="complex64")),
    row("sgn", F(2, 3, dtype="complex64")),
    row("abs", F(2, 3, dtype="complex64"), inplace=False),
    row("conj_physical", F(2, 3, dtype="complex64")),
    row("exp", F(2, 3, dtype="complex64")),
    row("tanh", F(2, 3, dtype="complex64")),
    row("square", F(2, 3, dtype="complex64"), second=True),
    row("reciprocal", F(2, 3, dtype="complex64")),
    row("log", F(2, 3, dtype="complex128")),
    row("sqrt", F(2, 3, dtype="complex64")),
    *(row(name, F(2, 3, low=0.1, high=0.9, dtype="float64"), second=True)
      for name in "exp log sin tanh sigmoid erf rsqrt".split()),
    *(row(name, I(2, 3)) for name in "abs neg sign square floor exp sigmoid reciprocal".split()),
    *(row(name, F(2, 3, low=0.1, high=0.9, dtype=dtype))
      for name in "exp log tanh sigmoid rsqrt square".split()
      for dtype in ("float16", "bfloat16")),
    row("conj", F(2, 3, dtype="complex64"), node=False),
    row("conj", F(2, 3)),
    row("resolve_conj", F(2, 3)),
    row("resolve_neg", F(2, 3)),
    row("exp", V([complex(-inf, inf), complex(-inf, nan), complex(-inf, 0), 1j], grad=False)),
    row("exp", F()),
    row("exp", F(0, 3)),
    row("log2", V(np.exp2(np.arange(-4, 8)).astype("float32")), limits=(1e-7, 0)),
    row("log10", V(10.0 ** np.arange(-4, 8)), limits=(2e-7, 0)),
    raises("neg", oracle.B(2), error=RuntimeError, text="Negation, the `-` operator, on a bool"),
    raises("abs", oracle.B(2), error=NotImplementedError, text="not implemented for 'Bool'"),
    raises("floor", oracle.B(2), error=NotImplementedError, text="not implemented for 'Bool'"),
    raises("round", I(2), decimals=2, error=NotImplementedError, text="not implemented for 'Long'"),
    raises("sign", F(2, dtype="complex64"), error=NotImplementedError, text="torch.sgn"),
    raises("exp", 3.0, error=TypeError, text="argument 'input' (position 1) must be Tensor"),
    raises("Tensor.exp_", I(2), error=RuntimeError,
           text="result type Float can't be cast to the desired output type Long"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
