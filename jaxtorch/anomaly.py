"""``detect_anomaly``: which op, in which module and line, made the first NaN of a backward pass."""

from __future__ import annotations

import sys
import warnings
import weakref
from contextlib import contextmanager

import numpy as np

from jaxtorch.engine import evaluate, inspect
from jaxtorch.engine.backward import Walk, parents
from jaxtorch.engine.graph import MODES, NOTHING, STATE, Node, Number
from jaxtorch.engine.trace import is_traced
from jaxtorch.gradfn import backward_name
from jaxtorch.ops._dispatch import dispatch

__all__ = [
    "detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_anomaly_enabled",
    "set_detect_anomaly",
]  # fmt: skip

# node -> weak references to the outermost and the innermost module that was running
_modules: weakref.WeakKeyDictionary[Node, tuple] = weakref.WeakKeyDictionary()


class _CheckedWalk(Walk):
    """A backward pass that looks at every gradient as soon as it is recorded."""

    given: list[Node]

    def __init__(self, create_graph: bool):
        super().__init__(create_graph)
        self.given = []

    def step(self, node: Node, cotangent) -> None:
        self.given = []
        try:
            super().step(node, cotangent)
        except Exception as error:
            error.add_note(f"in {backward_name(node)}, of the forward call{_place(node)}")
            raise
        if STATE.anomaly:
            for i, gradient in enumerate(self.given):
                if _has_nan(gradient):
                    raise RuntimeError(_explained(node, i))

    def give(self, node: Node, cotangent: Node) -> None:
        self.given.append(cotangent)
        super().give(node, cotangent)


def _has_nan(node) -> bool:
    if node is NOTHING or node.__class__ is Number or is_traced(node):
        return False
    if node.value is None:
        with _interpreted():
            evaluate.force(node)
    values = node.value if isinstance(node.value, tuple) else (node.value,)
    floating = (np.asarray(v, np.complex128) for v in values if v.dtype.kind not in "biu")
    return any(np.isnan(v).any() for v in floating)


@contextmanager
def _interpreted():
    # Every look has a structure of its own: compiling them would take minutes.
    with evaluate.LOCK:
        before, evaluate.Policy.force = evaluate.Policy.force, "interpret"
        try:
            yield
        finally:
            evaluate.Policy.force = before


def _explained(node: Node, output: int) -> str:
    text = f"Function '{backward_name(node)}' returned nan values in its {output}th output"
    text += f", for the forward call{_place(node)}."
    first = _first_nan(node)
    if first is not None and first is not node:
        text += f" The first nan of the forward pass was made by {first.kernel}{_place(first)}."
    return text


def _first_nan(node: Node) -> Node | None:
    """The earliest op before ``node`` (or itself) with NaN in its value."""
    seen, todo = {node}, [node]
    while todo:
        for parent in parents(todo.pop()):
            if isinstance(parent, Node) and parent not in seen:
                seen.add(parent)
                todo.append(parent)
    made = [n for n in seen if n.kernel is not None and n.kernel.index is None]
    return next((n for n in sorted(made, key=lambda n: n.seq) if _has_nan(n)), None)


def _place(node: Node) -> str:
    """Where the op was called: module path, file and line, as far as they are known."""
    while node.kernel is not None and node.kernel.index is not None and node.inputs:
        node = node.inputs[0]
    site = node.site_or_none or (node.kernel.site if node.kernel is not None else None)
    outer, inner = (m() for m in _modules.get(node, (_nothing, _nothing)))
    if outer is None or inner is None:
        return inspect.at(site)
    path = next((name for name, m in outer.named_modules() if m is inner), "")
    inside = f"'{path}' of {type(outer).__name__}" if path else type(outer).__name__
    return f" in {inside}{inspect.at(site)}"


def _nothing() -> None:
    return None


def _noting(operation, slots, statics, viewed):
    """The mode that sees every op: remembers the user's line, and the modules that are running."""
    out = (STATE.noted or dispatch)(operation, slots, statics, viewed)
    node = (out[0] if isinstance(out, tuple) else out)._node
    while node.kernel is not None and node.kernel.index is not None and node.inputs:
        node = node.inputs[0]
    node.site = inspect.site()
    running = _running_modules()
    if running:
        _modules[node] = weakref.ref(running[-1]), weakref.ref(running[0])
    return out


def _running_modules() -> list:
    """The modules whose methods are on the stack, the innermost first."""
    found: list = []
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_varnames[:1] == ("self",):
            this = frame.f_locals.get("self")
            if hasattr(type(this), "named_modules") and (not found or found[-1] is not this):
                found.append(this)
        frame = frame.f_back
    return found


class set_detect_anomaly:
    """Switch the search for NaN in backward passes on or off, as a call or for a ``with`` block.

    While it is on every gradient is computed and looked at when ``backward`` comes to it; the first
    with a NaN raises RuntimeError naming the op, the module it ran in and the line. Without
    ``check_nan`` only errors raised in a backward are given the forward call's line. It is this
    thread's.
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self.before = STATE.anomaly
        _switch(bool(check_nan) if mode else None)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc) -> None:
        _switch(self.before)


class detect_anomaly(set_detect_anomaly):
    """``set_detect_anomaly(True)`` for a ``with`` block."""

    def __init__(self, check_nan: bool = True):
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection is on: every gradient is computed by itself, which is slow. Use it "
            "to find an error, not to train.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        super().__init__(True, self.check_nan)


def _switch(check_nan: bool | None) -> None:
    if check_nan is not None and STATE.anomaly is None:
        if STATE.watched:
            raise NotImplementedError("anomaly detection while a FlopCounterMode is on")
        STATE.watched = True
        STATE.noted, STATE.mode, STATE.walk = STATE.mode, _noting, _CheckedWalk
        MODES[0] += 1
    elif check_nan is None and STATE.anomaly is not None:
        STATE.mode, STATE.noted, STATE.walk = STATE.noted, None, None
        STATE.watched = False
        MODES[0] -= 1
    STATE.anomaly = check_nan


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """``set_detect_anomaly`` as a call alone."""
    _switch(bool(check_nan) if mode else None)


def is_anomaly_enabled() -> bool:
    return STATE.anomaly is not None


def is_anomaly_check_nan_enabled() -> bool:
    return STATE.anomaly is not False
