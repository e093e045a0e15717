"""Variable, the tensors of old."""

from __future__ import annotations

__all__ = ["Variable"]


class Variable:
    """The tensors of old: ``Variable(t)`` is ``t`` itself."""

    def __new__(cls, data, requires_grad: bool = False, volatile: bool = False):
        if volatile:
            raise NotImplementedError("Variable(volatile=True): use no_grad")
        data = data.detach() if requires_grad and not data.is_leaf else data
        return data.requires_grad_(True) if requires_grad else data
