"""Lowering: from a plan (kernels and their wiring) to one pure function for ``jax.jit``."""

from __future__ import annotations

import jax.numpy as jnp

from jaxtorch.engine.kernels import Kernel, VjpKernel, collecting

# How the wiring of a node says where an input comes from: 0 and up, the node at that position;
# -1, -2 ..., an array argument; and below these marks the packed numbers, and None.
FLOATS = -1_000_000
INTS = -2_000_000
COMPLEXES = -3_000_000
NONE = -4_000_000


def lower(plan: list[tuple[Kernel, tuple]], wanted: tuple, arguments: int, packs: tuple):
    """(function of the arguments, [(position, message)] of its deferred checks).

    The function returns the values at the ``wanted`` positions, and then the checks' flags if there
    are any. A kernel and its backward are lowered by a single ``jax.vjp``.
    """
    messages = [(p, m) for p, (kernel, _) in enumerate(plan) for m in kernel.messages]
    needs = _gradients_asked(plan)

    def function(*leaves):
        numbers = list(leaves[arguments - sum(packs) :])
        floats = numbers.pop(0) if packs[0] else None
        ints = numbers.pop(0) if packs[1] else None
        complexes = numbers.pop(0) if packs[2] else None
        env: list = []
        linearized: dict = {}
        flags: list = []

        def get(code: int, aval):
            if code >= 0:
                return env[code]
            if code > FLOATS:
                return leaves[-code - 1]
            if code > INTS:
                return floats[FLOATS - code]
            if code > COMPLEXES:
                number = ints[INTS - code]
                return number != 0 if aval.kind == "bool" else number
            return complexes[COMPLEXES - code] if code > NONE else None

        def linearize(kernel, wiring):
            pair = (kernel.id, wiring)
            if pair not in linearized:
                arrays = [get(c, a) for c, a in zip(wiring, kernel.avals, strict=True)]
                linearized[pair] = kernel.linearize(arrays, needs[pair])
            return linearized[pair]

        for kernel, wiring in plan:
            if kernel.index is not None:
                env.append(get(wiring[0], None)[kernel.index])  # of a node, or of a kept tuple
            elif type(kernel) is VjpKernel:
                n = len(kernel.base.avals)
                _, _, pull = linearize(kernel.base, wiring[:n])
                cotangents = [get(c, a) for c, a in zip(wiring[n:], kernel.avals[n:], strict=True)]
                asked = needs[kernel.base.id, wiring[:n]]
                value, checks = collecting(kernel.pull, pull, asked, cotangents)
                env.append(value)
                flags.extend(f for f, _ in checks)
            elif (kernel.id, wiring) in needs:
                value, checks, _ = linearize(kernel, wiring)
                env.append(value)
                flags.extend(checks)
            else:
                arrays = [get(c, a) for c, a in zip(wiring, kernel.avals, strict=True)]
                value, checks = kernel.apply(arrays)
                env.append(value)
                flags.extend(f for f, _ in checks)
        outs = [env[p] for p in wanted]
        return [*outs, jnp.stack(flags)] if flags else outs

    return function, messages


def _gradients_asked(plan) -> dict:
    """For each (kernel, wiring) whose backward is in the plan, the inputs to differentiate."""
    needs: dict = {}
    for kernel, wiring in plan:
        if type(kernel) is VjpKernel:
            pair = (kernel.base.id, wiring[: len(kernel.base.avals)])
            before = needs.get(pair, (False,) * len(kernel.needs))
            needs[pair] = tuple(a or b for a, b in zip(before, kernel.needs, strict=True))
    return needs
