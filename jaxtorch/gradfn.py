"""grad_fn: the autograd graph as a program sees and walks it."""

from __future__ import annotations

import contextlib
import weakref
from typing import Any, NamedTuple

from jaxtorch import saved_tensors
from jaxtorch.backward_names import backward_name, recorded
from jaxtorch.engine import backward as engine_backward
from jaxtorch.engine.graph import FREED, STATE, Node, concrete
from jaxtorch.engine.handles import Handles, project

_WRAPS_NUMBERS = ("add", "sub", "mul", "true_divide")  # where a number is a tensor to PyTorch


_classes: dict[str, type] = {}  # torch's name of a function: a subclass of GradFn so called
_metadata: weakref.WeakKeyDictionary[Node, dict] = weakref.WeakKeyDictionary()


class GradFn:
    """A function of the autograd graph; ``next_functions`` leads towards the leaves.

    Its class has PyTorch's name of the function; of a ``Function``'s call it answers what the
    call's ctx would.
    """

    __slots__ = ("_node",)

    def __new__(cls, node: Node):
        name = backward_name(node)
        kind = _classes.get(name)
        if kind is None:
            own = {"__slots__": (), "__module__": "builtins"}
            kind = _classes[name] = type(name, (GradFn,), own)
        return object.__new__(kind)

    def __init__(self, node: Node):
        self._node = node

    def name(self) -> str:
        return backward_name(self._node)

    @property
    def next_functions(self) -> tuple:
        source = _source(self._node)
        op = source.kernel.op if source.kernel is not None else None
        wraps = op is not None and op.name in _WRAPS_NUMBERS
        found = []
        for i, parent in enumerate(engine_backward.parents(source)):
            if parent.kernel is None and not parent.requires_grad and parent.aval.kind != "array":
                if wraps and i < 2:
                    found.append((None, 0))
                continue  # to most functions of PyTorch's a Python number is no tensor
            found.append((function_of(parent), output_number(parent)))
        return tuple(found)

    @property
    def metadata(self) -> dict:
        """A program's own notes on this function."""
        return _metadata.setdefault(_source(self._node), {})

    def _sequence_nr(self) -> int:
        return _source(self._node).seq

    def __getattr__(self, name: str):
        source = _source(self._node)
        if name.startswith(("_saved_", "_raw_saved_")) and source.kernel is not None:
            with contextlib.suppress(AttributeError):
                return saved_tensors.attribute(source, name)
        if name in ("saved_tensors", "saved_variables") and source.edges is FREED:
            raise RuntimeError(engine_backward.SECOND_TIME)
        ctx = getattr(source.edges, "ctx", None)
        if ctx is None or name.startswith("__"):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return getattr(ctx, name)

    def __dir__(self):
        source = _source(self._node)
        saved = saved_tensors.attributes(source) if source.kernel is not None else []
        ctx = getattr(source.edges, "ctx", None)
        return sorted({*super().__dir__(), *saved, *(dir(ctx) if ctx is not None else ())})

    def __call__(self, *grads):
        from jaxtorch import autograd

        return autograd.apply_node(self._node, grads)

    def register_prehook(self, hook):
        """Call ``hook(grad_outputs)`` before the function runs; what it returns, if anything, takes
        the gradients' place."""
        return self._hooked().register(self._hooked().before, hook)

    def register_hook(self, hook):
        """Call ``hook(grad_inputs, grad_outputs)`` when the function has run; what it returns, if
        anything, takes the place of ``grad_inputs``."""
        return self._hooked().register(self._hooked().after, hook)

    def _hooked(self) -> HookedEdges:
        node = _source(self._node)
        if not isinstance(node.edges, HookedEdges):
            node.edges = HookedEdges(node)
        return node.edges

    def __eq__(self, other):
        return isinstance(other, GradFn) and _source(other._node) is _source(self._node)

    def __hash__(self):
        return hash(_source(self._node))

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(_source(self._node)):#x}>"


