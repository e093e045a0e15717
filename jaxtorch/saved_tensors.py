"""Saved tensors as a program sees them: packed by its hooks, and read off ``grad_fn``.

A recorded op saves nothing by itself: its inputs are immutable and the engine decides what is kept.
Where hooks are on, what PyTorch would save of the op is packed as soon as it is recorded, and the
node gets edges whose gradient is computed from what unpacking gives.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from jaxtorch.backward_names import backward_name
from jaxtorch.engine import backward as engine_backward, saving
from jaxtorch.engine.aliases import alias, cast, redirected
from jaxtorch.engine.backward import emit
from jaxtorch.engine.graph import FREED, NOTHING, STATE, Node, Number
from jaxtorch.engine.handles import Handles, TensorBase, node_of_numpy, project
from jaxtorch.engine.kernels import Kernel, differentiable
from jaxtorch.saved_names import names_saved

# One kernel of ours where PyTorch records several functions: what the last of them saves says
# nothing of the whole.
_WRAPS_NUMBERS = ("mul", "true_divide")  # where a number is a tensor to PyTorch
_SEVERAL = frozenset({"alpha_dropout", "cross_entropy", "dropout", "feature_dropout", "l1_loss"})
# (op, PyTorch's name of what is saved) -> our parameter
_PARAMETERS = {
    ("embedding", "indices"): "input",
    ("linear", "mat1"): "input",
    ("linear", "mat2"): "weight",
}
_UNLIKE = {("batch_norm_train", "result1"), ("batch_norm_train", "result2")}  # ours are others


def _flat(tensor):
    return tensor.reshape(-1, tensor.shape[-1]) if tensor.ndim > 2 else tensor


# (op, name) -> how what is given is shown
_FORMS = {
    ("linear", "mat1"): _flat, ("linear", "mat2"): lambda t: t.t(),
    ("linear", "self"): _flat,
}  # fmt: skip


class Slot:
    """One tensor that a node saves: the number of an input, or of an output counted on from the
    last input; and the form that it is shown in."""

    __slots__ = ("place", "form")

    def __init__(self, place: int, form=None):
        self.place = place
        self.form = form

    def of(self, node: Node) -> Node:
        """The node whose value is saved."""
        inputs = engine_backward.parents(node)
        if self.place < len(inputs):
            return inputs[self.place]
        if node.kernel.outputs is None:
            return node
        return project(node, self.place - len(inputs))

    def tensor(self, node: Node):
        """The tensor saved, as hooks are given it: a leaf itself, as far as it is known."""
        found = self.of(node)
        meta = found.meta
        owner = meta.owner() if meta is not None and meta.owner is not None else None
        shown = owner if owner is not None and owner._node is found else Handles.wrap(found)
        return shown if self.form is None else self.form(shown)

    def given_back(self, tensor, node: Node):
        """What was shown, in the form that it is computed with."""
        if self.form is None:
            return tensor
        shape = self.of(node).aval.shape
        return tensor.reshape(tuple(shape)) if self.form is _flat else self.form(tensor)


# ---------------------------------------------------------------------------------------------
# What a node saves


def saved_slots(node: Node) -> dict[str, Slot]:
    """What PyTorch saves of a node's call, in its order, by PyTorch's names (or numbers, where it
    has none)."""
    kernel, inputs = node.kernel, engine_backward.parents(node)
    needs = tuple([i.requires_grad for i in inputs])
    read = saving.read_slots(kernel, needs)
    found: dict[str, Slot] = {}
    tensors = names_of(node)[0]
    if tensors:
        most = saving.read_slots(kernel, tuple(map(differentiable, kernel.avals)))
        if any(i.__class__ is Number for i in inputs) and kernel.op.name in _WRAPS_NUMBERS:
            most = (0, 1)
        for name in tensors:
            slot = slot_named(node, name)
            # Of what only another input's gradient reads, PyTorch saves nothing.
            if slot is not None and not (slot.place in most and slot.place not in read):
                found[name] = slot
    known = {slot.place for slot in found.values()}
    for place in read:
        # Of what has names, indices and masks alone may go by another one.
        if place not in known and (not known or _is_index(inputs, place)):
            found[str(place)] = Slot(place)
    return {n: s for n, s in found.items() if _is_tensor(s, inputs)}


def _is_tensor(slot: Slot, inputs) -> bool:
    return slot.place >= len(inputs) or inputs[slot.place].__class__ is Node


def _is_index(inputs, place: int) -> bool:
    return (
        place < len(inputs)
        and inputs[place].__class__ is Node
        and not differentiable(inputs[place].aval)
    )


def names_of(node: Node) -> tuple[tuple, tuple]:
    """PyTorch's names of the tensors and of the other things that a node's function saves."""
    kernel = node.kernel
    if kernel.__class__ is not Kernel or kernel.op is None:
        return (), ()
    name = kernel.op.name
    if name in _SEVERAL:
        return (), ()
    if name == "linear":
        bias = kernel.avals[2].kind != "none"
        return (("mat1", "mat2"), ("alpha", "beta")) if bias else (("mat2", "self"), ())
    return names_saved(backward_name(node))


def slot_named(node: Node, name: str) -> Slot | None:
    kernel = node.kernel
    names = [p[0] for p in kernel.op.params]
    if any(kind == "Arrays" for _, kind, _ in kernel.op.params):
        names = names[:1] if kernel.op.params[0][1] != "Arrays" else []
    if (kernel.op.name, name) in _UNLIKE:
        return None
    form = _FORMS.get((kernel.op.name, name))
    name = _PARAMETERS.get((kernel.op.name, name), name)
    if name in names:
        return Slot(names.index(name), form)
    if name == "self":
        return Slot(0, form) if names else None
    outputs = kernel.all_out
    fields = getattr(kernel.op.result, "_fields", ())
    if name in fields:
        return Slot(len(kernel.avals) + fields.index(name))
    if name.startswith("result"):
        number = int(name[6:] or 0)
        return Slot(len(kernel.avals) + number) if number < len(outputs) else None
    if name == "output":
        return Slot(len(kernel.avals))
    if name == "indices" and len(outputs) == 2:
        return Slot(len(kernel.avals) + 1)
    if name in ("other", "mat2", "vec", "tensor") and len(names) == 2:
        return Slot(1)
    return None


# ---------------------------------------------------------------------------------------------
# Packing


class Packed:
    """What a program's ``pack`` made of a tensor, and its way back."""

    __slots__ = ("data", "unpack_hook")

    def __init__(self, data, unpack_hook):
        self.data = data
        self.unpack_hook = unpack_hook

    def tensor(self):
        found = self.unpack_hook(self.data)
        if not isinstance(found, TensorBase):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(found).__name__}"
            )
        return found


