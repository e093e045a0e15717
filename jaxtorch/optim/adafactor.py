"""Adafactor (Shazeer and Stern, https://arxiv.org/abs/1804.04235)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxtorch.optim.optimizer import Optimizer, check_lr
from jaxtorch.optim.pieces import Number, chain, flip, is_zero, weak
from jaxtorch.tensor import Tensor

__all__ = ["Adafactor", "adafactor"]


class AdafactorState(NamedTuple):
    step: jax.Array
    row_var: optax.Params  # None for vectors
    col_var: optax.Params  # None for vectors
    variance: optax.Params  # None for matrices


def _factored(
    lr: Number, beta2_decay: Number, eps1: Number | None, eps2: Number, d: Number, decay: Number
) -> optax.GradientTransformation:
    def init(params):
        def zeros(of):
            def leaf(p):
                shape = _shapes(p.shape).get(of)
                return None if shape is None else jnp.zeros(shape, p.dtype)

            return jax.tree.map(leaf, params)

        return AdafactorState(
            jnp.zeros((), jnp.float32), zeros("row_var"), zeros("col_var"), zeros("variance")
        )

    def update(updates, state, params=None):
        step = state.step + 1
        count = weak(step)
        weight = count**beta2_decay
        rate = jnp.minimum(weak(lr), 1 / jnp.sqrt(count))

        def leaf(g, p, row, col, var):
            eps = jnp.finfo(p.dtype).eps if eps1 is None else eps1
            if g.ndim > 1:
                square = g * g
                row = row + weight * (square.mean(-1, keepdims=True) - row)
                col = col + weight * (square.mean(-2, keepdims=True) - col)
                estimate = row @ col / jnp.maximum(row.mean(-2, keepdims=True), eps)
            else:
                var = var + weight * (g * g - var)
                estimate = var
            update = jax.lax.rsqrt(jnp.maximum(estimate, eps * eps)) * g
            size = jnp.maximum(_rms(p), eps2) * rate
            update = -size / jnp.maximum(_rms(update) / d, 1.0) * update
            if not is_zero(decay):
                update = update - lr * decay * p
            return update, row, col, var

        flat, treedef = jax.tree.flatten(updates)
        columns = [treedef.flatten_up_to(t) for t in (params, *state[1:])]
        rows = [leaf(*row) for row in zip(flat, *columns, strict=True)]
        updates, *new = (treedef.unflatten(column) for column in zip(*rows, strict=True))
        return updates, AdafactorState(step, *new)

    return optax.GradientTransformation(init, update)


def _rms(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.mean(x * x))


def _shapes(shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The state's shapes: factors of the last two dimensions, or the whole of a vector."""
    if len(shape) < 2:
        return {"variance": shape}
    return {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}


def adafactor(
    lr: Number = 1e-2,
    beta2_decay: Number = -0.8,
    eps1: Number | None = None,
    eps2: Number = 1e-3,
    d: Number = 1.0,
    weight_decay: Number = 0.0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """PyTorch's Adafactor: `lr` bounds the relative step; eps1 is the dtype's eps by default."""
    return chain(flip(maximize), _factored(lr, beta2_decay, eps1, eps2, d, weight_decay))


class Adafactor(Optimizer):
    """Adam's second moment kept as the product of a column and a row, and no first moment.

    ValueError for values out of range; RuntimeError for complex parameters.
    """

    _transformation = staticmethod(adafactor)
    _options = {
        "lr": "number",
        "beta2_decay": "number",
        "eps": ("eps1", "eps2"),
        "d": "number",
        "weight_decay": "optional",
        "maximize": "flag",
    }

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ):
        check_lr(lr, text="Learning rate should be >= 0 but is")
        for holds, text, value in (
            (beta2_decay <= 0.0, "beta2_decay should be <= 0", beta2_decay),
            (eps[0] is None or eps[0] >= 0.0, "epsilon1 should be >= 0", eps[0]),
            (eps[1] >= 0.0, "epsilon2 should be >= 0", eps[1]),
            (d >= 1.0, "Clipping threshold d should be >= 1", d),
            (weight_decay >= 0.0, "weight_decay should be >= 0", weight_decay),
        ):
            if not holds:
                raise ValueError(f"{text} but is: {value}")
        super().__init__(
            params,
            {
                "lr": lr,
                "beta2_decay": beta2_decay,
                "eps": eps,
                "d": d,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
            },
        )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        return tuple(_shapes(tuple(param.shape)))

    def _new_state(self, group: dict, key: str, shape: tuple[int, ...], dtype) -> np.ndarray:
        if dtype.kind == "c":
            raise RuntimeError("Adafactor does not support complex parameters")
        return np.zeros(_shapes(shape)[key], dtype)
