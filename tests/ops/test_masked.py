"""Reductions and normalizations with a mask."""

import pytest

import jaxtorch as torch
from tests import oracle
from tests.oracle import F, I, V, raises, row

inf = float("inf")
X, N = F(2, 3), I(2, 3)
MASK = V([[True, False, True], [False, False, False]])
ROW = V([True, False, True])
PLAIN = {"node": False}

ROWS = [
    *(row(f"masked.{name}", X, dim, keepdim=True, mask=MASK, **PLAIN)
      for name in ("sum", "prod", "amax", "amin", "mean", "var", "std", "logsumexp")
      for dim in (1, (0, 1))),
    *(row(f"masked.{name}", x, 0, mask=ROW, **PLAIN)
      for name in ("argmax", "argmin") for x in (X, N)),
    row("masked.sum", N, mask=ROW),
    row("masked.prod", N, (0, 1), **PLAIN),
    row("masked.mean", X, 1, **PLAIN),
    row("masked.var", X, unbiased=False, **PLAIN),
    row("masked.std", N, 1, mask=ROW, correction=0, **PLAIN),
    row("masked.median", X, 1, mask=ROW, **PLAIN),
    row("masked.median", N, 1, mask=ROW, trace=False, **PLAIN),
    row("masked.norm", X, 3.0, 1, mask=ROW, **PLAIN),
    row("masked.norm", X, -inf, 1, mask=MASK, **PLAIN),
    *(row(f"masked.{name}", X, 1, mask=ROW, **PLAIN)
      for name in ("softmax", "log_softmax", "softmin", "cumsum", "cumprod")),
    row("masked.normalize", X, 2.0, 1, mask=ROW, **PLAIN),
    row("masked.logaddexp", X, F(2, 3), input_mask=ROW, other_mask=MASK, **PLAIN),
    raises("masked.mean", N, 1, error=ValueError, text="Could not infer output dtype"),
    raises("masked.median", N, 1, mask=MASK, error=ValueError, text="fully masked out rows"),
    raises("masked.amax", V([True]), mask=V([True]), error=NotImplementedError, text="identity of"),
    raises("masked.sum", X, (0, 0), error=RuntimeError, text="appears multiple times"),
    raises("masked.sum", X, mask=V([[[True]]]), error=IndexError, text="broadcastable mask"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_masked_tensors_are_refused():
    with pytest.raises(AttributeError, match="left out"):
        torch.masked.MaskedTensor(torch.ones(1), torch.ones(1) > 0)
