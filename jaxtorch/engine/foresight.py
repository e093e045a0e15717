"""Foresight: a loss that is looked at and then backpropagated runs forward and backward as one
program.

``loss.item()`` before ``loss.backward()`` would cost the forward pass twice, once for the look and
once within the backward's program. So a structure whose root was backpropagated after a look is
remembered, and the next time the look records the backward with it; ``backward()`` then only hands
out gradients that are there.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from jaxtorch.engine.graph import Node


class Foreseen:
    """The gradients of one root, computed with it: the leaf's Grad -> Tensor."""

    def __init__(self, grads: dict):
        self.grads = grads
        self.used = False


LOOKED: WeakKeyDictionary = WeakKeyDictionary()  # root -> (structure, position), of looks
FORESEEN: WeakKeyDictionary = WeakKeyDictionary()  # root -> Foreseen
gradients: Any = None  # backward.py's way to record the gradients of a root, or None
WASTE = 2  # looks in a row without a backward after which a structure is treated as plain again


def note_look(structure, wanted: list[Node], positions: tuple) -> None:
    """Remember which values of a structure were looked at, and could be backpropagated."""
    for node, position in zip(wanted, positions, strict=True):
        if node.requires_grad and not node.aval.ndim and (node.meta is None or not node.meta.leaf):
            LOOKED[node] = (structure, position)


def note_backward(root: Node) -> None:
    """``root`` is backpropagated: if it was looked at before, do both at once the next time."""
    looked = LOOKED.pop(root, None)
    if looked is not None:
        structure, position = looked
        structure.backed.add(position)


def foresee(structure, nodes: list[Node]) -> bool:
    """Record the backward of the roots that are known to be backpropagated; was there any?"""
    last = structure.foreseen
    structure.wasted = structure.wasted + 1 if last is not None and not last.used else 0
    if structure.wasted >= WASTE:
        structure.backed.clear()
        structure.foreseen = None
        return False
    done = False
    for position in structure.backed:
        root = nodes[position]
        found = None if root in FORESEEN else gradients(root)
        if found is not None:
            FORESEEN[root] = structure.foreseen = Foreseen(found)
            done = True
    return done


def watched(order: list[Node]) -> bool:
    """Would a program notice that this backward runs early (hooks, retain_grad, its own rules)?"""
    for node in order:
        if node.edges is not None:
            return True
        if node.meta is not None and (node.meta.hooks or (node.meta.retain and not node.meta.leaf)):
            return True
    return False


def take(root: Node, order: list[Node]) -> dict | None:
    """The gradients foreseen for ``root``, once."""
    foreseen = FORESEEN.pop(root, None)
    if foreseen is None or watched(order):
        return None
    foreseen.used = True
    return foreseen.grads
