"""backward and grad: the entries to the engine's walk."""

from __future__ import annotations

import math

from jaxtorch.engine import backward as engine_backward
from jaxtorch.engine.batched import batched_walk
from jaxtorch.engine.graph import FREED, Node
from jaxtorch.engine.handles import Handles, TensorBase
from jaxtorch.gradfn import AccumulateGrad, GradientEdge, key_of_edge, node_of_edge

__all__ = ["apply_node", "backward", "grad"]


def _many(x) -> tuple:
    return (x,) if isinstance(x, (TensorBase, GradientEdge)) or x is None else tuple(x)


def _node_of(x) -> Node:
    return node_of_edge(x) if isinstance(x, GradientEdge) else x._read()


def _cotangents(tensors, grads, batch: tuple = ()) -> list[Node]:
    if len(grads) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(grads)} gradients")
    nodes = []
    for t, g in zip(tensors, grads, strict=True):
        node = _node_of(t)
        shape = node.aval.shape
        if g is None:
            if not node.requires_grad:
                raise RuntimeError(
                    "element 0 of tensors does not require grad and does not have a grad_fn"
                )
            if math.prod(shape) != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            nodes.append(engine_backward.ones_like(node))
            continue
        if not isinstance(g, TensorBase):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
        if g.shape != batch + shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[0] has a shape of {g.shape} and output[0] has a "
                f"shape of {shape}." + (f" Its batch is of {batch[0]}." if batch else "")
            )
        if not node.requires_grad:
            raise RuntimeError(
                "element 0 of tensors does not require grad and does not have a grad_fn"
            )
        dtype = node.aval.dtype
        nodes.append(g._read() if g.dtype is dtype else g.to(dtype)._read())
    return nodes


def backward(
    tensors, grad_tensors=None, retain_graph=None, create_graph: bool = False, grad_variables=None,
    inputs=None,
) -> None:  # fmt: skip
    """Add to the ``.grad`` of every leaf the gradient of the sum of ``tensors`` (weighted with
    ``grad_tensors``, which may be None for tensors of one element)."""
    tensors = _many(tensors)
    grads = grad_tensors if grad_tensors is not None else grad_variables
    grads = (None,) * len(tensors) if grads is None else _many(grads)
    only = None
    if inputs is not None:
        only = []
        for t in _many(inputs):
            if isinstance(t, GradientEdge):
                if not isinstance(t.node, AccumulateGrad):
                    raise RuntimeError(
                        "backward(inputs=...): an edge has to be a leaf's, as there is no .grad to "
                        "add to elsewhere"
                    )
                only.append(key_of_edge(t))
                continue
            if not t.requires_grad:
                raise RuntimeError("One of the differentiated Tensors does not require grad")
            if t.is_leaf:
                only.append(t._meta)
            else:
                t.retain_grad()
                only.append(t._meta)
        if not only:
            raise RuntimeError("'inputs' argument to 'backward' cannot be empty.")
    cotangents = _cotangents(tensors, grads)
    engine_backward.backward(
        [_node_of(t) for t in tensors], cotangents, create_graph=create_graph,
        retain_graph=create_graph if retain_graph is None else retain_graph, only=only,
    )  # fmt: skip


def grad(
    outputs, inputs, grad_outputs=None, retain_graph=None, create_graph: bool = False,
    allow_unused: bool | None = None, is_grads_batched: bool = False,
    materialize_grads: bool = False,
    only_inputs: bool = True,
) -> tuple:  # fmt: skip
    """The gradients of the sum of ``outputs`` with respect to ``inputs``, a tuple; no ``.grad``
    changes. An input that was not used raises, or gives None with ``allow_unused``. With
    ``is_grads_batched`` the ``grad_outputs`` have a first dimension more, and so have the
    results."""
    if not only_inputs:
        raise NotImplementedError("autograd.grad(only_inputs=False)")
    outputs, inputs = _many(outputs), _many(inputs)
    if allow_unused is None:
        allow_unused = materialize_grads
    for t in inputs:
        if not isinstance(t, GradientEdge) and not t.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    grads = (None,) * len(outputs) if grad_outputs is None else _many(grad_outputs)
    batch: tuple = ()
    if is_grads_batched:
        sizes = {g.shape[0] for g in grads if g is not None and g.dim()}
        if len(sizes) != 1 or None in grads:
            raise RuntimeError("is_grads_batched=True: grad_outputs need a batch of one size")
        batch = tuple(sizes)
    keys = []
    for t in inputs:
        if isinstance(t, GradientEdge):
            keys.append(key_of_edge(t))
            continue
        node = t._read()
        keys.append(node.meta if engine_backward.is_leaf(node) else node)
    found = engine_backward.backward(
        [_node_of(t) for t in outputs], _cotangents(outputs, grads, batch),
        create_graph=create_graph,
        retain_graph=create_graph if retain_graph is None else retain_graph, capture=keys,
        walk=batched_walk(*batch) if batch else None,
    )  # fmt: skip
    if not allow_unused and FREED in found:
        raise RuntimeError(engine_backward.SECOND_TIME)
    found = [None if g is FREED else g for g in found]
    found = [
        g[t.output_nr] if type(g) is list else g for g, t in zip(found, inputs, strict=True)
    ]  # a node with several outputs has a list
    if not allow_unused and None in found:
        raise RuntimeError(
            f"The differentiated Tensor at index {found.index(None)} appears to not have been used "
            "in the graph. Set allow_unused=True if this is the desired behavior."
        )
    result = [None if g is None else Handles.wrap(g) for g in found]
    if materialize_grads:
        result = [
            _zeros_like(_node_of(t).aval, batch) if g is None else g
            for g, t in zip(result, inputs, strict=True)
        ]
    return tuple(result)


def _zeros_like(aval, batch: tuple):
    from jaxtorch.ops.creation import zeros

    return zeros(batch + tuple(aval.shape), dtype=aval.dtype, device=aval.place)


def apply_node(node: Node, grads) -> tuple:
    """The gradients that one function of the graph hands on, for its cotangents."""
    if node.edges is FREED:
        raise RuntimeError(engine_backward.SECOND_TIME)
    walk = engine_backward.Walk(create_graph=False)
    many = [g._read() for g in grads]
    walk.step(node, many if node.kernel is not None and node.kernel.outputs else many[0])
    found = [walk.cotangents.get(p) for p in engine_backward.parents(node) if p.requires_grad]
    return tuple(None if g is None else Handles.wrap(g) for g in found)
