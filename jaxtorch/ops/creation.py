"""Tensors from nothing: constants, ranges, identity matrices, and the *_like and new_* forms."""

from __future__ import annotations

import builtins
import math
import operator
from typing import Any, TypedDict, Unpack

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxtorch import devices, dtypes
from jaxtorch.engine.handles import Handles
from jaxtorch.ops._dims import type_name
from jaxtorch.ops._op import Array, Scalar, op
from jaxtorch.ops._overrides import asks_first, asks_modes
from jaxtorch.ops._promote import cast, check_number, divisor, number_dtype, width
from jaxtorch.ops.data import array_of, is_tensor, no_pinning, requiring, wrap
from jaxtorch.ops.views import sizes_from
from jaxtorch.size import Size


class Options(TypedDict, total=False):
    """What every creation function takes beside its own arguments."""

    out: Any
    dtype: dtypes.dtype | None
    device: Any
    requires_grad: bool
    layout: Any
    pin_memory: bool
    memory_format: Any
    names: Any


def _made(
    make, *args, out=None, dtype=None, device=None, requires_grad=False, layout=None,
    pin_memory=False, memory_format=None, names=None, default=None,
):  # fmt: skip
    """``make(*args, dtype)`` put where and marked as the options say.

    A memory format is a layout in memory, and XLA chooses those.
    """
    if pin_memory:
        no_pinning(pin_memory)
    if layout is not None and str(layout) != "torch.strided":
        raise NotImplementedError(f"layout={layout}: only torch.strided tensors exist")
    if names is not None:
        raise NotImplementedError("names=: tensors with named dimensions do not exist")
    dtype = dtypes.of(dtype)
    if out is not None and dtype is None:
        dtype = out.dtype
    elif out is not None and dtype is not out.dtype:
        raise RuntimeError(
            f"dtype {dtype.legacy} does not match dtype of out parameter ({out.dtype.legacy})"
        )
    x = make(*args, dtype or default or dtypes.get_default_dtype())
    if out is not None:
        return Handles.assign_out(x, out)
    return _placed(x, device, requires_grad)


_CPU = devices.device("cpu")


def _placed(x, device, requires_grad):
    device = devices.get_default_device() if device is None else device
    if device is not _CPU and device != "cpu":
        x = x.to(device)
    return requiring(x, requires_grad)


def _sizes(name: str, sizes: tuple, size=None) -> tuple:
    if size is not None:
        sizes = (size,)
    elif not sizes:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    try:
        found = sizes_from(sizes)
    except TypeError:
        given = next((n for n in sizes if not hasattr(n, "__index__")), sizes[0])
        raise TypeError(
            f"{name}(): argument 'size' (position 1) must be tuple of ints, not {type_name(given)}"
        ) from None
    if min(found, default=0) < 0:
        if name == "zeros":
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        negative = next(n for n in found if n < 0)
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {negative}: {list(found)}"
        )
    if math.prod(found) >= 2**60:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(found)}")
    return found


@op(nondiff=True)
def _constant(size: tuple, value: float, dtype: dtypes.dtype):
    return jnp.full(size, value, width(dtype))


def _filled(size, value, dtype):
    check_number(value, dtype)
    return _full(size, value, dtype)


@op(nondiff=True)
def _full(size: tuple, value: Scalar, dtype: dtypes.dtype):
    value = value != 0 if dtype is dtypes.bool else cast(value, dtype)
    return jnp.broadcast_to(value, size)


@asks_modes
def zeros(*sizes, size=None, **options: Unpack[Options]):
    return _made(_constant, _sizes("zeros", sizes, size), 0, **options)


@asks_modes
def ones(*sizes, size=None, **options: Unpack[Options]):
    return _made(_constant, _sizes("ones", sizes, size), 1, **options)


@asks_modes
def empty(*sizes, size=None, **options: Unpack[Options]):
    """A tensor to be filled. Its values are zeros: there is no memory to leave as it was."""
    return _made(_constant, _sizes("empty", sizes, size), 0, **options)


def empty_strided(size, stride, **options: Unpack[Options]):
    """``empty(size)``, whose elements lie as XLA lays them out: strides are checked, not kept."""
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    return empty(size, **options)


def empty_permuted(size, physical_layout, **options: Unpack[Options]):
    """``empty(size)``; the layout in memory is XLA's."""
    if len(physical_layout) != len(size):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(size)} is not equal to len(physical_layout) = {len(physical_layout)}"
        )
    for i, dim in enumerate(physical_layout):
        if not 0 <= dim < len(size):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got "
                f"{dim} at index {i}).  NB: negative dims not currently supported; file an issue "
                "if you want it."
            )
        if dim in physical_layout[:i]:
            raise RuntimeError("Duplicate dim not allowed")
    return empty(size, **options)


