"""Handles and arrays: how lower layers make Tensors without knowing the class.

``jaxtorch.tensor`` registers its classes here; everything below it wraps nodes through ``Handles``.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax._src.lib import xla_client
from jax.sharding import SingleDeviceSharding

from jaxtorch import devices, dtypes
from jaxtorch.engine.graph import Aval, Node, aval_of, concrete, record
from jaxtorch.engine.meta import node_of_shape
from jaxtorch.size import Size


class TensorBase:
    """The base of every handle class. (Empty slots: Parameter is an ``nnx.Param`` as well.)"""

    __slots__ = ()


class Handles:
    """What ``jaxtorch.tensor`` registers."""

    classes: set = set()  # the exact classes whose ``_node`` may be read off when ``_base`` is None
    wrap: Any = None  # node -> Tensor
    fresh: Any = None  # the same for a node that was just recorded: no handle on it, no trace
    wrap_view: Any = None  # (node, base handle or node, op, statics) -> Tensor
    assign_out: Any = None  # (result, out, rule about dtypes) -> out
    to_place: Any = None  # (Tensor, place) -> Tensor
    saved: Any = None  # node that was just recorded: packs what it saves (saved_tensors)
    refuse_partial_overlap: Any = None  # (the view that is written to, what is read)


_places: dict[jax.sharding.Sharding, str] = {}


def place_of(array) -> str:
    """Where an array is: "cpu", "cuda:0"."""
    sharding = array.sharding
    place = _places.get(sharding)
    if place is None:
        first = min(sharding.device_set, key=id_of)
        place = _places[sharding] = str(devices.from_jax(first))
    return place


def id_of(device) -> int:
    return device.id


def jax_device(place: str):
    """The JAX device of a place."""
    return devices.jax_device(devices.device(place))


def node_of_array(array) -> Node:
    """A node of a jax array, or of a tracer."""
    dtype = dtypes.from_numpy_dtype(array.dtype)
    if isinstance(array, jax.core.Tracer):
        return concrete(array, Aval(Size(array.shape), dtype, "cpu", "traced"))
    return concrete(array, aval_of(array.shape, dtype, place_of(array)))


def node_of_result(out) -> Node:
    """A node of what a kernel returned: an array, or a tuple of them."""
    if isinstance(out, (tuple, list)):
        return concrete(tuple(out), tuple(node_of_array(o).aval for o in out))
    return node_of_array(out)


def node_of_numpy(array: np.ndarray, place: str = "cpu") -> Node:
    """A node of a NumPy array's values, 64-bit types kept.

    XLA takes the buffer itself over where it is aligned to 64 bytes: the caller must not write to
    the array afterwards.
    """
    dtype = dtypes.from_numpy_dtype(array.dtype)
    if place == "meta":
        return node_of_shape(array.shape, dtype)
    aval = aval_of(array.shape, dtype, place)
    return concrete(array_of_numpy(array, aval), aval)


def array_of_numpy(array: np.ndarray, aval: Aval):
    """The jax array of a NumPy array whose Aval is known (see ``node_of_numpy``)."""
    try:
        shaped, sharding, devices, committed = _destinations[aval]
    except KeyError:
        shaped, sharding, devices, committed = _destinations[aval] = _destination(aval)
    # What jax.device_put comes down to, at a tenth of its price (5 us against 50).
    if array.dtype.itemsize < 8:
        return xla_client.batched_device_put(shaped, sharding, [array], devices, committed)
    with jax.enable_x64(True):  # or it would be narrowed with 64-bit types off
        return xla_client.batched_device_put(shaped, sharding, [array], devices, committed)


_destinations: dict[Aval, tuple] = {}


def _destination(aval: Aval) -> tuple:
    device = jax_device(aval.place)
    shaped = jax.core.ShapedArray(tuple(aval.shape), aval.dtype.numpy)
    # An uncommitted array would be moved by jit to the default device.
    return shaped, SingleDeviceSharding(device), [device], device != jax.devices()[0]


def project(node: Node, i: int) -> Node:
    """The node of output ``i`` of a node with several."""
    kernel = node.kernel.projection(i)
    wants_grad = node.requires_grad and node.kernel.outputs[i].dtype.category >= dtypes.FLOAT
    if node.value is None:
        return record(kernel, (node,), wants_grad)
    picked = concrete(node.value[i], node.aval[i], requires_grad=wants_grad)
    picked.kernel = kernel
    if wants_grad:
        picked.inputs = (node,)
    return picked
