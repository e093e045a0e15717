"""Is autograd recording? The context managers and decorators that say so."""

from __future__ import annotations

import functools
import inspect as pyinspect
from typing import Any

from jaxtorch.engine.graph import STATE

__all__ = [
    "enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad",
    "set_grad_enabled", "set_multithreading_enabled",
]  # fmt: skip


class _GradMode:
    """A context manager and a decorator (of functions, generators and classes' methods)."""

    flag = True

    def __enter__(self):
        self.before = STATE.grad
        STATE.grad = self.flag

    def __exit__(self, *exc) -> None:
        STATE.grad = self.before

    def clone(self):
        return type(self)()

    def __call__(self, f):
        if pyinspect.isgeneratorfunction(f):

            @functools.wraps(f)
            def generate(*args, **kwargs):
                generator = f(*args, **kwargs)
                send = generator.send
                given = None
                while True:
                    with self.clone():
                        try:
                            item = send(given)
                        except StopIteration as stop:
                            return stop.value
                    try:
                        given = yield item
                        send = generator.send
                    except GeneratorExit:
                        generator.close()
                        raise
                    except BaseException as error:
                        send, given = generator.throw, error

            return generate

        @functools.wraps(f)
        def run(*args, **kwargs):
            with self.clone():
                return f(*args, **kwargs)

        return run


class no_grad(_GradMode):
    """Autograd records nothing; usable as ``@no_grad()``, ``@no_grad`` and ``with no_grad():``."""

    flag = False

    def __new__(cls, f=None) -> Any:
        made = super().__new__(cls)
        return made if f is None else made(f)


class enable_grad(_GradMode):
    """Autograd records, also inside ``no_grad``."""

    def __new__(cls, f=None) -> Any:
        made = super().__new__(cls)
        return made if f is None else made(f)


class set_grad_enabled(_GradMode):
    """Switch autograd's recording, as a call or for a ``with`` block."""

    def __init__(self, mode: bool):
        self.before = STATE.grad
        STATE.grad = self.flag = bool(mode)

    def __enter__(self):
        STATE.grad = self.flag

    def clone(self):
        return type(self)(self.flag)

    def __call__(self, f):
        STATE.grad = self.before  # as a decorator it decides nothing outside the calls
        return super().__call__(f)


class inference_mode(_GradMode):
    """As ``no_grad``; results are ordinary tensors, since values are immutable anyhow."""

    depth = 0

    def __new__(cls, mode=True) -> Any:
        if callable(mode):
            return cls()(mode)
        return super().__new__(cls)

    def __init__(self, mode: bool = True):
        self.mode = mode

    def __enter__(self):
        self.before = STATE.grad
        if self.mode:
            STATE.grad = False
        _inference.append(self.mode)

    def __exit__(self, *exc) -> None:
        STATE.grad = self.before
        _inference.pop()

    def clone(self):
        return type(self)(self.mode)


_inference: list[bool] = []


def is_grad_enabled() -> bool:
    return STATE.grad


def is_inference_mode_enabled() -> bool:
    return bool(_inference) and _inference[-1]


class set_multithreading_enabled(_GradMode):
    """Keeps a flag for who asks: one program computes all gradients, and XLA spreads its work."""

    def __init__(self, mode: bool):
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc) -> None:
        pass

    def clone(self):
        return type(self)(self.mode)
