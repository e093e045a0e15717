"""Normalisations: over the batch, over features, over groups of channels, over neighbours."""

import math

import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops._op import Array, Scalar, op
from jaxtorch.ops._promote import floating, is_integral, refuse
from jaxtorch.ops.arithmetic import div
from jaxtorch.ops.linear import sum_rows
from jaxtorch.ops.shaping import clone

__all__ = [
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize",
    "rms_norm"
]  # fmt: skip


def _same_type(input, *parameters) -> None:
    """Parameters and statistics have the input's dtype; beside half types all may be float32."""
    own = dtypes.from_numpy_dtype(input.dtype)
    found = {dtypes.from_numpy_dtype(p.dtype) for p in parameters if p is not None}
    half = own in dtypes.HALF_TYPES
    if found <= {own} or half and found == {dtypes.float32}:
        return
    rule = "expect parameter to have scalar type of Float"
    if dtypes.float32 in found and not half:
        rule = "all inputs must share same datatype."
    raise RuntimeError(f"mixed dtype (CPU): {rule}")


def _wide(*arrays):
    """Half types as float32, in which torch computes; None stays None."""
    return [x.astype(jnp.float32) if x is not None and x.dtype.itemsize == 2 else x for x in arrays]


def _moments(x, axes):
    """Mean and biased variance over axes, kept as dimensions of one."""
    mean = jnp.mean(x, axes, keepdims=True)
    centred = x - mean
    return mean, jnp.mean(centred * centred, axes, keepdims=True)


def _channelwise(vector, ndim: int):
    return vector.reshape(1, -1, *(1,) * (ndim - 2))


# ---------------------------------------------------------------- batch


def _check_batch_norm(input, **vectors) -> None:
    refuse(input, "biuc", "batch_norm")
    if input.ndim < 2:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-max(input.ndim, 1)}, "
            f"{max(input.ndim, 1) - 1}], but got 1)"
        )
    for name, vector in vectors.items():
        if vector is not None and vector.size != input.shape[1]:
            raise RuntimeError(f"{name} should contain {input.shape[1]} elements not {vector.size}")
    _same_type(input, *vectors.values())


def _scale_and_shift(normal, weight, bias):
    if weight is not None:
        normal = normal * _channelwise(weight, normal.ndim)
    return normal if bias is None else normal + _channelwise(bias, normal.ndim)


def _batch_norm_vjp(needs, args, statics, out, grads):
    input, running_mean, running_var, weight, bias, _ = args
    x, weight, bias, grads = _wide(input, weight, bias, grads[0])
    axes = (0, *range(2, x.ndim))
    normal, rate = _standardized(x, axes, statics["eps"])
    level = jnp.sum(grads, axes, keepdims=True)
    slope = jnp.sum(grads * normal, axes, keepdims=True)
    scale = rate if weight is None else rate * _channelwise(weight, x.ndim)
    share = x.shape[1] / x.size if x.size else 0
    found = [None] * 6
    if needs[0]:
        found[0] = scale * (grads - (level + normal * slope) * share)
    if needs[3]:
        found[3] = slope.reshape(-1)
    if needs[4]:
        found[4] = level.reshape(-1)
    return tuple(found)


@op(name="NativeBatchNormBackward0", vjp=_batch_norm_vjp)
def _batch_norm_train(
    input: Array, running_mean: Array | None, running_var: Array | None, weight: Array | None,
    bias: Array | None, momentum: Scalar, eps: float,
):  # fmt: skip
    """The input normalised by its own statistics, then the running mean and variance moved towards
    them (those that were given). The running variance takes in the unbiased one, as in torch."""
    _check_batch_norm(
        input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    axes = (0, *range(2, input.ndim))
    count = input.size // input.shape[1] if input.shape[1] else 0
    if count == 1:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"torch.Size({list(input.shape)})"
        )
    x, weight, bias = _wide(input, weight, bias)
    mean, variance = _moments(x, axes)
    out = _scale_and_shift((x - mean) * lax.rsqrt(variance + eps), weight, bias)
    unbiased = variance * (count / max(count - 1, 1))
    running = (running_mean, running_var)
    if count == 0:  # an empty batch says nothing of the statistics
        return out.astype(input.dtype), *(r for r in running if r is not None)
    moved = _moved(running, (mean.reshape(-1), unbiased.reshape(-1)), momentum)
    return out.astype(input.dtype), *moved


def _moved(running, found, momentum) -> list:
    """Those running statistics that there are, moved towards what was found."""
    moved = []
    for old, new in zip(running, found, strict=True):
        if old is not None:
            old, new = lax.stop_gradient((old, new.astype(old.dtype)))
            moved.append(old * (1 - momentum).astype(old.dtype) + new * momentum.astype(old.dtype))
    return moved