def _default_of(value):
    if is_tensor(value):
        if value.ndim:
            raise TypeError("full(): argument 'fill_value' (position 2) must be Number, not Tensor")
        return value.dtype
    if not isinstance(value, (builtins.int, builtins.float, builtins.complex, np.generic)):
        raise TypeError(
            f"full(): argument 'fill_value' (position 2) must be Number, not {type_name(value)}"
        )
    return number_dtype(value)


@asks_modes
def full(size, fill_value, **options: Unpack[Options]):
    """``fill_value`` everywhere; its type decides the dtype where none is given."""
    sizes = _sizes("full", (size,))
    return _made(_filled, sizes, fill_value, default=_default_of(fill_value), **options)


# --- like another tensor ------------------------------------------------------------------------


def _like(name, make, input, *args, device=None, **options):
    if not is_tensor(input):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    return _made(
        make, tuple(input.shape), *args, default=input.dtype,
        device=input.device if device is None else device, **options,
    )  # fmt: skip


@asks_first
def zeros_like(input, **options: Unpack[Options]):
    return _like("zeros_like", _constant, input, 0, **options)


@asks_first
def ones_like(input, **options: Unpack[Options]):
    return _like("ones_like", _constant, input, 1, **options)


@asks_first
def empty_like(input, **options: Unpack[Options]):
    return _like("empty_like", _constant, input, 0, **options)


@asks_first
def full_like(input, fill_value, **options: Unpack[Options]):
    return _like("full_like", _filled, input, fill_value, **options)


def _new(name, make, input, sizes, size, *args, device=None, **options):
    return _made(
        make, _sizes(name, sizes, size), *args, default=input.dtype,
        device=input.device if device is None else device, **options,
    )  # fmt: skip


def new_zeros(input, *sizes, size=None, **options: Unpack[Options]):
    return _new("new_zeros", _constant, input, sizes, size, 0, **options)


def new_ones(input, *sizes, size=None, **options: Unpack[Options]):
    return _new("new_ones", _constant, input, sizes, size, 1, **options)


def new_empty(input, *sizes, size=None, **options: Unpack[Options]):
    return _new("new_empty", _constant, input, sizes, size, 0, **options)


def new_full(input, size, fill_value, **options: Unpack[Options]):
    return _new("new_full", _filled, input, (size,), None, fill_value, **options)


def new_tensor(input, data, *, dtype=None, device=None, requires_grad: bool = False):
    """A copy of ``data`` with the dtype and device of ``input`` unless told otherwise."""
    made = wrap(array_of(data, dtype or input.dtype)).to(input.device if device is None else device)
    return made.requires_grad_() if requires_grad else made


def new_empty_strided(input, size, stride, **options: Unpack[Options]):
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    return new_empty(input, size, **options)


def legacy_tensor(dtype, *args, device=None, of_class: bool = True):
    """``torch.FloatTensor(2, 3)``: sizes; ``torch.FloatTensor([1, 2])``: data; both of ``dtype``.

    ``of_class`` False: ``torch.Tensor``, which takes tensors of any dtype as they are.
    """
    if not args:
        return empty(0, dtype=dtype, device=device)
    first = args[0]
    if len(args) == 1 and is_tensor(first):
        if of_class and first.dtype is not dtype:
            raise TypeError(
                f"expected {dtype.legacy} (got {first.dtype.legacy}): use tensor.to(dtype)"
            )
        return first.detach()
    # Any NumPy array has an __index__; one of no dimensions is a size to torch.
    array = len(args) == 1 and isinstance(first, np.ndarray) and first.ndim
    if isinstance(first, Size) or not array and all(hasattr(n, "__index__") for n in args):
        return empty(*args, dtype=dtype, device=device)
    if len(args) > 1:
        raise TypeError(
            "new() received an invalid combination of arguments: sizes are ints, data is one "
            "sequence"
        )
    if isinstance(first, (int, float)):
        raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    return _placed(wrap(array_of(first, dtype)), device, False)


def new(input, *args, device=None):
    """PyTorch's legacy ``x.new(2, 3)`` (sizes) and ``x.new([1, 2])`` (data), of ``x``'s dtype."""
    return legacy_tensor(input.dtype, *args, device=input.device if device is None else device)


# --- ranges -------------------------------------------------------------------------------------


@op(nondiff=True)
def _iota(length: int, dtype: dtypes.dtype):
    return lax.iota(width(dtype), length)


