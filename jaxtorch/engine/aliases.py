"""Other nodes of the same value: aliases, casts, and histories redirected."""

from __future__ import annotations

import sys
import weakref

from jaxtorch.engine import lens
from jaxtorch.engine.backward import emit, is_leaf
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


def redirected(node: Node, old: Node) -> Node:
    """``node``, which nobody else has, with the history of ``old``."""
    node.requires_grad = True
    node.edges = Redirect(old)
    return node


def _nobody() -> None:
    return None


class Storage:
    """The value that a handle shares with what was detached from it: the base of the latter.

    It knows the handle only weakly and the value without its history: a detached tensor that is
    kept holds no graph.
    """

    __slots__ = (
        "_node", "_ticket", "_moves", "owner", "address", "shown", "parts", "__weakref__",
    )  # fmt: skip
    _base = None
    _meta = None

    def __init__(self, owner):
        self.owner = weakref.ref(owner)
        self._moves = 0
        self.address = 0  # these two are jaxtorch.storage's: data_ptr(), and the UntypedStorage
        self.shown = None
        self.parts: tuple = ()  # weak references to handles that show parts of it, each its own
        self.follow(owner._node)

    @property
    def shape(self):
        return self._node.aval.shape

    def follow(self, node: Node) -> None:
        """The handle has another value."""
        if node.requires_grad and not is_leaf(node):
            node = alias(node)
        if node.ticket is None:
            node.ticket = object()
        self._node = node
        self._ticket = node.ticket  # so that it is evaluated with what it was recorded with
        self._moves += 1

    def disown(self) -> None:
        """Part from the handle: neither sees what is written to the other from now on."""
        self.owner = _nobody

    def read(self, steps) -> Node:
        """The value seen through a chain of views, without history."""
        if not steps:
            return alias(self._node) if self._node.requires_grad else self._node
        before, STATE.grad = STATE.grad, False
        try:
            return lens.read_through(self._node, steps)[-1]
        finally:
            STATE.grad = before

    def write(self, steps, value: Node) -> None:
        """Write through a chain of views: the handle gets the value and keeps its history."""
        owner = self.owner()
        before, STATE.grad = STATE.grad, False
        try:
            new = alias(lens.write_through(self._node, steps, value) if steps else value)
        finally:
            STATE.grad = before
        if owner is None:
            self.follow(new)
            return
        old = owner._node
        owner._set(redirected(new, old) if old.requires_grad and not is_leaf(old) else new)


def share(handle, data) -> None:
    """One memory for a handle and for ``data``, whose value it has: a write to either shows in
    both.

    Of two handles on all of it, ``handle`` becomes the owner and ``data`` its view, so that an
    optimizer's writes to a parameter stay as quick as they are.
    """
    storage, steps = data._home()
    if steps:
        handle._base, handle._steps, handle._seen = storage, steps, storage._moves
        return
    owner = storage.owner()
    storage.owner, handle._storage = weakref.ref(handle), weakref.ref(storage)
    storage.follow(handle._node)
    if owner is not None:
        owner._storage, owner._base, owner._seen = None, storage, storage._moves


def alone(view) -> bool:
    """Does nobody else see what is written to a view of a Storage: the owner is gone, and others
    that look at it look at other parts? (One variable of the caller's holds it.)"""
    storage = view._base
    if storage.owner() is not None:
        return False
    parts = [part for ref in storage.parts if (part := ref()) is not None]
    others = sum(part is not view and part._base is storage for part in parts)
    del storage
    return _holders(view) == _ONE + 1 + others and _dense(view)


def _dense(view) -> bool:
    """Are a view's elements all different ones that lie side by side, in whatever order?"""
    step = 1
    for stride, n in sorted(zip(view.stride(), view.shape, strict=True)):
        if n > 1 and stride != step:
            return False
        step *= n
    return True


def _holders(view) -> int:
    return sys.getrefcount(view._base)


class _OneHolder:
    def __init__(self):
        self._base = object()


_ONE = _holders(_OneHolder())
