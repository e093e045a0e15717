"""Views as lenses: how a view reads through its base when that has moved on, and writes through
it."""

from __future__ import annotations

import jax.numpy as jnp

from jaxtorch import dtypes
from jaxtorch.engine.backward import emit
from jaxtorch.engine.graph import STATE, Aval, Node, aval_of
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
    nodes = read_through(base, steps[:-1])
    for below, (op, statics, extras) in zip(reversed(nodes), reversed(steps), strict=True):
        value = _put(op, statics, below, value, extras)
    return value


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
