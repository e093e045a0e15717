"""RAdam: Adam with a rectified variance (https://arxiv.org/abs/1908.03265)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxtorch.optim.optimizer import Optimizer, check, check_betas, check_flags, check_lr
from jaxtorch.optim.pieces import Number, add_decay, bias_correction, chain, flip, is_zero, weak
from jaxtorch.tensor import Tensor

__all__ = ["RAdam", "radam"]


class RAdamState(NamedTuple):
    step: jax.Array
    exp_avg: optax.Params
    exp_avg_sq: optax.Params


def _rectified_moments(
    lr: Number, b1: Number, b2: Number, eps: Number, decay: Number
) -> optax.GradientTransformation:
    """optax.scale_by_radam adds eps elsewhere; this is in the order of PyTorch's arithmetic."""

    def init(params):
        zeros = optax.tree.zeros_like
        return RAdamState(jnp.zeros((), jnp.float32), zeros(params), zeros(params))

    def update(updates, state, params=None):
        step = state.step + 1
        count = weak(step)
        correction1 = bias_correction(b1, step)
        correction2 = bias_correction(b2, step)
        longest = 2 / (1 - b2) - 1
        length = longest - 2 * count * (1 - correction2) / correction2
        rectified = length > 5.0
        # The branch not taken must not be the root of a negative number.
        safe = jnp.where(rectified, length, 6.0)
        rect = jnp.sqrt((safe - 4) * (safe - 2) * longest / ((longest - 4) * (longest - 2) * safe))
        root = jnp.sqrt(correction2)
        avg = jax.tree.map(lambda m, g: m + (1 - b1) * (g - m), state.exp_avg, updates)
        avg_sq = jax.tree.map(lambda v, g: v * b2 + (1 - b2) * g * g, state.exp_avg_sq, updates)

        def leaf(m, v):
            plain = m / correction1 * lr
            return -jnp.where(rectified, plain * (root / (jnp.sqrt(v) + eps)) * rect, plain)

        updates = jax.tree.map(leaf, avg, avg_sq)
        if not is_zero(decay):
            updates = jax.tree.map(lambda u, p: u - lr * decay * p, updates, params)
        return updates, RAdamState(step, avg, avg_sq)

    return optax.GradientTransformation(init, update)


def radam(
    lr: Number = 1e-3,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Number = 0.0,
    decoupled_weight_decay: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's RAdam: plain momentum until the variance estimate is long enough."""
    coupled, decoupled = (0.0, weight_decay) if decoupled_weight_decay else (weight_decay, 0.0)
    return chain(flip(maximize), add_decay(coupled), _rectified_moments(lr, b1, b2, eps, decoupled))


class RAdam(Optimizer):
    """Adam whose adaptive rate waits for a reliable variance. ValueError for bad numbers."""

    _transformation = staticmethod(radam)
    _options = {
        "lr": "number",
        "betas": ("b1", "b2"),
        "eps": "number",
        "weight_decay": "optional",
        "decoupled_weight_decay": "flag",
        "maximize": "flag",
    }

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
        check_flags("RAdam", foreach=foreach, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
            },
        )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")
