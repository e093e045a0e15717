"""``torch._check`` and its kin: conditions that libraries state about what they were given."""

from __future__ import annotations

from collections.abc import Callable

from jaxtorch import dtypes
from jaxtorch.engine.handles import TensorBase

__all__ = []

Message = Callable[[], object] | None


def _assert(condition, message) -> None:
    """``assert``, as a function."""
    if not condition:
        raise AssertionError(message)


def _check_with(error: type[Exception], cond: bool, message: Message) -> None:
    if isinstance(cond, TensorBase):
        raise TypeError(
            "cond must be a bool, but got a Tensor: torch._check_tensor_all(cond) asks whether "
            "all of its elements are true"
        )
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is not None and not callable(message):
        raise TypeError("message must be a callable")
    raise error("Expected cond to be True, but got False." if message is None else str(message()))


def _check(cond: bool, message: Message = None) -> None:
    """RuntimeError, with what ``message()`` gives, unless ``cond``."""
    _check_with(RuntimeError, cond, message)


def _check_index(cond: bool, message: Message = None) -> None:
    """IndexError unless ``cond``."""
    _check_with(IndexError, cond, message)


def _check_value(cond: bool, message: Message = None) -> None:
    """ValueError unless ``cond``."""
    _check_with(ValueError, cond, message)


def _check_type(cond: bool, message: Message = None) -> None:
    """TypeError unless ``cond``."""
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond: bool, message: Message = None) -> None:
    """NotImplementedError unless ``cond``."""
    _check_with(NotImplementedError, cond, message)


def _check_tensor_all(cond: TensorBase, message: Message = None) -> None:
    """RuntimeError unless all elements of a tensor of bools are true."""
    if not isinstance(cond, TensorBase):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype is not dtypes.bool:
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check_with(RuntimeError, bool(cond.all()), message)