@op(nondiff=True)
def _arange(length: int, start: Scalar, step: Scalar, dtype: dtypes.dtype):
    """start + i * step, in 64 bits before the result's dtype, as torch computes it."""
    floats = any(jnp.issubdtype(x.dtype, jnp.floating) for x in (start, step))
    kind = width(dtypes.float64 if floats else dtypes.int64)
    at = lax.iota(kind, length)
    return (start.astype(kind) + at * step.astype(kind)).astype(width(dtype))


def _number(x):
    """A Python number of a number or 0-dim tensor."""
    return x.item() if hasattr(x, "item") else x


@asks_modes
def arange(start=None, end=None, step=1, **options: Unpack[Options]):
    """start, start + step, ... up to and without ``end``: integers where all three are."""
    from_zero = end is None
    if from_zero:
        start, end = None, start
    if end is None:
        raise TypeError('arange() missing 1 required positional arguments: "end"')
    start = 0 if start is None else start
    first, last, by = _number(start), _number(end), _number(step)
    for name, bound in (("start", first), ("end", last), ("step", by)):
        if not isinstance(bound, (builtins.int, builtins.float)):
            if isinstance(bound, builtins.complex):
                raise RuntimeError("value cannot be converted to type double without overflow")
            at = 1 if from_zero else ("start", "end", "step").index(name) + 1
            raise TypeError(
                f"arange(): argument '{name}' (position {at}) must be Number, not "
                f"{type_name(bound)}"
            )
    whole = all(isinstance(x, int) for x in (first, last, by))
    dtype = dtypes.of(options.get("dtype")) or getattr(options.get("out"), "dtype", None)
    dtype = dtype or (dtypes.int64 if whole else dtypes.get_default_dtype())
    raw = first, last, by
    if not (math.isfinite(first) and math.isfinite(last)):
        raise RuntimeError(f"unsupported range: {first} -> {last}")
    if dtype.category == dtypes.INT and not whole:
        first, last, by = int(first), int(last), int(by)
        whole = True
    if raw[2] == 0:
        raise RuntimeError("step must be nonzero")
    if by == 0 and dtype is dtypes.int64:
        raise ValueError("step must be nonzero")
    if (raw[1] < raw[0]) if raw[2] > 0 else (raw[1] > raw[0]):
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is not dtypes.int64:  # torch counts in doubles for all others
        length = math.ceil((float(raw[1]) - float(raw[0])) / raw[2])
    else:
        length = -((first - last) // by)
    if dtype.is_complex or (dtype is dtypes.bool and length > 2):
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{dtype.legacy}'")
    # a start that was given is data: `arange(i, i + n)` in a loop is one program
    if from_zero and by == 1 and whole:
        return _made(_iota, length, **{**options, "dtype": dtype})
    return _made(_arange, length, first, by, **{**options, "dtype": dtype})


def range(start=0, end=None, step=1, **options: Unpack[Options]):
    """As ``arange``, but with ``end`` in it, and of the default dtype."""
    if end is None:
        start, end = 0, start
    length = math.floor((_number(end) - _number(start)) / _number(step)) + 1
    return _made(_arange, length, _number(start), _number(step), **options)


def _line(length, start, end, dtype, halves=True):
    """Evenly spaced from both ends inwards, so that both are met exactly.

    As torch's CPU computes it: integers in doubles, half types (unless told otherwise) rounded
    after each operation, float32 with the product not rounded by itself, which a double holds.
    """
    if dtype.category <= dtypes.INT:
        start, end = (x.astype(width(dtype)) for x in (start, end))
    single = dtype in (dtypes.float32, *dtypes.HALF_TYPES)
    own = jnp.dtype(jnp.float32) if single else width(dtype if dtype.category > 1 else _DOUBLE)
    wide = width(_DOUBLE) if dtype is dtypes.float32 else own
    start, end = start.astype(own), end.astype(own)
    if length == 1:
        return start.reshape(1)

    def rounded(x, always=False):
        if dtype not in dtypes.HALF_TYPES or not (halves or always):
            return x
        return lax.reduce_precision(x, *((8, 7) if dtype is dtypes.bfloat16 else (5, 10)))

    start, end = rounded(start, True), rounded(end, True)
    step = rounded(rounded(end - start) / rounded(divisor(length - 1, end)))
    start, end, step = (x.astype(wide) for x in (start, end, step))
    at = lax.iota(jnp.int32, length)
    up = start + rounded(step * rounded(at.astype(wide)))
    down = end - rounded(step * rounded((length - 1 - at).astype(wide)))
    return jnp.where(at < length // 2, up, down).astype(own)


_DOUBLE = dtypes.float64


@op
def _linspace(length: int, start: Scalar, end: Scalar, dtype: dtypes.dtype):
    return _line(length, start, end, dtype).astype(width(dtype))


@op
def _logspace(length: int, start: Scalar, end: Scalar, base: float, dtype: dtypes.dtype):
    line = _line(length, start, end, dtype, halves=False)
    powers = jnp.power(jnp.full((), base, line.dtype), line)
    if dtype.category == dtypes.INT:  # which wrap round, and do not stop at the greatest
        powers = powers.astype(width(dtypes.int64))
    return powers.astype(width(dtype))


def _steps(name, start, end, steps):
    if not hasattr(steps, "__index__"):
        given = ", ".join(type(x).__name__ for x in (start, end, steps))
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got ({given}), but expected "
            "(Number or 0-dim Tensor start, Number or 0-dim Tensor end, int steps)"
        )
    steps = operator.index(steps)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    return steps


def _space_default(*ends):
    return dtypes.default_complex() if any(isinstance(x, builtins.complex) for x in ends) else None


def _check_ends(name, start, end):
    shapes = [len(x.shape) if hasattr(x, "shape") else 0 for x in (start, end)]
    if any(shapes):
        raise RuntimeError(
            f"{name} only supports 0-dimensional start and end tensors, but got start with "
            f"{shapes[0]} dimension(s) and end with {shapes[1]} dimension(s)."
        )


@asks_modes
def linspace(start, end, steps: int, **options: Unpack[Options]):
    """``steps`` numbers, evenly spaced from ``start`` to ``end``, both included."""
    default = _space_default(start, end)
    _check_ends("linspace", start, end)
    return _made(
        _linspace, _steps("linspace", start, end, steps), start, end, default=default, **options
    )


def logspace(start, end, steps: int, base: float = 10.0, **options: Unpack[Options]):
    """``base`` to the power of ``linspace(start, end, steps)``."""
    default = _space_default(start, end)
    _check_ends("logspace", start, end)
    return _made(
        _logspace,
        _steps("logspace", start, end, steps),
        start,
        end,
        float(base),
        default=default,
        **options,
    )


# --- matrices and indices -----------------------------------------------------------------------


@op(nondiff=True)
def _eye(n: int, m: int, dtype: dtypes.dtype):
    return jnp.eye(n, m, dtype=width(dtype))


@asks_modes
def eye(n: int, m: int | None = None, **options: Unpack[Options]):
    """Ones on the diagonal of an (n, m) matrix, zeros elsewhere; m is n where it is not given."""
    n = operator.index(n)
    m = n if m is None else operator.index(m)
    for name, size in (("n", n), ("m", m)):
        if size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    return _made(_eye, n, m, **options)


def _triangle_indices(find, row, col, offset, dtype, device):
    if row < 0 or col < 0:
        raise RuntimeError(f"row and col must be non-negative, got {row} and {col}")
    at = np.stack(find(row, offset, col)).astype((dtypes.of(dtype) or dtypes.int64).numpy)
    return _placed(wrap(at), device, False)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype=None, device=None):
    """(2, n): row and column of each element of the lower triangle."""
    return _triangle_indices(np.tril_indices, row, col, offset, dtype, device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype=None, device=None):
    """(2, n): row and column of each element of the upper triangle."""
    return _triangle_indices(np.triu_indices, row, col, offset, dtype, device)


