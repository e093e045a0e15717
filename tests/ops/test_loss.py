"""Losses of classes, numbers and probabilities."""

import math

import pytest

import jaxtorch as torch
import jaxtorch.nn.functional as functional
from tests import oracle
from tests.oracle import B, F, I, V, raises, row

X, Y = F(4, 5), V([0, 4, 2, -100])
IMAGE, LABELS = F(2, 5, 3), I(2, 3, low=0, high=5)
P, Q = F(4, 5, low=0.01, high=0.99), F(4, 5, low=0, high=1)
W = F(5, low=0.5, high=2, grad=False)
EDGES = V([0.0, 1.0, 0.5]), V([1.0, 1.0, 0.0])


def loss(name, *args, **options):
    return row(f"nn.functional.{name}", *args, node=False, **options)


def wrong(name, *args, **options):
    return raises(f"nn.functional.{name}", *args, **options)


REDUCTIONS = ("mean", "sum", "none")
ROWS = [
    row("nn.functional.cross_entropy", X, Y, second=True),
    row("nn.functional.mse_loss", X, F(4, 5), second=True, dtypes="int64 float16"),
    *(
        row_
        for how in REDUCTIONS
        for row_ in (
            loss("cross_entropy", X, Y, weight=W, reduction=how, label_smoothing=0.1),
            loss("cross_entropy", IMAGE, LABELS, weight=W, reduction=how, ignore_index=2),
            loss("cross_entropy", IMAGE, LABELS, reduction=how, label_smoothing=0.2),
            loss("cross_entropy", X, Q, reduction=how, weight=W, label_smoothing=0.1),
            loss("cross_entropy", F(5), V(3), reduction=how),
            loss("nll_loss", X, Y, reduction=how, second=True),
            loss("nll_loss", IMAGE, LABELS, W, reduction=how),
            loss(
                "mse_loss", X, F(4, 5), reduction=how, weight=F(4, 5, low=0.1, high=1, grad=False)
            ),
            loss("l1_loss", X, F(4, 5), reduction=how),
            loss("l1_loss", F(3, dtype="complex64"), F(3, dtype="complex64"), reduction=how),
            loss("smooth_l1_loss", X, F(4, 5), reduction=how, beta=0.5),
            loss("huber_loss", X, F(4, 5), reduction=how, delta=0.5),
            loss("binary_cross_entropy", P, Q, W, reduction=how),
            loss("binary_cross_entropy_with_logits", X, Q, W, reduction=how, pos_weight=W),
            loss("kl_div", X, Q, reduction=how),
            loss("kl_div", X, Q, reduction=how, log_target=True),
            loss("poisson_nll_loss", X, I(4, 5, low=0, high=5), reduction=how),
            loss("gaussian_nll_loss", X, F(4, 5), F(4, 1, low=0.1, high=1), reduction=how),
        )
    ),
    loss("cross_entropy", V([[-math.inf, 0.0]]), V([1])),
    loss("cross_entropy", X, V([-100] * 4), grad=False),
    loss("cross_entropy", F(3, 5, dtype="float64"), V([1, 2, 3])),
    loss("l1_loss", V([1.0, 2.0]), V([1.0, 1.0])),
    loss("smooth_l1_loss", X, F(4, 5), beta=0.0),
    loss("binary_cross_entropy", *EDGES),
    loss("binary_cross_entropy", P, Q, second=True),
    loss(
        "binary_cross_entropy_with_logits", V([0.0, 100.0, -100.0]), V([1.0, 0.0, 1.0], grad=False)
    ),
    loss("binary_cross_entropy_with_logits", X, Q, second=True),
    loss("kl_div", X, Q, reduction="batchmean"),
    loss("poisson_nll_loss", P, I(4, 5, low=0, high=5), False, True),
    loss("gaussian_nll_loss", X, F(4, 5), F(4, low=0.1, high=1), True),
    wrong("cross_entropy", X, V([0, 1]), error=ValueError, text="Expected input batch_size (4) to"),
    wrong("cross_entropy", X, V([0, 1, 2, 7]), error=IndexError, text="Target 7 is out of bounds."),
    wrong(
        "cross_entropy", X, V([0.0, 1, 2, 3]), error=RuntimeError, text="to be Long or Byte, but"
    ),
    wrong("cross_entropy", X, V([0] * 4), weight=F(3), error=RuntimeError, text="all 5 classes"),
    wrong("cross_entropy", X, V([0] * 4), reduction="some", error=ValueError, text="some is not a"),
    wrong(
        "cross_entropy",
        X,
        V([0] * 4),
        label_smoothing=2.0,
        error=RuntimeError,
        text="must be between 0.0 and 1.0. Got: 2",
    ),
    wrong("cross_entropy", IMAGE, I(2, 4), error=RuntimeError, text="Expected target size [2, 3]"),
    wrong("mse_loss", X, F(3, 5), error=RuntimeError, text="must match the size of tensor b (3)"),
    wrong("binary_cross_entropy", P, F(2), error=ValueError, text="is deprecated. Please ensure"),
    wrong(
        "binary_cross_entropy_with_logits", X, F(2), error=ValueError, text="must be the same as"
    ),
    wrong("smooth_l1_loss", X, X, beta=-1.0, error=RuntimeError, text="negative values for beta"),
    wrong("huber_loss", X, X, delta=0.0, error=RuntimeError, text="non-positive values for delta"),
    # a target's dtype
    wrong(
        "cross_entropy", X, I(4, low=0, dtype="int32"), error=RuntimeError,
        text="expected target dtype to be Long or Byte, but got Int",
    ),
    wrong(
        "nll_loss", IMAGE, I(2, 3, low=0, dtype="uint8"), error=RuntimeError,
        text="expected scalar type Long but found Byte",
    ),
    wrong(
        "binary_cross_entropy", P, I(4, 5, low=0, high=2), error=RuntimeError,
        text="Found dtype Long but expected Float",
    ),
    wrong(
        "binary_cross_entropy_with_logits", X, I(4, 5, low=0, high=2), error=RuntimeError,
        text="result type Float can't be cast to the desired output type Long",
    ),
    wrong("kl_div", X, I(4, 5), reduction="sum", error=RuntimeError, text="Integral inputs"),
    wrong("l1_loss", X, B(4, 5), error=RuntimeError, text="with a bool tensor is not supported"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_a_target_of_another_shape_is_warned_of():
    with pytest.warns(UserWarning, match="likely lead to incorrect results due to broadcasting"):
        functional.mse_loss(torch.zeros(2, 1), torch.zeros(2))


def test_the_older_spellings_of_reduction():
    x = torch.ones(2)
    with pytest.warns(UserWarning, match="please use reduction='sum'"):
        assert functional.mse_loss(x, 0 * x, size_average=False).item() == 2


def test_probabilities_outside_0_and_1_raise():
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
        functional.binary_cross_entropy(torch.tensor([1.5]), torch.tensor([1.0])).item()


def test_reductions_by_number_and_by_the_flags_of_old():
    from jaxtorch.nn import _reduction

    assert [_reduction.get_enum(name) for name in ("none", "mean", "sum")] == [0, 1, 2]
    with pytest.raises(ValueError, match="x is not a valid value for reduction"):
        _reduction.get_enum("x")
    flags = [(None, None), (False, None), (True, False), (False, True)]
    strings = [_reduction.legacy_get_string(*each, emit_warning=False) for each in flags]
    assert strings == ["mean", "sum", "none", "sum"]
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert _reduction.legacy_get_enum(False, None) == 2


def test_names_in_the_graph():
    x, y = torch.rand(2, 3, requires_grad=True), torch.rand(2, 3)

    def name(out):
        return type(out.grad_fn).__name__

    for loss in (functional.l1_loss, functional.poisson_nll_loss):
        assert name(loss(x, y)) == "MeanBackward0"
        assert name(loss(x, y, reduction="sum")) == "SumBackward0"
    assert name(functional.l1_loss(x, y, reduction="none")) == "AbsBackward0"
    image, where = torch.rand(1, 2, 2, 2, requires_grad=True), torch.zeros(1, 2, 2).long()
    assert name(functional.cross_entropy(image, where)) == "NllLoss2DBackward0"
    assert name(functional.cross_entropy(x, where[0, 0])) == "NllLossBackward0"
