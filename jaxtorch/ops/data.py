"""From Python data to an array: what ``torch.tensor``, ``as_tensor`` and their kin infer."""

from __future__ import annotations

import math
import operator
import warnings
from typing import Any

import jax
import numpy as np

from jaxtorch import devices, dtypes
from jaxtorch.dtypes import dtype as DType
from jaxtorch.engine.handles import Handles, TensorBase, node_of_numpy
from jaxtorch.ops._dims import type_name
from jaxtorch.ops._overrides import asks_modes

_NUMBERS = {bool, int, float, complex}


def is_tensor(obj) -> bool:
    return isinstance(obj, TensorBase)


def wrap(array: np.ndarray, device="cpu"):
    """A Tensor of a NumPy array's values as they are now."""
    # A copy, always: XLA takes over the buffer of an aligned array, which may be the caller's.
    return Handles.wrap(node_of_numpy(np.array(array, order="C"), str(device)))


def _number_dtype(kinds: set) -> DType:
    """The dtype of Python numbers of these types together."""
    if complex in kinds:
        return dtypes.default_complex()
    if float in kinds:
        return dtypes.get_default_dtype()
    return dtypes.int64 if int in kinds else dtypes.bool


def _scalar_dtype(x) -> DType:
    if isinstance(x, np.generic):
        return dtypes.from_numpy_dtype(x.dtype)
    for kind in (bool, int, float, complex):
        if isinstance(x, kind):
            return _number_dtype({kind})
    if isinstance(x, str):
        raise TypeError("new(): invalid data type 'str'")
    raise RuntimeError(f"Could not infer dtype of {type_name(x)}")


def _is_sequence(x) -> bool:
    return isinstance(x, (list, tuple, range)) or (
        hasattr(x, "__getitem__")
        and hasattr(x, "__len__")
        and not isinstance(x, (str, bytes, dict))
    )


def _shape(data) -> tuple:
    shape = []
    while _is_sequence(data) and not (hasattr(data, "shape") and data.shape == ()):
        if shape and is_tensor(data):
            break  # in a list, a tensor is a number
        if hasattr(data, "shape"):
            return (*shape, *data.shape)
        shape.append(len(data))
        if not data:
            break
        data = data[0]
    if shape and isinstance(data, str):
        raise ValueError("too many dimensions 'str'")
    return tuple(shape)


def _flatten(data, shape: tuple, depth: int, out: list, kinds: set) -> None:
    """Append the numbers of nested ``data`` to ``out``, and their types or dtypes to ``kinds``."""
    if depth == len(shape):
        if is_tensor(data) or isinstance(data, (np.ndarray, jax.Array)):
            if math.prod(data.shape) != 1:
                if is_tensor(data) and not out and data.dtype.category < dtypes.FLOAT:
                    raise TypeError(
                        "only integer tensors of a single element can be converted to an index"
                    )
                raise ValueError("only one element tensors can be converted to Python scalars")
            kinds.add(_dtype_of(data))
            data = data.item()
        elif data.__class__ not in _NUMBERS:
            if _is_sequence(data):
                raise TypeError(
                    f"'{type(data).__name__}' object cannot be interpreted as an integer"
                )
            kinds.add(_scalar_dtype(data))
            data = data.item() if isinstance(data, np.generic) else data
        else:
            kinds.add(data.__class__)
        out.append(data)
        return
    if not _is_sequence(data):
        raise TypeError("not a sequence")
    if not shape[depth]:
        return  # the first had no elements: torch does not look at those of the others
    if len(data) != shape[depth]:
        raise ValueError(
            f"expected sequence of length {shape[depth]} at dim {depth} (got {len(data)})"
        )
    if isinstance(data, np.ndarray):
        kinds.add(dtypes.from_numpy_dtype(data.dtype))
        out.extend(data.ravel().tolist())
    elif is_tensor(data):
        for item in data.tolist() if math.prod(data.shape) == len(data) else data.unbind():
            _flatten(item, shape, depth + 1, out, kinds)
        kinds.add(data.dtype)
    elif depth == len(shape) - 1 and (found := set(map(type, data))) <= _NUMBERS:
        kinds |= found
        out.extend(data)
    else:
        for item in data:
            _flatten(item, shape, depth + 1, out, kinds)


def _dtype_of(x) -> DType:
    return x.dtype if is_tensor(x) else dtypes.from_numpy_dtype(x.dtype)


