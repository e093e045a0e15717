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
    *(
        row(f"signal.windows.{name}", 6, sym=sym, **CLOSE)
        for name in (
            "bartlett",
            "blackman",
            "cosine",
            "exponential",
            "gaussian",
            "hamming",
            "hann",
            "kaiser",
            "nuttall",
            "general_hamming",
        )
        for sym in (True, False)
    ),
    row("signal.windows.general_cosine", 5, a=[0.4, 0.3, 0.2], **CLOSE),
    row("signal.windows.exponential", 5, center=1.0, tau=2.0, sym=False, **CLOSE),
    row("signal.windows.gaussian", 1, std=0.5),
    row("signal.windows.hann", 1),
    row("signal.windows.hann", 0, dtype="float64"),
    raises("signal.windows.hann", -1, error=ValueError, text="non-negative window length"),
    raises("signal.windows.hann", 3, dtype="int64", error=ValueError, text="float32 or float64"),
    raises("signal.windows.gaussian", 3, std=-1.0, error=ValueError, text="must be positive"),
    raises("signal.windows.exponential", 3, center=1.0, error=ValueError, text="must be None"),
    raises("signal.windows.kaiser", 3, beta=-1.0, error=ValueError, text="non-negative"),
    raises("signal.windows.general_cosine", 3, a=[], error=ValueError, text="cannot be empty"),
    raises("hann_window", -1, error=RuntimeError, text="requires non-negative window_length"),
]

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
