"""Evaluation: a group of pending nodes becomes arrays, by interpreting or by compiling.

The structure of a group (kernels, wiring) is a tuple of ints, and the key of everything learnt
about it. Interpreting runs each node through its kernel's own small ``jax.jit``; compiling makes
one XLA program of the whole. ``policy`` decides, from what each is expected to cost.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import OrderedDict
from typing import Any

import jax
import numpy as np
from jax._src.core import trace_state_clean

from jaxtorch.engine import cold, disk_cache, foresight, graph, inspect, meta, sweeping
from jaxtorch.engine.graph import NOTHING, Node, Number
from jaxtorch.engine.handles import array_of_numpy
from jaxtorch.engine.kernels import COMPILING, FOR_DEEP
from jaxtorch.engine.lowering import COMPLEXES, FLOATS, INTS, NONE, lower
from jaxtorch.exceptions import OutOfMemoryError, is_out_of_memory

LOCK = threading.RLock()
STRUCTURES: OrderedDict[tuple, Structure] = OrderedDict()
MOST_STRUCTURES = 4096  # the least recently used is forgotten past it, with its programs
verifier: Any = None  # evaluates in place of what follows, while verify.py's mode is on


class Structure:
    """What is known of groups with one key."""

    __slots__ = (
        "key", "nodes", "programs", "seen", "streak", "tick", "seconds", "estimate", "sites",
        "backed",
        "foreseen", "wasted",
    )  # fmt: skip

    def __init__(self, key, nodes: int, estimate: float):
        self.key = key
        self.nodes = nodes
        self.programs: dict[tuple, Program] = {}
        self.seen = 0
        self.streak = 0  # how often it came back with hardly any other cold structure between
        self.tick = -9
        self.seconds = 0.0  # spent interpreting it
        self.estimate = estimate  # of the seconds that compiling it takes
        self.sites: list = []  # its kernels and where they were called, for explain()
        self.backed: set[int] = set()  # roots that were backpropagated after a look (foresight.py)
        self.foreseen = None
        self.wasted = 0


class Program:
    """One compiled XLA program of a structure, with the nodes whose values it returns."""

    __slots__ = ("compiled", "jitted", "wanted", "donated", "messages", "orders")

    def __init__(self, compiled, jitted, wanted, donated, messages):
        self.compiled = compiled
        self.jitted = jitted  # what it was compiled from
        self.wanted = wanted
        self.donated = donated  # indices of arguments
        self.messages = messages  # [(position, text)] of its deferred checks
        self.orders: dict[tuple, list[int]] = {}  # wanted positions -> where they are among ours


# ---------------------------------------------------------------------------------------------
# The policy


class Policy:
    """Seconds, measured on two CPU cores (see examples/benchmarks/first_steps.py): a kernel
    compiled by itself, a node's share of a whole program's compilation, a kernel called by
    itself."""

    kernel = COMPILING
    node = 0.020
    call = 20e-6
    largest = 6000  # nodes: larger structures are always interpreted
    streak = 3  # sightings in a row that make a structure hot,
    patience = 0.5  # or this many for each second that compiling it is thought to take
    bounded = 0.1  # of the estimate, spent interpreting: what is evaluated for its length alone
    force: str | None = None  # "interpret" or "compile": for tests and for measuring

    tick = 0


def should_compile(structure: Structure, unseen: int, uncompiled: int) -> bool:
    """Compile now? To interpret it, ``uncompiled`` kernels of the structure would have to be
    compiled by themselves, and ``unseen`` ones of its kernels have been in no structure before."""
    if Policy.force:
        return Policy.force == "compile"
    if structure.nodes > Policy.largest:
        return False
    if uncompiled * Policy.kernel >= structure.estimate:
        return True
    if structure.seen == 1 and unseen:
        # Interpreting means compiling those kernels one by one, and later the whole all the same.
        return unseen * Policy.kernel > 0.4 * structure.estimate
    if _at_the_bound[0]:
        # A long loop of small ops comes back as a step of training does, and ends before the ten
        # seconds that thousands of nodes take to compile have paid.
        return structure.seconds > Policy.bounded * structure.estimate
    # A loop over time steps in Python (Mamba, RWKV: 2000 to 4000 nodes) takes 0.05 s a step
    # interpreted and half a minute to compile: what comes back often enough will do so again.
    often = max(Policy.streak, structure.estimate * Policy.patience)
    return structure.streak >= often or structure.seconds > structure.estimate


def _note_sighting(structure: Structure) -> None:
    structure.seen += 1
    Policy.tick += 1
    near = Policy.tick - structure.tick <= 2
    structure.streak = structure.streak + 1 if near else 1
    structure.tick = Policy.tick


# ---------------------------------------------------------------------------------------------


def force(node: Node):
    """The value of ``node``, computed now if need be."""
    if node.value is None:
        evaluate((node,), look=True)
    read_checks(block=False)
    return node.value


def evaluate(roots, look: bool = False) -> None:
    """Compute ``roots`` and every other node with a live handle that hangs together with them.

    ``look`` tells somebody's look at a value from the end of a step."""
    try:
        with LOCK, _outside_traces():
            for root in roots:
                if root.value is None:
                    _evaluate_group(root, look)
    except jax.errors.JaxRuntimeError as error:
        if is_out_of_memory(error):
            raise OutOfMemoryError(str(error)) from error
        raise


