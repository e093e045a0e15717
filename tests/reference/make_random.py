"""Ask real torch for the numbers of tests/test_random.py: python tests/reference/make_random.py"""

import hashlib
import sys
from pathlib import Path

REFERENCE = Path(__file__).parent
sys.path.insert(0, str(REFERENCE.parents[1]))


def main() -> None:
    import torch

    from tests import random_rows, stored

    answers: dict = {}
    for seed in random_rows.STORED_SEEDS:
        g = torch.Generator().manual_seed(seed)
        draws = [random_rows.torchs(torch, g, *row) for row in random_rows.STORED_ROWS]
        state = hashlib.sha256(g.get_state().numpy()).hexdigest()
        answers[str(seed)] = {"draws": draws, "state": state}
    answers["long"] = []
    for row in random_rows.LONG_ROWS:
        value = random_rows.torchs(torch, torch.Generator().manual_seed(3), *row)
        answers["long"].append((row, hashlib.sha256(value).hexdigest()))
    stored.save(REFERENCE, "random", answers)


if __name__ == "__main__":
    main()
