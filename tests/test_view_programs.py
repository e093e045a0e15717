"""Random programs of views and writes, beside what real PyTorch did with them.

``python tests/reference/make_views.py`` writes the answers; tests/parity/test_views.py draws other
programs where torch is installed.
"""

import json

import pytest

import jaxtorch
from tests import view_programs
from tests.oracle import REFERENCE

STORED = json.loads((REFERENCE / "view_programs.json").read_text())


@pytest.mark.parametrize("index", range(len(STORED)))
def test_a_program_does_what_it_does_in_torch(index):
    case = STORED[index]
    mine = view_programs.run(jaxtorch, case["program"])
    assert not view_programs.difference(mine, case["torch"]), case["program"]["steps"]
