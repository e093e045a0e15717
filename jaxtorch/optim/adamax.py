"""Adamax: Adam with the infinity norm (https://arxiv.org/abs/1412.6980, section 7)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxtorch.optim.optimizer import Optimizer, check, check_betas, check_flags, check_lr
from jaxtorch.optim.pieces import Number, add_decay, bias_correction, chain, flip, weak
from jaxtorch.tensor import Tensor

__all__ = ["Adamax", "adamax"]


class AdamaxState(NamedTuple):
    step: jax.Array
    exp_avg: optax.Params
    exp_inf: optax.Params


def _infinity_moments(
    lr: Number, b1: Number, b2: Number, eps: Number
) -> optax.GradientTransformation:
    def init(params):
        zeros = optax.tree.zeros_like
        return AdamaxState(jnp.zeros((), jnp.float32), zeros(params), zeros(params))

    def update(updates, state, params=None):
        step = state.step + 1
        rate = weak(lr) / bias_correction(b1, step)
        avg = jax.tree.map(lambda m, g: m + (1 - b1) * (g - m), state.exp_avg, updates)
        norm = jax.tree.map(
            lambda n, g: jnp.maximum(n * b2, jnp.abs(g) + eps), state.exp_inf, updates
        )
        updates = jax.tree.map(lambda m, n: -rate * m / n, avg, norm)
        return updates, AdamaxState(step, avg, norm)

    return optax.GradientTransformation(init, update)


def adamax(
    lr: Number = 2e-3,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Number = 0.0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's Adamax: eps is added to the gradient's magnitude, before the maximum."""
    return chain(flip(maximize), add_decay(weight_decay), _infinity_moments(lr, b1, b2, eps))


class Adamax(Optimizer):
    """Adam whose second moment is a decayed maximum. ValueError for values out of range."""

    _transformation = staticmethod(adamax)
    _options = {
        "lr": "number",
        "betas": ("b1", "b2"),
        "eps": "number",
        "weight_decay": "optional",
        "maximize": "flag",
    }

    def __init__(
        self,
        params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        check_lr(lr)
        check(eps >= 0.0, "epsilon value", eps)
        check_betas(betas)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        check_flags("Adamax", foreach=foreach, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")
