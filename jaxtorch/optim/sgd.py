"""Stochastic gradient descent with momentum (Sutskever et al., ICML 2013)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxtorch.optim.optimizer import Optimizer, check, check_flags, check_lr
from jaxtorch.optim.pieces import Number, add_decay, chain, flip, is_zero
from jaxtorch.tensor import Tensor

__all__ = ["SGD", "sgd"]


class DampenedTraceState(NamedTuple):
    started: jax.Array
    trace: optax.Params


def dampened_trace(
    momentum: Number, dampening: Number, nesterov: bool = False
) -> optax.GradientTransformation:
    """optax.trace where all gradients but the first are scaled by `1 - dampening`."""

    def init(params):
        return DampenedTraceState(jnp.zeros((), jnp.float32), optax.tree.zeros_like(params))

    def update(updates, state, params=None):
        gain = jnp.where(state.started > 0, 1 - dampening, 1.0)
        trace = jax.tree.map(lambda g, t: momentum * t + gain * g, updates, state.trace)
        if nesterov:
            updates = jax.tree.map(lambda g, t: g + momentum * t, updates, trace)
        else:
            updates = trace
        return updates, DampenedTraceState(jnp.ones((), jnp.float32), trace)

    return optax.GradientTransformation(init, update)


def sgd(
    lr: Number = 1e-3,
    momentum: Number = 0.0,
    dampening: Number = 0.0,
    weight_decay: Number = 0.0,
    nesterov: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's SGD. The learning rate scales the momentum, not what is put into it."""
    trace = None
    if not is_zero(momentum):
        if is_zero(dampening):
            trace = optax.trace(momentum, nesterov)
        else:
            trace = dampened_trace(momentum, dampening, nesterov)
    return chain(flip(maximize), add_decay(weight_decay), trace, optax.scale_by_learning_rate(lr))


class SGD(Optimizer):
    """Stochastic gradient descent, optionally with momentum, dampening and Nesterov's look ahead.

    Args: `params` Tensors, (name, Tensor) pairs or group dicts. ValueError for negative values,
    and for `nesterov` without momentum or with dampening.
    """

    _transformation = staticmethod(sgd)
    _options = {
        "lr": "number",
        "momentum": "optional",
        "dampening": "optional",
        "weight_decay": "optional",
        "nesterov": "flag",
        "maximize": "flag",
    }
    _leaf_names = {"trace": "momentum_buffer"}
    _counts_steps = False

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        check_lr(lr)
        check(momentum >= 0.0, "momentum value", momentum)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_flags("SGD", foreach=foreach, differentiable=differentiable, fused=fused)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()
