"""DLPack: arrays of other libraries as Tensors, and the other way, without copying."""

from __future__ import annotations

import jax
import numpy as np

from jaxtorch import devices
from jaxtorch.engine.graph import Node
from jaxtorch.engine.handles import node_of_array, node_of_numpy
from jaxtorch.tensor import Tensor, wrap

__all__ = ["from_dlpack", "to_dlpack"]

ALIGNED = 64  # bytes: XLA uses a buffer of the CPU's where it lies only from such an address on


class _Exporter:
    """A bare capsule as an object that DLPack's protocol asks for; it can be taken once."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, **_):
        return self.capsule

    def __dlpack_device__(self):
        return (1, 0)  # a capsule does not say where it is to Python: the CPU


def from_dlpack(ext_tensor, *, device=None, copy: bool | None = None) -> Tensor:
    """A Tensor on the memory of ``ext_tensor``, an object with ``__dlpack__`` or a capsule of the
    CPU's.

    It is copied where ``copy`` is True or JAX cannot use it as it lies (strides, alignment).
    Without a copy, whoever writes to the memory changes the Tensor's value; writing to the Tensor
    never reaches the memory. With ``copy=False`` what has to be copied raises.
    """
    if type(ext_tensor).__name__ == "PyCapsule":
        ext_tensor = _Exporter(ext_tensor)
    elif not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(
            f"from_dlpack: expected an object with __dlpack__ or a DLPack capsule, got "
            f"{type(ext_tensor).__name__}"
        )
    if isinstance(ext_tensor, Tensor):
        node = node_of_array(ext_tensor.detach().jax())
    else:
        node = _imported(ext_tensor, copy)
    made = wrap(node)
    if copy and isinstance(ext_tensor, Tensor):
        made = made.clone()
    if device is None or made.device == devices.device(device):
        return made
    if copy is False:
        raise ValueError("from_dlpack: copy=False, but another device was asked for")
    return made.to(device)


def _imported(exporter, copy: bool | None) -> Node:
    if isinstance(exporter, _Exporter):
        exporter = np.from_dlpack(exporter)
    if not isinstance(exporter, np.ndarray):
        try:
            with jax.enable_x64(True):
                return node_of_array(jax.dlpack.from_dlpack(exporter, copy=copy))
        except (RuntimeError, ValueError, BufferError):  # strides that JAX does not know
            exporter = np.from_dlpack(exporter)
    fits = exporter.flags.c_contiguous and exporter.ctypes.data % ALIGNED == 0
    if copy is False and not fits:
        raise ValueError("from_dlpack: copy=False, but strides or alignment call for a copy")
    return node_of_numpy(exporter if fits and not copy else np.array(exporter, order="C"))


def to_dlpack(tensor: Tensor):
    """A DLPack capsule of the tensor's memory, for one taker."""
    return tensor.__dlpack__()
