"""Module: PyTorch's registration, traversal, hooks and state dicts, and an ``nnx.Module`` to flax.

Parameters, buffers and submodules are plain instance attributes, so that ``self.weight`` costs what
an attribute costs and flax sees torch's own names as paths. ``_kinds`` says which attributes are
registered, as what, in which order; ``_parameters``, ``_buffers`` and ``_modules`` are live views.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from flax import nnx

from jaxtorch.engine.trace import is_traced
from jaxtorch.nn.modules import _calling, _flaxview, _hooks, _state_dict
from jaxtorch.nn.modules._copying import HOOK_DICTS, CopyingMethods
from jaxtorch.nn.modules._hooks import *  # noqa: F403  (torch.nn.modules.module's own names)
from jaxtorch.nn.modules._hooks import (
    _global_backward_hooks as _global_backward_hooks,
    _global_backward_pre_hooks as _global_backward_pre_hooks,
    _global_forward_hooks as _global_forward_hooks,
    _global_forward_hooks_always_called as _global_forward_hooks_always_called,
    _global_forward_hooks_with_kwargs as _global_forward_hooks_with_kwargs,
    _global_forward_pre_hooks as _global_forward_pre_hooks,
    _has_any_global_hook as _has_any_global_hook,
)
from jaxtorch.nn.modules._members import (
    add_members,
    linked,
    members,
    own_members,
    type_name,
    unhidden,
)  # fmt: skip
from jaxtorch.nn.modules._moving import MovingMethods
from jaxtorch.nn.modules._state_dict import _IncompatibleKeys as _IncompatibleKeys
from jaxtorch.nn.parameter import Buffer, Parameter, tell_trace
from jaxtorch.ops.creation import zeros_like
from jaxtorch.tensor import Tensor

__all__ = ["Module", *_hooks.__all__]


T_destination = TypeVar("T_destination", bound=dict[str, Any])


class Module(MovingMethods, CopyingMethods, _hooks.HookMethods, _flaxview.FlaxView):
    """Base class of all layers and networks; ``forward`` is yours to write.

    A Parameter, Module or (by ``register_buffer``) Tensor assigned to an attribute is registered:
    it is moved, saved and found by name with the module.

    To flax it is an ``nnx.Module``: registered as one, not derived from it, so that a subclass may
    have a metaclass of its own, as in PyTorch.
    """

    training: bool
    _kinds: dict[str, str]  # name to "parameter", "buffer" or "module"
    _version: int = 1
    call_super_init: bool = False
    dump_patches: bool = False
    T_destination = T_destination
    _parameters = members("parameter")
    _buffers = members("buffer")
    _modules = members("module")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and (args or kwargs):
            extra = (
                f"got an unexpected keyword argument '{next(iter(kwargs))}'"
                if kwargs
                else f"takes 1 positional argument but {len(args) + 1} were given"
            )
            raise TypeError(f"{type(self).__name__}.__init__() {extra}")
        tell_trace()
        own = vars(self)
        if "_kinds" in own:  # a second call begins anew
            for name in (*own["_kinds"], *_HOOKS):
                own.pop(name, None)
        own["training"] = True
        add_members(self)
        own["_kinds"] = {}
        own["_non_persistent_buffers_set"] = set()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        _flaxview.register(cls)

    # ---------------------------------------------------------------------------------------------
    # Calling

    def forward(self, *input: Any) -> Any:
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args, **kwargs):
        if self._hooked or any(_hooks.every_call):
            compiled = self._compiled_call_impl
            if compiled is not None:
                return compiled(*args, **kwargs)
            return _calling.call(self, args, kwargs)
        return self.forward(*args, **kwargs)

    _wrapped_call_impl = __call__

    def _call_impl(self, *args, **kwargs):
        if self._hooked or any(_hooks.every_call):
            return _calling.call(self, args, kwargs)
        return self.forward(*args, **kwargs)

    @property
    def _compiled_call_impl(self) -> Callable | None:
        """What ``compile`` made of ``_call_impl``, or what a program has put in its place."""
        return self.__dict__.get("_compiled_call")

    @_compiled_call_impl.setter
    def _compiled_call_impl(self, call: Callable | None) -> None:
        # What compile() sets calls _call_impl and need not be called; what a program sets must be.
        vars(self).update(_compiled_call=call, _hooked=True)

    # ---------------------------------------------------------------------------------------------
    # Attributes and registration

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        kinds = own.get("_kinds")
        if not isinstance(value, _REGISTERED) and (kinds is None or name not in kinds):
            object.__setattr__(self, name, value)
            return
        known = None if kinds is None else kinds.get(name)
        if isinstance(value, Parameter):
            if kinds is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            if known != "parameter":
                self._forget(name)
            else:
                _no_leak(self.__dict__[name], value)
            self.register_parameter(name, value)
        elif known == "parameter":
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as parameter '{name}' "
                    "(torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, None)
        elif isinstance(value, Module) or isinstance(value, nnx.Module):
            if kinds is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            if not isinstance(value, Module):
                value = adapted(value)
            if known != "module":
                self._forget(name)
            self._register(
                "module",
                name,
                _hooks.registered(_hooks._global_module_registration_hooks, self, name, value),
            )
        elif known == "module":
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as child module '{name}' "
                    "(torch.nn.Module or None expected)"
                )
            self._register(
                "module",
                name,
                _hooks.registered(_hooks._global_module_registration_hooks, self, name, None),
            )
        elif known == "buffer" or isinstance(value, Buffer):
            if value is not None and not _tensor_like(value):
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as buffer '{name}' "
                    "(torch.nn.Buffer, torch.Tensor or None expected)"
                )
            if known is not None:
                _no_leak(self.__dict__[name], value)
            if isinstance(value, Buffer):
                persistent = value.persistent
            else:
                persistent = name not in self._non_persistent_buffers_set
            self._register_buffer(name, value, persistent)
        else:
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        if name in self.__dict__.get("_kinds", ()):
            self._unregister(name)
        else:
            object.__delattr__(self, name)

    def _forget(self, name: str) -> None:
        """Take an attribute away, whatever it is, so that a registration of its name comes last."""
        if name in self._kinds:
            self._unregister(name)
        vars(self).pop(name, None)

    def _register(self, kind: str, name: str, value: Any) -> None:
        own = self.__dict__
        if "_linked" in own:
            for module in linked(self, kind):
                _put(module.__dict__, kind, name, value)
        else:
            _put(own, kind, name, value)

    def _unregister(self, name: str) -> None:
        for module in linked(self, self._kinds[name]):
            del module._kinds[name]
            del vars(module)[name]
        self._non_persistent_buffers_set.discard(name)

    def _check_name(self, kind: str, name: str, what: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type_name(name)}")
        if kind == "module" and self._taken(kind, name):
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."{what}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if self._taken(kind, name):
            raise KeyError(f"attribute '{name}' already exists")

    def _taken(self, kind: str, name: str) -> bool:
        return self._kinds.get(name) != kind and hasattr(self, name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register a Parameter, or None: a place that holds nothing and is not saved."""
        if "_kinds" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, "")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{type_name(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    "be "
                    f"created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
            param = _hooks.registered(
                _hooks._global_parameter_registration_hooks, self, name, param
            )
        self._register("parameter", name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a Tensor that is state but no parameter; ``persistent`` ones are saved."""
        if "_kinds" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, "")
        if tensor is not None and not _tensor_like(tensor):
            raise TypeError(
                f"cannot assign '{type_name(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        self._register(
            "buffer",
            name,
            _hooks.registered(_hooks._global_buffer_registration_hooks, self, name, tensor),
        )
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def _register_buffer(self, name: str, tensor: Tensor | None, persistent: bool) -> None:
        """``register_buffer`` as the class has it, with or without an argument ``persistent``."""
        register = self.register_buffer
        if getattr(register, "__func__", None) is not Module.register_buffer:
            if "persistent" not in inspect.signature(register).parameters:
                if not persistent:
                    raise RuntimeError(
                        f"{type(self).__name__}.register_buffer() has no argument 'persistent', so "
                        f"buffer '{name}' cannot be a non-persistent one"
                    )
                return register(name, tensor)
        return register(name, tensor, persistent)

    def add_module(self, name: str, module: Module | None) -> None:
        """Register a submodule under a name that need not be an identifier ("0", "layer 1")."""
        if module is not None and not isinstance(module, Module):
            if not isinstance(module, nnx.Module):
                raise TypeError(f"{type_name(module)} is not a Module subclass")
            module = adapted(module)
        if "_kinds" not in self.__dict__:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '_modules'")
        self._check_name("module", name, f", got: {name}")
        self._register(
            "module",
            name,
            _hooks.registered(_hooks._global_module_registration_hooks, self, name, module),
        )

    def register_module(self, name: str, module: Module | None) -> None:
        self.add_module(name, module)

    # ---------------------------------------------------------------------------------------------
    # Finding by name

    def get_submodule(self, target: str) -> Module:
        """The submodule at a dotted path; the empty path is the module itself."""
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put ``module`` at a dotted path whose parent exists; with ``strict`` it must replace
        one."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        path, _, name = target.rpartition(".")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        param = getattr(module, name)
        if not isinstance(param, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return param

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return getattr(module, name)

    # ---------------------------------------------------------------------------------------------
    # Walking

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, with dotted names, parents first."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in own_members(self, "module"):
            if child is not None:
                yield from child.named_modules(
                    memo, f"{prefix}.{name}" if prefix else name, remove_duplicate
                )

    @unhidden
    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules, each once."""
        memo = set()
        for name, child in own_members(self, "module"):
            if child is not None and child not in memo:
                memo.add(child)
                yield name, child

    @unhidden
    def children(self) -> Iterator[Module]:
        for _, child in self.named_children():
            yield child

    def _named_members(
        self,
        get_members_fn: Callable,
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen = set()
        modules = [(prefix, self)]
        if recurse:
            modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in modules:
            start = f"{path}." if path else ""
            for name, member in get_members_fn(module):
                if member is not None and id(member) not in seen:
                    if remove_duplicate:
                        seen.add(id(member))
                    yield start + name, member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        return self._named_members(_own_parameters, prefix, recurse, remove_duplicate)

    @unhidden
    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        return self._named_members(_own_buffers, prefix, recurse, remove_duplicate)

    @unhidden
    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Call ``fn`` on every submodule, children first, then on this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # ---------------------------------------------------------------------------------------------
    # Modes and gradients

    def train(self, mode: bool = True) -> Module:
        """Set training mode on this module and all below it."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Module:
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop every gradient, or set it to zeros."""
        for param in self.parameters():
            grad = param.grad
            if grad is None:
                continue
            if set_to_none:
                param.grad = None
            elif grad.grad_fn is not None:
                param.grad = zeros_like(grad)
            else:
                grad.requires_grad_(False).zero_()

    # ---------------------------------------------------------------------------------------------
    # State dicts

    state_dict = _state_dict.state_dict
    load_state_dict = _state_dict.load_state_dict
    get_extra_state = _state_dict.get_extra_state
    set_extra_state = _state_dict.set_extra_state
    _save_to_state_dict = _state_dict.save_to_state_dict
    _load_from_state_dict = _state_dict.load_from_state_dict
    register_state_dict_post_hook = _state_dict.register_state_dict_post_hook
    register_state_dict_pre_hook = _state_dict.register_state_dict_pre_hook
    register_load_state_dict_pre_hook = _state_dict.register_load_state_dict_pre_hook
    register_load_state_dict_post_hook = _state_dict.register_load_state_dict_post_hook
    _register_state_dict_hook = _state_dict.register_state_dict_hook
    _register_load_state_dict_pre_hook = (
        _state_dict.register_load_state_dict_pre_hook_without_module
    )

    # ---------------------------------------------------------------------------------------------
    # Printing

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What to print between the parentheses; override it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({k}): " + indented(repr(m)) for k, m in self._modules.items()]
        if not lines and not children:
            return f"{self._get_name()}()"
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({lines[0]})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"

    __str__ = __repr__

    def __dir__(self):
        names = {*dir(type(self)), *self.__dict__}
        return sorted(name for name in names if not name[0].isdigit())


def _put(own: dict, kind: str, name: str, value: Any) -> None:
    kinds = own["_kinds"]
    if kinds.get(name, kind) != kind:
        del kinds[name]
    kinds[name] = kind
    own[name] = value


def _own_parameters(module: Module) -> list[tuple[str, Any]]:
    return own_members(module, "parameter")


def _own_buffers(module: Module) -> list[tuple[str, Any]]:
    return own_members(module, "buffer")


_HOOKS = (*HOOK_DICTS, "_hooked", "_is_full_backward_hook")
_REGISTERED = (Tensor, Module, nnx.Module)
_flaxview.register(Module)
nnx.Module.register(Module)


def _no_leak(old: Any, new: Any) -> None:
    """Refuse to put a value of a JAX trace where a module from outside of it has another."""
    if isinstance(old, Tensor) and isinstance(new, Tensor) and is_traced(new._node):
        old._check_trace()


def _tensor_like(value: Any) -> bool:
    return isinstance(value, Tensor) or hasattr(value, "__torch_function__")


def adapted(layer: nnx.Module) -> Module:
    """A flax layer as a Module."""
    from jaxtorch.interop.flax import FlaxLayer

    return FlaxLayer(layer)


def indented(text: str) -> str:
    """All lines but the first moved right by two; blank ones are empty."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(f"  {line}" if line.strip() else "" for line in rest)])
