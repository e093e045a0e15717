"""``torch.utils._pytree``: nested containers taken apart and put together again.

torch's rules, which are not those of ``jax.tree``: None is a leaf, and a dict keeps its order.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import UnionType
from typing import Any, NamedTuple

from jaxtorch.size import Size

__all__ = [
    "GetAttrKey", "LeafSpec", "MappingKey", "PyTree", "SequenceKey", "TreeSpec",
    "is_namedtuple", "is_namedtuple_class", "is_namedtuple_instance", "key_get", "keystr",
    "register_pytree_node", "tree_all", "tree_all_only", "tree_any", "tree_any_only",
    "tree_flatten", "tree_flatten_with_path", "tree_is_leaf", "tree_iter", "tree_leaves",
    "tree_leaves_with_path", "tree_map", "tree_map_", "tree_map_only", "tree_map_only_",
    "tree_map_with_path", "tree_structure", "tree_unflatten", "treespec_pprint",
]  # fmt: skip

PyTree = Any
Leaf = Callable[[Any], bool] | None

# -- paths ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SequenceKey:
    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, parent):
        return parent[self.idx]


@dataclass(frozen=True)
class MappingKey:
    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, parent):
        return parent[self.key]


@dataclass(frozen=True)
class GetAttrKey:
    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, parent):
        return getattr(parent, self.name)


def keystr(kp: Iterable) -> str:
    """A path as it is written in Python: ``['b'][0]``."""
    return "".join(map(str, kp))


def key_get(obj, kp: Iterable):
    """What a path leads to."""
    for key in kp:
        obj = key.get(obj)
    return obj


# -- kinds of nodes -------------------------------------------------------------------------------


class NodeDef(NamedTuple):
    flatten_fn: Callable[[Any], tuple[list, Any]]
    unflatten_fn: Callable[[Iterable, Any], Any]
    keys: Callable[[Any], list]


def is_namedtuple_class(cls: type) -> bool:
    fields = getattr(cls, "_fields", None)
    return isinstance(cls, type) and issubclass(cls, tuple) and isinstance(fields, tuple)


def is_namedtuple_instance(obj) -> bool:
    return is_namedtuple_class(type(obj))


def is_namedtuple(obj) -> bool:
    """A namedtuple, or the class of one?"""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def _indices(x) -> list:
    return [SequenceKey(i) for i in range(len(x))]


def _dict_keys(d) -> list:
    return [MappingKey(key) for key in d]


def _by_key(make: Callable):
    return lambda values, keys: make(zip(keys, values, strict=True))


SUPPORTED_NODES: dict[Any, NodeDef] = {
    tuple: NodeDef(lambda t: (list(t), None), lambda values, _: tuple(values), _indices),
    list: NodeDef(lambda x: (list(x), None), lambda values, _: list(values), _indices),
    Size: NodeDef(lambda s: (list(s), None), lambda values, _: Size(values), _indices),
    dict: NodeDef(lambda d: (list(d.values()), list(d)), _by_key(dict), _dict_keys),
    OrderedDict: NodeDef(lambda d: (list(d.values()), list(d)), _by_key(OrderedDict), _dict_keys),
    deque: NodeDef(lambda d: (list(d), d.maxlen), lambda values, n: deque(values, n), _indices),
    defaultdict: NodeDef(
        lambda d: (list(d.values()), [d.default_factory, list(d)]),
        lambda values, context: defaultdict(context[0], zip(context[1], values, strict=True)),
        _dict_keys,
    ),
    namedtuple: NodeDef(
        lambda t: (list(t), type(t)),
        lambda values, kind: kind(*values),
        lambda t: [GetAttrKey(name) for name in t._fields],
    ),
}  # type: ignore[dict-item]


def register_pytree_node(
    cls: type, flatten_fn: Callable, unflatten_fn: Callable, *,
    serialized_type_name: str | None = None, to_dumpable_context: Callable | None = None,
    from_dumpable_context: Callable | None = None, flatten_with_keys_fn: Callable | None = None,
) -> None:  # fmt: skip
    """Take instances of a class apart by ``flatten_fn(x) -> (children, context)`` and put them
    together by ``unflatten_fn(children, context)``. (The names are for specs in files, of which
    there are none.)"""
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")

    def keys(x) -> list:
        if flatten_with_keys_fn is None:
            return _indices(flatten_fn(x)[0])
        return [key for key, _ in flatten_with_keys_fn(x)[0]]

    SUPPORTED_NODES[cls] = NodeDef(
        lambda x: (lambda c: (list(c[0]), c[1]))(flatten_fn(x)), unflatten_fn, keys
    )


_register_pytree_node = register_pytree_node


def _get_node_type(tree) -> Any:
    return (
        namedtuple
        if type(tree) not in SUPPORTED_NODES and is_namedtuple_instance(tree)
        else type(tree)
    )


# -- specs ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TreeSpec:
    """The structure of a pytree, without its leaves."""

    type: Any
    context: Any
    children_specs: list[TreeSpec]

    def __post_init__(self):
        count = sum(spec.num_leaves for spec in self.children_specs)
        object.__setattr__(self, "num_leaves", 1 if self.type is None else count)

    num_leaves = 0

    @property
    def num_nodes(self) -> int:
        return 1 + sum(spec.num_nodes for spec in self.children_specs)

    @property
    def num_children(self) -> int:
        return len(self.children_specs)

    def is_leaf(self) -> bool:
        return self.type is None

    def children(self) -> list[TreeSpec]:
        return list(self.children_specs)

    def child(self, index: int) -> TreeSpec:
        return self.children_specs[index]

    def unflatten(self, leaves: Iterable):
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec "
                f"refers to a pytree that holds {self.num_leaves} items ({self})."
            )
        return self._built(iter(leaves))

    def _built(self, leaves):
        if self.type is None:
            return next(leaves)
        children = [spec._built(leaves) for spec in self.children_specs]
        return SUPPORTED_NODES[self.type].unflatten_fn(children, self.context)

    def flatten_up_to(self, tree) -> list:
        """The subtrees of ``tree`` where this structure has its leaves."""
        if self.type is None:
            return [tree]
        if _get_node_type(tree) is not self.type:
            raise ValueError(
                f"Type mismatch; expected {self.type!r}, but got {type(tree)!r} in a pytree"
            )
        children, context = SUPPORTED_NODES[self.type].flatten_fn(tree)
        if self.type in (dict, OrderedDict) and set(context) == set(self.context):
            children = [tree[key] for key in self.context]
        elif len(children) != len(self.children_specs) or context != self.context:
            raise ValueError(
                f"Node arity or context mismatch: {tree!r} has not the structure {self}"
            )
        pairs = zip(self.children_specs, children, strict=True)
        return [leaf for spec, child in pairs for leaf in spec.flatten_up_to(child)]

    def __hash__(self) -> int:
        return hash((self.type, repr(self.context), tuple(self.children_specs)))

    def __str__(self) -> str:
        return self._shown(0)

    __repr__ = __str__

    def _shown(self, indent: int) -> str:
        if self.type is None:
            return "*"
        inner = [spec._shown(indent + 2) for spec in self.children_specs]
        children = (",\n" + " " * (indent + 2)).join(inner)
        return f"TreeSpec({self.type.__name__}, {self.context}, [{children}])"


class LeafSpec(TreeSpec):
    """The structure of a leaf."""

    def __init__(self):
        super().__init__(None, None, [])

    def __eq__(self, other) -> bool:
        return isinstance(other, TreeSpec) and other.type is None

    __hash__ = TreeSpec.__hash__


_LEAF = LeafSpec()


def treespec_pprint(treespec: TreeSpec) -> str:
    """A spec as the pytree that it is of, with * for leaves."""
    return repr(treespec.unflatten(["*"] * treespec.num_leaves)).replace("'*'", "*")


# -- trees ----------------------------------------------------------------------------------------


def tree_is_leaf(tree, is_leaf: Leaf = None) -> bool:
    return (is_leaf is not None and is_leaf(tree)) or _get_node_type(tree) not in SUPPORTED_NODES


def _taken_apart(tree, is_leaf: Leaf, leaves: list) -> TreeSpec:
    if tree_is_leaf(tree, is_leaf):
        leaves.append(tree)
        return _LEAF
    kind = _get_node_type(tree)
    children, context = SUPPORTED_NODES[kind].flatten_fn(tree)
    return TreeSpec(kind, context, [_taken_apart(child, is_leaf, leaves) for child in children])


def tree_flatten(tree: PyTree, is_leaf: Leaf = None) -> tuple[list, TreeSpec]:
    """(the leaves in order, the structure); ``is_leaf`` may stop at containers."""
    leaves: list = []
    spec = _taken_apart(tree, is_leaf, leaves)
    return leaves, spec


def tree_unflatten(leaves: Iterable, treespec: TreeSpec) -> PyTree:
    """The tree of this structure with these leaves."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            "tree_unflatten(leaves, treespec): Expected `treespec` to be instance of "
            f"PyTreeSpec but got item of type {type(treespec)}."
        )
    return treespec.unflatten(leaves)


