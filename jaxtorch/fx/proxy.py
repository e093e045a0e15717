"""Proxies: what stands for the values of a function while its steps are recorded."""

from __future__ import annotations

import copy
import dis
import enum
import inspect
import operator
import traceback
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from jaxtorch import devices, dtypes, layouts
from jaxtorch.fx._asking import Asking
from jaxtorch.fx._names import torchs_name
from jaxtorch.fx.graph import Graph, magic_methods, reflectable_magic_methods
from jaxtorch.fx.node import Argument, Node, Target, map_aggregate
from jaxtorch.nn.parameter import Parameter
from jaxtorch.overrides import is_tensor_method_or_property
from jaxtorch.random import Generator
from jaxtorch.tensor import Tensor

__all__ = [
    "Attribute", "GraphAppendingTracer", "ParameterProxy", "Proxy", "Scope", "ScopeContextManager",
    "TraceError", "TracerBase", "assert_fn",
]  # fmt: skip

base_types = (
    str, int, float, bool, complex, dtypes.dtype, Tensor, devices.device, layouts.memory_format,
    layouts.layout, Generator,
)  # fmt: skip


class Scope:
    """The module whose forward is being recorded: its path and class."""

    def __init__(self, module_path: str, module_type: Any):
        self.module_path, self.module_type = module_path, module_type


class ScopeContextManager:
    """``scope`` is as ``current_scope`` from its making until the ``with`` block ends."""

    def __init__(self, scope: Scope, current_scope: Scope):
        self._scope, self._before = scope, copy.copy(scope)
        vars(scope).update(vars(current_scope))

    def __enter__(self) -> Scope:
        return self._scope

    def __exit__(self, *exc) -> None:
        vars(self._scope).update(vars(self._before))


class TraceError(ValueError):
    """The program needs to know a value that is only stood for."""


class TracerBase:
    """How what a program does with proxies becomes nodes of ``graph``."""

    graph: Graph
    record_stack_traces: bool = False
    _record_forward_stack_traces_only: bool = False
    check_mutable_operations: bool = False
    trace_asserts: bool = False
    proxy_buffer_attributes: bool = False
    traced_func_name: str = "forward"
    scope: Scope
    module_stack: OrderedDict[str, tuple[str, Any]]
    node_name_to_scope: dict[str, tuple[str, Any]]

    def create_node(
        self, kind: str, target: Target, args: tuple, kwargs: dict, name: str | None = None,
        type_expr: Any = None,
    ) -> Node:  # fmt: skip
        """Put a node into the graph; to be overridden by who wants to check or change it."""
        if self.check_mutable_operations:
            raise NotImplementedError("Tracer.check_mutable_operations")
        node = self.graph.create_node(kind, target, args, kwargs, name, type_expr)
        self.node_name_to_scope[node.name] = (self.scope.module_path, self.scope.module_type)
        if self.module_stack:
            node.meta["nn_module_stack"] = copy.copy(self.module_stack)
        if self.record_stack_traces and not node.stack_trace:
            frames = self._filter_traceback_frames(traceback.extract_stack())
            if frames:
                node.stack_trace = "".join(frames.format()).strip()
        return node

    def _filter_traceback_frames(self, frames: traceback.StackSummary) -> traceback.StackSummary:
        """Of a stack, the frames from the first ``forward`` on that are none of this package."""
        if self._record_forward_stack_traces_only:
            kept = [frame for frame in frames if frame.name == "forward"]
        else:
            first = next((i for i, f in enumerate(frames) if f.name == "forward"), len(frames))
            kept = frames[first:]
        return traceback.StackSummary.from_list(
            [frame for frame in kept if not frame.filename.startswith(_PACKAGE)]
        )

    def proxy(self, node: Node) -> Proxy:
        return Proxy(node, self)

    def create_proxy(
        self, kind: str, target: Target, args: tuple, kwargs: dict, name: str | None = None,
        type_expr: Any = None, proxy_factory_fn: Callable[[Node], Proxy] | None = None,
    ) -> Proxy:  # fmt: skip
        """A node of these arguments, in which proxies may stand, and a Proxy of it."""
        node = self.create_node(
            kind, target, self.create_arg(args), self.create_arg(kwargs), name, type_expr
        )
        return (proxy_factory_fn or self.proxy)(node)

    def create_arg(self, a: Any) -> Argument:
        """A value as it may stand in a node. NotImplementedError for one that may not."""
        if isinstance(a, Proxy):
            return a.node
        if hasattr(a, "__fx_create_arg__"):
            return a.__fx_create_arg__(self)
        if isinstance(a, tuple):
            inner = [self.create_arg(x) for x in a]
            return type(a)(*inner) if hasattr(a, "_fields") else type(a)(inner)
        if isinstance(a, list):
            return [self.create_arg(x) for x in a]
        if isinstance(a, dict):
            return {self._key(k): self.create_arg(v) for k, v in a.items()}
        if isinstance(a, slice | range):
            return type(a)(*(self.create_arg(x) for x in (a.start, a.stop, a.step)))
        if is_dataclass(a) and not isinstance(a, type):
            kwargs = {f.name: self.create_arg(getattr(a, f.name)) for f in fields(a)}
            return self.create_node("call_function", type(a), (), kwargs)
        if a is None or a is ... or isinstance(a, (*base_types, enum.Enum, Node)):
            return a
        raise NotImplementedError(f"argument of type: {type(a)}")

    def _key(self, key: Any) -> Any:
        made = self.create_arg(key)

        def refuse(x):
            if isinstance(x, Node):
                raise RuntimeError(
                    "Keys for dictionaries used as an argument cannot contain a Node. Got key: "
                    f"{made}"
                )

        map_aggregate(made, refuse)
        return made

    def to_bool(self, obj: Proxy) -> bool:
        """What ``if proxy:`` asks; to be overridden by a tracer that knows."""
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj: Proxy) -> Iterator:
        """What ``for x in proxy`` asks; to be overridden by a tracer that knows."""
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a "
            "loop or as a *args or **kwargs function argument: torch.fx.wrap a function around the "
            "loop, or index the proxy by numbers that are known"
        )

    def keys(self, obj: Proxy) -> Any:
        """What ``**proxy`` asks first."""
        return Attribute(obj, "keys")()


