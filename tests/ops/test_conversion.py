"""Conversions between dtypes, copies between tensors, filling."""

import jaxtorch as torch
from tests import oracle
from tests.oracle import F, V, row

KEPT = {"node": False, "dtypes": ""}
X = F(2, 3)
FLOATS = ("bfloat16", "cdouble", "cfloat", "double", "half")

ROWS = [
    # `trace` differentiates float32 results only, with 64-bit types off.
    *(row(f"Tensor.{name}", X, trace=False, **KEPT) for name in FLOATS),
    *(row(f"Tensor.{name}", X, **KEPT) for name in ("bool", "byte", "char", "float")),
    *(row(f"Tensor.{name}", V([-1.5, 0.0, 2.7]), **KEPT) for name in ("int", "long", "short")),
    row("Tensor.cpu", X, **KEPT),
    row("Tensor.to", X, "cpu", **KEPT),
    row("Tensor.type_as", X, V([1, 2]), **KEPT),
    row("Tensor.type", X, **KEPT),
    row("fill", X, 2.5, **KEPT),
    row("Tensor.contiguous", X, **KEPT),
    row("Tensor.is_contiguous", X, **KEPT),
    row("Tensor.stride", X, **KEPT),
    row("Tensor.storage_offset", X, **KEPT),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_values_written_over_others():
    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    before = x.jax()
    assert x.copy_(torch.tensor([7, 8, 9])).tolist() == [[7.0, 8.0, 9.0]] * 2
    assert x.dtype is torch.float32
    assert x.fill_(2.5).tolist() == [[2.5] * 3] * 2
    assert x.zero_().tolist() == [[0.0] * 3] * 2
    assert before.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]  # who took the array keeps it


def test_a_gpu_that_is_not_there_is_a_clear_error():
    import pytest

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(RuntimeError, match="No CUDA GPUs"):
        torch.ones(2).cuda()
