"""The float8 dtypes: kept, moved, compared and converted as in PyTorch; not computed with."""

import pytest

import jaxtorch as torch
from jaxtorch import dtypes

VALUES = [448.0, 470.0, 1e9, float("inf"), -1000.0, 57344.0, 65536.0, 240.0, 249.0, 0.1, 1e-9]
INF, NAN = float("inf"), float("nan")
CONVERTED = {  # by real PyTorch 2.13
    "float8_e4m3fn": [448.0, 448.0, 448.0, 448.0, -448.0, 448.0, 448.0, 240.0, 256.0, 0.1015625, 0],
    "float8_e4m3fnuz": [NAN, NAN, NAN, NAN, NAN, NAN, NAN, 240.0, NAN, 0.1015625, 0],
    "float8_e5m2": [448.0, 448.0, INF, INF, -1024.0, 57344.0, INF, 256.0, 256.0, 0.09375, 0],
    "float8_e5m2fnuz": [448.0, 448.0, NAN, NAN, -1024.0, 57344.0, NAN, 256.0, 256.0, 0.09375, 0],
}  # fmt: skip


@pytest.mark.parametrize("name", CONVERTED)
def test_converted_as_pytorch_does(name):
    dtype = getattr(torch, name)
    x = torch.tensor(VALUES).to(dtype)
    expected = torch.tensor(CONVERTED[name])
    assert x.dtype is dtype and x.element_size() == 1
    torch.testing.assert_close(x.float(), expected, rtol=0, atol=0, equal_nan=True)
    made = torch.tensor(VALUES, dtype=dtype).float()
    torch.testing.assert_close(made, expected, rtol=0, atol=0, equal_nan=True)
    assert torch.finfo(dtype).resolution == 1 and torch.finfo(dtype).bits == 8


@pytest.mark.parametrize("name", CONVERTED)
def test_moved_and_compared_but_not_computed_with(name):
    dtype = getattr(torch, name)
    x = torch.tensor([1.5, -3.0], dtype=dtype)
    assert repr(x) == f"tensor([ 1.5000, -3.0000], dtype=torch.{name})"
    assert (
        torch.cat([x, x])[1].item() == -3 and (x == x).all() and x.view(torch.uint8).shape == (2,)
    )
    x[0] = 2.0
    assert x.tolist() == [2, -3] and x.clone().reshape(2, 1).T.shape == (1, 2)
    assert torch.zeros(2, dtype=dtype).tolist() == [0, 0]
    for compute in (lambda: x + x, lambda: x.sum(), lambda: -x, lambda: x * 2):
        with pytest.raises(NotImplementedError, match=f"not implemented for '{dtype.legacy}'"):
            compute()
    with pytest.raises(RuntimeError, match="Promotion for Float8 Types is not supported"):
        torch.promote_types(dtype, torch.float32)
    assert torch.promote_types(dtype, dtype) is dtype and torch.can_cast(dtype, torch.float32)


def test_what_dtypes_answer():
    assert torch.float32.to_complex() is torch.complex64 is torch.bfloat16.to_complex()
    assert torch.complex128.to_real() is torch.float64 and torch.int32.to_real() is torch.int32
    with pytest.raises(RuntimeError, match="Unknown Complex ScalarType for Int"):
        torch.int32.to_complex()
    names = [torch.bfloat16, torch.float32, torch.int64, torch.uint8, torch.bool, torch.complex64]
    assert [d.abbr for d in names] == ["bf16", "f32", "i64", "u8", "b8", "c64"]
    assert all(d.name in repr(d) for d in dtypes.ALL.values())
