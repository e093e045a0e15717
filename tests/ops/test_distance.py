"""Distances."""

from tests import oracle
from tests.oracle import F, I, V, raises, row

A, B = F(4, 3), F(5, 3)
inf = float("inf")
FN = "nn.functional."

ROWS = [
    *(row("cdist", A, B, p, node=False) for p in (0.0, 1.0, 1.5, 2.0, 3.0, inf)),
    row("cdist", F(2, 4, 3), B, node=False),
    row("cdist", F(30, 3), F(2, 3), node=False, limits=(1e-4, 1e-5)),
    row("cdist", V([[1.0, 2.0]]), V([[1.0, 2.0], [3.0, 2.0]], grad=False), node=False),
    *(row(FN + "pdist", A, p, node=False) for p in (1.0, 2.0, inf)),
    *(row(FN + "pairwise_distance", A, F(4, 3), p, node=False) for p in (1.0, 2.0, inf)),
    row(FN + "pairwise_distance", A, F(3), keepdim=True, node=False),
    *(
        row(
            FN + "pairwise_distance",
            F(2, 3, dtype="complex64"),
            F(2, 3, dtype="complex64"),
            p,
            node=False,
        )
        for p in (1.0, 2.0, 3.0)
    ),
    row(FN + "pairwise_distance", I(3, dtype="uint8", low=0), I(3, dtype="uint8", low=0)),
    row(FN + "cosine_similarity", A, F(4, 3), node=False, second=True),
    row(FN + "cosine_similarity", A, F(1, 3), dim=-1, eps=1e-6, node=False),
    row(FN + "cosine_similarity", A, V([[0.0] * 3] * 4), node=False),
    raises("cdist", A, F(5, 2), error=RuntimeError, text="same number of columns. X1: 3 X2: 2"),
    raises("cdist", F(3), B, error=RuntimeError, text="X1 got: 1D"),
    raises(FN + "pdist", F(3), error=RuntimeError, text="pdist only supports 2D tensors, got: 1D"),
]

test_row, test_inside_jax = oracle.tests(__file__, ROWS)
