"""Losses that compare: pairs, triplets, and scores of right and wrong classes."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.ops import _targets
from jaxtorch.ops._dims import broadcast_shapes, broadcast_to
from jaxtorch.ops._op import Array, check, index_dtype, op
from jaxtorch.ops._promote import floating, refuse
from jaxtorch.ops.arithmetic import clamp_min
from jaxtorch.ops.distance import pairwise_distance
from jaxtorch.ops.loss import _reduce, reduced_name, reduction_of


def _hinge(x):
    """max(x, 0), with no gradient at 0."""
    return jnp.where(x > 0, x, jnp.zeros((), x.dtype))


@op(promote="arith", name=reduced_name("AddBackward0"))
def _hinge_embedding(input: Array, target: Array, margin: float, reduction: str):
    shape = broadcast_shapes(input.shape, target.shape)
    input, target = broadcast_to(input, shape), broadcast_to(target, shape)
    zero = jnp.zeros((), input.dtype)
    loss = jnp.where(target != 1, _hinge(margin - input), zero)
    return _reduce(loss + jnp.where(target != -1, input, zero), reduction)


def hinge_embedding_loss(
    input, target, margin: float = 1.0, size_average=None, reduce=None, reduction: str = "mean"
):
    """``input`` where ``target`` is 1, max(0, margin - input) where it is -1."""
    reduction = reduction_of(reduction, size_average, reduce)
    return _hinge_embedding(input, target, float(margin), reduction)


@op(promote="arith", name=reduced_name("ClampMinBackward0"))
def _margin_ranking(input1: Array, input2: Array, target: Array, margin: float, reduction: str):
    shape = broadcast_shapes(input1.shape, input2.shape, target.shape)
    input1, input2, target = (broadcast_to(x, shape) for x in (input1, input2, target))
    # clamped below at 0: torch lets the gradient through at the bound
    loss = floating(-target * (input1 - input2)) + margin
    return _reduce(clamp_min.body(loss, jnp.zeros((), loss.dtype)), reduction)


def margin_ranking_loss(
    input1, input2, target, margin: float = 0, size_average=None, reduce=None,
    reduction: str = "mean",
):  # fmt: skip
    """max(0, -target * (input1 - input2) + margin)."""
    reduction = reduction_of(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return _margin_ranking(input1, input2, target, float(margin), reduction)


@op(promote="arith", name=reduced_name("AddBackward0"))
def _cosine_embedding(input1: Array, input2: Array, target: Array, margin: float, reduction: str):
    eps = 1e-12
    input1, input2 = floating(input1), floating(input2)
    dot = (input1 * input2).sum(-1, dtype=input1.dtype)
    square1 = jnp.square(input1).sum(-1, dtype=input1.dtype) + eps
    square2 = jnp.square(input2).sum(-1, dtype=input2.dtype) + eps
    cosine = dot / jnp.sqrt(square1 * square2)
    shape = broadcast_shapes(cosine.shape, target.shape)
    cosine, target = broadcast_to(cosine, shape), broadcast_to(target, shape)
    zero = jnp.zeros((), cosine.dtype)
    away = cosine - margin
    loss = jnp.where(target == 1, 1 - cosine, zero)
    loss = loss + jnp.where(target == -1, clamp_min.body(away, zero), zero)
    return _reduce(loss, reduction)


def cosine_embedding_loss(
    input1, input2, target, margin: float = 0, size_average=None, reduce=None,
    reduction: str = "mean",
):  # fmt: skip
    """1 - cos where ``target`` is 1, max(0, cos - margin) where it is -1; of (N, D) or (D,)."""
    reduction = reduction_of(reduction, size_average, reduce)
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.ndim == 1 and (input1.ndim != 2 or input2.ndim != 2):
        raise RuntimeError(
            "1D target tensor expects 2D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    return _cosine_embedding(input1, input2, target, float(margin), reduction)


@op(promote="arith", name=reduced_name("ClampMinBackward0"))
def _triplet(near: Array, far: Array, margin: float, reduction: str):
    loss = near - far + margin
    return _reduce(clamp_min.body(loss, jnp.zeros((), loss.dtype)), reduction)


def triplet_margin_loss(
    anchor, positive, negative, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average=None, reduce=None, reduction: str = "mean",
):  # fmt: skip
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) of p-norm distances."""
    reduction = reduction_of(reduction, size_average, reduce)
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor, positive, negative, *, distance_function=None, margin: float = 1.0,
    swap: bool = False, reduction: str = "mean",
):  # fmt: skip
    """``triplet_margin_loss`` with a distance of one's own; ``swap`` also takes the positive's
    distance to the negative, if that is the smaller one (Balntas et al., BMVC 2016)."""
    reduction = reduction_of(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return _triplet(near, far, float(margin), reduction)


@op(promote="arith", name="SoftMarginLossBackward0")
def _soft_margin(input: Array, target: Array, reduction: str):
    shape = broadcast_shapes(input.shape, target.shape)
    input, target = broadcast_to(input, shape), broadcast_to(target, shape)
    return _reduce(jnp.log1p(jnp.exp(-target * input)), reduction)


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction: str = "mean"):
    """log(1 + exp(-target * input)), ``target`` being 1 or -1."""
    return _soft_margin(input, target, reduction_of(reduction, size_average, reduce))


