"""Tracer: runs a program on proxies, and so records its graph."""

from __future__ import annotations

import collections
import copy
import functools
import inspect
import math
import warnings
from collections.abc import Callable
from itertools import chain
from types import FunctionType, ModuleType
from typing import Any

from jaxtorch.assertions import _assert
from jaxtorch.fx._asking import Asking
from jaxtorch.fx.codegen import PyTreeCodeGen, PyTreeInfo
from jaxtorch.fx.graph import Graph
from jaxtorch.fx.graph_module import GraphModule
from jaxtorch.fx.node import Argument, Node as Node
from jaxtorch.fx.patching import Patcher, find_proxy, wrapped_functions
from jaxtorch.fx.proxy import (
    ParameterProxy,
    Proxy,
    Scope,
    ScopeContextManager,
    TracerBase,
    base_types,
)
from jaxtorch.nn.modules.container import Sequential
from jaxtorch.nn.modules.module import Module
from jaxtorch.nn.parameter import Parameter
from jaxtorch.serialization.names import torch_home
from jaxtorch.tensor import Tensor
from jaxtorch.utils import _pytree as pytree

__all__ = ["PH", "ProxyableClassMeta", "Tracer", "symbolic_trace", "wrap"]

_tracing = 0  # how many traces are going on
_proxyable_classes: dict[type, None] = {}


def is_fx_tracing() -> bool:
    """Is a function being recorded just now?"""
    return _tracing > 0


is_fx_symbolic_tracing = is_fx_tracing


class ProxyableClassMeta(type):
    """The metaclass of classes that may be constructed of proxies: the construction is recorded."""

    def __init__(cls, name, bases, attrs):
        _proxyable_classes.setdefault(cls)
        super().__init__(name, bases, attrs)

    def __call__(cls, *args, **kwargs):
        proxy = find_proxy(args, kwargs) if is_fx_tracing() else None
        if proxy is not None:
            return proxy.tracer.create_proxy("call_function", cls, args, kwargs)
        return super().__call__(*args, **kwargs)


class PHBase:
    """In ``concrete_args``, what stays an argument."""

    def __repr__(self) -> str:
        return "PH"


PH = PHBase()


class PHWithMeta(PHBase):
    """PH with attributes, which its node gets."""

    def __init__(self, ph_key: str | None = None):
        super().__init__()
        self.ph_key = ph_key


def _transfer_attrs(fr, to) -> None:
    for name in dir(fr):
        value = getattr(fr, name)
        if not callable(value) and not name.startswith("__") and not hasattr(to, name):
            setattr(to, name, value)


def wrap(fn_or_name):
    """Have a function of the calling module, or a builtin that it uses, recorded as one step
    when it is called with what is captured. Takes it or its name, and returns that, so that it
    can stand as a decorator. To be called at a module's top level."""
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError(
            "Unsupported type for global function! wrap takes a function or a function's name, "
            f"got {fn_or_name!r}"
        )
    name = fn_or_name.__name__ if callable(fn_or_name) else fn_or_name
    frame = inspect.currentframe().f_back  # type: ignore[union-attr]
    if frame.f_code.co_name != "<module>":  # type: ignore[union-attr]
        raise NotImplementedError("wrap must be called at the top level of a module")
    wrapped_functions[id(frame.f_globals), name] = frame.f_globals  # type: ignore[union-attr]
    return fn_or_name


@wrap
def _assert_is_none(value, msg) -> None:
    if value is not None:
        raise AssertionError(msg)


