"""torch's result type of an op's inputs, and the casts around a body that follow from it.

Categories come before widths: a tensor with dimensions outranks one without, which outranks a
Python number; a lower rank decides only if its kind (bool < int < float < complex) is higher.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxtorch import dtypes
from jaxtorch.dtypes import HALF_TYPES, dtype, promote_types
from jaxtorch.engine.graph import Aval

_NUMBER_KINDS = {
    "bool": lambda: dtypes.bool,
    "int": lambda: dtypes.int64,
    "float": dtypes.get_default_dtype,
    "complex": dtypes.default_complex,
}


def result_type(avals) -> dtype:
    """The dtype that inputs of these avals are brought to."""
    ranks: list[dtype | None] = [None, None, None]
    for aval in avals:
        if aval.kind == "none":
            continue
        number = _NUMBER_KINDS.get(aval.kind)
        rank, d = (2, number()) if number else (0 if aval.ndim else 1, aval.dtype)
        before = ranks[rank]
        ranks[rank] = d if before is None else promote_types(before, d)
    return _outranked(ranks[0], _outranked(ranks[1], ranks[2]))


def _outranked(higher: dtype | None, lower: dtype | None) -> dtype | None:
    if higher is None or lower is None:
        return higher or lower
    if lower.category <= higher.category:
        return higher
    if lower.category == dtypes.COMPLEX and higher.category == dtypes.FLOAT:
        return higher.to_complex()
    return promote_types(higher, lower)


class Caster:
    """Casts the inputs of a body to ``dtype`` and what it computed in float32 for a half type back.

    ``kept`` tells which inputs stay as they are; without ``widen`` half types do as well."""

    __slots__ = ("dtype", "compute", "kept")

    def __init__(self, dtype: dtype, kept: list[bool], widen: bool):
        self.dtype = dtype
        self.kept = kept
        self.compute = dtypes.float32 if widen and dtype in HALF_TYPES else dtype

    def inputs(self, flat):
        target = jax.dtypes.canonicalize_dtype(self.compute.numpy)
        return [
            x if kept or x is None else _cast(x, target)
            for x, kept in zip(flat, self.kept, strict=True)
        ]

    def output(self, out):
        if self.compute is self.dtype:
            return out
        narrow = self.dtype.numpy
        return jax.tree.map(lambda o: o.astype(narrow) if o.dtype == jnp.float32 else o, out)


def _cast(x, target):
    if x.dtype == target:
        return jnp.asarray(x)
    if target == jnp.bool_:
        return jnp.asarray(x) != 0
    if jnp.issubdtype(target, jnp.integer) and jnp.issubdtype(x.dtype, jnp.integer):
        return jax.lax.convert_element_type(x, target)  # wraps, as torch's numbers do
    return jnp.asarray(x).astype(target)


def no_room(found: dtype) -> RuntimeError:
    """torch's refusal of a complex factor of real numbers."""
    kind = {"float32": "float", "float64": "double"}.get(found.name, f"{found.name}_t")
    return RuntimeError(f"value cannot be converted to type {kind} without overflow")


def caster(promote, avals: tuple[Aval, ...], kinds: list[str]) -> Caster | None:
    """The casts of ``promote="arith"`` or ``"float"`` for inputs of these avals. "narrow": as
    "arith", for a body that computes in half types itself.

    A ``Mask`` is not cast, and neither it nor a ``Scalar`` has a say in the result type. An op with
    rules of its own gives a function instead of a word: from all avals to the dtype.
    """
    if callable(promote):
        found = promote(avals)
    else:
        voters = [a for a, k in zip(avals, kinds, strict=True) if k not in ("Scalar", "Mask")]
        found = result_type(voters)
        if promote == "float" and found is not None and found.category < dtypes.FLOAT:
            found = dtypes.get_default_dtype()
    if found is None:
        return None
    if not found.is_complex and any(
        k == "Scalar" and a.dtype is not None and a.dtype.is_complex
        for a, k in zip(avals, kinds, strict=True)
    ):
        raise no_room(found)
    return Caster(found, [k == "Mask" for k in kinds], promote != "narrow")


_OF_NUMBERS = {"add", "sub", "mul", "true_divide", "div_rounded", "floor_divide"}


def some_tensor(name: str, avals: tuple[Aval, ...]) -> None:
    """TypeError if all operands are Python numbers, of which torch makes a tensor in few ops."""
    if name not in _OF_NUMBERS and not any(a.kind == "array" for a in avals):
        given = ", ".join(a.kind for a in avals if a.kind != "none")
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got ({given}): one must be a "
            "Tensor"
        )


def same_place(name: str, avals: tuple[Aval, ...]) -> None:
    """RuntimeError unless the tensors are on one device (0-dim ones on the CPU go anywhere)."""
    places = {a.place for a in avals if a.kind == "array" and (a.ndim or a.place != "cpu")}
    if len(places) > 1:
        first, second, *_ = sorted(places, key=lambda p: p == "cpu")
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{first} and {second}! (when checking arguments of {name})"
        )