def array_of(data, dtype: DType | None = None) -> np.ndarray:
    """The NumPy array of Python numbers, nested sequences of them, arrays or Tensors.

    Python ints make int64, floats the default dtype, arrays keep theirs; ``dtype`` overrides.
    """
    dtype = dtypes.of(dtype)
    if is_tensor(data):
        return _cast(data.detach().cpu().numpy(), dtype)
    if isinstance(data, (np.ndarray, jax.Array)):
        if isinstance(data, np.ndarray) and any(s < 0 for s in data.strides):
            raise ValueError(
                "At least one stride in the given numpy array is negative, and tensors with "
                "negative strides are not currently supported. (You can probably work around this "
                "by making a copy of your array  with array.copy().)"
            )
        array = np.asarray(data)
        if not array.dtype.isnative:
            raise ValueError(
                "given numpy array has byte order different from the native byte order. Conversion "
                "between byte orders is currently not supported."
            )
        dtypes.from_numpy_dtype(array.dtype)
        return _cast(array, dtype)
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if not _is_sequence(data) and hasattr(data, "__array__") and not isinstance(data, np.generic):
        return array_of(np.asarray(data), dtype)
    if not _is_sequence(data):
        kind = _scalar_dtype(data)
        return _filled([data.item() if isinstance(data, np.generic) else data], (), dtype or kind)
    shape, out, kinds = _shape(data), [], set()
    _flatten(data, shape, 0, out, kinds)
    if dtype is None:
        dtype = _joined(kinds)
    return _filled(out, shape, dtype)


def _joined(kinds: set) -> DType:
    found = [k for k in kinds if isinstance(k, DType)]
    numbers = {k for k in kinds if not isinstance(k, DType)}
    if numbers:
        found.append(_number_dtype(numbers))
    if not found:
        return dtypes.get_default_dtype()
    joined = found[0]
    for other in found[1:]:
        joined = dtypes.promote_types(joined, other)
    return joined


def _filled(numbers: list, shape: tuple, dtype: DType) -> np.ndarray:
    """``numbers`` as an array of ``dtype``, with torch's complaints about what does not fit."""
    if dtype.category < dtypes.COMPLEX and any(x.__class__ is complex for x in numbers):
        raise TypeError("must be real number, not complex")
    if dtype.category != dtypes.INT:
        try:
            if dtype in dtypes.FLOAT8_TYPES:
                return _cast(np.array(numbers, np.float64), dtype).reshape(shape)
            with np.errstate(over="ignore"):
                return np.array(numbers, dtype.numpy).reshape(shape)
        except OverflowError:
            raise ValueError("Overflow when unpacking long long") from None
    try:
        array = np.array([int(x) for x in numbers], np.int64)
    except OverflowError:
        if dtype is dtypes.uint64:
            return np.array(numbers, np.uint64).reshape(shape)
        raise ValueError("Overflow when unpacking long long") from None
    except ValueError:
        raise RuntimeError(
            f"value cannot be converted to type {dtype.name} without overflow"
        ) from None
    info = np.iinfo(dtype.numpy)
    # torch lets negative numbers wrap round in unsigned types, down to minus the largest
    low = -int(info.max) if info.min == 0 else info.min
    if (
        array.size
        and dtype is not dtypes.uint64
        and not (array.min() >= low and array.max() <= info.max)
    ):
        raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow")
    return array.astype(dtype.numpy).reshape(shape)


def _cast(array: np.ndarray, dtype: DType | None) -> np.ndarray:
    if dtype is None or array.dtype == dtype.numpy:
        return array
    if array.dtype.kind == "c" and dtype.category < dtypes.COMPLEX:
        array = np.real(array)
    if dtype is dtypes.float8_e4m3fn:
        array = np.clip(array, -448, 448)
    with np.errstate(all="ignore"):
        return array.astype(dtype.numpy)


def _or_default(device):
    """``device``, or the default device where that is not the CPU."""
    if device is not None:
        return device
    default = devices.get_default_device()
    return None if default.type == "cpu" else default


def _finish(x, device, requires_grad):
    return requiring(x if device is None else x.to(device), requires_grad)


def requiring(x, requires_grad: bool):
    """A new tensor, with the flag as the function that made it was told."""
    if requires_grad and x.dtype.category < dtypes.FLOAT:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return x.requires_grad_() if requires_grad else x


def no_pinning(pin_memory: bool) -> None:
    if pin_memory:
        raise RuntimeError(
            "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory "
            "allocator is available on this system."
        )


@asks_modes
def tensor(data, *, dtype=None, device=None, requires_grad: bool = False, pin_memory: bool = False):
    """A new leaf tensor with a copy of ``data``: numbers, nested sequences, arrays or tensors."""
    no_pinning(pin_memory)
    device = _or_default(device)
    if is_tensor(data):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than "
            "torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        made = data.detach().clone()
        made = made if dtype is None else made.to(dtype)
        return _finish(made, device, requires_grad)
    return _finish(wrap(array_of(data, dtype)), device, requires_grad)


