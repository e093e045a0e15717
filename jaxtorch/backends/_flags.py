"""Modules with attributes that are switches: ``torch.backends.cudnn.benchmark = True``."""

from __future__ import annotations

import contextlib
import sys
from types import ModuleType

__all__ = ["Flags", "become"]


class Flags(ModuleType):
    """A module whose class's properties are read and written as its attributes."""

    _names: tuple[str, ...] = ()  # in the order that set_flags takes and returns them

    def __setattr__(self, name: str, value) -> None:
        if not name.startswith("_") and name not in vars(self) and not hasattr(type(self), name):
            raise AttributeError(f"module '{self.__name__}' has no switch '{name}'")
        super().__setattr__(name, value)

    def set_flags(self, *values, **named) -> tuple:
        """Set the switches given (None: as it is); returns what they were."""
        given = {**dict(zip(self._names, values, strict=False)), **named}
        unknown = sorted(given.keys() - set(self._names))
        if unknown:
            raise TypeError(f"set_flags() got an unexpected keyword argument {unknown[0]!r}")
        before = tuple(getattr(self, name) for name in self._names)
        for name, value in given.items():
            if value is not None:
                setattr(self, name, value)
        return before

    @contextlib.contextmanager
    def flags(self, *values, **named):
        """``set_flags`` for the length of a ``with`` block."""
        before = self.set_flags(*values, **named)
        try:
            yield
        finally:
            self.set_flags(*before)


def fixed(name: str, value, why: str) -> property:
    """A switch that stands as it is: setting it to anything else raises."""

    def refuse(self, wanted) -> None:
        if wanted != value:
            raise NotImplementedError(f"{self.__name__}.{name} = {wanted!r}: {why}")

    return property(lambda self: value, refuse)


def become(module: str, cls: type[Flags]) -> None:
    """Give an imported module its switches."""
    sys.modules[module].__class__ = cls
