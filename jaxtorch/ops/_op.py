"""``@op``: from a pure function on arrays to a function on Tensors.

The annotations of the body say what each parameter is; from them a wrapper with the same signature
is generated, short enough that recording an op costs what PyTorch's dispatch of it costs. Tensor
itself is not imported here: it registers its classes and its way to wrap a node.
"""

from __future__ import annotations

import functools
import inspect as pyinspect
import re
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax._src.interpreters.ad import LinearizeTracer

from jaxtorch import dtypes
from jaxtorch.engine import graph
from jaxtorch.engine.graph import MODES, NOTHING, STATE, Node, Number, aval_of, concrete, record
from jaxtorch.engine.handles import Handles, TensorBase, node_of_array, node_of_numpy, project
from jaxtorch.engine.inspect import site
from jaxtorch.engine.kernels import KERNELS, Kernel, check
from jaxtorch.engine.trace import Pullback
from jaxtorch.ops import _result_type
from jaxtorch.ops._typing import Declaration

__all__ = ["Array", "Arrays", "Mask", "Operand", "Scalar", "check", "index_dtype", "op", "view"]

# What a parameter of a body is (see DESIGN, "ops"): only the names are read.
if TYPE_CHECKING:
    Array = Arrays = Operand = Scalar = Any
else:

    class Array:
        """A Tensor; the body gets its array."""

    class Arrays:
        """A sequence of Tensors; the body gets a tuple of arrays."""

    class Operand:
        """A Tensor or a Python number; the body gets an array, cast as ``promote`` says."""

    class Scalar:
        """A Python number, an input of the program and never a constant in it."""

Mask = Any


def _as_declared(declaration: Any) -> Declaration:
    """Says to type checkers what a decorator of bodies makes of them."""
    return declaration


def index_dtype():
    """The dtype of indices: int64 where 64-bit types are on, as in PyTorch; else int32."""
    return jnp.int64 if jax.config.jax_enable_x64 else jnp.int32


class Op:
    """A pure function on arrays and what is declared of it."""

    __slots__ = (
        "name", "body", "promote", "vjp", "grad_name", "nondiff", "result", "put", "is_view", "params",
        "statics", "half_in_float",
    )  # fmt: skip

    def __init__(self, body, *, promote, vjp, name, nondiff, result, put, is_view):
        self.name = body.__name__.strip("_")
        self.body = body
        self.promote = promote
        self.vjp = vjp
        self.grad_name = name
        self.nondiff = nondiff
        self.result = result
        self.put = put
        self.is_view = is_view
        self.params = []  # (name, kind, optional) of the array parameters, in order
        self.statics = []
        for p in pyinspect.signature(body).parameters.values():
            kind, optional = _kind(p.annotation)
            if kind:
                self.params.append((p.name, kind, optional))
            else:
                self.statics.append(p.name)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def bind(self, layout: tuple, statics: dict, avals: tuple):
        """``body(reverse, *flat arrays)`` for inputs of these avals; ``layout`` has, for each array
        parameter, None or the length of its sequence."""
        kinds = [
            kind
            for (_, kind, _), length in zip(self.params, layout, strict=True)
            for _ in range(1 if length is None else length)
        ]
        cast = _result_type.caster(self.promote, avals, kinds) if self.promote else None

        def run(reverse, *flat):
            if cast is not None:
                flat = cast.inputs(flat)
            if reverse is not None and self.vjp is not None:
                out = self._with_vjp(layout, statics, reverse)(*flat)
            else:
                out = self.call(layout, statics, flat)
            return cast.output(out) if cast is not None else out

        return run

    def call(self, layout, statics, flat):
        arguments = {}
        arrays = iter(flat)
        for (name, _, _), length in zip(self.params, layout, strict=True):
            if length is None:
                arguments[name] = next(arrays)
            else:
                arguments[name] = tuple(next(arrays) for _ in range(length))
        return self.body(**arguments, **statics)

    def _with_vjp(self, layout, statics, needs):
        """The body with the op's registered vjp in force."""

        @jax.custom_vjp
        def run(*flat):
            return self.call(layout, statics, flat)

        def forward(*flat):
            out = self.call(layout, statics, flat)
            return out, (flat, out)

        def backward(kept, grads):
            flat, out = kept
            mine = self.vjp(needs, flat, statics, out, grads)
            return tuple(
                None if g is None else g.astype(a.dtype) for g, a in zip(mine, flat, strict=True)
            )

        run.defvjp(forward, backward)
        return run


