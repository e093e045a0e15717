"""Resilient backpropagation (Riedmiller and Braun, ICNN 1993)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxtorch.optim.optimizer import Optimizer, check_flags, check_lr
from jaxtorch.optim.pieces import Number, chain, flip
from jaxtorch.tensor import Tensor

__all__ = ["Rprop", "rprop"]


class RpropState(NamedTuple):
    step: jax.Array
    prev: optax.Params
    step_size: optax.Params


def _resilient(
    lr: Number, shrink: Number, grow: Number, least: Number, most: Number
) -> optax.GradientTransformation:
    """optax.scale_by_rprop leaves the first step's sizes as they are; PyTorch clamps them."""

    def init(params):
        return RpropState(
            jnp.zeros((), jnp.float32),
            optax.tree.zeros_like(params),
            optax.tree.full_like(params, lr),
        )

    def update(updates, state, params=None):
        turns = jax.tree.map(lambda g, before: jnp.sign(g * before), updates, state.prev)
        sizes = jax.tree.map(
            lambda size, turn: jnp.clip(
                size * jnp.where(turn > 0, grow, jnp.where(turn < 0, shrink, 1.0)), least, most
            ),
            state.step_size,
            turns,
        )
        grads = jax.tree.map(lambda g, turn: jnp.where(turn < 0, 0.0, g), updates, turns)
        updates = jax.tree.map(lambda g, size: -jnp.sign(g) * size, grads, sizes)
        return updates, RpropState(state.step + 1, grads, sizes)

    return optax.GradientTransformation(init, update)


def rprop(
    lr: Number = 1e-2,
    eta_minus: Number = 0.5,
    eta_plus: Number = 1.2,
    min_step_size: Number = 1e-6,
    max_step_size: Number = 50.0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's Rprop; `lr` is the first step size, changed later by `eta_plus` and `eta_minus`."""
    return chain(flip(maximize), _resilient(lr, eta_minus, eta_plus, min_step_size, max_step_size))


class Rprop(Optimizer):
    """Steps of each element's own size, which only the signs of gradients change; for full batches.

    ValueError for a negative learning rate and for etas that do not enclose 1.
    """

    _transformation = staticmethod(rprop)
    _options = {
        "lr": "number",
        "etas": ("eta_minus", "eta_plus"),
        "step_sizes": ("min_step_size", "max_step_size"),
        "maximize": "flag",
    }

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        check_flags("Rprop", foreach=foreach, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        return ("prev", "step_size")

    def _new_state(self, group: dict, key: str, shape: tuple[int, ...], dtype) -> np.ndarray:
        if key == "prev":
            return np.zeros(shape, dtype)
        lr = float(group["lr"])
        return np.full(shape, complex(lr, lr) if dtype.kind == "c" else lr, dtype)
