"""The names by which other people's layers take "an int, or one for each dimension"."""

from __future__ import annotations

from functools import partial

from jaxtorch.nn.modules._sizes import each

__all__ = ["_ntuple", "_pair", "_quadruple", "_reverse_repeat_tuple", "_single", "_triple"]


def _ntuple(n: int, name: str = "parse"):
    """A function that gives ``n`` numbers of one, or of as many."""
    function = partial(each, count=n)
    function.__name__ = name  # type: ignore[attr-defined]
    return function


_single, _pair, _triple, _quadruple = (
    _ntuple(n, name)
    for n, name in enumerate(("_single", "_pair", "_triple", "_quadruple"), start=1)
)


def _reverse_repeat_tuple(t, n: int) -> tuple:
    """The items from the last to the first, each ``n`` times: a padding as ``F.pad`` takes it."""
    return tuple(x for x in reversed(t) for _ in range(n))
