"""Conversions between dtypes, copies between tensors, filling."""

import pytest

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


LEAST = {"int64": -(2**63), "int32": -(2**31), "int16": 0, "int8": 0, "uint8": 0}


@pytest.mark.parametrize("dtype", LEAST)
def test_floats_that_no_integer_is_become_the_least(dtype):
    """As processors convert them, and PyTorch on such ones; small integers are cut out of that."""
    for source in (torch.float32, torch.float64, torch.float16):
        x = torch.tensor([float("nan"), float("inf"), -float("inf"), 300.7], dtype=source)
        got = x.to(getattr(torch, dtype)).tolist()
        assert got[:3] == [LEAST[dtype]] * 3
        assert got[3] == (44 if dtype in ("int8", "uint8") else 300)
    assert torch.tensor([3e9, -3e9]).int().tolist() == [-(2**31)] * 2


@pytest.mark.parametrize(
    "fill",
    [
        lambda x, v: x.fill_(v),
        lambda x, v: torch.full_like(x, v),
        lambda x, v: x.new_full((2,), v),
        lambda x, v: torch.full((2,), v, dtype=x.dtype),
        lambda x, v: x.masked_fill(x == 0, v),
        lambda x, v: x.masked_fill_(x == 0, v),
        lambda x, v: x.index_fill(0, torch.tensor([0]), v),
        lambda x, v: x.scatter(0, torch.tensor([0]), v),
    ],
)
def test_a_number_must_fit_what_it_fills(fill):
    for dtype, name, good, bad in (
        (torch.uint8, "uint8_t", (0, 255, -1), (256, -256, -1.0, 255.5, float("nan"))),
        (torch.int8, "int8_t", (127, -128), (128, -128.5)),
        (torch.int32, "int", (2**31 - 1,), (2**31, 1e10, 1j)),
        (torch.int64, "int64_t", (2**62,), (9.3e18, float("inf"))),
        (torch.float16, "c10::Half", (65504, float("inf")), (1e6, -1e9)),
        (torch.float32, "float", (1e38, float("nan")), (1e40, 1j)),
        (torch.bool, "bool", (300, 0.5), ()),
    ):
        for value in good:
            fill(torch.zeros(2, dtype=dtype), value)
        for value in bad:
            with pytest.raises(RuntimeError, match=f"to type {name} without overflow"):
                fill(torch.zeros(2, dtype=dtype), value)
