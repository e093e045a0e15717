"""Backward for many cotangents at once: one walk, in which every gradient has a batch in front."""

from __future__ import annotations

import functools

import jax

from jaxtorch.engine.backward import Grad, Walk, parents, run_hooks
from jaxtorch.engine.graph import Node, aval_of
from jaxtorch.engine.handles import Handles
from jaxtorch.engine.kernels import KERNELS, Kernel

__all__ = ["batched_walk"]


def batched_walk(size: int):
    """What makes the Walk of a backward pass whose cotangents are ``size`` in a first dimension."""
    return functools.partial(_BatchedWalk, size)


class _BatchedWalk(Walk):
    """The gradient kernels are those of a single walk, under ``jax.vmap`` for the cotangents.

    Hooks and the backward of a Function are written for one cotangent: they get one at a time.
    """

    def __init__(self, size: int, create_graph: bool):
        super().__init__(create_graph)
        self.size = size

    def _gradient_of(self, kernel: Kernel, needs: tuple, have: tuple) -> Kernel:
        single = kernel.vjp(needs, have)
        key = ("batched", single.id, self.size)
        found = KERNELS.get(key)
        if found is None:
            given = len(kernel.avals)
            cotangents = tuple(
                aval_of((self.size, *a.shape), a.dtype, a.place) for a in single.avals[given:]
            )
            over = (None,) * given + (0,) * len(cotangents)

            def body(reverse, *arrays):
                return jax.vmap(functools.partial(single.body, reverse), in_axes=over)(*arrays)

            found = KERNELS[key] = Kernel(
                f"batched_{single.name}", None, None, single.avals[:given] + cotangents, body
            )
        return found

    def through_hooks(self, meta: Grad, cotangent: Node) -> Node:
        return _stacked([run_hooks(meta, self._row(cotangent, i)) for i in range(self.size)])

    def _row(self, cotangent: Node, i: int) -> Node:
        return Handles.wrap(cotangent)[i]._read()

    def _through(self, edges, node: Node, cotangent) -> None:
        if hasattr(edges, "pull"):
            raise NotImplementedError("is_grads_batched=True inside a jax trace: use jax.vmap")
        if hasattr(edges, "output_of") or hasattr(edges, "keeps"):
            super()._through(edges, node, cotangent)
            return
        many = cotangent if type(cotangent) is list else [cotangent]
        rows = []
        for i in range(self.size):
            row = [None if c is None else self._row(c, i) for c in many]
            rows.append(edges.gradients(row if type(cotangent) is list else row[0]))
        for parent, grads in zip(parents(node), zip(*rows, strict=True), strict=True):
            if grads[0] is not None and parent.requires_grad:
                self.give(parent, _stacked(grads))


def _stacked(nodes) -> Node:
    from jaxtorch.ops.shaping import stack

    return stack([Handles.wrap(n) for n in nodes])._node
