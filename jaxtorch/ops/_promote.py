"""torch's dtype rules inside op bodies, for ops whose rule is not simply ``promote=``."""

import math

import jax
from jax import lax, numpy as jnp

from jaxtorch import dtypes
from jaxtorch.dtypes import BOOL, FLOAT, dtype


def dtype_of(x: jax.Array) -> dtype:
    """The torch dtype of an array."""
    return dtypes.from_numpy_dtype(x.dtype)


def cast(x: jax.Array, to: dtype | None) -> jax.Array:
    """``x`` as ``to`` (None: unchanged), at JAX's widths where 64-bit types are off."""
    if to is None:
        return x
    wanted = jax.dtypes.canonicalize_dtype(to.numpy)
    if x.dtype == wanted:
        return x
    if to.category < dtypes.COMPLEX and jnp.iscomplexobj(x):
        x = x.real
    if to.category == BOOL:
        return x != 0
    if to is dtypes.float8_e4m3fn:  # it has no infinity: PyTorch gives the largest number
        x = jnp.clip(x, -448, 448)
    if to.category < FLOAT and jnp.issubdtype(x.dtype, jnp.floating):
        x = _truncated(x, jnp.int32 if to.itemsize < 4 else wanted)
    return lax.convert_element_type(x, wanted)


def _truncated(x: jax.Array, kind) -> jax.Array:
    """Floats as integers of ``kind``, from where smaller ones wrap round: as processors do it, and
    torch with them, what is too large and NaN are the least number (XLA's own stop at the ends)."""
    least = jnp.iinfo(kind).min
    x = x.astype(jnp.float32) if x.dtype.itemsize < 4 else x  # in whose range it is
    return jnp.where(x < -float(least), lax.convert_element_type(x, kind), least)


def check_number(value, to: dtype) -> None:
    """Refuse a Python number to fill with that ``to`` does not hold, as torch does."""
    kind = value.__class__
    if kind is bool or (kind in (int, float) and 0 <= value < 128):
        return  # which all dtypes hold
    if kind is complex and to.category < dtypes.COMPLEX and not value.imag:
        kind, value = float, value.real
    if kind is complex:
        fits = to.category == dtypes.COMPLEX or to is dtypes.bool
    elif kind not in (int, float) or to.category == BOOL or to in dtypes.FLOAT8_TYPES:
        fits = True
    elif to.category >= FLOAT:
        fits = kind is float and not math.isfinite(value) or abs(value) <= _greatest(to)
    else:
        info = jnp.iinfo(to.numpy)
        wraps = kind is int and not info.min  # negative numbers in unsigned types
        fits = (-int(info.max) if wraps else info.min) <= value <= info.max
    if not fits:
        name = "int" if to is dtypes.int32 else f"{to.name}_t"
        raise RuntimeError(
            "value cannot be converted to type "
            f"{name if to.category == dtypes.INT else to.cpp} without overflow"
        )


def _greatest(to: dtype) -> float:
    return float(dtypes.finfo(to).max)


def width(d: dtype):
    """The NumPy dtype that arrays of ``d`` have at this moment: int64 is int32 with x64 off."""
    return jax.dtypes.canonicalize_dtype(d.numpy)


def is_integral(x: jax.Array) -> bool:
    """Whether ``x`` is of an integer dtype or bool."""
    return dtype_of(x).category < FLOAT


def floating(x: jax.Array) -> jax.Array:
    """``x`` itself where floating or complex, else in the default dtype."""
    return cast(x, dtypes.get_default_dtype()) if is_integral(x) else x


def widened(x: jax.Array) -> jax.Array:
    """``x`` as torch's CPU kernels compute it: half types in float32."""
    return x.astype(jnp.float32) if dtype_of(x) in dtypes.HALF_TYPES else x


def divisor(count: int | float, like: jax.Array) -> jax.Array:
    """A number to divide ``like`` by that the op knows beforehand, as the size of a mean.

    XLA makes of a division by a constant a product with its rounded reciprocal: 77 / 7 would be
    11.000001, and linspace(0, 77, 8) have no 66 in it. It does not look behind a barrier.
    """
    return lax.optimization_barrier(jnp.full((), count, jnp.finfo(like.dtype).dtype))


def rounded(x: jax.Array, like: jax.Array) -> jax.Array:
    """``x`` rounded to the digits of the dtype of ``like``, where torch's kernels round as well."""
    if dtype_of(like) not in dtypes.HALF_TYPES:
        return x
    digits = jnp.finfo(like.dtype)
    return lax.reduce_precision(x, digits.nexp, digits.nmant)


def number_dtype(value) -> dtype:
    """The dtype a Python number has by itself."""
    if isinstance(value, bool):
        return dtypes.bool
    if isinstance(value, int):
        return dtypes.int64
    return dtypes.default_complex() if isinstance(value, complex) else dtypes.get_default_dtype()


def with_number(x: jax.Array, value) -> dtype:
    """The result type of a tensor and a Python number: the number's only if its kind is higher."""
    have, number = dtype_of(x), number_dtype(value)
    if number.category <= have.category:
        return have
    if number.category == dtypes.COMPLEX and have is dtypes.float64:
        return dtypes.complex128
    return number


def not_implemented(kernel: str, x: jax.Array) -> NotImplementedError:
    """torch's refusal of a dtype: ``"abs_cpu" not implemented for 'Bool'``."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{dtype_of(x).legacy}'")


def refuse(x: jax.Array, kinds: str, kernel: str) -> None:
    """torch's refusal, if the kind of ``x`` is among ``kinds``: the first letters of bool, int,
    unsigned and complex."""
    if x.dtype.kind in kinds:
        raise not_implemented(kernel, x)


def real(kernel: str, x: jax.Array) -> jax.Array:
    """``x``, unless it is complex."""
    refuse(x, "c", kernel)
    return x
