"""The ``__torch_function__`` protocol: functions of torch given to the classes of their arguments.

The recording path knows nothing of it: an argument that is no plain handle comes to ``lift``, which
raises :class:`Overridden`, and the op's wrapper then comes here. So do all ops while a mode is on.
"""

from __future__ import annotations

import functools
import inspect as pyinspect
from types import FunctionType
from typing import Any

from jaxtorch.engine.graph import MODES, STATE
from jaxtorch.engine.handles import Handles

__all__ = [
    "DisableTorchFunction", "DisableTorchFunctionSubclass", "Overridden", "Untaken", "ask_first",
    "asks_first", "asks_modes", "call_overridden", "disabled", "handle", "overriding", "overrides",
]  # fmt: skip


class Overridden(Exception):
    """Somebody else is to do this call."""


class Untaken(TypeError):
    """All who were asked answered NotImplemented."""


def ask_first(cls, functions: dict) -> None:
    """Have the methods of a subclass that are no ops, and so would be seen only as the ops that
    they are made of, ask its ``__torch_function__`` first: ``functions`` by name."""
    for name, function in functions.items():
        inplace = name.startswith("__i")
        if not isinstance(function, FunctionType) or hasattr(function, "op"):
            continue
        if name.startswith("__") and not inplace and not name.endswith("item__"):
            continue  # Python's operators are ops
        if pyinspect.getattr_static(cls, name) is function:
            setattr(cls, name, _asking(function, function.__wrapped__ if inplace else function))


def asks_first(function):
    """A function of one tensor that is no op: its ``__torch_function__`` is asked, and the modes
    are."""

    @functools.wraps(function)
    def ask(input, *args, **kwargs):
        if (MODES[0] and STATE.function_modes) or overrides(input):
            return handle(ask, (input,), (input, *args), kwargs)
        return function(input, *args, **kwargs)

    return ask


def asks_modes(function):
    """A function of no tensor, which the modes that are on may take over."""

    @functools.wraps(function)
    def ask(*args, **kwargs):
        if MODES[0] and STATE.function_modes:
            return handle(ask, (), args, kwargs)
        return function(*args, **kwargs)

    return ask


def _asking(function, shown):
    @functools.wraps(function)
    def ask(self, *args, **kwargs):
        if not STATE.function_subclasses or not overrides(self):
            return function(self, *args, **kwargs)
        return handle(shown, (self, *args, *kwargs.values()), (self, *args), kwargs)

    return ask


def disabled(cls, func, types, args=(), kwargs=None):
    """The ``__torch_function__`` of a class that takes no part, as Parameter."""
    return func(*args, **(kwargs or {}))


def overrides(x) -> bool:
    """Does the class of ``x`` take calls over?"""
    kind = type(x)
    if kind in Handles.classes:
        return False
    rule = getattr(kind, "__torch_function__", None)
    if rule is None or rule is disabled:
        return False
    if STATE.function_subclasses:
        return True
    return STATE.function_others and not issubclass(kind, tuple(Handles.classes))


class _Disabled:
    """A ``with`` block in which some ``__torch_function__`` are not asked."""

    modes_too = False

    def __enter__(self) -> None:
        self.before = STATE.function_subclasses, STATE.function_others, STATE.function_modes
        STATE.function_subclasses = False
        if self.modes_too:
            STATE.function_others, STATE.function_modes = False, ()

    def __exit__(self, *exc) -> None:
        STATE.function_subclasses, STATE.function_others, STATE.function_modes = self.before


class DisableTorchFunctionSubclass(_Disabled):
    """Tensor subclasses are plain tensors in here."""


class DisableTorchFunction(_Disabled):
    """Nobody is asked in here, modes included."""

    modes_too = True


def overriding(args) -> list:
    """The arguments to ask, one of each class: subclasses before what they are derived from."""
    found: list[Any] = []
    for x in args:
        if not overrides(x) or any(type(x) is type(y) for y in found):
            continue
        at = next((i for i, y in enumerate(found) if isinstance(x, type(y))), len(found))
        found.insert(at, x)
    return found


def handle(func, relevant, args: tuple, kwargs: dict):
    """Have the innermost mode, and then the classes of ``relevant``, take over ``func(*args,
    **kwargs)``. TypeError if all of them answer NotImplemented."""
    asked = overriding(relevant)
    types = tuple(type(x) for x in asked)
    modes = STATE.function_modes
    if modes:
        STATE.function_modes = modes[:-1]
        try:
            result = modes[-1].__torch_function__(func, types, args, kwargs)
        finally:
            STATE.function_modes = modes
        if result is not NotImplemented:
            return result
    for x in asked:
        result = x.__torch_function__(func, types, args, kwargs)
        if result is not NotImplemented:
            return result
    name = f"{'torch' if not modes else type(modes[-1]).__name__}.{func.__name__}"
    listed = "\n".join(f"  - tensor subclass {kind}" for kind in types)
    raise Untaken(
        f"Multiple dispatch failed for '{name}'; all __torch_function__ handlers returned "
        f"NotImplemented:\n\n{listed}"
    )


def call_overridden(function, operation, given: dict):
    """An op's call, by its arguments' names, as others are to do it: defaults are left out."""
    args, kwargs = [], {}
    spare = 0  # how many at the end of args are defaults
    for p in pyinspect.signature(operation.body).parameters.values():
        value = given[p.name]
        if p.kind is p.KEYWORD_ONLY:
            if value is not p.default:
                kwargs[p.name] = value
            continue
        args.append(value)
        spare = spare + 1 if value is p.default else 0
    if spare:
        del args[-spare:]
    if given.get("out") is not None:
        kwargs["out"] = given["out"]
    relevant = []
    for x in (*args, *kwargs.values()):
        relevant.extend(x) if isinstance(x, tuple | list) else relevant.append(x)
    return handle(function, relevant, tuple(args), kwargs)


def push_mode(mode) -> None:
    STATE.function_modes = (*STATE.function_modes, mode)
    MODES[0] += 1


def pop_mode() -> None:
    STATE.function_modes = STATE.function_modes[:-1]
    MODES[0] -= 1