def pack(tensor, hooks: tuple) -> Packed:
    """Give a tensor to the first of two hooks."""
    version = tensor._version
    before, STATE.grad = STATE.grad, False
    try:
        data = hooks[0](tensor)
    finally:
        STATE.grad = before
    if tensor._version != version:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place: give back another tensor "
            "(t + 1, not t.add_(1))"
        )
    return Packed(data, hooks[1])


class SavedEdges:
    """Autograd edges of a node some of whose saved tensors are packed."""

    __slots__ = ("inputs", "node", "packed", "results")

    def __init__(self, node: Node, slots):
        self.inputs = engine_backward.parents(node)
        self.results = any(s.place >= len(self.inputs) for s in slots)  # or computed again
        self.node = weakref.ref(node)
        self.packed: dict[int, tuple] = {}  # place -> (Slot, Packed)

    def pack(self, slot: Slot, hooks: tuple) -> None:
        node = self.node()
        packed = pack(slot.tensor(node), hooks)
        data = packed.data
        if slot.place >= len(self.inputs) and isinstance(data, TensorBase):
            # The result itself would lead to its history, and that to here.
            if data._base is None and not engine_backward.is_leaf(data._node):
                packed.data = Handles.wrap(alias(data._node))
        self.packed[slot.place] = slot, packed

    def unpacked(self, place: int) -> Node:
        """The value that unpacking gives, with the history of what was packed."""
        slot, packed = self.packed[place]
        tensor = packed.tensor()
        node = self.node()
        return standing_in(slot.given_back(tensor, node), slot.of(node))

    def gradients(self, cotangent) -> list:
        node, inputs = self.node(), self.inputs
        kernel = node.kernel
        many = cotangent if type(cotangent) is list else [cotangent]
        needs = tuple([i.requires_grad for i in inputs])
        vjp = saving.saved_vjp(kernel, needs, tuple([c is not None for c in many]), self.results)
        values = {place: self.unpacked(place) for place in self.packed}
        read = [values[p] if p in values else Slot(p).of(node) for p in vjp.slots]
        given = (*read, *(c for c in many if c is not None))
        gradient = emit(vjp, given, STATE.grad and any(n.requires_grad for n in given))
        if gradient.requires_grad:
            saved(gradient)
        if vjp.outputs is None:
            found = iter((gradient,))
        else:
            found = iter([project(gradient, i) for i in range(len(vjp.outputs))])
        return [next(found) if need else None for need in needs]


