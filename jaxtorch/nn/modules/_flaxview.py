"""How flax sees a module: its tensors as nnx Variables, its submodules as nodes, the rest as
statics.

nnx walks a module through the functions below, and JAX flattens it through them. Attribute names
are
the path; a Parameter is an ``nnx.Param`` already, any other Tensor is shown as a ``Buffer``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
from flax import nnx
from flax.nnx import graphlib

from jaxtorch.nn.modules._members import KEPT
from jaxtorch.nn.parameter import Buffer, Parameter
from jaxtorch.tensor import Tensor

_SIMPLE = (bool, int, float, str, bytes, complex, type(None))


class Frozen:
    """An attribute that cannot be hashed (a list of sizes, a dict of options), keyed by its
    content.

    The content is taken when flax looks: a list that has grown is another structure, traced anew.
    """

    __slots__ = ("value", "key")

    def __init__(self, value):
        self.value = value
        self.key = content(value)

    def __eq__(self, other):
        return isinstance(other, Frozen) and self.key == other.key

    def __hash__(self):
        return hash(self.key)

    def __repr__(self):
        return repr(self.value)


def content(value) -> Any:
    """A hashable key, equal for equal content; identity for what has no content we know of."""
    if isinstance(value, _SIMPLE):
        return (type(value), value)
    if isinstance(value, list | tuple):
        return (type(value), *map(content, value))
    if isinstance(value, dict):
        return (type(value), *((content(k), content(v)) for k, v in value.items()))
    if isinstance(value, set | frozenset):
        return (type(value), frozenset(map(content, value)))
    if isinstance(value, np.ndarray):
        return (type(value), value.shape, value.dtype.str, value.tobytes())
    if dataclasses.is_dataclass(value) and type(value).__hash__ is None:
        return (type(value), content(vars(value)))
    if type(value).__hash__ is None and hasattr(value, "__dict__"):
        return (type(value), content(vars(value)))
    return _Same(value)


class _Same:
    """Equal to itself only; holds what it names, so that an id is never used twice."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self):
        return id(self.value)


def _own_copy(value):
    """Containers anew, what they hold as it is: a clone's list of sizes is its own."""
    if type(value) in (list, set):
        return type(value)(map(_own_copy, value))
    if isinstance(value, dict):
        twin = type(value)()
        twin.update((k, _own_copy(v)) for k, v in value.items())
        return twin
    return value


def _has_data(value) -> bool:
    """Does a plain container hold tensors or modules? (PyTorch does not register them; JAX must
    see them.)"""
    if isinstance(value, list | tuple):
        return any(_is_data(v) or _has_data(v) for v in value)
    if isinstance(value, dict):
        return any(_is_data(v) or _has_data(v) for v in value.values())
    return False


def _is_data(value) -> bool:
    return isinstance(value, Tensor | jax.Array | nnx.Variable) or graphlib.is_graph_node(value)


def _show(name: str, value, buffers) -> tuple[bool, Any]:
    """(is it data, what flax gets) for one attribute."""
    if isinstance(value, _SIMPLE):
        return (
            (True, Buffer.of_value(value))
            if name in buffers and value is not None
            else (False, value)
        )
    if isinstance(value, Parameter):
        return True, value
    if isinstance(value, Tensor):
        return True, Buffer.of(value)
    if _is_data(value) or _has_data(value):
        return True, value
    if name in buffers:
        return True, Buffer.of_value(value)
    if name.startswith("_") or type(value).__hash__ is None or isinstance(value, tuple | frozenset):
        return False, Frozen(value)
    return False, value


def _take(value, fresh: bool, old: dict, name: str):
    """The attribute that flax handed back."""
    if isinstance(value, Buffer):
        return value.tensor
    if isinstance(value, Frozen):
        if name in old and content(old[name]) == value.key:
            return old[name]
        return _own_copy(value.value) if fresh else value.value
    return value


def _shown(module) -> list[tuple[str, tuple[bool, Any]]]:
    attributes = vars(module)
    kinds = attributes.get("_kinds", {})
    buffers = {name for name, kind in kinds.items() if kind == "buffer"}
    names = sorted(attributes.keys() - KEPT)
    return [(name, _show(name, attributes[name], buffers)) for name in names]


