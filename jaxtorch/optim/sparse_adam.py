"""SparseAdam: PyTorch's Adam for sparse gradients, of which there are none here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from jaxtorch import autograd
from jaxtorch.optim.optimizer import Optimizer, check
from jaxtorch.tensor import Tensor

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Takes sparse gradients only, as in PyTorch. Gradients are dense here, so that ``step`` raises
    RuntimeError for every parameter that has one, as PyTorch's does: use Adam."""

    def __init__(
        self, params: Iterable, lr: float | Tensor = 1e-3, betas=(0.9, 0.999), eps: float = 1e-8,
        maximize: bool = False,
    ):  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        check(0.0 < lr, "learning rate", lr)
        check(0.0 < eps, "epsilon value", eps)
        for i in (0, 1):
            check(0.0 <= betas[i] < 1.0, f"beta parameter at index {i}", betas[i])
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        complex_params = [
            [i, j]
            for i, group in enumerate(self.param_groups)
            for j, param in enumerate(group["params"])
            if param.is_complex()
        ]
        if complex_params:
            raise ValueError(
                f"Complex params at indices {complex_params}: SparseAdam does not support complex "
                "parameters"
            )

    def step(self, closure: Callable | None = None):
        loss = None
        if closure is not None:
            with autograd.enable_grad():
                loss = closure()
        if any(p.grad is not None for group in self.param_groups for p in group["params"]):
            raise RuntimeError(
                "SparseAdam does not support dense gradients, please consider Adam instead"
            )
        return loss
