"""Windows of signal processing."""

from tests import oracle
from tests.oracle import raises, row

CLOSE = {"limits": (1e-5, 3e-7)}

ROWS = [
    *(
        row(f"{name}_window", 6, periodic, **CLOSE)
        for name in ("hann", "hamming", "blackman", "bartlett", "kaiser")
        for periodic in (True, False)
    ),
    row("hann_window", 1),
    row("hann_window", 0),
    row("hamming_window", 5, True, 0.5, 0.5, **CLOSE),
    row("kaiser_window", 5, True, 8.0, dtype="float64", limits=(1e-7, 1e-9)),
    raises("hann_window", -1, error=RuntimeError, text="requires non-negative window_length"),
]

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
