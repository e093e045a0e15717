"""The Python function that a graph stands for: its text, and the objects that it names."""

from __future__ import annotations

import enum
import inspect
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from jaxtorch.fx._names import BUILTINS, Namespace, is_torchs, qualified_name, type_repr
from jaxtorch.fx.node import Node
from jaxtorch.fx.tensor_text import annotation
from jaxtorch.tensor import Tensor
from jaxtorch.utils import _pytree as pytree

__all__ = ["CodeGen", "PythonCode"]

reflectable_magic_methods = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "floordiv": "{} // {}",
    "truediv": "{} / {}", "div": "{} / {}", "mod": "{} % {}", "pow": "{} ** {}",
    "lshift": "{} << {}", "rshift": "{} >> {}", "and_": "{} & {}", "or_": "{} | {}",
    "xor": "{} ^ {}", "getitem": "{}[{}]", "matmul": "{} @ {}",
}  # fmt: skip
magic_methods = {
    "eq": "{} == {}", "ne": "{} != {}", "lt": "{} < {}", "gt": "{} > {}", "le": "{} <= {}",
    "ge": "{} >= {}", "pos": "+{}", "neg": "-{}", "invert": "~{}", **reflectable_magic_methods,
}  # fmt: skip
inplace_methods = {
    "iadd": "{} += {}", "iand": "{} &= {}", "ifloordiv": "{} //= {}", "ilshift": "{} <<= {}",
    "imod": "{} %= {}", "imul": "{} *= {}", "imatmul": "{} @= {}", "ior": "{} |= {}",
    "ipow": "{} **= {}", "irshift": "{} >>= {}", "isub": "{} -= {}", "itruediv": "{} /= {}",
    "ixor": "{} ^= {}", "setitem": "{}[{}] = {}",
}  # fmt: skip
_COLOURS = {
    "red": "31", "blue": "34", "dim": "2", "dim_blue": "2m\033[34", "dim_green": "2m\033[32",
}  # fmt: skip
# A line in the body that says which node the lines after it are of; taken out in the end.
_COUNTER = re.compile(r"# COUNTER: (\d+)")
# typing's names for what annotations of before Python 3.9 hold.
_TYPINGS = {list: list, dict: dict, set: set, frozenset: frozenset, tuple: tuple}


@dataclass
class PythonCode:
    """The text of a function, what its names stand for, and which node each line is of."""

    src: str
    globals: dict[str, Any]
    _lineno_map: dict[int, int | None] | None
    _prologue_start: int = 0


class Look(NamedTuple):
    """How much the text is to tell, for those who read it."""

    verbose: bool = False
    include_stride: bool = False
    include_device: bool = False
    colored: bool = False
    expanded_def: bool = False
    additional_meta: list[str] | None = None

    def paint(self, text: str, colour: str) -> str:
        return f"\033[{_COLOURS[colour]}m{text}\033[0m" if self.colored else text


def format_target(base: str, target: str) -> str:
    """``base.a.b``, with getattr for what is no identifier, as the 0 of a Sequential."""
    for part in target.split("."):
        base = f"{base}.{part}" if part.isidentifier() else f'getattr({base}, "{part}")'
    return base


class CodeGen:
    """Writes a graph's function. Derive from it to have another signature or another return."""

    def __init__(self):
        self._body_transformer: Callable[[list[str]], list[str]] | None = None
        self._func_name = "forward"

    def gen_fn_def(
        self, free_vars: list[str], maybe_return_annotation: str, *, expanded_def: bool = False
    ) -> str:
        """The line that begins the function."""
        if not free_vars or free_vars[0] != "self":
            free_vars.insert(0, "self")
        if not expanded_def:
            return f"def {self._func_name}({', '.join(free_vars)}){maybe_return_annotation}:"
        lines = []
        for arg in free_vars:
            name, mark, comment = arg.partition("#")
            note = f"  # {comment.lstrip()}" if mark else ""
            lines.append(f"    {name.rstrip()},{note}\n")
        return f"def {self._func_name}(\n{''.join(lines)}){maybe_return_annotation}:"

    def generate_output(self, output_args, *, descs=None, repr_fn: Callable | None = None) -> str:
        """The return statement."""
        return f"return {_listed(output_args, descs, repr_fn or repr)}"

    def process_inputs(self, *args):
        """The graph's arguments, of the function's."""
        return args

    def process_outputs(self, outputs):
        """The function's result, of the graph's."""
        return outputs

    def additional_globals(self) -> list[tuple[str, Any]]:
        """(name, object) of what the text names besides."""
        return []

    def _gen_python_code(
        self, nodes, root_module: str, namespace: Namespace, look: Look
    ) -> PythonCode:
        return _Writer(self, nodes, root_module, namespace, look).code()


