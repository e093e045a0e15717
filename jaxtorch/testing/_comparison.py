"""assert_close: which elements differ, how many, and where the greatest differences are.

The values are compared on the host, in the arithmetic of their dtype as PyTorch does it there.
"""

from __future__ import annotations

import cmath
import contextlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxtorch import dtypes
from jaxtorch.ops.data import as_tensor, tensor
from jaxtorch.tensor import Tensor

__all__ = ["assert_allclose", "assert_close", "default_tolerances"]

# (rtol, atol) by dtype; of all others both are 0.
_TOLERANCES = {
    dtypes.float16: (1e-3, 1e-5), dtypes.bfloat16: (1.6e-2, 1e-5), dtypes.float32: (1.3e-6, 1e-5),
    dtypes.float64: (1e-7, 1e-7), dtypes.complex64: (1.3e-6, 1e-5),
    dtypes.complex128: (1e-7, 1e-7),
}  # fmt: skip
_NUMBER_DTYPES = {int: dtypes.int64, float: dtypes.float64, complex: dtypes.complex128}


def default_tolerances(*inputs, dtype_precisions: dict | None = None) -> tuple[float, float]:
    """(rtol, atol), the loosest of the dtypes of Tensors or the dtypes given."""
    known = dtype_precisions or _TOLERANCES
    found = []
    for x in inputs:
        if not isinstance(x, Tensor | dtypes.dtype):
            raise TypeError(f"Expected a torch.Tensor or a torch.dtype, but got {type(x)} instead.")
        found.append(known.get(x if isinstance(x, dtypes.dtype) else x.dtype, (0.0, 0.0)))
    return max(r for r, _ in found), max(a for _, a in found)


class _Mismatch(Exception):
    """What is to be raised, about the item at this path in nested containers."""

    def __init__(self, path: tuple, message: str, error: type[Exception] = AssertionError):
        self.error = error
        where = "".join(f"[{item!r}]" if isinstance(item, str) else f"[{item}]" for item in path)
        self.message = message + (f"\n\nThe failure occurred for item {where}" if path else "")


@dataclass
class _Options:
    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool

    def tolerances(self, path: tuple, *inputs) -> tuple[float, float]:
        if (self.rtol is None) != (self.atol is None):
            missing = "rtol" if self.rtol is None else "atol"
            raise _Mismatch(
                path,
                "Both 'rtol' and 'atol' must be either specified or omitted, but got no "
                f"{missing}.",
                ValueError,
            )
        if self.rtol is None or self.atol is None:
            return default_tolerances(*inputs)
        return self.rtol, self.atol


def assert_close(
    actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None,
    atol: float | None = None, equal_nan: bool = False, check_device: bool = True,
    check_dtype: bool = True, check_layout: bool = True, check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:  # fmt: skip
    """Raise AssertionError unless ``|actual - expected| <= atol + rtol * |expected|`` everywhere.

    Tensors, arrays, numbers, and sequences and mappings of them. Without tolerances they are chosen
    by dtype (both or none must be given). Shape, dtype, device and, where asked for, strides must
    be equal too. ``msg`` takes the place of the report, or is called with it.
    """
    __tracebackhide__ = True
    options = _Options(
        allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout,
        check_stride,
    )  # fmt: skip
    failed = None
    try:  # the structure first, as a whole, and then the values
        pairs = list(_pairs(actual, expected, (), options))
        for path, compare, a, b in pairs:
            compare(path, a, b, options)
    except _Mismatch as mismatch:
        failed = mismatch
    if failed is not None:
        text = msg(failed.message) if callable(msg) else failed.message if msg is None else msg
        raise failed.error(text)


def _is_sequence(x) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, str)


def _pairs(actual, expected, path: tuple, options: _Options):
    """(path, how to compare, actual, expected) of every two things to compare."""
    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            raise _Mismatch(
                path,
                f"The length of the sequences mismatch: {len(actual)} != {len(expected)}",
            )
        for i in range(len(actual)):
            yield from _pairs(actual[i], expected[i], (*path, i), options)
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        missing, additional = expected.keys() - actual.keys(), actual.keys() - expected.keys()
        if missing or additional:
            raise _Mismatch(
                path,
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {sorted(missing)}\n"
                f"Additional keys in the actual mapping: {sorted(additional)}",
            )
        keys: Any = actual.keys()
        with contextlib.suppress(TypeError):
            keys = sorted(keys)
        for key in keys:
            yield from _pairs(actual[key], expected[key], (*path, key), options)
    else:
        yield _pair(actual, expected, path, options)


