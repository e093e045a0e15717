"""Module hooks: where they are kept, in which order they run, and how backward hooks see
gradients."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from typing import Any

from jaxtorch.autograd import Function
from jaxtorch.tensor import Tensor
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

every_forward_pre: OrderedDict = OrderedDict()
every_forward: OrderedDict = OrderedDict()
every_forward_with_kwargs: OrderedDict = OrderedDict()
every_forward_always: OrderedDict = OrderedDict()
every_backward_pre: OrderedDict = OrderedDict()
every_backward: OrderedDict = OrderedDict()
on_parameter: OrderedDict = OrderedDict()
on_buffer: OrderedDict = OrderedDict()
on_module: OrderedDict = OrderedDict()

every_call = (every_forward_pre, every_forward, every_backward_pre, every_backward)


def registered(hooks: OrderedDict, module, name: str, value):
    """``value`` as the registration hooks leave it."""
    for hook in hooks.values():
        replaced = hook(module, name, value)
        if replaced is not None:
            value = replaced
    return value


def register_module_parameter_registration_hook(hook) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` at every registration of a parameter in any module."""
    return add(on_parameter, hook)


def register_module_buffer_registration_hook(hook) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` at every registration of a buffer in any module."""
    return add(on_buffer, hook)


def register_module_module_registration_hook(hook) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` at every registration of a submodule in any module."""
    return add(on_module, hook)


def register_module_forward_pre_hook(hook) -> RemovableHandle:
    """Call ``hook(module, args)`` before every module's forward, ahead of the module's own
    hooks."""
    return add(every_forward_pre, hook)


def register_module_forward_hook(
    hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after every module's forward."""
    marks = [every_forward_with_kwargs] * with_kwargs + [every_forward_always] * always_call
    return add(every_forward, hook, *marks)


def register_module_full_backward_pre_hook(hook) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` when the gradients of any module's outputs are there."""
    return add(every_backward_pre, hook)


def register_module_full_backward_hook(hook) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` when any module's gradients are there."""
    return add(every_backward, hook)


register_module_backward_hook = register_module_full_backward_hook


# -------------------------------------------------------------------------------------------------
# A call with hooks


def call(module, args: tuple, kwargs: dict) -> Any:
    """``module.forward`` with every hook around it, in torch's order."""
    ran: set[int] = set()
    state: dict[str, Any] = {"result": None}
    try:
        return _call(module, args, kwargs, ran, state)
    except Exception:
        _run_always(module, args, kwargs, ran, state["result"])
        raise


def _call(module, args, kwargs, ran: set[int], state: dict[str, Any]):
    for key, hook in (*every_forward_pre.items(), *module._forward_pre_hooks.items()):
        if key in module._forward_pre_hooks_with_kwargs:
            changed = hook(module, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {changed}."
                    )
                args, kwargs = changed
        else:
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)

    pre = [*every_backward_pre.values(), *module._backward_pre_hooks.values()]
    post = [*every_backward.values(), *module._backward_hooks.values()]
    watch = _BackwardWatch(module, pre, post) if pre or post else None
    if watch:
        args = watch.on_inputs(args)

    result = state["result"] = module.forward(*args, **kwargs)

    for key, hook in (*every_forward.items(), *module._forward_hooks.items()):
        ran.add(key)
        if key in module._forward_hooks_with_kwargs or key in every_forward_with_kwargs:
            changed = hook(module, args, kwargs, result)
        else:
            changed = hook(module, args, result)
        if changed is not None:
            result = state["result"] = changed

    if watch:
        if not isinstance(result, Tensor | tuple):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(result)}",
                stacklevel=4,
            )
        result = watch.on_outputs(result)
    return result


def _run_always(module, args, kwargs, ran: set[int], result) -> None:
    """After an error, the hooks with ``always_call`` that have not run yet; their own errors
    only warn."""
    for key, hook in (*every_forward.items(), *module._forward_hooks.items()):
        everywhere = key in every_forward_always
        if key in ran or not (everywhere or key in module._forward_hooks_always_called):
            continue
        try:
            if key in module._forward_hooks_with_kwargs or key in every_forward_with_kwargs:
                changed = hook(module, args, kwargs, result)
            else:
                changed = hook(module, args, result)
            if changed is not None:
                result = changed
        except Exception as error:
            warnings.warn(
                f"{'global ' if everywhere else ''}module forward hook with ``always_call=True`` "
                "raised an exception that was silenced as another error was raised in forward: "
                f"{error}",
                stacklevel=4,
            )


# -------------------------------------------------------------------------------------------------
# Backward hooks: the gradients on their way through two identities, one on each side of the module


class _Identity(Function):
    @staticmethod
    def forward(ctx, on_gradients, *tensors):
        ctx.on_gradients = on_gradients
        ctx.set_materialize_grads(False)
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx, *grads):
        return (None, *ctx.on_gradients(grads))


def _pass_through(tensors: tuple, on_gradients) -> tuple[tuple, bool]:
    """``tensors`` behind an identity that shows their gradients; False where none needs one."""
    where = [i for i, t in enumerate(tensors) if isinstance(t, Tensor) and t.requires_grad]
    if not where:
        return tensors, False

    def spread(grads):
        everywhere = [None] * len(tensors)
        for i, grad in zip(where, grads, strict=True):
            everywhere[i] = grad
        changed = on_gradients(tuple(everywhere))
        return tuple(changed[i] for i in where)

    passed = list(tensors)
    behind: Any = _Identity.apply(spread, *(tensors[i] for i in where))
    for i, t in zip(where, behind, strict=True):
        passed[i] = t
    return tuple(passed), True


class _BackwardWatch:
    """Runs a module's full backward hooks once the gradients of its outputs and inputs are
    there."""

    def __init__(self, module, pre_hooks: list, hooks: list):
        self.module = module
        self.pre_hooks = pre_hooks
        self.hooks = hooks
        self.grad_output: tuple | None = None
        self.inputs_watched = False
        self.input_count = 0

    def on_inputs(self, args: tuple) -> tuple:
        self.input_count = len(args)
        args, self.inputs_watched = _pass_through(args, self._input_gradients)
        return args

    def on_outputs(self, result):
        outputs = (result,) if isinstance(result, Tensor) else result
        if not isinstance(outputs, tuple):
            return result
        outputs, _ = _pass_through(outputs, self._output_gradients)
        return outputs[0] if isinstance(result, Tensor) else outputs

    def _output_gradients(self, grads: tuple) -> tuple:
        for hook in self.pre_hooks:
            changed = hook(self.module, grads)
            if changed is not None:
                grads = changed if isinstance(changed, tuple) else (changed,)
        self.grad_output = grads
        if not self.inputs_watched:
            self._run(tuple([None] * self.input_count))
        return grads

    def _input_gradients(self, grads: tuple) -> tuple:
        return self._run(grads)

    def _run(self, grad_input: tuple) -> tuple:
        for hook in self.hooks:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is not None:
                if not self.inputs_watched:
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always "
                        "return None or None for all gradients."
                    )
                changed = changed if isinstance(changed, tuple) else (changed,)
                if len(changed) != len(grad_input):
                    raise RuntimeError(
                        "Backward hook returned an invalid number of grad_input, got "
                        f"{len(changed)}, "
                        f"but expected {len(grad_input)}"
                    )
                grad_input = changed
        self.grad_output = None
        return grad_input
