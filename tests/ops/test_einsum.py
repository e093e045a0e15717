"""einsum in all its forms, and what torch says of an equation that is none."""

import jaxtorch as torch
from tests import oracle
from tests.oracle import F, I, raises, row

M, N = F(2, 3), F(3, 4)

ROWS = [
    row("einsum", "ij,jk->ik", M, N, node=False, second=True),
    row("einsum", "bij,bjk->bik", F(2, 3, 4), F(2, 4, 2), node=False),
    row("einsum", "ij->ji", M, node=False),
    row("einsum", "ii", F(3, 3), node=False),
    row("einsum", "ii->i", F(3, 3), node=False),
    row("einsum", "...i,...i->...", F(2, 3), F(2, 3), node=False),
    row("einsum", "i,j", F(2), F(3), node=False),
    row("einsum", "i,j", I(2), F(3), node=False),
    row("einsum", "ij,ij->ij", F(2, 3), F(2, 3, dtype="float64"), node=False),
    row("einsum", "ij, j", M, F(3), node=False),
    row("einsum", "bn,anm,bm->ba", F(2, 3), F(5, 3, 4), F(2, 4), node=False),
    row("einsum", "b i d, b j d -> b i j", F(2, 3, 4), F(2, 2, 4), node=False),
    row("einsum", "ij->", M, node=False),
    row("einsum", "ij,jk", [M, N], node=False),
    row("einsum", M, [0, 1], N, [1, 2], [0, 2], node=False),
    row("einsum", M, [0, 1], N, [1, 2], node=False),
    row("einsum", F(2, 3, 4), [..., 0, 1], F(2, 4, 2), [..., 1, 2], [..., 0, 2], node=False),
    row("einsum", "Ij,jK->IK", M, N, node=False),
    row("einsum", ",ij", F(), M, node=False),
    row("einsum", "b...,...->b", F(3, 2, 2), F(2, 2), node=False),

    raises("einsum", "ij,jk->ik", M, M, error=RuntimeError,
           text="einsum(): subscript j has size 2 for operand 1 which does not broadcast with "
                "previously seen size 3"),
    raises("einsum", "ij,jk", M, error=RuntimeError,
           text="einsum(): fewer operands were provided than specified in the equation"),
    *(raises("einsum", equation, M, N, error=RuntimeError, text="einsum(): " + text)
      for equation, text in (
        ("ij,jk->iz", "output subscript z does not appear in the equation for any input operand"),
        ("ij,jk->ii", "output subscript i appears more than once in the output"),
        ("i.j,jk", "found '.' for operand 0 that is not part of any ellipsis"),
        ("......,jk", "found '.' for operand 0 for which an ellipsis was already found"),
        ("i1,jk", "invalid subscript given at index 1 in the equation string, subscripts must be"),
        ("ij,jk->ik->i", "invalid subscript given at index 9 in the equation string"),
    )),
    raises("einsum", "ii", M, error=RuntimeError,
           text="subscript i is repeated for operand 0 but the sizes don't match, 3 != 2"),
    raises("einsum", "ij", error=ValueError, text="must specify the equation string and at least"),
    raises("einsum", M, [52], error=ValueError, text="not within the valid range [0, 52)"),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


def test_a_strategy_must_be_known_to_opt_einsum():
    before = torch.backends.opt_einsum.strategy
    torch.backends.opt_einsum.strategy = "optimal"
    try:
        x = torch.ones(2, 3)
        assert torch.einsum("ij,kj,lj->ikl", x, x, x).tolist() == [[[3.0] * 2] * 2] * 2
    finally:
        torch.backends.opt_einsum.strategy = before
