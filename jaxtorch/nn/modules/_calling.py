"""A module's call with hooks around it, in torch's order."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxtorch import random
from jaxtorch.nn.modules import _hooks as every
from jaxtorch.nn.modules._backward_watch import BackwardWatch
from jaxtorch.tensor import Tensor

__all__ = ["call"]

_NO_SEED = np.zeros(2, np.uint32)  # nnx.tabulate looks at shapes only


def call(module, args: tuple, kwargs: dict) -> Any:
    """``module.forward`` with every hook around it, in torch's order."""
    ran: set[int] = set()
    state: dict[str, Any] = {"result": None}
    if "_tabulated" in vars(module):
        with random.keys_from(_NO_SEED):
            return _call(module, args, kwargs, ran, state)
    try:
        return _call(module, args, kwargs, ran, state)
    except Exception:
        _run_always(module, args, kwargs, ran, state["result"])
        raise


def _call(module, args, kwargs, ran: set[int], state: dict[str, Any]):
    for key, hook in (*every._global_forward_pre_hooks.items(), *module._forward_pre_hooks.items()):
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

    pre = [*every._global_backward_pre_hooks.values(), *module._backward_pre_hooks.values()]
    full, of_last = _backward_hooks(module)
    watch = BackwardWatch(module, pre, full) if pre or full else None
    if watch:
        args = watch.on_inputs(args)

    result = state["result"] = _forward(module)(*args, **kwargs)

    for key, hook in (*every._global_forward_hooks.items(), *module._forward_hooks.items()):
        ran.add(key)
        result = state["result"] = _after(hook, key, module, args, kwargs, result)

    if watch:
        if not isinstance(result, Tensor | tuple):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(result)}",
                stacklevel=4,
            )
        result = watch.on_outputs(result)
    if of_last:
        _watch_last(module, args, result, of_last)
    return result


def _backward_hooks(module) -> tuple[list, list]:
    """The full backward hooks, and those registered by the older name."""
    kinds: dict[bool, list] = {True: [], False: []}
    for full, hooks in (
        (every._global_is_full_backward_hook, every._global_backward_hooks),
        (module._is_full_backward_hook, module._backward_hooks),
    ):
        if full is not None:
            kinds[full] += hooks.values()
    return kinds[True], kinds[False]


def _watch_last(module, args, result, hooks: list) -> None:
    """Let hooks of the older kind see the gradients of the function that made the result, be it the
    whole of the module's work or the last of many."""
    while not isinstance(result, Tensor):
        if isinstance(result, dict):
            result = next(value for value in result.values() if isinstance(value, Tensor))
        else:
            result = result[0]
    function = result.grad_fn
    if function is None:
        return
    for hook in hooks:
        function.register_hook(functools.update_wrapper(functools.partial(hook, module), hook))
    of_args = {a.grad_fn for a in args if isinstance(a, Tensor) and a.grad_fn is not None}
    if of_args != {before for before, _ in function.next_functions}:
        warnings.warn(
            "register_backward_hook is deprecated: its hooks see the gradients of the last "
            "function in forward only, and this one has others. Use register_full_backward_hook",
            FutureWarning,
            stacklevel=4,
        )


def _forward(module) -> Callable:
    """``module.forward``; in the copy that ``nnx.tabulate`` calls, where each public method is
    wrapped to make a row of the table, the one inside: the row is the call's."""
    if "_tabulated" in vars(module) and "forward" not in vars(module):
        return functools.partial(type(module).forward.__wrapped__, module)
    return module.forward


def _after(hook, key: int, module, args, kwargs, result):
    """The result after a forward hook, which may give another one."""
    everywhere = every._global_forward_hooks_with_kwargs
    if key in module._forward_hooks_with_kwargs or key in everywhere:
        changed = hook(module, args, kwargs, result)
    else:
        changed = hook(module, args, result)
    return result if changed is None else changed


def _run_always(module, args, kwargs, ran: set[int], result) -> None:
    """After an error, the hooks with ``always_call`` that have not run yet; their own errors
    only warn."""
    for key, hook in (*every._global_forward_hooks.items(), *module._forward_hooks.items()):
        everywhere = key in every._global_forward_hooks_always_called
        if key in ran or not (everywhere or key in module._forward_hooks_always_called):
            continue
        try:
            result = _after(hook, key, module, args, kwargs, result)
        except Exception as error:
            warnings.warn(
                f"{'global ' if everywhere else ''}module forward hook with ``always_call=True`` "
                "raised an exception that was silenced as another error was raised in forward: "
                f"{error}",
                stacklevel=4,
            )
