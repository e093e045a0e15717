"""Writing to a whole tensor: one value (fill_, zero_), or what a Python function makes of it."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from jaxtorch.ops._op import Array, Scalar, op
from jaxtorch.ops._promote import cast, check_number, dtype_of
from jaxtorch.ops.data import wrap


@op(name="FillBackward0")
def fill(input: Array, value: Scalar):
    """``input`` with every element ``value``, a number or 0-dim tensor."""
    if value.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} "
            "dimensions."
        )
    return jnp.broadcast_to(cast(value, dtype_of(input)), input.shape)


@op(name="ZeroBackward0")
def _zeroed(input: Array):
    return jnp.zeros(input.shape, input.dtype)


def zero_(input):
    return _zeroed.inplace(input)


def fill_(input, value):
    """Every element ``value``, a number that the dtype holds or a 0-dim tensor."""
    check_number(value, input.dtype)
    return input._write(fill(input, value))


@op(name="FillDiagonalBackward0")
def _diagonal_filled(input: Array, value: Scalar, around: bool):
    if input.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if input.ndim > 2 and len(set(input.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    width = input.shape[-1]
    step = sum(math.prod(input.shape[d + 1 :]) for d in range(input.ndim))
    last = input.size if around or input.ndim > 2 else min(input.shape) * step
    places = np.arange(0, min(last, input.size), step)
    if input.ndim == 2 and around:  # below each square, one row is left out
        places = np.arange(0, input.size, width + 1)
    hit = np.zeros(input.size, bool)
    hit[places] = True
    return jnp.where(hit.reshape(input.shape), cast(value, dtype_of(input)), input)


def fill_diagonal_(input, fill_value, wrap: bool = False):
    """Write ``fill_value`` on the main diagonal, of tall matrices again and again if ``wrap``."""
    check_number(fill_value, input.dtype)
    return _diagonal_filled.inplace(input, fill_value, wrap)


def _mapped(input, others, function):
    """``function`` of Python numbers, called for each element of ``input`` and of ``others``."""
    wide = [np.broadcast_to(x.detach().numpy(), tuple(input.shape)) for x in others]
    columns = [input.detach().numpy().ravel().tolist(), *(w.ravel().tolist() for w in wide)]
    values = [function(*row) for row in zip(*columns, strict=True)]
    made = np.array(values, input.dtype.numpy).reshape(tuple(input.shape))
    if input.requires_grad:
        raise RuntimeError("Can't call a Python function on a Variable that requires grad.")
    return input._write(wrap(made))


def apply_(input, callable):
    """Each element replaced by ``callable`` of it, a Python function: slow, as in PyTorch."""
    return _mapped(input, (), callable)


def map_(input, tensor, callable):
    """Each element replaced by ``callable`` of it and of that of ``tensor``, broadcast."""
    return _mapped(input, (tensor,), callable)


def map2_(input, x, y, callable):
    return _mapped(input, (x, y), callable)
