"""torch's dtypes, their NumPy twins, and torch's rules for promoting one into another."""

from __future__ import annotations

import builtins

import ml_dtypes
import numpy as np

__all__ = [
    "dtype", "finfo", "iinfo", "from_numpy_dtype", "get_default_dtype", "set_default_dtype",
    "promote_types", "can_cast",
]  # fmt: skip

BOOL, INT, FLOAT, COMPLEX = range(4)


class dtype:
    """A torch dtype: one object each, compared by identity."""

    __module__ = "jaxtorch"  # where users know it from
    __slots__ = (
        "name", "numpy", "category", "is_floating_point", "is_complex", "itemsize", "is_signed",
        "legacy", "__weakref__",
    )  # fmt: skip

    def __init__(self, name: str, numpy_type, category: builtins.int, legacy: str):
        self.name = name
        self.numpy = np.dtype(numpy_type)
        self.category = category
        self.is_floating_point = category == FLOAT
        self.is_complex = category == COMPLEX
        self.is_signed = category >= FLOAT or (category == INT and self.numpy.kind == "i")
        self.itemsize = self.numpy.itemsize
        self.legacy = (
            legacy  # PyTorch's C++ name: "Float", "Long", as its messages and types use it
        )

    @property
    def cpp(self) -> str:
        """The dtype as the errors of torch's checks spell it: ``float``, ``long int``."""
        return _CPP_NAMES.get(self.name, self.name)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self):
        return (_by_name, (self.name,))

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    @property
    def abbr(self) -> str:
        """A short name: "f32", "bf16", "i64", "b8"."""
        if self is bfloat16:
            return "bf16"
        if self in FLOAT8_TYPES:
            return self.name.replace("float", "f").replace("_", "")
        kind = "u" if self.category == INT and not self.is_signed else "bifc"[self.category]
        return f"{kind}{self.itemsize * 8}"

    def to_complex(self) -> dtype:
        """The complex dtype with such parts. (JAX has none of two halves: complex64.)"""
        if self.category < FLOAT:
            raise RuntimeError(f"Unknown Complex ScalarType for {self.legacy}")
        if self.is_complex:
            return self
        return complex128 if self is float64 else complex64

    def to_real(self) -> dtype:
        return {complex64: float32, complex128: float64}.get(self, self)


_CPP_NAMES = {
    "bfloat16": "c10::BFloat16", "float16": "c10::Half", "float32": "float", "float64": "double",
    "int16": "short int", "int64": "long int", "int8": "signed char", "uint8": "unsigned char",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>", "int32": "int",
}  # fmt: skip


def _by_name(name: str) -> dtype:
    return ALL[name]