@asks_modes
def from_numpy(array: np.ndarray):
    """A tensor of a NumPy array's values. It keeps a copy: values are immutable here."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type_name(array)})")
    return wrap(array_of(array))


@asks_modes
def as_tensor(data, dtype=None, device=None):
    """``data`` itself where it is a tensor of this dtype and device, else a tensor of it."""
    device = _or_default(device)
    if is_tensor(data):
        if dtype is not None:
            data = data.to(dtype)
        return data if device is None else data.to(device)
    return _finish(wrap(array_of(data, dtype)), device, False)


def asarray(
    obj: Any, *, dtype=None, device=None, copy: bool | None = None,
    requires_grad: bool | None = None,
):  # fmt: skip
    """A tensor of anything array-like; ``copy`` True makes sure that it is a new one.

    ``requires_grad``: None leaves a tensor its history, False takes that from it.
    """
    given = is_tensor(obj) and obj.requires_grad
    wanted = given if requires_grad is None else requires_grad
    if hasattr(obj, "__dlpack__") and not is_tensor(obj) and not isinstance(obj, np.ndarray):
        obj = np.from_dlpack(obj)
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return _finish(frombuffer(obj, dtype=dtype or dtypes.get_default_dtype()), device, wanted)
    if copy is False and not is_tensor(obj):
        if not isinstance(obj, (np.ndarray, jax.Array)):
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        if dtype is not None and _dtype_of(obj) is not dtypes.of(dtype):
            raise ValueError(
                f"can't alias tensor with dtype '{_dtype_of(obj).legacy}' into dtype "
                f"'{dtypes.of(dtype).legacy}'."
            )
    made: Any = as_tensor(obj, dtype, device)
    if copy and made is obj:
        made = made.clone()
    elif copy is False and is_tensor(obj) and made is not obj:
        raise ValueError("can't alias tensor of another dtype or device: copy=False was asked for")
    if made.requires_grad and not wanted:
        return made.requires_grad_(False) if made.is_leaf else made.detach()
    if wanted and made.dtype.category < dtypes.FLOAT:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return made.requires_grad_() if wanted else made


def frombuffer(buffer, *, dtype, count: int = -1, offset: int = 0, requires_grad: bool = False):
    """A vector of the bytes of ``buffer`` as ``dtype``: ``count`` elements from ``offset`` on."""
    dtype = dtypes.of(dtype)
    try:
        memoryview(buffer)
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    size, item = memoryview(buffer).nbytes, dtype.itemsize
    if size == 0 or count == 0:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({size} bytes) minus 1"
        )
    if count < 0 and (size - offset) % item:
        raise ValueError(
            f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must be a "
            f"multiple of element size ({item})"
        )
    count = (size - offset) // item if count < 0 else operator.index(count)
    if offset + count * item > size:
        raise ValueError(
            f"requested buffer length ({count} * {item} bytes) after offset ({offset} bytes) must "
            f"not be greater than actual buffer length ({size} bytes)"
        )
    array = np.frombuffer(buffer, np.uint8, count * item, offset).view(dtype.numpy)
    return _finish(wrap(array.copy()), None, requires_grad)


def scalar_tensor(s, *, dtype=None, device=None, requires_grad: bool = False):
    """A 0-dim tensor, of the default dtype unless told otherwise."""
    made = wrap(_filled([s], (), dtypes.of(dtype) or dtypes.get_default_dtype()))
    return _finish(made, _or_default(device), requires_grad)


def from_file(
    filename: str, shared: bool | None = None, size: int = 0, *, dtype=None, device=None,
    requires_grad: bool = False, pin_memory: bool = False,
):  # fmt: skip
    """A vector of the first ``size`` elements in a file of raw numbers, as they are now."""
    no_pinning(pin_memory)
    if shared:
        raise NotImplementedError("from_file(shared=True): values are immutable, so no write would "
                                  "reach the file")  # fmt: skip
    dtype = dtypes.of(dtype) or dtypes.get_default_dtype()
    array = np.fromfile(filename, np.uint8, size * dtype.itemsize)
    if array.size < size * dtype.itemsize:
        raise RuntimeError(
            f"file {filename} has {array.size} bytes, fewer than the {size * dtype.itemsize} of "
            f"{size} elements of {dtype}"
        )
    return _finish(wrap(array.view(dtype.numpy)), device, requires_grad)
