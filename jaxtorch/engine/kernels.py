"""Kernels: an op with its static arguments, on inputs of given shapes and dtypes.

A kernel is a pure function on arrays together with what was inferred about it once: the shapes it
returns, whether it carries gradients, which deferred checks it makes. Its backward is a kernel too.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxtorch import dtypes
from jaxtorch.engine import cold, jaxprs
from jaxtorch.engine.graph import Aval, aval_of
from jaxtorch.engine.inspect import site

# (op, statics, input avals) -> Kernel. The default dtype decides some result dtypes, so there is a
# table for each; the dict object stays the same, because every op's wrapper refers to it.
KERNELS: dict[tuple, Kernel] = {}
_stashed: dict[Any, dict] = {}


def _switch_tables(old, new) -> None:
    _stashed[old] = dict(KERNELS)
    KERNELS.clear()
    KERNELS.update(_stashed.pop(new, {}))


dtypes._on_default_change.append(_switch_tables)

_identity = itertools.count(1).__next__


# ---------------------------------------------------------------------------------------------
# Deferred checks: what only the data can tell


class _Checks(threading.local):
    collecting: list | None = None
    of_gradients = True


_checks = _Checks()


class Complaint(str):
    """What a failed check says, with the type of the exception that says it."""

    error: type[Exception] = IndexError


def check(out, ok, value, message: str, error: type[Exception] = IndexError):
    """``out``, after noting that ``ok`` must hold everywhere; ``value`` is reported where not.

    In the engine the program returns a flag that is read later and raises ``error`` with
    ``message.format(value=...)``; inside a foreign trace ``out`` is poisoned (NaN, minimum int).
    A Complaint brings its own ``error``.
    """
    value = jnp.broadcast_to(value, ok.shape)
    if not isinstance(message, Complaint):
        message = Complaint(message)
        message.error = error
    if _checks.collecting is not None:
        bad = jnp.argmin(ok.ravel()) if ok.size else 0
        first = value.ravel()[bad] if ok.size else jnp.zeros((), value.dtype)
        failed = ~jnp.all(ok)
        _checks.collecting.append(
            (jnp.stack([failed.astype("int32"), first.astype("int32")]), message)
        )
        return out
    if not isinstance(ok, jax.core.Tracer):
        if not np.all(ok):
            raise message.error(message.format(value=np.asarray(value)[~np.asarray(ok)][0]))
        return out
    fine = jnp.all(ok)
    return jax.tree.map(lambda o: jnp.where(fine, o, _poison(o.dtype)), out)


def gradients_checked() -> bool:
    """May a registered vjp judge its cotangents? They are whole only where the engine walks back
    for the first time: what comes by a kernel's own vjp is added within that kernel."""
    return _checks.collecting is not None and _checks.of_gradients


def collecting(function, *args):
    """What ``function`` gives, and the flags of the checks that it made, with their messages."""
    before, _checks.collecting = _checks.collecting, []
    try:
        return function(*args), _checks.collecting
    finally:
        _checks.collecting = before


def _poison(numpy_dtype):
    if jnp.issubdtype(numpy_dtype, jnp.inexact):
        return jnp.array(jnp.nan, numpy_dtype)
    if numpy_dtype == jnp.bool_:
        return jnp.array(False)
    return jnp.array(jnp.iinfo(numpy_dtype).min, numpy_dtype)


# ---------------------------------------------------------------------------------------------


def differentiable(aval: Aval) -> bool:
    return aval.dtype is not None and aval.dtype.category >= dtypes.FLOAT and aval.kind == "array"


def torch_pullback(pull, kernel: Kernel):
    """``pull`` in PyTorch's convention: the gradient in respect of a complex number is the
    conjugate of what JAX says it is."""
    if not any(a.dtype is not None and a.dtype.is_complex for a in kernel.avals + kernel.all_out):
        return pull
    return jax.tree_util.Partial(_conjugating, pull)


def _conjugating(pull, cotangents):
    return tuple(jnp.conj(g) for g in pull(tuple(jnp.conj(c) for c in cotangents)))


_saves: dict[tuple | None, bool] = {}  # Kernel._likeness() -> Kernel.saves
COMPILING = 0.045  # seconds that compiling a kernel by itself takes, on two CPU cores

