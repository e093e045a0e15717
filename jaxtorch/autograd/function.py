"""Function: a differentiable operation with a backward of its own."""

from __future__ import annotations

import functools
import inspect as pyinspect
import weakref
from typing import Any

import jax
from jax._src.interpreters.ad import JVPTracer, LinearizeTracer

from jaxtorch import dtypes, saved_tensors
from jaxtorch.autograd.grad_mode import no_grad
from jaxtorch.engine import backward as engine_backward
from jaxtorch.engine.aliases import alias
from jaxtorch.engine.graph import FREED, STATE, Node, concrete
from jaxtorch.engine.handles import Handles, TensorBase, node_of_array
from jaxtorch.engine.trace import is_traced
from jaxtorch.gradfn import OutputEdges

__all__ = ["BackwardCFunction", "Function", "FunctionCtx", "InplaceFunction", "once_differentiable"]


class FunctionCtx:
    """What ``forward`` leaves for ``backward``."""

    _saved: tuple = ()
    _saved_for_forward: tuple = ()
    _not_differentiable: tuple = ()
    _dirty: tuple = ()
    needs_input_grad: tuple = ()
    _materialize = True
    _call: Any = None  # a weak reference to the node of the call

    def save_for_backward(self, *tensors) -> None:
        for i, t in enumerate(tensors):
            if not (t is None or isinstance(t, TensorBase) or getattr(t, "is_sparse", False)):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type "
                    f"{type(t).__name__}"
                )
        self._saved = tensors

    def save_for_forward(self, *tensors) -> None:
        self._saved_for_forward = tensors

    @property
    def saved_tensors(self) -> tuple:
        """The Tensors saved, with their history; an output's is this very call."""
        call = self._call() if self._call is not None else None
        if call is not None and call.edges is FREED:
            raise RuntimeError(engine_backward.SECOND_TIME)
        return tuple(
            t.unpacked(call) if isinstance(t, (_SavedOutput, PackedByHooks)) else t
            for t in self._saved
        )

    saved_variables = saved_tensors

    @property
    def _raw_saved_tensors(self) -> tuple:
        """Each of them as what hooks can be registered on."""
        return tuple(_RawSaved(self, i) for i in range(len(self._saved)))

    def mark_dirty(self, *tensors) -> None:
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors) -> None:
        self._not_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        self._materialize = value


class BackwardCFunction(FunctionCtx):
    """torch's class of the ctx of a call."""


class _SavedOutput:
    """An output among the tensors saved: its value, and which output. (The output itself would
    lead to its history, and that to the ctx.)"""

    def __init__(self, output: TensorBase, index: int):
        self.output, self.index = output, index

    def unpacked(self, call: Node | None):
        if call is None:
            return self.output
        return Handles.wrap(output_of(call, self.index, self.output._read()))


def output_of(call: Node, index: int, node: Node) -> Node:
    """A node of an output's value whose history is the call."""
    node = alias(node)
    node.requires_grad = True
    node.edges = OutputEdges(call, index, len(call.edges.outputs), call.edges.name)
    return node


class PackedByHooks:
    """A tensor among those saved, or one of the outputs, that hooks have packed."""

    def __init__(self, saved, hooks: tuple):
        self.index = saved.index if isinstance(saved, _SavedOutput) else None
        tensor = saved if self.index is None else saved.output
        self.original = tensor._read() if self.index is None else None
        self.packed = saved_tensors.pack(tensor, hooks)

    def unpacked(self, call: Node | None):
        tensor = self.packed.tensor()
        if self.index is not None:
            return (
                tensor
                if call is None
                else Handles.wrap(output_of(call, self.index, tensor._read()))
            )
        node = saved_tensors.standing_in(tensor, self.original)
        return tensor if node is self.original else Handles.wrap(node)


