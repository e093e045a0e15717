"""From the arguments of a call to a recorded node: lifting, first sights, modes and traces."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import jax
import numpy as np
from jax._src.interpreters.ad import LinearizeTracer

from jaxtorch.engine import catching, evaluate, graph
from jaxtorch.engine.graph import NOTHING, STATE, Node, Number, aval_of, record
from jaxtorch.engine.handles import (
    Handles,
    TensorBase,
    node_of_array,
    node_of_numpy,
    node_of_result,
    project,
)
from jaxtorch.engine.inspect import site
from jaxtorch.engine.kernels import KERNELS, Kernel
from jaxtorch.engine.trace import Pullback
from jaxtorch.ops import _result_type
from jaxtorch.ops._dims import type_name
from jaxtorch.ops._overrides import Overridden, overrides

if TYPE_CHECKING:
    from jaxtorch.ops._op import Op


MISSING = object()  # the default of what has to be given, by another name perhaps


def missing(operation: Op, parameter: str) -> TypeError:
    return TypeError(f'{operation.name}() missing 1 required positional arguments: "{parameter}"')


def lift(operation: Op, position: int, x):
    """The node of an argument that is not a plain handle."""
    if isinstance(x, TensorBase):
        if x.__class__ not in Handles.classes and overrides(x):
            raise Overridden
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
    if overrides(x):
        raise Overridden
    if x is MISSING:
        raise missing(operation, name)
    raise TypeError(
        f"{operation.name}(): argument '{name}' (position {position + 1}) must be "
        f"{'Number' if kind == 'Scalar' else 'Tensor'}, not {type_name(x)}"
    )


def factors_first(function, names: list[str], arguments: tuple, **given):
    """A call with the factors among the tensors: ``addcmul(x, value, a, b)``,
    ``addmm(beta, x, alpha, a, b)``."""
    numbers = [x for x in arguments if as_number(x) is not None]
    tensors = [x for x in arguments if as_number(x) is None]
    wanted = function.op.body.__code__.co_argcount
    if len(tensors) != wanted or len(numbers) > len(names):
        raise TypeError(
            f"{function.__name__}() takes {wanted} positional arguments but {len(arguments)} were "
            "given"
        )
    warnings.warn(
        f"{function.__name__}() with its factors among the tensors is deprecated: give them by "
        f"name ({', '.join(names)})",
        UserWarning, stacklevel=3,
    )  # fmt: skip
    return function(*tensors, **given | dict(zip(names, numbers, strict=False)))


def is_operand(x) -> bool:
    """Whether ``lift`` takes x for an Operand."""
    return isinstance(x, (TensorBase, jax.Array, np.ndarray, np.generic, int, float, complex))


def lift_many(operation: Op, position: int, xs) -> tuple:
    if not isinstance(xs, (list, tuple)):
        if overrides(xs):
            raise Overridden
        raise TypeError(
            f"{operation.name}(): argument '{operation.params[position][0]}' (position "
            f"{position + 1}) must be tuple of Tensors, not {type_name(xs)}"
        )
    try:
        return tuple([lift(operation, position, x) for x in xs])
    except TypeError:
        for i, x in enumerate(xs):
            if not isinstance(x, (TensorBase, jax.Array)):
                raise TypeError(
                    f"expected Tensor as element {i} in argument {position}, but got "
                    f"{type(x).__name__}"
                ) from None
        raise


def as_number(x) -> Number | None:
    if x.__class__ in graph.NUMBER_AVALS:
        if x.__class__ is int and not -(2**63) <= x < 2**63:
            if not -(2**63) <= x < 2**64:
                raise OverflowError("int too big to convert")
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
    if STATE.function_modes:
        raise Overridden
    statics = {k: _plain(v) for k, v in statics.items()}
    if STATE.lift is not None:
        given, slots = slots, STATE.lift(slots)
        viewed = viewed if slots == given else None
    mode = STATE.mode
    if mode is not None:
        return mode(operation, slots, statics, viewed)
    try:
        return dispatch(operation, slots, statics, viewed)
    except Exception as error:
        raise _begun_here(error)  # noqa: B904  (the same error)


def _begun_here(error: Exception) -> Exception:
    """An op's error without the frames of tracing its body, so that what a program shows ends
    soon after its own line. They stay where code of others was run (a flax layer's), and where
    ``jax_traceback_filtering`` is "off"."""
    if jax.config.jax_traceback_filtering == "off":
        return error
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _OURS:
            return error
        frame = frame.tb_next
    return error.with_traceback(None)


_OURS = frozenset({"jaxtorch", "jax", "jaxlib", "numpy"})


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
        if wants_grad and STATE.saving is not None:
            raise NotImplementedError(
                f"saved_tensors_hooks around {operation.name} inside a JAX trace, where JAX itself "
                "keeps what the gradient needs"
            )
        return run_traced(kernel, flat, wants_grad)
    node = record(kernel, flat, wants_grad)
    if kernel.messages:
        node.site = site(3)
    if wants_grad and STATE.saving is not None:
        Handles.saved(node)
    return node


def kernel_of(operation: Op, layout: tuple, statics: dict, avals: tuple) -> Kernel:
    key = (operation, *_flags(statics), *(n for n in layout if n is not None), *avals)
    kernel = KERNELS.get(key)
    if kernel is None:
        _result_type.same_place(operation.name, avals)
        body = operation.bind(layout, statics, avals)
        try:
            kernel = Kernel(
                operation.name, operation, statics, avals, body, nondiff=operation.nondiff
            )
        except (TypeError, ValueError) as refusal:
            wrong = _refused_dtype(refusal, avals)
            if wrong is None:
                raise
            raise NotImplementedError(
                f"\"{operation.name}\" not implemented for '{wrong.legacy}'"
            ) from refusal
        KERNELS[key] = kernel
    return kernel


def _refused_dtype(refusal: Exception, avals: tuple):
    """The dtype of an input that JAX refuses in its own words; None if it is not about that."""
    for dtype in {a.dtype for a in avals if a.kind == "array"}:
        name = "complex" if dtype.is_complex else dtype.numpy.name
        forms = rf"dtype\W*{name}", rf"does not support {name}", rf"data type '{dtype.numpy.kind}'"
        if dtype.is_complex:
            forms = (*forms, "complex types", "complex value")
        if re.search("|".join(forms), str(refusal)):
            return dtype
    return None


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
    arrays = []
    for i in flat:
        if i.__class__ is Number:
            arrays.append(np.asarray(i.value, i.aval.dtype.numpy))
        else:
            arrays.append(None if i is NOTHING else evaluate.force(i))
    if not jax.config.jax_enable_x64:
        _refuse_wide(kernel, arrays)
    outside = STATE.reverse or (
        not STATE.linearizing and any(isinstance(a, LinearizeTracer) for a in arrays)
    )
    needs = tuple(
        i.requires_grad or (outside and i.aval.dtype is not None and i.aval.dtype.category >= 2)
        for i in flat
    )
    edges = None
    if wants_grad and not outside:
        out, edges = Pullback.run(kernel, arrays, needs)
    else:
        out = kernel.plain(*arrays, reverse=needs if outside else None)
    node = node_of_result(out)
    node.kernel = kernel
    if wants_grad:
        node.inputs = flat
        node.requires_grad = True
        node.edges = edges
    return node


def _refuse_wide(kernel: Kernel, arrays) -> None:
    """A captured value that JAX would narrow in a trace with 64-bit types off must survive it."""
    for array in arrays:
        if not isinstance(array, jax.Array) or isinstance(array, jax.core.Tracer):
            continue
        dtype = array.dtype
        if dtype.name in ("float64", "complex128"):
            lost = True
        elif dtype.name in ("int64", "uint64"):
            values, narrow = np.asarray(array), np.iinfo(dtype.name.replace("64", "32"))
            lost = values.size and not (narrow.min <= values.min() <= values.max() <= narrow.max)
        else:
            lost = False
        if lost:
            raise RuntimeError(
                f"{kernel.name} got a {dtype.name} tensor that would lose digits inside a bare "
                "jax.jit, where 64-bit types are off: use jaxtorch.jit, or call it under "
                "jax.enable_x64(True)"
            )


def promptly(result):
    """Let the checks of what was just recorded speak up at once, if somebody could catch it."""
    node = (result[0] if isinstance(result, tuple) else result)._node
    if node.aval.kind == "traced" or node.value is not None or node.kernel is None:
        return
    source = node if node.kernel.index is None else node.inputs[0]
    if source.kernel.messages and node.aval.place != "meta" and catching.somewhere(2):
        source.site = None  # the traceback shows the line
        evaluate.force(node)
        evaluate.read_checks(block=True)


def finish_many(operation: Op, node: Node):
    handles = tuple([Handles.wrap(project(node, i)) for i in range(len(node.kernel.outputs))])
    for i, handle in enumerate(handles):
        handle._output = i
    return operation.result(*handles) if operation.result is not None else handles
