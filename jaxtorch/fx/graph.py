"""Graph: the steps of a function, in order."""

from __future__ import annotations

import contextlib
import copy
import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from jaxtorch.fx._names import Namespace, snake_case
from jaxtorch.fx.codegen import (
    CodeGen as CodeGen,
    Look,
    PythonCode as PythonCode,
    PyTreeCodeGen as _PyTreeCodeGen,  # noqa: F401  (PyTorch has it here)
    inplace_methods as inplace_methods,
    magic_methods as magic_methods,
    reflectable_magic_methods as reflectable_magic_methods,
)
from jaxtorch.fx.immutable_collections import immutable_dict
from jaxtorch.fx.node import OPS, Argument, Node, Target, map_arg as map_arg
from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.parameter import Parameter

__all__ = ["CodeGen", "Graph", "PythonCode"]


class _Nodes:
    """The nodes of a graph, in order; those behind the current one may be taken out meanwhile."""

    def __init__(self, graph: Graph, direction: str = "_next"):
        self.graph, self.direction = graph, direction

    def __len__(self) -> int:
        return self.graph._len

    def __iter__(self) -> Iterator[Node]:
        root = self.graph._root
        node = getattr(root, self.direction)
        while node is not root:
            if not node._erased:
                yield node
            node = getattr(node, self.direction)

    def __reversed__(self) -> Iterator[Node]:
        return iter(_Nodes(self.graph, "_prev" if self.direction == "_next" else "_next"))


class _InsertPoint:
    """New nodes go elsewhere from its making on, until the ``with`` block ends."""

    def __init__(self, graph: Graph, insert: Callable[[Node], None]):
        self.graph = graph
        self.before, graph._insert = graph._insert, insert

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc) -> None:
        self.graph._insert = self.before