class HookedEdges:
    """Autograd edges of a function with hooks: its own rule between them."""

    __slots__ = ("inputs", "name", "own", "kernel_inputs", "node", "before", "after")

    def __init__(self, node: Node):
        self.own = node.edges
        self.inputs = engine_backward.parents(node)
        self.name = backward_name(node)
        self.kernel_inputs = node.inputs  # which the node lets go of when it is evaluated
        self.node = weakref.ref(node)
        self.before: dict = {}
        self.after: dict = {}

    def __getattr__(self, name: str):
        if name in ("ctx", "outputs"):  # of a Function's call
            return getattr(self.own, name)
        raise AttributeError(name)

    @staticmethod
    def register(hooks: dict, hook):
        from jaxtorch.utils.hooks import RemovableHandle

        handle = RemovableHandle(hooks)
        hooks[handle.id] = hook
        return handle

    def gradients(self, cotangent):
        many = type(cotangent) is list
        given = self._through(self.before, cotangent if many else [cotangent])
        node = self.node()
        walk = engine_backward.Walk(STATE.grad)
        node.edges, node.inputs, kept = self.own, self.kernel_inputs, node.inputs
        try:
            walk.step(node, given if many else given[0])
        finally:
            node.edges, node.inputs = self, kept
        found = [walk.cotangents.get(parent) for parent in self.inputs]
        return self._through(self.after, found, given)

    @staticmethod
    def _through(hooks: dict, nodes: list, *beside: list) -> list:
        """The gradients after hooks have seen them, beside others."""
        for hook in list(hooks.values()):
            shown = [tuple(map(_shown, group)) for group in (nodes, *beside)]
            changed = hook(*shown)
            if changed is not None:
                changed = changed if isinstance(changed, tuple) else (changed,)
                nodes = [None if g is None else g._read() for g in changed]
        return nodes


def _shown(node):
    return None if node is None else Handles.wrap(node)


class _Around:
    """Hooks before and after a gradient is added to a leaf's."""

    __slots__ = ("before", "after")

    def __init__(self):
        self.before: dict = {}
        self.after: dict = {}

    def begin(self, cotangent: Node) -> Node:
        return HookedEdges._through(self.before, [cotangent])[0]

    def end(self, cotangent: Node) -> None:
        HookedEdges._through(self.after, [], [cotangent])


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

    def register_prehook(self, hook):
        """Call ``hook(grad_outputs)`` before the gradient is added; what it returns, if anything,
        is added instead."""
        return HookedEdges.register(self._around().before, hook)

    def register_hook(self, hook):
        """Call ``hook((), grad_outputs)`` once the gradient has been added."""
        return HookedEdges.register(self._around().after, hook)

    def _around(self) -> _Around:
        meta = self._node.meta
        if meta.around is None:
            meta.around = _Around()
        return meta.around

    def __eq__(self, other):
        return isinstance(other, AccumulateGrad) and other._node.meta is self._node.meta

    def __hash__(self):
        return hash(id(self._node.meta))

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self._node.meta):#x}>"


def _source(node: Node) -> Node:
    """The node of the call itself, where ``node`` only picks one of its outputs."""
    node = recorded(node)
    while node.kernel is not None and node.kernel.index is not None and node.inputs:
        node = node.inputs[0]
    of = getattr(node.edges, "output_of", None)  # of a Function's call
    return node if of is None else of[0]


def output_number(node: Node) -> int:
    """Which of its function's outputs a node is."""
    of = getattr(node.edges, "output_of", None)
    if of is not None:
        return of[1]
    return (node.kernel.index or 0) if node.kernel is not None else 0


def function_of(node: Node):
    """The function that a node's gradient goes to."""
    if not node.requires_grad:
        return None
    if engine_backward.is_leaf(node):
        return AccumulateGrad(node)
    return GradFn(_source(node))


class GradientEdge(NamedTuple):
    """Where a tensor's gradient arrives: at output ``output_nr`` of ``node``."""

    node: Any
    output_nr: int
    ownership_token: Any = None


def node_of_edge(edge: GradientEdge) -> Node:
    """A node that has the history which an edge leads to."""
    source = edge.node._node
    if isinstance(edge.node, AccumulateGrad):
        return source
    source = _source(source)
    outputs = getattr(source.edges, "outputs", None)  # of a Function's call
    if outputs is not None:
        node = concrete((), outputs[edge.output_nr], requires_grad=True)
        node.edges = OutputEdges(source, edge.output_nr, len(outputs), source.edges.name)
        return node
    if source.kernel is None or source.kernel.outputs is None:
        return source
    return project(source, edge.output_nr)


def key_of_edge(edge: GradientEdge):
    """What a gradient that arrives at an edge is captured by: a node with several outputs gets a
    list of them."""
    if isinstance(edge.node, AccumulateGrad):
        return edge.node._node.meta
    return _source(edge.node._node)


class OutputEdges:
    """Autograd edges of one output of a Function: its call has them all."""

    __slots__ = ("output_of", "inputs", "name")

    def __init__(self, call: Node, index: int, outputs: int, name: str):
        self.output_of = (call, index, outputs)
        self.inputs = (call,)
        self.name = name