def _kind(annotation) -> tuple[str | None, bool]:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    words = set(re.findall(r"\w+", text))
    kinds = words & {"Array", "Arrays", "Operand", "Scalar", "Mask"}
    return (kinds.pop() if kinds else None), "None" in words


# ---------------------------------------------------------------------------------------------
# Lifting arguments to nodes


def lift(operation: Op, position: int, x):
    """The node of an argument that is not a plain handle."""
    if isinstance(x, TensorBase):
        return x._node if x._base is None else x._read()
    name, kind, optional = operation.params[position]
    if x is None and optional:
        return NOTHING
    if kind in ("Operand", "Scalar"):
        number = as_number(x)
        if number is not None:
            return number
    if isinstance(x, jax.Array):
        return node_of_array(x)
    if kind == "Operand" and isinstance(x, np.ndarray):
        return node_of_numpy(x)
    raise TypeError(
        f"{operation.name}(): argument '{name}' (position {position + 1}) must be "
        f"{'Number' if kind == 'Scalar' else 'Tensor'}, not {type(x).__name__}"
    )


def is_operand(x) -> bool:
    """Whether ``lift`` takes x for an Operand."""
    return isinstance(x, (TensorBase, jax.Array, np.ndarray, np.generic, int, float, complex))


def lift_many(operation: Op, position: int, xs) -> tuple:
    if isinstance(xs, TensorBase) or not isinstance(xs, (list, tuple)):
        try:
            xs = tuple(xs)
        except TypeError:
            raise TypeError(
                f"{operation.name}(): argument '{operation.params[position][0]}' (position "
                f"{position + 1}) must be tuple of Tensors, not {type(xs).__name__}"
            ) from None
    return tuple([lift(operation, position, x) for x in xs])


def as_number(x) -> Number | None:
    if x.__class__ in graph.NUMBER_AVALS:
        if x.__class__ is int and not -(2**63) <= x < 2**63:
            raise RuntimeError("Overflow when unpacking long long")
        return Number(x)
    if isinstance(x, np.generic) and x.dtype.kind in "biufc":
        return Number(x.item())
    for plain in (bool, int, float, complex):
        if isinstance(x, plain):
            return Number(plain(x))
    return None


# ---------------------------------------------------------------------------------------------
# The way of what is seen for the first time, of modes and of traces


def slow(operation: Op, slots: tuple, statics: dict, viewed=None):
    """Record an op whose kernel is not known yet, or which something watches or traces."""
    statics = {k: _plain(v) for k, v in statics.items()}
    mode = STATE.mode
    if mode is not None:
        return mode(operation, slots, statics, viewed)
    return dispatch(operation, slots, statics, viewed)


def dispatch(operation: Op, slots: tuple, statics: dict, viewed=None):
    """Handles on the result of an op; ``viewed`` is the handle that a view op was given."""
    node = node_for(operation, slots, statics)
    if node.kernel.outputs is not None:
        return finish_many(operation, node)
    if operation.is_view and isinstance(viewed, TensorBase):
        return Handles.wrap_view(node, viewed, operation, statics, slots[1:])
    return Handles.wrap(node)


def node_for(operation: Op, slots: tuple, statics: dict) -> Node:
    layout = tuple(len(s) if s.__class__ is tuple else None for s in slots)
    flat = []
    for s in slots:
        flat.extend(s) if s.__class__ is tuple else flat.append(s)
    flat = tuple(flat)
    traced = any(i.aval.kind == "traced" for i in flat)
    avals = tuple(
        aval_of(i.aval.shape, i.aval.dtype, i.aval.place) if i.aval.kind == "traced" else i.aval
        for i in flat
    )
    kernel = kernel_of(operation, layout, statics, avals)
    wants_grad = kernel.carries_grad and STATE.grad and any(i.requires_grad for i in flat)
    if traced:
        return run_traced(kernel, flat, wants_grad)
    node = record(kernel, flat, wants_grad)
    if kernel.messages:
        node.site = site(3)
    return node


