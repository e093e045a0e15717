"""The graph: what a value is before and after it is computed.

A ``Node`` is one value: an array that is there, or a kernel and its inputs, to be run when somebody
looks. Handles (Tensors) point at nodes; nodes point only at the nodes they are made from, so what
is live is known from reference counts alone.
"""

from __future__ import annotations

import itertools
import sys
import threading
from typing import Any

from jaxtorch import dtypes
from jaxtorch.dtypes import dtype
from jaxtorch.size import Size

# ---------------------------------------------------------------------------------------------
# Abstract values: interned, so that they are compared and hashed by identity.


class Aval:
    """Shape, dtype and place of an array; ``kind`` tells arrays from Python numbers and None."""

    __slots__ = ("shape", "dtype", "place", "ndim", "kind")

    def __init__(self, shape: Size, dtype: dtype | None, place: str, kind: str = "array"):
        self.shape = shape
        self.dtype = dtype
        self.place = place
        self.ndim = len(shape)
        self.kind = kind  # array, traced, none, or the Python type's name of a number

    def __repr__(self) -> str:
        if self.kind not in ("array", "traced"):
            return self.kind
        return f"{self.dtype.name}[{','.join(map(str, self.shape))}]"


_avals: dict[tuple, Aval] = {}


def aval_of(shape, dtype: dtype, place: str = "cpu") -> Aval:
    """The one Aval of this shape, dtype and place."""
    key = (tuple(shape), dtype, place)
    try:
        return _avals[key]
    except KeyError:
        return _avals.setdefault(key, Aval(Size(key[0]), dtype, place))


NONE_AVAL = Aval(Size(), None, "cpu", "none")
NUMBER_AVALS = {
    kind: Aval(Size(), of, "cpu", kind.__name__)
    for kind, of in (
        (bool, dtypes.bool), (int, dtypes.int64), (float, dtypes.float64),
        (complex, dtypes.complex128),
    )
}  # fmt: skip


# ---------------------------------------------------------------------------------------------
# Per-thread state


class _ThreadState(threading.local):
    grad = True  # is autograd recording?
    reverse = False  # inside jaxtorch.func's reverse-mode transform: use the registered vjps
    linearizing = False  # inside its forward mode, whatever tracers of reverse mode are around
    lift = None  # a transform that is being differentiated: what ops' inputs go through
    mode: Any = None  # a callable(op, inputs, statics) that sees every op: autocast, anomalies
    # Of __torch_function__ (ops/_overrides.py): the modes that are on, the innermost last; are the
    # classes of arguments asked, Tensor's subclasses and others?
    function_modes: tuple = ()
    function_subclasses = function_others = True
    # Of anomaly detection (anomaly.py): does it look for NaN (None: it is off), the mode it took
    # the place of, and the class of Walk to go back with.
    anomaly: bool | None = None
    noted = None
    walk: Any = None
    saving: Any = None  # (pack, unpack): what goes over what ops save for backward
    watched = False  # does anomaly detection, or a counter of FLOPs, see every op before the mode?


STATE = _ThreadState()
# How many modes are active in any thread, hooks of saved tensors among them: the one test on the
# recording path.
MODES = [0]


# ---------------------------------------------------------------------------------------------
# Nodes


class Number:
    """A Python number among a kernel's inputs: an input of the program, never a constant in it."""

    __slots__ = ("value", "aval")
    requires_grad = False
    group = None
    kernel = None

    def __init__(self, value):
        self.value = value
        self.aval = NUMBER_AVALS[value.__class__]


class _Nothing:
    """None among a kernel's inputs."""

    __slots__ = ()
    value = None
    aval = NONE_AVAL
    requires_grad = False
    group = None
    kernel = None


NOTHING = _Nothing()


class Freed:
    """Stands for the autograd edges of a node whose backward has run without retain_graph."""


FREED = Freed()

_sequence = itertools.count(1).__next__
now = _sequence  # a place in the order of recording: what is recorded from here on comes after it
_new = object.__new__


