"""Write the reference numbers of all tables of rows from real PyTorch.

python tests/reference/make.py [file stem ...]
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests import oracle, stored  # noqa: E402


def main(wanted: list[str]) -> None:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if wanted and path.stem not in wanted:
            continue
        if "= oracle.tests(__file__, ROWS)" not in path.read_text() or path.stem == "test_coverage":
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        answers = {str(r): oracle.expect(r) for r in module.ROWS if r.error is None}
        stored.save(oracle.REFERENCE, path.stem, answers)
        print(path.stem, len(answers))


main(sys.argv[1:])
