"""While values are captured, each function of torch asks first whether it got one.

An op hands a foreign argument on by itself (``ops/_overrides.py``); but by then it no longer knows
which arguments were given by name, and a function composed of ops would come apart. So for as long
as there are proxies, the code of torch's public functions is exchanged for code that asks. Nothing
of it stays afterwards: recording an op costs what it cost.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import threading
import types
from typing import Any

from jaxtorch.assertions import _assert
from jaxtorch.fx._names import torchs_name
from jaxtorch.fx.patching import find_proxy
from jaxtorch.ops import _overrides
from jaxtorch.tensor import Tensor

__all__ = ["Asking", "asked"]

_WINDOWS = ("", "nn.functional", "linalg", "fft", "special")
# What they do is no step: it asks about Python, or makes a tensor of data.
_ASK_NOBODY = frozenset({"as_tensor", "asarray", "from_numpy", "is_tensor", "tensor"})
# Of torch.functional, what hands its defaults on by name, as all of nn.functional in Python does.
_BY_NAME = frozenset(
    f"torch.functional.{name}"
    for name in "cdist norm stft tensordot unique unique_consecutive".split()
)
# Parameters that only torch's own function of the name has.
_ONLY_TORCHS = frozenset({"axis", "generator", "out"})
# What PyTorch forgets to hand on.
_FORGOTTEN = {"torch.nn.functional.l1_loss": "weight"}
# Those that PyTorch has call the method.
_CALL_METHODS = frozenset({"torch.nn.functional.sigmoid", "torch.nn.functional.tanh"})
# Python's operators on a Tensor, and what PyTorch records for them.
_OPERATORS = {
    f"__{name}__": f"__{name}__"
    for name in "and floordiv getitem lshift or rshift setitem xor".split()
}
_OPERATORS |= {
    f"__{name}__": name for name in "add eq ge gt le lt matmul mul ne pow sub".split()
}  # fmt: skip
_OPERATORS |= {"__mod__": "remainder", "__truediv__": "div"}


def _template(*args, **kwargs):
    from jaxtorch.fx._asking import asked

    return asked("which", args, kwargs)


@functools.cache
def _functions() -> list[types.FunctionType]:
    """The functions that compute on tensors."""
    found: dict[int, types.FunctionType] = {id(_assert): _assert}
    for window in _WINDOWS:
        module = importlib.import_module(f"jaxtorch.{window}" if window else "jaxtorch")
        for name, value in vars(module).items():
            if not name.startswith("_") and name not in _ASK_NOBODY and _computes(value):
                found[id(value)] = value
    return list(found.values())


def _computes(value) -> bool:
    return isinstance(value, types.FunctionType) and value.__module__.startswith(
        ("jaxtorch.ops.", "torch.ops.", "jaxtorch.nn.functional", "torch.nn.functional")
    )


@functools.cache
def _methods() -> list[tuple[type, str, Any, Any]]:
    """The methods that compute: (class, name, method, one that asks)."""
    return [
        (cls, name, method, _method_that_asks(_OPERATORS.get(name, name), method))
        for cls in Tensor.__mro__[:-1]
        for name, method in vars(cls).items()
        if isinstance(method, types.FunctionType)
        and (name in _OPERATORS or not name.startswith("_"))
    ]


def _method_that_asks(name: str, method):
    @functools.wraps(method)
    def ask(self, *args, **kwargs):
        proxy = find_proxy(self, args, kwargs)
        if proxy is None:
            return method(self, *args, **kwargs)
        return proxy.tracer.create_proxy("call_method", name, (self, *args), kwargs)

    return ask


@functools.cache
def _code_that_asks(index: int) -> types.CodeType:
    code = _template.__code__
    consts = tuple(index if c == "which" else c for c in code.co_consts)
    freevars = _functions()[index].__code__.co_freevars
    return code.replace(co_consts=consts, co_freevars=freevars)


_lock = threading.RLock()
_askers = 0  # for how many the functions ask
_codes: list[types.CodeType] = []  # their own


class Asking:
    """The functions ask from its making until ``stop()``, or its end as a ``with`` block."""

    def __init__(self):
        global _askers
        with _lock:
            _askers += 1
            self.going = True
            if _askers == 1:
                functions = _functions()
                _signatures()
                _codes[:] = [function.__code__ for function in functions]
                for i, function in enumerate(functions):
                    function.__code__ = _code_that_asks(i)
                for cls, name, _, asking in _methods():
                    setattr(cls, name, asking)

    def stop(self) -> None:
        global _askers
        with _lock:
            if not self.going:
                return
            self.going = False
            _askers -= 1
            if _askers == 0:
                for function, code in zip(_functions(), _codes, strict=True):
                    function.__code__ = code
                for cls, name, method, _ in _methods():
                    setattr(cls, name, method)

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, *exc) -> None:
        self.stop()


def asked(index: int, args: tuple, kwargs: dict) -> Any:
    """A call of the function ``index``: recorded if a proxy is among its arguments, or done."""
    function = _functions()[index]
    proxy = find_proxy(args, kwargs)
    if proxy is not None:
        if torchs_name(function) in _CALL_METHODS:
            return proxy.tracer.create_proxy("call_method", function.__name__, args, kwargs)
        args, kwargs = _as_torch_hands_on(function, args, kwargs)
        return _overrides.handle(function, [proxy], args, kwargs)
    with _lock:
        asking = function.__code__ is _code_that_asks(index)
        if asking:
            function.__code__ = _codes[index]
    try:
        return function(*args, **kwargs)
    finally:
        if asking:
            with _lock:
                _codes[index] = function.__code__  # an op's first call gives it other code
                if _askers:
                    function.__code__ = _code_that_asks(index)


@functools.cache
def _signatures() -> dict[int, inspect.Signature]:
    """The signatures of the functions that PyTorch wrote in Python and that say all their defaults
    when they are recorded, by the functions' ids: to be asked while their code is their own."""
    found = {}
    for function in _functions():
        name = torchs_name(function) or ""
        if name.startswith("torch.nn.functional.") or name in _BY_NAME:
            found[id(function)] = inspect.signature(function)
    return found


def _as_torch_hands_on(function, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    signature = _signatures().get(id(function))
    if signature is None:
        return args, kwargs
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    positional, named = [], {}
    for p in signature.parameters.values():
        value = bound.arguments[p.name]
        if p.default is p.empty:
            positional.append(value)
        elif value is None and _FORGOTTEN.get(torchs_name(function) or "") == p.name:
            continue
        elif value is not None or p.name not in _ONLY_TORCHS or not hasattr(function, "twin"):
            named[p.name] = value
    return tuple(positional), named
