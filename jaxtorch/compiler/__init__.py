"""``torch.compiler``: marks for a compiler that reads Python. XLA compiles what is recorded, and
Python runs on every call, so that they have nothing to say here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from jaxtorch import left_out
from jaxtorch.compiled import BACKENDS, OptimizedModule, compile as compile
from jaxtorch.nn.modules.module import Module

__all__ = [
    "allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable",
    "get_default_backend", "is_compiling", "is_dynamo_compiling", "is_exporting", "list_backends",
    "nested_compile_region", "reset", "set_default_backend", "set_stance", "substitute_in_graph",
]  # fmt: skip


def is_compiling() -> bool:
    """False: a function is never run for a compiler to read."""
    return False


def is_dynamo_compiling() -> bool:
    return False


def is_exporting() -> bool:
    return False


def disable(fn=None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """``@disable`` and ``@disable()``: the function as it is, for it is Python that runs; around a
    Module the wrapper that ``compile`` gives, as in torch."""
    if fn is None:
        return disable
    return OptimizedModule(fn) if isinstance(fn, Module) else fn


def allow_in_graph(fn):
    """``fn`` itself, or the list of them."""
    return fn


def assume_constant_result(fn: Callable) -> Callable:
    return fn


def nested_compile_region(fn: Callable | None = None, **options) -> Any:
    return (lambda f: f) if fn is None else fn


def substitute_in_graph(original_fn: Callable, **options) -> Callable:
    """A decorator that changes nothing: the original runs."""
    return lambda fn: fn


def reset() -> None:
    """Forget the programs that were compiled: they are compiled anew when they are next wanted."""
    from jaxtorch.engine import evaluate

    evaluate.evaluate_all()
    evaluate.STRUCTURES.clear()


def cudagraph_mark_step_begin() -> None:
    """There are no CUDA graphs to begin anew."""


def list_backends(exclude_tags=("debug", "experimental")) -> list[str]:
    """The compilers whose names ``compile`` takes; XLA stands for all of them."""
    return list(BACKENDS)


_default_backend: str | Callable = "inductor"


def set_default_backend(backend: str | Callable | None) -> None:
    """Keep a backend's name for who asks: XLA compiles whatever it is."""
    global _default_backend
    _default_backend = "inductor" if backend is None else backend


def get_default_backend() -> str | Callable:
    return _default_backend


class set_stance(contextlib.ContextDecorator):
    """How eager to compile, as a call, for a ``with`` block or a function: the engine's policy
    decides that by measured times, so that "default" alone can be asked for."""

    def __init__(self, stance: str = "default", *, force_backend=None, **options):
        if stance != "default" or force_backend is not None:
            raise NotImplementedError(
                f"torch.compiler.set_stance({stance!r}): jaxtorch.engine.Policy says when to "
                "compile"
            )

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc) -> None:
        pass


__getattr__ = left_out.attributes_of(__name__)
