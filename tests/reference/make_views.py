"""Ask real torch what programs of views do: python tests/reference/make_views.py"""

import json
import sys
import warnings
from pathlib import Path

REFERENCE = Path(__file__).parent
sys.path.insert(0, str(REFERENCE.parents[1]))


def main() -> None:
    import torch

    from tests import view_programs

    warnings.simplefilter("ignore")
    cases = []
    for program in view_programs.seeded(50, 7):
        try:
            cases.append({"program": program, "torch": view_programs.run(torch, program)})
        except RuntimeError:
            continue  # torch refuses even to look at a view whose history it has lost
    text = json.dumps(cases, separators=(",", ":")).replace('},{"program"', '},\n{"program"')
    (REFERENCE / "view_programs.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