def tree_iter(tree: PyTree, is_leaf: Leaf = None):
    if tree_is_leaf(tree, is_leaf):
        yield tree
        return
    for child in SUPPORTED_NODES[_get_node_type(tree)].flatten_fn(tree)[0]:
        yield from tree_iter(child, is_leaf)


def tree_leaves(tree: PyTree, is_leaf: Leaf = None) -> list:
    return list(tree_iter(tree, is_leaf))


def tree_structure(tree: PyTree, is_leaf: Leaf = None) -> TreeSpec:
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable, tree: PyTree, *rests: PyTree, is_leaf: Leaf = None) -> PyTree:
    """The tree of ``func(leaf, *leaves of the rests)``; those may go on where ``tree`` ends."""
    leaves, spec = tree_flatten(tree, is_leaf)
    return spec.unflatten(map(func, leaves, *(spec.flatten_up_to(rest) for rest in rests)))


def tree_map_(func: Callable, tree: PyTree, *rests: PyTree, is_leaf: Leaf = None) -> PyTree:
    """``func`` called for each leaf, for what it does; returns ``tree``."""
    leaves, spec = tree_flatten(tree, is_leaf)
    for given in zip(leaves, *(spec.flatten_up_to(rest) for rest in rests), strict=True):
        func(*given)
    return tree


