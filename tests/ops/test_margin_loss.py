"""Losses that compare."""

from tests import oracle
from tests.oracle import F, V, raises, row

NAN = float("nan")
X, SIGNS = F(4, 3), V([1.0, -1.0, -1.0, 1.0], grad=False)
SIGN_MATRIX = V([[1.0, -1, 1], [-1, -1, 1], [1, 1, -1], [1, -1, -1]], grad=False)
CLASSES = V([0, 2, 1, 1])
LISTED = V([[2, 0, -1], [1, -1, 0], [0, 1, 2], [-1, 0, 0]])
W = F(3, low=0.5, high=2, grad=False)


def loss(name, *args, **options):
    return row(f"nn.functional.{name}", *args, **options)


ROWS = [
    *(
        row_
        for how in ("mean", "sum", "none")
        for row_ in (
            loss("hinge_embedding_loss", X, SIGN_MATRIX, reduction=how),
            loss("margin_ranking_loss", F(4), F(4), SIGNS, 0.5, reduction=how),
            loss("margin_ranking_loss", V([1.0, NAN]), F(2), V([1.0, -1.0]), 0.5, reduction=how),
            loss("cosine_embedding_loss", X, F(4, 3), SIGNS, 0.2, reduction=how),
            loss("triplet_margin_loss", X, F(4, 3), F(4, 3), swap=True, reduction=how),
            loss("soft_margin_loss", X, SIGN_MATRIX, reduction=how),
            loss("multilabel_soft_margin_loss", X, F(4, 3, low=0, high=1), W, reduction=how),
            loss("multi_margin_loss", X, CLASSES, 1, 0.5, W, reduction=how),
            loss("multilabel_margin_loss", X, LISTED, reduction=how),
        )
    ),
    loss("triplet_margin_loss", X, F(4, 3), F(4, 3), p=1),
    loss("triplet_margin_with_distance_loss", X, F(4, 3), F(4, 3), margin=2.0),
    loss("multi_margin_loss", X, CLASSES, 2),
    loss("cosine_embedding_loss", F(3), F(3), V(1.0, grad=False)),
    loss("multilabel_margin_loss", F(3), V([2, -1, 0])),
    raises("nn.functional.multi_margin_loss", X, CLASSES, 3, error=ValueError, text="only p == 1"),
    raises("nn.functional.multi_margin_loss", X, V([0, 2, 1, 1], "int32"), error=RuntimeError,
           text="expected scalar type Long but found Int"),
    raises("nn.functional.multi_margin_loss", X, V([0]), error=RuntimeError, text="should be 1-D"),
    raises("nn.functional.triplet_margin_loss", X, X, F(3), error=RuntimeError, text="anchor 2D"),
    raises("nn.functional.triplet_margin_loss", X, X, X, margin=0, error=ValueError, text="got 0"),
    raises("nn.functional.margin_ranking_loss", F(4), F(4), F(4, 1), error=RuntimeError,
           text="All input tensors should have same dimension"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
