"""RMSprop (Hinton, lecture 6e of Neural Networks for Machine Learning)."""

from __future__ import annotations

import optax

from jaxtorch.optim.optimizer import Optimizer, check, check_flags, check_lr
from jaxtorch.optim.pieces import Number, add_decay, chain, count_steps, flip, is_zero
from jaxtorch.tensor import Tensor

__all__ = ["RMSprop", "rmsprop"]


def rmsprop(
    lr: Number = 1e-2,
    alpha: Number = 0.99,
    eps: Number = 1e-8,
    weight_decay: Number = 0.0,
    momentum: Number = 0.0,
    centered: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's RMSprop: eps is added after the root, and momentum collects scaled gradients."""
    scale = optax.scale_by_stddev if centered else optax.scale_by_rms
    return chain(
        flip(maximize),
        count_steps(),
        add_decay(weight_decay),
        scale(alpha, eps, eps_in_sqrt=False),
        None if is_zero(momentum) else optax.trace(momentum),
        optax.scale_by_learning_rate(lr),
    )


class RMSprop(Optimizer):
    """Gradients divided by the root of a moving average of their squares.

    `centered` divides by the standard deviation instead. ValueError for negative values.
    """

    _transformation = staticmethod(rmsprop)
    _options = {
        "lr": "number",
        "alpha": "number",
        "eps": "number",
        "weight_decay": "optional",
        "momentum": "optional",
        "centered": "flag",
        "maximize": "flag",
    }
    _leaf_names = {"nu": "square_avg", "mu": "grad_avg", "trace": "momentum_buffer"}

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_lr(lr)
        check(eps >= 0.0, "epsilon value", eps)
        check(momentum >= 0.0, "momentum value", momentum)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        check(alpha >= 0.0, "alpha value", alpha)
        check_flags("RMSprop", foreach=foreach, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        keys = ("square_avg",)
        if group["momentum"] > 0:
            keys += ("momentum_buffer",)
        return (*keys, "grad_avg") if group["centered"] else keys
