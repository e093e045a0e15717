"""``torch.cond`` and ``torch.while_loop``: branches and loops that a compiled program may take.

Outside JAX's traces a tensor has a value, and Python's own ``if`` and ``while`` are run. Inside one
(``jaxtorch.jit``) they become ``lax.cond`` and ``lax.while_loop``.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
from jax import lax

from jaxtorch.func._trees import in_trace
from jaxtorch.tensor import Tensor

__all__ = ["cond", "while_loop"]

_TREE = (
    "to be a tuple of possibly nested dict/list/tuple that only consists of tensor leaves, but got"
)


def cond(
    pred: bool | int | float | Tensor, true_fn: Callable, false_fn: Callable,
    operands: tuple | list = (),
):  # fmt: skip
    """``true_fn(*operands)`` if ``pred`` holds, else ``false_fn(*operands)``.

    ``pred`` is a number or a tensor of one element. Inside a JAX trace both give tensors of the
    same shapes and dtypes; gradients pass in either case.
    """
    if not isinstance(pred, Tensor):
        return (true_fn if pred else false_fn)(*operands)
    if pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
    if not (callable(true_fn) and callable(false_fn)):
        raise RuntimeError("Expect both branches to be callable.")
    if not isinstance(operands, (tuple, list)) or not _all_tensors(operands):
        raise RuntimeError(f"Expect operands {_TREE} {operands}.")
    if not in_trace(pred):
        return (true_fn if pred else false_fn)(*operands)
    return lax.cond(pred.reshape(()).jax() != 0, true_fn, false_fn, *operands)


def while_loop(cond_fn: Callable, body_fn: Callable, carried_inputs: tuple | list):
    """``carried_inputs``, replaced by ``body_fn(*carried)`` while ``cond_fn(*carried)`` holds.

    Inside a JAX trace the shapes and dtypes stay the same throughout, and no gradient passes
    backwards: the number of rounds is not known when the program is made.
    """
    if not (callable(cond_fn) and callable(body_fn)):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    if not isinstance(carried_inputs, (tuple, list)):
        raise RuntimeError(f"Expect carried_inputs to be a tuple or a list, got {carried_inputs!r}")
    carried = tuple(carried_inputs)
    while True:
        more = cond_fn(*carried)
        if isinstance(more, Tensor):
            if more.numel() != 1:
                raise RuntimeError(f"cond_fn should return a boolean scalar, got {more}")
            if in_trace(more):
                return _traced_loop(cond_fn, body_fn, carried)
        if not more:
            return carried
        after = tuple(body_fn(*carried))
        if len(after) != len(carried):
            raise RuntimeError(
                f"body_fn should return as many values as it takes, {len(carried)}, got "
                f"{len(after)}"
            )
        carried = after


def _traced_loop(cond_fn: Callable, body_fn: Callable, carried: tuple):
    def more(carried):
        return cond_fn(*carried).reshape(()).jax() != 0

    return lax.while_loop(more, lambda carried: tuple(body_fn(*carried)), carried)


def _all_tensors(tree) -> bool:
    leaves = jax.tree.leaves(tree, is_leaf=lambda x: isinstance(x, Tensor))
    return all(isinstance(x, Tensor | int) for x in leaves)
