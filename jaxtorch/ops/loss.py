"""Losses: of classes, of numbers, of probabilities. margin_loss.py has those that compare."""

from __future__ import annotations

import math
import warnings

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops import _targets
from jaxtorch.ops._dims import broadcast_shapes, broadcast_to, same_rank
from jaxtorch.ops._op import Array, check, index_dtype, op
from jaxtorch.ops._promote import divisor, dtype_of, floating, is_integral, refuse, widened
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


def _nll_name(avals, statics) -> str:
    return f"NllLoss{'2D' if avals[0].ndim > 2 else ''}Backward0"


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


# --- classes ------------------------------------------------------------------------------------


def _classes_last(input, target):
    """(N, C) or (C,) and (N, C, d...): checked, ``target`` as long as ``input`` without C."""
    if input.ndim == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    batch = input.shape[:1] if input.ndim > 1 else ()
    rest = input.shape[2:]
    if target.shape == batch + rest:
        return
    if input.ndim <= 2:
        if input.ndim == 2 and target.ndim and target.shape[0] != input.shape[0]:
            raise ValueError(
                f"Expected input batch_size ({input.shape[0]}) to match target batch_size "
                f"({target.shape[0]})."
            )
        if input.ndim == 1 and target.shape == (1,):
            return
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.ndim and target.shape[0] != input.shape[0]:
        raise ValueError(
            f"Expected input batch_size ({input.shape[0]}) to match target batch_size "
            f"({target.shape[0]})."
        )
    if input.ndim == 4 and target.ndim != 3:
        raise RuntimeError(
            "only batches of spatial targets supported (3D tensors) but got targets of dimension: "
            f"{target.ndim}"
        )
    raise RuntimeError(f"Expected target size {list(batch + rest)}, got {list(target.shape)}")


def _check_classes(target, classes, weight):
    if not jnp.issubdtype(target.dtype, jnp.integer):
        raise RuntimeError(
            f"expected target dtype to be Long or Byte, but got {dtype_of(target).legacy}"
        )
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.shape)}"
        )


def _check_weight_type(input, weight) -> None:
    if weight is not None and weight.dtype != input.dtype:
        wanted, found = dtype_of(input).legacy, dtype_of(weight).legacy
        raise RuntimeError(f"expected scalar type {wanted} but found {found}")


class _Classes:
    """A target of class indices beside scores of shape (N, C, d...), with what both losses need."""

    def __init__(self, scores, target, weight, ignore_index):
        self.axis = 0 if scores.ndim == 1 else 1
        self.count = scores.shape[self.axis]
        _classes_last(scores, target)
        _check_classes(target, self.count, weight)
        shape = scores.shape[: self.axis] + scores.shape[self.axis + 1 :]
        self.given = target.reshape(shape).astype(index_dtype())
        self.valid = self.given != ignore_index
        self.target = jnp.where(self.valid, jnp.clip(self.given, 0, self.count - 1), 0)
        # what each example counts for: its class's weight, nothing where it is ignored
        one = jnp.ones((), scores.dtype)
        each = one if weight is None else weight.astype(scores.dtype).at[self.target].get(
            mode="promise_in_bounds"
        )  # fmt: skip
        self.share = jnp.where(self.valid, each, jnp.zeros((), scores.dtype))

    def pick(self, scores):
        """The score of each example's own class."""
        at = jnp.expand_dims(self.target, self.axis)
        return jnp.squeeze(
            jnp.take_along_axis(scores, at, self.axis, mode="promise_in_bounds"), self.axis
        )

    def onehot(self, scores):
        classes = lax.broadcasted_iota(self.target.dtype, scores.shape, self.axis)
        return classes == jnp.expand_dims(self.target, self.axis)

    def reduce(self, loss, reduction):
        if reduction == "mean":
            return loss.sum(dtype=loss.dtype) / self.share.sum(dtype=loss.dtype)
        return loss.sum(dtype=loss.dtype) if reduction == "sum" else loss

    def spread(self, grads, reduction):
        """The gradient of each example's loss, of the class's share apart, along the classes."""
        if reduction == "mean":
            grads = grads / self.share.sum(dtype=grads.dtype)
        if reduction != "none":
            grads = jnp.broadcast_to(grads, self.given.shape)
        # where all are ignored the mean is 0 / 0, and still nothing comes back from them
        grads = jnp.where(self.valid, grads, jnp.zeros((), grads.dtype))
        return jnp.expand_dims(grads, self.axis)

    def check(self, out):
        ok = (self.given >= 0) & (self.given < self.count) | ~self.valid
        return check(out, ok, self.given, "Target {value} is out of bounds.")


def _cross_entropy_vjp(needs, args, statics, out, grads):
    """Softmax minus one-hot in one pass, where JAX would differentiate the gather by a scatter."""
    input, target, weight = args
    smoothing = statics["label_smoothing"]
    x = widened(input)
    if _are_probabilities(input, target):
        plain = _probabilities_loss
        f = lambda x, t: plain(x, t, weight, statics["reduction"], smoothing)  # noqa: E731
        _, pull = jax.vjp(f, x, widened(target))
        grad_x, grad_target = pull(grads.astype(x.dtype))
        return grad_x, grad_target, None
    classes = _Classes(x, target, weight, statics["ignore_index"])
    axis, zero = classes.axis, jnp.zeros((), x.dtype)
    share = jnp.expand_dims(classes.share, axis)
    spread = classes.spread(grads.astype(x.dtype), statics["reduction"])
    coefficient = spread * share
    # the same exponentials that the forward sums up: XLA computes them once
    exponentials, total, _ = _exponentials(x, axis)
    p = exponentials * (1 / total)
    own = jnp.where(classes.onehot(x), coefficient, zero)
    if not smoothing:
        return p * coefficient - own, None, None
    kept = jnp.where(jnp.expand_dims(classes.valid, axis), spread, zero)
    w, sum_of_w = _smoothing_weights(weight, x, axis)
    even = (smoothing / classes.count) * kept * (sum_of_w * p - w)
    return (1 - smoothing) * (p * coefficient - own) + even, None, None


