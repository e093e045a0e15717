"""Dropout. The generator gives a seed where PyTorch's gives a mask; the mask is made on the device.

It is a hash of each element's position and the seed: a few integer operations, which XLA fuses into
the multiplication, where a threefry mask is a pass of its own. The seed is data, so a training step
compiles once.
"""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
from jax import lax

from jaxtorch import random
from jaxtorch.ops._op import Array, Scalar, op
from jaxtorch.ops.sampling import generator_of, is_staged
from jaxtorch.ops.shaping import clone


def seeds_for(input, numel: int | None = None, generator=None) -> tuple:
    """Two words of seed; the generator moves on as far as PyTorch's does for ``numel`` elements."""
    if is_staged():
        bits = jax.random.bits(random.trace_key(), (2,), jnp.uint32)
        return bits[0], bits[1]
    generator = generator_of(input.device, generator)
    batches = random.differing()
    seed = generator.dropout_seed(input.numel() if numel is None else numel)
    if batches:
        first = jnp.asarray(seed & 0xFFFFFFFF, jnp.uint32)
        for batch in batches:
            first = first * jnp.uint32(0x9E3779B9) + batch.index.astype(jnp.uint32)
        return first, seed >> 32
    return seed & 0xFFFFFFFF, seed >> 32


def _mixed(x):
    """A bijection of 32-bit words in which each bit sways all (constants: the hash prospector)."""
    x = x ^ (x >> jnp.uint32(16))
    x = x * jnp.uint32(0x7FEB352D)
    x = x ^ (x >> jnp.uint32(15))
    x = x * jnp.uint32(0x846CA68B)
    return x ^ (x >> jnp.uint32(16))


def random_words(shape: tuple, first, second):
    """A uniform 32-bit word for each element, from two words of seed."""
    size = 1
    place = jnp.zeros(shape, jnp.uint32)
    for d in reversed(range(len(shape))):
        place = place + lax.broadcasted_iota(jnp.uint32, shape, d) * jnp.uint32(size % 2**32)
        size *= shape[d]
    words = _mixed(place + first.astype(jnp.uint32))
    return _mixed(words ^ second.astype(jnp.uint32))


def keep_mask(shape: tuple, p, first, second):
    """True with probability 1 - p; ``p`` a traced number below 1."""
    # 24 bits, which float32 holds exactly: 64-bit types may be off
    level = jnp.round(p * 2**24).astype(jnp.uint32)
    return (random_words(shape, first, second) >> jnp.uint32(8)) >= level


def _scaled(shape, dtype, p, first, second):
    """PyTorch's noise: 1 / (1 - p), rounded in the input's dtype, or 0."""
    kept = 1 / (1 - p).astype(dtype)
    return jnp.where(keep_mask(shape, p, first, second), kept, jnp.zeros((), dtype))


@op(name="MulBackward0")
def _dropout(input: Array, p: Scalar, first: Scalar, second: Scalar):
    return input * _scaled(input.shape, input.dtype, p, first, second)


@op(name="FeatureDropoutBackward0")
def _feature_dropout(input: Array, p: Scalar, first: Scalar, second: Scalar):
    return input * _scaled(_channels(input), input.dtype, p, first, second)


def _channels(input) -> tuple:
    return (*input.shape[:2], *(1,) * (input.ndim - 2))


_ALPHA = 1.7580993408473766  # SELU's scale times its alpha: minus what dropped elements become


@op(name="AlphaDropoutBackward0")
def _alpha_dropout(input: Array, p: Scalar, first: Scalar, second: Scalar, channels: bool):
    shape = _channels(input) if channels else input.shape
    a = 1 / jnp.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    keep = keep_mask(shape, p, first, second)
    noise = jnp.where(keep, a, jnp.zeros((), a.dtype)).astype(input.dtype)
    shift = jnp.where(keep, _ALPHA * a * p, _ALPHA * a * (p - 1)).astype(input.dtype)
    return input * noise + shift


@op(name="MulBackward0")
def _all_dropped(input: Array):
    return input * jnp.zeros((), input.dtype)


def _check(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _applied(drop, input, p, training, inplace, *statics, channels=False):
    _check(p)
    if not input.dtype.is_floating_point and not input.dtype.is_complex and training and 0 < p < 1:
        raise RuntimeError(
            f"result type Float can't be cast to the desired output type {input.dtype.legacy}"
        )
    if not training or p == 0 or input.numel() == 0:
        return input if inplace else clone(input) if channels else input
    if p == 1:
        result = _all_dropped(input)
    else:
        if channels and input.ndim < 2:
            raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
        count = input.shape[0] * input.shape[1] if channels else input.numel()
        result = drop(input, float(p), *seeds_for(input, count), *statics)
    return input._write(result) if inplace else result


def dropout(input, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Each element zero with probability ``p``, the others scaled by ``1 / (1 - p)``.

    Drawn anew on each call from the default generator; without ``training``, ``input`` itself.
    """
    return _applied(_dropout, input, p, training, inplace)


def feature_dropout(input, p: float = 0.5, train: bool = True):
    """Whole channels, (N, C) of (N, C, ...), zero with probability ``p``."""
    return _applied(_feature_dropout, input, p, train, False, channels=True)


def _dropout_nd(name, ndim, input, p, training, inplace):
    _check(p)
    if input.ndim not in (ndim + 1, ndim + 2):
        message = (
            f"{name}: Received a {input.ndim}-D input to {name}, which is deprecated and will "
            "result in an error in a future release. To retain the behavior and silence this "
            f"warning, please use dropout instead. Note that {name} exists to provide channel-wise "
            f"dropout on inputs with {ndim} spatial dimension{'s' * (ndim > 1)}, a channel "
            f"dimension, and an optional batch dimension (i.e. {ndim + 1}D or {ndim + 2}D inputs)."
        )
        if ndim == 1:
            raise RuntimeError(
                f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note "
                "that " + message.partition("Note that ")[2]
            )
        warnings.warn(message, UserWarning, stacklevel=3)
    batched = True
    if ndim == 2 and input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. This behavior will change in a future release to interpret the input as one "
            "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead.",
            UserWarning,
            stacklevel=3,
        )
    elif ndim != 2:
        batched = input.ndim != ndim + 1
    if not batched:
        result = _applied(
            _feature_dropout, input.unsqueeze(0), p, training, False, channels=True
        ).squeeze(0)
        return input._write(result) if inplace else result
    return _applied(_feature_dropout, input, p, training, inplace, channels=True)


def dropout1d(input, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Whole channels of (N, C, L) or (C, L) zero with probability ``p``."""
    return _dropout_nd("dropout1d", 1, input, p, training, inplace)


def dropout2d(input, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Whole channels of (N, C, H, W) zero with probability ``p``."""
    return _dropout_nd("dropout2d", 2, input, p, training, inplace)


def dropout3d(input, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Whole channels of (N, C, D, H, W) or (C, D, H, W) zero with probability ``p``."""
    return _dropout_nd("dropout3d", 3, input, p, training, inplace)


def alpha_dropout(input, p: float = 0.5, training: bool = False, inplace: bool = False):
    """Dropout to SELU's negative saturation that keeps mean 0 and variance 1 (arXiv 1706.02515)."""
    return _applied(_alpha_dropout, input, p, training, inplace, False)


def feature_alpha_dropout(input, p: float = 0.5, training: bool = False, inplace: bool = False):
    """``alpha_dropout`` of whole channels."""
    return _applied(_alpha_dropout, input, p, training, inplace, True, channels=True)
