"""What the transformations are built from, beside optax's own pieces."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

__all__ = ["add_decay", "bias_correction", "chain", "count_steps", "flip", "is_zero", "weak"]

Number = float | jax.Array


def weak(number: Number) -> Number:
    """A number in the widest float type at hand that takes on the dtype of the array it meets.

    Python floats behave so already. It lets `1 - beta` be formed in float64, as PyTorch does, and
    still leave float32 arrays float32.
    """
    if isinstance(number, int | float):
        return number
    widest = jnp.result_type(float)
    array = jnp.asarray(number).astype(widest)
    return jax.lax.convert_element_type_p.bind(
        array, new_dtype=widest, weak_type=True, sharding=None
    )


def is_zero(number: Number) -> bool:
    """Whether a hyperparameter is absent: a zero known while tracing leaves its term out."""
    return isinstance(number, int | float) and number == 0


def bias_correction(decay: Number, step: jax.Array) -> Number:
    """1 - decay**step as a weak number.

    Through expm1, because `1 - 0.999**step` keeps three digits in float32 (where the widest type
    is that one) and the first steps depend on all of them.
    """
    if is_zero(decay):
        return 1.0
    log = math.log(decay) if isinstance(decay, int | float) else jnp.log(decay)
    return weak(-jnp.expm1(weak(step) * log))


class StepState(NamedTuple):
    step: jax.Array


def count_steps() -> optax.GradientTransformation:
    """Leave the updates alone and count calls in a float32 `step`, the dtype of PyTorch's."""

    def init(params):
        return StepState(jnp.zeros((), jnp.float32))

    def update(updates, state, params=None):
        return updates, StepState(state.step + 1)

    return optax.GradientTransformation(init, update)


def flip(maximize: bool) -> optax.GradientTransformation | None:
    """Turn gradients around where the objective is to grow."""
    return optax.scale(-1.0) if maximize else None


def add_decay(weight_decay: Number) -> optax.GradientTransformation | None:
    """PyTorch's coupled weight decay: gradient + weight_decay * parameter."""
    return None if is_zero(weight_decay) else optax.add_decayed_weights(weight_decay)


def chain(*pieces: optax.GradientTransformation | None) -> optax.GradientTransformation:
    """optax.chain of the pieces that are there."""
    return optax.chain(*(piece for piece in pieces if piece is not None))
