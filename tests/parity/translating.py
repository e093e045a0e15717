"""From real torch's arguments to ours."""

from __future__ import annotations

import dataclasses
import types

import numpy as np
import torch

import jaxtorch


def numpy_of(t: torch.Tensor) -> np.ndarray:
    t = t.detach().resolve_conj().resolve_neg()
    return t.numpy(force=True).copy()  # a gradient that is zero may have no storage


def tensor_of(t: torch.Tensor):
    spread = [n > 1 and not s for n, s in zip(t.shape, t.stride(), strict=True)]
    if any(spread) and not t.requires_grad:  # its elements share memory: so shall ours
        one = t[tuple(slice(0, 1) if wide else slice(None) for wide in spread)]
        return tensor_of(one.clone()).expand(tuple(t.shape))
    if t.dtype is torch.bfloat16:
        mine = jaxtorch.from_numpy(numpy_of(t.float())).to(jaxtorch.bfloat16)
    else:
        mine = jaxtorch.from_numpy(numpy_of(t))
    return mine.requires_grad_(True) if t.requires_grad else mine


def translated(value, seen: dict):
    """``value`` with our objects for torch's; one tensor given twice stays one."""
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            seen[id(value)] = tensor_of(value)
        return seen[id(value)]
    if isinstance(value, torch.Size):
        return jaxtorch.Size(value)
    if isinstance(value, torch.device):
        return jaxtorch.device(str(value))
    if isinstance(value, torch.dtype | torch.layout | torch.memory_format):
        return getattr(jaxtorch, str(value).removeprefix("torch."))
    if isinstance(value, torch.Generator):
        return jaxtorch.Generator().manual_seed(value.initial_seed())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[translated(v, seen) for v in value])
    if isinstance(value, list | tuple):
        return type(value)([translated(v, seen) for v in value])
    if isinstance(value, dict):
        return {k: translated(v, seen) for k, v in value.items()}
    if isinstance(value, types.FunctionType):
        return rebuilt(value)
    if isinstance(value, torch.nn.Module):  # a layer without weights or options
        return eval(f"nn.{value!r}", {"nn": jaxtorch.nn})
    if isinstance(value, torch.nn.LinearCrossEntropyOptions):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return jaxtorch.nn.LinearCrossEntropyOptions(**translated(fields, seen))
    return value


def rebuilt(function: types.FunctionType):
    """A Python function of the database, with jaxtorch where it says torch."""
    scope = {**function.__globals__, "torch": jaxtorch, "wrapper_set_seed": seeded}
    return types.FunctionType(
        function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
    )


def seeded(op, *args, **kwargs):
    jaxtorch.manual_seed(42)
    return op(*args, **kwargs)
