"""torch's functions where nn.functional's of the same name take their arguments in another order.

Weights come first, reductions are numbers (0 none, 1 mean, 2 sum), and the ``native_`` ones also
give what their backward needs.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.engine.handles import Handles
from jaxtorch.ops import (
    conv,
    dropout as drop,
    embedding as table,
    loss,
    margin_loss,
    normalization as norm,
    vision,
)  # fmt: skip
from jaxtorch.ops._op import Array, Scalar, op
from jaxtorch.ops.creation import ones_like, zeros_like
from jaxtorch.ops.shaping import clone

REDUCTIONS = ("none", "mean", "sum")
MEAN = 1


def _reduction(number: int) -> str:
    if number not in (0, 1, 2):
        raise ValueError(f"{number} is not a valid value for reduction")
    return REDUCTIONS[number]


# --- normalisations -----------------------------------------------------------------------------


def batch_norm(
    input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled=True
):
    """``nn.functional.batch_norm``."""
    return norm.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps,
    cudnn_enabled=True,
):  # fmt: skip
    """``nn.functional.instance_norm``."""
    return norm.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


@op(nondiff=True)
def _statistics(input: Array, axes: tuple[int, ...], eps: float):
    """As ``_statistics_of_groups``, without a gradient: torch's layers and batches have none."""
    return _statistics_of_groups.body(lax.stop_gradient(input), axes, eps)


@op(name="NativeGroupNormBackward0")
def _statistics_of_groups(input: Array, axes: tuple[int, ...], eps: float):
    """Mean and one over the deviation over ``axes``, which are kept."""
    (x,) = norm._wide(input)
    mean, variance = norm._moments(x, axes)
    return mean.astype(input.dtype), lax.rsqrt(variance + eps).astype(input.dtype)


def native_batch_norm(
    input, weight, bias, running_mean, running_var, training: bool, momentum: float, eps: float,
    *, out=None,
):  # fmt: skip
    """(``batch_norm``, the batch's means, one over its deviations); the latter empty in
    evaluation."""
    made = norm.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if training:
        mean, rate = _statistics(input, (0, *range(2, input.ndim)), eps)
        result = made, mean.reshape(-1), rate.reshape(-1)
    else:
        result = made, input.new_empty((0,)), input.new_empty((0,))
    return result if out is None else Handles.assign_out(result, out)


def native_layer_norm(input, normalized_shape, weight, bias, eps: float):
    """(``layer_norm``, means, one over deviations), the last dimensions kept as ones."""
    out = norm.layer_norm(input, normalized_shape, weight, bias, eps)
    depth = 1 if isinstance(normalized_shape, int) else len(normalized_shape)
    return out, *_statistics(input, tuple(range(input.ndim - depth, input.ndim)), eps)