def _pair(actual, expected, path: tuple, options: _Options):
    if actual is None or expected is None:
        return path, _compare_none, actual, expected
    if all(isinstance(x, bool | np.bool_) for x in (actual, expected)):
        return path, _compare_bools, bool(actual), bool(expected)
    if all(isinstance(x, int | float | complex | np.number) for x in (actual, expected)):
        a, b = (x.item() if isinstance(x, np.generic) else x for x in (actual, expected))
        options.tolerances(path, dtypes.int64)
        return path, _compare_numbers, a, b
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if related and (options.allow_subclasses or type(actual) is type(expected)):
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            a, b = (x if isinstance(x, Tensor) else as_tensor(x) for x in (actual, expected))
            options.tolerances(path, a, b)
            return path, _compare_tensors, a, b
    raise _Mismatch(
        path,
        "No comparison pair was able to handle inputs of type "
        f"{type(actual)} and {type(expected)}.",
        TypeError,
    )


def _compare_none(path, actual, expected, options) -> None:
    if actual is not expected:
        raise _Mismatch(path, f"None mismatch: {actual} is not {expected}")


def _compare_bools(path, actual, expected, options) -> None:
    if actual is not expected:
        raise _Mismatch(path, f"Booleans mismatch: {actual} is not {expected}")


def _compare_numbers(path, actual, expected, options: _Options) -> None:
    if options.check_dtype and type(actual) is not type(expected):
        raise _Mismatch(path, f"The (d)types do not match: {type(actual)} != {type(expected)}.")
    kinds = [_NUMBER_DTYPES[type(x)] for x in (actual, expected)]
    rtol, atol = options.tolerances(path, *kinds)
    if actual == expected or (options.equal_nan and cmath.isnan(actual) and cmath.isnan(expected)):
        return
    difference = abs(actual - expected)
    if not (cmath.isfinite(difference) and difference <= atol + rtol * abs(expected)):
        raise _Mismatch(path, _scalar_report(actual, expected, rtol, atol))


def _compare_tensors(path, actual: Tensor, expected: Tensor, options: _Options) -> None:
    checked = [("shape", lambda t: t.shape, True)]
    checked.append(("stride()", lambda t: t.stride(), options.check_stride))
    checked.append(("device", lambda t: t.device, options.check_device))
    checked.append(("dtype", lambda t: t.dtype, options.check_dtype))
    for name, of, wanted in checked:
        if wanted and of(actual) != of(expected):
            raise _Mismatch(
                path,
                f"The values for attribute '{name}' do not match: {of(actual)} != {of(expected)}.",
            )
    rtol, atol = options.tolerances(path, actual, expected)
    dtype = actual.dtype
    if dtype is not expected.dtype:
        wide = [dtypes.int64 if t.dtype in _WIDE_UNSIGNED else t.dtype for t in (actual, expected)]
        dtype = dtypes.promote_types(*wide)
    if dtype.is_floating_point and dtype.itemsize == 1 and (rtol or atol):
        raise _Mismatch(
            path,
            f"Rtol={rtol} and atol={atol} are not supported for bitwise comparison of low "
            "dimensional floats. Please use rtol=0.0 and atol=0.0.",
        )
    a, b = (t.detach()._host().astype(dtype.numpy) for t in (actual, expected))
    matches = _close(a, b, rtol, atol, options.equal_nan)
    if matches.all():
        return
    if not a.ndim:
        raise _Mismatch(path, _scalar_report(a.item(), b.item(), rtol, atol))
    raise _Mismatch(path, _tensor_report(a, b, matches, rtol, atol))


_WIDE_UNSIGNED = (dtypes.uint16, dtypes.uint32, dtypes.uint64)


