"""Saved tensors: what of a kernel's inputs and outputs its gradient reads, and the gradient as a
function of just that.

Ordinarily nobody needs to know: a gradient kernel is given the inputs and XLA finds what to keep.
Where a program packs what is saved (``saved_tensors_hooks``) the gradient has to be computed from
what unpacking gives, be it another value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Jaxpr, Var, jaxprs_in_params

from jaxtorch.engine import jaxprs
from jaxtorch.engine.kernels import Kernel, VjpKernel, differentiable

# Where PyTorch's rule reads the result and JAX's does not:
# op -> (input, statics, result, cotangent) -> gradient.
FROM_RESULT: dict[str, Callable[..., Any]] = {
    "exp2": lambda x, _, r, g: g * r * jnp.log(jnp.asarray(2, r.dtype)),
    "expm1": lambda x, _, r, g: g * (r + 1),
    "logsumexp": lambda x, s, r, g: _logsumexp(x, r, g, **s),
    "reciprocal": lambda x, _, r, g: -g * r * r,
    "rsqrt": lambda x, _, r, g: -g * r * r * r / 2,
    "tan": lambda x, _, r, g: g * (1 + r * r),
}


def _logsumexp(x, r, g, dim, keepdim):
    if not keepdim:
        dims = (dim,) if isinstance(dim, int) else tuple(dim)
        dims = tuple(d % max(x.ndim, 1) for d in dims) or tuple(range(x.ndim))
        r, g = (jnp.expand_dims(a, dims) if x.ndim else a for a in (r, g))
    return g * jnp.exp(x - r)


_LOOPS = frozenset({"scan", "while", "cond"})


class SavedVjp(Kernel):
    """The gradient of ``base`` from its ``slots``: the inputs are their values and then the
    cotangents of the outputs in ``have``; the outputs, the gradients in ``needs``.

    A slot is the number of an input, or, with ``results``, of an output counted on from the last
    input.
    """

    __slots__ = ("slots",)

    def __init__(self, base: Kernel, needs: tuple, have: tuple, results: bool):
        traced, given, cotangents = _traced(base, needs, have)
        outputs = len(base.all_out)
        made = traced.jaxpr.outvars[:outputs] if results else ()
        places = [*given, *(v if isinstance(v, Var) else None for v in made)]  # or a constant
        gradients = traced.jaxpr.outvars[outputs:]
        equations, read = _leading_to(traced.jaxpr, gradients, set(places))
        if results and _compares_what_is_made_again(traced.jaxpr, equations, made):
            places = given
            equations, read = _leading_to(traced.jaxpr, gradients, set(places))
        self.slots = tuple(
            i for i, v in enumerate(places) if v in read and places.index(v) == i
        )  # an output that is an input counts as the latter
        jaxpr = Jaxpr(
            traced.jaxpr.constvars, [*(places[i] for i in self.slots), *cotangents], gradients,
            equations, debug_info=traced.jaxpr.debug_info.with_unknown_names(),
        )  # fmt: skip

        def run(_, *arrays):
            found = jax.core.eval_jaxpr(jaxpr, traced.consts, *arrays)
            return found[0] if len(found) == 1 else tuple(found)

        avals = (*base.avals, *base.all_out)
        out = tuple(a for a, need in zip(base.avals, needs, strict=True) if need)
        super().__init__(
            base.name + "_backward", None, None,
            (
                *(avals[i] for i in self.slots),
                *(a for a, h in zip(base.all_out, have, strict=True) if h),
            ),
            run, out=out[0] if len(out) == 1 else out,
        )  # fmt: skip
        self.site = base.site


def saved_vjp(kernel: Kernel, needs: tuple, have: tuple, results: bool) -> SavedVjp:
    """The kernel of the gradient that reads no more than it needs."""
    key = (needs, have, "results" if results else "inputs")
    found = kernel._vjps.get(key)
    if found is None:
        found = kernel._vjps[key] = SavedVjp(kernel, needs, have, results)
    return found


def read_slots(kernel: Kernel, needs: tuple, results: bool = True) -> tuple:
    """What the gradient in respect of the inputs in ``needs`` reads, if all cotangents come."""
    have = tuple(map(differentiable, kernel.all_out))
    return saved_vjp(kernel, needs, have, results).slots


def _traced(base: Kernel, needs: tuple, have: tuple):
    """The jaxpr of (inputs, cotangents) -> (outputs, gradients); the variable of each input (None
    of one that is None), and those of the cotangents."""
    shapes = base._shaped()
    others = [
        jax.core.ShapedArray(a.shape, a.dtype.numpy)
        for a, h in zip(base.all_out, have, strict=True)
        if h
    ]
    formula = (
        FROM_RESULT.get(base.op.name) if base.__class__ is Kernel and base.op is not None else None
    )
    backward = VjpKernel(base, needs, have) if formula is None else None

    def run(*arrays):
        inputs = base._with_nones(arrays[: len(shapes)])
        cotangents = arrays[len(shapes) :]
        if backward is None and not jnp.iscomplexobj(cotangents[0]):
            out = base.apply(inputs)[0]
            return [
                out,
                formula(inputs[0], base.statics, out, cotangents[0]).astype(inputs[0].dtype),
            ]
        rule = backward or VjpKernel(base, needs, have)
        out, _, pull = base.linearize(inputs, needs)
        found = rule.pull(pull, needs, cotangents)
        return [*(out if base.outputs else (out,)), *(found if type(found) is tuple else (found,))]

    with jax.enable_x64(True):
        # Without loops all functions are traced without their jax.jit, which would hide what of
        # their arguments is read.
        straight = base.straight or not _loops(base._jaxpr().jaxpr)
        with jaxprs.afresh():
            traced = jaxprs.jaxpr_of(run, [*shapes, *others], straight)
    variables = iter(traced.jaxpr.invars)
    given = [None if a.kind == "none" else next(variables) for a in base.avals]
    return traced, given, list(variables)


def _loops(jaxpr) -> bool:
    return any(
        e.primitive.name in _LOOPS or any(map(_loops, jaxprs_in_params(e.params)))
        for e in jaxpr.eqns
    )


def _compares_what_is_made_again(jaxpr, equations, made) -> bool:
    """Is a saved result to be compared, as to where the maximum was, where what led to it is
    computed anew? That may be another number in its last digit."""
    results = {v for v in made if isinstance(v, Var)}
    compared = False
    for equation in equations:
        if any(isinstance(v, Var) and v in results for v in equation.invars):
            compared = compared or equation.primitive.name in ("eq", "ne")
            results.update(equation.outvars)
    if not compared:
        return False
    leading = {id(e) for e in _leading_to(jaxpr, made, set())[0]}
    return any(id(e) in leading for e in equations)


def _leading_to(jaxpr, ends, stops: set) -> tuple:
    """The equations that ``ends`` need if ``stops`` are known, and all variables that are read."""
    read = {v for v in ends if isinstance(v, Var)}
    equations = []
    for equation in reversed(jaxpr.eqns):
        if any(v in read and v not in stops for v in equation.outvars):
            equations.append(equation)
            read.update(v for v in equation.invars if isinstance(v, Var))
    return equations[::-1], read
