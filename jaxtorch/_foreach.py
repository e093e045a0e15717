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
# The names of the other operands, `|` between those of one place. The last place takes a list,
# each for its own tensor, or one number or Tensor for all.
_OTHERS = {
    "add": ("other|scalar|scalars",),
    "sub": ("other|scalar|scalars",),
    "mul": ("other|scalar|scalars",),
    "div": ("other|scalar|scalars",),
    "maximum": ("other|scalar|scalars",),
    "minimum": ("other|scalar|scalars",),
    "clamp_min": ("other|scalar|scalars",),
    "clamp_max": ("other|scalar|scalars",),
    "pow": ("exponent",),
    "lerp": ("tensors1", "weight|weights"),
    "addcmul": ("tensor1", "tensor2", "value|scalars"),
    "addcdiv": ("tensor1", "tensor2", "value|scalars"),
    "copy": ("src",),
}
_BY_NUMBERS_TOO = {"maximum": "clamp_min", "minimum": "clamp_max"}  # maximum takes tensors only


def _listed(name: str, tensors: Any) -> None:
    if not isinstance(tensors, list | tuple):
        raise TypeError(
            f"_foreach_{name}(): argument 'self' (position 1) must be tuple of Tensors, "
            f"not {type(tensors).__name__}"
        )


def _checked(tensors, others) -> None:
    lists = [x for x in others if isinstance(x, list | tuple)]
    for other in lists:
        numbers = other and not isinstance(other[0], Tensor)
        if len(other) != len(tensors) and not numbers:
            raise RuntimeError(
                "Tensor lists must have the same number of tensors, got "
                f"{len(tensors)} and {len(other)}"
            )
    if not len(tensors):
        raise RuntimeError("Tensor list must have at least one tensor.")
    if any(len(other) != len(tensors) for other in lists):
        raise RuntimeError("Tensor list must have same number of elements as scalar list.")


def _placed(name: str, others: tuple, options: dict) -> tuple:
    """The other operands by place; what else was given by name stays in ``options``."""
    for place in _OTHERS.get(name, ())[len(others) :]:
        for keyword in place.split("|"):
            if keyword in options:
                others += (options.pop(keyword),)
    return others


def _rows(name: str, tensors: list, others: tuple):
    """The tensors, each with its own of the others."""
    if name in ("addcmul", "addcdiv") and len(others) == 3:
        others = (*others[:2], _unpacked(others[2], len(tensors)))
    elif name != "pow" and others and isinstance(others[-1], Tensor) and others[-1].ndim:
        raise RuntimeError(
            f"scalar tensor expected to be 0 dim but it has {others[-1].ndim} dimensions and "
            f"{others[-1].numel()} elements."
        )
    _checked(tensors, others)
    for i, t in enumerate(tensors):
        yield t, [x[i] if isinstance(x, list | tuple) else x for x in others]


def _unpacked(scalars: Any, count: int):
    """The numbers of a packed tensor of one for each tensor of the list."""
    if not isinstance(scalars, Tensor) or not scalars.ndim:
        return scalars
    if scalars.shape != (count,):
        raise RuntimeError(
            f"Expected length of scalars to match input of length {count} but got "
            f"{scalars.numel()} instead."
        )
    return scalars.tolist()


def _keywords(name: str, mine: list) -> tuple[list, dict]:
    """addcmul and addcdiv name their factor."""
    if name in ("addcmul", "addcdiv") and len(mine) == 3:
        factor = mine[2].item() if isinstance(mine[2], Tensor) else mine[2]
        return mine[:2], {"value": factor}
    return mine, {}


def _functional(name: str) -> Callable:
    method = getattr(Tensor, _BY_NUMBERS_TOO.get(name, name))

    def foreach(self, *others: Any, **options: Any) -> tuple[Tensor, ...]:
        others = _placed(name, others, options)
        if name == "pow" and not isinstance(self, list | tuple):  # of one number
            _listed(name, others[0])
            return tuple([Tensor.__rpow__(t, self) for t in others[0]])
        _listed(name, self)
        results = []
        for t, mine in _rows(name, self, others):
            mine, named = _keywords(name, mine)
            results.append(method(t, *mine, **named, **options))
        return tuple(results)

    return _named(foreach, name)


def _in_place(name: str) -> Callable:
    method = getattr(Tensor, _BY_NUMBERS_TOO.get(name, name) + "_")

    def foreach(self, *others: Any, **options: Any) -> list[Tensor]:
        _listed(f"{name}_", self)
        others = _placed(name, others, options)
        for t, mine in _rows(name, self, others):
            mine, named = _keywords(name, mine)
            method(t, *mine, **named, **options)
        return self

    return _named(foreach, f"{name}_")


def _named(foreach: Callable, name: str) -> Callable:
    foreach.__name__ = foreach.__qualname__ = f"_foreach_{name}"
    foreach.__doc__ = f"``{name}`` of each tensor."
    return foreach


def _norm(self, ord=2, dtype=None) -> tuple[Tensor, ...]:
    """The norm of each tensor."""
    from jaxtorch.linalg import vector_norm

    _listed("norm", self)
    _checked(self, ())
    if ord == float("inf") and not all(t.numel() for t in self):
        raise RuntimeError("_foreach_norm cannot compute the infinity norm on an empty tensor")
    return tuple([vector_norm(t, ord, dtype=dtype) for t in self])


def _powsum(self, ord=2, dtype=None) -> tuple[Tensor, ...]:
    """The sum of each tensor's absolute values to the power ord: its norm, before the root."""
    if ord in (0, float("inf"), float("-inf")):
        return _norm(self, ord, dtype)
    _listed("powsum", self)
    _checked(self, ())
    return tuple([t.to(dtype or t.dtype).abs().pow(ord).sum() for t in self])


def _max(self) -> tuple[Tensor, ...]:
    """The largest element of each tensor."""
    _listed("max", self)
    _checked(self, ())
    if not all(t.numel() for t in self):
        raise RuntimeError("_foreach_max cannot compute the maximum of an empty tensor")
    return tuple([t.max() for t in self])


def _mm(self, mat2) -> tuple[Tensor, ...]:
    """Each matrix times its own of the other list."""
    _listed("mm", self)
    _checked(self, (mat2,))
    return tuple([a.mm(b) for a, b in zip(self, mat2, strict=True)])


FOREACH: dict[str, Callable] = {
    f"_foreach_{_name}": _named(_function, _name)
    for _name, _function in (("norm", _norm), ("powsum", _powsum), ("max", _max), ("mm", _mm))
}
for _name in (*_PLAIN, "clone", *[n for n in _OTHERS if n != "copy"]):
    FOREACH[f"_foreach_{_name}"] = _functional(_name)
for _name in (*_PLAIN, *_OTHERS, "zero"):
    FOREACH[f"_foreach_{_name}_"] = _in_place(_name)