def kernel_of(operation: Op, layout: tuple, statics: dict, avals: tuple) -> Kernel:
    key = (operation, *_flags(statics), *(n for n in layout if n is not None), *avals)
    kernel = KERNELS.get(key)
    if kernel is None:
        _result_type.same_place(operation.name, avals)
        kernel = KERNELS[key] = Kernel(
            operation.name, operation, statics, avals, operation.bind(layout, statics, avals),
            nondiff=operation.nondiff,
        )  # fmt: skip
    return kernel


def _flags(statics: dict):
    # A static's type is part of the key: 1 == True == 1.0.
    for value in statics.values():
        yield value
        yield value.__class__


def _plain(value):
    """A static argument in the one form that keys and bodies know."""
    if value.__class__ is list or (isinstance(value, tuple) and not hasattr(value, "_fields")):
        return tuple([_plain(v) for v in value])
    if isinstance(value, TensorBase):
        return value.item()
    if isinstance(value, np.generic):
        return value.item()
    return value


def run_traced(kernel: Kernel, flat: tuple, wants_grad: bool) -> Node:
    """Run at once, inside a jax trace."""
    from jaxtorch.engine.evaluate import force

    arrays = []
    for i in flat:
        if i.__class__ is Number:
            arrays.append(np.asarray(i.value, i.aval.dtype.numpy))
        else:
            arrays.append(None if i is NOTHING else force(i))
    outside = STATE.reverse or any(isinstance(a, LinearizeTracer) for a in arrays)
    needs = tuple(
        i.requires_grad or (outside and i.aval.dtype is not None and i.aval.dtype.category >= 2)
        for i in flat
    )
    edges = None
    if wants_grad and not outside:
        out, edges = Pullback.run(kernel, arrays, needs)
    else:
        out = kernel.plain(*arrays, reverse=needs if outside else None)
    if isinstance(out, (tuple, list)):
        node = concrete(tuple(out), tuple(node_of_array(o).aval for o in out))
    else:
        node = concrete(out, node_of_array(out).aval)
    node.kernel = kernel
    if wants_grad:
        node.inputs = flat
        node.requires_grad = True
        node.edges = edges
    return node


def finish_many(operation: Op, node: Node):
    handles = tuple([Handles.wrap(project(node, i)) for i in range(len(node.kernel.outputs))])
    return operation.result(*handles) if operation.result is not None else handles


# ---------------------------------------------------------------------------------------------
# The generated wrapper


@_as_declared
def op(
    body=None, *, promote=None, vjp=None, name=None, nondiff=False, out=False, result=None
):
    """Make a function on Tensors of a pure function on arrays (see the module's docstring)."""
    return _decorate(body, out, promote=promote, vjp=vjp, name=name, nondiff=nondiff, result=result,
                     put=None, is_view=False)  # fmt: skip


@_as_declared
def view(body=None, *, put=None, name=None, vjp=None):
    """As ``op``, for a view of the first argument: ``put(base, value, **statics)`` writes through."""
    return _decorate(body, False, promote=None, vjp=vjp, name=name, nondiff=False, result=None,
                     put=put, is_view=True)  # fmt: skip


def _decorate(body, out, **declared):
    if body is None:
        return lambda b: _decorate(b, out, **declared)
    operation = Op(body, **declared)
    function = _wrapper(operation, pyinspect.signature(body), out)
    function.__name__ = function.__qualname__ = body.__name__
    function.__doc__ = body.__doc__
    function.__module__ = body.__module__
    function.__wrapped__ = body
    function.op = operation
    function.body = body
    function.inplace = inplace(function)
    return function


def inplace(function):
    """The in-place method of a function: what it returns becomes the value of its first argument."""

    def write(self, *args, **kwargs):
        return self._write(function(self, *args, **kwargs))

    write.__name__ = write.__qualname__ = function.__name__.strip("_") + "_"
    write.__doc__ = f"In-place form of ``{function.__name__}``."
    write.__module__ = function.__module__
    return write


# torch takes NumPy's names for these parameters of any function.
NUMPY_NAMES = {"dim": "axis", "keepdim": "keepdims"}
MISSING = object()


def missing(operation: Op, parameter: str) -> TypeError:
    return TypeError(
        f'{operation.name}() missing 1 required positional arguments: "{parameter}"'
    )


