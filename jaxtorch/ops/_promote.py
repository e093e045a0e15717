"""torch's dtype rules inside op bodies, for ops whose rule is not simply ``promote=``."""

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
    if to.category < FLOAT and to.itemsize < 4 and jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(jnp.int32)  # from where it wraps round, as in torch; XLA's own stops at 255
    return lax.convert_element_type(x, wanted)


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


def real(kernel: str, x: jax.Array) -> jax.Array:
    """``x``, unless it is complex."""
    if jnp.iscomplexobj(x):
        raise not_implemented(kernel, x)
    return x
