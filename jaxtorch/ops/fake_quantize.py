"""What a tensor would be if it were stored in few integers: training that knows of it.

arXiv:1806.08342, section 2: rounded to the grid and cut off at its ends, with the gradient of doing
nothing wherever nothing was cut off.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jaxtorch.ops import _promote
from jaxtorch.ops._dispatch import as_number
from jaxtorch.ops._op import Array, Operand, check, op

ZERO_POINT = "`zero_point` must be between `quant_min` and `quant_max`."


def _on_grid(input, scale, zero_point, quant_min: int, quant_max: int, kernel: str):
    """``input`` at the nearest of (q - zero_point) * scale with quant_min <= q <= quant_max."""
    if quant_min > quant_max:
        raise RuntimeError(
            f"`quant_min` should be less than or equal to `quant_max`, got {quant_min} and "
            f"{quant_max}"
        )
    _promote.refuse(input, "biu", kernel)
    x, scale = _promote.widened(_promote.real(kernel, input)), scale.astype(jnp.float32)
    zero, place = zero_point.astype(x.dtype), x * (1 / scale)
    whole = _promote.is_integral(zero_point)  # one between the integers is added before rounding
    place = jnp.round(place) + zero if whole else jnp.round(place + zero)
    inside = (place >= quant_min) & (place <= quant_max)
    nearest = jnp.clip(jnp.where(place != place, quant_min, place), quant_min, quant_max)
    found = (nearest - zero) * scale
    slope = jnp.where(inside, x - lax.stop_gradient(x), 0)
    return (lax.stop_gradient(found) + slope).astype(input.dtype)


def _tensor_name(avals, statics) -> str:
    kind = "TensorQparams" if avals[1].kind == "array" else ""
    return f"FakeQuantizePerTensorAffineCachemask{kind}Backward0"


@op(name=_tensor_name)
def _fake_quantize(
    input: Array, scale: Operand, zero_point: Operand, quant_min: int, quant_max: int
):  # fmt: skip
    for name, x in (("scale", scale), ("zero_point", zero_point)):
        if x.size != 1:
            raise RuntimeError(f"{name} of a whole tensor is one number, got {x.size}")
    return _on_grid(
        input, scale.reshape(()), zero_point.reshape(()), quant_min, quant_max,
        "fake_quantize_tensor_cachemask_kernel_type_handling",
    )  # fmt: skip


def fake_quantize_per_tensor_affine(input, scale, zero_point, quant_min: int, quant_max: int):
    """``input`` as integers from quant_min to quant_max would hold it, of one scale.

    ``scale`` and ``zero_point``, the integer that stands for 0, are numbers or tensors of one.
    """
    number = as_number(zero_point)
    if number is not None and quant_min <= quant_max:
        if not quant_min <= number.value <= quant_max:
            raise RuntimeError(ZERO_POINT)
    return _fake_quantize(input, scale, zero_point, quant_min, quant_max)


@op(name="FakeQuantizePerChannelAffineCachemaskBackward0")
def fake_quantize_per_channel_affine(
    input: Array, scale: Array, zero_point: Array, axis: int, quant_min: int, quant_max: int
):  # fmt: skip
    """As fake_quantize_per_tensor_affine, with a scale and a zero point for each index of ``axis``.

    scale (n,) of float32 or bfloat16, zero_point (n,) of int32 or a float type, n the size there.
    """
    if scale.dtype not in (jnp.float32, jnp.bfloat16):
        raise RuntimeError(
            f"Scale must be Float or BFloat16, found {_promote.dtype_of(scale).legacy}"
        )
    if zero_point.dtype not in (jnp.int32, jnp.float32, jnp.float16):
        raise RuntimeError(
            f"Zero-point must be Int32, Float or Half, found {_promote.dtype_of(zero_point).legacy}"
        )
    if scale.ndim != 1:
        raise RuntimeError("scale should be a 1-D tensor")
    if zero_point.shape != scale.shape:
        raise RuntimeError("scale and zero-point need to have the same dimensions")
    if axis >= input.ndim:
        raise IndexError(f"axis {axis} is not one of the {input.ndim} dimensions of input")
    if axis < 0:
        raise RuntimeError("`axis` must be between 0 and number of dimensions of input")
    if input.shape[axis] != scale.shape[0]:
        raise RuntimeError("dimensions of scale and zero-point are not consistent with input")
    wide = [n if d == axis else 1 for d, n in enumerate(input.shape)]
    out = _on_grid(
        input, scale.reshape(wide), zero_point.reshape(wide), quant_min, quant_max,
        "fake_quantize_channel_cachemask_cpu_type_handling",
    )  # fmt: skip
    if zero_point.dtype != jnp.int32:
        return out
    fits = (zero_point >= quant_min) & (zero_point <= quant_max)
    return check(out, fits, zero_point, ZERO_POINT, RuntimeError)
