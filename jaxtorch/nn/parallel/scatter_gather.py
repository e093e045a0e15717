"""Inputs cut into one piece a device, and outputs of several devices put together on one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from jaxtorch import devices
from jaxtorch.ops.shaping import cat
from jaxtorch.tensor import Tensor

__all__ = ["device_of", "gather", "scatter", "scatter_kwargs"]


def is_namedtuple(obj: Any) -> bool:
    """Is it an instance of a named tuple's class?"""
    return isinstance(obj, tuple) and hasattr(obj, "_asdict") and hasattr(obj, "_fields")


def scatter(inputs: Any, target_gpus: Sequence, dim: int = 0) -> list | tuple:
    """For each device ``inputs`` with every tensor in it cut along ``dim``; all else is shared.

    A device is a number, which counts GPUs, or a ``torch.device``. There are fewer pieces than
    devices where a tensor is shorter than that.
    """
    if isinstance(inputs, Tensor):
        where = [device_of(target) for target in target_gpus]
        pieces = inputs.chunk(len(where), dim)
        return tuple(piece.to(to) for piece, to in zip(pieces, where, strict=False))
    if not isinstance(inputs, tuple | list | dict) or not inputs:
        return [inputs] * len(target_gpus)
    parts = inputs.items() if isinstance(inputs, dict) else inputs
    cut = zip(*(scatter(part, target_gpus, dim) for part in parts), strict=False)
    if is_namedtuple(inputs):
        return [type(inputs)(*some) for some in cut]
    kind = tuple if isinstance(inputs, tuple) else type(inputs)
    return [kind(some) for some in cut]


def scatter_kwargs(
    inputs: tuple, kwargs: dict[str, Any] | None, target_gpus: Sequence, dim: int = 0
) -> tuple[tuple, tuple]:
    """For each device its arguments and its keyword arguments."""
    some = list(scatter(inputs, target_gpus, dim)) if inputs else []
    named = list(scatter(kwargs, target_gpus, dim)) if kwargs else []
    count = max(len(some), len(named))
    some += [()] * (count - len(some))
    named += [{} for _ in range(count - len(named))]
    return tuple(some), tuple(named)


def gather(outputs: Sequence, target_device: Any, dim: int = 0) -> Any:
    """One of many alike: tensors end to end along ``dim`` on ``target_device`` (a number counts
    GPUs, "cpu" or -1 is the host), containers entry by entry."""
    first = outputs[0]
    if isinstance(first, Tensor):
        return _joined(outputs, device_of(target_device), dim)
    if first is None:
        return None
    if isinstance(first, dict):
        if any(len(first) != len(other) for other in outputs):
            raise ValueError("All dicts must have the same number of keys")
        return type(first)(
            (key, gather([other[key] for other in outputs], target_device, dim)) for key in first
        )
    parts = (gather(some, target_device, dim) for some in zip(*outputs, strict=True))
    if is_namedtuple(first):
        return type(first)._make(parts)
    return type(first)(parts)


def _joined(tensors: Sequence[Tensor], where, dim: int) -> Tensor:
    if all(t.ndim == 0 for t in tensors) and dim == 0:
        warnings.warn(
            "Was asked to gather along dimension 0, but all input tensors were scalars; will "
            "instead unsqueeze and return a vector.",
            stacklevel=3,
        )
        tensors = [t.reshape(1) for t in tensors]
    return cat([t.to(where) for t in tensors], dim)


def device_of(target) -> Any:
    """A number counts GPUs, and below 0 is the host."""
    if isinstance(target, int):
        return devices.device("cpu") if target < 0 else devices.device("cuda", target)
    return devices.device(target)