@contextlib.contextmanager
def _outside_traces():
    # 64-bit types are on around the whole call, so that tracing, transposing, lowering and
    # compiling all see them; an enclosing jax trace must not lift what is computed here.
    if trace_state_clean():
        with jax.enable_x64(True):
            yield
    else:
        with jax.ensure_compile_time_eval(), jax.enable_x64(True):
            yield


def _needed(root: Node):
    """(nodes to compute in record order, those of them that are wanted, where to cut).

    The cut is the place of the first node that takes a leaf's pending value: what computes
    parameters (initial values, a step written by hand) is a program of its own, or no two steps
    would be alike.
    """
    group = root.group
    members = group.nodes if group is not None else []
    if group is not None and not group.sorted:
        members.sort(key=graph._by_sequence)
        group.sorted = True
    wanted = [n for n in members if n.live or n is root]
    if meta.in_use[0]:
        wanted = [n for n in wanted if not meta.is_meta(n)]
    if group is None:
        wanted = [root]
    need = set(wanted)
    extra = [] if group is not None else [root]
    cut = 0
    for n in reversed(members):
        if n in need:
            for i in n.inputs:
                if i.value is None and i is not NOTHING:
                    if i.meta is not None and i.meta.leaf:
                        cut = n.seq
                    if i not in need:
                        need.add(i)
                        if i.group is not group:
                            extra.append(i)
    todo = list(extra)
    while todo:  # ancestors that an earlier evaluation left uncomputed, kept by autograd
        for i in todo.pop().inputs:
            if i.value is None and i not in need and i is not NOTHING:
                need.add(i)
                extra.append(i)
                todo.append(i)
    nodes = [n for n in members if n in need]
    if extra:
        nodes = sorted({*nodes, *extra}, key=graph._by_sequence)
    return nodes, wanted, cut


def _wire(nodes):
    """The structure's key, and the values that its programs take."""
    index: dict = {NOTHING: NONE}
    by_array: dict[int, int] = {}
    key: list[int] = []
    add = key.append
    leaves: list = []
    floats: list = []
    ints: list = []
    complexes: list = []
    position = 0
    for n in nodes:
        add(n.kernel.id)
        for i in n.inputs:
            code = index.get(i)
            if code is None:
                if i.__class__ is Number:
                    value = i.value
                    if value.__class__ is float:
                        code = FLOATS - len(floats)
                        floats.append(value)
                    elif value.__class__ is complex:
                        code = COMPLEXES - len(complexes)
                        complexes.append(value)
                    else:
                        code = INTS - len(ints)
                        ints.append(value)
                else:
                    array = i.value
                    code = by_array.get(id(array))
                    if code is None:
                        leaves.append(array)
                        code = by_array[id(array)] = -len(leaves)
                index[i] = code
            add(code)
        index[n] = position
        position += 1
    if floats:
        leaves.append(np.array(floats, np.float64))
    if ints:
        leaves.append(np.array(ints, np.int64))
    if complexes:
        leaves.append(np.array(complexes, np.complex128))
    return tuple(key), index, leaves, (bool(floats), bool(ints), bool(complexes))


def _evaluate_group(root: Node, look: bool) -> None:
    if meta.in_use[0] and meta.is_meta(root):
        if look:
            raise meta.refusal()
        return meta.conclude(root)
    group = root.group
    nodes, wanted, cut = _needed(root)
    if cut:
        before = [n for n in nodes if n.seq < cut]
        taken = {i for n in nodes if n.seq >= cut for i in n.inputs}
        keep = set(wanted) | taken
        _evaluate_nodes(before, [n for n in before if n in keep], False)
        if group is not None:
            group.nodes = [n for n in group.nodes if n.seq >= cut]
        if root.value is None:
            _evaluate_group(root, look)
        elif group is not None:
            rest = next((n for n in group.nodes if n.live), None)
            if rest is not None:
                _evaluate_group(rest, look)
        return
    wired = _wire(nodes)
    structure = STRUCTURES.get(wired[0])
    if look and structure is not None and structure.backed and foresight.foresee(structure, nodes):
        group = root.group
        nodes, wanted, _ = _needed(root)
        # A backward into what an earlier look computed may be another one each time: decoding
        # that is looked at step by step. It is compiled when it comes back, like anything else.
        whole = all(n.group is group for n in nodes)
        if group is not None:
            group.dissolve()
        _evaluate_nodes(nodes, wanted, False, compile_now=whole)
        return
    if group is not None:
        group.dissolve()
    _evaluate_nodes(nodes, wanted, look, wired)


