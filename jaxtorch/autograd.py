"""Autograd as a program uses it: grad modes, ``backward``, ``grad``, ``Function``."""

from __future__ import annotations

import functools
import inspect as pyinspect
from typing import Any

from jaxtorch import dtypes
from jaxtorch.anomaly import (
    detect_anomaly as detect_anomaly,
    set_detect_anomaly as set_detect_anomaly,
)
from jaxtorch.engine import backward as engine_backward
from jaxtorch.engine.graph import FREED, STATE, Node, concrete
from jaxtorch.engine.handles import Handles, TensorBase

__all__ = [
    "backward", "grad", "Function", "no_grad", "enable_grad", "set_grad_enabled", "inference_mode",
    "is_grad_enabled", "is_inference_mode_enabled", "Variable",
    "detect_anomaly", "set_detect_anomaly",
]  # fmt: skip


# ---------------------------------------------------------------------------------------------
# Grad modes


class _GradMode:
    """A context manager and a decorator (of functions, generators and classes' methods)."""

    flag = True

    def __enter__(self):
        self.before = STATE.grad
        STATE.grad = self.flag

    def __exit__(self, *exc) -> None:
        STATE.grad = self.before

    def clone(self):
        return type(self)()

    def __call__(self, f):
        if pyinspect.isgeneratorfunction(f):

            @functools.wraps(f)
            def generate(*args, **kwargs):
                generator = f(*args, **kwargs)
                send = generator.send
                given = None
                while True:
                    with self.clone():
                        try:
                            item = send(given)
                        except StopIteration as stop:
                            return stop.value
                    try:
                        given = yield item
                        send = generator.send
                    except GeneratorExit:
                        generator.close()
                        raise
                    except BaseException as error:
                        send, given = generator.throw, error

            return generate

        @functools.wraps(f)
        def run(*args, **kwargs):
            with self.clone():
                return f(*args, **kwargs)

        return run


class no_grad(_GradMode):
    """Autograd records nothing; usable as ``@no_grad()``, ``@no_grad`` and ``with no_grad():``."""

    flag = False

    def __new__(cls, f=None) -> Any:
        made = super().__new__(cls)
        return made if f is None else made(f)


class enable_grad(_GradMode):
    """Autograd records, also inside ``no_grad``."""

    def __new__(cls, f=None) -> Any:
        made = super().__new__(cls)
        return made if f is None else made(f)


class set_grad_enabled(_GradMode):
    """Switch autograd's recording, as a call or for a ``with`` block."""

    def __init__(self, mode: bool):
        self.before = STATE.grad
        STATE.grad = self.flag = bool(mode)

    def __enter__(self):
        STATE.grad = self.flag

    def clone(self):
        return type(self)(self.flag)

    def __call__(self, f):
        STATE.grad = self.before  # as a decorator it decides nothing outside the calls
        return super().__call__(f)


class inference_mode(_GradMode):
    """As ``no_grad``; results are ordinary tensors, since values are immutable anyhow."""

    depth = 0

    def __new__(cls, mode=True) -> Any:
        if callable(mode):
            return cls()(mode)
        return super().__new__(cls)

    def __init__(self, mode: bool = True):
        self.mode = mode

    def __enter__(self):
        self.before = STATE.grad
        if self.mode:
            STATE.grad = False
        _inference.append(self.mode)

    def __exit__(self, *exc) -> None:
        STATE.grad = self.before
        _inference.pop()

    def clone(self):
        return type(self)(self.mode)


_inference: list[bool] = []


def is_grad_enabled() -> bool:
    return STATE.grad


def is_inference_mode_enabled() -> bool:
    return bool(_inference) and _inference[-1]


# ---------------------------------------------------------------------------------------------
# backward and grad


def _many(x) -> tuple:
    return (x,) if isinstance(x, TensorBase) or x is None else tuple(x)


def _cotangents(tensors, grads) -> list[Node]:
    if len(grads) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(grads)} gradients")
    nodes = []
    for t, g in zip(tensors, grads, strict=True):
        node = t._read()
        if g is None:
            if not node.requires_grad:
                raise RuntimeError(
                    "element 0 of tensors does not require grad and does not have a grad_fn"
                )
            if t.numel() != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            nodes.append(engine_backward.ones_like(node))
            continue
        if not isinstance(g, TensorBase):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
        if g.shape != t.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[0] has a shape of {g.shape} and output[0] has a "
                f"shape of {t.shape}."
            )
        if not node.requires_grad:
            raise RuntimeError(
                "element 0 of tensors does not require grad and does not have a grad_fn"
            )
        nodes.append(g._read() if g.dtype is t.dtype else g.to(t.dtype)._read())
    return nodes


