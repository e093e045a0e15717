"""NAdam: Adam with Nesterov momentum (Dozat, ICLR 2016 workshop)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxtorch.optim.optimizer import Optimizer, check, check_betas, check_flags, check_lr
from jaxtorch.optim.pieces import Number, add_decay, bias_correction, chain, flip, is_zero, weak
from jaxtorch.tensor import Tensor

__all__ = ["NAdam", "nadam"]


class NAdamState(NamedTuple):
    step: jax.Array
    mu_product: optax.Params  # a scalar for each parameter
    exp_avg: optax.Params
    exp_avg_sq: optax.Params


def _nesterov_moments(
    lr: Number, b1: Number, b2: Number, eps: Number, momentum_decay: Number, decay: Number
) -> optax.GradientTransformation:
    def init(params):
        zeros = optax.tree.zeros_like
        ones = jax.tree.map(lambda p: jnp.ones((), jnp.float32), params)
        return NAdamState(jnp.zeros((), jnp.float32), ones, zeros(params), zeros(params))

    def update(updates, state, params=None):
        step = state.step + 1
        count = weak(step)
        mu = b1 * (1.0 - 0.5 * 0.96 ** (count * momentum_decay))
        mu_next = b1 * (1.0 - 0.5 * 0.96 ** ((count + 1) * momentum_decay))
        correction = bias_correction(b2, step)
        products = jax.tree.map(lambda m: m * mu, state.mu_product)
        avg = jax.tree.map(lambda m, g: m + (1 - b1) * (g - m), state.exp_avg, updates)
        avg_sq = jax.tree.map(lambda v, g: v * b2 + (1 - b2) * g * g, state.exp_avg_sq, updates)

        def leaf(g, m, v, product):
            product = weak(product)
            root = jnp.sqrt(v / correction) + eps
            now = -lr * (1.0 - mu) / (1.0 - product)
            ahead = -lr * mu_next / (1.0 - product * mu_next)
            return now * g / root + ahead * m / root

        updates = jax.tree.map(leaf, updates, avg, avg_sq, products)
        if not is_zero(decay):
            updates = jax.tree.map(lambda u, p: u - lr * decay * p, updates, params)
        return updates, NAdamState(step, products, avg, avg_sq)

    return optax.GradientTransformation(init, update)


def nadam(
    lr: Number = 2e-3,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Number = 0.0,
    momentum_decay: Number = 4e-3,
    decoupled_weight_decay: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's NAdam, whose momentum warms up by `momentum_decay`."""
    coupled, decoupled = (0.0, weight_decay) if decoupled_weight_decay else (weight_decay, 0.0)
    return chain(
        flip(maximize),
        add_decay(coupled),
        _nesterov_moments(lr, b1, b2, eps, momentum_decay, decoupled),
    )


class NAdam(Optimizer):
    """Adam that looks ahead along its momentum. ValueError for values out of range."""

    _transformation = staticmethod(nadam)
    _asked_if_capturable = "params, mu_products and state_steps"
    _options = {
        "lr": "number",
        "betas": ("b1", "b2"),
        "eps": "number",
        "weight_decay": "optional",
        "momentum_decay": "number",
        "decoupled_weight_decay": "flag",
        "maximize": "flag",
    }

    def __init__(
        self,
        params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        check_lr(lr)
        check(eps >= 0.0, "epsilon value", eps)
        check_betas(betas)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        check(momentum_decay >= 0.0, "momentum_decay value", momentum_decay)
        check_flags("NAdam", foreach=foreach, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        return ("mu_product", "exp_avg", "exp_avg_sq")

    def _new_state(self, group: dict, key: str, shape: tuple[int, ...], dtype) -> np.ndarray:
        if key == "mu_product":
            return np.ones((), np.float32)
        return np.zeros(shape, dtype)
