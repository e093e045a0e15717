"""Activations, softmax among them. The gradient at a kink is PyTorch's: zero at relu's origin.

A comparison is written so that NaN falls into the branch that keeps it, and so that JAX's
derivative of ``where`` takes PyTorch's side of the kink.
"""

import functools
import inspect
import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops._dims import normalize_dim
from jaxtorch.ops._op import FOUND, Array, op
from jaxtorch.ops._promote import cast, refuse, rounded, widened
from jaxtorch.ops._result_type import no_room

__all__ = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "leaky_relu",
    "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "selu", "silu", "softmax",
    "softmin",
    "softplus", "softshrink", "softsign", "tanhshrink", "threshold",
]  # fmt: skip


def _with_inplace(recorded):
    """The op with torch.nn.functional's last argument, ``inplace``: rebinds the input to the
    result."""
    signature = inspect.signature(recorded.body)
    names = list(signature.parameters)
    last = inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)

    @functools.wraps(recorded.body)
    def activation(*args, inplace=False, **kwargs):
        if len(args) > len(names):
            *args, inplace = args
        return (recorded.inplace if inplace else recorded)(*args, **kwargs)

    activation.body = recorded.body
    activation.inplace = recorded.inplace
    activation.op = recorded.op
    activation.__signature__ = signature.replace(parameters=[*signature.parameters.values(), last])
    return activation


def _relu_vjp(needs, args, statics, out, grads):
    return (jnp.where(out <= 0, jnp.zeros_like(grads), grads),)


@_with_inplace
@op(promote="arith", name="ReluBackward0", vjp=_relu_vjp)
def relu(input: Array):
    """input where it is positive, else 0."""
    if input.dtype == bool:
        raise RuntimeError("Boolean inputs not supported for relu")
    if jnp.issubdtype(input.dtype, jnp.complexfloating):
        raise NotImplementedError("clamp is not supported for complex types")
    return jnp.where(input <= 0, jnp.zeros_like(input), input)


def _clip(x, low, high):
    if jnp.iscomplexobj(x):
        raise NotImplementedError("clamp is not supported for complex types")
    low, high = jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype)
    return jnp.where(x <= low, low, jnp.where(x >= high, high, x))


@_with_inplace
@op(promote="arith", name="HardtanhBackward0")
def hardtanh(input: Array, min_val: float = -1.0, max_val: float = 1.0):
    """input clipped to [min_val, max_val]; no gradient at the bounds (clamp's passes there)."""
    if input.dtype.kind == "u" and min(min_val, max_val) < 0:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if input.dtype == bool:
        raise NotImplementedError("Bool inputs not supported for hardtanh")
    return _clip(input, min_val, max_val)


@_with_inplace
@op(promote="arith", name="HardtanhBackward0")
def relu6(input: Array):
    """input clipped to [0, 6]."""
    if input.dtype == bool:
        raise NotImplementedError("Bool inputs not supported for hardtanh")
    return _clip(input, 0, 6)


@_with_inplace
@op(promote="arith", name="HardsigmoidBackward0")
def hardsigmoid(input: Array):
    """clip(input + 3, 0, 6) / 6."""
    refuse(input, "biuc", "hardsigmoid_cpu")
    middle = jnp.where(input >= 3, 1.0, (input + 3) / 6)
    return jnp.where(input <= -3, 0.0, middle).astype(input.dtype)


@_with_inplace
@op(promote="arith", name="HardswishBackward0")
def hardswish(input: Array):
    """input * clip(input + 3, 0, 6) / 6."""
    refuse(input, "biuc", "hardswish_cpu")
    zero = jnp.zeros_like(input)
    return jnp.where(input <= -3, zero, jnp.where(input >= 3, input, input * (input + 3) / 6))


def _elu(x, alpha, scale, input_scale):
    below = x <= 0
    negative = jnp.expm1(jnp.where(below, x, 0) * input_scale) * (alpha * scale)
    return jnp.where(below, negative, x * scale)


@_with_inplace
@op(promote="arith", name="EluBackward0")
def elu(input: Array, alpha: float = 1.0):
    """input where positive, else alpha * (exp(input) - 1). The slope at 0 is the left one,
    alpha."""
    refuse(input, "biuc", "elu_cpu")
    return _elu(input, alpha, 1.0, 1.0)


@_with_inplace
@op(promote="arith", name="EluBackward0")
def selu(input: Array):
    """The elu whose fixed point has mean 0 and variance 1 (arXiv:1706.02515)."""
    refuse(input, "biuc", "elu_cpu")
    return _elu(input, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1.0)


