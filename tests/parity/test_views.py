"""Programs of views and writes that hypothesis draws, run by torch and by jaxtorch."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

torch = pytest.importorskip("torch")

import jaxtorch  # noqa: E402
from tests import view_programs  # noqa: E402


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=25, deadline=None, derandomize=True, database=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(st.data())
def test_any_program_does_what_it_does_in_torch(data):
    program = view_programs.program(lambda n: data.draw(st.integers(0, n - 1)), 7)
    try:
        theirs = view_programs.run(torch, program)
    except RuntimeError:
        return  # torch refuses even to look at a view whose history it has lost
    mine = view_programs.run(jaxtorch, program)
    assert not view_programs.difference(mine, theirs), program["steps"]
