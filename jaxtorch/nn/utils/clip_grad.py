"""Clip gradients, in place: by their norm as one vector, or value by value. One recorded op
each."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from types import GeneratorType

import jax.numpy as jnp

from jaxtorch import engine
from jaxtorch.nn.parameter import filled
from jaxtorch.tensor import Tensor, to_place

__all__ = [
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_",
    "get_total_norm",
]  # fmt: skip


def _vector_norm(x, p: float):
    size = jnp.abs(x.astype(jnp.promote_types(x.dtype, jnp.float32)))
    if p == float("inf"):
        norm = size.max()
    elif p == float("-inf"):
        norm = size.min()
    elif p == 0:
        norm = (size != 0).sum().astype(size.dtype)
    elif p == 2:
        norm = jnp.sqrt(jnp.sum(size * size))
    else:
        norm = jnp.sum(size**p) ** (1 / p)
    return norm


def _total(arrays, p: float):
    return _vector_norm(jnp.stack([_vector_norm(x, p) for x in arrays]), p)


def _tensors(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def _check_finite(norm: Tensor, norm_type: float) -> None:
    if not bool(norm.isfinite()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so "
            "it cannot be clipped. To disable this error and scale the gradients by the non-finite "
            "norm anyway, set `error_if_nonfinite=False`"
        )


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all ``tensors`` together, as if they were one vector.

    ``foreach`` chooses among PyTorch's kernels; here there is one.
    """
    tensors, norm_type = _tensors(tensors), float(norm_type)
    if not tensors:
        return filled((), 0.0)
    key = ("get_total_norm", norm_type)
    (norm,) = engine.call(lambda arrays, _: (_total(arrays, norm_type),), key, tensors)
    if error_if_nonfinite:
        _check_finite(norm, norm_type)
    return norm


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients so that their norm as one vector is at most ``max_norm``; returns the
    norm
    they had. ``foreach`` chooses among PyTorch's kernels; here there is one."""
    grads = _gradients(parameters)
    norm_type = float(norm_type)
    if not grads:
        return filled((), 0.0)
    if error_if_nonfinite:
        get_total_norm(grads, norm_type, True)

    def clip(arrays, scalars):
        norm = _total(arrays, norm_type)
        return norm, *_shrunk(arrays, norm, scalars[0])

    norm, *clipped = engine.call(
        clip, ("clip_grad_norm", norm_type), grads, scalars=(float(max_norm),)
    )
    _replace(grads, clipped)
    return norm


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale the gradients as ``clip_grad_norm_`` does, for a norm that is known already.
    ``foreach`` as there."""
    grads = _gradients(parameters)
    if not grads:
        return

    def clip(arrays, scalars):
        *arrays, norm = arrays
        return _shrunk(arrays, norm.reshape(()), scalars[0])

    given = [*grads, to_place(total_norm, grads[0]._read().aval.place)]
    _replace(grads, engine.call(clip, "clip_grads_with_norm", given, scalars=(float(max_norm),)))


def _shrunk(arrays, norm, most):
    """Arrays of this norm together, scaled down to the norm ``most``."""
    scale = jnp.minimum(most.astype(norm.dtype) / (norm + 1e-6), 1.0)
    return tuple(x * scale.astype(x.dtype) for x in arrays)


def clip_grad_norm(*args, **kwargs) -> Tensor:
    """``clip_grad_norm_`` by its older name."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(*args, **kwargs)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clamp every gradient to [-clip_value, clip_value]. ``foreach`` as in ``clip_grad_norm_``."""
    grads = _gradients(parameters)
    if not grads:
        return

    def clip(arrays, scalars):
        limits = [scalars[0].astype(x.dtype) for x in arrays]
        return tuple(jnp.clip(x, -s, s) for x, s in zip(arrays, limits, strict=True))

    _replace(grads, engine.call(clip, "clip_grad_value", grads, scalars=(float(clip_value),)))


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    tensors = _tensors(parameters)
    if not tensors and isinstance(parameters, GeneratorType):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3
        )
    return [p.grad for p in tensors if p.grad is not None]


def _replace(grads: list[Tensor], values: Iterable[Tensor]) -> None:
    for grad, value in zip(grads, values, strict=True):
        if grad._base is None:
            grad._adopt(value)
        else:
            grad._rebind(value)
