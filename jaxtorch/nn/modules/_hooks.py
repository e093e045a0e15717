"""Module hooks: where they are kept and how they are registered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from jaxtorch.utils.hooks import RemovableHandle

__all__ = [
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]


class HookDict:
    """A module's dict of hooks, made when it is first asked for; then it is a plain attribute.

    ``calls`` marks the dicts that a call of the module must look at: once one exists, the module
    leaves the short way through ``__call__``.
    """

    def __init__(self, calls: bool = False):
        self.calls = calls

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, module, owner=None):
        if module is None:
            return self
        hooks = module.__dict__[self.name] = OrderedDict()
        if self.calls:
            module.__dict__["_hooked"] = True
        return hooks


def add(hooks: OrderedDict, hook, *marks: OrderedDict, prepend: bool = False) -> RemovableHandle:
    """Put a hook into ``hooks`` and its id into ``marks``; the handle takes all of them out
    again."""
    handle = RemovableHandle(hooks, extra_dict=list(marks))
    hooks[handle.id] = hook
    for mark in marks:
        mark[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


# -------------------------------------------------------------------------------------------------
# Hooks on every module

_global_forward_pre_hooks: OrderedDict = OrderedDict()
_global_forward_hooks: OrderedDict = OrderedDict()
_global_forward_hooks_with_kwargs: OrderedDict = OrderedDict()
_global_forward_hooks_always_called: OrderedDict = OrderedDict()
_global_backward_pre_hooks: OrderedDict = OrderedDict()
_global_backward_hooks: OrderedDict = OrderedDict()
_global_is_full_backward_hook: bool | None = None
_global_parameter_registration_hooks: OrderedDict = OrderedDict()
_global_buffer_registration_hooks: OrderedDict = OrderedDict()
_global_module_registration_hooks: OrderedDict = OrderedDict()

every_call = (
    _global_forward_pre_hooks,
    _global_forward_hooks,
    _global_backward_pre_hooks,
    _global_backward_hooks,
)


def registered(hooks: OrderedDict, module, name: str, value):
    """``value`` as the registration hooks leave it."""
    for hook in hooks.values():
        replaced = hook(module, name, value)
        if replaced is not None:
            value = replaced
    return value


def register_module_parameter_registration_hook(hook) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` at every registration of a parameter in any module."""
    return add(_global_parameter_registration_hooks, hook)


def register_module_buffer_registration_hook(hook) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` at every registration of a buffer in any module."""
    return add(_global_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` at every registration of a submodule in any module."""
    return add(_global_module_registration_hooks, hook)


def register_module_forward_pre_hook(hook) -> RemovableHandle:
    """Call ``hook(module, args)`` before every module's forward, ahead of the module's own
    hooks."""
    return add(_global_forward_pre_hooks, hook)


def register_module_forward_hook(
    hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after every module's forward."""
    marks = [_global_forward_hooks_with_kwargs] * with_kwargs + [
        _global_forward_hooks_always_called
    ] * always_call
    return add(_global_forward_hooks, hook, *marks)


def register_module_full_backward_pre_hook(hook) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` when the gradients of any module's outputs are there."""
    return add(_global_backward_pre_hooks, hook)


def register_module_full_backward_hook(hook) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` when any module's gradients are there."""
    return _add_backward_hook(hook, full=True)


def register_module_backward_hook(hook) -> RemovableHandle:
    """Deprecated: ``hook(module, grad_input, grad_output)`` of the last function in any module's
    forward, be it the whole of it or not."""
    return _add_backward_hook(hook, full=False)


def _add_backward_hook(hook, full: bool) -> RemovableHandle:
    global _global_is_full_backward_hook
    if _global_is_full_backward_hook is not None and _global_is_full_backward_hook != full:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a "
            "global Module hook. Please use only one of them."
        )
    _global_is_full_backward_hook = full
    return add(_global_backward_hooks, hook)


def _has_any_global_hook() -> bool:
    return any(every_call)


# -------------------------------------------------------------------------------------------------
# Hooks on one module


class HookMethods:
    """Methods of Module that register hooks around a call and its backward."""

    _hooked = False
    _is_full_backward_hook: bool | None = None

    _forward_hooks = HookDict(calls=True)
    _forward_hooks_with_kwargs = HookDict()
    _forward_hooks_always_called = HookDict()
    _forward_pre_hooks = HookDict(calls=True)
    _forward_pre_hooks_with_kwargs = HookDict()
    _backward_hooks = HookDict(calls=True)
    _backward_pre_hooks = HookDict(calls=True)
    _state_dict_hooks = HookDict()
    _state_dict_pre_hooks = HookDict()
    _load_state_dict_pre_hooks = HookDict()
    _load_state_dict_post_hooks = HookDict()

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ):
        """``hook(module, args)`` before forward; what it returns replaces the arguments."""
        marks = [self._forward_pre_hooks_with_kwargs] * with_kwargs
        return self._add_call_hook(self._forward_pre_hooks, hook, marks, prepend)

    def register_forward_hook(
        self,
        hook: Callable,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ):
        """``hook(module, args, output)`` after forward; what it returns replaces the output."""
        marks = [self._forward_hooks_with_kwargs] * with_kwargs
        marks += [self._forward_hooks_always_called] * always_call
        return self._add_call_hook(self._forward_hooks, hook, marks, prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False):
        """``hook(module, grad_output)`` before the module's backward; may return another
        grad_output."""
        return self._add_call_hook(self._backward_pre_hooks, hook, [], prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False):
        """``hook(module, grad_input, grad_output)`` in backward; may return another grad_input."""
        self._backward_hooks_are(full=True)
        return self._add_call_hook(self._backward_hooks, hook, [], prepend)

    def register_backward_hook(self, hook: Callable):
        """Deprecated: ``hook(module, grad_input, grad_output)`` of the last function in forward, be
        it the whole of it or not; ``grad_input`` of a linear layer is of input, weight and bias."""
        self._backward_hooks_are(full=False)
        return self._add_call_hook(self._backward_hooks, hook, [], False)

    def _backward_hooks_are(self, full: bool) -> None:
        if self._is_full_backward_hook is not None and self._is_full_backward_hook != full:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single "
                "Module. Please use only one of them."
            )
        vars(self)["_is_full_backward_hook"] = full

    def _add_call_hook(self, hooks, hook, marks, prepend: bool):
        vars(self)["_hooked"] = True
        return add(hooks, hook, *marks, prepend=prepend)
