"""Losses of numbers and of probabilities. class_loss.py has those of classes, margin_loss.py those
that compare."""

from __future__ import annotations

import math
import warnings

import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops import _targets
from jaxtorch.ops._dims import broadcast_shapes, broadcast_to, same_rank
from jaxtorch.ops._op import Array, check, op
from jaxtorch.ops._promote import divisor, dtype_of, floating, is_integral, refuse
from jaxtorch.ops.creation import full_like
from jaxtorch.ops.data import is_tensor


def _reduce(loss, reduction: str):
    """The mean or the sum of a loss's elements, or all of them."""
    if reduction == "mean":
        if is_integral(loss):
            raise RuntimeError(
                "mean(): could not infer output dtype. Input dtype must be either a floating point "
                f"or complex dtype. Got: {dtype_of(loss).legacy}"
            )
        # torch's mean of no elements is nan, without a warning
        return loss.sum(dtype=loss.dtype) / divisor(loss.size, loss)
    return loss.sum(dtype=loss.dtype) if reduction == "sum" else loss


def reduced_name(plain: str):
    """A loss of several steps has the name of its last: of the reduction, or without one plain."""
    names = {"mean": "MeanBackward0", "sum": "SumBackward0"}
    return lambda avals, statics: names.get(statics["reduction"], plain)


def reduction_of(reduction: str, size_average=None, reduce=None) -> str:
    """``reduction``, checked, after torch's two older spellings of it."""
    if size_average is not None or reduce is not None:
        reduction = reduction_of_flags(size_average, reduce, stacklevel=4)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduction_of_flags(
    size_average: bool | None, reduce: bool | None, emit_warning: bool = True, stacklevel: int = 3
) -> str:
    """The ``reduction`` that torch's two arguments of old meant."""
    mean = size_average is None or size_average
    reduction = "none" if reduce is False else "mean" if mean else "sum"
    if emit_warning:
        warnings.warn(
            "size_average and reduce args will be deprecated, please use "
            f"reduction='{reduction}' instead.",
            stacklevel=stacklevel,
        )
    return reduction


# --- numbers ------------------------------------------------------------------------------------


def _warn_of_broadcasting(input, target):
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            UserWarning,
            stacklevel=3,
        )


def _pair(input, target):
    shape = broadcast_shapes(input.shape, target.shape)
    return broadcast_to(input, shape), broadcast_to(target, shape)


def _weighted(loss, weight, reduction):
    """``loss`` times ``weight``, whose sum a mean divides by."""
    if weight is None:
        return _reduce(loss, reduction)
    weight = broadcast_to(weight, loss.shape)
    if reduction == "mean":
        return (loss * weight).sum(dtype=loss.dtype) / weight.sum(dtype=loss.dtype)
    return _reduce(loss * weight, reduction)


def _abs(x):
    # JAX's derivative of abs at 0 is 1; torch's is 0
    if not jnp.iscomplexobj(x):
        return x * jnp.sign(x)
    square = jnp.square(x.real) + jnp.square(x.imag)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)


@op(promote="arith", name="MseLossBackward0")
def _mse_loss(input: Array, target: Array, weight: Array | None, reduction: str):
    refuse(input, "biuc", "mse_cpu")
    input, target = _pair(input, target)
    return _weighted(jnp.square(input - target), weight, reduction)


def mse_loss(input, target, size_average=None, reduce=None, reduction: str = "mean", weight=None):
    """The square of the difference."""
    _warn_of_broadcasting(input, target)
    return _mse_loss(input, target, weight, reduction_of(reduction, size_average, reduce))


@op(promote="arith", name=reduced_name("AbsBackward0"))
def _l1_loss(input: Array, target: Array, weight: Array | None, reduction: str):
    input, target = _pair(input, target)
    return _weighted(_abs(input - target), weight, reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction: str = "mean", weight=None):
    """The absolute difference."""
    _warn_of_broadcasting(input, target)
    _targets.subtractable(input, target)
    return _l1_loss(input, target, weight, reduction_of(reduction, size_average, reduce))


