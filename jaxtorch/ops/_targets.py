"""Which dtypes a loss's target may have: asked of the Tensors, before anything is promoted."""

from __future__ import annotations

from jax._src.core import trace_state_clean

from jaxtorch import dtypes

# In a foreign jax trace with 64-bit types off, int32 stands for int64.
_NARROW = frozenset({dtypes.int8, dtypes.int16, dtypes.int32})


def class_numbers(input, target) -> None:
    """Refuse numbers of classes that torch's kernels do not read."""
    dtype = getattr(target, "dtype", None)
    if dtype in _NARROW and trace_state_clean():
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {dtype.legacy}")
    if dtype is dtypes.uint8 and getattr(input, "ndim", 0) > 2:
        raise RuntimeError("expected scalar type Long but found Byte")


def long_numbers(target) -> None:
    """As ``class_numbers``, for losses that take int64 alone."""
    dtype = getattr(target, "dtype", None)
    if dtype is dtypes.uint8 or dtype in _NARROW and trace_state_clean():
        raise RuntimeError(f"expected scalar type Long but found {dtype.legacy}")


def as_input(input, target) -> None:
    """A target of the input's own dtype."""
    if target.dtype is not input.dtype:
        raise RuntimeError(f"Found dtype {target.dtype.legacy} but expected {input.dtype.legacy}")


def subtractable(input, target) -> None:
    """No bool, which ``-`` refuses as well."""
    if dtypes.bool in (input.dtype, target.dtype):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
            "to invert a mask, use the `~` or `logical_not()` operator instead."
        )


def real_numbers(input, target) -> None:
    """A target that can hold a loss: no integers."""
    subtractable(input, target)
    if target.dtype.category < dtypes.FLOAT:
        raise RuntimeError(
            f"result type {input.dtype.legacy} can't be cast to the desired output type "
            f"{target.dtype.legacy}"
        )