@_with_inplace
@op(promote="arith", name="CeluBackward0")
def celu(input: Array, alpha: float = 1.0):
    """input where positive, else alpha * (exp(input / alpha) - 1) (arXiv:1704.07483)."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    refuse(input, "biuc", "elu_cpu")
    return _elu(input, alpha, 1.0, 1.0 / alpha)


@_with_inplace
@op(promote="arith", name="LeakyReluBackward0")
def leaky_relu(input: Array, negative_slope: float = 0.01):
    """input where positive, else negative_slope * input."""
    refuse(input, "biuc", "leaky_relu_cpu")
    return jnp.where(input > 0, input, input * negative_slope)


@op(promote="arith", name="PreluKernelBackward0")
def prelu(input: Array, weight: Array):
    """input where positive, else weight * input; weight is one number, or one a channel (dim 1)."""
    refuse(input, "c", "prelu_cpu")
    if weight.size != 1 and not input.ndim:
        raise RuntimeError("Not allow zero-dim input tensor.")
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    if weight.size != 1:
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.size != channels:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.size} and channel size = {channels}."
            )
        channel = min(input.ndim, 2) - 1
        weight = weight.reshape(*(-1 if d == channel else 1 for d in range(input.ndim)))
    else:
        weight = weight.reshape(())
    return jnp.where(input > 0, input, input * weight)


@_with_inplace
@op(promote="arith", name="SiluBackward0")
def silu(input: Array):
    """input * sigmoid(input)."""
    refuse(input, "biu", "silu_cpu")
    return input * jax.nn.sigmoid(input)


@_with_inplace
@op(promote="arith", name="MishBackward0")
def mish(input: Array):
    """input * tanh(softplus(input)) (arXiv:1908.08681)."""
    refuse(input, "biuc", "mish_cpu")
    return input * jnp.tanh(_softplus(input, 1.0, 20.0))


def _softplus(x, beta, threshold):
    linear = x * beta > threshold
    return jnp.where(linear, x, jnp.log1p(jnp.exp(jnp.where(linear, 0, x) * beta)) / beta)


@op(promote="arith", name="SoftplusBackward0", out=FOUND)
def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0):
    """log(1 + exp(beta * input)) / beta; the input itself where beta * input exceeds threshold."""
    refuse(input, "biuc", "softplus_cpu")
    return _softplus(input, beta, threshold)


@op(
    promote="arith",
    name="LogSigmoidBackward0",
    out="expected scalar type {have.legacy} but found {got.legacy}",
)
def logsigmoid(input: Array):
    """log(sigmoid(input)), without overflow."""
    refuse(input, "biuc", "log_sigmoid_cpu")
    negative = input < 0
    magnitude = jnp.where(negative, -input, input)
    return jnp.where(negative, input, 0) - jnp.log1p(jnp.exp(-magnitude))


def _gelu_slope(x, approximate):
    """d gelu / dx."""
    if approximate == "none":
        density = jnp.exp(-0.5 * x * x) * 0.3989422804014327
        return 0.5 * (1 + lax.erf(x * 0.7071067811865476)) + x * density
    cube = 0.044715
    tanh = jnp.tanh(0.7978845608028654 * (x + cube * x * x * x))
    inner = 0.7978845608028654 * (1 + 3 * cube * x * x)
    return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * inner


def _gelu_vjp(needs, args, statics, out, grads):
    return (grads * _gelu_slope(args[0], statics["approximate"]),)


@op(promote="arith", name="GeluBackward0", vjp=_gelu_vjp, out=FOUND)
def gelu(input: Array, *, approximate: str = "none"):
    """input * Phi(input), with Phi the normal distribution function, or its tanh approximation."""
    refuse(input, "biuc", "GeluKernelImpl")
    if approximate == "none":
        return 0.5 * input * (1 + lax.erf(input * 0.7071067811865476))
    if approximate == "tanh":
        inner = 0.7978845608028654 * (input + 0.044715 * input * input * input)
        return 0.5 * input * (1 + jnp.tanh(inner))
    raise RuntimeError("approximate argument must be either none or tanh.")


@op(promote="float", name="DivBackward0")
def softsign(input: Array):
    """input / (1 + |input|)."""
    return input / (1 + jnp.abs(input))


@op(promote="float", name="SubBackward0")
def tanhshrink(input: Array):
    """input - tanh(input)."""
    return input - jnp.tanh(input)


@op(promote="arith", name="SoftshrinkBackward0", out=FOUND)
def softshrink(input: Array, lambd: float = 0.5):
    """input moved by lambd towards 0, and 0 where that would cross it."""
    refuse(input, "biuc", "softshrink_check")
    if not 0 <= lambd:
        legacy = dtypes.from_numpy_dtype(input.dtype).legacy
        raise RuntimeError(
            f"lambda must be in range [0, {float(jnp.finfo(input.dtype).max):g}] for input dtype "
            f"{legacy}, but found {lambd:g}"
        )
    inside = (input >= -lambd) & (input <= lambd)
    return jnp.where(inside, 0, jnp.where(input > lambd, input - lambd, input + lambd))


@op(promote="arith", name="HardshrinkBackward0", out=FOUND)
def hardshrink(input: Array, lambd: float = 0.5):
    """input, and 0 where its magnitude is at most lambd."""
    refuse(input, "biuc", "hardshrink_cpu")
    return jnp.where((input >= -lambd) & (input <= lambd), 0, input)


@_with_inplace
@op(promote="arith", name="ThresholdBackward0")
def threshold(input: Array, threshold: float, value: float):
    """input where it exceeds threshold, else value."""
    refuse(input, "bc", "threshold_cpu")
    return jnp.where(input <= threshold, _filling(value, input.dtype), input)


def _filling(value: float, dtype) -> np.ndarray:
    """``value`` as torch fills with it: below 0 it wraps round in unsigned types."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        if not (info.min or -int(info.max)) <= value <= info.max:
            raise no_room(dtypes.from_numpy_dtype(dtype))
        return np.asarray(int(value)).astype(dtype)
    return np.asarray(value, dtype)


