"""``torch.nn.grad``: the gradients of a convolution, to its input and to its weight."""

from __future__ import annotations

from jaxtorch import autograd
from jaxtorch.nn import functional as F

__all__ = [
    "conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input",
    "conv3d_weight",
]  # fmt: skip


def _gradient(output, of, grad_output):
    return autograd.grad(output, of, grad_output, create_graph=autograd.is_grad_enabled())[0]


def _to_input(conv, input_size, weight, grad_output, stride, padding, dilation, groups):
    with autograd.enable_grad():
        input = weight.new_zeros(tuple(input_size)).requires_grad_()
        output = conv(input, weight, None, stride, padding, dilation, groups)
    return _gradient(output, input, grad_output)


def _to_weight(conv, input, weight_size, grad_output, stride, padding, dilation, groups):
    with autograd.enable_grad():
        weight = input.new_zeros(tuple(weight_size)).requires_grad_()
        output = conv(input, weight, None, stride, padding, dilation, groups)
    return _gradient(output, weight, grad_output)


def conv1d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    return _to_input(F.conv1d, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    return _to_weight(F.conv1d, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv2d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    return _to_input(F.conv2d, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    return _to_weight(F.conv2d, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv3d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    return _to_input(F.conv3d, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    return _to_weight(F.conv3d, input, weight_size, grad_output, stride, padding, dilation, groups)
