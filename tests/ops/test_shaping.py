"""Joining, repeating and rearranging."""

import pytest

import jaxtorch as torch
from tests import oracle
from tests.oracle import F, I, V, raises, row

X = F(2, 3, 4)
LAYOUT = {"node": False}  # torch composes these of other ops

ROWS = [
    row("cat", [F(2, 3), F(1, 3)], dtypes="bool int64 bfloat16", second=True),
    row("cat", [X, X], -1),
    row("cat", [F(2), I(3)], dim=0),
    row("cat", [F(0), F(2, 3)], node=False),
    row("concat", [F(2, 3), F(2, 1)], 1),
    row("concatenate", [F(2), F(1)]),
    raises("cat", [], error=ValueError, text="expected a non-empty list of Tensors"),
    raises(
        "cat", [F(2, 3), F(2, 4)], error=RuntimeError, text="Expected size 3 but got size 4 for"
    ),
    raises(
        "cat", [F(2, 3), F(2)], error=RuntimeError, text="same number of dimensions: got 2 and 1"
    ),
    raises("cat", [F(2), F()], error=RuntimeError, text="zero-dimensional tensor (at position 1)"),
    row("stack", [F(2), F(2)], dtypes="int64 float16"),
    row("stack", [X, X], 1),
    row("stack", [F(2), I(2)], -1),
    raises("stack", [F(2), F(3)], error=RuntimeError, text="expects each tensor to be equal size"),
    raises("stack", [], error=RuntimeError, text="non-empty TensorList"),
    row("hstack", [F(2), F(3)]),
    row("hstack", [F(2, 1), F(2, 3)]),
    row("vstack", [F(3), F(2, 3)]),
    row("row_stack", [F(3), F(3)]),
    row("dstack", [F(2, 3), F(2, 3)]),
    row("column_stack", [F(3), F(3, 2)]),
    row("block_diag", F(2, 3), F(3), F(), **LAYOUT),
    row("Tensor.repeat", F(2, 3), 2, 1),
    row("Tensor.repeat", F(2, 3), (2, 1, 2), second=True),
    raises(
        "Tensor.repeat", F(2, 3), 2, error=RuntimeError, text="can not be smaller than number of"
    ),
    row("tile", F(2, 3), (2,)),
    row("tile", F(3), (2, 2)),
    row("repeat_interleave", F(2, 3), 2, **LAYOUT),
    row("repeat_interleave", F(2, 3), 2, 1, **LAYOUT),
    row("repeat_interleave", F(2, 3), V([1, 0, 3]), dim=1, trace=False, **LAYOUT),
    row("repeat_interleave", F(2, 3), V([1, 0, 3]), dim=1, output_size=4, **LAYOUT),
    row("repeat_interleave", V([1, 0, 3]), trace=False),
    raises(
        "repeat_interleave", F(3), V([1, 2]), error=RuntimeError, text="must have the same size"
    ),
    row("roll", X, 1),
    row("roll", X, (1, -2), (0, 2)),
    raises("roll", X, (1, 2), 0, error=RuntimeError, text="shifts and dimensions must align"),
    row("flip", X, (0, -1)),
    raises("flip", X, (0, 0), error=RuntimeError, text="dim 0 appears multiple times"),
    row("fliplr", F(2, 3)),
    row("flipud", F(2, 3)),
    row("rot90", F(2, 3)),
    row("rot90", X, -1, (1, 2)),
    row("tril", F(3, 4), dtypes="bool int64 bfloat16"),
    row("tril", X, -1),
    row("triu", F(3, 4), diagonal=1),
    raises("tril", F(3), error=RuntimeError, text="must have at least 2 dimensions"),
    row("diag", F(3), node=False),
    row("diag", F(3, 4), 1, node=False),
    row("diag_embed", F(2, 3), node=False),
    row("diag_embed", F(2, 3), -1, 0, 2, node=False),
    row("diagflat", F(2, 2), 1, node=False),
    row("cartesian_prod", F(2), F(3)),
    row("cartesian_prod", F(2)),
    row("combinations", F(4), node=False),
    row("combinations", F(3), r=3, with_replacement=True, node=False),
    row("clone", X),
    row("channel_shuffle", F(2, 6, 2), 3, node=False),
]

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_numpys_name_for_a_dimension():
    x, zero = torch.arange(6.0).reshape(2, 3), torch.zeros(1, 1, dtype=torch.int64)
    for call in (
        lambda **d: torch.cat([x, x], **d),
        lambda **d: torch.concat([x, x], **d),
        lambda **d: torch.stack([x, x], **d),
        lambda **d: torch.unbind(x, **d)[1],
        lambda **d: torch.chunk(x, 2, **d)[1],
        lambda **d: torch.select(x, index=1, **d),
        lambda **d: torch.narrow(x, start=0, length=1, **d),
        lambda **d: torch.gather(x, index=zero, **d),
        lambda **d: torch.index_select(x, index=zero[0], **d),
        lambda **d: torch.take_along_dim(x, zero, **d),
        lambda **d: torch.repeat_interleave(x, 2, **d),
        lambda **d: torch.softmax(x, **d),
        lambda **d: torch.log_softmax(x, **d),
        lambda **d: torch.linalg.norm(x, **d),
        lambda **d: torch.nn.functional.cosine_similarity(x, x, **d),
    ):
        for dim in (0, 1):
            assert torch.equal(call(axis=dim), call(dim=dim))
    for call in (lambda: torch.gather(x, axis=0), lambda: torch.index_select(x, dim=0)):
        with pytest.raises(TypeError, match="missing 1 required positional arguments: .index"):
            call()
