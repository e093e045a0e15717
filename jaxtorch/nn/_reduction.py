"""Reductions by number, and by the two flags of old, for layers that others wrote."""

from __future__ import annotations

import warnings

from jaxtorch.ops.loss import reduction_of_flags as legacy_get_string

__all__ = ["get_enum", "legacy_get_enum", "legacy_get_string"]

_NUMBERS = {"none": 0, "mean": 1, "sum": 2, "elementwise_mean": 1}


def get_enum(reduction: str) -> int:
    """0 for "none", 1 for "mean", 2 for "sum"; ValueError for anything else."""
    if reduction not in _NUMBERS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if reduction == "elementwise_mean":
        warnings.warn("reduction='elementwise_mean' is 'mean' by its name of old", stacklevel=2)
    return _NUMBERS[reduction]


def legacy_get_enum(
    size_average: bool | None, reduce: bool | None, emit_warning: bool = True
) -> int:
    """The number of ``legacy_get_string``."""
    return get_enum(legacy_get_string(size_average, reduce, emit_warning, stacklevel=4))