class Node:
    """One value. ``value`` is None while it is still to be computed by ``kernel(*inputs)``."""

    __slots__ = (
        "kernel",  # what computes it (None: it was given)
        "inputs",  # tuple of Node | Number | NOTHING; () once nothing needs it any more
        "aval",  # its Aval, or a tuple of them for a kernel with several outputs
        "value",  # jax.Array, tuple of them, or None
        "ticket",  # held by this node and by its handles: its reference count says if any lives
        "meta",  # Grad: leaf, hooks, retain_grad; None for most
        "edges",  # None: autograd goes by kernel and inputs; FREED; or an object with its own rule
        "seq",  # its place in the order of recording
        "requires_grad",
        "group",  # the Group of pending nodes it hangs together with
        "site",  # where the user called it, if the kernel has deferred checks: (code, instruction)
        "__weakref__",
    )

    @property
    def live(self) -> bool:
        """Is there a handle on this node?"""
        return self.ticket is not None and sys.getrefcount(self.ticket) > 2

    @property
    def site_or_none(self):
        return getattr(self, "site", None)

    def __repr__(self) -> str:
        what = "given" if self.kernel is None else self.kernel.name
        return f"<Node {self.seq} {what} {self.aval}{' pending' if self.value is None else ''}>"


def concrete(value, aval: Aval, *, requires_grad: bool = False) -> Node:
    """A node of a value that is there."""
    node = _new(Node)
    node.kernel = None
    node.inputs = ()
    node.aval = aval
    node.value = value
    node.ticket = None
    node.meta = None
    node.edges = None
    node.seq = _sequence()
    node.requires_grad = requires_grad
    node.group = None
    return node


class Group:
    """Pending nodes that hang together, in record order; evaluated as one program.

    A group and its nodes point at each other until the group is evaluated or swept: the registry
    of groups sees to it that one of the two happens within a bounded number of recorded nodes.
    """

    __slots__ = ("nodes", "sorted")

    def __init__(self):
        self.nodes: list[Node] = []
        self.sorted = True

    def absorb(self, other: Group) -> None:
        for node in other.nodes:
            node.group = self
        self.nodes += other.nodes
        self.sorted = False
        other.nodes = []
        GROUPS.discard(other)

    def dissolve(self) -> list[Node]:
        """Take the nodes, in record order; nothing is pending in this group any more."""
        nodes, self.nodes = self.nodes, []
        if not self.sorted:
            nodes.sort(key=_by_sequence)
        for node in nodes:
            node.group = None
        GROUPS.discard(self)
        return nodes


def _by_sequence(node: Node) -> int:
    return node.seq


GROUPS: set[Group] = set()
LIMIT = 4096  # pending nodes: past it, what is dead is dropped and the rest is evaluated
_recorded = 0
_on_full: list[Any] = []  # evaluate.py's way to evaluate all groups


def record(kernel, inputs: tuple, requires_grad: bool) -> Node:
    """Append a pending node."""
    global _recorded
    group = None
    for i in inputs:
        other = i.group
        if other is not None and other is not group:
            if group is None:
                group = other
            elif len(group.nodes) >= len(other.nodes):
                group.absorb(other)
            else:
                other.absorb(group)
                group = other
    if group is None:
        group = Group()
        GROUPS.add(group)
    node = _new(Node)  # slot by slot: this is the recording path, and __init__ would be a call more
    node.kernel = kernel
    node.inputs = inputs
    node.aval = kernel.out
    node.value = node.ticket = node.meta = node.edges = None
    node.seq = _sequence()
    node.requires_grad = requires_grad
    node.group = group
    group.nodes.append(node)
    _recorded += 1
    if _recorded > LIMIT:
        _sweep()
    return node


def _sweep() -> None:
    """Keep the pending graph bounded: drop what no handle can reach, evaluate what is left."""
    global _recorded
    pending = 0
    for group in list(GROUPS):
        if any(node.live for node in group.nodes):
            pending += len(group.nodes)
        else:
            group.dissolve()
    _recorded = pending
    if pending > LIMIT // 2:
        for evaluate_all in _on_full:
            evaluate_all()
        _recorded = 0
