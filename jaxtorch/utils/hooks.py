"""The handle that takes a hook out again."""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Sequence

__all__ = ["RemovableHandle"]

_ids = itertools.count()


class RemovableHandle:
    """``remove()``, or leaving a ``with``, takes the hook out of its dict and of the dicts
    beside it."""

    def __init__(self, hooks_dict: dict, *, extra_dict: dict | Sequence = ()):
        self.id = next(_ids)
        beside = extra_dict if isinstance(extra_dict, Sequence) else (extra_dict,)
        self._dicts = [_ref(d) for d in (hooks_dict, *beside)]

    def remove(self) -> None:
        for ref in self._dicts:
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc) -> None:
        self.remove()

    def __getstate__(self):
        return self.id, [ref() for ref in self._dicts]

    def __setstate__(self, state) -> None:
        self.id, dicts = state
        self._dicts = [_ref(OrderedDict() if d is None else d) for d in dicts]


def _ref(hooks: dict):
    """A weak reference where the dict can be referred to weakly (an OrderedDict can, a dict
    cannot)."""
    try:
        return weakref.ref(hooks)
    except TypeError:
        return lambda: hooks
