"""jaxtorch.jit: pure functions of Tensors, Modules and pytrees, compiled by XLA."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
from flax import nnx
from flax.nnx.summary import ArrayRepr

from jaxtorch import random
from jaxtorch.engine import trace
from jaxtorch.engine.graph import STATE
from jaxtorch.tensor import Tensor

__all__ = ["jit"]


def jit(
    func: Callable | None = None, *, static_argnums=(), static_argnames=(), donate_argnums=(),
    donate_argnames=(),
) -> Callable:  # fmt: skip
    """``jax.jit`` for functions of Tensors, Modules and any pytree.

    As ``jax.jit``, with PyTorch's 64-bit types; what a Module passed as an argument changes in
    itself (BatchNorm's statistics, a parameter updated in place) is kept; random operations draw
    from a key that is fresh on every call and follows ``manual_seed``. A value that would leak out
    of the trace raises and names the line.
    """
    if func is None:
        return functools.partial(
            jit, static_argnums=static_argnums, static_argnames=static_argnames,
            donate_argnums=donate_argnums, donate_argnames=donate_argnames,
        )  # fmt: skip

    def keyed(words, *args, **kwargs):
        before, STATE.reverse = STATE.reverse, False
        try:
            trace.begin()  # a function without traced arguments makes Tensors of its own too
            with random.keys_from(words):
                return func(*args, **kwargs)
        finally:
            STATE.reverse = before

    def without_modules(words, *args, **kwargs):
        if _has_modules((args, kwargs)):
            raise _HasModulesError
        out = keyed(words, *args, **kwargs)
        if _has_modules(out):
            raise _HasModulesError
        return out

    for function in (keyed, without_modules):
        functools.update_wrapper(function, func)
        del function.__wrapped__  # jit would read the signature without `words`
    options = {
        "static_argnums": _after(static_argnums), "static_argnames": static_argnames or None,
        "donate_argnums": _after(donate_argnums) or None,
        "donate_argnames": donate_argnames or None,
    }  # fmt: skip
    with_modules = nnx.jit(keyed, **options)
    plain = jax.jit(without_modules, **options)  # nnx.jit walks all arguments in Python
    has_modules = False

    @functools.wraps(func)
    def run(*args, **kwargs):
        nonlocal has_modules
        words = random.next_call_seed()
        with jax.enable_x64(True):
            if not has_modules:
                try:
                    return plain(words, *args, **kwargs)
                except (_HasModulesError, TypeError) as error:
                    if not (isinstance(error, _HasModulesError) or _has_modules((args, kwargs))):
                        raise
                    has_modules = True
            return with_modules(words, *args, **kwargs)

    def lower(*args, **kwargs):
        return with_modules.lower(random.next_call_seed(), *args, **kwargs)

    run.lower = lower
    return run


class _HasModulesError(Exception):
    """Modules or flax's variables go in or come out: flax has to thread their state."""


def _has_modules(tree) -> bool:
    is_module = nnx.graph.is_graph_node
    return any(map(is_module, jax.tree.leaves(tree, is_leaf=is_module)))


def _after(argnums):
    """Argument numbers moved one up: the random key goes first."""
    if isinstance(argnums, int):
        return (argnums + 1,)
    return tuple(n + 1 for n in argnums)


def _flatten(t: Tensor):
    return (t.__dict__.get("_opaque", None) if "_opaque" in t.__dict__ else t.jax(),), None


def _unflatten(_, leaves) -> Tensor:
    (leaf,) = leaves
    if isinstance(leaf, jax.Array):
        return Tensor(leaf)
    if isinstance(leaf, ArrayRepr):
        return leaf  # nnx.tabulate prints it as it does an array's
    # jax passes markers and shapes through trees as well
    t = object.__new__(Tensor)
    t._opaque = leaf
    return t


jax.tree_util.register_pytree_node(Tensor, _flatten, _unflatten)
