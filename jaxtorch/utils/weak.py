"""``torch.utils.weak``: dictionaries that hold tensors weakly, by identity."""

from __future__ import annotations

import weakref
from collections.abc import MutableMapping
from typing import Any

__all__ = ["TensorWeakRef", "WeakIdKeyDictionary", "WeakIdRef", "WeakTensorKeyDictionary"]


class WeakIdRef(weakref.ref):
    """A weak reference that is equal to another of the same object, and hashes by its identity."""

    __slots__ = ("_id",)

    def __init__(self, key, callback=None):
        self._id = id(key)
        super().__init__(key, callback)  # type: ignore[call-arg]

    def __hash__(self) -> int:
        return self._id

    def __eq__(self, other) -> bool:
        mine, theirs = self(), other()
        return mine is theirs if mine is not None and theirs is not None else self is other


class WeakIdKeyDictionary(MutableMapping):
    """Like ``weakref.WeakKeyDictionary``, for keys whose ``==`` is no comparison of identity."""

    def __init__(self, dict: Any = None):
        self.data: Any = {}
        if dict is not None:
            self.update(dict)

    def _forget(self, reference) -> None:
        self.data.pop(reference, None)

    def __getitem__(self, key):
        return self.data[WeakIdRef(key)]

    def __setitem__(self, key, value) -> None:
        self.data[WeakIdRef(key, self._forget)] = value

    def __delitem__(self, key) -> None:
        del self.data[WeakIdRef(key)]

    def __contains__(self, key) -> bool:
        try:
            return WeakIdRef(key) in self.data
        except TypeError:  # no object that can be referred to weakly
            return False

    def __iter__(self):
        for reference in list(self.data):
            key = reference()
            if key is not None:
                yield key

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)}>"


WeakTensorKeyDictionary = WeakIdKeyDictionary


class TensorWeakRef:
    """A weak reference to a tensor; None once it is gone."""

    def __init__(self, tensor):
        self.ref = weakref.ref(tensor)

    def __call__(self):
        return self.ref()
