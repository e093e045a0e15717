"""Forward mode by dual numbers: inside ``dual_level`` every op carries tangents along.

A level is a ``jax.jvp`` trace that is entered for a ``with`` block instead of a function: all
computations in the block go through it, and values that carry a tangent belong to it.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import jax
from jax._src import core
from jax._src.interpreters import ad

from jaxtorch.tensor import Tensor

__all__ = [
    "UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual",
    "unpack_dual",
]  # fmt: skip


class _Levels(threading.local):
    def __init__(self):
        self.open: list[dual_level] = []


_levels = _Levels()


class UnpackedDualTensor(NamedTuple):
    """``tangent`` is None where the tensor carries none."""

    primal: Tensor
    tangent: Tensor | None


class dual_level:
    """``with dual_level():`` where dual tensors are made, computed with and unpacked. Levels do not
    nest, as in torch. A dual tensor is of no use after its level."""

    def __enter__(self) -> int:
        if _levels.open:
            raise RuntimeError("Nested forward mode AD is not supported at the moment")
        self._x64 = jax.enable_x64(True)
        self._x64.__enter__()
        self.given: dict[int, tuple] = {}  # of a tangent's array: the array, who gave it
        self.trace = ad.JVPTrace(core.trace_ctx.trace, core.TraceTag())
        self._current = core.set_current_trace(self.trace)
        self._current.__enter__()
        _levels.open.append(self)
        return 0

    def __exit__(self, *exc) -> None:
        _levels.open.remove(self)
        self._current.__exit__(*exc)
        self._x64.__exit__(*exc)


def enter_dual_level() -> int:
    """Begin a level by hand; ``exit_dual_level`` ends it."""
    return dual_level().__enter__()


def exit_dual_level(*, level: int | None = None) -> None:
    if not _levels.open:
        raise RuntimeError("Trying to exit a forward AD level but no level is currently active.")
    _levels.open[-1].__exit__(None, None, None)


def _level(function: str) -> dual_level:
    if not _levels.open:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            f"enter_dual_level() first. ({function})"
        )
    return _levels.open[-1]


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """``tensor`` with ``tangent``, of the same shape and dtype, as what forward mode follows."""
    level_ = _level("make_dual")
    trace = level_.trace
    if not (tensor.is_floating_point() or tensor.is_complex()):
        raise ValueError(
            f"Expected primal to be floating point or complex, but got: {tensor.dtype}"
        )
    if not (tangent.is_floating_point() or tangent.is_complex()):
        raise ValueError(
            f"Expected tangent to be floating point or complex, but got: {tangent.dtype}"
        )
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original "
            f"Tensor, this is not supported. Tensor is of size {list(tensor.shape)} while the "
            f"given forward gradient is of size {list(tangent.shape)}."
        )
    primal, _ = trace.to_primal_tangent_pair(tensor.jax())
    along, _ = trace.to_primal_tangent_pair(tangent.to(tensor.dtype).jax())
    if tangent.dtype is tensor.dtype and tangent.stride() == tensor.stride():
        level_.given[id(along)] = along, tangent
    return Tensor(ad.JVPTracer(trace, primal, along))


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value alone, and its tangent: the very tensor that ``make_dual`` was given, where that
    is laid out as the value is."""
    if not _levels.open:
        return UnpackedDualTensor(tensor, None)
    array = tensor.jax()
    opened = _levels.open[-1]
    primal, tangent = opened.trace.to_primal_tangent_pair(array)
    if primal is array:
        return UnpackedDualTensor(tensor, None)
    if isinstance(tangent, ad.Zero):
        return UnpackedDualTensor(Tensor(primal), None)
    _, given = opened.given.get(id(tangent), (None, None))
    same = given is not None and given.jax() is tangent
    return UnpackedDualTensor(Tensor(primal), given if same else Tensor(tangent))