@op(promote="arith", name="SmoothL1LossBackward0")
def _smooth_l1_loss(input: Array, target: Array, reduction: str, beta: float):
    refuse(input, "iuc", "smooth_l1_cpu")
    input, target = _pair(input, target)
    gap = _abs(input - target)
    if beta == 0:
        return _reduce(gap, reduction)
    return _reduce(jnp.where(gap < beta, 0.5 * gap * gap / beta, gap - 0.5 * beta), reduction)


def smooth_l1_loss(
    input, target, size_average=None, reduce=None, reduction: str = "mean", beta: float = 1.0
):
    """The absolute difference, with a parabola in place of the kink, from -beta to beta."""
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    _warn_of_broadcasting(input, target)
    reduction = reduction_of(reduction, size_average, reduce)
    return _smooth_l1_loss(input, target, reduction, float(beta))


@op(promote="arith", name="HuberLossBackward0")
def _huber_loss(input: Array, target: Array, weight: Array | None, reduction: str, delta: float):
    refuse(input, "biuc", "huber_cpu")
    input, target = _pair(input, target)
    gap = _abs(input - target)
    loss = jnp.where(gap <= delta, 0.5 * gap * gap, delta * (gap - 0.5 * delta))
    return _weighted(loss, weight, reduction)


def huber_loss(input, target, reduction: str = "mean", delta: float = 1.0, weight=None):
    """Half the square up to ``delta``, and straight on from there."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    _warn_of_broadcasting(input, target)
    return _huber_loss(input, target, weight, reduction_of(reduction), float(delta))


@op(promote="arith", name=reduced_name("SubBackward0"))
def _poisson_nll_loss(
    input: Array, target: Array, log_input: bool, full: bool, eps: float, reduction: str
):
    target, input = _pair(floating(target), floating(input))
    if log_input:
        loss = jnp.exp(input) - target * input
    else:
        loss = input - target * jnp.log(input + eps)
    if full:  # Stirling's approximation of log(target!)
        over = jnp.where(target > 1, target, jnp.ones((), target.dtype))
        stirling = over * jnp.log(over) - over + 0.5 * jnp.log(2 * math.pi * over)
        loss = loss + jnp.where(target > 1, stirling, jnp.zeros((), loss.dtype))
    return _reduce(loss, reduction)


def poisson_nll_loss(
    input, target, log_input: bool = True, full: bool = False, size_average=None,
    eps: float = 1e-8, reduce=None, reduction: str = "mean",
):  # fmt: skip
    """Minus the log-likelihood of counts under Poisson with (log) rate ``input``."""
    reduction = reduction_of(reduction, size_average, reduce)
    return _poisson_nll_loss(input, target, log_input, full, float(eps), reduction)


@op(promote="arith", name=reduced_name("MulBackward0"))
def _gaussian_nll_loss(
    input: Array, target: Array, var: Array, full: bool, eps: float, reduction: str
):
    pairs = list(zip(input.shape, var.shape, strict=False))
    one_for_all = input.ndim == var.ndim and sum(v for i, v in pairs if i != v) == 1
    if var.shape not in (input.shape, input.shape[:-1]) and not one_for_all:
        raise ValueError("var is of incorrect size")
    if var.shape == input.shape[:-1] and var.shape != input.shape:
        var = var[..., None]
    # torch clamps without a gradient through the clamp
    var = var + lax.stop_gradient(jnp.maximum(var, jnp.full((), eps, var.dtype)) - var)
    input, target, var = same_rank(input, target, var)
    loss = 0.5 * (jnp.log(var) + jnp.square(input - target) / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduce(loss, reduction)


def gaussian_nll_loss(
    input, target, var, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
):
    """Minus the log-likelihood of ``target`` under normals of mean ``input``, variance ``var``."""
    if not is_tensor(var):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = full_like(input, var)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    return _gaussian_nll_loss(input, target, var, full, float(eps), reduction)


# --- probabilities ------------------------------------------------------------------------------


def _bce_vjp(needs, args, statics, out, grads):
    """torch's own: the derivative with its denominator kept off zero, the weights carried along."""
    x, target, weight = args
    reduction = statics["reduction"]
    if reduction == "mean":
        grads = grads / divisor(x.size, grads)
    grads = jnp.broadcast_to(grads, x.shape)
    if weight is not None:
        grads = grads * broadcast_to(weight, x.shape)
    grad_x = grads * (x - target) / jnp.maximum((1 - x) * x, jnp.full((), 1e-12, x.dtype))
    grad_target = grads * (jnp.log1p(-x) - jnp.log(x)) if needs[1] else None
    return grad_x, grad_target, None


