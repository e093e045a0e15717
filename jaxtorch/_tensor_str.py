"""``torch._tensor_str``: where programs that set how tensors are printed for a while find it."""

from __future__ import annotations

from jaxtorch.printing import (
    _options as PRINT_OPTS,
    get_printoptions as get_printoptions,
    printoptions as printoptions,
    set_printoptions as set_printoptions,
)

__all__ = ["PRINT_OPTS", "get_printoptions", "printoptions", "set_printoptions"]


def _str(self, *, tensor_contents: str | None = None) -> str:
    """What ``repr`` of a tensor is."""
    return self.__repr__(tensor_contents=tensor_contents)
