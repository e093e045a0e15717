"""Copies of tensors on another device."""

from __future__ import annotations

import jax

from jaxtorch import engine
from jaxtorch.engine.aliases import Redirect
from jaxtorch.engine.graph import STATE
from jaxtorch.engine.handles import Handles, TensorBase, jax_device, node_of_array
from jaxtorch.engine.meta import node_of_shape

__all__ = ["to_place"]


def to_place(t: TensorBase, place: str) -> TensorBase:
    """``t`` on another device; gradients travel back."""
    node = t._read()
    if node.aval.place == place:
        return t
    if place == "meta":
        new = node_of_shape(node.aval.shape, node.aval.dtype)
    else:
        new = node_of_array(jax.device_put(engine.force(node), jax_device(place)))
    if node.requires_grad and STATE.grad:
        new.requires_grad = True
        new.edges = Transfer(node)
    return Handles.wrap(new)


class Transfer(Redirect):
    """Autograd edges of a copy to another device."""

    __slots__ = ()

    def gradients(self, cotangent):
        return [to_place(Handles.wrap(cotangent), self.inputs[0].aval.place)._node]


Handles.to_place = to_place
