"""``_parameters``, ``_buffers`` and ``_modules``, as programs poke them: live views of a module."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator, MutableMapping
from types import MethodType
from typing import Any, TypeVar

from jaxtorch.tensor import Tensor

__all__ = [
    "KEPT", "KINDS", "Members", "add_members", "link", "linked", "members", "own_members",
    "type_name", "unhidden", "unlink",
]  # fmt: skip

Method = TypeVar("Method", bound=Callable)

KINDS = ("parameter", "buffer", "module")
# Names in __dict__ that are this object's own and no state: not copied, not pickled, not flax's.
KEPT = frozenset(("_compiled_call", "_linked", *(f"_{kind}s" for kind in KINDS)))


def linked(module, kind: str) -> list:
    """A module and those with which it shares what is registered as one kind."""
    groups = module.__dict__.get("_linked")
    if groups is None:
        return [module]
    return [other for ref in groups[kind] if (other := ref()) is not None]


def link(module, twin) -> None:
    """From now on what is registered with either is registered with both: they are PyTorch's two
    modules around one ``_parameters``, one ``_buffers`` and one ``_modules``."""
    groups = module.__dict__.setdefault("_linked", {})
    for kind in KINDS:
        refs = groups.setdefault(kind, [weakref.ref(module)])
        refs[:] = [ref for ref in refs if ref() is not None]
        refs.append(weakref.ref(twin))
    twin.__dict__["_linked"] = dict(groups)


def unlink(module, kind: str) -> None:
    """The module shares what it has of one kind no longer."""
    groups = module.__dict__.get("_linked")
    if groups is not None:
        mine = weakref.ref(module)
        groups[kind].remove(mine)
        groups[kind] = [mine]


def own_members(module, kind: str) -> list[tuple[str, Any]]:
    """(name, value) of what a module itself has registered as one kind."""
    own = module.__dict__
    try:
        return [(name, own[name]) for name, k in own["_kinds"].items() if k == kind]
    except KeyError as error:
        raise AttributeError(
            f"'{type(module).__name__}' object has no attribute '_{kind}s': its __init__ has not "
            "called super().__init__()"
        ) from error


def type_name(value: Any) -> str:
    """The type's name as torch's messages spell it: ``torch.FloatTensor``, ``int``,
    ``pkg.Class``."""
    if isinstance(value, Tensor):
        return str(value.type())
    cls = value if isinstance(value, type) else type(value)
    return (
        cls.__qualname__
        if cls.__module__ in ("builtins", None)
        else f"{cls.__module__}.{cls.__qualname__}"
    )


class Members(MutableMapping):
    """``_parameters``, ``_buffers`` or ``_modules``: what a module has registered as one kind."""

    __slots__ = ("_module", "_kind", "__weakref__")

    def __init__(self, module, kind: str):
        self._module = module
        self._kind = kind

    def __getitem__(self, name: str):
        module = self._module
        if module._kinds.get(name) != self._kind:
            raise KeyError(name)
        return module.__dict__[name]

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

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self))

    def __len__(self) -> int:
        return list(self._module._kinds.values()).count(self._kind)

    def items(self):
        return own_members(self._module, self._kind)

    def values(self):
        return [value for _, value in own_members(self._module, self._kind)]

    def copy(self) -> dict:
        return dict(self.items())

    __copy__ = copy

    def __deepcopy__(self, memo) -> dict:
        return copy.deepcopy(self.copy(), memo)

    def __reduce__(self):
        return dict, (self.copy(),)

    def __or__(self, other) -> dict:
        return self.copy() | dict(other)

    def __ror__(self, other) -> dict:
        return dict(other) | self.copy()

    def __ior__(self, other):
        self.update(other)
        return self

    def popitem(self) -> tuple[str, Any]:
        """The one registered last."""
        for name in reversed(self):
            return name, self.pop(name)
        raise KeyError("popitem(): dictionary is empty")

    def move_to_end(self, name: str, last: bool = True) -> None:
        self[name]
        for module in linked(self._module, self._kind):
            kinds = module._kinds
            rest = [(n, k) for n, k in kinds.items() if n != name]
            moved = [(name, kinds[name])]
            kinds.clear()
            kinds.update(rest + moved if last else moved + rest)

    def __repr__(self) -> str:
        return repr(self.copy())


class _Kept(Members):
    """The view under its name in a module's ``__dict__``, where it must not hold the module."""

    __slots__ = ("_ref", "_handed_out")

    def __new__(cls, module, kind: str | None = None):
        # Programs that map over containers, a module's __dict__ among them, make one of the type
        # that they met out of a mapping: in PyTorch that is a dict.
        return dict(module) if kind is None else object.__new__(cls)

    def __init__(self, module, kind: str):
        self._ref = weakref.ref(module)
        self._handed_out = None
        self._kind = kind

    @property
    def _module(self):
        module = self._ref()
        if module is None:
            raise ReferenceError(f"the module whose _{self._kind}s these are is gone")
        return module

    def of(self, module) -> Members:
        """The view that holds the module: one object for as long as anyone holds it."""
        handed_out = self._handed_out
        view = None if handed_out is None else handed_out()
        if view is None:
            view = Members(module, self._kind)
            self._handed_out = weakref.ref(view)
        return view


