"""Tensors in short, as comments on generated code: ``f32[3, 4]``."""

from __future__ import annotations

from jaxtorch import dtypes

__all__ = ["annotation", "dtype_abbrs"]

dtype_abbrs = {
    dtypes.bfloat16: "bf16", dtypes.float64: "f64", dtypes.float32: "f32", dtypes.float16: "f16",
    dtypes.float8_e4m3fn: "f8e4m3fn", dtypes.float8_e5m2: "f8e5m2",
    dtypes.float8_e4m3fnuz: "f8e4m3fnuz", dtypes.float8_e5m2fnuz: "f8e5m2fnuz",
    dtypes.complex64: "c64", dtypes.complex128: "c128",
    dtypes.int8: "i8", dtypes.int16: "i16", dtypes.int32: "i32", dtypes.int64: "i64",
    dtypes.uint8: "u8", dtypes.uint16: "u16", dtypes.uint32: "u32", dtypes.uint64: "u64",
    dtypes.bool: "b8",
}  # fmt: skip


def sizes(numbers) -> str:
    return f"[{', '.join(map(str, numbers))}]"


def _plain(text: str, colour: str) -> str:
    return text


def annotation(t, *, stride: bool = False, device: bool = False, paint=_plain) -> str:
    """dtype and shape of a tensor, or of what ``ShapeProp`` keeps of one; strides and device on
    request. ``paint(text, colour)`` may colour the parts."""
    text = paint(dtype_abbrs[t.dtype], "red") + paint(sizes(t.shape), "blue")
    if stride:
        text += paint(sizes(t.stride()), "dim_blue")
    if device:
        text += paint(str(t.device), "dim_green")
    return text
