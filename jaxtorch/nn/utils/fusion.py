"""torch.nn.utils.fusion: a batch norm in evaluation folded into the layer before it."""

from __future__ import annotations

import copy

from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.parameter import Parameter
from jaxtorch.ops import creation, pointwise
from jaxtorch.tensor import Tensor

__all__ = [
    "fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights",
]  # fmt: skip


def _check(layer: Module, bn: Module) -> None:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")


def _statistics(bn: Module) -> tuple:
    return bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias


def _folded(weight: Tensor, bias: Tensor | None, mean, var, eps, scale, shift, shape):
    dtype = weight.dtype if bias is None else bias.dtype
    if bias is None:
        bias = creation.zeros_like(mean)
    factor = pointwise.rsqrt(var + eps)
    factor = factor if scale is None else factor * scale
    new_bias = (bias - mean) * factor
    new_bias = new_bias if shift is None else new_bias + shift
    return (
        Parameter((weight * factor.reshape(shape)).to(weight.dtype).detach(), weight.requires_grad),
        Parameter(new_bias.to(dtype).detach(), bias.requires_grad),
    )


def fuse_conv_bn_eval(conv: Module, bn: Module, transpose: bool = False) -> Module:
    """A copy of ``conv`` that does what ``bn(conv(x))`` does, both in evaluation."""
    _check(conv, bn)
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, *_statistics(bn), transpose
    )
    return fused


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
    bn_w: Tensor | None, bn_b: Tensor | None, transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of the fused convolution; ``transpose`` for a transposed one."""
    shape = [1] * conv_w.ndim
    shape[1 if transpose else 0] = -1
    return _folded(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, shape)


def fuse_linear_bn_eval(linear: Module, bn: Module) -> Module:
    """A copy of ``linear`` that does what ``bn(linear(x))`` does, both in evaluation."""
    _check(linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, "
            f"got linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(fused.weight, fused.bias, *_statistics(bn))
    return fused


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
    bn_w: Tensor, bn_b: Tensor,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of the fused linear layer."""
    return _folded(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, (-1, 1))
