"""``torch.jit``: there is no TorchScript. What is scripted or traced stays the Python it is, and
XLA compiles what it records, so that results are those of eager PyTorch, branches included.

The module can be called: ``jaxtorch.jit(f)`` is ``jaxtorch.compiling.jit``, JAX's way of working.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final as Final

from jaxtorch import compiling, left_out
from jaxtorch.futures import Future as Future
from jaxtorch.nn.modules.module import Module

__all__ = [
    "Error", "Final", "Future", "ScriptModule", "TracerWarning", "annotate",
    "enable_onednn_fusion", "export", "fork", "freeze", "ignore", "interface", "is_scripting",
    "is_tracing", "isinstance", "onednn_fusion_enabled", "optimize_for_inference", "script",
    "script_if_tracing", "script_method", "set_fusion_strategy", "trace", "trace_module", "unused",
    "wait",
]  # fmt: skip


class Error(RuntimeError):
    """An error of TorchScript's. Never raised: there is no TorchScript."""


class TracerWarning(Warning):
    """Warns of what a trace would freeze. Never given: nothing is traced."""

    @staticmethod
    def ignore_lib_warnings() -> None:
        """There are none to ignore."""


class ScriptModule(Module):
    """A Module: what ``script`` returns is the module it was given, of its own class."""


def script(obj, optimize=None, _frames_up: int = 0, _rcb=None, example_inputs=None) -> Any:
    """``obj`` itself, a function, class or Module."""
    return obj


def trace(
    func, example_inputs=None, optimize=None, check_trace: bool = True, check_inputs=None,
    check_tolerance: float = 1e-5, strict: bool = True, example_kwarg_inputs=None, **internal,
) -> Any:  # fmt: skip
    """``func`` itself, a function or Module: nothing is frozen, neither branches nor sizes, and
    there is no trace to check."""
    return func


def trace_module(
    mod, inputs, optimize=None, check_trace: bool = True, check_inputs=None,
    check_tolerance: float = 1e-5, strict: bool = True, **internal,
) -> Any:  # fmt: skip
    """``mod`` itself."""
    return mod


def freeze(mod, preserved_attrs=None, optimize_numerics: bool = True):
    """``mod`` itself, which must be in evaluation mode."""
    if mod.training:
        raise RuntimeError(
            "Freezing is currently only implemented for modules in eval mode. Please call .eval() "
            "on your module before freezing."
        )
    return mod


def optimize_for_inference(mod, other_methods=None):
    """``mod`` itself: XLA optimises what it runs anyhow."""
    return mod


# -- marks on functions, which say nothing to XLA -------------------------------------------------


def export(fn: Callable) -> Callable:
    return fn


def unused(fn: Callable) -> Callable:
    return fn


def ignore(drop=False, **kwargs) -> Callable:
    """``@ignore`` and ``@ignore(drop=True)``: the function as it is."""
    return drop if callable(drop) else lambda fn: fn


def script_if_tracing(fn: Callable) -> Callable:
    return fn


def script_method(fn: Callable) -> Callable:
    return fn


def interface(obj: Any) -> Any:
    return obj


def _overload(fn: Callable) -> Callable:
    return fn


def _overload_method(fn: Callable) -> Callable:
    return fn


def is_scripting() -> bool:
    """False: this is Python."""
    return False


_script_if_tracing = script_if_tracing


def is_tracing() -> bool:
    """False: nothing is traced by PyTorch's tracer."""
    return False


def annotate(the_type, the_value):
    """``the_value``."""
    return the_value


_isinstance = isinstance


def isinstance(obj, target_type) -> bool:
    """``isinstance`` that looks into ``list[int]``, ``dict[str, Tensor]``, ``Optional[...]``."""
    if _isinstance(target_type, tuple):
        return any(isinstance(obj, one) for one in target_type)
    origin, inner = typing.get_origin(target_type), typing.get_args(target_type)
    if target_type is Any:
        return True
    if target_type is None or target_type is type(None):
        return obj is None
    if origin is None:
        return _isinstance(obj, target_type)
    if not _isinstance(origin, type) or origin.__name__ == "UnionType":
        return any(isinstance(obj, one) for one in inner)
    if not _isinstance(obj, origin):
        return False
    if origin is dict:
        return all(isinstance(k, inner[0]) and isinstance(v, inner[1]) for k, v in obj.items())
    if origin is tuple and inner[1:] != (...,):
        return len(obj) == len(inner) and all(map(isinstance, obj, inner))
    return all(isinstance(x, inner[0]) for x in obj)


# -- work on the side -----------------------------------------------------------------------------


def fork(func, *args, **kwargs) -> Future:
    """The result of ``func(*args, **kwargs)`` as a Future, done already: what runs beside what is
    XLA's choice."""
    future = Future()
    try:
        future.set_result(func(*args, **kwargs))
    except Exception as error:
        future.set_exception(error)
    return future


def wait(future: Future):
    """The Future's result."""
    return future.wait()


# -- switches of compilers that are not here ------------------------------------------------------


def set_fusion_strategy(strategy: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """XLA fuses by its own rules: the strategy is an empty list before and after."""
    return []


def enable_onednn_fusion(enabled: bool) -> None:
    if enabled:
        raise NotImplementedError("torch.jit.enable_onednn_fusion: XLA fuses by its own rules")


def onednn_fusion_enabled() -> bool:
    return False


__getattr__ = left_out.attributes_of(__name__)


class _Callable(ModuleType):
    """``torch.jit`` and ``jaxtorch.jit`` are one name."""

    __call__ = staticmethod(compiling.jit)


sys.modules[__name__].__class__ = _Callable
