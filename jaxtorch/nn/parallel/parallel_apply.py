"""Each of several modules on an input of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from jaxtorch import cuda
from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.parallel.scatter_gather import device_of

__all__ = ["parallel_apply"]


def parallel_apply(
    modules: Sequence[Module], inputs: Sequence, kwargs_tup: Sequence[dict[str, Any]] | None = None,
    devices: Sequence | None = None,
) -> list:  # fmt: skip
    """``[module(*input, **kwargs), ...]``; an input that is no tuple or list is the only argument.

    ``devices`` say what "cuda" means to each. They compute side by side, as what is called one
    after the other is not waited for.
    """
    given = {"inputs": inputs, "kwargs_tup": kwargs_tup, "devices": devices}
    for name, values in given.items():
        if values is not None and len(values) != len(modules):
            raise AssertionError(
                f"The number of modules {len(modules)} is not equal to the number of {name} "
                f"{len(values)}"
            )
    results = []
    for i, module in enumerate(modules):
        args = inputs[i] if isinstance(inputs[i], list | tuple) else (inputs[i],)
        with _current(None if devices is None else devices[i]):
            results.append(module(*args, **({} if kwargs_tup is None else kwargs_tup[i])))
    return results


def _current(device):
    device = None if device is None else device_of(device)
    if device is None or device.type != "cuda":
        return contextlib.nullcontext()
    return cuda.device(device)
