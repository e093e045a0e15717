"""SparseAdam: Adam that leaves the rows alone which a step has no gradient for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxtorch import autograd
from jaxtorch.optim import update
from jaxtorch.optim.adam import AdamState
from jaxtorch.optim.optimizer import Optimizer, check
from jaxtorch.optim.pieces import Number, bias_correction, chain, flip, weak
from jaxtorch.tensor import Tensor

__all__ = ["SparseAdam", "sparse_adam"]


def _moments_of_rows(
    lr: Number, b1: Number, b2: Number, eps: Number
) -> optax.GradientTransformation:
    """Adam's update, and its moments, of the rows whose gradient is not zero throughout."""

    def init(params):
        zeros = optax.tree.zeros_like
        return AdamState(jnp.zeros((), jnp.float32), zeros(params), zeros(params), ())

    def update(updates, state, params=None):
        step = state.step + 1
        step_size = weak(lr) * jnp.sqrt(bias_correction(b2, step)) / bias_correction(b1, step)

        def moved(old, new, weight, g):
            return jnp.where(_touched(g), old + (new - old) * (1 - weight), old)

        avg = jax.tree.map(lambda m, g: moved(m, g, b1, g), state.exp_avg, updates)
        avg_sq = jax.tree.map(lambda v, g: moved(v, g * g, b2, g), state.exp_avg_sq, updates)
        updates = jax.tree.map(
            lambda m, v, g: jnp.where(
                _touched(g), -step_size * m / (jnp.sqrt(v) + eps), jnp.zeros((), g.dtype)
            ),
            avg, avg_sq, updates,
        )  # fmt: skip
        return updates, AdamState(step, avg, avg_sq, ())

    return optax.GradientTransformation(init, update)


def _touched(g: jax.Array) -> jax.Array:
    return jnp.any(g != 0, axis=tuple(range(1, g.ndim)), keepdims=True)


def sparse_adam(
    lr: Number = 1e-3, b1: Number = 0.9, b2: Number = 0.999, eps: Number = 1e-8, *,
    maximize: bool = False,
) -> optax.GradientTransformation:  # fmt: skip
    """PyTorch's SparseAdam, on dense gradients of which most rows are zero."""
    return chain(flip(maximize), _moments_of_rows(lr, b1, b2, eps))


class SparseAdam(Optimizer):
    """Adam for the weights of an embedding with ``sparse=True``: rows that were not looked up keep
    their moments and their values.

    Gradients are dense here; a row belongs to the step if its gradient is not zero. For parameters
    of another kind ``step`` raises RuntimeError, as PyTorch's does: use Adam.
    """

    _transformation = staticmethod(sparse_adam)
    _options = {"lr": "number", "betas": ("b1", "b2"), "eps": "number", "maximize": "flag"}

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

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def step(self, closure: Callable | None = None) -> Any:
        loss = None
        if closure is not None:
            with autograd.enable_grad():
                loss = closure()
        if any(
            p.grad is not None and not p._meta.of_rows
            for group in self.param_groups for p in group["params"]
        ):  # fmt: skip
            raise RuntimeError(
                "SparseAdam does not support dense gradients, please consider Adam instead"
            )
        update.record_step(self)
        return loss
