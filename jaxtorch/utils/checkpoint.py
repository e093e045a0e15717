"""torch.utils.checkpoint: activations are forgotten and computed again in the backward pass.

A checkpointed function's outputs have one edge in the graph, back to what it took from outside: its
arguments, parameters, anything a closure holds. When backward comes to it the function runs again,
with the random numbers and autocast of the first time, behind a barrier on the gradients that have
arrived: without it XLA would see the same computation twice and keep the first (what
``jax.checkpoint`` does as well, which takes over where JAX itself differentiates). On the CPU XLA
saves little by it, as it orders programs without regard to memory.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import jax
from jax import lax

from jaxtorch import autograd, cuda, left_out, random, saved_tensors
from jaxtorch.amp import casting
from jaxtorch.amp.autocast_mode import autocast
from jaxtorch.autograd.function import PackedByHooks, jax_differentiates, output_of
from jaxtorch.autograd.graph import without_saved_tensors_hooks
from jaxtorch.engine import backward as engine_backward
from jaxtorch.engine.graph import STATE, Node, concrete, now
from jaxtorch.func._trees import arrays, is_tensor, tensors_of, wrapped
from jaxtorch.nn.modules.container import Sequential
from jaxtorch.ops._op import Arrays, op
from jaxtorch.tensor import Tensor, wrap

__all__ = [
    "CheckpointError", "CheckpointFunction", "check_backward_validity", "checkpoint",
    "checkpoint_sequential", "detach_variable", "get_device_states", "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop", "set_device_states",
]  # fmt: skip


class CheckpointError(RuntimeError):
    """A function did something else the second time than it did the first."""


def get_device_states(*args) -> tuple[list[int], list[Tensor]]:
    """The GPUs that the tensors among ``args`` are on, and the states of their generators."""
    found = sorted({t.device.index or 0 for t in tensors_of(args) if t.device.type == "cuda"})
    return found, [cuda.get_rng_state(i) for i in found]


def set_device_states(devices, states, *, device_type: str | None = None) -> None:
    """Give the generators of these GPUs the states that ``get_device_states`` gave."""
    if device_type not in (None, "cuda"):
        raise NotImplementedError(f"set_device_states(device_type={device_type!r})")
    for device, state in zip(devices, states, strict=True):
        cuda.set_rng_state(state, device)


def noop_context_fn():
    """Two contexts that do nothing, for the forward pass and the recomputation."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None):
    """Whether errors list the ops of both runs. They always do."""
    yield


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool):
    """Whether a recomputation ends once all is there that backward needs.

    What is not needed is never computed here: the engine evaluates nothing that nobody asks for.
    """
    yield


def detach_variable(inputs: tuple) -> tuple:
    """The inputs with their Tensors detached, each still requiring a gradient if it did."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: "
            f"{type(inputs).__name__}"
        )
    return tuple(
        x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs
    )


def check_backward_validity(inputs) -> None:
    """Warn if no input requires a gradient."""
    if not any(x.requires_grad for x in inputs if isinstance(x, Tensor)):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2
        )


# ---------------------------------------------------------------------------------------------
# What a run depends on beside its arguments


@op(name="BarrierBackward0")
def _together(values: Arrays):
    """The values as they are, and none before all are there."""
    return tuple(lax.optimization_barrier(values))


class _Surroundings:
    """Random state and autocast as a function met them the first time."""

    def __init__(self, preserve_rng_state: bool):
        self.draws = random.draws_so_far() if preserve_rng_state else None
        self.casts = [
            (device, casting.state.enabled[device], casting.state.dtype[device])
            for device in casting.DEFAULTS
            if casting.state.enabled[device]
        ]

    @contextlib.contextmanager
    def again(self):
        """In here it is as it was; the random state goes on afterwards as if nothing had been."""
        with contextlib.ExitStack() as stack:
            if self.draws is not None:
                stack.enter_context(random.drawing_from(self.draws))
            for device in casting.DEFAULTS:
                if not any(device == name for name, *_ in self.casts):
                    if casting.state.enabled[device]:
                        stack.enter_context(autocast(device, enabled=False))
            for device, enabled, dtype in self.casts:
                stack.enter_context(autocast(device, dtype, enabled, cache_enabled=False))
            yield


@contextlib.contextmanager
def _casting_anew():
    """Parameters that a region has cast already would not be found again in the second run."""
    before, casting.state.cache_enabled = casting.state.cache_enabled, False
    try:
        yield
    finally:
        casting.state.cache_enabled = before


# ---------------------------------------------------------------------------------------------
# Not reentrant: one edge for the whole function


def _replaced(tree, new: dict[int, Tensor]):
    """``tree`` with Tensors exchanged, by id."""
    return jax.tree.map(lambda x: new.get(id(x), x) if is_tensor(x) else x, tree, is_leaf=is_tensor)


def _key(node: Node):
    """What a gradient is captured by: a leaf is its handle, whatever value that has by then."""
    return node.meta if engine_backward.is_leaf(node) else node


class _Recorded:
    """What autograd recorded between ``start`` and a function's outputs."""

    def __init__(self, outputs: list[Tensor], start: int):
        self.outside: dict = {}  # key -> node that was there before, in order of discovery
        inside = set()
        todo = [t._read() for t in outputs]
        while todo:
            node = todo.pop()
            if not node.requires_grad or node in inside:
                continue
            if node.seq <= start or engine_backward.is_leaf(node):
                self.outside.setdefault(_key(node), node)
                continue
            inside.add(node)
            todo += [p for p in engine_backward.parents(node) if p.__class__ is Node]
        made = sorted(inside, key=lambda n: n.seq)
        self.ops = [_described(n) for n in made]


