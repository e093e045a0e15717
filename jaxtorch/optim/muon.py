"""Muon: momentum made orthogonal (Jordan, https://kellerjordan.github.io/posts/muon/)."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxtorch.optim.optimizer import Optimizer, check_lr
from jaxtorch.optim.pieces import Number, is_zero
from jaxtorch.tensor import Tensor

__all__ = ["Muon", "muon"]

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class MuonState(NamedTuple):
    momentum_buffer: optax.Params


def orthogonalize(
    matrix: jax.Array, coefficients: tuple[float, float, float], eps: Number, steps: int
) -> jax.Array:
    """Towards U V^T of a matrix's singular values, by Newton-Schulz steps in bfloat16.

    Each sum with a product is rounded once, as PyTorch's ``addmm`` is: the steps make much of a
    rounding (0.15 of 0.98 in a (3, 4) matrix, where each term was rounded by itself).
    """
    a, b, c = coefficients
    wide = matrix.shape[0] <= matrix.shape[1]
    x = _rounded((matrix if wide else matrix.T).astype(jnp.float32))
    norm = _rounded(jnp.sqrt(jnp.sum(jnp.square(x))))
    x = _rounded(x / jnp.maximum(norm, _rounded(jnp.asarray(eps, jnp.float32))))
    for _ in range(steps):
        gram = _rounded(_product(x, x.T))
        x = _rounded(a * x + _product(_rounded(b * gram + c * _product(gram, gram)), x))
    return x if wide else x.T


def _rounded(x: jax.Array) -> jax.Array:
    """A float32 array of bfloat16's values. (XLA may leave out a conversion there and back.)"""
    return jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(*(x.astype(jnp.bfloat16) for x in (a, b)), preferred_element_type=jnp.float32)


def muon(
    lr: Number = 1e-3,
    weight_decay: Number = 0.1,
    momentum: Number = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[float, float, float] = COEFFICIENTS,
    eps: Number = 1e-7,
    ns_steps: int = 5,
    adjust_lr_fn: str | None = None,
) -> optax.GradientTransformation:
    """PyTorch's Muon, for matrices. `adjust_lr_fn` fits the rate to a matrix's shape.

    None or "original": sqrt(max(1, rows / columns)); "match_rms_adamw": 0.2 * sqrt(larger side).
    """

    def init(params):
        return MuonState(optax.tree.zeros_like(params))

    def update(updates, state, params=None):
        buffer = jax.tree.map(
            lambda b, g: b + (1 - momentum) * (g - b), state.momentum_buffer, updates
        )
        if nesterov:
            updates = jax.tree.map(lambda g, b: g + momentum * (b - g), updates, buffer)
        else:
            updates = buffer

        def leaf(u, p):
            rows, columns = p.shape
            if adjust_lr_fn == "match_rms_adamw":
                ratio = 0.2 * math.sqrt(max(rows, columns))
            else:
                ratio = math.sqrt(max(1, rows / columns))
            step = orthogonalize(u, ns_coefficients, eps, ns_steps).astype(p.dtype)
            step = -(lr * ratio) * step
            return step if is_zero(weight_decay) else step - lr * weight_decay * p

        return jax.tree.map(leaf, updates, params), MuonState(buffer)

    return optax.GradientTransformation(init, update)


class Muon(Optimizer):
    """Momentum whose matrices are made orthogonal before they are applied.

    ValueError for parameters that are not matrices and for values out of range.
    """

    _transformation = staticmethod(muon)
    _options = {
        "lr": "number",
        "weight_decay": "optional",
        "momentum": "number",
        "nesterov": "flag",
        "ns_coefficients": "flag",
        "eps": "number",
        "ns_steps": "flag",
        "adjust_lr_fn": "flag",
    }
    _counts_steps = False

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = COEFFICIENTS,
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ):
        check_lr(lr, text="Learning rate should be >= 0 but is")
        if not momentum >= 0.0:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        if ns_steps >= 100:
            raise ValueError(
                f"Number of steps must be less than 100 for computational efficiency: {ns_steps}"
            )
        if len(ns_coefficients) != 3:
            raise ValueError(
                f"Coefficients must be a tuple of exactly 3 values, but got {ns_coefficients}"
            )
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": tuple(ns_coefficients),
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )
        for group in self.param_groups:
            for param in group["params"]:
                if len(param.shape) != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{param.shape}"
                    )

    def _state_keys(self, group: dict, param: Tensor) -> tuple[str, ...]:
        if param.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        return ("momentum_buffer",)
