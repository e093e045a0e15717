"""Ask real torch what programs of torch.fx do: python tests/reference/make_fx.py"""

import json
import sys
import warnings
from pathlib import Path

REFERENCE = Path(__file__).parent
sys.path.insert(0, str(REFERENCE.parents[1]))


def main() -> None:
    import torch

    from tests.fx.programs import PROGRAMS, answer

    warnings.simplefilter("ignore")
    answers = {program.__name__: answer(torch, program) for program in PROGRAMS}
    (REFERENCE / "fx.json").write_text(json.dumps(answers, indent=0) + "\n")


if __name__ == "__main__":
    main()
