"""Ask real torch for the numbers of tests/distributions: run me."""

import sys
import warnings
from pathlib import Path

REFERENCE = Path(__file__).parent
sys.path.insert(0, str(REFERENCE.parents[1]))


def main() -> None:
    import torch

    from tests import stored
    from tests.distributions import cases, transform_rows

    warnings.filterwarnings("ignore", "Singular sample")  # PyTorch says so of all Wishart samples
    answers = {
        f"{name} {dtype}": cases.Asker(torch, name, dtype).answers() for name, dtype in cases.STORED
    }
    stored.save(REFERENCE, "distributions", answers)
    pairs = ((p, q) for p in cases.KL_NAMES for q in cases.KL_NAMES)
    found = {f"{p} {q}": cases.divergence(torch, p, q) for p, q in pairs}
    stored.save(REFERENCE, "kl", found)
    rows = {name: transform_rows.transformed(torch, name) for name in transform_rows.TRANSFORMS}
    for name in transform_rows.CONSTRAINTS:
        rows["constraint " + name] = transform_rows.checked(torch, name)
    stored.save(REFERENCE, "transforms", rows)


if __name__ == "__main__":
    main()