@op(promote="arith", name="BinaryCrossEntropyBackward0", vjp=_bce_vjp)
def _binary_cross_entropy(input: Array, target: Array, weight: Array | None, reduction: str):
    refuse(input, "c", "binary_cross_entropy")
    floor = jnp.full((), -100, input.dtype)
    loss = (target - 1) * jnp.maximum(jnp.log1p(-input), floor) - target * jnp.maximum(
        jnp.log(input), floor
    )
    if weight is not None:
        loss = loss * broadcast_to(weight, loss.shape)
    ok = (input >= 0) & (input <= 1)
    return check(
        _reduce(loss, reduction),
        ok,
        jnp.zeros(ok.shape, jnp.int32),
        "all elements of input should be between 0 and 1",
        RuntimeError,
    )


def binary_cross_entropy(
    input, target, weight=None, size_average=None, reduce=None, reduction: str = "mean"
):
    """Of probabilities ``input`` and ``target``; logarithms are kept above -100."""
    reduction = reduction_of(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. Please ensure they have the same size."
        )
    _targets.as_input(input, target)
    return _binary_cross_entropy(input, target, weight, reduction)


@op(promote="arith", name="BinaryCrossEntropyWithLogitsBackward0")
def _bce_with_logits(
    input: Array, target: Array, weight: Array | None, pos_weight: Array | None, reduction: str
):
    refuse(input, "biuc", "log_sigmoid_cpu")
    # softplus(-input) = -log(sigmoid(input)); max's derivative at 0 is a half, as it must be
    zero = jnp.zeros((), input.dtype)
    softplus = jnp.maximum(-input, zero) + jnp.log1p(jnp.exp(-_abs(input)))
    if pos_weight is not None:
        softplus = softplus * ((broadcast_to(pos_weight, input.shape) - 1) * target + 1)
    loss = (1 - target) * input + softplus
    if weight is not None:
        loss = loss * broadcast_to(weight, loss.shape)
    return _reduce(loss, reduction)


def binary_cross_entropy_with_logits(
    input, target, weight=None, size_average=None, reduce=None, reduction: str = "mean",
    pos_weight=None,
):  # fmt: skip
    """``binary_cross_entropy`` of ``sigmoid(input)``, computed without overflow."""
    reduction = reduction_of(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    _targets.real_numbers(input, target)
    return _bce_with_logits(input, target, weight, pos_weight, reduction)


@op(promote="arith", name=reduced_name("SubBackward0"))
def _kl_div(input: Array, target: Array, log_target: bool, reduction: str):
    input, target = _pair(input, target)
    if log_target:
        loss = jnp.exp(target) * (target - input)
    else:
        some = target != 0  # of a negative one the logarithm is NaN, as in torch
        safe = jnp.where(some, target, jnp.ones((), target.dtype))
        loss = jnp.where(some, safe * jnp.log(safe), jnp.zeros((), target.dtype))
        loss = loss - target * input
    if reduction == "batchmean":
        return loss.sum(dtype=loss.dtype) / (input.shape[0] if input.ndim else 1)
    return _reduce(loss, reduction)


def kl_div(
    input, target, size_average=None, reduce=None, reduction: str = "mean",
    log_target: bool = False,
):  # fmt: skip
    """target * (log(target) - input), with ``input`` log-probabilities."""
    if reduction != "batchmean":
        reduction = reduction_of(reduction, size_average, reduce)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next major "
            "release.",
            UserWarning,
            stacklevel=2,
        )
    if input.dtype.category < dtypes.FLOAT or target.dtype.category < dtypes.FLOAT:
        raise RuntimeError("kl_div: Integral inputs not supported.")
    return _kl_div(input, target, log_target, reduction)
