"""``torch._foreach_*``: one op on each tensor of a list. They are recorded one by one, and XLA
computes them together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxtorch.tensor import Tensor

_PLAIN = (
    "abs acos asin atan ceil cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 "
    "neg reciprocal round rsqrt sigmoid sign sin sinh sqrt tan tanh trunc"
).split()
# The other operands are a list, each for its own tensor, or one number or Tensor for all.
_WITH_OTHERS = (
    "add sub mul div pow maximum minimum clamp_min clamp_max lerp addcmul addcdiv"
).split()


def _rows(tensors: list, others: tuple):
    """The tensors, each with its own of the others."""
    for i, t in enumerate(tensors):
        yield t, [x[i] if isinstance(x, list | tuple) else x for x in others]


def _checked(tensors, others) -> None:
    if not len(tensors):
        raise RuntimeError("Tensor list must have at least one tensor.")
    for other in others:
        if isinstance(other, list | tuple) and len(other) != len(tensors):
            raise RuntimeError(
                "Tensor lists must have the same number of tensors, got "
                f"{len(tensors)} and {len(other)}"
            )


_BY_NUMBERS_TOO = {"maximum": "clamp_min", "minimum": "clamp_max"}


def _method(name: str) -> Callable:
    return getattr(Tensor, _BY_NUMBERS_TOO.get(name, name))


def _functional(name: str) -> Callable:
    method = _method(name)

    def foreach(self, *others: Any, **options: Any) -> tuple[Tensor, ...]:
        _checked(self, others)
        return tuple([method(t, *mine, **options) for t, mine in _rows(self, others)])

    return _named(foreach, name)


def _in_place(name: str) -> Callable:
    plain = name.removesuffix("_")
    method = getattr(Tensor, _BY_NUMBERS_TOO.get(plain, plain) + "_")

    def foreach(self, *others: Any, **options: Any) -> None:
        _checked(self, others)
        for t, mine in _rows(self, others):
            method(t, *mine, **options)

    return _named(foreach, name)


def _named(foreach: Callable, name: str) -> Callable:
    foreach.__name__ = foreach.__qualname__ = f"_foreach_{name}"
    foreach.__doc__ = f"``{name}`` of each tensor."
    return foreach


def _norm(self, ord=2, dtype=None) -> tuple[Tensor, ...]:
    """The norm of each tensor."""
    from jaxtorch.linalg import vector_norm

    _checked(self, ())
    return tuple([vector_norm(t, ord, dtype=dtype) for t in self])


FOREACH: dict[str, Callable] = {"_foreach_norm": _named(_norm, "norm")}
for _name in (*_PLAIN, *_WITH_OTHERS):
    FOREACH[f"_foreach_{_name}"] = _functional(_name)
    FOREACH[f"_foreach_{_name}_"] = _in_place(f"{_name}_")
for _name in ("copy_", "zero_"):
    FOREACH[f"_foreach_{_name}"] = _in_place(_name)
