"""Ask real torch for test_saved_tensors.py's answers: python tests/reference/make_saved.py"""

import json
import sys
from pathlib import Path

REFERENCE = Path(__file__).parent
sys.path.insert(0, str(REFERENCE.parents[1]))


def main() -> None:
    import torch

    from tests import saved_programs

    answers = {name: saved_programs.op(torch, name) for name in saved_programs.OPS}
    answers |= {program.__name__: program(torch) for program in saved_programs.PROGRAMS}
    rows = [f"{json.dumps(n)}:{json.dumps(a, separators=(',', ':'))}" for n, a in answers.items()]
    (REFERENCE / "saved_tensors.json").write_text("{" + ",\n".join(rows) + "}\n")


if __name__ == "__main__":
    main()
