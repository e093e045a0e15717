"""``TransformGetItemToIndex``, which programs that call mask functions under vmap enter."""

from __future__ import annotations

import contextlib

__all__ = ["TransformGetItemToIndex"]


class TransformGetItemToIndex(contextlib.nullcontext):
    """In it, ``x[i]`` by an index under vmap gathers. Here it always does: there is nothing to
    change."""
