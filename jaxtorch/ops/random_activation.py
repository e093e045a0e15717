"""Activations that draw numbers: the randomized leaky relu, and samples of a relaxed category."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np

from jaxtorch import dtypes, random
from jaxtorch.engine.handles import Handles, node_of_array
from jaxtorch.ops._op import Array, op
from jaxtorch.ops._promote import not_implemented
from jaxtorch.ops.activation import softmax
from jaxtorch.ops.creation import zeros_like
from jaxtorch.ops.data import wrap
from jaxtorch.ops.sampling import exponential_, generator_of, is_staged
from jaxtorch.ops.scattering import scatter


@op(name="RreluWithNoiseBackward0")
def _rrelu(input: Array, lower: float, upper: float):
    """The leaky relu of the mean slope."""
    if input.dtype not in (jnp.float32, jnp.float64, jnp.bfloat16):
        raise not_implemented("rrelu_with_noise_out_cpu", input)
    return jnp.where(input <= 0, input * ((lower + upper) / 2), input)


@op(name="RreluWithNoiseBackward0")
def _rrelu_with(input: Array, slopes: Array):
    return input * slopes


def _slopes(input, lower, upper, generator):
    """A slope in [lower, upper] for each element that is not positive, 1 for the others.

    PyTorch draws for the former alone, in order, so that the values are looked at.
    """
    values = input.detach()
    if is_staged():
        x = values.jax()
        drawn = jax.random.uniform(random.trace_key(), x.shape, x.dtype, lower, upper)
        return Handles.wrap(node_of_array(jnp.where(x <= 0, drawn, 1)))
    flat = values.float().numpy() if input.dtype is dtypes.bfloat16 else values.cpu().numpy()
    low = np.asarray(flat) <= 0
    slopes = np.ones(low.shape, np.float64)
    gen = generator_of(input.device, generator)
    slopes[low] = random.uniform(gen, (int(low.sum()),), dtypes.float64, lower, upper)
    return wrap(slopes.astype(input.dtype.numpy), input.device)


def rrelu(
    input, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False,
    inplace: bool = False, *, generator=None,
):  # fmt: skip
    """input where positive, else input times a slope: random in [lower, upper] in training, their
    mean otherwise (arXiv:1505.00853)."""
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    result = _rrelu(input, float(lower), float(upper))  # refuses a dtype before a number is drawn
    if training:
        result = _rrelu_with(input, _slopes(input, float(lower), float(upper), generator))
    return input._write(result) if inplace else result


def rrelu_(
    input, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, *,
    generator=None,
):  # fmt: skip
    """``rrelu`` in place."""
    return rrelu(input, lower, upper, training, True, generator=generator)


def gumbel_softmax(logits, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1):
    """A sample along ``dim`` of the categories with these logits, relaxed to probabilities
    (arXiv:1611.00712); ``hard`` rounds it to one-hot and leaves its gradient."""
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    noise = -exponential_(zeros_like(logits)).log()
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    onehot = scatter(zeros_like(logits), dim, index, 1.0)
    return onehot - soft.detach() + soft
