"""GraphModule: a module whose forward is made of a graph."""

from __future__ import annotations

import contextlib
import copy
import itertools
import linecache
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from jaxtorch.fx._names import BUILTINS, is_torchs, module_of
from jaxtorch.fx.codegen import PythonCode, PyTreeCodeGen
from jaxtorch.fx.graph import Graph
from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.parameter import Parameter
from jaxtorch.serialization.names import find
from jaxtorch.serialization.saving import module_state
from jaxtorch.tensor import Tensor

__all__ = ["GraphModule", "reduce_graph_module"]


class _Sources:
    """The texts of generated functions, for tracebacks (the protocol of module loaders)."""

    def __init__(self):
        self.texts: dict[str, str] = {}

    def keep(self, text: str, origin: dict | None) -> str:
        """A file name under which ``linecache`` finds the text."""
        key = f"<eval_with_key>.{len(self.texts)}"
        if origin:
            key += " from {co_filename}:{co_firstlineno} in {co_name}".format(**origin)
        self.texts[key] = text
        linecache.lazycache(key, {"__name__": key, "__loader__": self})
        return key

    def get_source(self, name: str) -> str | None:
        return self.texts.get(name)


_sources = _Sources()
# In ``meta``: attributes that copies of a module are to have.
_USER_PRESERVED_ATTRIBUTES_KEY = "_user_preserved_attributes"


def _function_of(text: str, names: dict[str, Any], origin: dict | None = None) -> Callable:
    """The function ``forward`` that the text defines."""
    scope = dict(names)
    exec(compile(text, _sources.keep(text, origin), "exec", dont_inherit=True), scope)
    return scope.pop("forward")


# -- files: a GraphModule is pickled as its attributes, the text of forward and its imports ------


def _import_of(name: str, obj: Any) -> str:
    if name in BUILTINS:
        return BUILTINS[name][0]
    if is_torchs(obj):
        return "import torch"
    return f"from {module_of(obj)} import {obj.__qualname__} as {name}"


def _imported(block: str) -> dict[str, Any]:
    """The names that lines of imports bring; torch's are found here."""
    scope = {name: obj for name, (_, obj) in BUILTINS.items()}
    known = {line for line, _ in BUILTINS.values()}
    for line in filter(None, block.splitlines()):
        words = line.split()
        if line in known:
            continue
        if words[0] == "from" and f"{words[1]}.".startswith("torch."):
            scope[words[-1]] = find(words[1], words[3])
        else:
            exec(line, scope)
    return scope


def reduce_graph_module(body: dict[str, Any], import_block: str) -> Module:
    """What a pickled GraphModule is made of again: its forward is defined and traced."""
    return _traced_again(_function_of(body["_code"], _imported(import_block)), body)


class _CodeOnlyModule(Module):
    """The attributes of a GraphModule before it has its graph."""

    def __init__(self, body: dict[str, Any]):
        super().__init__()
        self.__setstate__(body)


def _traced_again(forward: Callable, body: dict[str, Any]) -> GraphModule:
    from jaxtorch.fx._symbolic_trace import Tracer

    tracer = body.get("_tracer_cls") or Tracer

    class AllLeaves(tracer):  # type: ignore[misc, valid-type]
        def is_leaf_module(self, m, module_qualified_name):
            return True

    root = type("_CodeOnlyModule", (_CodeOnlyModule,), {"forward": forward})(body)
    graph = AllLeaves().trace(root, **body.get("_tracer_extras", {}))
    graph._tracer_cls = tracer
    made = GraphModule(root, graph, class_name=body.get("_graphmodule_cls_name", "GraphModule"))
    for name, value in vars(root).items():
        if name not in ("_code", "_kinds") and not hasattr(made, name):
            setattr(made, name, value)
    return made


# -- attributes by their path --------------------------------------------------------------------


def _parent(module: Module, path: list[str], make: bool = False) -> Any:
    """The module that the last part of a path is in, with empty ones made on the way."""
    for name in path[:-1]:
        inner = getattr(module, name, None)
        if inner is None and make:
            inner = Module()
            setattr(module, name, inner)
        if not isinstance(inner, Module):
            return None
        module = inner
    return module