def numpy_names(function):
    """Let a function that is no op take ``axis`` and ``keepdims`` for ``dim`` and ``keepdim``."""

    @functools.wraps(function)
    def renamed(*args, **kwargs):
        if kwargs:
            for ours, theirs in NUMPY_NAMES.items():
                if theirs in kwargs:
                    kwargs[ours] = kwargs.pop(theirs)
        return function(*args, **kwargs)

    return renamed


def _wrapper(operation: Op, signature, out: bool):
    scope = {
        "__name__": __name__, "OP": operation, "CLASSES": Handles.classes, "lift": lift, "lift_many": lift_many,
        "get": KERNELS.get, "slow": slow, "MODES": MODES, "STATE": STATE, "record": record,
        "finish_many": finish_many, "site": site, "H": Handles, "MISSING": MISSING,
        "missing": missing,
    }  # fmt: skip
    head, star, lines = [], False, []
    parameters = list(signature.parameters.values())
    aliases = ["out=None"] if out else []
    for p, after in zip(parameters, [*parameters[1:], None], strict=True):
        if p.kind is p.KEYWORD_ONLY and not star:
            head.append("*")
            star = True
        text = p.name
        if p.default is not p.empty:
            scope["_" + p.name] = p.default
            text += f"=_{p.name}"
        if p.name in NUMPY_NAMES and (after is None or after.default is not p.empty):
            alias = NUMPY_NAMES[p.name]
            aliases.append(f"{alias}=MISSING")
            lines.append(f"if {alias} is not MISSING: {p.name} = {alias}")
            if p.default is p.empty:
                text += "=MISSING"
                lines.append(f"if {p.name} is MISSING: raise missing(OP, {p.name!r})")
        head.append(text)
    if aliases:
        head += aliases if star else ["*", *aliases]
    nodes, flat, avals, lengths = [], [], [], []
    for i, (name, kind, _) in enumerate(operation.params):
        if kind == "Arrays":
            lines.append(f"n{i} = lift_many(OP, {i}, {name})")
            flat.append(f"*n{i}")
            avals.append(f"*[n.aval for n in n{i}]")
            lengths.append(f"len(n{i})")
        else:
            lines.append(
                f"n{i} = {name}._node if {name}.__class__ in CLASSES and {name}._base is None "
                f"else lift(OP, {i}, {name})"
            )
            flat.append(f"n{i}")
            avals.append(f"n{i}.aval")
        nodes.append(f"n{i}")
    statics = "".join(f"{s}, {s}.__class__, " for s in operation.statics)
    key = f"(OP, {statics}{''.join(f'{x}, ' for x in lengths + avals)})"
    static_dict = "{" + ", ".join(f"{s!r}: {s}" for s in operation.statics) + "}"
    slots = f"({''.join(f'{n}, ' for n in nodes)})"
    if any(kind == "Arrays" for _, kind, _ in operation.params):
        lines.append(f"flat = ({''.join(f'{f}, ' for f in flat)})")
        wants = "any([n.requires_grad for n in flat])"
    else:
        lines.append(f"flat = {slots}")
        wants = " or ".join(f"{n}.requires_grad" for n in nodes) or "False"
    tail, view_of = "H.wrap(node)", ""
    if operation.is_view:
        tail = f"H.wrap_view(node, {operation.params[0][0]}, OP, {static_dict}, flat[1:])"
        view_of = f", {operation.params[0][0]}"
    returned = "return " if not out else "result = "
    lines += [
        f"try: kernel = get({key})",
        "except TypeError: kernel = None",
        "if kernel is None or MODES[0]:",
        f"    {returned}slow(OP, {slots}, {static_dict}{view_of})",
        "else:",
        f"    node = record(kernel, flat, ({wants}) and kernel.carries_grad and STATE.grad)",
        "    if kernel.messages: node.site = site(2)",
        f"    {returned}finish_many(OP, node) if kernel.outputs is not None else {tail}",
    ]
    if out:
        lines.append("return result if out is None else H.assign_out(result, out)")
    source = f"def wrapper({', '.join(head)}):\n" + "".join(f"    {line}\n" for line in lines)
    exec(compile(source, f"<op {operation.name}>", "exec"), scope)
    return scope["wrapper"]