@op(promote="arith", name="GluBackward0")
def glu(input: Array, dim: int = -1):
    """The first half of input along dim times the sigmoid of the second."""
    refuse(input, "biuc", "glu_cpu")
    if input.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    dim = normalize_dim(dim, input.ndim)
    if input.shape[dim] % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}"
        )
    a, b = jnp.split(input, 2, dim)
    return a * jax.nn.sigmoid(b)


def _implicit_dim(name: str, ndim: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        UserWarning,
        stacklevel=3,
    )
    return 0 if ndim in (0, 1, 3) else 1


def _prepare_softmax(input, dim, dtype, kernel: str = "softmax"):
    """(input in the dtype of the result, the same shifted below 0 and as wide as torch computes)"""
    input = cast(input, dtype)
    dim = normalize_dim(dim, input.ndim)
    last = "_lastdim" if dim == input.ndim - 1 else ""
    refuse(input, "biuc", f"{kernel}{last}_kernel_impl")
    wide = widened(input)
    if not input.size:
        return input, wide, dim
    return input, wide - lax.stop_gradient(jnp.max(wide, dim, keepdims=True)), dim


def _softmax_vjp(needs, args, statics, out, grads):
    # From the result alone: the input need not be kept for backward.
    dim = statics["dim"]
    if out.ndim == 0:
        return (jnp.zeros_like(args[0]),)
    out, grads = widened(out), widened(grads)
    return (out * (grads - jnp.sum(out * grads, dim, keepdims=True)),)


@op(name="SoftmaxBackward0", vjp=_softmax_vjp, out="same")
def _softmax(input: Array, dim: int, dtype: dtypes.dtype | None = None):
    """exp(input) / its sum along dim; a row of -inf gives NaN."""
    if input.ndim == 0:
        return jnp.ones_like(_prepare_softmax(input.reshape(1), dim, dtype)[0].reshape(()))
    input, shifted, dim = _prepare_softmax(input, dim, dtype)
    powers = jnp.exp(shifted)
    return (powers / jnp.sum(powers, dim, keepdims=True)).astype(input.dtype)


def _log_softmax_vjp(needs, args, statics, out, grads):
    dim = statics["dim"]
    if out.ndim == 0:
        return (jnp.zeros_like(args[0]),)
    grads = widened(grads)
    return (grads - jnp.exp(widened(out)) * jnp.sum(grads, dim, keepdims=True),)


@op(name="LogSoftmaxBackward0", vjp=_log_softmax_vjp, out="same")
def _log_softmax(input: Array, dim: int, dtype: dtypes.dtype | None = None):
    """input - log(sum(exp(input))) along dim."""
    if input.ndim == 0:
        return jnp.zeros_like(
            _prepare_softmax(input.reshape(1), dim, dtype, "log_softmax")[0].reshape(())
        )
    input, shifted, dim = _prepare_softmax(input, dim, dtype, "log_softmax")
    total = jnp.sum(jnp.exp(shifted), dim, keepdims=True)
    if dim == input.ndim - 1:  # there torch keeps the sum and its logarithm as numbers of the dtype
        return (shifted - rounded(jnp.log(rounded(total, input)), input)).astype(input.dtype)
    return (shifted - jnp.log(total)).astype(input.dtype)


def softmax(
    input, dim: int | None = None, _stacklevel=3, dtype: dtypes.dtype | None = None, *, out=None,
    axis: int | None = None,
):  # fmt: skip
    """exp(input) / sum(exp(input)) along dim, in dtype if one is given.

    torch.softmax's third argument is the dtype, torch.nn.functional.softmax's a stack level: both
    work.
    """
    dtype = _stacklevel if isinstance(_stacklevel, dtypes.dtype) else dtype
    dim = axis if dim is None else dim
    dim = _implicit_dim("softmax", input.ndim) if dim is None else dim
    return _softmax(input, dim, dtype, out=out)


def softmin(input, dim: int | None = None, _stacklevel=3, dtype: dtypes.dtype | None = None):
    """softmax of -input."""
    return _softmax(-input, _implicit_dim("softmin", input.ndim) if dim is None else dim, dtype)


def log_softmax(
    input, dim: int | None = None, _stacklevel=3, dtype: dtypes.dtype | None = None, *, out=None,
    axis: int | None = None,
):  # fmt: skip
    """log(softmax(input)) along dim, without overflow."""
    dtype = _stacklevel if isinstance(_stacklevel, dtypes.dtype) else dtype
    dim = axis if dim is None else dim
    dim = _implicit_dim("log_softmax", input.ndim) if dim is None else dim
    return _log_softmax(input, dim, dtype, out=out)
