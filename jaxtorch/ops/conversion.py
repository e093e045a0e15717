"""Conversions: dtype, device, and values copied from one tensor to another."""

from __future__ import annotations

import jax.numpy as jnp

from jaxtorch import devices, dtypes
from jaxtorch.engine.graph import STATE
from jaxtorch.engine.handles import Handles, TensorBase, jax_device
from jaxtorch.ops._dims import broadcast_shapes, type_name
from jaxtorch.ops._dispatch import as_number as _as_number
from jaxtorch.ops._op import Array, op
from jaxtorch.ops._promote import cast


@op(name="ToCopyBackward0")
def _to_dtype(input: Array, dtype: object):
    return cast(input, dtype)


@op(name="CloneBackward0")
def _copied(input: Array):
    return input


@op(name="CopyBackwards")
def _copy(input: Array, src: Array):
    shape = broadcast_shapes(input.shape, src.shape)
    if shape != input.shape:
        raise RuntimeError(
            f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(shape)}"
        )
    return jnp.broadcast_to(cast(src, dtypes.from_numpy_dtype(input.dtype)), input.shape)


def copy_(input, other, non_blocking: bool = False):
    """Give ``input`` the values of ``other``, broadcast, cast and moved to where ``input`` is.

    Transfers are asynchronous anyhow: ``non_blocking`` has nothing to add.
    """
    src = other
    if not isinstance(src, TensorBase):
        from jaxtorch.ops.data import as_tensor

        if _as_number(src) is None:
            raise TypeError(
                f"copy_(): argument 'other' (position 1) must be Tensor, not {type_name(src)}"
            )
        src = as_tensor(src)
    if src._base is not None and input._base is not None:
        Handles.refuse_partial_overlap(input, src)
    if src.device != input.device:
        src = to(src, input.device)
    carries = src.requires_grad or (input.requires_grad and STATE.grad)
    if src.dtype is input.dtype and src.shape == input.shape and not carries:
        return input._write(src.detach())  # the very value: nothing to compute
    return input._write(_copy(input, src))


def to(input, *args, **kwargs):
    """``to(dtype)``, ``to(device, dtype)``, ``to(other)``, with ``copy=``; ``input`` itself if it
    is so already. Layouts in memory are XLA's choice, so ``memory_format`` changes nothing."""
    device, dtype, copy = _to_arguments(*args, **kwargs)
    dtype = dtypes.of(dtype)
    out = input
    if device is not None:
        device = devices.device(device)
        if device.index is None and device.type not in ("cpu", "meta"):
            device = devices.device(device.type, 0)
        if str(device) != out._read().aval.place:
            out = Handles.to_place(out, _present(device))
    if dtype is not None and dtype is not out.dtype:
        out = _to_dtype(out, dtype)
    return _copied(out) if copy and out is input else out


def _present(device) -> str:
    if device.type != "meta":
        jax_device(str(device))  # raises where there is none
    return str(device)


_TYPES = (bool, int, float, complex)  # dtypes too: see dtypes.of


def _to_arguments(
    *args, device=None, dtype=None, non_blocking=False, copy=False, memory_format=None, other=None
):
    rest = []
    for a in args:
        if isinstance(a, dtypes.dtype) or any(a is t for t in _TYPES):
            dtype = a
        elif isinstance(a, TensorBase):
            other = a
        elif isinstance(a, (str, devices.device)) or (
            isinstance(a, int) and not isinstance(a, bool) and device is None and not rest
        ):
            device = a
        elif a is None and not rest:
            continue
        else:
            rest.append(a)
    if other is not None:
        device, dtype = other.device, other.dtype
    if len(rest) > 2 or any(not isinstance(r, bool) for r in rest):
        raise TypeError(
            "to() received an invalid combination of arguments - got ("
            + ", ".join(type(a).__name__ for a in args)
            + "), but expected (torch.dtype), (torch.device, torch.dtype) or (Tensor other)"
        )
    if len(rest) == 2:
        copy = rest[1]
    return device, dtype, copy


def type_(input, dtype=None, non_blocking: bool = False):
    """Without ``dtype``, the legacy name of the tensor's type; else the tensor as ``dtype``."""
    if dtype is None:
        where = "cuda." if input.device.type == "cuda" else ""
        return f"torch.{where}{input.dtype.legacy}Tensor"
    if isinstance(dtype, str):
        found = {f"torch.{d.legacy}Tensor": d for d in dtypes.ALL.values()}.get(
            dtype.replace("torch.cuda.", "torch.")
        )
        if found is None:
            raise ValueError(f"invalid type: '{dtype}'")
        return to(input, found, **({"device": "cuda"} if "cuda" in dtype else {}))
    return to(input, getattr(dtype, "dtype", dtype))


def type_as(input, other):
    """``input`` with the dtype and on the device of ``other``."""
    return to(input, other)


def cpu(input, memory_format=None):
    """``input`` in host memory."""
    return to(input, "cpu")


def cuda(input, device=None, non_blocking: bool = False, memory_format=None):
    """``input`` on a GPU; RuntimeError where there is none."""
    device = "cuda" if device is None else device
    return to(input, devices.device("cuda", device) if isinstance(device, int) else device)


def _caster(dtype, name: str):
    def convert(input, memory_format=None):
        return input if input.dtype is dtype else _to_dtype(input, dtype)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"``input`` as {dtype}."
    return convert


float = _caster(dtypes.float32, "float")
double = _caster(dtypes.float64, "double")
half = _caster(dtypes.float16, "half")
bfloat16 = _caster(dtypes.bfloat16, "bfloat16")
byte = _caster(dtypes.uint8, "byte")
char = _caster(dtypes.int8, "char")
short = _caster(dtypes.int16, "short")
long = _caster(dtypes.int64, "long")
cfloat = _caster(dtypes.complex64, "cfloat")
cdouble = _caster(dtypes.complex128, "cdouble")
to_int = _caster(dtypes.int32, "int")
to_bool = _caster(dtypes.bool, "bool")
