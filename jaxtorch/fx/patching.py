"""What a trace changes in Python while it goes on: functions marked by ``wrap``, attributes of
modules and classes. All of it is undone when the trace ends."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any

from jaxtorch.fx.node import map_aggregate

__all__ = ["Patcher", "find_proxy", "recorded", "wrapped_functions"]

_MISSING = object()
# (id of a module's globals, name) to those globals; and methods: (class, name).
wrapped_functions: dict[tuple[int, str], dict[str, Any]] = {}
wrapped_methods: list[tuple[type, str]] = []


def find_proxy(*values):
    """The last proxy in what is given; None if there is none."""
    from jaxtorch.fx.proxy import Proxy

    found = None

    def look(x):
        nonlocal found
        found = x if isinstance(x, Proxy) else found

    map_aggregate(values, look)
    return found


def recorded(function: Callable) -> Callable:
    """``function``, recorded as one step if it is called with a proxy."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        proxy = find_proxy(args, kwargs)
        if proxy is None:
            return function(*args, **kwargs)
        made = proxy.tracer.create_proxy("call_function", function, args, kwargs)
        made.node.meta["is_wrapped"] = True
        return made

    return wrapped


def _recorded_method(cls: type, name: str) -> Callable:
    method = getattr(cls, name)

    @functools.wraps(method)
    def wrapped(*args, **kwargs):
        proxy = find_proxy(args, kwargs)
        if proxy is None:
            return method(*args, **kwargs)
        return proxy.tracer.create_proxy("call_method", name, args, kwargs)

    return wrapped


class Patcher:
    """Changes to namespaces and classes, undone at the end of the ``with`` block."""

    def __init__(self):
        self._undo: list[Callable[[], None]] = []
        self._visited: set[int] = set()

    def __enter__(self) -> Patcher:
        return self

    def __exit__(self, *exc) -> None:
        while self._undo:
            self._undo.pop()()

    def in_namespace(self, names: dict, name: str) -> None:
        """Have the function of that name recorded."""
        before = names.get(name, _MISSING)
        if getattr(before, "_fx_recorded", False):
            return
        function = getattr(builtins, name) if before is _MISSING else before
        names[name] = replacement = recorded(function)
        replacement._fx_recorded = True  # type: ignore[attr-defined]

        def undo():
            if before is _MISSING:
                del names[name]
            else:
                names[name] = before

        self._undo.append(undo)

    def on_class(self, cls: type, name: str, value: Callable) -> None:
        before = vars(cls).get(name, _MISSING)
        setattr(cls, name, value)

        def undo():
            if before is _MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, before)

        self._undo.append(undo)

    def marked(self) -> None:
        """Have all that ``wrap`` marked recorded."""
        for (_, name), names in list(wrapped_functions.items()):
            self.in_namespace(names, name)
        for cls, name in wrapped_methods:
            self.on_class(cls, name, _recorded_method(cls, name))

    def functions_of(self, names: dict, ids: set[int]) -> None:
        """Have those functions of a namespace recorded whose ids are among ``ids``."""
        if id(names) in self._visited:
            return
        self._visited.add(id(names))
        for name, value in list(names.items()):
            if not name.startswith("_") and callable(value) and id(value) in ids:
                self.in_namespace(names, name)
