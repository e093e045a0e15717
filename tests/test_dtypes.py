"""dtypes, their promotion, and what is asked of their numbers."""

import copy
import pickle

import ml_dtypes
import numpy as np
import pytest

import jaxtorch
from jaxtorch import dtypes
from jaxtorch.dtypes import can_cast, finfo, from_numpy_dtype, iinfo, promote_types

ALL = list(dtypes.ALL.values())


def test_names_and_identity():
    assert repr(dtypes.float32) == "torch.float32"
    assert dtypes.float is dtypes.float32 and dtypes.long is dtypes.int64
    for d in ALL:
        assert pickle.loads(pickle.dumps(d)) is copy.deepcopy(d) is d
        assert from_numpy_dtype(d.numpy) is d
    assert from_numpy_dtype(ml_dtypes.bfloat16) is dtypes.bfloat16
    with pytest.raises(TypeError, match="can't convert np.ndarray of type"):
        from_numpy_dtype(np.dtype("U3"))


@pytest.mark.parametrize(
    "a, b, result",
    [
        ("int64", "float16", "float16"),
        ("float16", "bfloat16", "float32"),
        ("uint8", "int8", "int16"),
        ("uint8", "int32", "int32"),
        ("bool", "uint8", "uint8"),
        ("uint32", "float16", "float16"),
        ("float64", "complex64", "complex128"),
        ("float32", "complex64", "complex64"),
    ],
)
def test_promotion(a, b, result):
    a, b = dtypes.ALL[a], dtypes.ALL[b]
    assert promote_types(a, b) is promote_types(b, a) is dtypes.ALL[result]
    with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64"):
        promote_types(dtypes.uint16, dtypes.int32)


def test_default_dtype():
    assert dtypes.get_default_dtype() is dtypes.float32
    try:
        dtypes.set_default_dtype(dtypes.float64)
        assert dtypes.get_default_dtype() is dtypes.float64
        assert dtypes.default_complex() is dtypes.complex128
        assert finfo().dtype == "float64"
    finally:
        dtypes.set_default_dtype(dtypes.float32)
    with pytest.raises(TypeError, match="only floating-point types are supported"):
        dtypes.set_default_dtype(dtypes.int64)


def test_can_cast():
    for d in ALL:
        assert can_cast(dtypes.bool, d) and can_cast(d, dtypes.complex64)
    assert can_cast(dtypes.double, dtypes.float) and can_cast(dtypes.int64, dtypes.uint8)
    assert not can_cast(dtypes.float16, dtypes.int64)
    assert not can_cast(from_=dtypes.uint8, to=dtypes.bool)
    with pytest.raises(TypeError, match="argument 'to' .* must be torch.dtype, not int"):
        can_cast(dtypes.int8, 3)


def test_limits():
    assert repr(finfo(dtypes.float32)) == (
        "finfo(resolution=1e-06, min=-3.40282e+38, max=3.40282e+38, eps=1.19209e-07, "
        "smallest_normal=1.17549e-38, tiny=1.17549e-38, dtype=float32)"
    )
    assert finfo(dtypes.bfloat16).eps == 2.0**-7
    assert finfo(dtypes.complex128).dtype == "float64"
    assert repr(iinfo(dtypes.uint8)) == "iinfo(min=0, max=255, dtype=uint8)"
    assert iinfo(dtypes.int64).max == 2**63 - 1
    assert finfo(dtypes.half) == finfo(dtypes.float16) != finfo(dtypes.float32)
    with pytest.raises(TypeError, match="Use torch.iinfo to handle 'torch.int8'"):
        finfo(dtypes.int8)
    with pytest.raises(TypeError, match="Use torch.finfo to handle 'torch.float32'"):
        iinfo(dtypes.float32)
    with pytest.raises(TypeError, match="torch.bool is not supported by torch.iinfo"):
        iinfo(dtypes.bool)
    with pytest.raises(TypeError, match="must be torch.dtype, not str"):
        finfo("float32")


@pytest.mark.parametrize(
    "type, expected",
    [
        (bool, dtypes.bool),
        (int, dtypes.int64),
        (float, dtypes.float64),
        (complex, dtypes.complex128),
    ],
)
def test_python_types_are_dtypes(type, expected):
    x = jaxtorch.ones(2, dtype=jaxtorch.uint8)
    made = [
        x.to(type), x.to("cpu", type), jaxtorch.ones_like(x, dtype=type), x.new_ones(2, dtype=type),
        jaxtorch.tensor([1, 1], dtype=type), jaxtorch.full((2,), 1, dtype=type),
        jaxtorch.as_tensor([1, 1], dtype=type), jaxtorch.as_tensor(x, dtype=type),
        jaxtorch.frombuffer(bytes(32), dtype=type, count=2) + 1 if type is not bool else x.to(type),
    ]  # fmt: skip
    assert [out.dtype for out in made] == [expected] * len(made)
    assert all(out.tolist() == [1, 1] for out in made)
    if type is not bool:
        assert x.sum(dtype=type).dtype is expected and x.cumsum(0, dtype=type).dtype is expected


def test_python_types_have_limits():
    assert finfo(float) == finfo(dtypes.float64) and iinfo(int) == iinfo(dtypes.int64)
    with pytest.raises(TypeError, match="'dtype' must be torch.dtype, not"):
        jaxtorch.ones(2, dtype=str)