class Graph:
    """A list of Nodes that stands for a function: placeholders, steps, one output.

    ``owning_module`` is the GraphModule that runs it, ``tracer_cls`` the class of what made it.
    """

    def __init__(self, owning_module=None, tracer_cls=None, tracer_extras: dict | None = None):
        self._root = Node(self, "", "root", "", (), {})
        self._insert = self._root.prepend
        self._len = 0
        self._numbered = False
        self._graph_namespace = Namespace()
        self.owning_module = owning_module
        self._tracer_cls = tracer_cls
        self._tracer_extras = tracer_extras
        self._codegen = CodeGen()
        self._co_fields: dict[str, Any] = {}

    @property
    def nodes(self) -> _Nodes:
        return _Nodes(self)

    def _place_of(self, node: Node) -> int:
        if not self._numbered:
            for i, each in enumerate(self.nodes):
                each._place = i
            self._numbered = True
        return node._place

    def output_node(self) -> Node:
        last = self._root._prev
        if last.op != "output":
            raise AssertionError(f"the last node of the graph is no output but {last.op}")
        return last

    def find_nodes(self, *, op: str, target: Target | None = None, sort: bool = True) -> list[Node]:
        """The nodes of a kind and, if given, of a target, in the graph's order."""
        return [
            node
            for node in self.nodes
            if node.op == op and (target is None or node.target == target)
        ]

    # -- making -----------------------------------------------------------------------------------

    def create_node(
        self, op: str, target: Target, args: tuple | None = None, kwargs: dict | None = None,
        name: str | None = None, type_expr: Any = None,
    ) -> Node:  # fmt: skip
        """A new Node at the point of insertion, which is the end at first."""
        args = args or ()
        if not isinstance(args, tuple):
            raise AssertionError(f"args must be a tuple, got {type(args)}")
        kwargs = kwargs or immutable_dict()
        if not isinstance(kwargs, dict):
            raise AssertionError(f"kwargs must be a dict, got {type(kwargs)}")
        candidate = name if name is not None else self._target_to_str(target)
        name = self._graph_namespace.create_name(candidate)
        node = Node(self, name, op, target, args, kwargs, type_expr)
        for hook in getattr(self.owning_module, "_create_node_hooks", ()):
            hook(node)
        self._graph_namespace.associate_name_with_obj(name, node)
        self._insert(node)
        self._len += 1
        return node

    @staticmethod
    def _target_to_str(target: Target) -> str:
        name = target.__name__ if callable(target) else target
        if not callable(target) and name.startswith("__") and name.endswith("__"):
            name = name[2:-2]
        return snake_case(name)

    def placeholder(
        self, name: str, type_expr: Any = None, default_value: Any = inspect.Signature.empty
    ) -> Node:
        """An argument of the function."""
        args = () if default_value is inspect.Signature.empty else (default_value,)
        return self.create_node("placeholder", name, args=args, type_expr=type_expr)

    def get_attr(self, qualified_name: str, type_expr: Any = None) -> Node:
        """A parameter, buffer or module of the owning module, by its path."""
        if self.owning_module is not None and not self._refers(qualified_name):
            warnings.warn(
                f"Attempted to insert a get_attr Node with no underlying reference in the owning "
                f"GraphModule: it has no parameter, buffer or module {qualified_name!r}",
                stacklevel=2,
            )
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def _refers(self, path: str) -> bool:
        parent, _, name = path.rpartition(".")
        try:
            module = self.owning_module.get_submodule(parent)
        except AttributeError:
            return False
        value = getattr(module, name, None)
        return isinstance(value, Module | Parameter) or name in module._buffers

    def call_module(
        self, module_name: str, args: tuple | None = None, kwargs: dict | None = None,
        type_expr: Any = None,
    ) -> Node:  # fmt: skip
        """A call of a module within the owning module, by its path."""
        if self.owning_module is not None and self.owning_module.get_submodule(module_name) is None:
            warnings.warn(
                f"Attempted to insert a call_module Node with no underlying reference in the "
                f"owning GraphModule: it has no module {module_name!r}",
                stacklevel=2,
            )
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def call_method(
        self, method_name: str, args: tuple | None = None, kwargs: dict | None = None,
        type_expr: Any = None,
    ) -> Node:  # fmt: skip
        """A call of a method of ``args[0]``."""
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_function(
        self, the_function: Callable, args: tuple | None = None, kwargs: dict | None = None,
        type_expr: Any = None, name: str | None = None,
    ) -> Node:  # fmt: skip
        return self.create_node("call_function", the_function, args, kwargs, name, type_expr)

    def output(self, result: Argument, type_expr: Any = None) -> Node:
        """What the function returns."""
        return self.create_node("output", "output", args=(result,), type_expr=type_expr)

    # -- changing ---------------------------------------------------------------------------------

    def inserting_before(self, n: Node | None = None) -> _InsertPoint:
        """A ``with`` block in which new nodes go before ``n``; without it, to the beginning."""
        if n is None:
            return self.inserting_after(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert before is not in graph.")
        return _InsertPoint(self, n.prepend)

    def inserting_after(self, n: Node | None = None) -> _InsertPoint:
        """A ``with`` block in which new nodes go behind ``n``; without it, to the end."""
        if n is None:
            return self.inserting_before(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert after is not in graph.")
        return _InsertPoint(self, n.append)

    def erase_node(self, to_erase: Node) -> None:
        """Take a node out. RuntimeError if its result is still used."""
        if to_erase.users:
            raise RuntimeError(
                f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in "
                f"the graph: {to_erase.users}!"
            )
        if to_erase.graph is not self:
            raise RuntimeError(f"Attempting to remove {to_erase} from wrong graph!")
        if to_erase._erased:
            warnings.warn(f"erase_node({to_erase}) on an already erased node", stacklevel=2)
            return
        for hook in getattr(self.owning_module, "_erase_node_hooks", ()):
            hook(to_erase)
        # It keeps its neighbours: a loop that stands on it goes on from there.
        to_erase._prev._next, to_erase._next._prev = to_erase._next, to_erase._prev
        to_erase._erased = True
        self._len -= 1
        to_erase._update_args_kwargs(
            map_arg(to_erase._args, lambda n: None), map_arg(to_erase._kwargs, lambda n: None)
        )

    def eliminate_dead_code(self, is_impure_node: Callable[[Node], bool] | None = None) -> bool:
        """Take out what nobody uses, unless it is impure: whether there was any."""
        self.lint()
        impure = is_impure_node or Node.is_impure
        before = self._len
        for node in reversed(self.nodes):
            if not node.users and not impure(node):
                self.erase_node(node)
        return self._len < before

    # -- copying ----------------------------------------------------------------------------------

    def node_copy(self, node: Node, arg_transform: Callable[[Node], Any] = lambda x: x) -> Node:
        """A node like one of another graph; ``arg_transform`` maps its arguments to this graph."""
        args, kwargs = map_arg(node.args, arg_transform), map_arg(node.kwargs, arg_transform)
        copied = self.create_node(node.op, node.target, args, kwargs, node.name, node.type)
        copied.meta = copy.copy(node.meta)
        return copied

    def graph_copy(self, g: Graph, val_map: dict[Node, Node], return_output_node: bool = False):
        """Copy the nodes of ``g`` that ``val_map`` has none for, and note the copies there:
        what ``g`` would return (with ``return_output_node``, and its output node)."""
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                value = map_arg(node.args[0], lambda n: val_map[n])
                return (value, node) if return_output_node else value
            val_map[node] = self.node_copy(node, lambda n: val_map[n])
        return None

    def __deepcopy__(self, memo=None) -> Graph:
        memo = memo if memo else {}
        twin = Graph(tracer_cls=self._tracer_cls)
        returned = twin.graph_copy(self, val_map=memo, return_output_node=True)
        twin._codegen = copy.deepcopy(self._codegen)
        if returned is not None:
            value, old = returned
            new = twin.output(value, type_expr=old.type)
            new.meta = copy.copy(old.meta)
        return twin

    # -- its text ---------------------------------------------------------------------------------

    def python_code(
        self, root_module: str, *, verbose: bool = False, include_stride: bool = False,
        include_device: bool = False, colored: bool = False, expanded_def: bool = False,
        record_func: bool = False, additional_meta: list[str] | None = None,
    ) -> PythonCode:  # fmt: skip
        """The function as Python, in which the module is called ``root_module``. What is more than
        that is for readers: where steps are from, shapes, colours, one argument a line."""
        if record_func:
            raise NotImplementedError("Graph.python_code(record_func=True)")
        namespace = Namespace()
        kept = {node: node._repr_fn for node in self.nodes}
        for node in kept:
            node._repr_fn = lambda n: namespace.create_name(n.name, n)
        look = Look(verbose, include_stride, include_device, colored, expanded_def, additional_meta)
        try:
            return self._codegen._gen_python_code(self.nodes, root_module, namespace, look)
        finally:
            for node, shown in kept.items():
                node._repr_fn = shown

    def __str__(self) -> str:
        names: list[str] = []
        returns = [""]
        lines = [node.format_node(names) for node in self.nodes]
        head = f"graph({', '.join(names)}){returns[0]}:"
        return "\n    ".join([head, *(line for line in lines if line)])

    def print_tabular(self) -> None:
        """Print a table of the nodes, by the package ``tabulate``."""
        try:
            from tabulate import tabulate
        except ImportError:
            print("print_tabular makes its table with the package tabulate: pip install tabulate")
            raise
        rows = [[n.op, n.name, n.target, n.args, n.kwargs] for n in self.nodes]
        print(tabulate(rows, headers=["opcode", "name", "target", "args", "kwargs"]))

    # -- its soundness ----------------------------------------------------------------------------

    def lint(self) -> None:
        """RuntimeError if nodes are used before they are there or belong elsewhere, if a name is
        there twice, or if the owning module lacks what is referred to."""
        names: set[str] = set()
        seen: set[Node] = set()
        for node in self.nodes:
            if node.op not in OPS:
                raise RuntimeError(f"Node {node} had unknown opcode {node.op}!")
            if node.graph is not self:
                raise RuntimeError(f"Node '{node}' does not belong to this Graph!")
            for arg in node._input_nodes:
                if arg.graph is not self:
                    raise RuntimeError(
                        f"Argument '{arg}' of Node '{node}' does not belong to this Graph, but was "
                        f"used as an argument! Nodes are copied by Graph.node_copy, whose "
                        f"arg_transform maps arguments\n{self}"
                    )
                if arg not in seen:
                    raise RuntimeError(
                        f"Argument '{arg}' of Node '{node}' was used before it has been defined! "
                        f"Nodes come after what they use\n{self}"
                    )
            seen.add(node)
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            names.add(node.name)
            if self.owning_module is not None and node.op in ("get_attr", "call_module"):
                self._lint_reference(node)

    def _lint_reference(self, node: Node) -> None:
        where, path = self.owning_module, node.target.split(".")
        for i, part in enumerate(path):
            inner = getattr(where, part, None)
            so_far = ".".join(path[:i])
            if inner is None:
                raise RuntimeError(
                    f"Node {node} target {node.target} references nonexistent attribute {part} of "
                    f"{so_far}"
                )
            if node.op == "call_module" and not isinstance(inner, Module):
                raise RuntimeError(
                    f"Node {node} target {node.target} {part} of {so_far} does not reference an "
                    "nn.Module"
                )
            where = inner

    # -- how its text is written ------------------------------------------------------------------

    def process_inputs(self, *args):
        return self._codegen.process_inputs(*args)

    def process_outputs(self, out):
        return self._codegen.process_outputs(out)

    def set_codegen(self, codegen: CodeGen) -> None:
        self._codegen = codegen

    def on_generate_code(self, make_transformer: Callable):
        """Have the lines of the body pass through ``make_transformer(what they passed through
        before)``; as a ``with`` block, for its time."""
        codegen = self._codegen
        before = codegen._body_transformer
        codegen._body_transformer = make_transformer(before)

        @contextlib.contextmanager
        def block():
            try:
                yield
            finally:
                codegen._body_transformer = before

        return block()
