"""Sums, means, extremes, spread, norms; running sums and extremes."""

import pytest

import jaxtorch as torch
from jaxtorch.nn import functional
from tests import oracle
from tests.oracle import DTYPES, B, F, I, V, raises, row

inf, nan = float("inf"), float("nan")
X = F(2, 3, 4)
TIES = V([[1.0, 3.0, 3.0], [2.0, 2.0, 1.0]])
HOLES = V([[1.0, nan, 3.0], [nan, nan, 2.0]])
ZEROS = V([[0.0, 0.0, 2.0], [1.0, 0.0, 3.0]])
FULL = "bool uint8 int32 int64 float16 bfloat16 float64 complex64"

ROWS = [
    *(r for name in "sum mean".split() for r in (
        row(name, X, second=True, dtypes=FULL),
        row(name, X, 1, second=True),
        row(name, X, (0, -1)),
        row(name, X, dim=(0, 2), keepdim=True),
        row(name, X, dim=[]),
        row(name, X, 2, True),
        row(name, X, dtype="float64"),
        row(name, F(), 0),
        row(name, F(0, 3), 0),
        row(name, F(2, 3, dtype="float16")),
        row(name, F(2, 3, dtype="complex64")),
    )),
    row("sum", I(2, 3)),
    row("hash_tensor", X, trace=False),
    row("hash_tensor", I(2, 3), 1, keepdim=True, trace=False),
    raises("hash_tensor", X, mode=1, error=RuntimeError, text="Unknown hash_tensor mode"),
    *(row("segment_reduce", F(5, 2), how, lengths=V([2, 0, 3]), initial=0.5)
      for how in ("sum", "prod", "mean", "max", "min")),
    row("segment_reduce", V([1.0, 4.0, 4.0, 2.0]), "max", offsets=V([0, 3, 3, 4])),
    row("segment_reduce", V([0.0, 4.0, 0.0, 0.0]), "prod", offsets=V([0, 2, 4])),
    row("segment_reduce", F(2, 3), "mean", lengths=V([[1, 2], [3, 0]]), axis=1),
    raises("segment_reduce", X, "sum", error=RuntimeError, text="lengths or offsets"),
    raises("segment_reduce", X, "norm", lengths=V([2]), error=RuntimeError,
           text="reduce argument must be"),
    row("frobenius_norm", X, (0, 1), node=False),
    row("nuclear_norm", F(2, 3), node=False),
    row("norm_except_dim", X, 2, 1, node=False),
    row("norm_except_dim", X, 2, -1, node=False),
    row("gradient", X, node=False),
    row("gradient", X, spacing=[0.5, 2.0], dim=(1, 2), edge_order=2, node=False),
    row("gradient", X, spacing=[V([0.0, 1.0, 3.0])], dim=1, edge_order=2, node=False, grad=False),
    row("gradient", I(4), node=False),
    raises("gradient", X, edge_order=3, error=RuntimeError, text="only supports edge_order"),
    raises("gradient", F(1), error=RuntimeError, text="at least edge_order"),
    raises("gradient", X, spacing=[1.0], dim=(0, 1), error=RuntimeError,
           text="to have the same length"),
    row("sum", B(2, 3), 0),
    row("sum", I(2, 3), dtype="float32"),
    row("sum", I(2, 3, dtype="int32")),
    *(row(name, X, dtype=kind, grad=False) for name, X in (
          ("sum", I(2, 3)), ("prod", I(2, 3)), ("nansum", V([1.0, nan, 2.0])))
      for kind in ("bool", "uint8", "int32")),
    row("nansum", HOLES),
    row("nansum", I(2, 3), 0, dtype="complex64"),
    row("nansum", HOLES, 1, True),
    row("nanmean", HOLES, node=False),
    row("nanmean", HOLES, 0, node=False, grad=False),
    row("prod", F(2, 3), second=True, dtypes=FULL),
    row("prod", ZEROS, 1, second=True),
    row("prod", ZEROS),
    row("prod", F(2, 3), 0, True),
    row("prod", I(2, 3)),
    row("logsumexp", X, 1, second=True, dtypes="int64 float64 bfloat16"),
    row("logsumexp", X, (0, 2), True),
    row("logsumexp", V([[-inf, -inf], [inf, 0.0]]), 1, grad=False),

    *(r for name in "var std".split() for r in (
        row(name, X, second=True),
        row(name, X, 1, second=True),
        row(name, X, (0, 1), keepdim=True),
        row(name, X, dim=1, correction=0),
        row(name, X, 2, False),
        row(name, X, False),
        row(name, X, correction=3),
        row(name, F(2, 3, dtype="bfloat16")),
        row(name, F(2, 3, dtype="complex64"), grad=False),
        row(name, V([[1.0, 1.0], [2.0, 2.0]]), 1),
        row(name, F(1, 3), 0, grad=False),
    )),
    *(row(name, X, dim=1, keepdim=True) for name in ("std_mean", "var_mean")),
    row("std_mean", X),
    row("var_mean", X, correction=0),

    *(r for name in "max min".split() for r in (
        row(name, TIES, dtypes="bool uint8 int64 float16 float64"),
        row(name, TIES, 1, second=True, dtypes="bool uint8 int64 float16 float64"),
        row(name, TIES, 0, True),
        row(name, X, -1),
        row(name, X, dim=1, keepdim=True),
        row(name, HOLES, 1, grad=False),
        row(name, HOLES, grad=False),
        row(name, TIES, F(3)),
        row(name, F(), 0),
        row(name, I(2, 3), 1),
    )),
    *(r for name in "amax amin".split() for r in (
        row(name, TIES, second=True),
        row(name, TIES, 1, True),
        row(name, X, (0, 2)),
        row(name, I(2, 3), 0),
    )),
    *(r for name in "argmax argmin".split() for r in (
        row(name, TIES),
        row(name, TIES, 1),
        row(name, TIES, dim=0, keepdim=True),
        row(name, TIES, keepdim=True),
        row(name, HOLES, 1),
        row(name, I(2, 3), 1, dtypes="bool uint8 float16 float64"),
        row(name, F()),
    )),
    row("aminmax", TIES),
    row("aminmax", TIES, dim=1, keepdim=True),
    *(r for name in "all any".split() for r in (
        row(name, B(2, 3), dtypes=DTYPES),
        row(name, B(2, 3), 1),
        row(name, F(2, 3), (0, 1)),
        row(name, B(2, 3), dim=0, keepdim=True),
        row(name, F(0, 3)),
    )),
    row("count_nonzero", I(2, 3)),
    row("count_nonzero", I(2, 3), 1),
    row("count_nonzero", I(2, 3), (0, 1)),

    *(row("norm", X, p, second=p not in (0, inf, -inf)) for p in (1, 2, 3, 0.5, 0, inf, -inf)),
    row("norm", X),
    row("norm", X, dim=1),
    row("norm", X, 2, (0, 2), True),
    row("norm", X, "fro", dim=(0, 1)),
    row("norm", F(2, 3), "nuc", limits=(2e-5, 2e-5)),
    row("norm", X, p=1, dim=-1, keepdim=True),
    row("norm", X, 2, dtype="float64"),
    *(row("norm", ZEROS, p, 0) for p in (1, 2, 3, 1.5)),
    row("norm", TIES, inf, 1),
    row("norm", F(2, 3, dtype="complex64")),
    row("dist", F(2, 3), F(3), node=False),
    row("dist", F(2, 3), F(2, 3), 1, node=False),
    row("renorm", F(2, 3), 2, 0, 1.0),

    row("cumsum", X, 1, second=True, dtypes=FULL),
    row("cumsum", X, dim=-1, dtype="float64", inplace=False),
    row("cumsum", F(), 0),
    row("cumprod", F(2, 3), 1, second=True, dtypes=FULL),
    row("cumprod", ZEROS, 1),
    row("logcumsumexp", F(2, 3), 1, second=True),
    *(r for name in "cummax cummin".split() for r in (
        row(name, V([[1.0, 3.0, 2.0, 3.0], [2.0, 2.0, 1.0, 5.0]]), 1),
        row(name, F(3, 2), 0),
        row(name, V([1.0, nan, 3.0, 0.0]), 0, grad=False),
        row(name, I(2, 3), 1),
    )),
    row("diff", X, node=False),
    row("diff", X, 2, 1, node=False),
    row("diff", F(2, 3), prepend=F(2, 1), append=F(2, 2), node=False),
    row("diff", B(5)),
    row("diff", F(2, 3), 0, prepend=F(2, 1), node=False),
    row("trapezoid", F(2, 4), node=False),
    row("trapezoid", F(2, 4), F(4), node=False),
    row("trapz", F(2, 4), dx=0.5, dim=0, node=False),
    row("cumulative_trapezoid", F(2, 4), node=False),

    *(raises(name, X, 3, error=IndexError,
             text="Dimension out of range (expected to be in range of [-3, 2], but got 3)")
      for name in "sum mean max argmax cumsum all std amax".split()),
    raises("cumsum", X, 0, dtype="bool", error=NotImplementedError),
    raises("sum", X, (0, 0), error=RuntimeError,
           text="dim 0 appears multiple times in the list of dims"),
    raises("mean", I(3), error=RuntimeError,
           text="mean(): could not infer output dtype. Input dtype must be either a floating point "
                "or complex dtype. Got: Long"),
    raises("std", I(3), error=RuntimeError,
           text="std and var only support floating point and complex dtypes"),
    raises("max", F(0), error=RuntimeError,
           text="max(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                "reduction dim with the 'dim' argument."),
    raises("max", F(0, 3), 0, error=IndexError,
           text="max(): Expected reduction dim 0 to have non-zero size."),
    raises("argmax", F(0), error=IndexError,
           text="argmax(): Expected reduction dim to be specified"),
    raises("amax", F(0, 3), 0, error=IndexError, text="Expected reduction dim 0 to have non-zero"),
    raises("argmax", B(3), error=RuntimeError, text="argmax(): does not support bool input"),
    raises("norm", I(3), error=RuntimeError, text="Expected a floating point or complex tensor"),
    raises("norm", X, "foo", error=RuntimeError, text="Order foo not supported"),
    raises("cumsum", F(3), error=TypeError),
]  # fmt: skip

test_row, test_inside_jax = oracle.tests(__file__, ROWS)


@pytest.mark.parametrize("size", [7, 41])
def test_a_compiled_mean_of_equal_numbers_is_that_number(size):
    x = torch.full((size,), 11.0)
    with oracle.evaluated("compile"):
        assert x.mean().item() == 11.0 and x.std().item() == 0.0
        assert functional.mse_loss(x, torch.zeros(size)).item() == 121.0
        assert functional.avg_pool1d(x[None], size).item() == 11.0
