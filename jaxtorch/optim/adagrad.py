"""Adagrad (Duchi, Hazan and Singer, JMLR 12, 2011)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxtorch.optim.optimizer import Optimizer, check, check_flags, check_lr
from jaxtorch.optim.pieces import Number, add_decay, chain, flip, weak
from jaxtorch.tensor import Tensor

__all__ = ["Adagrad", "adagrad"]


class AdagradState(NamedTuple):
    step: jax.Array
    sum: optax.Params


def _accumulate(
    lr: Number, lr_decay: Number, initial: float, eps: Number
) -> optax.GradientTransformation:
    """optax.scale_by_rss adds eps inside the root; PyTorch adds it outside."""

    def init(params):
        return AdagradState(jnp.zeros((), jnp.float32), optax.tree.full_like(params, initial))

    def update(updates, state, params=None):
        step = state.step + 1
        rate = weak(lr) / (1 + weak(step - 1) * lr_decay)
        total = jax.tree.map(lambda s, g: s + g * g, state.sum, updates)
        updates = jax.tree.map(lambda g, s: -rate * g / (jnp.sqrt(s) + eps), updates, total)
        return updates, AdagradState(step, total)

    return optax.GradientTransformation(init, update)


def adagrad(
    lr: Number = 1e-2,
    lr_decay: Number = 0.0,
    weight_decay: Number = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: Number = 1e-10,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's Adagrad; `lr_decay` lowers the rate to lr / (1 + (step - 1) * lr_decay)."""
    return chain(
        flip(maximize),
        add_decay(weight_decay),
        _accumulate(lr, lr_decay, initial_accumulator_value, eps),
    )


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares so far.

    As in PyTorch its state exists from the start. ValueError for negative values.
    """

    _transformation = staticmethod(adagrad)
    _options = {
        "lr": "number",
        "lr_decay": "number",
        "weight_decay": "optional",
        "eps": "number",
        "maximize": "flag",
    }

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        check_lr(lr)
        check(lr_decay >= 0.0, "lr_decay value", lr_decay)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        check(
            initial_accumulator_value >= 0.0,
            "initial_accumulator_value value",
            initial_accumulator_value,
        )
        check(eps >= 0.0, "epsilon value", eps)
        check_flags("Adagrad", foreach=foreach, differentiable=differentiable, fused=fused)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        for group in self.param_groups:
            for param in group["params"]:
                self._init_state(group, param)

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        return ("sum",)

    def _new_state(self, group: dict, key: str, shape: tuple[int, ...], dtype) -> np.ndarray:
        value = self.defaults["initial_accumulator_value"]
        return np.full(shape, complex(value, value) if dtype.kind == "c" else value, dtype)
