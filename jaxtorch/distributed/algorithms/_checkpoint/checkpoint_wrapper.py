"""Modules whose inner values are computed again in the backward pass, wrapped as such."""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from jaxtorch.autograd.graph import save_on_cpu
from jaxtorch.nn.modules.module import Module
from jaxtorch.utils.checkpoint import checkpoint

__all__ = [
    "ActivationWrapper", "CheckpointImpl", "CheckpointWrapper", "OffloadWrapper",
    "apply_activation_checkpointing", "checkpoint_wrapper", "offload_wrapper",
]  # fmt: skip

_CHECKPOINT_WRAPPED_MODULE = "_checkpoint_wrapped_module"
_CHECKPOINT_PREFIX = _CHECKPOINT_WRAPPED_MODULE + "."


class CheckpointImpl(Enum):
    """Which of the two ways of ``torch.utils.checkpoint``."""

    REENTRANT = auto()
    NO_REENTRANT = auto()


class ActivationWrapper(Module):
    """A module around another one, which parameters' names and state dicts do not tell of."""

    def __init__(self, mod: Module):
        super().__init__()
        self._checkpoint_wrapped_module = mod
        self._register_state_dict_hook(_without_prefix)
        self.register_load_state_dict_pre_hook(_with_prefix)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(vars(self)[_CHECKPOINT_WRAPPED_MODULE], name)

    def __getitem__(self, key):
        return self._checkpoint_wrapped_module[key]

    def named_parameters(self, *args, **kwargs):
        for name, param in super().named_parameters(*args, **kwargs):
            yield name.replace(_CHECKPOINT_PREFIX, ""), param


def _without_prefix(module, state_dict: dict, prefix: str, *rest) -> dict:
    return _renamed(state_dict, prefix + _CHECKPOINT_PREFIX, prefix)


def _with_prefix(module, state_dict: dict, prefix: str, *rest) -> None:
    _renamed(state_dict, prefix, prefix + _CHECKPOINT_PREFIX)


def _renamed(state_dict: dict, old: str, new: str) -> dict:
    for key in list(state_dict):
        if key.startswith(old):
            state_dict[new + key[len(old) :]] = state_dict.pop(key)
    return state_dict


class CheckpointWrapper(ActivationWrapper):
    """Calls its module through ``checkpoint``, or through ``checkpoint_fn(module, ...)``."""

    def __init__(
        self, mod: Module, checkpoint_impl: CheckpointImpl = CheckpointImpl.NO_REENTRANT,
        checkpoint_fn: Callable | None = None, **checkpoint_fn_kwargs: Any,
    ):  # fmt: skip
        super().__init__(mod)
        self.checkpoint_impl = checkpoint_impl
        if checkpoint_fn is None:
            checkpoint_fn = checkpoint
            checkpoint_fn_kwargs["use_reentrant"] = checkpoint_impl is CheckpointImpl.REENTRANT
        self.checkpoint_fn = functools.partial(checkpoint_fn, **checkpoint_fn_kwargs)

    def forward(self, *args, **kwargs):
        inner = self._checkpoint_wrapped_module
        if not kwargs or self.checkpoint_impl is not CheckpointImpl.REENTRANT:
            return self.checkpoint_fn(inner, *args, **kwargs)
        count, names = len(args), tuple(kwargs)

        def positional(*values):  # the reentrant way sees the gradients of these alone
            return inner(*values[:count], **dict(zip(names, values[count:], strict=True)))

        return self.checkpoint_fn(positional, *args, *kwargs.values())


def checkpoint_wrapper(
    module: Module, checkpoint_impl: CheckpointImpl = CheckpointImpl.NO_REENTRANT,
    checkpoint_fn: Callable | None = None, **checkpoint_fn_kwargs: Any,
) -> Module:  # fmt: skip
    """``module`` so that each call of it is a ``torch.utils.checkpoint``."""
    return CheckpointWrapper(module, checkpoint_impl, checkpoint_fn, **checkpoint_fn_kwargs)


class OffloadWrapper(ActivationWrapper):
    """Calls its module with what that saves for backward kept on the CPU."""

    def forward(self, *args, **kwargs):
        with save_on_cpu(pin_memory=True):
            return self._checkpoint_wrapped_module(*args, **kwargs)


def offload_wrapper(module: Module) -> Module:
    """``module`` so that what it saves for backward is kept on the CPU."""
    return OffloadWrapper(module)


def apply_activation_checkpointing(
    model: Module, checkpoint_wrapper_fn: Callable = checkpoint_wrapper,
    check_fn: Callable = lambda _: True, auto_wrap_policy: Callable | None = None,
) -> None:  # fmt: skip
    """Wrap, in place, the modules below ``model`` that ``check_fn(module)`` says.

    ``auto_wrap_policy(module, recurse, nonwrapped_numel)`` goes before it: asked with ``recurse``
    if modules below this one are to be looked at, without if it is to be wrapped, given how many
    numbers of its parameters are in none that has been.
    """
    if auto_wrap_policy is None:

        def auto_wrap_policy(module, recurse, nonwrapped_numel):
            return recurse or check_fn(module)

    elif not callable(auto_wrap_policy):
        raise ValueError(f"Expected {auto_wrap_policy} to be callable")
    _wrap_children(model, auto_wrap_policy, checkpoint_wrapper_fn)


def _wrap_children(module: Module, policy: Callable, wrap: Callable) -> int:
    """How many numbers of parameters are in wrapped modules below this one, once they are."""
    total, wrapped = sum(p.numel() for p in module.parameters()), 0
    if not policy(module=module, recurse=True, nonwrapped_numel=total):
        return 0
    for name, child in module.named_children():
        size = sum(p.numel() for p in child.parameters())
        inside = _wrap_children(child, policy, wrap)
        if policy(module=child, recurse=False, nonwrapped_numel=size - inside):
            setattr(module, name, wrap(child))
            inside = size
        wrapped += inside
    return wrapped