def _smoothing_weights(weight, x, axis):
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    if weight is None:
        return jnp.ones(shape, x.dtype), jnp.full((), x.shape[axis], x.dtype)
    w = weight.astype(x.dtype)
    return w.reshape(shape), w.sum(dtype=x.dtype)


def _exponentials(x, axis):
    """exp(x - top), their sum, and top, the largest along ``axis``; both kept as a dimension."""
    top = lax.stop_gradient(x.max(axis, keepdims=True, initial=-jnp.inf))
    top = jnp.where(jnp.isfinite(top), top, jnp.zeros((), x.dtype))
    exponentials = jnp.exp(x - top)
    return exponentials, exponentials.sum(axis, dtype=x.dtype, keepdims=True), top


def _logsumexp(x, axis):
    _, total, top = _exponentials(x, axis)
    return jnp.squeeze(jnp.log(total) + top, axis)


def _are_probabilities(input, target):
    return not is_integral(target) and target.shape == input.shape


def _probabilities_loss(x, target, weight, reduction, smoothing):
    axis = 0 if x.ndim == 1 else 1
    if smoothing:
        target = target * (1 - smoothing) + smoothing / x.shape[axis]
    target = target.astype(x.dtype)
    logp = x - jnp.expand_dims(_logsumexp(x, axis), axis)
    if weight is not None:
        w, _ = _smoothing_weights(weight, x, axis)
        target = target * w
    loss = -(target * logp).sum(axis, dtype=x.dtype)
    return _reduce(loss, reduction) if x.ndim > 1 else loss


@op(name=_nll_name, vjp=_cross_entropy_vjp)
def _cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
):
    refuse(input, "biuc", "log_softmax_lastdim_kernel_impl")
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    x = widened(input)
    if is_integral(target) and target.shape == input.shape and input.ndim:
        raise RuntimeError(
            "Expected floating point type for target with class probabilities, got "
            f"{dtype_of(target).legacy}"
        )
    if _are_probabilities(input, target):
        if input.ndim == 0:
            raise ValueError("Expected 1 or more dimensions (got 0)")
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        _check_weight(weight, input.shape[0 if input.ndim == 1 else 1])
        loss = _probabilities_loss(x, widened(target), weight, reduction, label_smoothing)
        return loss.astype(input.dtype)
    _check_weight_type(input, weight)
    classes = _Classes(x, target, weight, ignore_index)
    lse = _logsumexp(x, classes.axis)
    loss = jnp.where(classes.valid, (lse - classes.pick(x)) * classes.share, 0)
    if label_smoothing:
        w, total = _smoothing_weights(weight, x, classes.axis)
        even = total * lse - (w * x).sum(classes.axis, dtype=x.dtype)
        even = jnp.where(classes.valid, even, jnp.zeros((), x.dtype))
        loss = (1 - label_smoothing) * loss + (label_smoothing / classes.count) * even
    return classes.check(classes.reduce(loss, reduction).astype(input.dtype))


def _check_weight(weight, classes):
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            "cross_entropy: weight tensor should be defined either for all "
            f"{classes} classes or no classes but got weight tensor of shape: {list(weight.shape)}"
        )


def cross_entropy(
    input,
    target,
    weight=None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
):
    """Of scores (N, C, d...) and classes (N, d...) or probabilities (N, C, d...).

    A mean over classes is weighted by each example's ``weight`` and leaves out ``ignore_index``.
    IndexError where a class is not in [0, C).
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if getattr(target, "shape", None) != input.shape:
        _targets.class_numbers(input, target)
    return _cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def _nll_vjp(needs, args, statics, out, grads):
    input, target, weight = args
    x = widened(input)
    classes = _Classes(x, target, weight, statics["ignore_index"])
    spread = classes.spread(grads.astype(x.dtype), statics["reduction"])
    coefficient = spread * jnp.expand_dims(classes.share, classes.axis)
    return jnp.where(classes.onehot(x), -coefficient, jnp.zeros((), x.dtype)), None, None


@op(name=_nll_name, vjp=_nll_vjp)
def _nll_loss(input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str):
    refuse(input, "biuc", "nll_loss_out_frame")
    _check_weight_type(input, weight)
    x = widened(input)
    classes = _Classes(x, target, weight, ignore_index)
    loss = jnp.where(classes.valid, -classes.pick(x) * classes.share, jnp.zeros((), x.dtype))
    return classes.check(classes.reduce(loss, reduction).astype(input.dtype))


def nll_loss(
    input,
    target,
    weight=None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """Minus the log-probabilities ``input`` (N, C, d...) of the classes ``target`` (N, d...)."""
    reduction = reduction_of(reduction, size_average, reduce)
    _targets.class_numbers(input, target)
    return _nll_loss(input, target, weight, ignore_index, reduction)


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