_PACKAGE = __file__.rpartition("fx")[0]


class GraphAppendingTracer(TracerBase):
    """For proxies of nodes that exist: what is done with them goes into the graph at its point of
    insertion."""

    def __init__(self, graph: Graph):
        super().__init__()
        self.graph = graph
        self.scope = Scope("", None)
        self.module_stack = OrderedDict()
        self.node_name_to_scope = {}
        weakref.finalize(self, Asking().stop)


def assert_fn(x) -> None:
    if not x:
        raise AssertionError("Assertion failed")


def _instruction(frame) -> tuple[list[dis.Instruction], int]:
    """The instructions of a frame's code, and at which it stands."""
    instructions = list(dis.get_instructions(frame.f_code))
    at = next(i for i, found in enumerate(instructions) if found.offset == frame.f_lasti)
    return instructions, at


class Proxy:
    """What stands for the value of ``node``: each operator, method and function of torch that it
    meets becomes another node. ``Proxy(node)`` appends to a graph that exists already."""

    def __init__(self, node: Node, tracer: TracerBase | None = None):
        self.tracer = GraphAppendingTracer(node.graph) if tracer is None else tracer
        self.node = node

    def __repr__(self) -> str:
        return f"Proxy({self.node.name})"

    def __getattr__(self, k: str) -> Attribute:
        return Attribute(self, k)  # no node yet: it may be a method that is about to be called

    def __getstate__(self) -> dict:
        return self.__dict__

    def __setstate__(self, state: dict) -> None:
        self.__dict__ = state

    def __deepcopy__(self, memo) -> Proxy:
        twin = Proxy.__new__(type(self))
        twin.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return twin

    def __call__(self, *args, **kwargs) -> Proxy:
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self) -> Iterator:
        instructions, at = _instruction(inspect.currentframe().f_back)  # type: ignore[union-attr]
        if instructions[at].opname == "UNPACK_SEQUENCE":  # a, b = proxy
            return (self[i] for i in range(instructions[at].argval))  # type: ignore[index]
        return self.tracer.iter(self)

    def __abs__(self) -> Proxy:
        return self.tracer.create_proxy("call_function", operator.abs, (self,), {})

    def __bool__(self) -> bool:
        if self.tracer.trace_asserts:
            instructions, at = _instruction(inspect.currentframe().f_back)  # type: ignore[union-attr]
            follows = instructions[at + 1] if at + 1 < len(instructions) else None
            if (
                instructions[at].opname.startswith("POP_JUMP")
                and follows is not None
                and follows.opname == "LOAD_ASSERTION_ERROR"
            ):
                self.tracer.create_proxy("call_function", assert_fn, (self,), {})
                return True
        return self.tracer.to_bool(self)

    def keys(self) -> Any:
        return self.tracer.keys(self)

    def __len__(self) -> int:
        raise RuntimeError(
            "'len' is not supported in symbolic tracing by default: torch.fx.wrap('len') at the "
            "top level of the module has its calls recorded"
        )

    @classmethod
    def __torch_function__(cls, orig_method, types, args=(), kwargs=None) -> Any:
        tracers: dict[TracerBase, None] = {}

        def note(x):
            if isinstance(x, cls):
                tracers[x.tracer] = None

        map_aggregate((tuple(args), dict(kwargs or {})), note)
        if len(tracers) > 1:
            raise RuntimeError(
                f"Found multiple different tracers {list(tracers)} while trying to trace "
                f"operations {orig_method}"
            )
        tracer = next(iter(tracers))
        kwargs = kwargs or {}
        if torchs_name(orig_method) is None and is_tensor_method_or_property(orig_method):
            return tracer.create_proxy("call_method", orig_method.__name__, args, kwargs)
        name = tracer.graph._target_to_str(function_name(orig_method))
        return tracer.create_proxy("call_function", orig_method, args, kwargs, name=name)


