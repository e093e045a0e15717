"""DataParallel: the batch computed where the module is.

PyTorch cuts the batch into pieces for several GPUs, to the same result. Here a program that is to
use several devices shards its batch with ``jax.sharding`` and calls ``jaxtorch.jit``.
"""

from __future__ import annotations

from jaxtorch.nn.modules.module import Module

__all__ = ["DataParallel", "data_parallel"]


class DataParallel(Module):
    """``module`` under the name ``module``; ``forward`` is a call of it, on its own device."""

    def __init__(self, module, device_ids=None, output_device=None, dim: int = 0) -> None:
        super().__init__()
        self.dim = dim
        self.module = module
        self.device_ids = [] if device_ids is None else list(device_ids)
        self.output_device = output_device

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)


def data_parallel(
    module, inputs, device_ids=None, output_device=None, dim: int = 0, module_kwargs=None
):  # fmt: skip
    """``module(*inputs)``, on the module's own device."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*inputs, **(module_kwargs or {}))
