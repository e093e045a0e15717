"""autocast: ops in the precision that suits them, and what a custom Function needs under it."""

from __future__ import annotations

import collections.abc
import functools
import warnings
from typing import Any

import numpy as np

from jaxtorch import cuda, dtypes
from jaxtorch.amp.casting import DEFAULTS, install, state
from jaxtorch.tensor import Tensor

__all__ = [
    "autocast", "autocast_decorator", "autocast_decrement_nesting", "autocast_increment_nesting",
    "clear_autocast_cache", "custom_bwd", "custom_fwd", "get_autocast_cpu_dtype",
    "get_autocast_dtype", "get_autocast_gpu_dtype", "is_autocast_available",
    "is_autocast_cache_enabled", "is_autocast_cpu_enabled", "is_autocast_enabled",
    "set_autocast_cache_enabled", "set_autocast_cpu_dtype", "set_autocast_cpu_enabled",
    "set_autocast_dtype", "set_autocast_enabled", "set_autocast_gpu_dtype",
]  # fmt: skip


# ---------------------------------------------------------------------------------------------
# The state, by device


def is_autocast_available(device_type: str) -> bool:
    """Whether there are op lists for this kind of device: "cpu" and "cuda"."""
    return device_type in DEFAULTS


def _known(device_type: str) -> str:
    if not is_autocast_available(device_type):
        raise RuntimeError(f"unknown device type for autocast: {device_type}")
    return device_type


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether autocast is on in this thread for a kind of device (without one: for GPUs)."""
    return state.enabled[_known(device_type)]


def set_autocast_enabled(device_type: str | bool, enabled: bool | None = None) -> None:
    """Switch autocast for a kind of device; with one argument, that is the switch for GPUs."""
    if isinstance(device_type, bool):
        device_type, enabled = "cuda", device_type
    state.enabled[_known(device_type)] = bool(enabled)
    install()


def get_autocast_dtype(device_type: str):
    """The lower precision for a kind of device."""
    return state.dtype[_known(device_type)]


def set_autocast_dtype(device_type: str, dtype) -> None:
    state.dtype[_known(device_type)] = dtype


def is_autocast_cache_enabled() -> bool:
    """Whether a parameter is cast once in a region rather than at each use."""
    return state.cache_enabled


def set_autocast_cache_enabled(enabled: bool) -> None:
    state.cache_enabled = bool(enabled)


def clear_autocast_cache() -> None:
    state.cache.clear()


def autocast_increment_nesting() -> int:
    state.nesting += 1
    return state.nesting


def autocast_decrement_nesting() -> int:
    state.nesting -= 1
    return state.nesting


def is_autocast_cpu_enabled() -> bool:
    return is_autocast_enabled("cpu")


def set_autocast_cpu_enabled(enabled: bool) -> None:
    set_autocast_enabled("cpu", enabled)


def get_autocast_cpu_dtype():
    return get_autocast_dtype("cpu")


def set_autocast_cpu_dtype(dtype) -> None:
    set_autocast_dtype("cpu", dtype)


def get_autocast_gpu_dtype():
    return get_autocast_dtype("cuda")


def set_autocast_gpu_dtype(dtype) -> None:
    set_autocast_dtype("cuda", dtype)


# ---------------------------------------------------------------------------------------------
# The region


def autocast_decorator(autocast_instance: autocast, func):
    """``func`` with the region entered around each call."""

    @functools.wraps(func)
    def decorate_autocast(*args, **kwargs):
        with autocast_instance:
            return func(*args, **kwargs)

    return decorate_autocast


class autocast:
    """A region (or, as a decorator, a function) in which products run in a lower precision and
    what needs the digits in float32, by PyTorch's lists for the device (amp/op_lists.py).

    ``dtype`` is bfloat16 on the CPU and float16 on GPUs unless given. Weights are cast once in a
    region; with ``cache_enabled=False`` at each use. RuntimeError for a device without lists.
    """

    def __init__(
        self, device_type: str, dtype=None, enabled: bool = True, cache_enabled: bool | None = None
    ):
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device_type):
            raise RuntimeError(
                f"User specified an unsupported autocast device_type '{device_type}'"
            )
        self.device = device_type
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = state.cache_enabled if cache_enabled is None else cache_enabled
        self._enabled = enabled and self._possible()

    def _possible(self) -> bool:
        if self.device == "cuda":
            if cuda.is_available():
                return True
            warnings.warn("CUDA is not available. Disabling autocast.", stacklevel=4)
            return False
        if self.fast_dtype in (dtypes.bfloat16, dtypes.float16):
            return True
        warnings.warn(
            f"In {self.device.upper()} autocast, but the target dtype is not supported. "
            f"Disabling autocast.\n{self.device.upper()} Autocast only supports dtypes of "
            "torch.bfloat16, torch.float16 currently.",
            stacklevel=4,
        )
        return False

    def __enter__(self):
        self.prev_cache_enabled = state.cache_enabled
        self.prev = is_autocast_enabled(self.device)
        self.prev_fastdtype = get_autocast_dtype(self.device)
        set_autocast_enabled(self.device, self._enabled)
        set_autocast_dtype(self.device, self.fast_dtype)
        autocast_increment_nesting()
        state.cache_enabled = self._cache_enabled
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> bool:
        if autocast_decrement_nesting() == 0:
            clear_autocast_cache()
        set_autocast_enabled(self.device, self.prev)
        set_autocast_dtype(self.device, self.prev_fastdtype)
        state.cache_enabled = self.prev_cache_enabled
        return False

    def __call__(self, func):
        if not callable(func):
            raise TypeError(
                f"autocast()(func) requires a callable, but got {type(func).__name__}. Did you "
                "mean to use autocast as a context manager? For example:\n"
                "    with torch.autocast(device_type=...):\n"
                "        output = model(input)"
            )
        return autocast_decorator(self, func)


# ---------------------------------------------------------------------------------------------
# Custom Functions


def _cast(value, device_type: str, dtype):
    """The floating point Tensors of a nested value as ``dtype``; float64 ones stay."""
    if isinstance(value, Tensor):
        eligible = (
            value.is_floating_point()
            and value.device.type == device_type
            and value.dtype is not dtypes.float64
        )
        return value.to(dtype) if eligible else value
    if isinstance(value, str | bytes | np.ndarray):
        return value
    if isinstance(value, collections.abc.Mapping):
        return {
            _cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()
        }
    if isinstance(value, collections.abc.Iterable):
        cast_items = (_cast(v, device_type, dtype) for v in value)
        return type(value)(cast_items) if isinstance(value, list | tuple) else cast_items
    return value


def _check_device_type(device_type) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def custom_fwd(fwd=None, *, device_type: str, cast_inputs=None):
    """For the ``forward`` of a Function: in an autocast region its floating point arguments become
    ``cast_inputs`` and it runs with autocast off; without ``cast_inputs`` it runs as the region."""
    _check_device_type(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorate_fwd(*args, **kwargs):
        ctx = args[0]
        ctx._dtype = get_autocast_dtype(device_type)
        inside = is_autocast_enabled(device_type)
        ctx._fwd_used_autocast = inside and cast_inputs is None
        if cast_inputs is None or not inside:
            return fwd(*args, **kwargs)
        with autocast(device_type=device_type, enabled=False):
            return fwd(
                *_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs)
            )

    return decorate_fwd


def custom_bwd(bwd=None, *, device_type: str):
    """For the ``backward`` of a Function whose forward has ``custom_fwd``: autocast is as it was
    there."""
    _check_device_type(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorate_bwd(*args, **kwargs):
        ctx = args[0]
        with autocast(device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(*args, **kwargs)

    return decorate_bwd
