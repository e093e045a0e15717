"""make_tensor: random tensors of any dtype, PyTorch's numbers for the same seed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

from jaxtorch import dtypes
from jaxtorch.ops.creation import empty
from jaxtorch.ops.sampling import randint
from jaxtorch.ops.views import view_as_real
from jaxtorch.tensor import Tensor

__all__ = ["make_tensor"]


def make_tensor(
    *shape, dtype: dtypes.dtype, device, low: float | None = None, high: float | None = None,
    requires_grad: bool = False, noncontiguous: bool = False, exclude_zero: bool = False,
    memory_format=None,
) -> Tensor:  # fmt: skip
    """A tensor drawn uniformly from ``[low, high)``: by default -9 to 9 (integers to 10, unsigned
    ones from 0, bool 0 to 2). ``noncontiguous``: every second element of twice as many.
    ``exclude_zero``: 1 or the smallest normal number in the place of 0."""
    sizes = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"{noncontiguous=} and {memory_format=}"
        )
    integral = dtype.category < dtypes.FLOAT
    if requires_grad and integral:
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"{dtype=}"
        )
    noncontiguous = noncontiguous and math.prod(sizes) > 1
    if noncontiguous:
        sizes = (*sizes[:-1], 2 * sizes[-1])
    low, high = _interval(dtype, low, high)
    if integral:
        made = randint(low, high, sizes, device=device, dtype=dtype)
    else:
        narrow = dtype.is_floating_point and dtype.itemsize == 1
        made = empty(sizes, device=device, dtype=dtypes.float32 if narrow else dtype)
        parts = view_as_real(made) if dtype.is_complex else made
        if high - low >= dtypes.finfo(parts.dtype).max:
            parts.uniform_(low / 2, high / 2).mul_(2)
        else:
            parts.uniform_(low, high)
        made = made.to(dtype)
    if noncontiguous:
        made = made[..., 1::2]
    if exclude_zero:
        made[made == 0] = 1 if integral else dtypes.finfo(dtype).tiny
    return made.requires_grad_(requires_grad) if not integral else made


def _interval(dtype: dtypes.dtype, low, high):
    """The interval in the dtype's range; of integers whole numbers inside it."""
    if dtype is dtypes.bool:
        least, end, default = 0, 2, (0, 2)
    elif dtype.category == dtypes.INT:
        limits = dtypes.iinfo(dtype)
        # randint takes its bounds as int64, so that the last number of int64 is out of its reach.
        least, end = limits.min, limits.max + (dtype is not dtypes.int64)
        default = (-9, 10)
    else:
        limits = dtypes.finfo(dtype)
        least, end, default = limits.min, limits.max, (-9, 9)
    low = default[0] if low is None else low
    high = default[1] if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low == high and dtype.category >= dtypes.FLOAT:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is "
            "deprecated since 2.1 and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=3,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < least or low >= end:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} "
            f"only supports [{least}, {end})"
        )
    low, high = min(max(low, least), end), min(max(high, least), end)
    return (math.ceil(low), math.ceil(high)) if dtype.category < dtypes.FLOAT else (low, high)
