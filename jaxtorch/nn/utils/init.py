"""torch.nn.utils.init: a module whose initial values are left out."""

from __future__ import annotations

import inspect

from jaxtorch.nn.modules.module import Module
from jaxtorch.random import fork_rng

__all__ = ["skip_init"]


def skip_init(module_cls, *args, **kwargs) -> Module:
    """``module_cls(*args, **kwargs)`` with parameters for the caller to fill in.

    No random numbers are used up. RuntimeError for a class without a ``device`` argument.
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    device = kwargs.pop("device", "cpu")
    with fork_rng():
        return module_cls(*args, **kwargs).to_empty(device=device)