def _only(kinds) -> Callable[[Any], Any]:
    if isinstance(kinds, type | tuple | UnionType):
        return lambda x: isinstance(x, kinds)
    if callable(kinds):
        return kinds
    raise TypeError("Argument must be a type, a tuple of types, or a callable.")


def tree_map_only(
    type_or_types_or_pred, /, func: Callable, tree: PyTree, is_leaf: Leaf = None
) -> PyTree:
    """``tree_map`` of the leaves of a type, or that a predicate picks; the others stay."""
    wanted = _only(type_or_types_or_pred)
    return tree_map(lambda x: func(x) if wanted(x) else x, tree, is_leaf=is_leaf)


def tree_map_only_(
    type_or_types_or_pred, /, func: Callable, tree: PyTree, is_leaf: Leaf = None
) -> PyTree:
    wanted = _only(type_or_types_or_pred)
    return tree_map_(lambda x: func(x) if wanted(x) else x, tree, is_leaf=is_leaf)


def tree_all(pred: Callable, tree: PyTree, is_leaf: Leaf = None) -> bool:
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: Callable, tree: PyTree, is_leaf: Leaf = None) -> bool:
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(type_or_types, /, pred: Callable, tree: PyTree, is_leaf: Leaf = None) -> bool:
    return all(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, type_or_types))


def tree_any_only(type_or_types, /, pred: Callable, tree: PyTree, is_leaf: Leaf = None) -> bool:
    return any(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, type_or_types))


def tree_leaves_with_path(tree: PyTree, is_leaf: Leaf = None) -> list:
    """[(path, leaf)]."""
    return list(_with_path((), tree, is_leaf))


def _with_path(path: tuple, tree, is_leaf: Leaf):
    if tree_is_leaf(tree, is_leaf):
        yield path, tree
        return
    kind = SUPPORTED_NODES[_get_node_type(tree)]
    for key, child in zip(kind.keys(tree), kind.flatten_fn(tree)[0], strict=True):
        yield from _with_path((*path, key), child, is_leaf)


def tree_flatten_with_path(tree: PyTree, is_leaf: Leaf = None) -> tuple[list, TreeSpec]:
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func: Callable, tree: PyTree, *rests, is_leaf: Leaf = None) -> PyTree:
    """``tree_map`` of ``func(path, leaf, *rests)``."""
    paths, leaves = zip(*tree_leaves_with_path(tree, is_leaf), strict=True)
    spec = tree_structure(tree, is_leaf)
    return spec.unflatten(map(func, paths, leaves, *map(spec.flatten_up_to, rests)))
