"""The first runs of a small kernel: its jaxpr on NumPy, equation by equation.

Compiling an op at a shape never seen before takes XLA 10 to 50 ms, whatever its size; NumPy does a
few dozen operations on small arrays in 0.1 ms. So a small kernel is compiled by itself only once
that has paid. What NumPy would not do as XLA does, or not at all (loops, convolutions, random
bits), is not done here: such kernels are compiled at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from jaxtorch.engine.equations import EQUATIONS, LARGEST, Unsupported
from jaxtorch.engine.gathering import GATHERING

__all__ = ["LARGEST", "owned", "plan"]

DTYPES = {np.dtype(d) for d in ("bool", "uint8", "int32", "int64", "float32", "float64")}
MAKERS = EQUATIONS | GATHERING
INNER = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr",
         "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr"}  # fmt: skip


class _Steps:
    """Equations as a flat list of (function, places of inputs, places of outputs, several?)."""

    def __init__(self):
        self.constants: list = []  # (place, array)
        self.steps: list = []
        self.places = 0
        self.made = 0

    def place(self) -> int:
        self.places += 1
        return self.places - 1

    def constant(self, value, dtype) -> int:
        place = self.place()
        self.constants.append((place, np.asarray(value, dtype)))
        return place

    def take(self, closed: ClosedJaxpr, arguments: list[int]) -> list[int]:
        jaxpr = closed.jaxpr
        env = dict(zip(jaxpr.invars, arguments, strict=True))
        for v, value in zip(jaxpr.constvars, closed.consts, strict=True):
            env[v] = self.constant(value, v.aval.dtype)

        def read(v) -> int:
            return self.constant(v.val, v.aval.dtype) if isinstance(v, Literal) else env[v]

        for eqn in jaxpr.eqns:
            self._count(eqn)
            inputs = [read(v) for v in eqn.invars]
            name = eqn.primitive.name
            if name in INNER:
                outputs = self.take(eqn.params[INNER[name]], inputs)
            else:
                make = MAKERS.get(name)
                if make is None:
                    raise Unsupported
                outputs = [self.place() for _ in eqn.outvars]
                several = eqn.primitive.multiple_results
                function = make(eqn)
                self.steps.append((function, inputs, outputs if several else outputs[0], several))
            env |= zip(eqn.outvars, outputs, strict=True)
        return [read(v) for v in jaxpr.outvars]

    def _count(self, eqn) -> None:
        for v in (*eqn.invars, *eqn.outvars):
            if v.aval.dtype not in DTYPES:
                raise Unsupported
        self.made += sum(v.aval.size for v in eqn.outvars)
        if self.made > LARGEST:
            raise Unsupported


def plan(closed: ClosedJaxpr) -> Callable | None:
    """A function of NumPy or jax arrays that gives the jaxpr's flat results as NumPy arrays, views
    of the arguments among them; None where it must be left to XLA."""
    program = _Steps()
    arguments = [program.place() for _ in closed.jaxpr.invars]
    try:
        outputs = program.take(closed, arguments)
    except Unsupported:
        return None
    steps, constants, count = program.steps, program.constants, program.places
    dtypes = [v.aval.dtype for v in closed.jaxpr.outvars]
    if not {*dtypes, *(v.aval.dtype for v in closed.jaxpr.invars)} <= DTYPES:
        return None

    def run(arrays) -> list[np.ndarray]:
        env: list = [None] * count
        for place, value in constants:
            env[place] = value
        env[: len(arrays)] = map(np.asarray, arrays)
        with np.errstate(all="ignore"):
            for function, inputs, place, several in steps:
                out = function(*[env[i] for i in inputs])
                if several:
                    for p, o in zip(place, out, strict=True):
                        env[p] = o
                else:
                    env[place] = out
        return [np.asarray(env[p], dtype) for p, dtype in zip(outputs, dtypes, strict=True)]

    return run


def owned(x: np.ndarray) -> np.ndarray:
    """Memory of its own: XLA may take it over, and a view would let it write to another's."""
    return x if x.base is None and x.flags.owndata and x.flags.c_contiguous else x.copy()
