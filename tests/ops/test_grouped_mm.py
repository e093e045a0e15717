"""Products group by group: which dimension is cut up, and what must fit."""

from tests import oracle
from tests.oracle import F, V, raises, row

FN = "nn.functional.grouped_mm"
KEPT = {"node": False, "dtypes": "", "grad": False}
ENDS = V([2, 4], "int32")

ROWS = [
    row(FN, F(4, 8), F(2, 8, 4), offs=ENDS, node=False),
    row(FN, F(2, 3, 8), F(8, 4), offs=ENDS, **KEPT),
    row(FN, F(4, 4), F(4, 4), offs=ENDS, **KEPT),
    row(FN, F(2, 3, 8), F(2, 8, 4), **KEPT),
    raises(FN, F(4, 8), F(2, 4, 4), offs=ENDS, error=RuntimeError, text="contraction dimension"),
    raises(FN, F(4, 8), F(2, 8, 4), error=RuntimeError, text="Have to provide offsets"),
    raises(FN, F(4, 8), F(2, 8, 4), offs=V([2, 4]), error=RuntimeError, text="to be int32"),
]

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
