"""``torch.overrides``: classes that take torch's functions over, and modes that watch them.

Every op asks the classes of its arguments (``__torch_function__``), and every op passes through the
modes that are on. A function composed of others asks at each of those. Arguments arrive by
position as far as they can, without those that have their default; a method is the function of its
name. Properties and methods that compute nothing ask nobody.
"""

from __future__ import annotations

import functools
import inspect as pyinspect
import types
from collections.abc import Callable, Iterable
from typing import Any

from jaxtorch.engine.graph import STATE
from jaxtorch.ops import _overrides
from jaxtorch.tensor import Tensor

__all__ = [
    "TorchFunctionMode", "get_default_nowrap_functions", "get_ignored_functions",
    "get_overridable_functions", "handle_torch_function", "has_torch_function",
    "has_torch_function_unary", "has_torch_function_variadic", "is_tensor_like",
    "is_tensor_method_or_property", "resolve_name", "wrap_torch_function",
]  # fmt: skip


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Is a mode on, or does the class of any of these take functions over?"""
    return bool(STATE.function_modes) or any(_overrides.overrides(x) for x in relevant_args)


def has_torch_function_unary(arg: Any) -> bool:
    return has_torch_function((arg,))


def has_torch_function_variadic(*args: Any) -> bool:
    return has_torch_function(args)


def handle_torch_function(public_api: Callable, relevant_args: Iterable[Any], *args, **kwargs):
    """Have those who take functions over do ``public_api(*args, **kwargs)``."""
    return _overrides.handle(public_api, relevant_args, args, kwargs)


def wrap_torch_function(dispatcher: Callable) -> Callable:
    """A decorator: ``dispatcher(*args, **kwargs)`` says which arguments to ask."""

    def decorate(func: Callable) -> Callable:
        @functools.wraps(func)
        def wrapped(*args, **kwargs):
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return func(*args, **kwargs)

        return wrapped

    return decorate


class TorchFunctionMode:
    """``with`` a subclass of this on, its ``__torch_function__(func, types, args, kwargs)`` does
    every op; what it calls itself goes to the modes outside of it."""

    inner: TorchFunctionMode

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError("a TorchFunctionMode defines __torch_function__")

    def __enter__(self) -> TorchFunctionMode:
        _overrides.push_mode(self)
        return self

    def __exit__(self, *exc) -> None:
        _overrides.pop_mode()


class BaseTorchFunctionMode(TorchFunctionMode):
    """The mode that does what is asked."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def is_tensor_like(inp: Any) -> bool:
    """A Tensor, or something whose class takes functions over?"""
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def is_tensor_method_or_property(func: Callable) -> bool:
    """Is it a property of Tensor, or one of its methods that is not a function of torch too?"""
    if isinstance(func, property | types.GetSetDescriptorType):
        return True
    return func in _methods() and func not in _functions()


def get_default_nowrap_functions() -> set:
    """Functions whose results keep their class: none here returns Tensors of another."""
    return set()


def get_ignored_functions() -> set:
    """Functions of torch that ask nobody."""
    from jaxtorch import _functions

    return {f for f in vars(_functions).values() if callable(f)} - _functions_asking()


def get_overridable_functions() -> dict[Any, list[Callable]]:
    """The functions that ask, by the module or class that they are found in."""
    found = {}
    for place in _places():
        asking = {id(f): f for name, f in _public(place) if _asks(f)}
        found[place] = list(asking.values())
    return found


def resolve_name(f: Callable) -> str | None:
    """torch's name of a function, of a method's ``torch.Tensor.name``; None if it has none."""
    return _names().get(f)


def _places() -> list:
    import jaxtorch
    from jaxtorch.nn import functional

    return [jaxtorch, functional, jaxtorch.linalg, jaxtorch.fft, jaxtorch.special, Tensor]


def _public(place) -> list[tuple[str, Any]]:
    found = ((name, pyinspect.getattr_static(place, name, None)) for name in dir(place))
    return [(name, f) for name, f in found if not name.startswith("_") and callable(f)]


def _asks(f) -> bool:
    return hasattr(f, "op") or (
        isinstance(f, types.FunctionType) and f.__module__.startswith("jaxtorch.ops.")
    )


@functools.cache
def _names() -> dict:
    names: dict = {}
    for place in _places():
        where = "torch.Tensor" if place is Tensor else place.__name__.replace("jaxtorch", "torch")
        for name, f in _public(place):
            if isinstance(f, types.FunctionType):
                names.setdefault(f, f"{where}.{name}")
    return names


def _functions() -> set:
    return {f for f, name in _names().items() if not name.startswith("torch.Tensor.")}


def _functions_asking() -> set:
    return {f for f in _functions() if _asks(f)}


def _methods() -> set:
    return {f for _, f in _public(Tensor) if isinstance(f, types.FunctionType)}