def _described(node: Node) -> str:
    own = node.edges is not None and saved_tensors.packed_edges(node) is None
    return str(node.aval) if own else repr(node.kernel or node.edges)


class _Recompute:
    """Autograd edges of a checkpointed call: run the function again and go back through that."""

    __slots__ = (
        "function", "arguments", "surroundings", "context", "check", "inputs", "outputs", "ops",
        "name",
    )  # fmt: skip

    def __init__(self, function, arguments, surroundings, context, check, recorded, outputs):
        self.function = function
        args, kwargs = arguments
        if STATE.saving is not None:  # what is kept of a call is its arguments
            args = tuple(
                PackedByHooks(x, STATE.saving) if isinstance(x, Tensor) else x for x in args
            )
        self.arguments = args, kwargs
        self.surroundings = surroundings
        self.context = context
        self.check = check
        self.inputs = tuple(recorded.outside.values())
        self.outputs = outputs  # positions of those that are connected, among all Tensors returned
        self.ops = recorded.ops
        self.name = "CheckpointBackward"

    def gradients(self, cotangents: list) -> list | None:
        given = [(i, c) for i, c in zip(self.outputs, cotangents, strict=True) if c is not None]
        arrived = [wrap(c) for _, c in given]
        args, kwargs = self.arguments
        arguments = [x.unpacked(None) if isinstance(x, PackedByHooks) else x for x in args], kwargs
        tensors = {id(t): t for t in tensors_of(arguments) if t.requires_grad}
        with autograd.enable_grad():
            # What has arrived comes out of the barrier too, or XLA would drop it there. (With a
            # history, that of the arguments would lead back to here.)
            joined = [] if any(g.requires_grad for g in arrived) else arrived
            if tensors or joined:
                behind = list(_together([*tensors.values(), *joined]))
                arrived = behind[len(tensors) :] or arrived
            stand_ins = dict(zip(tensors, behind, strict=False)) if tensors else {}
            args, kwargs = _replaced(arguments, stand_ins)
            start = now()
            with (
                self.surroundings.again(), _casting_anew(), without_saved_tensors_hooks(),
                self.context,
            ):  # fmt: skip
                outputs = tensors_of(self.function(*args, **kwargs))
        keys = [_key(n) for n in self.inputs]
        known = {*keys, *(_key(t._read()) for t in (*tensors.values(), *stand_ins.values()))}
        self._compare(_Recorded([outputs[i] for i in self.outputs], start), known)
        with _hooks_of_leaves_later(keys):
            return engine_backward.backward(
                [outputs[i]._read() for i, _ in given], [g._read() for g in arrived],
                retain_graph=True, create_graph=STATE.grad, capture=keys, ends=set(self.inputs),
            )  # fmt: skip

    def _compare(self, again: _Recorded, known: set) -> None:
        if self.check == "none":
            return
        if again.ops != self.ops or not again.outside.keys() <= known:
            raise CheckpointError(
                "torch.utils.checkpoint: the recomputation differs from the original forward.\n"
                f"Number of tensors saved during forward: {len(self.ops)}\n"
                f"Number of tensors saved during recomputation: {len(again.ops)}.\n"
                "Operations of the forward:\n  " + "\n  ".join(self.ops) + "\n"
                "Operations of the recomputation:\n  " + "\n  ".join(again.ops)
            )


@contextlib.contextmanager
def _hooks_of_leaves_later(keys: list):
    """Hooks of a leaf's gradient run where that arrives in the outer pass, and only there."""
    metas = [k for k in keys if k.__class__ is engine_backward.Grad and k.hooks]
    kept = [m.hooks for m in metas]
    for m in metas:
        m.hooks = {}
    try:
        yield
    finally:
        for m, hooks in zip(metas, kept, strict=True):
            m.hooks = hooks


def _without_reentry(function, preserve, context_fn, determinism_check, args, kwargs):
    if jax_differentiates([t._read() for t in tensors_of((args, kwargs))]):
        return _by_jax(function, args, kwargs)
    forward_context, recompute_context = context_fn()
    surroundings = _Surroundings(preserve)
    start = now()
    with forward_context, _casting_anew(), without_saved_tensors_hooks():
        result = function(*args, **kwargs)
    tensors = tensors_of(result)
    made = [i for i, t in enumerate(tensors) if t.requires_grad and _is_new(t, start)]
    recorded = _Recorded([tensors[i] for i in made], start)
    if not (STATE.grad and recorded.outside):
        return result
    source = concrete((), next(iter(recorded.outside.values())).aval, requires_grad=True)
    edges = _Recompute(
        function, (args, kwargs), surroundings, recompute_context, determinism_check, recorded, made
    )
    source.inputs = edges.inputs
    source.edges = edges
    return _replaced(
        result,
        {
            id(tensors[i]): wrap(output_of(source, place, tensors[i].detach()._read()))
            for place, i in enumerate(made)
        },
    )