# XLA's options for a small kernel that runs by itself on the CPU: it compiles two to three times as
# fast (an add 23 ms to 11, the gradient of std 96 to 26) and runs no slower up to 1024 elements.
QUICK = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}

# Where a product that broadcasts is summed, XLA's CPU backend calls a library (YNNPACK) that ends
# the process at 7 dimensions (jaxlib 0.10.2): with these options it only multiplies matrices.
DEEP = 7
FOR_DEEP = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT"}


class Kernel:
    """A pure function of arrays. ``body(reverse, *arrays)``: with ``reverse`` the registered vjp
    of the op, where it has one, is in force (it can be differentiated backwards only)."""

    __slots__ = (
        "id", "name", "op", "statics", "avals", "out", "outputs", "body", "messages",
        "carries_grad",
        "projections", "_compiled", "_vjps", "_saves", "donates", "passes", "index", "seen", "site",
        "_cold", "_cold_seconds", "straight",
    )  # fmt: skip

    def __init__(
        self, name, op, statics, avals, body, *, nondiff=False, out=None, donates=(), straight=False
    ):
        self.id = _identity()
        self.name = name
        self.op = op
        self.statics = statics
        self.avals = avals
        self.body = body
        self.messages = ()
        self.donates = donates
        self.straight = straight  # a body without loops (see jaxprs.py)
        self.passes = False  # its value is its only input's value
        self.index = None  # which output of its input it picks (a projection)
        self._cold: Any = None  # how it runs before it is compiled; False: it is compiled at once
        self._cold_seconds = 0.0
        if out is None:
            out = self._infer()
        self.out = out
        self.outputs = out if type(out) is tuple else None
        self.projections = None
        self.carries_grad = not nondiff and any(map(differentiable, self.outputs or (out,)))
        self._compiled = None
        self._vjps = {}
        self._saves = None
        self.seen = False  # has it been in any structure that was evaluated?
        self.site = site()  # where it was first called

    def _infer(self):
        place = next((a.place for a in self.avals if a.kind == "array" and a.ndim), None)
        if place is None:
            place = next((a.place for a in self.avals if a.kind == "array"), "cpu")
        jaxpr, several = self._traced()
        outs = jaxpr.out_avals[: len(jaxpr.out_avals) - len(self.messages)]
        avals = tuple(_aval_from(out, place) for out in outs)
        return avals if several else avals[0]

    def _traced(self):
        """Its jaxpr, which returns the outputs and then the checks' flags; and whether the body
        returns several. ``messages`` are the checks' own."""
        several = False
        messages: list = []

        def run(*given):
            nonlocal several
            out, flags = self.apply(self._with_nones(given))
            several = isinstance(out, tuple)
            messages.extend(m for _, m in flags)
            return [*(out if several else (out,)), *(f for f, _ in flags)]

        with jax.enable_x64(True):
            jaxpr = jaxprs.jaxpr_of(run, self._shaped(), self.straight)
            jaxprs.keep(self.id, jaxpr)
        self.messages = tuple(messages)
        return jaxpr, several

    def _shaped(self) -> list:
        given = (a for a in self.avals if a.kind != "none")
        return [jax.core.ShapedArray(a.shape, a.dtype.numpy) for a in given]

    def _with_nones(self, given) -> list:
        arrays = iter(given)
        return [None if a.kind == "none" else next(arrays) for a in self.avals]

    # -- as a function ------------------------------------------------------------------------

    def apply(self, arrays, reverse=None):
        """The value, and the deferred checks' flags with their messages."""
        jaxpr = jaxprs.kept(self.id)
        if jaxpr is not None and (reverse is None or getattr(self.op, "vjp", None) is None):
            given = [a for a in arrays if a is not None]
            outs = jax.core.eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *given)
            count = len(self.all_out)
            flags = list(zip(outs[count:], self.messages, strict=True))
            return (tuple(outs[:count]) if self.outputs else outs[0]), flags
        out, flags = collecting(self.body, reverse, *arrays)
        return (tuple(out) if isinstance(out, list) else out), flags

    def plain(self, *arrays, reverse=None):
        """The value alone, as inside a foreign trace: checks poison it."""
        before, _checks.collecting = _checks.collecting, None
        try:
            return self.body(reverse, *arrays)
        finally:
            _checks.collecting = before

    def linearize(self, arrays, needs):
        """(value, flags, pullback) of one ``jax.vjp``: ``pullback(cotangents)`` has a gradient for
        each true entry of ``needs``; cotangents are those of the differentiable outputs."""
        where = [i for i, need in enumerate(needs) if need]

        def run(*some):
            full = list(arrays)
            for i, a in zip(where, some, strict=True):
                full[i] = a
            out, flags = self.apply(full, reverse=needs)
            outs = out if self.outputs else (out,)
            return self._differentiable(outs), (out, [f for f, _ in flags])

        _, pull, (out, flags) = jax.vjp(run, *(arrays[i] for i in where), has_aux=True)
        return out, flags, torch_pullback(pull, self)

    @property
    def all_out(self) -> tuple:
        return self.outputs or (self.out,)

    def _differentiable(self, outs):
        return tuple(o for o, a in zip(outs, self.all_out, strict=True) if differentiable(a))

    # -- compiled by itself -------------------------------------------------------------------

    @property
    def trivial(self) -> bool:
        """Costs nothing to run: it only hands on what is there."""
        return self.passes or self.index is not None

    def __call__(self, *arrays):
        """Run by itself, through its own ``jax.jit``; the caller has 64-bit types on."""
        compiled = self._compiled
        if compiled is None:
            if self.messages:

                def run(*arrays):
                    out, flags = self.apply(arrays)
                    return out, tuple(f for f, _ in flags)
            else:

                def run(*arrays):
                    return self.apply(arrays)[0]

            run.__name__ = self.name
            compiled = self._compiled = jax.jit(run, compiler_options=self._options())
        return compiled(*arrays)

    # -- before it is compiled ----------------------------------------------------------------

    @property
    def runs_cold(self) -> bool:
        """Is NumPy to run it, as long as that has not taken what compiling it takes?"""
        if self._cold is None:
            self._cold = (self._small and cold.plan(self._jaxpr())) or False
        return self._cold is not False and self._cold_seconds < COMPILING

    @property
    def may_run_cold(self) -> bool:
        """As far as can be told without tracing it."""
        return self._small if self._cold is None else self.runs_cold

    def run_cold(self, arrays):
        """What calling it gives, of NumPy's arrays: views of other memory among them."""
        started = time.perf_counter()
        made = self._cold([a for a in arrays if a is not None])
        self._cold_seconds += time.perf_counter() - started
        count = len(self.all_out)
        value = tuple(made[:count]) if self.outputs else made[0]
        return (value, tuple(made[count:])) if self.messages else value

    def _jaxpr(self):
        found = jaxprs.kept(self.id)
        return self._traced()[0] if found is None else found

    @property
    def _small(self) -> bool:
        return sum(math.prod(a.shape) for a in self.all_out) <= cold.LARGEST and all(
            a.place == "cpu" for a in (*self.avals, *self.all_out)
        )

    @property
    def is_deep(self) -> bool:
        """Has it an array of so many dimensions that XLA needs FOR_DEEP?"""
        inputs = () if self.index is not None else self.avals  # a projection's are of a tuple
        return any(len(a.shape) >= DEEP and a.place == "cpu" for a in (*inputs, *self.all_out))

    def _options(self) -> dict | None:
        small = all(
            a.place == "cpu" and math.prod(a.shape) <= 1024
            for a in (*self.avals, *self.all_out)
            if a.kind == "array"
        )
        options = (QUICK if small else {}) | (FOR_DEEP if self.is_deep else {})
        return options or None

    # -- backward -----------------------------------------------------------------------------

    def vjp(self, needs: tuple, have: tuple, again: bool = False) -> Kernel:
        """The kernel of this one's gradient: inputs are this kernel's inputs and then the
        cotangents of the outputs in ``have``; outputs, the gradients in ``needs``. ``again``: on a
        walk through gradients."""
        again = again and getattr(getattr(self.op, "vjp", None), "checks", False)
        found = self._vjps.get((needs, have, again))
        if found is None:
            found = self._vjps[needs, have, again] = VjpKernel(self, needs, have, again)
        return found

    def projection(self, i: int) -> Kernel:
        """The kernel that picks output ``i`` of this kernel."""
        if self.projections is None:
            self.projections = tuple(_pick(self, k, a) for k, a in enumerate(self.outputs))
        return self.projections[i]

    @property
    def saves(self) -> bool:
        """Does the backward need anything computed from the tensors given to the forward? (PyTorch
        can go a second time through a node that saved nothing.)"""
        if self._saves is None:
            key = self._likeness()
            self._saves = _saves.get(key)
            if self._saves is None:
                self._saves = self._saves_anything()
                if key is not None:
                    _saves[key] = self._saves
        return self._saves

    def _likeness(self) -> tuple | None:
        """What kernels have in common that save alike: sizes matter only where they are 0 or 1."""
        key = (
            self.op, *(self.statics or {}).items(),
            *((a.kind, a.dtype, *(min(n, 2) for n in a.shape)) for a in self.avals),
        )  # fmt: skip
        try:
            hash(key)
        except TypeError:  # a static argument that is a list, say
            return None
        return None if self.op is None else key

    def _saves_anything(self) -> bool:
        needs = tuple(differentiable(a) for a in self.avals)

        def residuals(*given):
            _, _, pull = self.linearize(self._with_nones(given), needs)
            return [r for r in jax.tree.leaves(pull) if isinstance(r, jax.core.Tracer)]

        with jax.enable_x64(True):
            jaxpr = jaxprs.jaxpr_of(residuals, self._shaped()).jaxpr
        given = [a for a in self.avals if a.kind != "none"]
        from_tensors = {v for v, a in zip(jaxpr.invars, given, strict=True) if a.kind == "array"}
        for equation in jaxpr.eqns:
            if any(type(v).__name__ == "Var" and v in from_tensors for v in equation.invars):
                from_tensors.update(equation.outvars)
        return any(type(v).__name__ == "Var" and v in from_tensors for v in jaxpr.outvars)

    def __repr__(self) -> str:
        statics = ", ".join(f"{k}={v}" for k, v in (self.statics or {}).items())
        return f"{self.name}({', '.join(map(repr, self.avals))}{'; ' + statics if statics else ''})"


