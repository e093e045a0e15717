"""grad_fn: the autograd graph as a program sees and walks it."""

from __future__ import annotations

from jaxtorch.engine import backward as engine_backward
from jaxtorch.engine.graph import Node

_TRIVIAL_NAMES = {
    "to_copy": "ToCopyBackward0",
    "accumulate": "AddBackward0",
    "copy_slices": "CopySlices",
}


def backward_name(node: Node) -> str:
    """PyTorch's name of the function that takes gradients back through ``node``."""
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


class GradFn:
    """A function of the autograd graph; ``next_functions`` leads towards the leaves."""

    __slots__ = ("_node",)

    def __init__(self, node: Node):
        self._node = node

    def name(self) -> str:
        return backward_name(self._node)

    @property
    def next_functions(self) -> tuple:
        found = []
        for parent in engine_backward.parents(_source(self._node)):
            if parent.kernel is None and not parent.requires_grad and parent.aval.kind != "array":
                continue  # a Python number or None: PyTorch has no edge for it
            found.append((_function(parent), parent.kernel.index or 0 if parent.kernel else 0))
        return tuple(found)

    def __call__(self, *grads):
        from jaxtorch import autograd

        return autograd.apply_node(self._node, grads)

    def register_hook(self, hook):
        from jaxtorch.engine.handles import Handles

        return Handles.wrap(self._node).register_hook(
            lambda grad: (lambda r: r[0] if isinstance(r, tuple) else r)(hook((grad,), (grad,)))
        )

    def __eq__(self, other):
        return isinstance(other, GradFn) and _source(other._node) is _source(self._node)

    def __hash__(self):
        return hash(_source(self._node))

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(_source(self._node)):#x}>"


class AccumulateGrad:
    """The end of a path: where the gradient of a leaf is added up."""

    __slots__ = ("_node",)

    def __init__(self, node: Node):
        self._node = node

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    @property
    def variable(self):
        owner = self._node.meta.owner
        return owner() if owner is not None else None

    next_functions = ()

    def __eq__(self, other):
        return isinstance(other, AccumulateGrad) and other._node.meta is self._node.meta

    def __hash__(self):
        return hash(id(self._node.meta))

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self._node.meta):#x}>"


def _source(node: Node) -> Node:
    """The node of the call itself, where ``node`` only picks one of its outputs."""
    while node.kernel is not None and node.kernel.index is not None and node.inputs:
        node = node.inputs[0]
    return node


def _function(node: Node):
    if not node.requires_grad:
        return None
    if engine_backward.is_leaf(node):
        return AccumulateGrad(node)
    return GradFn(_source(node))
