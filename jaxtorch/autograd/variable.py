"""Variable, the tensors of old."""

from __future__ import annotations

import warnings

from jaxtorch.ops.data import tensor
from jaxtorch.tensor import Tensor

__all__ = ["Variable"]


class _VariableType(type):
    def __instancecheck__(cls, instance) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableType):
    """``Variable(t)`` is ``t.detach()``, with ``requires_grad`` a leaf; every Tensor is one.

    ``volatile=True`` warns and does nothing more, as in torch: ``no_grad`` took its place.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = False, volatile=False):
        if volatile:
            if requires_grad:
                raise ValueError("Variable can't be volatile and require_grad at the same time!")
            warnings.warn(
                "Variable(volatile=True) has no effect: compute within torch.no_grad() instead",
                stacklevel=2,
            )
        if data is None:
            return tensor([])
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(bool(requires_grad))
