"""``nn.Module`` does what PyTorch's does, complaints included (see ``programs.py`` and its kin)."""

import pytest

import jaxtorch
from tests import oracle, stored
from tests.nn import (
    compiled_programs,
    container_programs,
    hook_programs,
    programs,
    state_programs,
)

PROGRAMS = [
    *programs.PROGRAMS, *state_programs.PROGRAMS, *hook_programs.PROGRAMS,
    *container_programs.PROGRAMS, *compiled_programs.PROGRAMS,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_program(program):
    if oracle.torch is None:
        expected = stored.load(oracle.REFERENCE, "module")[program.__name__]
    else:
        expected = programs.run(program, oracle.torch)
    seen = programs.run(program, jaxtorch)
    pairs = zip(seen, expected, strict=True) if isinstance(seen, list) else ()
    for i, (mine, theirs) in enumerate(pairs):
        assert mine == theirs, f"item {i}"
    assert seen == expected