def _aval_from(struct, place: str) -> Aval:
    return aval_of(struct.shape, dtypes.from_numpy_dtype(struct.dtype), place)


def _pick(kernel: Kernel, index: int, aval: Aval) -> Kernel:
    picked = Kernel(
        f"{kernel.name}[{index}]", None, None, (kernel.out,), lambda _, outs: outs[index], out=aval,
        nondiff=not kernel.carries_grad,
    )  # fmt: skip
    picked.index = index
    return picked


class VjpKernel(Kernel):
    """The gradient of ``base``. Lowered beside its base in one program, both share a single
    ``jax.vjp``, so that the forward pass is computed once."""

    __slots__ = ("base", "needs", "have", "again")

    def __init__(self, base: Kernel, needs: tuple, have: tuple, again: bool = False):
        self.base = base
        self.again = again
        self.needs = needs
        self.have = have
        outs = base.outputs or (base.out,)
        grads = tuple(a for a, need in zip(base.avals, needs, strict=True) if need)
        cotangents = tuple(a for a, h in zip(outs, have, strict=True) if h)
        super().__init__(
            base.name + "_backward", base.op, base.statics, base.avals + cotangents, self._run,
            out=grads[0] if len(grads) == 1 else grads,
        )  # fmt: skip
        self.site = base.site
        if getattr(getattr(base.op, "vjp", None), "checks", False):
            self._infer()  # what it checks

    @property
    def _small(self) -> bool:
        return super()._small and self.base._small and self.base._cold is not False

    def _run(self, reverse, *arrays):
        n = len(self.base.avals)
        _, _, pull = self.base.linearize(arrays[:n], self.needs)
        return self.pull(pull, self.needs, arrays[n:])

    def pull(self, pullback, needs: tuple, cotangents):
        """Gradients from a pullback made for ``needs``, a superset of this kernel's own."""
        given = iter(cotangents)
        full = []
        for aval, h in zip(self.base.outputs or (self.base.out,), self.have, strict=True):
            if differentiable(aval):
                full.append(next(given) if h else jnp.zeros(aval.shape, aval.dtype.numpy))
        before, _checks.of_gradients = _checks.of_gradients, not self.again
        try:
            grads = iter(pullback(tuple(full)))
        finally:
            _checks.of_gradients = before
        mine = []
        for theirs, own in zip(needs, self.needs, strict=True):
            grad = next(grads) if theirs else None
            if own:
                mine.append(grad)
        return mine[0] if len(mine) == 1 else tuple(mine)
