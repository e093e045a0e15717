"""Losses of classes: cross entropy and the negative log likelihood."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch.ops import _targets
from jaxtorch.ops._op import Array, check, index_dtype, op
from jaxtorch.ops._promote import dtype_of, is_integral, refuse, widened
from jaxtorch.ops.loss import _reduce, reduction_of


def _nll_name(avals, statics) -> str:
    return f"NllLoss{'2D' if avals[0].ndim > 2 else ''}Backward0"


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