@op(name="NativeBatchNormBackward0")
def _batch_norm_eval(
    input: Array, running_mean: Array, running_var: Array, weight: Array | None, bias: Array | None,
    eps: float,
):  # fmt: skip
    """The input normalised by given statistics."""
    _check_batch_norm(
        input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    x, mean, variance, weight, bias = _wide(input, running_mean, running_var, weight, bias)
    scale = lax.rsqrt(variance + eps)
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    if bias is not None:
        shift = shift + bias
    return (x * _channelwise(scale, x.ndim) + _channelwise(shift, x.ndim)).astype(input.dtype)


def batch_norm(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    """(input - mean) / sqrt(variance + eps) * weight + bias for each channel (arXiv:1502.03167).

    input (N, C, *); the others (C,) or None. In training the statistics are the batch's, and
    running_mean and running_var, where given, are moved towards them in place.
    """
    if eps < 0 or training and eps == 0:
        rule = "positive during training" if training else "non-negative"
        raise ValueError(f"batch_norm eps must be {rule}, but got {eps}")
    if input.ndim == 1 and input.numel() == 0 and weight is None:
        return clone(input)  # torch lets nothing through without a look at its dimensions
    if not training:
        for name, statistic in (("running_mean", running_mean), ("running_var", running_var)):
            if statistic is None:
                raise RuntimeError(f"{name} must be defined in evaluation mode")
        return _batch_norm_eval(input, running_mean, running_var, weight, bias, eps)
    out, *moved = _batch_norm_train(input, running_mean, running_var, weight, bias, momentum, eps)
    for buffer in (running_mean, running_var):
        if buffer is not None:
            buffer._rebind(moved.pop(0))
    return out


@op(name="ViewBackward0")
def _instance_norm(
    input: Array, running_mean: Array | None, running_var: Array | None, weight: Array | None,
    bias: Array | None, momentum: Scalar, eps: float,
):  # fmt: skip
    """Each channel of each example normalised by itself, then the moved running statistics."""
    _check_batch_norm(
        input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(
            "Expected more than 1 spatial element when training, got input size "
            f"torch.Size({list(input.shape)})"
        )
    x, weight, bias = _wide(input, weight, bias)
    mean, variance = _moments(x, tuple(range(2, x.ndim)))
    out = _scale_and_shift((x - mean) * lax.rsqrt(variance + eps), weight, bias)
    found = [s.reshape(x.shape[:2]).mean(0) for s in (mean, variance * (count / max(count - 1, 1)))]
    return out.astype(input.dtype), *_moved((running_mean, running_var), found, momentum)


def instance_norm(
    input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True,
    momentum=0.1, eps=1e-5,
):  # fmt: skip
    """batch_norm with statistics of each example's own (arXiv:1607.08022): input (N, C, *)."""
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when use_input_stats is false"
            )
        return _batch_norm_eval(input, running_mean, running_var, weight, bias, eps)
    out, *moved = _instance_norm(input, running_mean, running_var, weight, bias, momentum, eps)
    for buffer in (running_mean, running_var):
        if buffer is not None:
            buffer._rebind(moved.pop(0))
    return out


# ---------------------------------------------------------------- features


def _normalized_shape(shape) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _check_normalized(input, normalized_shape, **parameters) -> tuple[int, ...]:
    shape = _normalized_shape(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got normalized_shape = []"
        )
    for name, parameter in parameters.items():
        if parameter is not None and parameter.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(parameter.shape)} and normalized_shape = {list(shape)}"
            )
    if input.shape[-len(shape) :] != shape:
        wanted = ", ".join(map(str, ("*", *shape)))
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [{wanted}], but got "
            f"input of size{list(input.shape)}"
        )
    return shape


def _spread(parameter, ndim: int):
    return parameter.reshape((1,) * (ndim - parameter.ndim) + parameter.shape)


def _standardized(x, axes, eps: float):
    """x with mean 0 and variance 1 over axes, and one over the deviation it had."""
    mean, variance = _moments(x, axes)
    rate = lax.rsqrt(variance + eps)
    return (x - mean) * rate, rate


def _unstandardized(grad, normal, rate, axes):
    """The gradient to x of _standardized's first result."""
    level = jnp.mean(grad, axes, keepdims=True)
    slope = jnp.mean(grad * normal, axes, keepdims=True)
    return rate * (grad - level - normal * slope)