class _RawSaved:
    """One of the tensors that a ctx saved, whatever it is packed as."""

    def __init__(self, ctx: FunctionCtx, index: int):
        self._ctx, self._index = ctx, index

    def register_hooks(self, pack_hook, unpack_hook) -> None:
        """Pack it now, and unpack it whenever it is asked for."""
        saved = list(self._ctx._saved)
        if saved[self._index] is None:
            raise RuntimeError("Calling register_hooks on a saved tensor with value None")
        if isinstance(saved[self._index], PackedByHooks):
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set"
            )
        saved[self._index] = PackedByHooks(saved[self._index], (pack_hook, unpack_hook))
        self._ctx._saved = tuple(saved)


class _CallEdges:
    """Autograd edges of a Function's call: its own ``backward``."""

    __slots__ = ("function", "ctx", "arguments", "inputs", "outputs", "name")

    def __init__(self, function, ctx, arguments, inputs, outputs):
        self.function = function
        self.ctx = ctx
        self.arguments = arguments  # for each argument of apply, its place in inputs, or None
        self.inputs = inputs
        self.outputs = outputs  # (shape, dtype, place) of each
        self.name = function.__name__ + "Backward"

    def gradients(self, cotangents: list) -> list:
        given = [None if c is None else Handles.wrap(c) for c in cotangents]
        avals = [n.aval for n in self.inputs]
        found = run_backward(self.function, self.ctx, given, self.outputs, self.arguments, avals)
        return [None if g is None else g._read() for g in found]


def run_backward(function, ctx, cotangents: list, outputs, arguments, inputs) -> list:
    """What the Function's own rule gives for each tensor among its arguments, checked."""
    from jaxtorch.ops.creation import zeros

    grads = []
    for cotangent, aval in zip(cotangents, outputs, strict=True):
        if cotangent is None and ctx._materialize and aval is not None:
            cotangent = zeros(tuple(aval.shape), dtype=aval.dtype, device=aval.place)
        grads.append(cotangent)
    name = function.__name__ + "Backward"
    rule = function.backward
    if rule is Function.backward:
        rule = function.vjp
    found = rule(ctx, *grads)
    found = found if isinstance(found, tuple) else (found,)
    if len(found) < len(arguments) or any(g is not None for g in found[len(arguments) :]):
        raise RuntimeError(
            f"function {name} returned an incorrect number of gradients (expected "
            f"{len(arguments)}, got {len(found)})"
        )
    result: list = [None] * len(inputs)
    for i, (g, place) in enumerate(zip(found, arguments, strict=False)):
        if g is None:
            continue
        if not isinstance(g, TensorBase):
            raise TypeError(
                f"expected Variable or None (got {type(g).__name__}) as gradient {i} of {name}"
            )
        if place is None:
            raise RuntimeError(
                f"function {name} returned a gradient different from None at position {i + 1}, but "
                "the corresponding forward input was not a Variable"
            )
        aval = inputs[place]
        if g.shape != aval.shape and _expands(aval.shape, g.shape):
            g = g.sum_to_size(tuple(aval.shape))
        elif g.shape != aval.shape:
            raise RuntimeError(
                f"Function {name} returned an invalid gradient at index {place} - got "
                f"{list(g.shape)} but expected shape compatible with {list(aval.shape)}"
            )
        result[place] = g if g.dtype is aval.dtype else g.to(aval.dtype)
    return result


def _expands(shape, to) -> bool:
    """Does a tensor of ``shape`` broadcast to the shape ``to``? (Then PyTorch sums a gradient of
    that shape.)"""
    return len(shape) <= len(to) and all(
        n in (1, m) for n, m in zip(reversed(shape), reversed(to), strict=False)
    )


