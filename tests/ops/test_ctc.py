"""The CTC loss: lengths, blanks, repeated labels, what does not fit, and torch's gradient."""

from tests import oracle
from tests.oracle import F, I, V, raises, row

KEPT = {"node": False, "dtypes": ""}
SCORES = F(8, 3, 5)
LABELS = V([[1, 2, 2], [3, 1, 4], [2, 3, 1]])
INPUTS, LENGTHS = V([8, 6, 3]), V([3, 2, 0])

ROWS = [
    row("nn.functional.ctc_loss", SCORES, LABELS, INPUTS, LENGTHS, **KEPT),
    row("nn.functional.ctc_loss", SCORES, V([1, 2, 2, 3, 1]), INPUTS, LENGTHS, reduction="none",
        trace=False, **KEPT),
    row("nn.functional.ctc_loss", SCORES, LABELS, V([8, 2, 3]), V([3, 3, 3]), reduction="sum",
        zero_infinity=True, **KEPT),
    row("nn.functional.ctc_loss", F(8, 5), V([1, 0, 3]), V(8), V(3), blank=4, reduction="none",
        trace=False, **KEPT),
    row("ctc_loss", SCORES, LABELS, [8, 6, 3], [3, 2, 0], 0, 2, **KEPT),
    raises("nn.functional.ctc_loss", SCORES, LABELS, I(2, low=1, high=3), LENGTHS,
           error=RuntimeError, text="input_lengths must be of size batch_size"),
    raises("nn.functional.ctc_loss", SCORES, LABELS, INPUTS, LENGTHS, 5, error=RuntimeError,
           text="blank must be in label range"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
