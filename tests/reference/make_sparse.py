"""Ask real torch for test_sparse.py's answers: python tests/reference/make_sparse.py"""

import sys
from pathlib import Path

REFERENCE = Path(__file__).parent
sys.path.insert(0, str(REFERENCE.parents[1]))


def main() -> None:
    import torch

    from tests import sparse_programs, stored, test_sparse

    ran = {p.__name__: test_sparse.run(p, torch) for p in sparse_programs.PROGRAMS}
    stored.save(REFERENCE, "sparse", ran)


if __name__ == "__main__":
    main()