def graph_flatten(module):
    data, static = graphlib.DataElem, graphlib.StaticElem
    return [(k, data(v) if is_data else static(v)) for k, (is_data, v) in _shown(module)], type(
        module
    )


def graph_set_key(module, key, value) -> None:
    current = vars(module).get(key)
    if isinstance(value, nnx.Variable) and isinstance(current, Tensor):
        shown = current if isinstance(current, Parameter) else Buffer.of(current)
        shown.update_from_state(value)
    else:
        setattr(module, key, _take(value, True, {}, key))


def graph_pop_key(module, key):
    value = vars(module)[key]
    shown = _show(key, value, ())[1]
    delattr(module, key)
    return shown


def graph_create_empty(cls):
    return object.__new__(cls)


def graph_clear(module) -> None:
    attributes = vars(module)
    old = dict(attributes)
    attributes.clear()
    attributes["_old"] = old


def graph_init(module, attributes) -> None:
    own = vars(module)
    fresh = "_old" not in own
    old = own.pop("_old", {})
    own.update((name, old[name]) for name in KEPT & old.keys())
    for name, value in attributes:
        own[name] = _take(value, fresh, old, name)


def tree_flatten_with_keys(module):
    shown = _shown(module)
    data = [(jax.tree_util.GetAttrKey(k), v) for k, (is_data, v) in shown if is_data]
    return data, _names_and_statics(shown)


def tree_flatten(module):
    shown = _shown(module)
    return [v for _, (is_data, v) in shown if is_data], _names_and_statics(shown)


def _names_and_statics(shown):
    return (
        tuple(k for k, (is_data, _) in shown if is_data),
        tuple((k, v) for k, (is_data, v) in shown if not is_data),
    )


def tree_unflatten(cls, names_and_statics, values):
    names, statics = names_and_statics
    module = object.__new__(cls)
    own = vars(module)
    for name, value in zip(names, values, strict=True):
        own[name] = _take(value, True, {}, name)
    for name, value in statics:
        own[name] = _take(value, True, {}, name)
    return module


class FlaxView:
    """The names under which nnx looks for the functions above, and what all its modules have."""

    _pytree__is_pytree = True
    _graph_node_flatten = graph_flatten
    _graph_node_set_key = graph_set_key
    _graph_node_pop_key = graph_pop_key
    _graph_node_create_empty = staticmethod(graph_create_empty)
    _graph_node_clear = graph_clear
    _graph_node_init = graph_init
    _pytree__flatten_with_paths = tree_flatten_with_keys
    _pytree__flatten = tree_flatten
    _pytree__unflatten = classmethod(tree_unflatten)
    sow = nnx.Module.sow
    perturb = nnx.Module.perturb
    iter_modules = nnx.Module.iter_modules
    iter_children = nnx.Module.iter_children
    set_attributes = nnx.Module.set_attributes
    __treescope_repr__ = nnx.Module.__treescope_repr__

    @property
    def _nnx_tabulate_id(self) -> int:
        """By which ``nnx.tabulate`` knows a module of the copy that it calls."""
        return self.__dict__["_tabulated"]

    @_nnx_tabulate_id.setter
    def _nnx_tabulate_id(self, value: int) -> None:
        vars(self).update(_tabulated=value, _hooked=True)

    def _check_valid_context(self, error_msg) -> None:
        """nnx asks if the module may be changed in this trace; here each Tensor answers for
        itself."""


def register(cls) -> None:
    """Make a subclass known to nnx as a graph node and to JAX as a pytree, as nnx would."""
    graphlib.register_graph_node_type(
        type=cls,
        flatten=graph_flatten,
        set_key=graph_set_key,
        pop_key=graph_pop_key,
        create_empty=graph_create_empty,
        clear=graph_clear,
        init=graph_init,
    )
    jax.tree_util.register_pytree_with_keys(
        cls,
        flatten_with_keys=tree_flatten_with_keys,
        unflatten_func=cls._pytree__unflatten,
        flatten_func=tree_flatten,
    )
