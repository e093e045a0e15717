"""Tensor types by their old names, and torch's questions about a tensor."""

from __future__ import annotations

from typing import Any

from jaxtorch import devices, dtypes
from jaxtorch.engine.graph import NUMBER_AVALS
from jaxtorch.ops import _result_type
from jaxtorch.ops.creation import legacy_tensor
from jaxtorch.tensor import Tensor

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor",
    "HalfTensor", "IntTensor", "LongTensor", "ShortTensor", "detach", "get_device", "is_complex",
    "is_conj", "is_floating_point", "is_inference", "is_neg", "is_nonzero", "is_same_size",
    "is_signed", "numel", "result_type", "set_default_tensor_type",
]  # fmt: skip


class _TensorType(type):
    """``FloatTensor(2, 3)``, ``LongTensor([1, 2])``; ``isinstance(t, FloatTensor)`` asks the
    dtype."""

    dtype: dtypes.dtype
    place: str

    def __call__(cls, *args, device=None):
        return legacy_tensor(cls.dtype, *args, device=device or cls.place)

    def __instancecheck__(cls, t) -> bool:
        return isinstance(t, Tensor) and t.dtype is cls.dtype and t.device.type == cls.place

    def __repr__(cls) -> str:
        return f"<class '{cls.__module__}.{cls.__name__}'>"


def tensor_type(dtype: dtypes.dtype, place: str = "cpu") -> Any:
    module = "torch" if place == "cpu" else f"torch.{place}"
    return _TensorType(
        f"{dtype.legacy}Tensor", (), {"dtype": dtype, "place": place, "__module__": module}
    )


BFloat16Tensor = tensor_type(dtypes.bfloat16)
BoolTensor = tensor_type(dtypes.bool)
ByteTensor = tensor_type(dtypes.uint8)
CharTensor = tensor_type(dtypes.int8)
DoubleTensor = tensor_type(dtypes.float64)
FloatTensor = tensor_type(dtypes.float32)
HalfTensor = tensor_type(dtypes.float16)
IntTensor = tensor_type(dtypes.int32)
LongTensor = tensor_type(dtypes.int64)
ShortTensor = tensor_type(dtypes.int16)


def set_default_tensor_type(t) -> None:
    """Make the dtype and the device of a tensor type, or of its name ("torch.DoubleTensor"), the
    default."""
    place = getattr(t, "place", None)
    if isinstance(t, str):
        prefix, _, name = t.rpartition(".")
        by_name = {f"{d.legacy}Tensor": d for d in dtypes.ALL.values()}
        place = {"torch": "cpu", "torch.cuda": "cuda"}.get(prefix)
        if place is None or name not in by_name:
            raise TypeError(f"invalid type name {t!r}: e.g. 'torch.DoubleTensor' is one")
        dtype = by_name[name]
    else:
        dtype = getattr(t, "dtype", t)
    if not isinstance(dtype, dtypes.dtype) or not dtype.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    if place == "cuda" and not devices.platform_devices("cuda"):
        raise TypeError(f"type {t} not available: JAX sees no GPU")
    dtypes.set_default_dtype(dtype)
    if place is not None:
        devices.set_default_device(place)


def is_floating_point(input: Tensor) -> bool:
    """Is the dtype a floating point one?"""
    return input.dtype.is_floating_point


def is_complex(input: Tensor) -> bool:
    """Is the dtype a complex one?"""
    return input.dtype.is_complex


def is_nonzero(input: Tensor) -> bool:
    """Is the one element of ``input`` other than zero?"""
    if input.numel() != 1:
        raise RuntimeError(
            "Boolean value of Tensor with "
            + ("more than one value is ambiguous" if input.numel() else "no values is ambiguous")
        )
    return bool(input.item())


def is_conj(input: Tensor) -> bool:
    """Is it a conjugate still to be taken? Never: ``conj`` is an op like any other."""
    return input.is_conj()


def is_neg(input: Tensor) -> bool:
    """Is it a negation still to be taken? Never."""
    return input.is_neg()


def is_signed(input: Tensor) -> bool:
    """Can the dtype hold negative numbers?"""
    return input.is_signed()


def is_inference(input: Tensor) -> bool:
    """Was it made in inference mode? That leaves no mark here."""
    return input.is_inference()


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Are the shapes the same?"""
    return input.is_same_size(other)


def get_device(input: Tensor) -> int:
    """The index of the device, -1 for the CPU."""
    return input.get_device()


def detach(input: Tensor) -> Tensor:
    """A view of the same value that carries no gradient."""
    return input.detach()


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def result_type(tensor1, tensor2) -> dtypes.dtype:
    """The dtype of an arithmetic result of two tensors or Python numbers."""
    avals = [
        t._read().aval if isinstance(t, Tensor) else NUMBER_AVALS[type(t)]
        for t in (tensor1, tensor2)
    ]
    found = _result_type.result_type(avals)
    assert found is not None
    return found
