"""Rows of a table by index."""

import pytest

import jaxtorch as torch
import jaxtorch.nn.functional as functional
from tests import oracle
from tests.oracle import F, V, raises, row

TABLE, AT = F(5, 3), V([[0, 4, 1], [1, 1, 2]])
FLAT, OFFSETS = V([0, 4, 1, 1, 1, 2]), V([0, 2, 2, 5])
FN = "nn.functional."
BAG = FN + "embedding_bag"

ROWS = [
    row(FN + "embedding", AT, TABLE, second=True),
    row(FN + "embedding", AT, TABLE, padding_idx=1),
    row(FN + "embedding", AT, TABLE, padding_idx=-1),
    row(FN + "embedding", AT, TABLE, scale_grad_by_freq=True),
    row(FN + "embedding", V(2), TABLE),
    raises(FN + "embedding", V([5]), TABLE, error=IndexError, text="index out of range in self"),
    raises(FN + "embedding", V([-1]), TABLE, error=IndexError, text="index out of range in self"),
    raises(FN + "embedding", F(2), TABLE, error=RuntimeError, text="argument #1 'indices' to have"),
    raises(FN + "embedding", AT, TABLE, padding_idx=5, error=AssertionError, text="Padding_idx"),
    *(row(BAG, AT, TABLE, mode=mode, node=False) for mode in ("sum", "mean", "max")),
    *(row(BAG, FLAT, TABLE, OFFSETS, mode=mode, node=False) for mode in ("sum", "mean", "max")),
    row(BAG, FLAT, TABLE, OFFSETS, mode="sum", per_sample_weights=F(6), node=False),
    row(BAG, FLAT, TABLE, OFFSETS, mode="mean", padding_idx=1, node=False),
    row(BAG, FLAT, TABLE, V([0, 2, 6]), mode="sum", include_last_offset=True, node=False),
    raises(BAG, FLAT, TABLE, error=ValueError, text="offsets has to be a 1D Tensor but got None"),
    row(FN + "one_hot", V([0, 2, 1]), 4),
    row(FN + "one_hot", AT, trace=False),
    raises(FN + "one_hot", V([0, 5]), 3, error=RuntimeError, text="must be smaller than num"),
    raises(FN + "one_hot", V([-1]), 3, error=RuntimeError, text="values must be non-negative"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_max_norm_scales_the_table_itself():
    table = torch.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]], requires_grad=True)
    rows = functional.embedding(torch.tensor([0, 1]), table, max_norm=1.0)
    assert rows.norm(dim=1).tolist() == pytest.approx([1.0, 0.5])
    assert table.norm(dim=1).tolist() == pytest.approx([1.0, 0.5, 10.0])
    rows.sum().backward()
    assert table.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]


def test_rows_are_renormed_in_place():
    import jaxtorch as torch

    table = torch.ones(3, 4)
    assert torch.embedding_renorm_(table, torch.tensor([1, 1]), 1.0, 2.0) is table
    assert torch.allclose(table[:, 0], torch.tensor([1.0, 0.5, 1.0]))


def test_bags_of_half_types_are_summed_in_float32():
    weight = torch.full((1, 1), 1.0, dtype=torch.bfloat16)
    many = torch.zeros(1, 600, dtype=torch.int64)
    found = torch.nn.functional.embedding_bag(many, weight, mode="sum")
    assert found.dtype is torch.bfloat16 and found.item() == 600  # of bfloat16s it stops at 256
