"""How autocast casts: a mode that sees every op, and the state that says where it is on.

The state is each thread's own, as in PyTorch. A parameter that is cast to the lower precision is
cast once in a region; the cast lives as long as the graph that uses it, so a region may hold a
whole training loop.
"""

from __future__ import annotations

import threading
import weakref

import jax

from jaxtorch import dtypes
from jaxtorch.amp import op_lists
from jaxtorch.amp.op_lists import BANNED, FLOAT32, FLOAT32_RESULT, LOWER
from jaxtorch.engine.aliases import cast
from jaxtorch.engine.backward import is_leaf
from jaxtorch.engine.graph import MODES, STATE, Node
from jaxtorch.ops._dispatch import dispatch

DEFAULTS = {"cpu": dtypes.bfloat16, "cuda": dtypes.float16}
_TABLES = {
    "cpu": (op_lists.CPU, op_lists.CPU_FORMS),
    "cuda": (op_lists.GPU, op_lists.GPU_FORMS),
}


class _State(threading.local):
    def __init__(self):
        self.enabled = dict.fromkeys(DEFAULTS, False)
        self.dtype = dict(DEFAULTS)
        self.cache_enabled = True
        self.nesting = 0
        self.installed = False
        self.cache = weakref.WeakKeyDictionary()  # Node of a leaf -> {(dtype, grad): weak Node}


state = _State()


def install() -> None:
    """Put the mode in place if any device's autocast is on, take it away if none is."""
    wanted = any(state.enabled.values())
    if wanted == state.installed:
        return
    state.installed = wanted
    MODES[0] += 1 if wanted else -1
    mode = _casting if wanted else None
    if STATE.watched:
        STATE.noted = mode  # who watches goes first and hands on to this one
    else:
        STATE.mode = mode


def _casting(operation, slots: tuple, statics: dict, viewed):
    nodes = [n for s in slots for n in (s if s.__class__ is tuple else (s,)) if _is_tensor(n)]
    device = next((d for d in map(_device, nodes) if state.enabled.get(d)), None)
    if device is None:
        return dispatch(operation, slots, statics, viewed)
    table, forms = _TABLES[device]
    rule = table.get(operation.name)
    if rule is not None and operation.name in forms:
        if not forms[operation.name]([n.aval for n in nodes], statics):
            rule = None
    if rule is None:
        return dispatch(operation, slots, statics, viewed)
    if rule is BANNED:
        raise RuntimeError(
            f"torch.nn.functional.{operation.name} and torch.nn.BCELoss are unsafe to autocast.\n"
            "Combine the sigmoid and the loss in torch.nn.functional.binary_cross_entropy_with_"
            "logits or torch.nn.BCEWithLogitsLoss, which are safe to autocast."
        )
    if rule is FLOAT32_RESULT and statics.get("dtype") is not None:
        return dispatch(operation, slots, statics, viewed)
    wanted = _wanted(rule, device, nodes)
    slots = tuple(
        tuple(_fitted(n, device, wanted) for n in s)
        if s.__class__ is tuple
        else _fitted(s, device, wanted)
        for s in slots
    )
    return dispatch(operation, slots, statics, viewed)


def _wanted(rule: str, device: str, nodes: list):
    lower = state.dtype[device]
    if rule is LOWER:
        return lower
    if rule in (FLOAT32, FLOAT32_RESULT):
        return dtypes.float32
    found = {n.aval.dtype for n in nodes if _eligible(n, device)}
    if not found <= {lower, dtypes.float32}:
        raise RuntimeError(f"Unexpected floating ScalarType in autocast: {found}")
    return dtypes.float32 if dtypes.float32 in found else lower


def _is_tensor(node) -> bool:
    return node.__class__ is Node and node.aval.dtype is not None


def _device(node) -> str:
    if node.aval.kind == "traced":  # a tracer has no place yet: it will be where JAX computes
        return "cpu" if jax.default_backend() == "cpu" else "cuda"
    return node.aval.place.partition(":")[0]


def _eligible(node, device: str) -> bool:
    dtype = node.aval.dtype
    return dtype.is_floating_point and dtype is not dtypes.float64 and _device(node) == device


def _fitted(node, device: str, wanted):
    if not _is_tensor(node) or node.aval.dtype is wanted or not _eligible(node, device):
        return node
    if not (state.cache_enabled and _cacheable(node, device, wanted)):
        return cast(node, wanted)
    casts = state.cache.setdefault(node, {})
    key = wanted, STATE.grad
    known = casts.get(key)
    found = known() if known is not None else None
    if found is None:
        found = cast(node, wanted)
        casts[key] = weakref.ref(found)
    return found


def _cacheable(node, device: str, wanted) -> bool:
    return (
        wanted is state.dtype[device]
        and node.aval.dtype is dtypes.float32
        and node.aval.kind != "traced"
        and node.requires_grad
        and is_leaf(node)
    )
