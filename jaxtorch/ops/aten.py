"""torch's functions where nn.functional's of the same name take their arguments in another order.

Weights come first, reductions are numbers (0 none, 1 mean, 2 sum), and the ``native_`` ones also
give what their backward needs.
"""

from __future__ import annotations

import builtins
import math

import jax.numpy as jnp
from jax import lax

from jaxtorch import dtypes
from jaxtorch.engine.handles import Handles
from jaxtorch.ops import (
    _promote,
    activation,
    conv,
    dropout as drop,
    embedding as table,
    interpolation,
    loss,
    margin_loss,
    normalization as norm,
    vision,
)  # fmt: skip
from jaxtorch.ops._op import Array, Scalar, op
from jaxtorch.ops.creation import ones_like, zeros_like
from jaxtorch.ops.shaping import clone


def _overloads(*names: str):
    """Reached as ``torch.ops.aten.NAME.OVERLOAD`` too."""

    def named(function):
        for name in names:
            setattr(function, name, function)
        return function

    return named


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


def _native_batch_norm_legit(
    input, weight, bias, running_mean, running_var, training, momentum=None, eps=None, *, out=None
):
    """``native_batch_norm``, or without the two running statistics."""
    if eps is None:  # (input, weight, bias, training, momentum, eps)
        statistics, (training, momentum, eps) = (None, None), (running_mean, running_var, training)
        training = bool(training)
    else:
        statistics = running_mean, running_var
    return native_batch_norm(input, weight, bias, *statistics, training, momentum, eps, out=out)


@_overloads("default")
def _batch_norm_with_update(input, weight, bias, running_mean, running_var, momentum, eps):
    """``native_batch_norm`` in training, and bytes that the kernels of some devices keep."""
    made = native_batch_norm(input, weight, bias, running_mean, running_var, True, momentum, eps)
    return *made, input.new_empty((0,), dtype=dtypes.uint8)


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


# --- softmax ------------------------------------------------------------------------------------


def _softmax(input, dim: int, half_to_float: bool, *, out=None):
    """``softmax``; half_to_float is for kernels of CUDA."""
    return activation.softmax(input, dim, dtype=_widened(half_to_float, input), out=out)


def _log_softmax(input, dim: int, half_to_float: bool, *, out=None):
    """``log_softmax``; half_to_float is for kernels of CUDA."""
    return activation.log_softmax(input, dim, dtype=_widened(half_to_float, input), out=out)


def _widened(half_to_float: bool, input):
    if not half_to_float:
        return None
    if input.dtype is not dtypes.float16:
        raise RuntimeError("conversion is supported for Half type only")
    return dtypes.float32


@op(name="SafeSoftmaxBackward0")
def _rows_softmax(input: Array, dim: int):
    empty = jnp.all(input == -jnp.inf, dim, keepdims=True)
    soft = activation._softmax.body(jnp.where(empty, jnp.zeros_like(input), input), dim)
    return jnp.where(empty, jnp.zeros_like(soft), soft)


@_overloads("default")
def _safe_softmax(input, dim: int, dtype: dtypes.dtype | None = None):
    """``softmax``, and zeros where all along dim is -inf."""
    return _rows_softmax(input if dtype is None else input.to(dtype), dim)


@_overloads("default")
@op(name="SoftmaxBackwardDataBackward0", promote="arith")
def _softmax_backward_data(grad_output: Array, output: Array, dim: int, input_dtype: dtypes.dtype):
    """The gradient of ``softmax``, of which ``output`` is the result, in ``input_dtype``."""
    product = grad_output * output
    out = product - output * jnp.sum(product, dim, keepdims=True)
    return out.astype(input_dtype.numpy)


@_overloads("default")
@op(name="LogSoftmaxBackwardDataBackward0", promote="arith")
def _log_softmax_backward_data(
    grad_output: Array, output: Array, dim: int, input_dtype: dtypes.dtype
):
    """The gradient of ``log_softmax``, of which ``output`` is the result, in ``input_dtype``."""
    out = grad_output - jnp.exp(output) * jnp.sum(grad_output, dim, keepdims=True)
    return out.astype(input_dtype.numpy)


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


@_overloads("default")
@op(name="NativeDropoutBackwardBackward0")
def native_dropout_backward(grad_output: Array, mask: Array, scale: Scalar):
    """The gradient of ``native_dropout``."""
    wide = _promote.with_number(grad_output, 1.0)
    return _promote.cast(grad_output, wide) * mask * scale.astype(wide.numpy)


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


# --- pooling and parts --------------------------------------------------------------------------


@_overloads("default")
def max_pool2d_with_indices_backward(
    grad_output, input, kernel_size, stride, padding, dilation, ceil_mode: bool, indices
):
    """The gradient of ``max_pool2d``: each lands where its maximum was found."""
    flat = zeros_like(input).flatten(-2)
    return flat.scatter_add(-1, indices.flatten(-2), grad_output.flatten(-2)).view(input.shape)


@_overloads("Tensor")
def slice(input, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1):
    """The view ``input[start:end:step]`` along dim."""
    if input.ndim == 0:
        raise RuntimeError("slice() cannot be applied to a 0-dim tensor.")
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    return input[(builtins.slice(None),) * (dim % input.ndim) + (builtins.slice(start, end, step),)]


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


@_overloads("default", "vec")
def _upsample_bilinear2d_aa(
    input, output_size, align_corners: bool, scales_h=None, scales_w=None, *, scale_factors=None
):
    """``interpolate`` of images, bilinear and anti-aliased; to a size, or by factors."""
    if isinstance(scales_h, list | tuple):
        scale_factors, scales_h = scales_h, None
    if scale_factors is not None:
        return interpolation.interpolate(
            input, output_size, scale_factors, "bilinear", align_corners, antialias=True
        )
    size, factors = tuple(output_size), (scales_h, scales_w)
    return interpolation._interpolate(input, size, factors, "bilinear", bool(align_corners), True)


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
