"""The device "meta": tensors that have a shape and a dtype, and no values.

Recording an op needs no values, so a meta tensor is an ordinary node that is never computed: what
is made on the device is a node with neither kernel nor value, and what comes of it stays recorded
until its group is let go of.
"""

from __future__ import annotations

from jaxtorch.dtypes import dtype
from jaxtorch.engine.graph import Node, aval_of, concrete

__all__ = ["conclude", "in_use", "is_meta", "node_of_shape", "refusal"]

in_use = [False]  # has this process made a meta tensor? Before that, evaluation need not look


def node_of_shape(shape, dtype: dtype) -> Node:
    """A node on the device "meta"."""
    in_use[0] = True
    return concrete(None, aval_of(shape, dtype, "meta"))


def is_meta(node: Node) -> bool:
    aval = node.aval
    return (aval[0] if aval.__class__ is tuple else aval).place == "meta"


def refusal() -> NotImplementedError:
    """What a look at a meta tensor's values raises."""
    return NotImplementedError("Cannot copy out of meta tensor; no data!")


def conclude(root: Node) -> None:
    """Let go of what led to the meta tensors of a group, but for what autograd needs."""
    group = root.group
    for node in group.dissolve() if group is not None else ():
        if is_meta(node) and not node.requires_grad:
            node.kernel, node.inputs = None, ()
