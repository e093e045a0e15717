"""Adam (Kingma and Ba, https://arxiv.org/abs/1412.6980) and its AMSGrad variant."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxtorch.optim.optimizer import Optimizer, check, check_betas, check_flags, check_lr
from jaxtorch.optim.pieces import Number, add_decay, bias_correction, chain, flip, is_zero, weak
from jaxtorch.tensor import Tensor

__all__ = ["Adam", "adam"]


class AdamState(NamedTuple):
    step: jax.Array
    exp_avg: optax.Params
    exp_avg_sq: optax.Params
    max_exp_avg_sq: optax.Params  # empty without amsgrad


def _moments(
    lr: Number, b1: Number, b2: Number, eps: Number, decay: Number, amsgrad: bool
) -> optax.GradientTransformation:
    """The update of Adam, in the order of PyTorch's arithmetic.

    optax.scale_by_adam corrects the moments, and its AMSGrad takes the maximum of corrected ones;
    PyTorch corrects the step size and the root, and takes the maximum of the raw ones.
    """

    def init(params):
        zeros = optax.tree.zeros_like
        top = zeros(params) if amsgrad else ()
        return AdamState(jnp.zeros((), jnp.float32), zeros(params), zeros(params), top)

    def update(updates, state, params=None):
        step = state.step + 1
        step_size = weak(lr) / bias_correction(b1, step)
        root = jnp.sqrt(bias_correction(b2, step))
        avg = jax.tree.map(lambda m, g: m + (1 - b1) * (g - m), state.exp_avg, updates)
        avg_sq = jax.tree.map(lambda v, g: v * b2 + (1 - b2) * g * g, state.exp_avg_sq, updates)
        top = jax.tree.map(jnp.maximum, state.max_exp_avg_sq, avg_sq) if amsgrad else ()
        updates = jax.tree.map(
            lambda m, v: -step_size * m / (jnp.sqrt(v) / root + eps),
            avg,
            top if amsgrad else avg_sq,
        )
        if not is_zero(decay):
            updates = jax.tree.map(lambda u, p: u - lr * decay * p, updates, params)
        return updates, AdamState(step, avg, avg_sq, top)

    return optax.GradientTransformation(init, update)


def adam(
    lr: Number = 1e-3,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Number = 0.0,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
    decoupled_weight_decay: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's Adam; with `decoupled_weight_decay` its AdamW."""
    if decoupled_weight_decay:
        return chain(flip(maximize), _moments(lr, b1, b2, eps, weight_decay, amsgrad))
    return chain(flip(maximize), add_decay(weight_decay), _moments(lr, b1, b2, eps, 0.0, amsgrad))


def _check_beta_tensors(betas, refused: bool | None) -> None:
    if isinstance(betas[0], Tensor) != isinstance(betas[1], Tensor):
        raise ValueError("betas must be either both floats or both Tensors")
    for i, beta in enumerate(betas):
        if isinstance(beta, Tensor):
            if refused:
                raise ValueError(
                    f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True"
                )
            if beta.numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element")


class Adam(Optimizer):
    """Adam with bias correction; `weight_decay` is added to the gradient (see AdamW for the other).

    ValueError for negative values and for betas outside [0, 1).
    """

    _transformation = staticmethod(adam)
    _options = {
        "lr": "number",
        "betas": ("b1", "b2"),
        "eps": "number",
        "weight_decay": "optional",
        "amsgrad": "flag",
        "maximize": "flag",
        "decoupled_weight_decay": "flag",
    }

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        name = type(self).__name__
        check_flags(name, foreach=foreach, differentiable=differentiable, fused=fused)
        check_lr(lr, foreach=foreach, capturable=capturable)
        check(eps >= 0.0, "epsilon value", eps)
        check_betas(betas)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        _check_beta_tensors(betas, foreach and not capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": tuple(betas),
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        if group["amsgrad"]:
            return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
        return ("exp_avg", "exp_avg_sq")