def standing_in(tensor, original: Node) -> Node:
    """The value of ``tensor`` with the history of ``original``, which it stands for."""
    node = tensor._read()
    if node is original:
        return node
    aval = original.aval
    if node.aval.place != aval.place:
        raise RuntimeError(
            f"a saved tensor on {aval.place} was unpacked on {node.aval.place}: an unpack hook "
            "has to bring it back"
        )
    if node.aval.shape != aval.shape:
        node = tensor.expand(tuple(aval.shape))._read()
    if node.aval.dtype is not aval.dtype:
        node = cast(node, aval.dtype)
    node = alias(node)
    return redirected(node, original) if original.requires_grad else node


def saved(node: Node) -> None:
    """Pack what a node saves that was just recorded, if hooks are on."""
    hooks = STATE.saving
    if hooks is None or node.kernel.trivial:
        return
    slots = saved_slots(node)
    if slots:
        edges = SavedEdges(node, slots.values())
        for slot in slots.values():
            edges.pack(slot, hooks)
        node.edges = edges


Handles.saved = saved


# ---------------------------------------------------------------------------------------------
# Reading them off grad_fn


class SavedTensor:
    """One saved tensor of a function of the graph: ``grad_fn._raw_saved_self``."""

    __slots__ = ("_node", "_slot")

    def __init__(self, node: Node, slot: Slot | None):
        self._node = node
        self._slot = slot

    def register_hooks(self, pack_hook, unpack_hook) -> None:
        """Pack it now, and unpack it whenever it is needed."""
        if not (callable(pack_hook) and callable(unpack_hook)):
            raise TypeError("register_hooks(pack_hook, unpack_hook): both have to be callable")
        node = self._node
        if node.edges is FREED or self._slot is None:
            state = "after it has been freed" if node.edges is FREED else "that is None"
            raise RuntimeError(
                f"Calling register_hooks on a saved tensor {state}. Saved intermediate values of "
                "the graph are freed when you call .backward() or autograd.grad(). Specify "
                "retain_graph=True if you need to backward through the graph a second time or if "
                "you need to access saved variables after calling backward."
            )
        edges = packed_edges(node)
        if edges is not None and self._slot.place in edges.packed:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: "
                "only one pair of hooks is allowed at a time."
            )
        if edges is None:
            edges = SavedEdges(node, saved_slots(node).values())
            edges.pack(self._slot, (pack_hook, unpack_hook))
            if node.edges is None:
                node.edges = edges
            else:
                node.edges.own = edges
        else:
            edges.pack(self._slot, (pack_hook, unpack_hook))