float16 = half = dtype("float16", np.float16, FLOAT, "Half")
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, FLOAT, "BFloat16")
float32 = float = dtype("float32", np.float32, FLOAT, "Float")
float64 = double = dtype("float64", np.float64, FLOAT, "Double")
uint8 = dtype("uint8", np.uint8, INT, "Byte")
uint16 = dtype("uint16", np.uint16, INT, "UInt16")
uint32 = dtype("uint32", np.uint32, INT, "UInt32")
uint64 = dtype("uint64", np.uint64, INT, "UInt64")
int8 = dtype("int8", np.int8, INT, "Char")
int16 = short = dtype("int16", np.int16, INT, "Short")
int32 = int = dtype("int32", np.int32, INT, "Int")
int64 = long = dtype("int64", np.int64, INT, "Long")
bool = dtype("bool", np.bool_, BOOL, "Bool")
complex64 = cfloat = dtype("complex64", np.complex64, COMPLEX, "ComplexFloat")
complex128 = cdouble = dtype("complex128", np.complex128, COMPLEX, "ComplexDouble")
float8_e4m3fn = dtype("float8_e4m3fn", ml_dtypes.float8_e4m3fn, FLOAT, "Float8_e4m3fn")
float8_e4m3fnuz = dtype("float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz, FLOAT, "Float8_e4m3fnuz")
float8_e5m2 = dtype("float8_e5m2", ml_dtypes.float8_e5m2, FLOAT, "Float8_e5m2")
float8_e5m2fnuz = dtype("float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz, FLOAT, "Float8_e5m2fnuz")

ALL = {
    d.name: d
    for d in (
        float16, bfloat16, float32, float64, uint8, uint16, uint32, uint64, int8, int16, int32,
        int64, bool, complex64, complex128, float8_e4m3fn, float8_e4m3fnuz, float8_e5m2,
        float8_e5m2fnuz,
    )
}  # fmt: skip
_FROM_NUMPY = {d.numpy: d for d in ALL.values()}
# Kept and converted, but not computed with.
FLOAT8_TYPES = frozenset({float8_e4m3fn, float8_e4m3fnuz, float8_e5m2, float8_e5m2fnuz})
HALF_TYPES = frozenset({float16, bfloat16})
_OF_TYPES = {
    builtins.bool: bool, builtins.int: int64, builtins.float: float64,
    builtins.complex: complex128,
}  # fmt: skip
_WIDE_UNSIGNED = frozenset({uint16, uint32, uint64})


def of(dtype_or_type) -> dtype | None:
    """The dtype that an argument means: torch takes ``bool``, ``int``, ``float`` and ``complex``
    for the widest of their kind. None is none."""
    if dtype_or_type.__class__ is dtype or dtype_or_type is None:
        return dtype_or_type
    found = _OF_TYPES.get(dtype_or_type) if isinstance(dtype_or_type, type) else None
    if found is None:
        raise TypeError(f"argument 'dtype' must be torch.dtype, not {type(dtype_or_type).__name__}")
    return found


def from_numpy_dtype(numpy_dtype) -> dtype:
    """The torch dtype of a NumPy dtype; TypeError where torch has none (strings, objects)."""
    try:
        return _FROM_NUMPY[np.dtype(numpy_dtype)]
    except (KeyError, TypeError):
        raise TypeError(
            f"can't convert np.ndarray of type {_class_name(numpy_dtype)}. The only supported "
            "types are: float64, float32, float16, complex64, complex128, int64, int32, int16, "
            "int8, uint64, uint32, uint16, uint8, and bool."
        ) from None


def _class_name(numpy_dtype) -> str:
    kind = getattr(numpy_dtype, "type", None)
    return f"{kind.__module__}.{kind.__name__}" if isinstance(kind, type) else str(numpy_dtype)


_default = float32
_on_default_change = []  # called with (old, new): what caches by default dtype registers here


def get_default_dtype() -> dtype:
    return _default


def set_default_dtype(d: dtype, /) -> None:
    """Make ``d`` (a floating point dtype) the one of Python floats and of creation functions."""
    global _default
    if not isinstance(d, dtype):
        raise TypeError(f"invalid dtype object: only floating-point types are supported, got {d!r}")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    old, _default = _default, d
    for notify in _on_default_change:
        notify(old, d)


def default_complex() -> dtype:
    return complex128 if _default is float64 else complex64


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest dtype, in torch's lattice, that both cast to.

    >>> promote_types(int64, float16)
    torch.float16
    """
    return _PROMOTE[a, b]


def _promote(a: dtype, b: dtype) -> dtype:
    if a is b:
        return a
    if not FLOAT8_TYPES.isdisjoint((a, b)):
        raise RuntimeError(
            f"Promotion for Float8 Types is not supported, attempted to promote {a.legacy} and "
            f"{b.legacy}"
        )
    if not _WIDE_UNSIGNED.isdisjoint((a, b)) and FLOAT not in (a.category, b.category):
        raise RuntimeError(
            f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
            f"{a.legacy} and {b.legacy}"
        )
    if a.category != b.category:
        low, high = (a, b) if a.category < b.category else (b, a)
        return complex128 if high is complex64 and low is float64 else high
    if {a, b} == {float16, bfloat16}:
        return float32
    if {a, b} == {uint8, int8}:
        return int16
    return a if a.itemsize > b.itemsize else b


class _Lattice(dict):
    def __missing__(self, pair):
        self[pair] = found = _promote(*pair)
        return found


_PROMOTE = _Lattice()


def can_cast(from_: dtype, to: dtype) -> builtins.bool:
    """Whether promotion may turn ``from_`` into ``to``: never to a lower category."""
    for position, (name, value) in enumerate({"from_": from_, "to": to}.items(), start=1):
        _require_dtype("can_cast", name, position, value)
    return from_.category <= to.category


def _require_dtype(function: str, name: str, position: builtins.int, value) -> None:
    if not isinstance(value, dtype):
        raise TypeError(
            f"{function}(): argument '{name}' (position {position}) must be torch.dtype, not "
            f"{type(value).__name__}"
        )


class _Info:
    """What can be asked of a dtype's numbers; equal to another of the same dtype."""

    dtype: str
    bits: builtins.int
    _shown: tuple[str, ...] = ()
    __hash__ = None  # type: ignore[assignment]  # as in torch

    def __eq__(self, other) -> builtins.bool:
        return type(self) is type(other) and self.dtype == other.dtype

    def __repr__(self) -> str:
        shown = "".join(f"{name}={getattr(self, name):g}, " for name in self._shown)
        return f"{type(self).__name__}({shown}dtype={self.dtype})"


class finfo(_Info):
    """A floating point type's limits; of a complex type, those of its parts."""

    _shown = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")

    def __init__(self, type: dtype | None = None):
        type = _default if type is None else _OF_TYPES.get(type, type)
        _require_dtype("finfo", "type", 1, type)
        if type.category < FLOAT:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                f"'{type!r}'"
            )
        real = type.to_real()
        limits = ml_dtypes.finfo(real.numpy)
        self.dtype = real.name
        self.bits = limits.bits
        for name in self._shown:
            setattr(self, name, builtins.float(getattr(limits, name)))
        if type is float8_e5m2fnuz:
            self.eps = 0.125  # torch's; the distance of 1 and the next number is 0.25
        self.resolution = 1.0 if type in FLOAT8_TYPES else 10.0**-limits.precision


class iinfo(_Info):
    """An integer type's limits."""

    _shown = ("min", "max")

    def __init__(self, type: dtype):
        type = _OF_TYPES.get(type, type)
        _require_dtype("iinfo", "type", 1, type)
        if type is bool:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if type.category != INT:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle "
                f"'{type!r}'"
            )
        limits = np.iinfo(type.numpy)
        self.dtype, self.bits = type.name, limits.bits
        self.min, self.max = builtins.int(limits.min), builtins.int(limits.max)
