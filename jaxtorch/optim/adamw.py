"""Adam with decoupled weight decay (Loshchilov and Hutter, https://arxiv.org/abs/1711.05101)."""

from __future__ import annotations

import optax

from jaxtorch.optim.adam import Adam, adam
from jaxtorch.optim.pieces import Number

__all__ = ["AdamW", "adamw"]


def adamw(
    lr: Number = 1e-3,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Number = 1e-2,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's AdamW: parameters shrink by `lr * weight_decay`, moments never see the decay."""
    return adam(
        lr, b1, b2, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True
    )


class AdamW(Adam):
    """Adam whose weight decay acts on the parameters themselves."""

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        # A state_dict saved before PyTorch had the flag, or by Adam, must not turn AdamW into Adam.
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