def _arithmetic(array: np.ndarray):
    """(the array to compute with, what rounds a result): half types compute in float32 and round
    each result, integers differ by integers and compare as float32."""
    if array.dtype.kind in "fc" and array.dtype.itemsize >= 4:
        return array, lambda x: x.astype(array.dtype if array.dtype.kind == "f" else x.dtype)
    if array.dtype.kind in "biu":
        return array.astype(np.int64), lambda x: x.astype(np.float32)
    return array.astype(np.float32), lambda x: x.astype(array.dtype).astype(np.float32)


def _close(a: np.ndarray, b: np.ndarray, rtol: float, atol: float, equal_nan: bool) -> np.ndarray:
    with np.errstate(all="ignore"):
        close = a == b
        if equal_nan:
            close |= (a != a) & (b != b)
        if rtol == 0 and atol == 0:
            return close
        a, rounded = _arithmetic(a)
        b, _ = _arithmetic(b)
        allowed = rounded(rounded(np.abs(rounded(b * rtol))) + atol)
        difference = np.abs(a - b)
        if difference.dtype.kind == "f":
            difference = rounded(difference)
        return close | (np.isfinite(difference) & (difference <= allowed))


def _scalar_report(actual, expected, rtol: float, atol: float) -> str:
    difference = abs(actual - expected)
    relative = float("inf") if expected == 0 else difference / abs(expected)
    return _report(
        "Scalars", f"Expected {expected} but got {actual}.", rtol, atol,
        f"Absolute difference: {difference}", f"Relative difference: {relative}",
    )  # fmt: skip


def _tensor_report(a: np.ndarray, b: np.ndarray, matches: np.ndarray, rtol, atol) -> str:
    count, total = matches.size - int(matches.sum()), matches.size
    extra = f"Mismatched elements: {count} / {total} ({count / total:.1%})"
    if a.dtype.kind not in "biufc" and a.dtype.itemsize == 1:
        first = tuple(int(i) for i in np.argwhere(~matches)[0])
        return (
            f"Tensor-likes are not 'equal'!\n\n{extra}\n"
            f"The first mismatched element is at index {first}."
        )
    a, _ = _arithmetic(a)
    b, rounded = _arithmetic(b)
    with np.errstate(all="ignore"):
        absolute = np.abs(a - b)
        if absolute.dtype.kind == "f":
            absolute = rounded(absolute)
        absolute[matches] = 0
        relative = rounded(absolute / np.abs(b))
        relative[matches] = 0
    lines = []
    for name, values in (("absolute", absolute), ("relative", relative)):
        flat = values.ravel()
        nan = np.isnan(flat)
        where = int(nan.argmax() if nan.any() else flat.argmax())
        index = tuple(int(i) for i in np.unravel_index(where, values.shape))
        lines.append(f"Greatest {name} difference: {flat[where].item()} at index {index}")
    return _report("Tensor-likes", extra, rtol, atol, *lines)


def _report(what: str, extra: str, rtol: float, atol: float, absolute: str, relative: str) -> str:
    equality = rtol == 0 and atol == 0
    if not equality:
        absolute += f" (up to {atol} allowed)"
        relative += f" (up to {rtol} allowed)"
    head = f"{what} are not {'equal' if equality else 'close'}!"
    return f"{head}\n\n{extra}\n{absolute}\n{relative}"


def assert_allclose(
    actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None,
    equal_nan: bool = True, msg: str = "",
) -> None:  # fmt: skip
    """The old form of ``assert_close``: no dtype is checked, NaN equals NaN."""
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a "
        "future release. Please use `torch.testing.assert_close()` instead.",
        FutureWarning,
        stacklevel=2,
    )
    actual = actual if isinstance(actual, Tensor) else tensor(actual)
    expected = expected if isinstance(expected, Tensor) else tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        loose = {dtypes.float16: (1e-3, 1e-3), dtypes.float32: (1e-4, 1e-5),
                 dtypes.float64: (1e-5, 1e-8)}  # fmt: skip
        rtol, atol = default_tolerances(actual, expected, dtype_precisions=loose)
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False,
        msg=msg or None,
    )  # fmt: skip