def backward(
    tensors, grad_tensors=None, retain_graph=None, create_graph: bool = False, grad_variables=None,
    inputs=None,
) -> None:  # fmt: skip
    """Add to the ``.grad`` of every leaf the gradient of the sum of ``tensors`` (weighted with
    ``grad_tensors``, which may be None for tensors of one element)."""
    tensors = _many(tensors)
    grads = grad_tensors if grad_tensors is not None else grad_variables
    grads = (None,) * len(tensors) if grads is None else _many(grads)
    only = None
    if inputs is not None:
        only = []
        for t in _many(inputs):
            if not t.requires_grad:
                raise RuntimeError("One of the differentiated Tensors does not require grad")
            if t.is_leaf:
                only.append(t._meta)
            else:
                t.retain_grad()
                only.append(t._meta)
        if not only:
            raise RuntimeError("'inputs' argument to 'backward' cannot be empty.")
    cotangents = _cotangents(tensors, grads)
    engine_backward.backward(
        [t._read() for t in tensors], cotangents, create_graph=create_graph,
        retain_graph=create_graph if retain_graph is None else retain_graph, only=only,
    )  # fmt: skip


def grad(
    outputs, inputs, grad_outputs=None, retain_graph=None, create_graph: bool = False,
    allow_unused: bool | None = None, is_grads_batched: bool = False,
    materialize_grads: bool = False,
    only_inputs: bool = True,
) -> tuple:  # fmt: skip
    """The gradients of the sum of ``outputs`` with respect to ``inputs``, a tuple; no ``.grad``
    changes. An input that was not used raises, or gives None with ``allow_unused``."""
    if is_grads_batched:
        raise NotImplementedError("autograd.grad(is_grads_batched=True): use jaxtorch.func.vmap")
    if not only_inputs:
        raise NotImplementedError("autograd.grad(only_inputs=False)")
    outputs, inputs = _many(outputs), _many(inputs)
    if allow_unused is None:
        allow_unused = materialize_grads
    for t in inputs:
        if not t.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    grads = (None,) * len(outputs) if grad_outputs is None else _many(grad_outputs)
    keys = []
    for t in inputs:
        node = t._read()
        keys.append(node.meta if engine_backward.is_leaf(node) else node)
    found = engine_backward.backward(
        [t._read() for t in outputs], _cotangents(outputs, grads), create_graph=create_graph,
        retain_graph=create_graph if retain_graph is None else retain_graph, capture=keys,
    )  # fmt: skip
    if not allow_unused and any(g is None for g in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. Set "
            "allow_unused=True if this is the desired behavior."
        )
    result = [None if g is None else Handles.wrap(g) for g in found]
    if materialize_grads:
        result = [t.detach() * 0 if g is None else g for g, t in zip(result, inputs, strict=True)]
    return tuple(result)


# ---------------------------------------------------------------------------------------------
# Function


class FunctionCtx:
    """What ``forward`` leaves for ``backward``."""

    _saved: tuple = ()
    _not_differentiable: tuple = ()
    _dirty: tuple = ()
    needs_input_grad: tuple = ()
    _materialize = True

    def save_for_backward(self, *tensors) -> None:
        self._saved = tensors

    def save_for_forward(self, *tensors) -> None:
        self._saved_for_forward = tensors

    @property
    def saved_tensors(self) -> tuple:
        return self._saved

    saved_variables = saved_tensors

    def mark_dirty(self, *tensors) -> None:
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors) -> None:
        self._not_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        self._materialize = value


