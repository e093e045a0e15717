"""Ask real torch for test_printing.py's texts: python tests/reference/make_printing.py"""

import sys
from pathlib import Path

REFERENCE = Path(__file__).parent
sys.path.insert(0, str(REFERENCE.parents[1]))


def main() -> None:
    import torch

    from tests import printing_rows, stored

    texts = [printing_rows.torchs(torch, row) for row in printing_rows.STORED]
    stored.save(REFERENCE, "printing", {"reprs": texts})


if __name__ == "__main__":
    main()