def _layer_norm_vjp(needs, args, statics, out, grads):
    # JAX's own goes back through the mean and the variance one by one: a GPT of 4 layers of 128
    # takes 149 ms forward and backward with it, 97 with this. XLA shares what is computed twice.
    x, weight, bias, grads = _wide(*args, grads)
    shape = _normalized_shape(statics["normalized_shape"])
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    normal, rate = _standardized(x, axes, statics["eps"])
    found = [None, None, None]
    if needs[0]:
        scaled = grads if weight is None else grads * _spread(weight, x.ndim)
        found[0] = _unstandardized(scaled, normal, rate, axes)
    if needs[1]:
        found[1] = sum_rows((grads * normal).reshape(-1, weight.size)).reshape(shape)
    if needs[2]:
        found[2] = sum_rows(grads.reshape(-1, bias.size)).reshape(shape)
    return tuple(found)


@op(name="NativeLayerNormBackward0", vjp=_layer_norm_vjp)
def layer_norm(
    input: Array, normalized_shape: int | tuple[int, ...], weight: Array | None = None,
    bias: Array | None = None, eps: float = 1e-5,
):  # fmt: skip
    """The last dimensions, of normalized_shape, made mean 0 and variance 1 (arXiv:1607.06450).

    weight and bias, of normalized_shape, then scale and shift each element.
    """
    refuse(input, "biuc", "LayerNormKernelImpl")
    shape = _check_normalized(input, normalized_shape, weight=weight, bias=bias)
    _same_type(input, weight, bias)
    x, weight, bias = _wide(input, weight, bias)
    out, _ = _standardized(x, tuple(range(x.ndim - len(shape), x.ndim)), eps)
    if weight is not None:
        out = out * _spread(weight, out.ndim)
    if bias is not None:
        out = out + _spread(bias, out.ndim)
    return out.astype(input.dtype)


@op(name="MulBackward0")
def rms_norm(
    input: Array, normalized_shape: int | tuple[int, ...], weight: Array | None = None,
    eps: float | None = None,
):  # fmt: skip
    """input / sqrt(mean(input ** 2) + eps) * weight over the last dimensions (arXiv:1910.07467).

    eps is the dtype's machine epsilon unless given.
    """
    refuse(input, "biu", "rms_norm")
    shape = _check_normalized(input, normalized_shape, weight=weight)
    eps = float(jnp.finfo(input.dtype).eps) if eps is None else eps
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    out = input * lax.rsqrt(jnp.mean(input * input, axes, keepdims=True) + eps)
    if weight is None:
        return out
    wide = jnp.promote_types(out.dtype, weight.dtype)
    return (out.astype(wide) * _spread(weight.astype(wide), out.ndim)).astype(input.dtype)


@op(name="NativeGroupNormBackward0")
def group_norm(
    input: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None,
    eps: float = 1e-5,
):  # fmt: skip
    """Each of num_groups runs of channels of each example made mean 0, variance 1
    (arXiv:1803.08494).

    input (N, C, *), weight and bias (C,).
    """
    refuse(input, "biuc", "GroupNormKernelImpl")
    if input.ndim < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.ndim}"
        )
    if input.shape[1] % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(input.shape)} and num_groups={num_groups}"
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and parameter.shape != (input.shape[1],):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, "
                f"but got {name} of shape {list(parameter.shape)} and input of shape "
                f"{list(input.shape)}"
            )
    if input.size // num_groups == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size "
            f"{list(input.shape)}"
        )
    _same_type(input, weight, bias)
    x, weight, bias = _wide(input, weight, bias)
    runs = input.shape[1] // num_groups, *input.shape[2:]
    grouped = x.reshape(x.shape[0], num_groups, math.prod(runs))
    mean, variance = _moments(grouped, 2)
    normal = ((grouped - mean) * lax.rsqrt(variance + eps)).reshape(x.shape)
    return _scale_and_shift(normal, weight, bias).astype(input.dtype)


# ---------------------------------------------------------------- neighbours and vectors


@op(promote="arith", name="DivBackward0")
def local_response_norm(
    input: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
):
    """input / (k + alpha * mean of squares over size neighbouring channels) ** beta; input (N, C,
    *)."""
    if input.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)"
        )
    if not input.size:  # not even its dtype changes
        return input
    pads = [(0, 0, 0)] * input.ndim
    pads[1] = (size // 2, (size - 1) // 2, 0)
    squares = lax.pad(input * input, jnp.zeros((), input.dtype), pads)
    channels = input.shape[1]
    total = sum(lax.slice_in_dim(squares, i, i + channels, axis=1) for i in range(size))
    if is_integral(input):  # the mean of integers is one, as in avg_pool
        mean = floating(lax.div(total, jnp.full_like(total, size)))
        return floating(input) / (mean * alpha + k) ** beta
    return input / (total * (alpha / size) + k) ** beta


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """input / max(p-norm over dim, eps); dim may be several."""
    norm = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    if out is not None:
        return div(input, norm, out=out)
    return input / norm
