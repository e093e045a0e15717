"""What programs of ``torch.fx`` print and return, beside what real PyTorch's did.

``python tests/reference/make_fx.py`` writes the answers; they are asked for anew where torch is
installed (tests/parity/test_fx.py).
"""

import json

import pytest

import jaxtorch
from tests.fx.programs import PROGRAMS, answer
from tests.oracle import REFERENCE

STORED = json.loads((REFERENCE / "fx.json").read_text())


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_does_what_it_does_in_torch(program):
    assert answer(jaxtorch, program) == STORED[program.__name__]