class _Replaced:
    """What a view that was taken before ``module._parameters = ...`` goes on showing."""

    def __init__(self, kind: str, items: dict):
        self._kinds = dict.fromkeys(items, kind)
        self.__dict__.update(items)

    def _register(self, kind: str, name: str, value: Any) -> None:
        self._kinds[name] = kind
        self.__dict__[name] = value

    def _unregister(self, name: str) -> None:
        del self._kinds[name]
        del self.__dict__[name]


def add_members(module) -> None:
    """Put the three views into ``module.__dict__``, where torch has its dicts."""
    own = module.__dict__
    own["_parameters"] = _Kept(module, "parameter")
    own["_buffers"] = _Kept(module, "buffer")
    own["_modules"] = _Kept(module, "module")


def _kept(module, kind: str) -> _Kept:
    own = module.__dict__
    kept = own.get(f"_{kind}s")
    # Another module's where a program copied its __dict__, a dict where it put a pickled one there.
    if type(kept) is not _Kept or kept._ref() is not module:
        if "_kinds" not in own:
            raise AttributeError(f"'{type(module).__name__}' object has no attribute '_{kind}s'")
        add_members(module)
        kept = own[f"_{kind}s"]
    return kept


def members(kind: str) -> property:
    def get(self) -> Members:
        return _kept(self, kind).of(self)

    def replace(self, members) -> None:
        """As a dict that is exchanged: who holds the one from before keeps it as it was."""
        kept = _kept(self, kind)
        given, own = dict(members), self.__dict__
        unlink(self, kind)
        before = own_members(self, kind)
        view = None if kept._handed_out is None else kept._handed_out()
        if view is not None:
            view._module, kept._handed_out = _Replaced(kind, dict(before)), None
        for name, _ in before:
            del own[name]
        own["_kinds"] = {name: k for name, k in own["_kinds"].items() if k != kind}
        for name, value in given.items():
            self._register(kind, name, value)

    return property(get, replace, doc=f"Name to {kind}, in order of registration; live.")


class _Unhidden:
    """See ``unhidden``: as a property does, it comes before what the instance has of its name."""

    def __init__(self, method: Callable):
        self.method = method
        self.name = method.__name__
        self.__doc__ = method.__doc__

    def __get__(self, module, owner=None):
        if module is None:
            return self.method
        own = module.__dict__
        if self.name in own and self.name not in own.get("_kinds", ()):
            return own[self.name]
        return MethodType(self.method, module)

    def __set__(self, module, value) -> None:
        module.__dict__[self.name] = value

    def __delete__(self, module) -> None:
        try:
            del module.__dict__[self.name]
        except KeyError:
            raise AttributeError(self.name) from None


def unhidden(method: Method) -> Method:
    """A method that a member registered under its name does not hide: N-BEATS has a ParameterList
    ``self.parameters`` and goes on calling ``net.parameters()``."""
    return _Unhidden(method)  # type: ignore[return-value]