def native_group_norm(input, weight, bias, N: int, C: int, HxW: int, group: int, eps: float):
    """(``group_norm``, means, one over deviations), the latter (N, group)."""
    if (N, C, HxW) != (*input.shape[:2], math.prod(input.shape[2:])):
        raise RuntimeError(
            f"native_group_norm: N={N}, C={C}, HxW={HxW} do not fit an input of shape "
            f"{list(input.shape)}"
        )
    out = norm.group_norm(input, group, weight, bias, eps)
    mean, rate = _statistics_of_groups(input.reshape(N, group, C // group * HxW), (2,), eps)
    return out, mean.squeeze(2), rate.squeeze(2)


# --- dropout ------------------------------------------------------------------------------------


@op(name="NativeDropoutBackward0")
def _native_dropout(input: Array, p: Scalar, first: Scalar, second: Scalar):
    keep = drop.keep_mask(input.shape, p, first, second)
    scale = 1 / (1 - p).astype(input.dtype)
    return input * jnp.where(keep, scale, jnp.zeros((), input.dtype)), keep


def native_dropout(input, p: float, train: bool | None):
    """(``dropout``, True where an element was kept)."""
    drop._check(p)
    if train is False or p == 0 or input.numel() == 0:
        return clone(input), ones_like(input, dtype=dtypes.bool)
    if p == 1:
        return drop._all_dropped(input), zeros_like(input, dtype=dtypes.bool)
    return _native_dropout(input, float(p), *drop.seeds_for(input))


def dropout_(input, p: float, train: bool):
    """``dropout`` in place."""
    return drop.dropout(input, p, train, True)


def alpha_dropout_(input, p: float, train: bool):
    """``alpha_dropout`` in place."""
    return drop.alpha_dropout(input, p, train, True)


def feature_dropout_(input, p: float, train: bool):
    """``feature_dropout`` in place."""
    return input._write(drop.feature_dropout(input, p, train))


def feature_alpha_dropout_(input, p: float, train: bool):
    """``feature_alpha_dropout`` in place."""
    return drop.feature_alpha_dropout(input, p, train, True)


# --- tables -------------------------------------------------------------------------------------


def embedding(
    weight, indices, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
):
    """``nn.functional.embedding``; a ``padding_idx`` of -1 means none."""
    padding = None if padding_idx == -1 else padding_idx
    return table.embedding(
        indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse
    )


def embedding_renorm_(weight, indices, max_norm: float, norm_type: float):
    """``weight`` with those rows that ``indices`` names scaled down to ``max_norm``, in place."""
    table._renorm(weight, indices, max_norm, norm_type)
    return weight


# --- convolution --------------------------------------------------------------------------------


def convolution(
    input, weight, bias, stride, padding, dilation, transposed: bool, output_padding, groups: int
):
    """``conv1d`` to ``conv3d``, or their transposes, by the weight's number of dimensions."""
    ndim = weight.ndim - 2
    if not 1 <= ndim <= 3:
        raise RuntimeError(f"convolution expects a weight of 3 to 5 dimensions, got {weight.ndim}")
    if transposed:
        function = (conv.conv_transpose1d, conv.conv_transpose2d, conv.conv_transpose3d)[ndim - 1]
        return function(
            input, weight, bias, tuple(stride), tuple(padding), tuple(output_padding), groups,
            tuple(dilation),
        )  # fmt: skip
    function = (conv.conv1d, conv.conv2d, conv.conv3d)[ndim - 1]
    return function(input, weight, bias, tuple(stride), tuple(padding), tuple(dilation), groups)


# --- images -------------------------------------------------------------------------------------


def affine_grid_generator(theta, size, align_corners: bool):
    """``nn.functional.affine_grid``."""
    return vision.affine_grid(theta, size, align_corners)


def grid_sampler(input, grid, interpolation_mode: int, padding_mode: int, align_corners: bool):
    """``nn.functional.grid_sample``, modes by number: bilinear, nearest, bicubic; zeros, border,
    reflection."""
    mode = ("bilinear", "nearest", "bicubic")[interpolation_mode]
    padding = ("zeros", "border", "reflection")[padding_mode]
    return vision.grid_sample(input, grid, mode, padding, align_corners)


def grid_sampler_2d(input, grid, interpolation_mode: int, padding_mode: int, align_corners: bool):
    """``grid_sampler`` of images."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(input, grid, interpolation_mode: int, padding_mode: int, align_corners: bool):
    """``grid_sampler`` of volumes."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


# --- losses -------------------------------------------------------------------------------------


def kl_div(input, target, reduction: int = MEAN, *, log_target: bool = False):
    """``nn.functional.kl_div``."""
    return loss._kl_div(input, target, bool(log_target), _reduction(reduction))


def poisson_nll_loss(input, target, log_input: bool, full: bool, eps: float, reduction: int):
    """``nn.functional.poisson_nll_loss``."""
    return loss.poisson_nll_loss(
        input, target, log_input, full, eps=eps, reduction=_reduction(reduction)
    )


def cosine_embedding_loss(input1, input2, target, margin: float = 0.0, reduction: int = MEAN):
    """``nn.functional.cosine_embedding_loss``."""
    return margin_loss.cosine_embedding_loss(
        input1, input2, target, margin, reduction=_reduction(reduction)
    )


def hinge_embedding_loss(input, target, margin: float = 1.0, reduction: int = MEAN):
    """``nn.functional.hinge_embedding_loss``."""
    return margin_loss.hinge_embedding_loss(input, target, margin, reduction=_reduction(reduction))


def margin_ranking_loss(input1, input2, target, margin: float = 0.0, reduction: int = MEAN):
    """``nn.functional.margin_ranking_loss``."""
    return margin_loss.margin_ranking_loss(
        input1, input2, target, margin, reduction=_reduction(reduction)
    )


def triplet_margin_loss(
    anchor, positive, negative, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: int = MEAN,
):  # fmt: skip
    """``nn.functional.triplet_margin_loss``."""
    return margin_loss.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=_reduction(reduction)
    )
