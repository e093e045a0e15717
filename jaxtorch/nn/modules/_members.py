"""``_parameters``, ``_buffers`` and ``_modules``, as programs poke them: live views of a module."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

__all__ = ["Members", "members", "own_members"]


def own_members(module, kind: str) -> list[tuple[str, Any]]:
    """(name, value) of what a module itself has registered as one kind."""
    own = module.__dict__
    return [(name, own[name]) for name, k in own["_kinds"].items() if k == kind]


class Members(MutableMapping):
    """``_parameters``, ``_buffers`` or ``_modules``: what a module has registered as one kind."""

    __slots__ = ("_module", "_kind")

    def __init__(self, module, kind: str):
        self._module = module
        self._kind = kind

    def __getitem__(self, name: str):
        if self._module._kinds.get(name) != self._kind:
            raise KeyError(name)
        return self._module.__dict__[name]

    def __setitem__(self, name: str, value) -> None:
        self._module._register(self._kind, name, value)

    def __delitem__(self, name: str) -> None:
        self[name]
        self._module._unregister(name)

    def __contains__(self, name) -> bool:
        return self._module._kinds.get(name) == self._kind

    def __iter__(self) -> Iterator[str]:
        kind = self._kind
        return (name for name, k in self._module._kinds.items() if k == kind)

    def __len__(self) -> int:
        return list(self._module._kinds.values()).count(self._kind)

    def items(self):
        return own_members(self._module, self._kind)

    def values(self):
        return [value for _, value in own_members(self._module, self._kind)]

    def copy(self) -> dict:
        return dict(self.items())

    __copy__ = copy

    def move_to_end(self, name: str, last: bool = True) -> None:
        kinds = self._module._kinds
        rest = [(n, k) for n, k in kinds.items() if n != name]
        moved = [(name, kinds[name])]
        kinds.clear()
        kinds.update(rest + moved if last else moved + rest)

    def __repr__(self) -> str:
        return repr(dict(self.items()))


def members(kind: str) -> property:
    def get(self) -> Members:
        if "_kinds" not in self.__dict__:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '_{kind}s'")
        return Members(self, kind)

    def replace(self, members) -> None:
        for name in list(get(self)):
            self._unregister(name)
        for name, value in dict(members).items():
            self._register(kind, name, value)

    return property(get, replace, doc=f"Name to {kind}, in order of registration; live.")
