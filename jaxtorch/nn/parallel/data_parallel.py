"""DataParallel: the batch over several devices, declared; XLA divides the program.

The parameters are copied to every device, the inputs are cut along the batch, and from there on a
training step is the program that it always was: XLA's partitioner computes each piece where it
lies and adds the gradients up.
"""

from __future__ import annotations

import functools

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxtorch import devices
from jaxtorch.autograd import no_grad
from jaxtorch.nn.modules.module import Module
from jaxtorch.ops.sharding import shard
from jaxtorch.tensor import Tensor

__all__ = ["DataParallel", "data_parallel"]

Ids = tuple[int, ...]


class DataParallel(Module):
    """``module`` under the name ``module``, its batch over several devices.

    ``device_ids`` are indices of devices of the kind that the module is on: by default all GPUs,
    and no more than one CPU. Inputs are cut along ``dim``; those whose size there is no multiple of
    the number of devices are computed on each. What comes back lies on all of them, whatever
    ``output_device`` says.
    """

    def __init__(self, module, device_ids=None, output_device=None, dim: int = 0) -> None:
        super().__init__()
        self.dim = dim
        self.module = module
        if device_ids is not None:
            device_ids = [i if isinstance(i, int) else devices.device(i).index for i in device_ids]
        self.device_ids = device_ids
        self.output_device = output_device
        self._placed: tuple | None = None

    def forward(self, *inputs, **kwargs):
        place = _place(self.module, self.device_ids)
        if place is None:
            return self.module(*inputs, **kwargs)
        if place != self._placed:
            _replicate(self.module, _mesh(*place))
            self._placed = place
        cut = functools.partial(_cut, _mesh(*place), self.dim)
        inputs, kwargs = jax.tree.map(cut, (inputs, kwargs), is_leaf=_is_tensor)
        return self.module(*inputs, **kwargs)


def data_parallel(
    module, inputs, device_ids=None, output_device=None, dim: int = 0, module_kwargs=None
):  # fmt: skip
    """``module(*inputs)`` once, as DataParallel does it."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return DataParallel(module, device_ids, output_device, dim)(*inputs, **(module_kwargs or {}))


def _place(module, device_ids) -> tuple[str, Ids] | None:
    """The kind and the indices of the devices to use; None for one alone."""
    first = next(module.parameters(), None)
    kind = "cpu" if first is None else first.device.type
    if device_ids is None:
        count = 1 if kind == "cpu" else len(devices.platform_devices(kind))
        device_ids = range(count)
    return (kind, tuple(device_ids)) if len(device_ids) > 1 else None


@functools.cache
def _mesh(kind: str, ids: Ids) -> Mesh:
    there = devices.platform_devices(kind)
    if max(ids) >= len(there):
        raise RuntimeError(
            f"device_ids {list(ids)}: JAX sees {len(there)} {kind} device{'s' * (len(there) > 1)}"
        )
    return Mesh(np.array([there[i] for i in ids]), ("batch",))


def _replicate(module, mesh: Mesh) -> None:
    everywhere = NamedSharding(mesh, PartitionSpec())
    with no_grad(), jax.enable_x64(True):
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.data = Tensor(jax.device_put(tensor.detach().jax(), everywhere))


def _cut(mesh: Mesh, dim: int, x):
    if not _is_tensor(x) or x.ndim <= dim or x.shape[dim] % mesh.size:
        return x
    return shard(x, NamedSharding(mesh, PartitionSpec(*[None] * dim, "batch")))


def _is_tensor(x) -> bool:
    return isinstance(x, Tensor)
