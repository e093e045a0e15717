"""PyTorch's names of the functions of the autograd graph."""

from __future__ import annotations

from jaxtorch.engine.aliases import Redirect
from jaxtorch.engine.graph import Node

_TRIVIAL_NAMES = {
    "to_copy": "ToCopyBackward0",
    "accumulate": "AddBackward0",
    "copy_slices": "CopySlices",
}


def backward_name(node: Node) -> str:
    """PyTorch's name of the function that takes gradients back through ``node``."""
    node = recorded(node)
    kernel = node.kernel
    if node.edges is not None and hasattr(node.edges, "name"):
        return node.edges.name
    if kernel is None:
        return "AliasBackward0"
    while kernel.index is not None:
        node = node.inputs[0] if node.inputs else node
        if node.kernel is kernel:
            break
        kernel = node.kernel
    if kernel.op is None:
        name = kernel.name.split("[")[0]
        return _TRIVIAL_NAMES.get(name, camel(name))
    name = kernel.op.grad_name
    if callable(name):
        name = name(kernel.avals, kernel.statics)
    return name or camel(kernel.op.name)


def camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_")) + "Backward0"


def recorded(node: Node) -> Node:
    """The node whose history ``node`` has: what was written outside autograd has that of before."""
    while node.edges.__class__ is Redirect:
        node = node.edges.inputs[0]
    return node
