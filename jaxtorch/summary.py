"""What a model is and what it will cost: a table, made without running anything.

The model is traced with the shapes of its inputs. XLA's own cost analysis says what each module's
operations are worth, and the compiler how much memory a training step needs at its peak.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from jaxtorch import devices, random
from jaxtorch.engine.handles import jax_device
from jaxtorch.func import functional_call, value_and_grad
from jaxtorch.nn.modules import _hooks
from jaxtorch.nn.modules.module import Module
from jaxtorch.tensor import Tensor

__all__ = ["Row", "Summary", "summary"]

_WORDS = jax.ShapeDtypeStruct((2,), np.uint32)  # of a random key


@dataclass
class Row:
    """One call of a module."""

    path: str
    kind: str
    depth: int
    output: str
    parameters: int  # in it and below it, each once
    flops: float
    bytes: float


@dataclass
class Memory:
    """What a training step needs, in bytes; ``capacity`` is the device's, None if it does not
    say."""

    arguments: int
    results: int
    temporaries: int
    reused: int
    capacity: int | None
    device: str

    @property
    def peak(self) -> int:
        return self.arguments + self.results + self.temporaries - self.reused


@dataclass
class Summary:
    """What :func:`summary` found. ``str()`` of it is the table."""

    rows: list[Row]
    parameters: int
    trainable: int
    buffers: int
    flops: float
    bytes: float
    step_flops: float | None = None
    memory: Memory | None = None
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return _table(self)

    def __repr__(self) -> str:
        return f"<Summary: {len(self.rows)} calls, {self.parameters:,} parameters>"


def summary(
    model: Module, *inputs: Any, optimizer: Any = "adam", loss: Any = None,
    depth: int | None = None, verbose: bool = True, **kwargs: Any,
) -> Summary:  # fmt: skip
    """Print a table of a model's modules: path, output shape, parameters, FLOPs, bytes; and the
    peak memory of a training step against the device's. Nothing is run, and no input is looked at
    but for its shape.

    Args:
        inputs, kwargs: what the model is called with. Tensors need no values:
            ``torch.empty(8, 3, 224, 224)`` costs nothing.
        optimizer: an optax transformation, "adam" or "sgd", for the training step; None for no
            training step (a large model's takes a while to compile).
        loss: ``loss(output)`` to be minimised; by default the mean of all that is floating point.
        depth: how deep to show modules; all by default. Deeper ones are counted all the same.

    FLOPs and bytes are XLA's of the forward pass before it fuses anything: an upper bound of what
    is moved. The body of a loop (a recurrent layer's) counts once.
    """
    args, kwargs = _shaped((inputs, kwargs))
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    state = {name: _abstract(tensor) for name, tensor in named.items()}
    calls = _traced_calls(model, state, args, kwargs)
    cost = _Costs()
    rows = [cost.row(call) for call in calls]
    total = cost.of(model, args, kwargs)
    parameters = dict(model.named_parameters())
    found = Summary(
        rows=[row for row in rows if depth is None or row.depth <= depth],
        parameters=_count(parameters.values()),
        trainable=_count(p for p in parameters.values() if p.requires_grad),
        buffers=sum(tensor.nbytes for _, tensor in model.named_buffers()),
        flops=total[0], bytes=total[1],
    )  # fmt: skip
    if optimizer is not None and found.trainable:
        found.step_flops, found.memory = _training_step(model, state, args, kwargs, optimizer, loss)
    if verbose:
        print(found)
    return found


def _count(tensors) -> int:
    return sum(tensor.numel() for tensor in tensors)


# -- tracing ----------------------------------------------------------------------------------


def _is_tensor(value) -> bool:
    return isinstance(value, Tensor)


def _abstract(tensor: Tensor) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(tensor.shape), tensor.dtype.numpy)


def _shaped(tree):
    """The tree with shapes in the place of Tensors; what else is in it stays."""
    return jax.tree.map(
        lambda leaf: _abstract(leaf) if _is_tensor(leaf) else leaf, tree, is_leaf=_is_tensor
    )


def _opened(tree) -> tuple[list, Any]:
    """(the shapes in a tree, a function that puts arrays in their place, as Tensors)."""
    leaves, form = jax.tree.flatten(tree)
    shapes = [leaf for leaf in leaves if isinstance(leaf, jax.ShapeDtypeStruct)]

    def filled(arrays):
        arrays = iter(arrays)
        values = [
            Tensor(next(arrays)) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf
            for leaf in leaves
        ]
        return jax.tree.unflatten(form, values)

    return shapes, filled


def _tensors(arrays: dict) -> dict[str, Tensor]:
    return {name: Tensor(array) for name, array in arrays.items()}


@dataclass
class _Call:
    module: Module
    path: str
    depth: int
    args: Any
    kwargs: Any
    output: Any = None


def _traced_calls(model: Module, state: dict, args, kwargs) -> list[_Call]:
    """Every module's calls, in the order in which they begin."""
    paths: dict[int, str] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        paths.setdefault(id(module), path)
    calls: list[_Call] = []
    running: list[_Call] = []

    def before(module, given):
        if id(module) in paths:
            call = _Call(module, paths[id(module)], len(running), given, {})
            calls.append(call)
            running.append(call)

    def after(module, given, named, output):
        if id(module) in paths:
            call = running.pop()
            call.args, call.kwargs, call.output = map(_shaped, (given, named, output))

    shapes, filled = _opened((args, kwargs))

    def run(words, state, arrays):
        with random.keys_from(words):
            given, named = filled(arrays)
            functional_call(model, _tensors(state), given, named)

    # What a forward leaves in a module is of this trace, and goes with it.
    kept = [(vars(module), dict(vars(module))) for module in model.modules()]
    handles = [
        _hooks.register_module_forward_pre_hook(before),
        _hooks.register_module_forward_hook(after, with_kwargs=True),
    ]
    try:
        with jax.enable_x64(True):
            jax.eval_shape(run, _WORDS, state, shapes)
    finally:
        for handle in handles:
            handle.remove()
        for own, before_it in kept:
            own.clear()
            own.update(before_it)
    return calls


# -- what it costs ----------------------------------------------------------------------------


class _Costs:
    """(FLOPs, bytes) of a module's call: of equal modules, asked once."""

    def __init__(self):
        self.known: dict[Any, tuple[float, float]] = {}

    def row(self, call: _Call) -> Row:
        flops, moved = self.of(call.module, call.args, call.kwargs)
        return Row(
            call.path, type(call.module).__name__, call.depth, _shapes(call.output),
            _count(call.module.parameters()), flops, moved,
        )  # fmt: skip

    def of(self, module: Module, args, kwargs) -> tuple[float, float]:
        named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        state = {name: _abstract(tensor) for name, tensor in named.items()}
        key = (type(module), repr(module), module.training, repr((args, kwargs)), repr(state))
        if key not in self.known:
            self.known[key] = self._asked(module, state, args, kwargs)
        return self.known[key]

    def _asked(self, module: Module, state: dict, args, kwargs) -> tuple[float, float]:
        shapes, filled = _opened((args, kwargs))

        def run(words, state, arrays):
            with random.keys_from(words):
                given, named = filled(arrays)
                output = functional_call(module, _tensors(state), given, named)
            return [leaf.jax() for leaf in _leaves(output)]

        with jax.enable_x64(True):
            lowered = jax.jit(run).lower(_WORDS, state, shapes)
        said = lowered.cost_analysis() or {}
        return said.get("flops", 0.0), said.get("bytes accessed", 0.0)


def _leaves(output) -> list[Tensor]:
    return [leaf for leaf in jax.tree.leaves(output, is_leaf=_is_tensor) if _is_tensor(leaf)]


def _transformation(optimizer):
    import optax

    if isinstance(optimizer, str):
        made = {"adam": optax.adam, "sgd": optax.sgd}.get(optimizer)
        if made is None:
            raise ValueError(f"summary(optimizer={optimizer!r}): 'adam', 'sgd' or an optax one")
        return made(1e-3)
    return optimizer


def _training_step(model: Module, state: dict, args, kwargs, optimizer, loss):
    """(FLOPs, Memory) of a step as the engine compiles it: what is replaced is reused."""
    import optax

    transformation = _transformation(optimizer)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    parameters = {name: shape for name, shape in state.items() if name in trained}
    fixed = {name: shape for name, shape in state.items() if name not in trained}
    shapes, filled = _opened((args, kwargs))
    measure = _mean if loss is None else loss

    def step(words, parameters, moments, fixed, arrays):
        def objective(parameters):
            held = _tensors(fixed)
            with random.keys_from(words):
                given, named = filled(arrays)
                output = functional_call(model, {**parameters, **held}, given, named)
                return measure(output), {name: t.jax() for name, t in held.items()}

        given = {name: Tensor(array) for name, array in parameters.items()}
        (value, fixed), grads = value_and_grad(objective, has_aux=True)(given)
        grads = {name: grad.jax() for name, grad in grads.items()}
        updates, moments = transformation.update(grads, moments, parameters)
        return optax.apply_updates(parameters, updates), moments, fixed, value.jax()

    with jax.enable_x64(True):
        moments = jax.eval_shape(transformation.init, parameters)
        jitted = jax.jit(step, donate_argnums=(1, 2, 3))
        compiled = jitted.lower(_WORDS, parameters, moments, fixed, shapes).compile()
    flops = (compiled.cost_analysis() or {}).get("flops")
    said = compiled.memory_analysis()
    if said is None:
        return flops, None
    place = str(next(iter(model.parameters())).device)
    return flops, Memory(
        said.argument_size_in_bytes, said.output_size_in_bytes, said.temp_size_in_bytes,
        said.alias_size_in_bytes, _capacity(place), place,
    )  # fmt: skip


def _mean(output) -> Tensor:
    kept = [leaf for leaf in _leaves(output) if leaf.is_floating_point()]
    if not kept:
        raise TypeError("the model's output has nothing to differentiate: give summary() a loss")
    return functools.reduce(lambda a, b: a + b, [leaf.float().mean() for leaf in kept])


def _capacity(place: str) -> int | None:
    """The memory of a device: what JAX may have of an accelerator's, all of the host's."""
    said = jax_device(place).memory_stats() or {}
    if "bytes_limit" in said:
        return int(said["bytes_limit"])
    if devices.device(place).type == "cpu" and hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


# -- the table --------------------------------------------------------------------------------


def _shapes(output) -> str:
    leaves = jax.tree.leaves(output)
    shapes = [list(leaf.shape) for leaf in leaves if isinstance(leaf, jax.ShapeDtypeStruct)]
    text = ", ".join(map(str, shapes[:3])) + (", ..." if len(shapes) > 3 else "")
    return text or "-"


def _short(number: float, unit: str = "", step: float = 1000.0) -> str:
    for prefix in ("", "K", "M", "G", "T"):
        if number < step or prefix == "T":
            digits = 0 if not prefix and float(number).is_integer() else 2
            return f"{number:,.{digits}f} {prefix}{unit}".rstrip()
        number /= step
    raise AssertionError("unreachable")


def _size(number: float) -> str:
    return _short(number, "B")


def _table(found: Summary) -> str:
    heads = ("Module", "Output", "Parameters", "FLOPs", "Bytes")
    lines = [
        (
            "  " * row.depth + (f"{row.path} ({row.kind})" if row.path else row.kind),
            row.output, f"{row.parameters:,}", _short(row.flops), _size(row.bytes),
        )
        for row in found.rows
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))

    def line(cells) -> str:
        texts = [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(texts).rstrip()

    text = [line(heads), rule, *map(line, lines), rule]
    text.append(
        f"Parameters: {found.parameters:,} ({found.trainable:,} trainable), buffers: "
        f"{_size(found.buffers)}"
    )
    text.append(f"Forward: {_short(found.flops)} FLOPs, {_size(found.bytes)} moved before fusion")
    if found.memory is not None:
        text += _memory_lines(found)
    return "\n".join(text)


def _memory_lines(found: Summary) -> list[str]:
    memory = found.memory
    assert memory is not None
    flops = "" if found.step_flops is None else f"{_short(found.step_flops)} FLOPs, "
    lines = [
        f"Training step: {flops}peak memory {_size(memory.peak)} "
        f"(state and inputs {_size(memory.arguments)}, in between {_size(memory.temporaries)})"
    ]
    if memory.capacity is not None:
        share = memory.peak / memory.capacity
        verdict = "fits" if share <= 1 else "DOES NOT FIT"
        lines.append(
            f"Device {memory.device}: {_size(memory.capacity)}, of which the step needs "
            f"{share:.1%}: it {verdict}"
        )
    return lines