def _is_new(t: Tensor, start: int) -> bool:
    node = t._read()
    return node.seq > start and not engine_backward.is_leaf(node)


def _by_jax(function, args, kwargs):
    """Inside a transform: ``jax.checkpoint`` on the Tensors among the arguments.

    What the function writes to a Tensor from outside (a BatchNorm's statistics in training) would
    leak out of its trace and raises.
    """
    flat, tree = jax.tree.flatten((args, kwargs), is_leaf=is_tensor)
    where = [i for i, x in enumerate(flat) if is_tensor(x)]

    def run(*given):
        again = list(flat)
        for i, array in zip(where, given, strict=True):
            again[i] = Tensor(array)
        args, kwargs = jax.tree.unflatten(tree, again)
        return arrays(function(*args, **kwargs))

    result = jax.checkpoint(run)(*(flat[i].jax() for i in where))
    return wrapped(result)


# ---------------------------------------------------------------------------------------------
# Reentrant: a Function whose backward is a backward pass of its own


class CheckpointFunction(autograd.Function):
    """The reentrant form: only arguments that are Tensors themselves have gradients."""

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.surroundings = _Surroundings(preserve_rng_state)
        ctx.inputs = [None if isinstance(x, Tensor) else x for x in args]
        ctx.where = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
        ctx.save_for_backward(*(args[i] for i in ctx.where))
        with autograd.no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx, *grads):
        if engine_backward.running_pass().partial:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or "
                "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                "either set use_reentrant=False, or call .backward() without passing the `inputs` "
                "argument."
            )
        inputs = list(ctx.inputs)
        tensors = [t.detach() for t in ctx.saved_tensors]
        where = [i for i, g in enumerate(grads) if g is not None]
        behind = list(_together([*tensors, *(grads[i].detach() for i in where)]))
        arrived = dict(zip(where, behind[len(tensors) :], strict=True))
        for i, tensor, given in zip(ctx.where, ctx.saved_tensors, behind, strict=False):
            inputs[i] = given.detach().requires_grad_(tensor.requires_grad)
        with autograd.enable_grad(), ctx.surroundings.again():
            outputs = ctx.run_function(*inputs)
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        pairs = [
            (output, arrived.get(i))
            for i, output in enumerate(outputs)
            if isinstance(output, Tensor) and output.requires_grad
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        autograd.backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *(x.grad if isinstance(x, Tensor) else None for x in inputs))


# ---------------------------------------------------------------------------------------------


def _reentrant_unless_told(use_reentrant: bool | None, name: str) -> bool:
    if use_reentrant is None:
        warnings.warn(
            f"{name}: the use_reentrant parameter should be passed explicitly. "
            "use_reentrant=False is recommended, but if you need to preserve the current default "
            "behavior, you can pass use_reentrant=True.",
            stacklevel=3,
        )
        return True
    return use_reentrant


def checkpoint(
    function: Callable,
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
):
    """``function(*args, **kwargs)``, whose inner values are computed again in the backward pass.

    With ``use_reentrant=False`` (recommended) gradients flow to everything the function used, also
    by keywords, nested containers and closures. ``preserve_rng_state=False`` draws new random
    numbers in the second run. ``context_fn`` gives a context for each of the two runs.
    CheckpointError if the second does something else, unless ``determinism_check="none"``;
    ``debug`` and ``early_stop`` have nothing to add: the error lists the ops of both runs, and what
    backward does not need is not computed.
    """
    use_reentrant = _reentrant_unless_told(use_reentrant, "torch.utils.checkpoint")
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        if jax_differentiates([t._read() for t in tensors_of(args)]):
            return _by_jax(function, args, {})
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    return _without_reentry(function, preserve, context_fn, determinism_check, args, kwargs)


def checkpoint_sequential(functions, segments: int, input, use_reentrant=None, **kwargs):
    """A Sequential or list of functions in ``segments`` pieces, all but the last checkpointed."""
    use_reentrant = _reentrant_unless_told(
        use_reentrant, "torch.utils.checkpoint.checkpoint_sequential"
    )
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if isinstance(functions, Sequential):
        functions = list(functions.children())

    def piece(begin: int, end: int) -> Callable:
        def run(x):
            for f in functions[begin:end]:
                x = f(x)
            return x

        return run

    size = len(functions) // segments
    end = 0
    for begin in range(0, size * (segments - 1), size):
        end = begin + size
        input = checkpoint(
            piece(begin, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve
        )
    return piece(end, len(functions))(input)


__getattr__ = left_out.attributes_of(__name__)
