"""repr() beside real torch's, on random tensors and options."""

import pytest

torch = pytest.importorskip("torch")

from tests.printing_rows import ours, rows, torchs  # noqa: E402


@pytest.mark.parametrize("seed", range(1, 5))
def test_random_tensors(seed):
    for row in rows(seed, 400):
        assert ours(row) == torchs(torch, row), row
