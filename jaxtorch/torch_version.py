"""``TorchVersion``: a version string that compares as versions do."""

from __future__ import annotations

import re
from typing import Any

from jaxtorch.version import __version__ as _text

__all__ = ["TorchVersion"]


def _key(version) -> tuple:
    """(numbers, whether it is final): 2.9 < 2.13.0rc1 < 2.13.0; what follows a + counts not."""
    if not isinstance(version, str):
        version = ".".join(map(str, version))
    numbers, rest = re.match(r"v?([\d.]*)(.*)", version.partition("+")[0].strip()).groups()
    parts = [int(n) for n in numbers.split(".") if n]
    if not parts:
        raise ValueError(f"{version!r} is no version")
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts), not rest.lstrip(".").startswith(("a", "b", "rc", "dev")), rest


class TorchVersion(str):
    """Equal to and ordered among strings (``"2.13"``) and tuples (``(2, 13)``)."""

    def _compare(self, other: Any, ordered) -> bool:
        try:
            return ordered(_key(str(self)), _key(other))
        except (ValueError, TypeError, AttributeError):
            return ordered(str(self), other)

    def __lt__(self, other):
        return self._compare(other, lambda a, b: a < b)

    def __le__(self, other):
        return self._compare(other, lambda a, b: a <= b)

    def __gt__(self, other):
        return self._compare(other, lambda a, b: a > b)

    def __ge__(self, other):
        return self._compare(other, lambda a, b: a >= b)

    def __eq__(self, other):
        return self._compare(other, lambda a, b: a == b)

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


__version__ = TorchVersion(_text)