class PyTreeInfo(NamedTuple):
    orig_args: list[str]
    in_spec: pytree.TreeSpec
    out_spec: pytree.TreeSpec | None


class PyTreeCodeGen(CodeGen):
    """For a function whose arguments are containers, of which the graph has the leaves."""

    def __init__(self, pytree_info: PyTreeInfo):
        super().__init__()
        self.pytree_info = pytree_info

    def process_inputs(self, *inputs):
        return pytree.tree_leaves(inputs)

    def process_outputs(self, out):
        if self.pytree_info.out_spec is None:
            return out
        leaves = out if isinstance(out, list | tuple) else [out]
        return pytree.tree_unflatten(leaves, self.pytree_info.out_spec)

    def gen_fn_def(
        self, free_vars: list[str], maybe_return_annotation: str, *, expanded_def: bool = False
    ) -> str:
        names = self.pytree_info.orig_args
        if names and names[0] == "self":
            free_vars.insert(0, "self")
        head = super().gen_fn_def(names[:], maybe_return_annotation, expanded_def=expanded_def)
        if not free_vars:
            return head
        typed = [name for name in free_vars if ":" in name]
        if typed and expanded_def:
            head += "\n    " + "\n    ".join(typed)
        elif typed:
            head += "\n    " + "".join(f"{name}; " for name in typed) + "\n"
        plain = ", ".join(re.split("[:#]", name)[0] for name in free_vars)
        given = ", ".join(names)
        return f"{head}\n    {plain}, = fx_pytree.tree_flatten_spec([{given}], self._in_spec)"

    def generate_output(self, output_args, *, descs=None, repr_fn: Callable | None = None) -> str:
        if self.pytree_info.out_spec is None:
            return super().generate_output(output_args, descs=descs, repr_fn=repr_fn)
        text = _listed(output_args, descs, repr_fn or repr)
        return f"return pytree.tree_unflatten({text}, self._out_spec)"


def _listed(values, notes, show: Callable) -> str:
    """Values in code; one a line if there are notes on them."""
    if notes is None or not isinstance(values, list | tuple):
        return show(values)
    opening, closing = "()" if isinstance(values, tuple) else "[]"
    pairs = zip(values, notes, strict=True)
    lines = "".join(f"    {show(value)},  # {note}\n" for value, note in pairs)
    return f"{opening}\n{lines}{closing}"


