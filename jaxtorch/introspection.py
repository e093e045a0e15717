"""What a program asks of torch itself: names of types, what it was built with, device modules."""

from __future__ import annotations

import importlib
from types import ModuleType

from jaxtorch import devices
from jaxtorch.engine.handles import TensorBase

__all__ = [
    "compiled_with_cxx11_abi", "get_device_module", "has_lapack", "has_mkl", "has_openmp",
    "has_spectral", "thread_safe_generator", "typename",
]  # fmt: skip

has_lapack = True  # jaxlib brings it
has_spectral = True  # torch.fft works
has_mkl = has_openmp = False


def typename(obj, /) -> str:
    """The full name of an object's type ("torch.FloatTensor" of a tensor), or of a class."""
    if isinstance(obj, TensorBase):
        return obj.type()
    named = obj if hasattr(obj, "__qualname__") or hasattr(obj, "__name__") else type(obj)
    name = getattr(named, "__qualname__", None) or named.__name__
    module = getattr(named, "__module__", None) or ""
    return name if module in ("", "builtins") else f"{module}.{name}"


def compiled_with_cxx11_abi() -> bool:
    return True


def thread_safe_generator() -> None:
    """None: data is loaded by processes, each of which has a default generator of its own."""


def get_device_module(device: devices.device | str | None = None) -> ModuleType:
    """``torch.cuda`` for "cuda", ``torch.cpu`` for "cpu"; None: of the accelerator, if any."""
    if device is None:
        kinds = (kind for kind in ("cuda", "mps") if devices.platform_devices(kind))
        kind = next(kinds, "cpu")
    else:
        kind = devices.device(device).type
    try:
        return importlib.import_module(f"{__name__.partition('.')[0]}.{kind}")
    except ModuleNotFoundError:
        raise RuntimeError(
            f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'."
        ) from None