@op(promote="arith", name=reduced_name("DivBackward0"))
def _multilabel_soft_margin(input: Array, target: Array, weight: Array | None, reduction: str):
    refuse(input, "biuc", "log_sigmoid_cpu")

    def log_sigmoid(x):
        return jnp.minimum(x, jnp.zeros((), x.dtype)) - jnp.log1p(jnp.exp(-x * jnp.sign(x)))

    loss = -(target * log_sigmoid(input) + (1 - target) * log_sigmoid(-input))
    if weight is not None:
        loss = loss * broadcast_to(weight, loss.shape)
    return _reduce(loss.sum(-1, dtype=loss.dtype) / loss.shape[-1], reduction)


def multilabel_soft_margin_loss(
    input, target, weight=None, size_average=None, reduce=None, reduction: str = "mean"
):
    """The mean over classes (the last dimension) of each one's binary cross-entropy of logits."""
    reduction = reduction_of(reduction, size_average, reduce)
    return _multilabel_soft_margin(input, target, weight, reduction)


def _check_scores(input) -> None:
    if input.ndim > 2 or input.ndim and input.shape[-1] == 0:
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}"
        )


@op(name="MultiMarginLossBackward0")
def _multi_margin(
    input: Array, target: Array, weight: Array | None, p: int, margin: float, reduction: str
):
    refuse(input, "biuc", "multi_margin_loss_cpu_kernel")
    _check_scores(input)
    x = input.reshape(1, -1) if input.ndim < 2 else input
    n, classes = x.shape
    if target.ndim > 1 or target.size != n:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input "
            f"samples (batch size). Expected target size [{n}], but got {list(target.shape)}. "
            f"Input has shape {list(input.shape)}."
        )
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"inconsistent weight size, expected {classes} but got {list(weight.shape)}"
        )
    if not jnp.issubdtype(target.dtype, jnp.integer):  # an int32 is a foreign trace's Long
        found = dtypes.from_numpy_dtype(target.dtype).legacy
        raise RuntimeError(f"expected scalar type Long but found {found}")
    given = target.reshape(n, 1).astype(index_dtype())
    at = jnp.clip(given, 0, classes - 1)
    right = jnp.take_along_axis(x, at, 1, mode="promise_in_bounds")
    gap = _hinge(margin - right + x)
    gap = gap * gap if p == 2 else gap
    if weight is not None:
        gap = gap * weight.at[at].get(mode="promise_in_bounds")
    own = lax.broadcasted_iota(at.dtype, x.shape, 1) == at
    loss = jnp.where(own, jnp.zeros((), x.dtype), gap).sum(1, dtype=x.dtype) / classes
    if reduction == "none" and input.ndim < 2:
        loss = loss.reshape(target.shape)
    out = _reduce(loss, reduction)
    return check(out, (given >= 0) & (given < classes), given, "target out of range", RuntimeError)


def multi_margin_loss(
    input, target, p: int = 1, margin: float = 1.0, weight=None, size_average=None, reduce=None,
    reduction: str = "mean",
):  # fmt: skip
    """The mean over the wrong classes of max(0, margin - input[right] + input[wrong]) ** p."""
    reduction = reduction_of(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    _targets.long_numbers(target)
    return _multi_margin(input, target, weight, p, float(margin), reduction)


@op(name="MultilabelMarginLossBackward0")
def _multilabel_margin(input: Array, target: Array, reduction: str):
    refuse(input, "biuc", "multilabel_margin_loss_forward_out_frame")
    _check_scores(input)
    if input.shape != target.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    x = input.reshape(1, -1) if input.ndim < 2 else input
    given = target.reshape(x.shape).astype(index_dtype())
    classes = x.shape[1]
    # the classes listed before the first -1
    listed = jnp.cumprod((given >= 0).astype(jnp.int32), 1, dtype=jnp.int32) > 0
    at = jnp.clip(given, 0, classes - 1)
    rows = lax.broadcasted_iota(at.dtype, at.shape, 0)
    right = jnp.zeros(x.shape, bool).at[rows, at].max(listed)
    scores = jnp.take_along_axis(x, at, 1, mode="promise_in_bounds")
    gap = _hinge(1 - scores[:, :, None] + x[:, None, :])
    counted = listed[:, :, None] & ~right[:, None, :]
    loss = jnp.where(counted, gap, jnp.zeros((), x.dtype)).sum((1, 2), dtype=x.dtype) / classes
    out = _reduce(loss.reshape(input.shape[:-1]), reduction)
    ok = (given >= -1) & (given < classes)
    return check(out, ok, given, "argument #2 'target' is out of range", RuntimeError)


def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction: str = "mean"):
    """The hinge between each right class, listed in ``target`` up to the first -1, and each wrong
    one, summed and divided by the number of classes; of (N, C) or (C,)."""
    return _multilabel_margin(input, target, reduction_of(reduction, size_average, reduce))
