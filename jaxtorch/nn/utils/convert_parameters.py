"""Parameters as one vector, and back."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

from jaxtorch.engine.aliases import Storage
from jaxtorch.ops import shaping
from jaxtorch.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def _check_devices(parameters: list[Tensor]) -> None:
    if len({p.device for p in parameters}) > 1:
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported."
        )


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters, in order, as one vector."""
    parameters = list(parameters)
    _check_devices(parameters)
    return shaping.cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give each parameter its share of ``vec``, outside autograd: while somebody holds ``vec``, a
    write to either shows in both."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    parameters = list(parameters)
    _check_devices(parameters)
    start = 0
    for param in parameters:
        stop = start + param.numel()
        param.data = vec.detach()[start:stop].reshape(param.shape)
        start = stop
    if all(type(p._base) is Storage for p in parameters):
        vec._home()[0].parts = tuple(map(weakref.ref, parameters))
