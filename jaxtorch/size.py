"""torch.Size: a tuple of ints that prints as torch's does."""

from __future__ import annotations

import math
import operator

__all__ = ["Size"]

_new = tuple.__new__


def _ints(sizes: tuple) -> list[int]:
    for i, n in enumerate(sizes):
        if not hasattr(n, "__index__"):
            raise TypeError(
                f"torch.Size() takes an iterable of 'int' (item {i} is '{type(n).__name__}')"
            )
    return [operator.index(n) for n in sizes]


class Size(tuple):
    __module__ = "jaxtorch"
    __slots__ = ()

    def __new__(cls, sizes=()):
        sizes = tuple(sizes)
        for n in sizes:
            if n.__class__ is not int:
                return _new(cls, _ints(sizes))
        return _new(cls, sizes)

    def numel(self) -> int:
        """The number of elements of a tensor of this size."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    __str__ = __repr__

    def __getitem__(self, index):
        item = tuple.__getitem__(self, index)
        return _new(Size, item) if isinstance(index, slice) else item

    def __add__(self, other):
        if not isinstance(other, tuple):
            raise TypeError(
                f"can only concatenate tuple (not {type(other).__name__}) to torch.Size"
            )
        return Size(tuple.__add__(self, other))

    def __radd__(self, other):
        if not isinstance(other, tuple):
            return NotImplemented
        return Size(tuple.__add__(other, self))

    def __mul__(self, times):
        return _new(Size, tuple.__mul__(self, times))

    __rmul__ = __mul__

    def __reduce__(self):
        return (Size, (tuple(self),))