class Tracer(TracerBase):
    """Records what a module or function does: ``Tracer().trace(module)`` is its Graph.

    ``autowrap_modules`` and ``autowrap_functions`` are recorded as single steps, as if marked by
    ``wrap``. With ``param_shapes_constant`` the shapes of parameters are numbers, not proxies.
    """

    def __init__(
        self,
        autowrap_modules: tuple[ModuleType, ...] = (math,),
        autowrap_functions: tuple[Callable, ...] = (),
        param_shapes_constant: bool = False,
    ):
        super().__init__()
        contents = chain.from_iterable(vars(m).items() for m in autowrap_modules)
        self._autowrap_function_ids = {
            id(value) for name, value in contents if not name.startswith("_") and callable(value)
        }
        self._autowrap_function_ids.update(map(id, autowrap_functions))
        self._autowrap_search = list(autowrap_modules)
        self.param_shapes_constant = param_shapes_constant
        self.submodule_paths: dict[Module, str] | None = None
        self.root_module_name = ""
        self.scope = Scope("", None)
        self.module_stack = collections.OrderedDict()
        self.num_calls: dict[str, int] = {}
        self.node_name_to_scope = {}

    def __deepcopy__(self, memo) -> Tracer:
        twin = Tracer.__new__(type(self))
        for name, value in self.__dict__.items():
            shared = name == "_autowrap_search"  # modules cannot be copied
            twin.__dict__[name] = copy.copy(value) if shared else copy.deepcopy(value, memo)
        return twin

    def get_fresh_qualname(self, prefix: str) -> str:
        """``prefix`` with a number, as an attribute that the root has not yet."""
        number = 0
        while hasattr(self.root, f"{prefix}{number}"):
            number += 1
        return f"{prefix}{number}"

    # -- what may be overridden -------------------------------------------------------------------

    def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:
        """Is a call of ``m`` one step, or are its own steps recorded? torch.nn's are leaves, but
        for Sequential."""
        home = torch_home(type(m).__module__, type(m).__name__)
        return home.startswith("torch.nn") and not isinstance(m, Sequential)

    def path_of_module(self, mod: Module) -> str:
        """Where in the root ``mod`` is. NameError if it is not there."""
        if self.submodule_paths:
            path = self.submodule_paths.get(mod)
        else:
            path = next((n for n, m in self.root.named_modules() if m is mod), None)
        if path is None:
            raise NameError("module is not installed as a submodule")
        return path

    def call_module(self, m: Module, forward: Callable, args: tuple, kwargs: dict) -> Any:
        """What becomes of a call of a module; ``forward(*args, **kwargs)`` goes into it."""
        path = self.path_of_module(m)
        with ScopeContextManager(self.scope, Scope(path, type(m))) as scope:
            calls = self.num_calls.get(path, 0)
            self.num_calls[path] = calls + 1
            key = f"{path}@{calls}" if calls else path
            self.module_stack[key] = (path, scope.module_type)
            if self.is_leaf_module(m, path):
                result = self.create_proxy("call_module", path, args, kwargs)
            else:
                result = forward(*args, **kwargs)
            self.module_stack.popitem()
        return result

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Proxy]) -> Any:
        """What ``module.attr`` is while it is traced, which would be ``attr_val``: a parameter of
        the root is a proxy."""
        if isinstance(attr_val, Parameter):
            named = self.root.named_parameters()
        elif self.proxy_buffer_attributes and isinstance(attr_val, Tensor):
            named = self.root.named_buffers()
        else:
            return attr_val
        name = next((n for n, value in named if value is attr_val), None)
        if name is None:
            return attr_val
        if name not in parameter_proxy_cache:
            made = {}
            if "proxy_factory_fn" in inspect.signature(self.create_proxy).parameters:
                made["proxy_factory_fn"] = self.param_shapes_constant and (
                    lambda node: ParameterProxy(self, node, name, attr_val)
                )
            parameter_proxy_cache[name] = self.create_proxy("get_attr", name, (), {}, **made)
        return parameter_proxy_cache[name]

    def create_arg(self, a: Any) -> Argument:
        """As TracerBase, and tensors and modules of the root are read from there; a tensor from
        elsewhere becomes an attribute of it."""
        if isinstance(a, Parameter | Module):
            among = self.root.named_parameters() if isinstance(a, Parameter) else None
            for name, value in among or self.root.named_modules():
                if value is a:
                    return self.create_node("get_attr", name, (), {})
            if isinstance(a, Parameter):
                raise NameError("parameter is not a member of this module")
        if isinstance(a, Tensor):
            for name, value in self.root.named_buffers():
                if value is a:
                    return self.create_node("get_attr", name, (), {})
        if isinstance(a, tuple) and hasattr(a, "_fields"):
            args = tuple(self.create_arg(x) for x in a)
            return self.create_node("call_function", type(a), args, {})
        if isinstance(a, Tensor | pytree.TreeSpec):
            path = self.tensor_attrs.get(a)
            if path is None:
                tensor = isinstance(a, Tensor)
                path = self.get_fresh_qualname(
                    "_tensor_constant" if tensor else "_tree_spec_constant"
                )
                self.tensor_attrs[a] = path
                setattr(self.root, path, a)
            return self.create_node("get_attr", path, (), {})
        if type(a) in _proxyable_classes:
            path = self.get_fresh_qualname(f"_{type(a).__name__}_constant_")
            setattr(self.root, path, a)
            return self.create_node("get_attr", path, (), {})
        return super().create_arg(a)

    # -- tracing ----------------------------------------------------------------------------------

    def trace(self, root: Module | Callable, concrete_args: Any = None) -> Graph:
        """The graph of a module or function. ``concrete_args`` (by name, or all in a tuple) are
        values that arguments are known to have; in them PH stands for what is not."""
        global _tracing
        _tracing += 1
        try:
            return self._trace(root, concrete_args)
        finally:
            _tracing -= 1

    def _trace(self, root, concrete_args) -> Graph:
        if isinstance(root, Module):
            self.root: Module = root
            fn = getattr(type(root), self.traced_func_name, None)
            if fn is None:
                raise AssertionError(
                    f"traced_func_name={self.traced_func_name} doesn't exist in "
                    f"{type(root).__name__}"
                )
            self.root_module_name = root._get_name()
            self.submodule_paths = {module: name for name, module in root.named_modules()}
        else:
            self.root, fn = Module(), root
        self.graph = Graph(tracer_cls=type(self))
        code = getattr(fn, "__code__", None)
        if code is not None:
            self.graph._co_fields = {
                name: getattr(code, name) for name in ("co_name", "co_filename", "co_firstlineno")
            }
        if not isinstance(fn, FunctionType):
            raise AssertionError(f"Expected FunctionType, got {type(fn)}")
        # Tensors that are plain attributes are read by their path, as parameters are.
        self.tensor_attrs: dict[Any, str] = {
            value: f"{path}.{name}" if path else name
            for path, module in self.root.named_modules()
            for name, value in vars(module).items()
            if name not in module._kinds and isinstance(value, Tensor | pytree.TreeSpec)
        }
        fn_globals, returns = fn.__globals__, _annotations(inspect.unwrap(fn))
        fn, args = self.create_args_for_root(fn, isinstance(root, Module), concrete_args)
        with Patcher() as patcher, Asking():
            self._watch_modules(patcher)
            patcher.marked()
            for names in (fn_globals, *map(vars, self._autowrap_search)):
                patcher.functions_of(names, self._autowrap_function_ids)
            result = self.create_arg(fn(*args))
            self.create_node("output", "output", (result,), {}, type_expr=returns.get("return"))
        self.submodule_paths = None
        return self.graph

    def _watch_modules(self, patcher: Patcher) -> None:
        """Have modules' calls and the members they are asked for come to this tracer."""
        call, read = Module.__call__, Module.__getattribute__
        cache: dict[str, Proxy] = {}

        @functools.wraps(call)
        def module_call(mod, *args, **kwargs):
            def forward(*args, **kwargs):
                return call(mod, *args, **kwargs)

            names = getattr(getattr(mod, "forward", mod), "__globals__", {})
            patcher.functions_of(names, self._autowrap_function_ids)
            return self.call_module(mod, forward, args, kwargs)

        def module_attribute(mod, attr):
            value = read(mod, attr)
            if isinstance(value, Tensor | Module) and attr in read(mod, "_kinds"):
                return self.getattr(attr, value, cache)
            return value

        patcher.on_class(Module, "__call__", module_call)
        patcher.on_class(Module, "__getattribute__", module_attribute)

    # -- arguments --------------------------------------------------------------------------------

    def create_args_for_root(
        self, root_fn: Callable, is_module: bool, concrete_args: Any = None
    ) -> tuple[Callable, list]:
        """Placeholders for the function's parameters: (what to call, with which arguments)."""
        analysed = inspect.unwrap(root_fn)
        code, signature = analysed.__code__, inspect.signature(analysed)
        variable = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
        count = code.co_argcount + code.co_kwonlyargcount
        names = list(code.co_varnames)
        args: list[Any] = []
        if is_module:
            if count == 0:
                raise RuntimeError("``self`` argument cannot be part of *args expansion!")
            args.append(self.root)
        if isinstance(concrete_args, tuple) and concrete_args and variable and count == 1:
            for i, value in enumerate(concrete_args):
                args.append(self.create_proxy("placeholder", f"input_{i}", (), {}))
                if isinstance(value, PHBase) and value is not PH:
                    _transfer_attrs(fr=value, to=args[-1].node)
            return root_fn, args
        own = names[int(is_module) : count]
        if isinstance(concrete_args, tuple):
            if len(own) != len(concrete_args):
                raise RuntimeError(
                    f"Tracing expected {len(own)} arguments but got {len(concrete_args)} concrete "
                    "arguments"
                )
            concrete_args = dict(zip(own, concrete_args, strict=True))
        rest = iter(names[count:])
        if code.co_flags & inspect.CO_VARARGS:
            own.append("*" + next(rest))
        if code.co_flags & inspect.CO_VARKEYWORDS:
            own.append("**" + next(rest))
        kinds = _annotations(analysed)
        args += [self._proxy_placeholder(name, concrete_args, signature, kinds) for name in own]
        if code.co_kwonlyargcount or variable:
            root_fn = _all_positional(root_fn, len(args))
        leaves, spec = pytree.tree_flatten(tuple(args))
        if all(child.is_leaf() for child in spec.children()):
            return root_fn, args
        codegen = PyTreeCodeGen(PyTreeInfo(names[:count], spec, None))
        self.graph._codegen = codegen

        def flat(*leaves):
            out, out_spec = pytree.tree_flatten(root_fn(*pytree.tree_unflatten(leaves, spec)))
            codegen.pytree_info = codegen.pytree_info._replace(out_spec=out_spec)
            return out

        return flat, leaves

    def _proxy_placeholder(
        self, name: str, concrete_args, signature: inspect.Signature, annotations: dict
    ) -> Any:
        plain = name.lstrip("*")
        parameter = signature.parameters[plain]
        given = () if parameter.default is parameter.empty else (parameter.default,)
        if name[0] == "*":
            return self.create_proxy("placeholder", name, (), {})
        if concrete_args is None or name not in concrete_args:
            kind = annotations.get(plain)
            return self.create_proxy("placeholder", name, given, {}, type_expr=kind)
        count = 0

        def placeholder(value):
            nonlocal count
            count += 1
            made = self.create_proxy("placeholder", f"{name}_{count}", given, {})
            if isinstance(value, PHBase):
                if value is not PH:
                    _transfer_attrs(fr=value, to=made.node)
                return made
            has_been = f"{name} has been specialized to have value {value} but got another value"
            if isinstance(value, base_types) and not isinstance(value, Tensor):
                self.create_proxy("call_function", _assert, (made == value, has_been), {})
            elif value is None:
                self.create_proxy("call_function", _assert_is_none, (made, has_been), {})
            else:
                warnings.warn(
                    f"that {name} is what it was traced with is not checked and up to you",
                    stacklevel=2,
                )
            return value

        return pytree.tree_map(placeholder, concrete_args[name])


def _annotations(fn: Callable) -> dict[str, Any]:
    """A function's annotations; this package's own are texts, which are read."""
    ours = fn.__globals__.get("__name__", "").partition(".")[0] == __name__.partition(".")[0]
    try:
        return inspect.get_annotations(fn, eval_str=ours)
    except NameError:  # of what is imported for type checkers only
        return {}


def _all_positional(fn: FunctionType, count: int) -> FunctionType:
    """``fn`` with all its parameters, \\*args and \\*\\*kwargs too, taken one by one: its first
    ``count`` local variables."""
    code = fn.__code__
    flags = code.co_flags & ~(inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    flat = code.replace(
        co_argcount=count, co_posonlyargcount=0, co_kwonlyargcount=0, co_flags=flags
    )
    return FunctionType(flat, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)


def symbolic_trace(root: Module | Callable, concrete_args: Any = None) -> GraphModule:
    """A GraphModule that does what ``root`` does, recorded by a Tracer (see there)."""
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    name = type(root).__name__ if isinstance(root, Module) else root.__name__
    return GraphModule(tracer.root, graph, name)
