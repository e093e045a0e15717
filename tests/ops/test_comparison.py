"""Comparisons and predicates; logic on truth values and bits."""

from tests import oracle
from tests.oracle import DTYPES, B, F, I, V, raises, row

inf, nan = float("inf"), float("nan")
A = V([1.0, 2.0, nan, inf, -0.0, 3.0])
C = V([1.0, 1.0, nan, inf, 0.0, 4.0])
BITS = "bool uint8 int32 int64 float64 complex64"

ROWS = [
    *(r for name in "eq ne lt le gt ge".split() for r in (
        row(name, A, C, dtypes=DTYPES),
        row(name, F(2, 3), F(3)),
        row(name, A, 1),
        row(name, I(2, 3), 1.5),
        row(name, I(2, 3), F(3)),
    )),
    *(row(name, A, C) for name in
      "not_equal less less_equal greater greater_equal".split()),
    row("eq", B(2, 3), B(3)),
    row("isclose", V([1.0, 2.0, nan, inf, 1e-9]), V([1.0 + 1e-6, 2.1, nan, inf, 0.0])),
    row("isclose", V([1.0, nan]), V([1.0, nan]), equal_nan=True),
    row("isclose", V([1.0, 2.0]), V([1.1, 2.5]), rtol=0.1, atol=0.2),
    row("allclose", F(2, 3), F(2, 3), trace=False),
    row("allclose", V([1.0, nan]), V([1.0, nan]), equal_nan=True, trace=False),
    row("allclose", V([1.0, 2.0]), V([1.0, 2.0]), trace=False),
    row("equal", V([1.0, 2.0]), V([1.0, 2.0]), trace=False),
    row("equal", F(2, 3), F(3), trace=False),
    row("equal", F(2, 3), F(3, 2), trace=False),
    *(row(name, V([1.0, nan, inf, -inf, 0.0]), dtypes=DTYPES)
      for name in "isnan isinf isfinite isreal".split()),
    *(row(name, V([1.0, nan, inf, -inf, 0.0]), dtypes="float64 int64 bool")
      for name in "isposinf isneginf".split()),
    row("isin", I(2, 3), I(3)),
    row("isin", I(2, 3), I(3), invert=True),
    row("isin", F(2, 3), F(0)),

    *(row(name, V([1.0, 0.0, nan, 2.0]), V([0.0, 0.0, 1.0, 3.0]), dtypes=DTYPES)
      for name in "logical_and logical_or logical_xor".split()),
    row("logical_and", B(2, 3), I(3)),
    row("logical_not", V([1.0, 0.0, nan]), dtypes=DTYPES),
    *(row(name, I(2, 3), I(3), dtypes=BITS)
      for name in "bitwise_and bitwise_or bitwise_xor gcd lcm".split()),
    *(row(name, I(2, 3), 3) for name in "bitwise_and bitwise_or bitwise_xor".split()),
    *(row(name, B(2, 3), B(3)) for name in "bitwise_and bitwise_or bitwise_xor".split()),
    row("bitwise_not", I(2, 3)),
    row("bitwise_not", B(2, 3)),
    *(row(name, I(2, 3), I(3, low=0), dtypes="uint8 int32") for name in
      ("bitwise_left_shift", "bitwise_right_shift")),
    row("bitwise_left_shift", I(2, 3), 2),
    row("bitwise_right_shift", I(2, 3), 1),

    raises("eq", F(2, 3), F(4), error=RuntimeError, text="The size of tensor a (3) must match"),
    raises("lt", F(2, dtype="complex64"), F(2), error=NotImplementedError, text="ComplexFloat"),
    raises("isclose", F(2), I(2), error=RuntimeError, text="Float did not match Long"),
    raises("bitwise_and", F(2), F(2), error=NotImplementedError, text="'Float'"),
    raises("Tensor.__invert__", F(2), error=TypeError,
           text="only implemented on integer and Boolean-type tensors"),
    raises("Tensor.__lshift__", F(2), 1, error=NotImplementedError, text="'Float'"),
    raises("eq", F(2), "a", error=TypeError),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