def packed_edges(node: Node) -> SavedEdges | None:
    edges = getattr(node.edges, "own", node.edges)  # behind hooks of the function
    return edges if edges.__class__ is SavedEdges else None


def attributes(node: Node) -> list[str]:
    """The names of what a node's function shows of what it saved."""
    tensors, others = names_of(node)
    shown = [n for n in tensors if slot_named(node, n) is not None]
    found = [f"_{kind}saved_{n}" for n in shown for kind in ("", "raw_")]
    return found + [f"_saved_{n}" for n in others if _other(node, n) is not _ABSENT]


def attribute(node: Node, name: str) -> Any:
    """What ``grad_fn`` answers to one of these names; AttributeError if it is none."""
    raw = name.startswith("_raw_saved_")
    short = name.removeprefix("_raw").removeprefix("_saved_")
    tensors, others = names_of(node)
    if short in tensors and slot_named(node, short) is not None:
        if raw:
            return SavedTensor(node, None if node.edges is FREED else saved_slots(node).get(short))
        return _tensor(node, short)
    if short in others and not raw:
        found = _other(node, short)
        if found is not _ABSENT:
            return found
    raise AttributeError(name)


def _tensor(node: Node, name: str):
    if node.edges is FREED:
        raise RuntimeError(engine_backward.SECOND_TIME)
    slot = saved_slots(node).get(name)
    if slot is None:
        given = slot_named(node, name)
        value = engine_backward.parents(node)[given.place] if given.place < 2 else None
        if value.__class__ is Number and _needed(node, given.place):
            return Handles.wrap(node_of_numpy(np.asarray(value.value, value.aval.dtype.numpy)))
        return None
    edges = packed_edges(node)
    if edges is not None and slot.place in edges.packed:
        found = Handles.wrap(edges.unpacked(slot.place))
        return found if slot.form is None else slot.form(found)
    return slot.tensor(node)


def _needed(node: Node, place: int) -> bool:
    needs = tuple([i.requires_grad for i in engine_backward.parents(node)])
    return place in saving.read_slots(node.kernel, needs)


_ABSENT = object()
_UNSIGNED = frozenset({"dim", "dim0", "dim1", "dim2", "offset", "diagonal"})
_FACTORS = frozenset({"alpha", "beta"})  # which are 1 where they are not given
# Functions whose ``dim`` is a list of them.
_SEVERAL_DIMS = frozenset(
    "AmaxBackward0 AminBackward0 LinalgVectorNormBackward0 LogsumexpBackward0 MeanBackward1 "
    "NansumBackward0 StdBackward0 StdMeanBackward0 SumBackward1 VarBackward0 "
    "VarMeanBackward0".split()
)


def _other(node: Node, name: str):
    """What is no tensor: a static argument, a number, a shape."""
    kernel = node.kernel
    of, _, what = name.partition("_sym_")
    if what == "sizes" or what == "numel":
        slot = slot_named(node, of)
        if slot is None or slot.place >= len(kernel.avals):
            return _ABSENT
        shape = tuple(kernel.avals[slot.place].shape)
        return shape if what == "sizes" else _product(shape)
    names = [p[0] for p in kernel.op.params]
    if name in names and len(names) == len(kernel.avals):
        given = engine_backward.parents(node)
        value = given[names.index(name)] if given else None
        if value.__class__ is Number:
            return value.value
        return 1 if value is NOTHING and name in _FACTORS else _ABSENT
    if kernel.op.name == "linear" and name in _FACTORS:
        return 1
    if name not in kernel.statics:
        return _ABSENT
    value = kernel.statics[name]
    if name == "dim" and value.__class__ is int and backward_name(node) in _SEVERAL_DIMS:
        value = (value,)
    if name in _UNSIGNED:  # PyTorch shows its integers as unsigned ones
        if value.__class__ is int:
            return value % 2**64
        if value.__class__ is tuple:
            return tuple(v % 2**64 for v in value)
    return value


def _product(shape: tuple) -> int:
    size = 1
    for n in shape:
        size *= n
    return size