def function_name(function) -> str:
    """PyTorch's own name of a function: that of ``torch.linalg.norm`` is ``linalg_norm``."""
    known = torchs_name(function)
    return function.__name__ if known is None else known.rpartition(".")[2]


class Attribute(Proxy):
    """``proxy.name``: a step of its own only if it is used as a value."""

    def __init__(self, root: Proxy, attr: str):
        self.root, self.attr, self.tracer = root, attr, root.tracer
        self._node: Node | None = None

    @property
    def node(self) -> Node:  # type: ignore[override]
        if self._node is None:
            made = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {})
            self._node = made.node
        return self._node

    def __call__(self, *args, **kwargs) -> Proxy:
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


class ParameterProxy(Proxy):
    """A proxy of a parameter, whose shape is known (``Tracer(param_shapes_constant=True)``)."""

    def __init__(self, tracer: TracerBase, node: Node, name: str, param: Parameter):
        super().__init__(node, tracer)
        if not isinstance(param, Parameter):
            raise AssertionError(f"Expected Parameter, got {type(param)}")
        self.param, self.name = param, name

    def __repr__(self) -> str:
        return f"ParameterProxy({self.name})"

    @property
    def shape(self):
        return self.param.shape

    @property
    def ndim(self) -> int:
        return self.param.ndim

    def size(self, *dim):
        return self.param.size(*dim)

    def dim(self) -> int:
        return self.param.dim()

    def numel(self) -> int:
        return self.param.numel()

    def nelement(self) -> int:
        return self.param.nelement()


def _operator(name: str, reflected: bool) -> Callable:
    def record(self, *others) -> Proxy:
        target = getattr(operator, name)
        args = (*others, self) if reflected else (self, *others)
        return self.tracer.create_proxy("call_function", target, args, {})

    record.__name__ = record.__qualname__ = f"__{'r' * reflected}{name.strip('_')}__"
    return record


for _name in magic_methods:
    setattr(Proxy, f"__{_name.strip('_')}__", _operator(_name, False))
for _name in reflectable_magic_methods:
    setattr(Proxy, f"__r{_name.strip('_')}__", _operator(_name, True))
Proxy.__hash__ = object.__hash__  # type: ignore[method-assign]  (__eq__ records)
