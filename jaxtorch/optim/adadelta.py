"""Adadelta (Zeiler, https://arxiv.org/abs/1212.5701)."""

from __future__ import annotations

import optax

from jaxtorch.optim.optimizer import Optimizer, check, check_flags, check_lr
from jaxtorch.optim.pieces import Number, add_decay, chain, count_steps, flip
from jaxtorch.tensor import Tensor

__all__ = ["Adadelta", "adadelta"]


def adadelta(
    lr: Number = 1.0,
    rho: Number = 0.9,
    eps: Number = 1e-6,
    weight_decay: Number = 0.0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's Adadelta, which is optax's with weight decay in the gradient."""
    return chain(
        flip(maximize),
        count_steps(),
        add_decay(weight_decay),
        optax.scale_by_adadelta(rho, eps),
        optax.scale_by_learning_rate(lr),
    )


class Adadelta(Optimizer):
    """Updates as large as past updates were, relative to past gradients.

    ValueError for negative values and for rho outside [0, 1].
    """

    _transformation = staticmethod(adadelta)
    _options = {
        "lr": "number",
        "rho": "number",
        "eps": "number",
        "weight_decay": "optional",
        "maximize": "flag",
    }
    _leaf_names = {"e_g": "square_avg", "e_x": "acc_delta"}

    def __init__(
        self,
        params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        check_lr(lr)
        check(0.0 <= rho <= 1.0, "rho value", rho)
        check(eps >= 0.0, "epsilon value", eps)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        check_flags("Adadelta", foreach=foreach, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")