def _assign(value: Any, to: Module, path: str) -> None:
    names = path.split(".")
    where = _parent(to, names, make=True)
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        where.register_buffer(names[-1], value)
    else:
        setattr(where, names[-1], value)


def _copy_attr(of: Module, to: Module, path: str) -> None:
    names = path.split(".")
    mine, theirs = to, of
    for name in names[:-1]:
        theirs, known = getattr(theirs, name), getattr(mine, name, None)
        if known is theirs:  # a module on the way is there as a whole
            return
        mine = known if known is not None else mine
    _assign(getattr(theirs, names[-1]), to, path)


def _get_attr(module: Module, path: str) -> Any:
    value: Any = module
    for name in path.split("."):
        value = getattr(value, name)
    return value


# -- the module ----------------------------------------------------------------------------------


# Files whose frames come of a call of torch: this package's, the ops' wrappers and JAX's.
_OURS = (__file__.rpartition("fx")[0], "<op ", jax.__file__.rpartition("__init__")[0])


class _Call:
    """Calls a GraphModule; an error raised in generated code is shown with that code."""

    def __init__(self, cls: type, call: Callable | None):
        self.cls, self.call = cls, call

    def __call__(self, obj, *args, **kwargs):
        try:
            if self.call is not None:
                return self.call(obj, *args, **kwargs)
            return super(self.cls, obj).__call__(*args, **kwargs)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            users = (f for f in reversed(frames) if not f.filename.startswith(_OURS))
            last = next(users, frames[0])
            if "eval_with_key" not in last.filename:
                raise
            print(_around(last), file=sys.stderr)
            raise error.with_traceback(None) from None


def _around(frame: traceback.FrameSummary) -> str:
    lines, number = linecache.getlines(frame.filename), frame.lineno or 0
    return "\n".join(
        [
            traceback.format_exc(),
            f"Call using an FX-traced Module, line {number} of the traced Module's generated "
            "forward function:",
            "".join(lines[max(number - 2, 0) : number]),
            f"{'~' * len(frame.line or '')}~~~ <--- HERE",
            "\n".join(lines[number : number + 2]),
        ]
    )


