"""Cross entropy of a linear layer: as two functions, and chunk by chunk of the batch."""

import pytest

import jaxtorch as torch
import jaxtorch.nn.functional as functional
from jaxtorch.nn import LinearCrossEntropyOptions
from tests import oracle
from tests.oracle import F, I, V, raises, row

FN = "nn.functional.linear_cross_entropy"
KEPT = {"node": False, "dtypes": ""}
X, TABLE = F(5, 3), F(4, 3)
CLASSES = I(5, low=0, high=4)

ROWS = [
    row(FN, X, TABLE, CLASSES, **KEPT),
    row(FN, X, TABLE, CLASSES, linear_bias=F(4), weight=F(4, low=0.5, high=1.5, grad=False),
        reduction="none", label_smoothing=0.1, **KEPT),
    row(FN, X, F(4, 2, 3), I(5, 2, low=0, high=4), linear_bias=F(4, 2), reduction="sum", **KEPT),
    row(FN, X, TABLE, F(5, 4, low=0.0, high=1.0, grad=False), **KEPT),
    row(FN, F(3), TABLE, V(2), **KEPT),
    raises(FN, F(5, 2), TABLE, CLASSES, error=RuntimeError, text="got 2 and 3, respectively"),
    raises(FN, F(3), F(4, 2, 3), CLASSES, error=RuntimeError, text="requires batched input"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_chunks_change_nothing(reduction):
    torch.manual_seed(0)
    target = torch.tensor([0, 3, -100, 1, 2, 3, 0])
    given = [torch.randn(7, 3), torch.randn(4, 3), torch.randn(4)]
    weight = torch.rand(4)

    def run(options):
        x, table, bias = (t.clone().requires_grad_() for t in given)
        loss = functional.linear_cross_entropy(
            x, table, target, linear_bias=bias, weight=weight, reduction=reduction, options=options
        )
        loss.backward(torch.arange(1.0, 8.0) if reduction == "none" else None)
        return [loss.detach(), x.grad, table.grad, bias.grad]

    for options in (
        LinearCrossEntropyOptions(), LinearCrossEntropyOptions(batch_chunk_size=3),
        LinearCrossEntropyOptions(chunking_method="aspect_ratio"),
    ):  # fmt: skip
        for found, wanted in zip(run(options), run(None), strict=True):
            assert torch.allclose(found, wanted, 1e-5, 1e-6)


def test_options_are_checked():
    with pytest.raises(ValueError, match="invalid acc_policy"):
        LinearCrossEntropyOptions(acc_policy="fast")
    with pytest.raises(ValueError, match="pass only one"):
        options = LinearCrossEntropyOptions(batch_chunk_size=3, chunking_method="aspect_ratio")
        functional.linear_cross_entropy(
            torch.ones(8, 2), torch.ones(4, 2), torch.zeros(8).long(), options=options
        )
    with pytest.warns(UserWarning, match="options`` ignored"):
        functional.linear_cross_entropy(
            torch.ones(2, 2), torch.ones(4, 2), torch.zeros(2).long(), label_smoothing=0.1,
            options=LinearCrossEntropyOptions(),
        )  # fmt: skip