class _OutputEdges:
    """Autograd edges of one output of a Function: its call has them all."""

    __slots__ = ("output_of", "inputs", "name")

    def __init__(self, call: Node, index: int, outputs: int, name: str):
        self.output_of = (call, index, outputs)
        self.inputs = (call,)
        self.name = name


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
        from jaxtorch.ops.creation import zeros

        grads = []
        for cotangent, aval in zip(cotangents, self.outputs, strict=True):
            if cotangent is not None:
                grads.append(Handles.wrap(cotangent))
            elif self.ctx._materialize and aval is not None:
                grads.append(zeros(tuple(aval.shape), dtype=aval.dtype, device=aval.place))
            else:
                grads.append(None)
        rule = self.function.backward
        if rule is Function.backward:
            rule = self.function.vjp
        found = rule(self.ctx, *grads)
        found = found if isinstance(found, tuple) else (found,)
        if len(found) < len(self.arguments) or any(
            g is not None for g in found[len(self.arguments) :]
        ):
            raise RuntimeError(
                f"function {self.name} returned an incorrect number of gradients (expected "
                f"{len(self.arguments)}, got {len(found)})"
            )
        result = [None] * len(self.inputs)
        for g, place in zip(found, self.arguments, strict=False):
            if place is not None and g is not None:
                node = self.inputs[place]
                if g.shape != node.aval.shape:
                    raise RuntimeError(
                        f"Function {self.name} returned an invalid gradient at index {place} - got "
                        f"{list(g.shape)} but expected shape compatible with "
                        f"{list(node.aval.shape)}"
                    )
                g = g if g.dtype is node.aval.dtype else g.to(node.aval.dtype)
                result[place] = g._read()
        return result


class Function:
    """Subclass with static ``forward(ctx, *args)`` and ``backward(ctx, *grads)`` (or
    ``forward(*args)`` and ``setup_context(ctx, inputs, output)``); use through ``apply``."""

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

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run ``forward`` outside autograd and connect its outputs through ``backward``."""
        ctx = FunctionCtx()
        tensors = [a._read() if isinstance(a, TensorBase) else None for a in args]
        ctx.needs_input_grad = tuple(
            n is not None and n.requires_grad and STATE.grad for n in tensors
        )
        split = cls.setup_context is not Function.setup_context
        with no_grad():
            if split:
                output = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        if not any(ctx.needs_input_grad):
            return output
        outputs = output if isinstance(output, tuple) else (output,)
        places, inputs = [], []
        for n in tensors:
            places.append(None if n is None else len(inputs))
            if n is not None:
                inputs.append(n)
        source = concrete((), inputs[0].aval, requires_grad=True)
        source.inputs = tuple(inputs)
        avals = [o._read().aval if isinstance(o, TensorBase) else None for o in outputs]
        source.edges = _CallEdges(cls, ctx, places, tuple(inputs), avals)
        connected = tuple([_connect(o, i, ctx, args, source) for i, o in enumerate(outputs)])
        return connected if isinstance(output, tuple) else connected[0]


def _connect(output, index: int, ctx: FunctionCtx, args, source: Node):
    """An output of ``forward``, as the program gets it: with the Function as its history."""
    if not isinstance(output, TensorBase) or any(output is t for t in ctx._not_differentiable):
        return output
    node = output._read()
    if node.aval.dtype.category < dtypes.FLOAT:
        return output
    call = source.edges
    dirty = any(output is t for t in ctx._dirty)
    node = node if dirty else output.detach()._read()
    from jaxtorch.tensor import alias

    node = alias(node)
    node.requires_grad = True
    node.edges = _OutputEdges(source, index, len(call.outputs), call.name)
    if dirty:
        output._set(node)
        return output
    return Handles.wrap(node)


class Variable:
    """The tensors of old: ``Variable(t)`` is ``t`` itself."""

    def __new__(cls, data, requires_grad: bool = False, volatile: bool = False):
        if volatile:
            raise NotImplementedError("Variable(volatile=True): use no_grad")
        data = data.detach() if requires_grad and not data.is_leaf else data
        return data.requires_grad_(True) if requires_grad else data


def apply_node(node: Node, grads) -> tuple:
    """The gradients that one function of the graph hands on, for its cotangents."""
    if node.edges is FREED:
        raise RuntimeError(engine_backward.SECOND_TIME)
    walk = engine_backward.Walk(create_graph=False)
    many = [g._read() for g in grads]
    walk.step(node, many if node.kernel is not None and node.kernel.outputs else many[0])
    found = [walk.cotangents.get(p) for p in engine_backward.parents(node) if p.requires_grad]
    return tuple(None if g is None else Handles.wrap(g) for g in found)