class GraphModule(Module):
    """A module that runs ``graph``: its ``code`` is generated and compiled, anew by ``recompile``.

    ``root`` has what the graph refers to: a module, or a dict by path.
    """

    def __new__(cls, *args, **kwargs):
        # Each is of a class of its own, which has its forward.
        base = next(c for c in cls.__mro__ if c.__qualname__.split(".")[-1] != "GraphModuleImpl")

        class GraphModuleImpl(base):  # type: ignore[misc, valid-type]
            __module__ = base.__module__

        return super().__new__(GraphModuleImpl)

    def __init__(self, root: Module | dict[str, Any], graph: Graph, class_name="GraphModule"):
        super().__init__()
        type(self).__name__ = class_name
        paths = [node.target for node in graph.nodes if node.op in ("get_attr", "call_module")]
        if isinstance(root, Module):
            self.training = root.training
            if isinstance(root, _CodeOnlyModule):
                paths = [
                    *(name for name, _ in root.named_children()),
                    *(name for name, _ in root.named_buffers()),
                    *(name for name, _ in root.named_parameters()),
                    *paths,
                ]
            for path in paths:
                _copy_attr(root, self, path)
        elif isinstance(root, dict):
            for node in graph.nodes:
                if node.op in ("get_attr", "call_module") and node.target not in root:
                    raise RuntimeError(
                        f"Node {node} referenced target {node.target} but that target was not "
                        "provided in ``root``!"
                    )
            for path in sorted(paths, key=lambda path: path.count(".")):
                _assign(root[path], self, path)
        else:
            raise RuntimeError(f"Unsupported type {root} passed for root!")
        tracer = graph._tracer_cls
        self._tracer_cls = tracer if tracer and "<locals>" not in tracer.__qualname__ else None
        self._tracer_extras = graph._tracer_extras or {}
        self.meta: dict[str, Any] = {}
        self._replace_hooks: list[Callable] = []
        self._create_node_hooks: list[Callable] = []
        self._erase_node_hooks: list[Callable] = []
        self._deepcopy_hooks: list[Callable] = []
        self.graph = graph

    # -- graph and code ---------------------------------------------------------------------------

    @property
    def graph(self) -> Graph:
        return self._graph

    @graph.setter
    def graph(self, g: Graph) -> None:
        if not isinstance(g, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(g)}")
        vars(self)["_graph"] = g
        g.owning_module = self
        self.recompile()

    @property
    def code(self) -> str:
        """The text of ``forward``."""
        return self._code

    def recompile(self) -> PythonCode:
        """Make ``forward`` of the graph as it is now; after each change of the graph."""
        codegen = self._graph._codegen
        if isinstance(codegen, PyTreeCodeGen):
            self._in_spec, self._out_spec = codegen.pytree_info[1:]
        code = self._graph.python_code(root_module="self")
        self._code, self._lineno_map = code.src, code._lineno_map
        self._prologue_start = code._prologue_start
        cls: Any = type(self)
        cls.forward = _function_of(code.src, code.globals, self._graph._co_fields)
        if "_wrapped_call" not in vars(cls):
            call = _Call(cls, vars(cls).get("__call__"))
            cls._wrapped_call = call
            cls.__call__ = lambda self, *args, **kwargs: call(self, *args, **kwargs)
        for module in self.children():
            if isinstance(module, GraphModule):
                module.recompile()
        return code

    def print_readable(
        self, print_output: bool = True, include_stride: bool = False,
        include_device: bool = False, colored: bool = False, *, fast_sympy_print: bool = False,
        expanded_def: bool = False, additional_meta: list[str] | None = None,
    ) -> str:  # fmt: skip
        """The code as a class, with comments on where steps are from and what shapes they have:
        printed, if ``print_output``, and returned. (No size is a symbol here, which
        ``fast_sympy_print`` is about.)"""
        look = dict(
            include_stride=include_stride, include_device=include_device, colored=colored,
            additional_meta=additional_meta,
        )  # fmt: skip
        text = _readable(self, self._get_name(), look, expanded_def)
        if print_output:
            print(text)
        return text

    def __str__(self) -> str:
        reminder = "# To see more debug info, please use `graph_module.print_readable()`"
        return "\n".join([super().__str__(), self._code, reminder])

    # -- members ----------------------------------------------------------------------------------

    def add_submodule(self, target: str, m: Module) -> bool:
        """Put ``m`` at a path, with empty modules on the way where there are none: False if
        something else is in the way."""
        path = target.split(".")
        parent = _parent(self, path, make=True)
        if parent is None:
            return False
        parent.add_module(path[-1], m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Take the module at a path out: False if there is none."""
        path = target.split(".")
        parent = _parent(self, path)
        if parent is None or not isinstance(getattr(parent, path[-1], None), Module):
            return False
        delattr(parent, path[-1])
        return True

    def delete_all_unused_submodules(self) -> None:
        """Take out all modules that the graph does not refer to."""
        used: set[str] = set()
        for node in self.graph.nodes:
            if node.op not in ("call_module", "get_attr"):
                continue
            used.update(itertools.accumulate(node.target.split("."), lambda x, y: f"{x}.{y}"))
            if node.op == "call_module":
                with contextlib.suppress(AttributeError):
                    inner = self.get_submodule(node.target).named_modules(prefix=node.target)
                    used.update(name for name, _ in inner)
        for name in [name for name, _ in self.named_modules() if name not in used]:
            self.delete_submodule(name)

    # -- copies and files -------------------------------------------------------------------------

    def __reduce__(self):
        code = self.recompile()
        body = module_state(self)
        del body["_graph"]
        block = "\n".join(sorted({_import_of(*item) for item in code.globals.items()}))
        return reduce_graph_module, (body, f"{block}\n")

    def __deepcopy__(self, memo) -> GraphModule:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        body = copy.deepcopy(self.__getstate__(), memo)
        graph = body.pop("_graph")
        GraphModule.__init__(twin, _CodeOnlyModule(body), graph)
        hooks = [name for name in body if name.endswith("_hooks")]
        for name in ("meta", *hooks):
            if name in body:
                vars(twin)[name] = body[name]
        for name, value in twin.meta.get(_USER_PRESERVED_ATTRIBUTES_KEY, {}).items():
            setattr(twin, name, value)
        for hook in self._deepcopy_hooks:
            hook(twin)
        return twin

    def __copy__(self) -> GraphModule:
        twin = GraphModule(self, self.graph)
        twin.meta = self.meta
        return twin

    def to_folder(self, folder, module_name: str = "FxModule") -> None:
        """Write a package whose class ``module_name`` is this module, weights beside it."""
        from jaxtorch.nn import (
            BatchNorm1d,
            BatchNorm2d,
            BatchNorm3d,
            Conv1d,
            Conv2d,
            Conv3d,
            Linear,
        )
        from jaxtorch.serialization import save

        plain = (Linear, Conv1d, Conv2d, Conv3d, BatchNorm1d, BatchNorm2d, BatchNorm3d)
        folder = Path(folder)
        folder.mkdir(exist_ok=True)
        save(self.state_dict(), folder / "state_dict.pt")
        made, pickled = [], []
        for name, module in self.named_children():
            how = repr(module)
            if type(module) not in plain:
                pickled.append(name)
                file = folder / f"{name}.pt"
                save(module, file)
                note = how.replace("\r", " ").replace("\n", " ")
                how = f"torch.load(r'{file}', weights_only=False)"
                how, note = f"{how}) # {note}", ""
            made.append(f"setattr(self, '{name}', {how}" + ("" if name in pickled else ")"))
        for name, buffer in self._buffers.items():
            if buffer is not None:
                empty = f"torch.empty({list(buffer.shape)}, dtype={buffer.dtype})"
                made.append(f"self.register_buffer('{name}', {empty})")
        for name, parameter in self._parameters.items():
            if parameter is not None:
                empty = f"torch.empty({list(parameter.shape)}, dtype={parameter.dtype})"
                made.append(f"setattr(self, '{name}', torch.nn.Parameter({empty}))")
        made.append(f"self.load_state_dict(torch.load(r'{folder}/state_dict.pt'))")
        imports = "\n".join(line for line, _ in BUILTINS.values())
        head = f"{imports}\n\nfrom torch.nn import *\n\n\nclass {module_name}(torch.nn.Module):\n"
        body = "".join(f"        {line}\n" for line in made)
        code = self.code.replace("\n", "\n    ")
        text = f"{head}    def __init__(self):\n        super().__init__()\n{body}{code}\n"
        (folder / "module.py").write_text(text)
        (folder / "__init__.py").write_text("from .module import *")
        if pickled:
            warnings.warn(
                f"these children are no plain layers and were saved as pickled files: {pickled}",
                stacklevel=2,
            )

    # -- hooks on changes of the graph ------------------------------------------------------------

    def _register_replace_node_hook(self, f: Callable) -> None:
        self._replace_hooks.append(f)

    def _unregister_replace_node_hook(self, f: Callable) -> None:
        self._replace_hooks.remove(f)

    def _register_create_node_hook(self, f: Callable) -> None:
        self._create_node_hooks.append(f)

    def _unregister_create_node_hook(self, f: Callable) -> None:
        self._create_node_hooks.remove(f)

    def _register_erase_node_hook(self, f: Callable) -> None:
        self._erase_node_hooks.append(f)

    def _unregister_erase_node_hook(self, f: Callable) -> None:
        self._erase_node_hooks.remove(f)

    @contextlib.contextmanager
    def _set_replace_hook(self, f: Callable):
        self._register_replace_node_hook(f)
        try:
            yield
        finally:
            self._unregister_replace_node_hook(f)


def _readable(module: GraphModule, name: str, look: dict, expanded_def: bool = False) -> str:
    code = module.graph.python_code("self", verbose=True, expanded_def=expanded_def, **look).src
    text = f"class {name}(torch.nn.Module):\n" + code.lstrip("\n")
    inner = [
        _readable(child, child_name, look)
        for child_name, child in module.named_children()
        if isinstance(child, GraphModule)
    ]
    return _indented(text) + _indented("\n".join(["", *inner]))


def _indented(text: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *("    " + line if line.strip() else "" for line in rest)])
