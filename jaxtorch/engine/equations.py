"""XLA's operations on NumPy: of an equation of a jaxpr, a function of its inputs' arrays.

What NumPy cannot do as XLA does is `Unsupported`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["EQUATIONS", "LARGEST", "Unsupported"]

LARGEST = 32768  # elements that all of a kernel's equations may make together


class Unsupported(Exception):  # noqa: N818  (raised and caught within the engine: no error)
    """An equation is not for NumPy."""


def _floating(eqn) -> bool:
    return all(v.aval.dtype.kind == "f" for v in eqn.invars)


def _elementwise(function: Callable) -> Callable:
    return lambda eqn: function


def _of_floats(function: Callable) -> Callable:
    def make(eqn):
        if not _floating(eqn):
            raise Unsupported
        return function

    return make


def _integer_pow(eqn):
    y = eqn.params["y"]
    if y < 0 and not _floating(eqn):
        raise Unsupported
    if y == 2:
        return np.square
    return lambda x: np.power(x, y)


def _round(eqn):
    if eqn.params["rounding_method"].name != "TO_NEAREST_EVEN":
        raise Unsupported
    return np.round


def _convert(eqn):
    before, after = eqn.invars[0].aval.dtype, eqn.outvars[0].aval.dtype
    if before.kind == "f" and after.kind in "iu":
        return _saturating(after)
    return lambda x: x.astype(after)


def _saturating(dtype) -> Callable:
    """Of floats whole numbers: towards zero, NaN 0, what is too large the largest there is."""
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    above = 2.0 ** np.iinfo(dtype).bits if dtype.kind == "u" else -2.0 * low / 2

    def convert(x):
        inside = (x > low - 1.0) & (x < above)
        out = np.where(inside, x, 0).astype(dtype)
        return np.where(inside | (x != x), out, np.where(x < 0, low, high)).astype(dtype)

    return convert


def _divided(x, y):
    """The quotient of integers, towards zero; by zero it is -1."""
    by = np.where(y == 0, 1, y).astype(y.dtype)
    whole = x // by
    whole = whole + ((whole * by != x) & ((x < 0) != (by < 0)))
    return np.where(y == 0, -1, whole).astype(x.dtype)


def _div(eqn):
    if _floating(eqn):
        return np.divide
    if eqn.outvars[0].aval.dtype.kind != "i":
        raise Unsupported
    return _divided


def _rem(eqn):
    if _floating(eqn):
        return np.fmod
    if eqn.outvars[0].aval.dtype.kind != "i":
        raise Unsupported
    return lambda x, y: np.where(y == 0, x, x - _divided(x, y) * y).astype(x.dtype)


def _sort(eqn):
    axis = eqn.params["dimension"]
    if eqn.params["num_keys"] != 1:
        raise Unsupported

    def sort(key, *others):
        order = np.argsort(key, axis, kind="stable")
        return [np.take_along_axis(x, order, axis) for x in (key, *others)]

    return sort


def _select(eqn):
    if len(eqn.invars) != 3 or eqn.invars[0].aval.dtype != bool:
        raise Unsupported
    return lambda which, no, yes: np.where(which, yes, no)


def _broadcast(eqn):
    if len(eqn.invars) > 1:
        raise Unsupported  # a shape that is known at run time only
    shape, places = eqn.outvars[0].aval.shape, eqn.params["broadcast_dimensions"]
    middle = [1] * len(shape)
    for size, place in zip(eqn.invars[0].aval.shape, places, strict=True):
        middle[place] = size
    return lambda x: np.broadcast_to(x.reshape(middle), shape)


def _reshape(eqn):
    if eqn.params["dimensions"] is not None:
        raise Unsupported
    return _of_shape(eqn)


def _of_shape(eqn):
    shape = eqn.outvars[0].aval.shape
    return lambda x: x.reshape(shape)


def _slice(eqn):
    p = eqn.params
    steps = p["strides"] or (1,) * len(p["start_indices"])
    where = tuple(map(slice, p["start_indices"], p["limit_indices"], steps))
    return lambda x: x[where]


def _pad(eqn):
    config = eqn.params["padding_config"]
    if any(low < 0 or high < 0 for low, high, _ in config):
        raise Unsupported
    shape = eqn.outvars[0].aval.shape
    size = eqn.invars[0].aval.shape
    where = tuple(
        slice(low, low + max(n + (n - 1) * inner, 0), inner + 1)
        for n, (low, _, inner) in zip(size, config, strict=True)
    )

    def pad(x, value):
        out = np.full(shape, value, x.dtype)
        out[where] = x
        return out

    return pad


def _iota(eqn):
    shape, dim = eqn.outvars[0].aval.shape, eqn.params["dimension"]
    middle = [-1 if i == dim else 1 for i in range(len(shape))]
    values = np.arange(shape[dim], dtype=eqn.outvars[0].aval.dtype).reshape(middle)
    return lambda: np.broadcast_to(values, shape)


def _reduction(ufunc) -> Callable:
    def make(eqn):
        if not eqn.invars[0].aval.size and ufunc in (np.maximum, np.minimum):
            raise Unsupported
        axes, dtype = eqn.params["axes"], eqn.outvars[0].aval.dtype
        return lambda x: ufunc.reduce(x, axis=axes, dtype=dtype)

    return make


def _arg(function) -> Callable:
    def make(eqn):
        (axis,) = eqn.params["axes"]
        if not eqn.invars[0].aval.size:
            raise Unsupported
        return lambda x: function(x, axis=axis).astype(eqn.params["index_dtype"])

    return make


def _cumulative(ufunc) -> Callable:
    def make(eqn):
        axis, dtype = eqn.params["axis"], eqn.outvars[0].aval.dtype
        if not eqn.params["reverse"]:
            return lambda x: ufunc.accumulate(x, axis=axis, dtype=dtype)
        return lambda x: np.flip(ufunc.accumulate(np.flip(x, axis), axis=axis, dtype=dtype), axis)

    return make


def _dot(eqn):
    (left, right), (left_batch, right_batch) = eqn.params["dimension_numbers"]
    a, b = (v.aval for v in eqn.invars)
    if a.dtype != b.dtype or a.dtype.kind != "f" or eqn.outvars[0].aval.dtype != a.dtype:
        raise Unsupported
    work = math.prod(eqn.outvars[0].aval.shape) * math.prod(a.shape[i] for i in left)
    if work > 32 * LARGEST:
        raise Unsupported
    rows = [i for i in range(a.ndim) if i not in (*left, *left_batch)]
    columns = [i for i in range(b.ndim) if i not in (*right, *right_batch)]
    batch = [a.shape[i] for i in left_batch]
    inner = math.prod(a.shape[i] for i in left)
    first = (*left_batch, *rows, *left)
    second = (*right_batch, *right, *columns)
    shape = eqn.outvars[0].aval.shape

    def dot(x, y):
        x = x.transpose(first).reshape(*batch, -1 if inner else 0, inner)
        y = y.transpose(second).reshape(*batch, inner, -1 if inner else 0)
        return np.matmul(x, y).reshape(shape)

    if not a.size or not b.size:
        raise Unsupported
    return dot


def _corner(x, size, starts) -> tuple:
    """The slices of a window of this size that keeps inside x, as XLA sees to it."""
    first = [min(max(int(i), 0), n - k) for i, n, k in zip(starts, x.shape, size, strict=True)]
    return tuple(slice(i, i + k) for i, k in zip(first, size, strict=True))


def _window(eqn):
    size = eqn.params["slice_sizes"]
    return lambda x, *starts: x[_corner(x, size, starts)]


def _with_window(x, part, *starts):
    out = np.array(x)
    out[_corner(x, part.shape, starts)] = part
    return out


def _split(eqn):
    places, axis = np.cumsum(eqn.params["sizes"])[:-1], eqn.params["axis"]
    return lambda x: np.split(x, places, axis)


def _erf(x):
    from scipy.special import erf  # jax itself depends on it

    return erf(x)


EQUATIONS: dict[str, Callable[[Any], Callable]] = {
    "add": _elementwise(np.add), "add_any": _elementwise(np.add), "sub": _elementwise(np.subtract),
    "mul": _elementwise(np.multiply), "neg": _elementwise(np.negative),
    "abs": _elementwise(np.abs), "max": _elementwise(np.maximum), "min": _elementwise(np.minimum),
    "eq": _elementwise(np.equal), "ne": _elementwise(np.not_equal), "lt": _elementwise(np.less),
    "le": _elementwise(np.less_equal), "gt": _elementwise(np.greater),
    "ge": _elementwise(np.greater_equal), "and": _elementwise(np.bitwise_and),
    "or": _elementwise(np.bitwise_or), "xor": _elementwise(np.bitwise_xor),
    "not": _elementwise(np.invert), "square": _elementwise(np.square),
    "copy": _elementwise(np.array), "copy_p": _elementwise(np.array),
    "stop_gradient": _elementwise(np.array),
    "div": _div, "rem": _rem, "sign": _elementwise(np.sign),
    "exp": _of_floats(np.exp), "exp2": _of_floats(np.exp2), "log": _of_floats(np.log),
    "log1p": _of_floats(np.log1p), "expm1": _of_floats(np.expm1), "sqrt": _of_floats(np.sqrt),
    "rsqrt": _of_floats(lambda x: 1 / np.sqrt(x)), "tanh": _of_floats(np.tanh),
    "sin": _of_floats(np.sin), "cos": _of_floats(np.cos), "tan": _of_floats(np.tan),
    "logistic": _of_floats(lambda x: 1 / (1 + np.exp(-x))), "pow": _of_floats(np.power),
    "floor": _of_floats(np.floor), "ceil": _of_floats(np.ceil),
    "is_finite": _of_floats(np.isfinite), "atan2": _of_floats(np.arctan2),
    "clamp": _elementwise(lambda low, x, high: np.minimum(np.maximum(x, low), high)),
    "integer_pow": _integer_pow, "round": _round, "convert_element_type": _convert,
    "select_n": _select, "broadcast_in_dim": _broadcast, "reshape": _reshape,
    "squeeze": _of_shape, "expand_dims": _of_shape,
    "tile": lambda eqn: lambda x: np.tile(x, eqn.params["reps"]),
    "slice": _slice, "pad": _pad, "iota": _iota,
    "transpose": lambda eqn: lambda x: x.transpose(eqn.params["permutation"]),
    "rev": lambda eqn: lambda x: np.flip(x, eqn.params["dimensions"]),
    "concatenate": lambda eqn: lambda *xs: np.concatenate(xs, eqn.params["dimension"]),
    "reduce_sum": _reduction(np.add), "reduce_prod": _reduction(np.multiply),
    "reduce_max": _reduction(np.maximum), "reduce_min": _reduction(np.minimum),
    "reduce_and": _reduction(np.bitwise_and), "reduce_or": _reduction(np.bitwise_or),
    "argmax": _arg(np.argmax), "argmin": _arg(np.argmin), "cumsum": _cumulative(np.add),
    "cumprod": _cumulative(np.multiply), "cummax": _cumulative(np.maximum),
    "cummin": _cumulative(np.minimum), "dot_general": _dot, "split": _split,
    "dynamic_slice": _window, "dynamic_update_slice": _elementwise(_with_window),
    "stack": lambda eqn: lambda *xs: np.stack(xs, eqn.params["axis"]),
    "unstack": lambda eqn: lambda x: np.moveaxis(x, eqn.params["axis"], 0),
    "sort": _sort,
    "asin": _of_floats(np.arcsin), "acos": _of_floats(np.arccos), "atan": _of_floats(np.arctan),
    "sinh": _of_floats(np.sinh), "cosh": _of_floats(np.cosh), "erf": _of_floats(_erf),
    "optimization_barrier": _elementwise(lambda *xs: xs),
}  # fmt: skip