def _evaluate_nodes(nodes, wanted, look: bool, wired=None, compile_now: bool = False) -> None:
    """Compute ``nodes`` (in record order, with all they need) and keep the values of ``wanted``."""
    key, index, leaves, packs = wired or _wire(nodes)
    wired = None
    positions = tuple([index[n] for n in wanted])
    structure = STRUCTURES.get(key)
    if structure is None:
        structure = _first_sight(key, nodes)
    else:
        STRUCTURES.move_to_end(key)
    if look:
        foresight.note_look(structure, wanted, positions)
    inspect.COUNTS.evaluations += 1
    if verifier is not None:
        verifier(structure, nodes, positions, leaves, packs)
        return
    program = structure.programs.get(positions) or _serving(structure, positions)
    if program is None:
        unseen = _mark_seen(nodes)
        _note_sighting(structure)
        if not (compile_now or should_compile(structure, unseen, _uncompiled(nodes))):
            started = time.perf_counter()
            try:
                interpret(nodes)
            finally:
                settle(nodes)
            structure.seconds += time.perf_counter() - started
            inspect.COUNTS.interpreted += 1
            return
        program = _compile(structure, nodes, positions, leaves, packs)
    _run(program, nodes, wanted, positions, leaves, index)


def _first_sight(key, nodes) -> Structure:
    estimate = 0.05 + Policy.node * sum(1 for n in nodes if not n.kernel.trivial)
    structure = STRUCTURES[key] = Structure(key, len(nodes), estimate)
    if len(STRUCTURES) > MOST_STRUCTURES:
        STRUCTURES.popitem(last=False)
    inspect.note_structure(structure, nodes)
    return structure


def _serving(structure: Structure, positions) -> Program | None:
    """A program that returns at least what is wanted, though not exactly that."""
    wanted = set(positions)
    for program in structure.programs.values():
        if wanted <= set(program.wanted):
            structure.programs[positions] = program
            return program
    return None


def _mark_seen(nodes) -> int:
    unseen = 0
    for n in nodes:
        kernel = n.kernel
        if not kernel.seen:
            kernel.seen = True
            unseen += not kernel.trivial and not kernel.may_run_cold
    return unseen


