"""Backward is more recording: for each node, in reverse order, the vjp of its kernel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp

from jaxtorch.engine import evaluate, foresight
from jaxtorch.engine.graph import FREED, NOTHING, STATE, Aval, Node, Number, record
from jaxtorch.engine.handles import Handles, node_of_array, node_of_result, project
from jaxtorch.engine.kernels import KERNELS, Kernel, VjpKernel
from jaxtorch.engine.trace import is_traced

SECOND_TIME = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they "
    "have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward."
)


@dataclass(slots=True, eq=False)
class Grad:
    """What autograd knows of a handle: shared by the handle and by the nodes it has been."""

    leaf: bool
    grad: Any = None  # a Tensor
    retain: bool = False
    hooks: dict = field(default_factory=dict)  # of the gradient: register_hook
    after: dict = field(default_factory=dict)  # register_post_accumulate_grad_hook
    owner: Any = None  # weak reference to the handle, for those hooks
    of_rows: bool = False  # is the gradient one that PyTorch keeps as the rows it is not zero in?
    around: Any = None  # hooks of the accumulation itself: begin(cotangent) -> cotangent, end()


def parents(node: Node) -> tuple:
    if node.edges is None or node.edges is FREED:
        return node.inputs
    return getattr(node.edges, "inputs", node.inputs)


def is_leaf(node: Node) -> bool:
    return node.meta is not None and node.meta.leaf


def _reachable(roots, ends=()) -> list[Node]:
    """The nodes that carry gradients back from ``roots``, the latest recorded first, and none
    before ``ends``."""
    seen = {n for n in roots if n.requires_grad}
    todo = list(seen)
    while todo:
        node = todo.pop()
        if is_leaf(node) or node in ends:
            continue
        for parent in parents(node):
            if parent.requires_grad and parent not in seen:
                seen.add(parent)
                todo.append(parent)
    return sorted(seen, key=lambda n: n.seq, reverse=True)


def leaves(roots) -> list[Node]:
    """The leaves that gradients of ``roots`` arrive at."""
    return [n for n in _reachable(roots) if is_leaf(n)]


def _leading_to(order: list[Node], is_target) -> set:
    """Those of ``order`` (latest first) from which a target can be reached."""
    leads = set()
    for node in reversed(order):
        if is_target(node) or (not is_leaf(node) and any(p in leads for p in parents(node))):
            leads.add(node)
    return leads


def emit(kernel: Kernel, inputs: tuple, wants_grad: bool) -> Node:
    """Record a kernel, or run it at once inside a trace."""
    if not any(i.aval.__class__ is Aval and i.aval.kind == "traced" for i in inputs):
        return record(kernel, inputs, wants_grad)
    arrays = [
        i.value if i.__class__ is Number else None if i is NOTHING else evaluate.force(i)
        for i in inputs
    ]
    out = kernel.plain(*arrays)
    node = node_of_result(out)
    node.kernel = kernel
    if wants_grad:
        node.inputs = inputs
        node.requires_grad = True
    return node


def add(a: Node, b: Node) -> Node:
    key = ("accumulate", a.aval)
    kernel = KERNELS.get(key)
    if kernel is None:
        kernel = Kernel(
            "accumulate", None, None, (a.aval, b.aval), lambda _, x, y: x + y, out=a.aval
        )
        if a.aval.kind != "traced":
            KERNELS[key] = kernel
    return emit(kernel, (a, b), STATE.grad and (a.requires_grad or b.requires_grad))


def ones_like(node: Node) -> Node:
    aval = node.aval
    if aval.kind == "traced":
        return node_of_array(jnp.ones(aval.shape, aval.dtype.numpy))
    key = ("ones", aval)
    kernel = KERNELS.get(key)
    if kernel is None:
        kernel = KERNELS[key] = Kernel(
            "ones", None, None, (), lambda _: jnp.ones(aval.shape, aval.dtype.numpy), out=aval
        )
    return record(kernel, (), False)


# ---------------------------------------------------------------------------------------------


class Walk:
    """One backward pass: cotangents by node, as they come in."""

    reached: frozenset | set = frozenset()  # the nodes that it goes to

    def __init__(self, create_graph: bool):
        self.create_graph = create_graph
        self.again = False  # does it lead through gradients?
        self.partial = False  # is it for some gradients only: grad(), or backward(inputs=...)
        self.cotangents: dict[Node, Any] = {}  # Node, or a list for a node with several outputs

    def will_reach(self, node: Node) -> bool:
        """Does this pass go to a node, or to another value of the same leaf?"""
        if node in self.reached:
            return True
        return is_leaf(node) and any(n.meta is node.meta for n in self.reached)

    def give(self, node: Node, cotangent: Node) -> None:
        before = self.cotangents.get(node)
        self.cotangents[node] = cotangent if before is None else add(before, cotangent)

    def step(self, node: Node, cotangent) -> None:
        """Hand the gradients of one node on to its parents."""
        edges = node.edges
        if edges is FREED:
            raise RuntimeError(SECOND_TIME)
        kernel = node.kernel
        if edges is not None and not (self.create_graph and hasattr(edges, "pull")):
            self._through(edges, node, cotangent)
        elif kernel.index is not None:
            source = node.inputs[0]
            self._give_output(source, kernel.index, len(source.kernel.outputs), cotangent)
        elif kernel.passes:
            self.give(node.inputs[0], cotangent)
        else:
            self._vjp(node, kernel, cotangent)

    def _give_output(self, source: Node, index: int, outputs: int, cotangent: Node) -> None:
        """Hand a cotangent to one of several outputs of ``source``."""
        outs = self.cotangents.setdefault(source, [None] * outputs)
        before = outs[index]
        outs[index] = cotangent if before is None else add(before, cotangent)

    def _vjp(self, node, kernel, cotangent) -> None:
        inputs = node.inputs
        needs = tuple([i.requires_grad for i in inputs])
        if kernel.outputs is None:
            have, given = _YES, (cotangent,)
        else:
            have = tuple([c is not None for c in cotangent])
            given = tuple([c for c in cotangent if c is not None])
        # What saved nothing of its inputs has a gradient that depends on the cotangents alone.
        wants_grad = self.create_graph and STATE.grad
        wants_grad = wants_grad and (any(c.requires_grad for c in given) or kernel.saves)
        gradient = emit(self._gradient_of(kernel, needs, have), inputs + given, wants_grad)
        if wants_grad and STATE.saving is not None:
            Handles.saved(gradient)
        if gradient.kernel.outputs is None:
            self.give(inputs[needs.index(True)], gradient)
            return
        i = 0
        for parent, need in zip(inputs, needs, strict=True):
            if need:
                self.give(parent, project(gradient, i))
                i += 1

    def _gradient_of(self, kernel: Kernel, needs: tuple, have: tuple) -> Kernel:
        return kernel.vjp(needs, have, self.again)

    def through_hooks(self, meta: Grad, cotangent: Node) -> Node:
        return run_hooks(meta, cotangent)

    def _through(self, edges, node, cotangent) -> None:
        """Edges with their own rule: a pullback inside a trace, a Function, a redirection."""
        if hasattr(edges, "output_of"):
            source, index, outputs = edges.output_of
            self._give_output(source, index, outputs, cotangent)
            return
        if hasattr(edges, "pull"):
            many = cotangent if type(cotangent) is list else [cotangent]
            arrays = [None if c is None else evaluate.force(c) for c in many]
            grads = [None if g is None else node_of_array(g) for g in edges.gradients(arrays)]
        else:
            grads = edges.gradients(cotangent)
        for parent, g in zip(parents(node), grads, strict=True):
            if g is not None and parent.requires_grad:
                self.give(parent, g)


_YES = (True,)
_running: list[Walk] = []  # the passes that are going on, the innermost last


def running_pass() -> Walk:
    """The backward pass that a hook is called in."""
    return _running[-1]


def run_hooks(meta: Grad, cotangent: Node) -> Node:
    for hook in list(meta.hooks.values()):
        result = hook(Handles.wrap(cotangent))
        if result is not None:
            cotangent = result._node if result._base is None else result._read()
    return cotangent


def accumulate(meta: Grad, cotangent: Node, create_graph: bool) -> None:
    """Add to ``.grad`` of a leaf: in place, so that who holds the gradient sees it grow."""
    owner = meta.owner() if meta.owner is not None else None
    if owner is not None and is_traced(cotangent):
        owner._check_trace()
    if meta.around is not None:
        cotangent = meta.around.begin(cotangent)
    grad = meta.grad
    if grad is None:
        meta.grad = Handles.wrap(cotangent)
    elif create_graph:
        meta.grad = Handles.wrap(add(grad._read(), cotangent))
    elif grad._base is None:
        grad._set(add(grad._node, cotangent))
    else:
        grad._write_view(add(grad._read(), cotangent))
    if owner is not None:
        for hook in list(meta.after.values()):
            hook(owner)
    if meta.around is not None:
        meta.around.end(cotangent)


def backward(
    roots, cotangents, *, retain_graph: bool, create_graph: bool, capture=None, only=None,
    walk=None, ends=(),
):  # fmt: skip
    """Walk the graph back from ``roots``, by another kind of Walk where one is given.

    Without ``capture`` the gradients of the leaves are accumulated into their ``.grad`` (of all, or
    of the Grads in ``only``). ``capture`` is a list of nodes or Grads: their gradients are
    returned, None for one that was not reached (FREED where it may have been, by a way that is
    forgotten). ``ends``, nodes among them, are gone back to and
    no further.
    """
    order = _reachable(roots, ends)
    plain = capture is None and only is None and not create_graph and len(roots) == 1
    walk = walk or STATE.walk
    plain = plain and walk is None
    if plain and roots[0].value is not None and _is_ones(cotangents[0]):
        foreseen = foresight.take(roots[0], order)
        if foreseen is not None:
            _hand_out(foreseen, order, retain_graph)
            return None
        foresight.note_backward(roots[0])
    wanted = lost = None
    if capture is not None or only is not None:
        keys = set(capture if capture is not None else only)
        wanted = _leading_to(order, lambda n: n in keys or n.meta in keys)
        forgotten = any(n.edges is FREED and n not in ends for n in order)
        lost = FREED if forgotten else None
    if capture is None:
        _cut(roots, order)
    walk = (walk or Walk)(create_graph)
    walk.again = any(n.kernel.__class__ is VjpKernel for n in order)
    walk.reached = set(order) if wanted is None else wanted
    walk.partial = wanted is not None
    _running.append(walk)
    for root, cotangent in zip(roots, cotangents, strict=True):
        walk.give(root, cotangent)
    caught: dict = {}
    gone_through: list[Node] = []  # where not to all: those on the way to what is wanted
    before, STATE.grad = STATE.grad, create_graph
    try:
        for node in order:
            cotangent = walk.cotangents.pop(node, None)
            if cotangent is None or (wanted is not None and node not in wanted):
                continue
            meta = node.meta
            if meta is not None:
                if meta.hooks:
                    cotangent = walk.through_hooks(meta, cotangent)
                if meta.retain and capture is None and not meta.leaf:
                    meta.grad = Handles.wrap(cotangent)
            if capture is not None and (node in keys or meta in keys):
                key = node if node in keys else meta
                caught[key] = add(caught[key], cotangent) if key in caught else cotangent
            if meta is not None and meta.leaf:
                if capture is None and (only is None or meta in keys):
                    accumulate(meta, cotangent, create_graph)
                continue
            if wanted is not None:
                if capture is not None and not any(p in wanted for p in parents(node)):
                    continue
                gone_through.append(node)
            if node not in ends:
                walk.step(node, cotangent)
    finally:
        STATE.grad = before
        _running.pop()
    if not retain_graph:
        free(order if wanted is None else gone_through)
    if capture is not None:
        return [caught.get(key, lost) for key in capture]
    return None


def _is_ones(cotangent: Node) -> bool:
    return cotangent.kernel is not None and cotangent.kernel.name == "ones"


def _gradients_beforehand(root: Node) -> dict | None:
    """The gradients of all leaves below ``root``, recorded before anybody asks (Grad -> Tensor)."""
    order = _reachable([root])
    if not order or foresight.watched(order):
        return None
    leaves = list({n.meta: None for n in order if is_leaf(n)})
    grads = backward(
        [root], [ones_like(root)], retain_graph=True, create_graph=False, capture=leaves
    )
    return {m: Handles.wrap(g) for m, g in zip(leaves, grads, strict=True) if g.__class__ is Node}


foresight.gradients = _gradients_beforehand


def _hand_out(grads: dict, order: list[Node], retain_graph: bool) -> None:
    """Accumulate gradients that were computed beforehand."""
    for meta, grad in grads.items():
        accumulate(meta, grad._node, create_graph=False)
    if not retain_graph:
        free(order)


def _cut(roots, order) -> None:
    """Evaluate gradients left pending by an earlier backward, unless they hang together with this
    one: accumulating over batches then runs one program a batch, whatever their number."""
    groups = {root.group for root in roots}
    pending = []
    for node in order:
        if node.meta is not None and node.meta.leaf and node.meta.grad is not None:
            grad = node.meta.grad._node
            if grad.value is None and grad.group not in groups:
                pending.append(grad)
    if pending:
        evaluate.evaluate(pending)


def _saved(node: Node) -> bool:
    if node.edges is not None:
        return not getattr(node.edges, "keeps", False)
    kernel = node.kernel
    return not (kernel is None or kernel.trivial) and kernel.saves


def free(order: list[Node]) -> None:
    """Forget what backward saved in the nodes it walked (the latest first).

    A node that saved nothing stays passable, as in PyTorch, unless it leads to one that is freed:
    then a second walk fails in any case, and a loss that is kept need not hold the graph.
    """
    for node in reversed(order):
        if is_leaf(node) or node.edges is FREED:
            continue
        if any(p.__class__ is Node and p.edges is FREED for p in parents(node)) or _saved(node):
            node.edges = FREED
            if node.value is not None or is_traced(node):
                node.inputs = ()
