"""``verify``: everything is computed twice, interpreted and compiled, and compared."""

from __future__ import annotations

import contextlib

import jax
import numpy as np

from jaxtorch.engine import evaluate, inspect, jaxprs
from jaxtorch.engine.lowering import lower

# How far the two may be apart, in multiples of the dtype's epsilon, relative to the largest value.
SLACK = 512


@contextlib.contextmanager
def verify(slack: float = SLACK):
    """What is evaluated inside is interpreted, node by node, and compiled whole beside it.

    Where they differ by more than ``slack`` epsilons of the largest value, RuntimeError names the
    first op whose values do, and the line where it was first called. Nothing is donated in here.
    """

    def check(structure, nodes, positions, leaves, packs):
        whole = _compiled(structure, nodes, positions, leaves, packs)
        evaluate.interpret(nodes)
        try:
            for position, value in zip(positions, whole, strict=False):
                if difference(nodes[position].value, value, slack):
                    _report(structure, nodes, position, leaves, packs, value, slack)
        finally:
            evaluate.settle(nodes)

    before, evaluate.verifier = evaluate.verifier, check
    try:
        yield
    finally:
        evaluate.verifier = before


def _compiled(structure, nodes, positions, leaves, packs) -> list:
    """The values at ``positions``, from one program."""
    plan = []
    codes = iter(structure.key)
    for n in nodes:
        next(codes)
        plan.append((n.kernel, tuple([next(codes) for _ in n.inputs])))
    function, _ = lower(plan, positions, len(leaves), packs)
    with jaxprs.afresh():
        return jax.jit(function)(*leaves)


def difference(mine, theirs, slack: float = SLACK) -> str | None:
    """How two values (arrays, or tuples of them) differ in plain words; None where they agree."""
    if isinstance(mine, tuple):
        return next(
            (d for a, b in zip(mine, theirs, strict=True) if (d := difference(a, b, slack))), None
        )
    dtype, a, b = mine.dtype, np.asarray(mine), np.asarray(theirs)
    if not jax.numpy.issubdtype(dtype, jax.numpy.inexact):
        return None if np.array_equal(a, b) else f"{int((a != b).sum())} of {a.size} elements"
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    a, b = a.astype(wide), b.astype(wide)
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return "NaN or infinity in one of them"
    if not finite.any():
        return None
    allowed = slack * float(jax.numpy.finfo(dtype).eps) * max(1.0, float(np.abs(a[finite]).max()))
    apart = float(np.abs(a - b)[finite].max())
    return f"by up to {apart:.3g}" if apart > allowed else None


def _report(structure, nodes, position, leaves, packs, value, slack) -> None:
    """Raise, naming the first op that differs when every value is looked at, or the one that
    did."""
    everything = _compiled(structure, nodes, tuple(range(len(nodes))), leaves, packs)
    found = nodes[position], difference(nodes[position].value, value, slack)
    for node, other in zip(nodes, everything, strict=False):
        if apart := difference(node.value, other, slack):
            found = node, apart
            break
    node, apart = found
    where = inspect.at(node.site_or_none or node.kernel.site)
    raise RuntimeError(f"{node.kernel} differs between interpreted and compiled, {apart}{where}")