def _uncompiled(nodes) -> int:
    return len(
        {
            k for n in nodes
            if not (k := n.kernel).trivial and k._compiled is None and not k.may_run_cold
        }
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------
# Compiled


def _compile(structure, nodes, positions, leaves, packs) -> Program:
    plan, replaced = [], {}
    codes = iter(structure.key)
    for position, n in enumerate(nodes):
        kernel = n.kernel
        next(codes)
        wiring = tuple([next(codes) for _ in n.inputs])
        plan.append((kernel, wiring))
        if kernel.index is not None:
            source, inputs = plan[wiring[0]] if wiring[0] >= 0 else (kernel, ())
            if kernel.index < len(source.donates):
                leaf = inputs[source.donates[kernel.index]]
                if FLOATS < leaf < 0:
                    replaced[position] = -leaf - 1
    # JAX gives the donated arrays, in order, to the outputs of their shape, in order. So those that
    # replace an argument come first, as the arguments do: otherwise each output is written into
    # another one's array, and XLA copies both (an Adam step of 3 M parameters took 25 ms, not 10).
    asked = positions
    positions = tuple(sorted(asked, key=lambda p: (p not in replaced, replaced.get(p, 0))))
    function, messages = lower(plan, positions, len(leaves), packs)
    donated = tuple(sorted({replaced[p] for p in positions if p in replaced}))
    started = time.perf_counter()
    with disk_cache.in_force():
        jitted = jax.jit(function, donate_argnums=donated)
        with sweeping.put_off():
            lowered = jitted.lower(*leaves)
        deep = any(n.kernel.is_deep for n in nodes)
        compiled = lowered.compile(FOR_DEEP if deep else None)
    inspect.note_compiled(structure, nodes, time.perf_counter() - started)
    program = Program(compiled, jitted, positions, donated, messages)
    structure.programs[asked] = program
    return program


def _run(program: Program, nodes, wanted, positions, leaves, index) -> None:
    sites = [nodes[p].site_or_none for p, _ in program.messages]
    if program.wanted != positions:
        order = program.orders.get(positions)
        if order is None:
            places = {p: i for i, p in enumerate(positions)}
            order = program.orders[positions] = [places.get(p, -1) for p in program.wanted]
        wanted = [*wanted, None]
        wanted = [wanted[i] for i in order]
    if program.donated:
        # Let go of the graph first: then an array that nobody else holds is held by `leaves` alone.
        nodes.clear()
        index.clear()
        for n in wanted:
            if n is not None and not _pinned(n):
                n.inputs = ()
        for k in program.donated:
            if sys.getrefcount(leaves[k]) > 2:
                leaves[k] = _copy(leaves[k])
    try:
        outs = program.compiled(*leaves)
    except ValueError as error:
        if "sharding" not in str(error):
            raise
        # The arguments lie on other devices than they did: from now on JAX looks each time.
        program.compiled = program.jitted
        outs = program.compiled(*leaves)
    if program.messages:
        *outs, flags = outs
        PENDING_CHECKS.append((flags, [m for _, m in program.messages], sites))
    for n, value in zip(wanted, outs, strict=True):
        if n is not None:
            n.value = value
            if not _pinned(n):
                n.inputs = ()


def _copy(array):
    """Other memory with the same values."""
    if len(array.sharding.device_set) == 1 and array.devices().pop().platform == "cpu":
        # JAX would compile a program for it
        return jax.device_put(np.array(array), array.sharding if array._committed else None)
    return array.copy()


def _pinned(n: Node) -> bool:
    """Do autograd's edges still need the inputs of this computed node?"""
    return n.requires_grad and n.edges is None and (n.meta is None or not n.meta.leaf)


# ---------------------------------------------------------------------------------------------
# Interpreted


def _run_kernel(kernel, arrays):
    if kernel._compiled is not None:
        return kernel(*arrays)
    if kernel.runs_cold and not any(
        a.__class__ is not np.ndarray and getattr(a, "_committed", False) for a in arrays
    ):
        return kernel.run_cold(arrays)
    with disk_cache.in_force():
        return kernel(*arrays)


def interpret(nodes, run=_run_kernel) -> None:
    """Compute nodes one by one, each by ``run(kernel, arrays)``, which may give NumPy's arrays:
    until ``settle`` those stay what they are."""
    checks: list[tuple] = []
    for n in nodes:
        kernel = n.kernel
        if kernel.index is not None:
            n.value = n.inputs[0].value[kernel.index]
            continue
        if kernel.passes:
            n.value = n.inputs[0].value
            continue
        arrays = [_argument(i) for i in n.inputs]
        out = run(kernel, arrays)
        if kernel.messages:
            n.value, flags = out
            checks += [(f, m, n.site_or_none) for f, m in zip(flags, kernel.messages, strict=True)]
        else:
            n.value = out
    if checks:  # together, so that the first to fail is reported and the rest go with it
        flags, messages, sites = zip(*checks, strict=True)
        on_host = all(f.__class__ is np.ndarray for f in flags)
        PENDING_CHECKS.append(((np if on_host else jax.numpy).stack(flags), messages, sites))


def _argument(i):
    if i.__class__ is not Number:
        return i.value
    value = i.value
    if value.__class__ is float:
        return np.float64(value)
    if value.__class__ is int:
        return np.int64(value)
    return np.asarray(value)


def settle(nodes) -> None:
    """Drop the evaluation edges. What autograd still holds keeps its value, as PyTorch keeps it."""
    for n in nodes:
        if n.value is not None and not _pinned(n):
            n.inputs = ()
    for n in nodes:
        # Held by more than `nodes`, the structure's index, `n` and the call's argument?
        if sys.getrefcount(n) > 4:
            value = n.value
            if value.__class__ is np.ndarray:
                n.value = array_of_numpy(cold.owned(value), n.aval)
            elif value.__class__ is tuple and value[0].__class__ is np.ndarray:
                n.value = tuple(map(array_of_numpy, map(cold.owned, value), n.aval))


# ---------------------------------------------------------------------------------------------
# Deferred checks

PENDING_CHECKS: list[tuple] = []


def read_checks(block: bool) -> None:
    """Raise for the first failed check among the programs that have finished."""
    while PENDING_CHECKS:
        flags, messages, sites = PENDING_CHECKS[0]
        if not (block or flags.__class__ is np.ndarray or flags.is_ready()):
            return
        PENDING_CHECKS.pop(0)
        flags = np.asarray(flags).reshape(-1, 2)
        for (failed, value), message, site in zip(flags, messages, sites, strict=True):
            if failed:
                raise message.error(message.format(value=int(value)) + inspect.at(site))


def evaluate_all() -> None:
    """Evaluate every group that has a live node."""
    for group in list(graph.GROUPS):
        live = [n for n in group.nodes if n.live]
        if live:
            evaluate(live)
        else:
            group.dissolve()


_at_the_bound = [False]  # is what is pending evaluated because it has grown too long?


def _evaluate_full() -> None:
    _at_the_bound[0] = True
    try:
        evaluate_all()
    finally:
        _at_the_bound[0] = False


graph._on_full.append(_evaluate_full)
