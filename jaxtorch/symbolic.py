"""PyTorch's numbers that stand for sizes not known yet: here all are known, and Python's own.

Libraries ask whether a size is a SymInt and annotate with the class, so the classes are here, and
nothing is an instance of them. The functions compute with numbers, as PyTorch's do when it traces
nothing.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

__all__ = [
    "SymBool", "SymFloat", "SymInt", "sym_float", "sym_int", "sym_ite", "sym_max", "sym_min",
    "sym_not", "sym_sqrt", "sym_sum",
]  # fmt: skip

Number = builtins.int | builtins.float


class _Unknown:
    def __init__(self, node: Any = None):
        raise NotImplementedError(
            f"{type(self).__name__}(): shapes are always known numbers here; use Python's own"
        )


class SymInt(_Unknown):
    """An integer that is not known yet: there are none."""


class SymFloat(_Unknown):
    """A float that is not known yet: there are none."""


class SymBool(_Unknown):
    """A truth value that is not known yet: there are none."""


def sym_int(a: Number) -> int:
    """The integer part."""
    return builtins.int(a)


def sym_float(a: Number) -> float:
    """``a`` as a float."""
    return builtins.float(a)


def sym_not(a):
    """Whether ``a`` is false."""
    return not a


def _chosen(choose, a: Number, b: Number) -> Number:
    for x in (a, b):
        if not isinstance(x, (builtins.int, builtins.float, np.integer, np.floating)):
            raise AssertionError(f"expected an int or a float, got {type(x).__name__}")
    found = choose(a, b)
    floats = any(isinstance(x, (builtins.float, np.floating)) for x in (a, b))
    return builtins.float(found) if floats else found


def sym_max(a: Number, b: Number) -> Number:
    """The larger one; a float if either is."""
    return _chosen(max, a, b)


def sym_min(a: Number, b: Number) -> Number:
    """The smaller one; a float if either is."""
    return _chosen(min, a, b)


def sym_ite(b: bool, t, f):
    """``t`` if ``b`` holds, else ``f``, of one type both."""
    if not isinstance(b, bool):
        raise AssertionError(f"expected a bool, got {type(b).__name__}")
    if type(t) is not type(f):
        raise AssertionError(f"type mismatch: {type(t).__name__} and {type(f).__name__}")
    return t if b else f


def sym_sqrt(a: Number) -> float:
    """The square root."""
    return math.sqrt(a)


def sym_sum(args) -> Number:
    """The sum of numbers."""
    return sum(args)
