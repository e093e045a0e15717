"""Node: one step of a graph. And the walk over what a step's arguments hold."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from jaxtorch.assertions import _assert
from jaxtorch.fx._names import qualified_name, type_repr
from jaxtorch.fx.immutable_collections import immutable_dict, immutable_list
from jaxtorch.fx.tensor_text import annotation
from jaxtorch.ops.profiler import _record_function_enter, _record_function_exit
from jaxtorch.tensor import Tensor

__all__ = ["Argument", "Node", "Target", "has_side_effect", "map_aggregate", "map_arg"]

Argument = Any
Target = Any

OPS = (
    "placeholder", "call_method", "call_module", "call_function", "get_attr", "output", "root",
)  # fmt: skip
_side_effectful_functions: set[Callable] = {
    _assert, operator.setitem, _record_function_enter, _record_function_exit,
}  # fmt: skip


def has_side_effect(fn: Callable) -> Callable:
    """Keep calls of ``fn`` in graphs that are cleaned of what nobody uses. Returns ``fn``."""
    _side_effectful_functions.add(fn)
    return fn


def map_aggregate(a: Argument, fn: Callable[[Any], Any]) -> Argument:
    """``a`` with ``fn`` of all that is no tuple, list, dict or slice in it; lists and dicts come
    out immutable."""
    if isinstance(a, tuple):
        mapped = [map_aggregate(x, fn) for x in a]
        return type(a)(*mapped) if hasattr(a, "_fields") else tuple(mapped)
    if isinstance(a, list):
        return immutable_list([map_aggregate(x, fn) for x in a])
    if isinstance(a, dict):
        return immutable_dict((k, map_aggregate(v, fn)) for k, v in a.items())
    if isinstance(a, slice):
        return slice(*(map_aggregate(x, fn) for x in (a.start, a.stop, a.step)))
    return fn(a)


def map_arg(a: Argument, fn: Callable[[Node], Any]) -> Argument:
    """``a`` with ``fn`` of each Node in it."""
    if not callable(fn):
        raise AssertionError("torch.fx.map_arg(a, fn): fn must be a callable")
    return map_aggregate(a, lambda x: fn(x) if isinstance(x, Node) else x)


class Node:
    """One step of a Graph: what is done (``op`` and ``target``), with which ``args`` and
    ``kwargs``, under which ``name`` its result goes, and which nodes (``users``) use that.

    ``op`` is "placeholder" (an argument of the function; ``args`` holds its default),
    "get_attr" and "call_module" (by the path ``target``), "call_function", "call_method" (the
    method's name; ``args[0]`` is self) or "output" (``args[0]`` is what is returned).
    """

    def __init__(
        self, graph, name: str, op: str, target: Target, args: tuple, kwargs: dict,
        return_type: Any = None,
    ):  # fmt: skip
        if op not in OPS:
            raise AssertionError(f"op '{op}' is none of {', '.join(OPS[:-1])}")
        if callable(target) if op != "call_function" else not callable(target):
            wanted = "a Callable" if op == "call_function" else "a str"
            raise ValueError(
                f"Node [graph = {graph}, name = '{name}'] target {target} has type "
                f"{type(target).__name__} but {wanted} is expected"
            )
        self.graph = graph
        self.name = name
        self.op = op
        self.target = target
        self.type = return_type
        self.users: dict[Node, None] = {}
        self.meta: dict[str, Any] = {}
        self._input_nodes: dict[Node, None] = {}
        self._prev = self._next = self
        self._erased = False
        self._place = 0  # among its graph's nodes, when Graph._number() last counted
        self._repr_fn: Callable[[Node], str] | None = None
        self._update_args_kwargs(args, kwargs)

    # -- arguments --------------------------------------------------------------------------------

    def _update_args_kwargs(self, args, kwargs) -> None:
        for used in self._input_nodes:
            used.users.pop(self, None)
        self._input_nodes = {}

        def use(node: Node) -> Node:
            self._input_nodes.setdefault(node)
            node.users.setdefault(self)
            return node

        self._args = map_arg(args, use)
        self._kwargs = map_arg(kwargs, use)

    @property
    def args(self) -> tuple:
        return self._args

    @args.setter
    def args(self, value) -> None:
        self._update_args_kwargs(tuple(value), self._kwargs)

    @property
    def kwargs(self) -> dict[str, Any]:
        return self._kwargs

    @kwargs.setter
    def kwargs(self, value) -> None:
        self._update_args_kwargs(self._args, dict(value))

    @property
    def all_input_nodes(self) -> list[Node]:
        """The nodes that this one uses, each once, in the order of its arguments."""
        return list(self._input_nodes)

    def update_arg(self, idx: int, arg: Argument) -> None:
        args = list(self.args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg: Argument) -> None:
        """Put ``arg`` before the positional argument ``idx``, or behind the last."""
        if not 0 <= idx <= len(self.args):
            raise AssertionError(f"insert_args index must be between 0 and len({self.args})")
        self.args = (*self.args[:idx], arg, *self.args[idx:])

    def update_kwarg(self, key: str, arg: Argument) -> None:
        self.kwargs = {**self.kwargs, key: arg}

    def replace_input_with(self, old_input: Node, new_input: Node) -> None:
        """Use ``new_input`` wherever this node used ``old_input``."""

        def new(node: Node) -> Node:
            return new_input if node is old_input else node

        self._tell_replaced(old_input, new_input, self)
        self._update_args_kwargs(map_arg(self._args, new), map_arg(self._kwargs, new))

    _replace_input_with = replace_input_with

    def replace_all_uses_with(
        self,
        replace_with: Node,
        delete_user_cb: Callable[[Node], bool] | None = None,
        *,
        propagate_meta: bool = False,
    ) -> list[Node]:
        """Have all users (those for which ``delete_user_cb`` is true) use another node instead:
        the list of them."""
        if propagate_meta:
            if replace_with.meta:
                raise AssertionError(
                    "replace_all_uses_with(propagate_meta=True) writes to the meta of "
                    f"{replace_with}, which has some already"
                )
            replace_with.meta.update(self.meta)
        changed = [user for user in self.users if delete_user_cb is None or delete_user_cb(user)]
        for user in changed:
            user.replace_input_with(self, replace_with)
        return changed

    def _tell_replaced(self, old: Node, new: Node, user: Node) -> None:
        for hook in getattr(self.graph.owning_module, "_replace_hooks", ()):
            hook(old=old, new=new.name, user=user)

    # -- place ------------------------------------------------------------------------------------

    @property
    def next(self) -> Node:
        return self._next

    @property
    def prev(self) -> Node:
        return self._prev

    def prepend(self, x: Node) -> None:
        """Put ``x``, of the same graph, before this node."""
        if x.graph is not self.graph:
            raise AssertionError("Attempting to move a Node into a different Graph")
        if x is self:
            return
        x._remove_from_list()
        before = self._prev
        before._next, x._prev = x, before
        x._next, self._prev = self, x
        self.graph._numbered = False

    def append(self, x: Node) -> None:
        """Put ``x``, of the same graph, behind this node."""
        if x is not self and x is not self._next:
            self._next.prepend(x)

    def _remove_from_list(self) -> None:
        self._prev._next, self._next._prev = self._next, self._prev
        self._prev = self._next = self

    def __lt__(self, other: Node) -> bool:
        return self.graph._place_of(self) < other.graph._place_of(other)

    def __gt__(self, other: Node) -> bool:
        return other < self

    def __le__(self, other: Node) -> bool:
        return self is other or self < other

    def __ge__(self, other: Node) -> bool:
        return other <= self

    # -- what it says of itself -------------------------------------------------------------------

    @property
    def stack_trace(self) -> str | None:
        """Where the step was recorded, if the tracer keeps that (``record_stack_traces``)."""
        return self.meta.get("stack_trace")

    @stack_trace.setter
    def stack_trace(self, trace: str | None) -> None:
        self.meta["stack_trace"] = trace

    def __repr__(self) -> str:
        return self._repr_fn(self) if self._repr_fn is not None else self.name

    def _rename(self, candidate: str) -> None:
        if candidate != self.name:
            self.name = self.graph._graph_namespace.create_name(candidate)
            self.graph._graph_namespace.rename(self, self.name)

    @staticmethod
    def _pretty_print_target(target: Target) -> str:
        if isinstance(target, str):
            return target
        module, name = getattr(target, "__module__", None), getattr(target, "__name__", None)
        if name is not None and module in ("builtins", "_operator"):
            return f"{module.strip('_')}.{name}"
        return qualified_name(target)

    def format_node(
        self,
        placeholder_names: list[str] | None = None,
        maybe_return_typename: list[str] | None = None,
        *,
        include_tensor_metadata: bool = False,
    ) -> str | None:
        """The node in a line, as ``print(graph)`` shows it. A graph that prints its signature
        gives two lists to be filled, and gets None for what went there."""
        kind = f"{type_repr(self.type)} " if self.type is not None else ""
        head = f"%{self.name} : {kind}[num_users={len(self.users)}] = {self.op}"
        if self.op == "placeholder":
            if placeholder_names:
                of = f"{self.target}: {type_repr(self.type)}" if self.type else ""
                placeholder_names.append(f"{self.target}{of}")
                return None
            default = f"(default={self.args[0]})" if self.args else ""
            return f"{head}[target={self.target}]{default}"
        if self.op == "get_attr":
            return f"{head}[target={self._pretty_print_target(self.target)}]"
        if self.op == "output":
            if self.type and maybe_return_typename:
                maybe_return_typename[0] = f" -> {type_repr(self.type)}"
            return f"return {self.args[0]}"
        if include_tensor_metadata:
            value = self.meta.get("val", self.meta.get("example_value"))
            if isinstance(value, Tensor):
                text = annotation(value, stride=True, device=True)
                head = head.replace(kind + "[", f'Tensor "{text}"[', 1)
        return (
            f"{head}[target={self._pretty_print_target(self.target)}]"
            f"(args = {_format_arg(self.args)}, kwargs = {_format_arg(self.kwargs)})"
        )

    def is_impure(self, impure_random: bool = True) -> bool:
        """Must it stay though nobody uses its result? Placeholders and outputs must, and functions
        with side effects, in-place ones and (if ``impure_random``) those that draw numbers."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_module":
            if self.graph.owning_module is None:
                raise AssertionError("self.graph.owning_module not set for purity check")
            return getattr(self.graph.owning_module.get_submodule(self.target), "_is_impure", False)
        if self.op == "call_function":
            return self.target in _side_effectful_functions or (
                impure_random and qualified_name(self.target) in _DRAWING
            )
        return False

    def normalized_arguments(
        self, root, arg_types=None, kwarg_types=None, normalize_to_only_use_kwargs: bool = False
    ):
        raise NotImplementedError(
            "Node.normalized_arguments: inspect.signature(node.target).bind(*node.args, "
            "**node.kwargs) matches arguments with a signature"
        )


_DRAWING = frozenset(
    f"torch.{name}"
    for name in "rand randn randint randperm bernoulli multinomial normal poisson dropout".split()
)


def _format_arg(arg: Any, max_list_len: float = float("inf")) -> str:
    """An argument with a % before each node's name."""
    if isinstance(arg, list | tuple):
        shown = [_format_arg(x) for i, x in enumerate(arg) if i < max_list_len]
        items = ", ".join(shown)
        more = "" if len(arg) < max_list_len + 1 else f", ...[total_len={len(arg)}]"
        if isinstance(arg, list):
            return f"[{items}{more}]"
        return f"({items}{',' if len(arg) == 1 else ''}{more})"
    if isinstance(arg, dict):
        return "{" + ", ".join(f"{k}: {_format_arg(v)}" for k, v in arg.items()) + "}"
    return f"%{arg}" if isinstance(arg, Node) else str(arg)