class _Writer:
    """Writes one function."""

    def __init__(self, codegen: CodeGen, nodes, root: str, namespace: Namespace, look: Look):
        self.codegen, self.nodes, self.root = codegen, nodes, root
        self.namespace, self.look = namespace, look
        self.free_vars: list[str] = []
        self.body: list[str] = []
        self.globals: dict[str, Any] = {}
        self.wrapped: dict[str, None] = {}
        self.returns = ""
        self.last_origin = None
        for name, (_, obj) in BUILTINS.items():
            self.name_global(name, obj)
        self.ends: dict[Node, list[Node]] = {}  # what each node is the last to use
        seen = set()
        for node in reversed(nodes):
            for used in node._input_nodes:
                if used not in seen:
                    seen.add(used)
                    self.ends.setdefault(node, []).append(used)

    def name_global(self, hint: str, obj: Any) -> str:
        """The name in the text of an object that is no value of the graph."""
        if obj is not BUILTINS["device"][1] and is_torchs(obj):
            return qualified_name(obj)
        name = self.namespace.create_name(hint, obj)
        if self.globals.setdefault(name, obj) is not obj and self.globals[name] != obj:
            raise AssertionError(f"the name {name} stands for another object already")
        return name

    def type(self, o: Any) -> str:
        """An annotation."""
        if o == ():
            return "()"
        text = type_repr(o)
        if isinstance(o, types.UnionType) and "|" in text:
            return "|".join(self.type(arg) for arg in typing.get_args(o))
        origin = getattr(o, "__origin__", None)
        if origin is None:
            return self.name_global(text, o)
        if isinstance(o, typing._GenericAlias):  # type: ignore[attr-defined]
            origin = _TYPINGS.get(origin, origin)
        name = self.name_global(type_repr(origin), origin)
        args = [self.type(arg) for arg in typing.get_args(o)]
        return f"{name}[{','.join(args)}]" if args else name

    def show(self, arg: Any) -> str:
        """An argument."""
        if isinstance(arg, Node):
            return repr(arg)
        if isinstance(arg, tuple) and hasattr(arg, "_fields"):
            kind = type(arg)
            return f"{self.name_global(qualified_name(kind), kind)}{tuple(arg)!r}"
        if isinstance(arg, enum.Enum):
            kind = type(arg)
            return f"{self.name_global(kind.__name__, kind)}.{arg.name}"
        if isinstance(arg, Tensor):
            dtype = str(arg.dtype).split(".")[-1]
            return f"torch.Tensor(size={list(arg.shape)}, dtype={dtype})"
        if isinstance(arg, tuple):
            inner = ", ".join(map(self.show, arg))
            return f"({inner},)" if len(arg) == 1 else f"({inner})"
        if isinstance(arg, list):
            return f"[{', '.join(map(self.show, arg))}]"
        if isinstance(arg, slice):
            return f"slice({', '.join(map(self.show, (arg.start, arg.stop, arg.step)))})"
        return self.look.paint(repr(arg), "blue")

    def arguments(self, args, kwargs) -> str:
        named = [f"{name} = {self.show(value)}" for name, value in kwargs.items()]
        return ", ".join([*map(self.show, args), *named])

    # -- the parts of a step ----------------------------------------------------------------------

    def origin(self, node: Node) -> None:
        """A comment that says where the step is from, where that is another place than before."""
        if node.op in ("placeholder", "output"):
            return
        keys = [k for k in self.look.additional_meta or () if k in node.meta]
        before = f"# {', '.join(f'{k}: {node.meta[k]}' for k in keys)} " if keys else ""
        notes = {
            k: v if len(str(v)) <= 40 else f"{str(v)[:40]}..."
            for k, v in node.meta.get("custom", {}).items()
        }
        place = _innermost(node.stack_trace) or "No stacktrace found for following nodes"
        text = f"{before}#{f' Annotation: {notes}' if notes else ''} {place}"
        comment = f"\n{self.look.paint(text, 'dim')}\n"
        if comment != self.last_origin:
            self.last_origin = comment
            self.body.append(comment)

    def kind(self, node: Node) -> str:
        """The annotation of a step's result."""
        if self.look.verbose:
            value = node.meta.get("val", node.meta.get("tensor_meta"))
            value = node.meta.get("example_value") if value is None else value
            if isinstance(value, Tensor):
                text = annotation(
                    value, stride=self.look.include_stride, device=self.look.include_device,
                    paint=self.look.paint,
                )  # fmt: skip
                if type(value) is not Tensor:
                    text = f"{type(value).__name__}({text})"
                return f': "{text}"'
            if hasattr(value, "memory_format"):  # what ShapeProp keeps
                return f': "{annotation(value)}"'
        return "" if node.type is None else f" : {self.type(node.type)}"

    def step(self, node: Node) -> None:
        kind = self.kind(node)
        if node.op == "placeholder":
            note = node.meta.get("desc") if self.look.expanded_def else None
            default = f" = {self.show(node.args[0])}" if node.args else ""
            comment = f"  # {note}" if note is not None else ""
            self.free_vars.append(f"{node.target}{kind}{default}{comment}")
            raw = node.target.replace("*", "")
            if raw != repr(node):
                self.body.append(f"{node!r} = {raw}\n")
            return
        if node.op == "output":
            if node.type is not None:
                self.returns = f" -> {self.type(node.type)}"
            notes = node.meta.get("desc") if self.look.expanded_def else None
            line = _call_with(
                self.codegen.generate_output, node.args[0], descs=notes, repr_fn=self.show
            )
            self.body.append(line)
            return
        if node.op == "call_function" and self.operator(node, kind):
            return
        if node.op == "call_function":
            text = f"{self.function(node)}"
        elif node.op == "call_method":
            of = format_target(self.show(node.args[0]), node.target)
            text = f"{of}({self.arguments(node.args[1:], node.kwargs)})"
        elif node.op == "call_module":
            of = format_target(self.root, node.target)
            text = f"{of}({self.arguments(node.args, node.kwargs)})"
        else:
            text = format_target(self.root, node.target)
        self.body.append(f"{node!r}{kind} = {text}")

    def operator(self, node: Node, kind: str) -> bool:
        """Writes a call of Python's module operator as the operator."""
        if getattr(node.target, "__module__", "") != "_operator":
            return False
        name, shown = node.target.__name__, [self.show(a) for a in node.args]
        if name in magic_methods:
            self.body.append(f"{node!r}{kind} = {magic_methods[name].format(*shown)}")
        elif name in inplace_methods:
            done = inplace_methods[name].format(*shown)
            self.body.append(f"{done};  {node!r}{kind} = {shown[0]}")
        return name in magic_methods or name in inplace_methods

    def function(self, node: Node) -> str:
        name = self.name_global(qualified_name(node.target), node.target)
        attribute = node.args[1] if name == "getattr" and len(node.args) == 2 else None
        if isinstance(attribute, str) and attribute.isidentifier():
            return format_target(self.show(node.args[0]), attribute)
        if node.meta.get("is_wrapped", False):
            self.wrapped.setdefault(name)
        return f"{name}({self.arguments(node.args, node.kwargs)})"

    def let_go(self, node: Node) -> None:
        """End the line, giving up what is used for the last time."""
        if node.op == "placeholder":
            return
        done = [*self.ends.get(node, []), *([] if node.users else [node])]
        if node.op == "output" or not done:
            self.body.append("\n")
        else:
            text = " = ".join([*map(repr, done), "None"])
            self.body.append(f";  {self.look.paint(text, 'dim')}\n")

    # -- the whole --------------------------------------------------------------------------------

    def code(self) -> PythonCode:
        for i, node in enumerate(self.nodes):
            if self.look.verbose:
                self.origin(node)
            self.body.append(f"# COUNTER: {i}\n")
            self.step(node)
            self.let_go(node)
        if not self.body:
            self.body.append("pass\n")
        marks = ""
        if self.wrapped:
            from jaxtorch.fx._symbolic_trace import wrap

            name = self.name_global("wrap", wrap)
            marks = "\n".join(f'{name}("{function}")' for function in self.wrapped)
        if self.codegen._body_transformer is not None:
            self.body = self.codegen._body_transformer(self.body)
        for name, value in self.codegen.additional_globals():
            self.name_global(name, value)
        head = _call_with(
            self.codegen.gen_fn_def, self.free_vars, self.returns,
            expanded_def=self.look.expanded_def,
        )  # fmt: skip
        lines: list[str] = []
        of_line: dict[int, int | None] = {}
        current = None
        for line in "".join(self.body).split("\n"):
            counter = _COUNTER.search(line)
            if counter is not None:
                current = int(counter.group(1))
            else:
                of_line[len(lines) + head.count("\n") + 1] = current
                lines.append(line)
        text = "\n".join("    " + line for line in "\n".join(lines).lstrip("\n").split("\n"))
        return PythonCode(
            f"\n{marks}\n\n{head}\n{text}", self.globals, of_line, marks.count("\n") + 4
        )


def _call_with(method: Callable, *args, **kwargs) -> str:
    """A CodeGen's method with those of the named arguments that it takes."""
    known = inspect.signature(method).parameters
    return method(*args, **{name: value for name, value in kwargs.items() if name in known})


def _innermost(stack_trace: str | None) -> str | None:
    """The last frame of a stack trace, in a line."""
    lines = (stack_trace or "").strip().split("\n")
    for line, code in reversed(list(zip(lines, lines[1:], strict=False))):
        match = re.match(r'^File "(.+)", line (\d+), in (.+)$', line.strip())
        if match:
            file, number, name = match.groups()
            return f"File: {file}:{number} in {name}, code: {code.strip()}"
    return None
