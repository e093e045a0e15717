"""Averaged stochastic gradient descent (Polyak and Juditsky, SIAM J. Control 30, 1992)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxtorch.optim.optimizer import Optimizer, check, check_flags, check_lr
from jaxtorch.optim.pieces import Number, add_decay, chain, flip, weak
from jaxtorch.tensor import Tensor

__all__ = ["ASGD", "asgd"]


class ASGDState(NamedTuple):
    step: jax.Array
    eta: optax.Params  # a scalar for each parameter: its present learning rate
    mu: optax.Params  # a scalar for each parameter: the weight of the newest in the average
    ax: optax.Params  # the average


def _averaged(lr: Number, lambd: Number, alpha: Number, t0: Number) -> optax.GradientTransformation:
    def init(params):
        eta = jax.tree.map(lambda p: jnp.full((), lr, jnp.float32), params)
        mu = jax.tree.map(lambda p: jnp.ones((), jnp.float32), params)
        return ASGDState(jnp.zeros((), jnp.float32), eta, mu, optax.tree.zeros_like(params))

    def update(updates, state, params=None):
        step = state.step + 1
        count = weak(step)

        def descend(g, p, eta):
            eta = weak(eta)
            return -(lambd * eta) * p - eta * g

        updates = jax.tree.map(descend, updates, params, state.eta)
        ax = jax.tree.map(
            lambda a, p, u, mu: jnp.where(mu == 1, p + u, a + (p + u - a) * weak(mu)),
            state.ax,
            params,
            updates,
            state.mu,
        )
        eta = weak(lr) / (1 + lambd * lr * count) ** alpha
        mu = 1 / jnp.maximum(1.0, count - t0)
        etas = jax.tree.map(lambda old: jnp.asarray(eta, old.dtype), state.eta)
        mus = jax.tree.map(lambda old: jnp.asarray(mu, old.dtype), state.mu)
        return updates, ASGDState(step, etas, mus, ax)

    return optax.GradientTransformation(init, update)


def asgd(
    lr: Number = 1e-2,
    lambd: Number = 1e-4,
    alpha: Number = 0.75,
    t0: Number = 1e6,
    weight_decay: Number = 0.0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's ASGD; the average, from step t0 on, is `ax` in the state."""
    return chain(flip(maximize), add_decay(weight_decay), _averaged(lr, lambd, alpha, t0))


class ASGD(Optimizer):
    """Gradient descent with a falling rate, and the average of the parameters beside it.

    ValueError for a negative learning rate or weight decay.
    """

    _transformation = staticmethod(asgd)
    _asked_if_capturable = "params, mus, etas, and state_steps"
    _options = {
        "lr": "number",
        "lambd": "number",
        "alpha": "number",
        "t0": "number",
        "weight_decay": "optional",
        "maximize": "flag",
    }

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        check_lr(lr)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        check_flags("ASGD", foreach=foreach, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        return ("eta", "mu", "ax")

    def _new_state(self, group: dict, key: str, shape: tuple[int, ...], dtype) -> np.ndarray:
        if key == "eta":
            return np.asarray(float(group["lr"]), np.float32)
        if key == "mu":
            return np.ones((), np.float32)
        return np.zeros(shape, dtype)
