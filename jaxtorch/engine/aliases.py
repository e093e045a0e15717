"""Other nodes of the same value: aliases, casts, and histories redirected."""

from __future__ import annotations

from jaxtorch.engine import lens
from jaxtorch.engine.backward import emit
from jaxtorch.engine.graph import STATE, Node, concrete
from jaxtorch.engine.kernels import KERNELS, Kernel


def alias(node: Node) -> Node:
    """Another node of the same value, without its history."""
    if node.value is not None:
        return concrete(node.value, node.aval)
    key = ("alias", node.aval)
    kernel = KERNELS.get(key)
    if kernel is None:
        kernel = KERNELS[key] = Kernel(
            "alias", None, None, (node.aval,), lambda _, x: x, out=node.aval, nondiff=True
        )
        kernel.passes = True
    return emit(kernel, (node,), False)


def cast(node: Node, to) -> Node:
    """``node`` as another dtype, differentiably."""
    kernel = lens.cast_kernel(lens.plain_avals((node,))[0], to)
    return emit(kernel, (node,), STATE.grad and node.requires_grad and kernel.carries_grad)


class Redirect:
    """Autograd edges of a value written outside autograd: gradients go to the value it replaced."""

    __slots__ = ("inputs",)
    keeps = True

    def __init__(self, old: Node):
        self.inputs = (old,)

    def gradients(self, cotangent):
        return [cotangent]
