"""``torch._C``: of PyTorch's C++ core, the few names that programs reach for."""

from __future__ import annotations

from jaxtorch import left_out
from jaxtorch._C import _fft as _fft, _linalg as _linalg, _nn as _nn, _special as _special
from jaxtorch.ops._overrides import (
    DisableTorchFunction as DisableTorchFunction,
    DisableTorchFunctionSubclass as DisableTorchFunctionSubclass,
    disabled as _disabled_torch_function_impl,  # noqa: F401
)
from jaxtorch.ops.linalg.checks import LinAlgError as _LinAlgError  # noqa: F401
from jaxtorch.random import Generator as Generator
from jaxtorch.tensor import Tensor

_TensorMeta = type(Tensor)  # for classes that answer isinstance(x, Tensor) themselves


def _get_tracing_state() -> None:
    """None: nothing is traced by PyTorch's tracer."""


def _log_api_usage_once(event: str) -> None:
    """Nobody counts uses."""


def _get_default_device() -> str:
    from jaxtorch.devices import get_default_device

    return str(get_default_device())


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(name)
    raise left_out.LeftOut(
        f"torch._C.{name} is of PyTorch's C++ core, which is not here", name=name
    )
