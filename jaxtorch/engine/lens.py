"""Views as lenses: how a view reads through its base when that has moved on, and writes through
it."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxtorch import dtypes
from jaxtorch.engine.backward import emit
from jaxtorch.engine.graph import STATE, Aval, Node, Number, aval_of
from jaxtorch.engine.kernels import KERNELS, Kernel


def plain_avals(nodes) -> tuple:
    return tuple(
        aval_of(n.aval.shape, n.aval.dtype, n.aval.place) if n.aval.kind == "traced" else n.aval
        for n in nodes
    )


def read_through(node: Node, steps) -> list[Node]:
    """The nodes along a chain of views, from the base's own to the view's."""
    from jaxtorch.ops._dispatch import node_for

    nodes = [node]
    for op, statics, extras in steps:
        nodes.append(node_for(op, (nodes[-1], *extras), statics))
    return nodes


def write_through(base: Node, steps, value: Node) -> Node:
    """The base's new node, after ``value`` was written through a chain of views."""
    nodes, written = read_through(base, steps[:-1]), value
    try:
        for below, (op, statics, extras) in zip(reversed(nodes), reversed(steps), strict=True):
            value = _put(op, statics, below, value, extras)
    except Overlap as overlap:
        found = _put_apart(base, steps, written)
        if found is None:
            raise overlap.refusal() from None
        return found
    return value


class Overlap(Exception):
    """Two elements of a view are one of its base."""

    def refusal(self) -> RuntimeError:
        return RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )


def _put_apart(base: Node, steps, value: Node) -> Node | None:
    """``value`` written through views of which one shows elements twice, where the last shows none
    twice (``x.expand(4, 3)[1]``) or all that is written is one number; else None."""
    numbers = [n for _, _, extras in steps for n in extras]
    if any(n.__class__ is not Number for n in numbers) or any(op.retypes for op, _, _ in steps):
        return None
    written = tuple((op, *statics.values()) for op, statics, _ in steps)
    key = ("put apart", written, *[n.value for n in numbers], plain_avals((base, value)))
    kernel = KERNELS.get(key)
    if kernel is None:
        where = _places(base.aval.shape, steps).ravel()
        alike = value.kernel is not None and value.kernel.name in ("fill", "zeroed")
        if not alike and np.unique(where).size < where.size:
            return None

        def body(_, base, value):
            flat, values = base.ravel(), value.ravel().astype(base.dtype)
            return flat.at[where].set(values).reshape(base.shape)

        kernel = Kernel("copy_slices", None, None, plain_avals((base, value)), body)
        if not alike:
            KERNELS[key] = kernel
    wants_grad = STATE.grad and (base.requires_grad or value.requires_grad) and kernel.carries_grad
    return emit(kernel, (base, value), wants_grad)


def _places(shape: tuple, steps) -> np.ndarray:
    """Which element of a base of this shape each element of a chain of views is."""
    with jax.ensure_compile_time_eval():
        places = jnp.arange(math.prod(shape), dtype=jnp.int32).reshape(shape)
        for op, statics, extras in steps:
            names = [name for name, _, _ in op.params[1:]]
            given = dict(zip(names, [jnp.asarray(n.value) for n in extras], strict=True))
            places = op.body(**{op.params[0][0]: places}, **given, **statics)
        return np.asarray(places)


def _put(op, statics: dict, base: Node, value: Node, extras: tuple) -> Node:
    inputs = (base, value, *extras)
    avals = plain_avals(inputs)
    key = ("put", op, *statics.values(), *map(type, statics.values()), avals)
    kernel = KERNELS.get(key)
    if kernel is None:
        names = [name for name, _, _ in op.params[1:]]
        put = op.put or _by_index(op)

        def body(_, base, value, *rest):
            rest = dict(zip(names, rest, strict=True))
            if not op.retypes:
                value = value.astype(base.dtype)
            return put(base, value, **rest, **statics).astype(base.dtype)

        kernel = KERNELS[key] = Kernel("copy_slices", None, None, avals, body)
    wants_grad = STATE.grad and (base.requires_grad or value.requires_grad) and kernel.carries_grad
    return emit(kernel, inputs, wants_grad)


def _by_index(op):
    """A put for any view op: where each element of the view lies in the base."""

    def put(base, value, **arguments):
        first = op.params[0][0]
        places = jnp.arange(base.size, dtype=jnp.int32).reshape(base.shape)
        where = op.body(**{first: places}, **arguments)
        return base.ravel().at[where.ravel()].set(value.ravel()).reshape(base.shape)

    return put


# The nodes of functions that return several views, which PyTorch lets nobody write to one of.
_SEVERAL = {"SplitBackward0", "SplitWithSizesBackward0", "UnbindBackward0"}


def differentiable(view) -> bool:
    """Does autograd see through the chain of views? Not through another dtype of the bytes."""
    return not any(op.nondiff for op, _, _ in view._steps)


def check_write(view, old: Node, new: Node) -> None:
    """Refuse, as PyTorch does, in-place operations on views whose history could not be kept."""
    base = view._base._node
    if not (base.requires_grad or new.requires_grad):
        return
    several = any(statics.get("node") in _SEVERAL for _, statics, _ in view._steps)
    if several:
        why = (
            "This view is the output of a function that returns multiple views. Such functions do "
            "not allow the output views to be modified inplace. You should replace the inplace "
            "operation by an out-of-place one."
        )
    elif base.requires_grad and not old.requires_grad and differentiable(view):
        why = (
            "Given that this use case is ambiguous and error-prone, it is forbidden. You can "
            "clarify your code by moving both the view and the inplace either both inside the "
            "no_grad block (if you don't want the inplace to be tracked) or both outside (if you "
            "want the inplace to be tracked)."
        )
    else:
        return
    if not old.requires_grad:
        raise RuntimeError(
            "A view was created in no_grad mode and is being modified inplace with grad mode "
            f"enabled. {why}"
        )
    op, statics, _ = view._steps[-1]
    name = statics.get("node", op.name.strip("_").title().replace("_", ""))
    raise RuntimeError(
        f"Output {view._output} of {name.removesuffix('Backward0')} is a view and is being "
        f"modified inplace. {why}"
    )


def cast_kernel(aval: Aval, to) -> Kernel:
    """The kernel that casts to a dtype, with torch's rules for bool and complex."""
    key = ("cast", aval, to)
    kernel = KERNELS.get(key)
    if kernel is None:

        def body(_, x):
            if to.category == 0:
                return x != 0
            if to.category < 3 and jnp.iscomplexobj(x):
                x = x.real
            if to is dtypes.float8_e4m3fn:  # as ops._promote.cast
                x = jnp.clip(x, -448, 448)
            return x.astype(to.numpy)

        out = aval_of(aval.shape, to, aval.place)
        kernel = KERNELS[key] = Kernel("to_copy", None, None, (aval,), body, out=out)
    return kernel