class Function:
    """Subclass with static ``forward(ctx, *args)`` and ``backward(ctx, *grads)`` (or
    ``forward(*args)`` and ``setup_context(ctx, inputs, output)``); use through ``apply``.

    ``jvp(ctx, *tangents)`` serves forward mode. Under ``vmap`` the body is batched by JAX, so that
    no ``vmap`` method is called and ``generate_vmap_rule`` is as if True.
    """

    generate_vmap_rule = False

    def __init__(self, *args, **kwargs):
        raise RuntimeError(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself. Instantiating an autograd "
            "function is not supported: call its apply"
        )

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to "
            "use it with backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx, *grad_inputs):
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    @staticmethod
    def vmap(info, in_dims, *args):
        raise NotImplementedError("Function.vmap is not called: JAX batches what forward does.")

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run ``forward`` outside autograd and connect its outputs through ``backward``."""
        if kwargs or cls.setup_context is not Function.setup_context:
            args = cls._bound(args, kwargs)
        tensors = [a._read() if isinstance(a, TensorBase) else None for a in args]
        inputs = tuple(n for n in tensors if n is not None)
        differentiated = _differentiated(inputs)
        if differentiated is not None:
            return differentiated(cls, args)
        ctx, output = cls._run(args, [n is not None and n.requires_grad for n in tensors])
        if not (STATE.grad and any(ctx.needs_input_grad)):
            return output
        outputs = output if isinstance(output, tuple) else (output,)
        count = iter(range(len(inputs)))
        places = [None if n is None else next(count) for n in tensors]
        source = concrete((), inputs[0].aval, requires_grad=True)
        source.inputs = inputs
        avals = [o._read().aval if isinstance(o, TensorBase) else None for o in outputs]
        source.edges = _CallEdges(cls, ctx, places, inputs, avals)
        ctx._call = weakref.ref(source)
        given = {id(a) for a in args}
        made = {id(o): i for i, o in enumerate(outputs)}
        ctx._saved = tuple(
            _SavedOutput(t, made[id(t)]) if id(t) in made and id(t) not in given else t
            for t in ctx._saved
        )
        if STATE.saving is not None:
            ctx._saved = tuple(
                t if t is None else PackedByHooks(t, STATE.saving) for t in ctx._saved
            )
        connected = tuple([_connect(o, i, ctx, source) for i, o in enumerate(outputs)])
        return connected if isinstance(output, tuple) else connected[0]

    @classmethod
    def _bound(cls, args: tuple, kwargs: dict) -> tuple:
        """Arguments by position: where ``setup_context`` is of its own, names may be used."""
        if cls.setup_context is Function.setup_context:
            raise TypeError(f"{cls.__name__}.apply() takes no keyword arguments")
        bound = pyinspect.signature(cls.forward).bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args

    @classmethod
    def _run(cls, args, needs) -> tuple:
        """(ctx, output) of the forward pass."""
        ctx = BackwardCFunction()
        ctx.needs_input_grad = tuple(needs)
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args)
        return ctx, output


def _connect(output, index: int, ctx: FunctionCtx, source: Node):
    """An output of ``forward``, as the program gets it: with the Function as its history."""
    if not isinstance(output, TensorBase) or any(output is t for t in ctx._not_differentiable):
        return output
    node = output._read()
    if node.aval.dtype.category < dtypes.FLOAT:
        return output
    if any(output is t for t in ctx._dirty):
        if engine_backward.is_leaf(node):
            raise RuntimeError(
                "a leaf Variable that requires grad has been used in an in-place operation."
            )
        new = output_of(source, index, node)
        if output._base is not None:
            return output._write(Handles.wrap(new))
        output._set(new)
        return output
    return Handles.wrap(output_of(source, index, output.detach()._read()))


# ---------------------------------------------------------------------------------------------
# Where JAX differentiates, inside a transform: the same rules, as JAX's custom ones


def _differentiated(inputs):
    """The way a call goes whose inputs JAX is differentiating, None for others."""
    arrays = [n.value for n in inputs if is_traced(n)]
    if STATE.reverse and arrays or any(isinstance(a, LinearizeTracer) for a in arrays):
        return _with_custom_vjp
    if any(isinstance(a, JVPTracer) for a in arrays):
        return _with_custom_jvp
    return None


def jax_differentiates(inputs) -> bool:
    """Is it JAX that goes through these nodes, and not autograd?"""
    return _differentiated(inputs) is not None


class _Traced:
    """A call of a Function on arrays: the other arguments stay what they are."""

    def __init__(self, function, args: tuple):
        self.function, self.args = function, args
        self.where = [i for i, a in enumerate(args) if isinstance(a, TensorBase)]
        self.arrays = [args[i].jax() for i in self.where]
        self.arguments: list = [None] * len(args)
        for place, i in enumerate(self.where):
            self.arguments[i] = place
        self.many = False
        self.outputs: list = []

    def forward(self, *arrays):
        args = list(self.args)
        for i, array in zip(self.where, arrays, strict=True):
            args[i] = Handles.wrap(node_of_array(array))
        ctx, output = self.function._run(args, [isinstance(a, TensorBase) for a in args])
        self.many = isinstance(output, tuple)
        outputs = output if self.many else (output,)
        if any(not isinstance(o, TensorBase) for o in outputs):
            raise NotImplementedError(
                f"{self.function.__name__}: an output that is no Tensor, inside a JAX transform"
            )
        self.outputs = [o._read().aval for o in outputs]
        return ctx, tuple(o.jax() for o in outputs)

    def wrapped(self, arrays):
        made = tuple(Handles.wrap(node_of_array(a)) for a in arrays)
        return made if self.many else made[0]


def _with_custom_vjp(function, args):
    call = _Traced(function, args)
    parts: dict = {}

    @jax.custom_vjp
    def run(*arrays):
        return call.forward(*arrays)[1]

    def forward(*arrays):
        ctx, outputs = call.forward(*arrays)
        leaves, parts["tree"] = jax.tree.flatten((vars(ctx), arrays))
        held = [isinstance(x, jax.Array) for x in leaves]
        parts["rest"] = [None if h else (x,) for x, h in zip(leaves, held, strict=True)]
        return outputs, [x for x, h in zip(leaves, held, strict=True) if h]

    def backward(held, cotangents):
        given = iter(held)
        leaves = [next(given) if r is None else r[0] for r in parts["rest"]]
        state, arrays = jax.tree.unflatten(parts["tree"], leaves)
        ctx = BackwardCFunction()
        vars(ctx).update(state)
        grads = [Handles.wrap(node_of_array(c)) if c.dtype != jax.dtypes.float0 else None
                 for c in cotangents]  # fmt: skip
        avals = [node_of_array(a).aval for a in arrays]
        found = run_backward(function, ctx, grads, call.outputs, call.arguments, avals)
        return tuple(None if g is None else g.jax() for g in found)

    run.defvjp(forward, backward)
    return call.wrapped(run(*call.arrays))


def _with_custom_jvp(function, args):
    call = _Traced(function, args)
    if function.jvp is Function.jvp:
        function.jvp(None)

    @jax.custom_jvp
    def run(*arrays):
        return call.forward(*arrays)[1]

    @run.defjvp
    def rule(arrays, tangents):
        ctx, outputs = call.forward(*arrays)
        ctx._saved = ctx._saved_for_forward or ctx._saved
        along: list = [None] * len(args)
        for i, t in zip(call.where, tangents, strict=True):
            along[i] = Handles.wrap(node_of_array(t))
        found = function.jvp(ctx, *along)
        found = found if isinstance(found, tuple) else (found,)
        return outputs, tuple(
            jax.numpy.zeros_like(o) if t is None else t.jax()
            for o, t in zip(outputs, found, strict=True)
        )

    return call.wrapped(run(*call.arrays))


# ---------------------------------------------------------------------------------------------


def once_differentiable(fn):
    """A decorator of ``backward``: its results have no history, and a second derivative that comes
    to them raises."""

    @functools.wraps(fn)
    def wrapper(ctx, *args):
        with no_grad():
            found = fn(ctx, *args)
        if not STATE.grad:
            return found
        if not any(isinstance(a, TensorBase) and a.requires_grad for a in args):
            return found
        outputs = found if isinstance(found, tuple) else (found,)
        refused = tuple(
            _Refuse.apply(o, *args) if isinstance(o, TensorBase) else o for o in outputs
        )
        return refused if isinstance(found, tuple) else refused[0]

    return wrapper


class _Refuse(Function):
    """The identity, which cannot be differentiated."""

    @staticmethod
    def forward(ctx, value, *others):
        return value.detach()

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


class InplaceFunction(Function):
    """torch's old base of functions that write to their argument."""
