"""Views as lenses: how a view reads through its base when that has moved on, and writes through
it."""

from __future__ import annotations

import jax.numpy as jnp

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
            return x.astype(to.numpy)

        out = aval_of(aval.shape, to, aval.place)
        kernel = KERNELS[key] = Kernel("to_copy", None, None, (aval,), body, out=out)
    return kernel