# --- complex numbers of their parts -------------------------------------------------------------


def _must_match(result, out) -> None:
    if out.dtype is not result.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {result.dtype.legacy} but got scalar type "
            f"{out.dtype.legacy} for argument 'out'"
        )


def _check_parts(name, first, second):
    if first.dtype == jnp.float16 == second.dtype:
        raise NotImplementedError(f"{name} of halves: JAX has no complex numbers of them")
    if not {first.dtype.name, second.dtype.name} <= {"float16", "float32", "float64"}:
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{dtypes.from_numpy_dtype(first.dtype).legacy} and "
            f"{dtypes.from_numpy_dtype(second.dtype).legacy}"
        )
    if first.dtype != second.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {dtypes.from_numpy_dtype(first.dtype).legacy} but got "
            f"scalar type {dtypes.from_numpy_dtype(second.dtype).legacy} for second argument"
        )
    return jnp.broadcast_arrays(first, second) if first.shape != second.shape else (first, second)


@op(out=_must_match)
def complex(real: Array, imag: Array):
    real, imag = _check_parts("complex", real, imag)
    return lax.complex(real, imag)


@op(out=_must_match)
def polar(abs: Array, angle: Array):
    """abs * (cos(angle) + i sin(angle))."""
    abs, angle = _check_parts("polar", abs, angle)
    return lax.complex(abs * jnp.cos(angle), abs * jnp.sin(angle))
