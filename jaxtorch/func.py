"""Function transforms, as in torch.func, on functions of Tensors and pytrees of them.

Outside a JAX trace ``grad`` and ``vjp`` go through the engine, so that the function may branch on
values and still runs as one program; inside one they are JAX's own. ``vmap``, ``jvp`` and what is
built on them are JAX's in either case.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable

import jax
from jax._src.core import trace_state_clean

from jaxtorch import autograd
from jaxtorch.engine import backward as engine_backward
from jaxtorch.engine.graph import STATE
from jaxtorch.tensor import Tensor, is_traced

__all__ = [
    "functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
    "stack_module_state", "value_and_grad", "vjp", "vmap",
]  # fmt: skip


def _is_tensor(x) -> bool:
    return isinstance(x, Tensor)


def tensors_of(tree) -> list[Tensor]:
    """The Tensors in a pytree."""
    return [x for x in jax.tree.leaves(tree, is_leaf=_is_tensor) if isinstance(x, Tensor)]


def _in_trace(tree) -> bool:
    leaves = jax.tree.leaves(tree, is_leaf=_is_tensor)
    return any(
        is_traced(x._read()) if isinstance(x, Tensor) else isinstance(x, jax.core.Tracer)
        for x in leaves
    )


@contextlib.contextmanager
def _transform(reverse: bool):
    """JAX differentiates in here: autograd stays out of it, 64-bit types are on, and a reverse-mode
    transform sees the ops' own vjps."""
    before = STATE.grad, STATE.reverse
    STATE.grad, STATE.reverse = False, reverse
    try:
        with jax.enable_x64(True):
            yield
    finally:
        STATE.grad, STATE.reverse = before


def _arrays(tree):
    """A pytree's Tensors as jax arrays."""
    return jax.tree.map(lambda x: x.jax() if isinstance(x, Tensor) else x, tree, is_leaf=_is_tensor)


def _like(tree, template):
    """``tree`` with Tensors where the template has them."""
    return jax.tree.map(
        lambda t, x: Tensor(x) if isinstance(t, Tensor) else x, template, tree, is_leaf=_is_tensor
    )


def _wrapped(tree):
    return jax.tree.map(
        lambda x: Tensor(x) if isinstance(x, jax.Array) else x, tree, is_leaf=_is_tensor
    )


def _picked(args: tuple, argnums):
    many = isinstance(argnums, (tuple, list))
    nums = tuple(argnums) if many else (argnums,)
    for n in nums:
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"Got argnum={n}, but only {len(args)} positional inputs")
    return many, tuple(n % len(args) for n in nums)


def value_and_grad(func: Callable, argnums=0, has_aux: bool = False) -> Callable:
    """``f(*args) -> (value, gradient)`` for a function whose value is a Tensor of one element.

    ``argnums`` says which positional arguments (pytrees of Tensors) to differentiate; with
    ``has_aux`` the function returns ``(value, aux)`` and so does the value here.
    """

    @functools.wraps(func)
    def run(*args, **kwargs):
        many, nums = _picked(args, argnums)
        if _in_trace((args, kwargs)) or not trace_state_clean():
            return _traced_value_and_grad(func, args, kwargs, many, nums, has_aux)
        return _recorded_value_and_grad(func, args, kwargs, many, nums, has_aux)

    return run


def _traced_value_and_grad(func, args, kwargs, many, nums, has_aux):
    def scalar(*args):
        out = func(*args, **kwargs)
        value, aux = out if has_aux else (out, None)
        _check_scalar(value)
        return value.jax(), (aux, value.shape)

    with _transform(reverse=True):
        (value, (aux, _)), grads = jax.value_and_grad(
            scalar, argnums=nums if many else nums[0], has_aux=True
        )(*args)
    value = Tensor(value)
    return ((value, aux) if has_aux else value), grads


def _check_scalar(value) -> None:
    if not isinstance(value, Tensor):
        raise RuntimeError(f"Expected f(*args) returned to be a Tensor, got {type(value).__name__}")
    if value.dim() != 0:
        raise RuntimeError(
            "grad and value_and_grad expect the function to return a scalar tensor, got a tensor "
            "with "
            f"{value.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
        )


def _recorded_value_and_grad(func, args, kwargs, many, nums, has_aux):
    outer = STATE.grad  # a transform around this one may differentiate what happens here
    args = list(args)
    inputs = []
    with autograd.enable_grad():
        for n in nums:
            args[n] = jax.tree.map(_tracked, args[n], is_leaf=_is_tensor)
            inputs.append(args[n])
        out = func(*args, **kwargs)
        value, aux = out if has_aux else (out, None)
        _check_scalar(value)
        flat, tree = jax.tree.flatten(tuple(inputs), is_leaf=_is_tensor)
        nested = outer and _depends_on_others(value, flat)
        if value.requires_grad:
            found = autograd.grad(value, flat, create_graph=nested, materialize_grads=True)
        else:
            found = [t.detach() * 0 for t in flat]
    grads = jax.tree.unflatten(tree, found)
    if not nested:
        value = value.detach()
        aux = jax.tree.map(lambda t: t.detach() if _is_tensor(t) else t, aux, is_leaf=_is_tensor)
    return ((value, aux) if has_aux else value), (grads if many else grads[0])


def _depends_on_others(value: Tensor, inputs: list[Tensor]) -> bool:
    """Does anything else that requires grad lead to ``value``, by a closure or an input?"""
    own = {t._meta for t in inputs if t.is_leaf}
    return any(n.meta not in own for n in engine_backward.leaves([value._read()]))


def _tracked(t: Tensor) -> Tensor:
    """A Tensor to differentiate with respect to: new, but leading back to ``t`` if it requires
    grad."""
    if not isinstance(t, Tensor):
        raise RuntimeError(f"expected a Tensor to differentiate, got {type(t).__name__}")
    if t.requires_grad:
        return t.view_as(t)
    return t.detach().clone().requires_grad_()


def grad(func: Callable, argnums=0, has_aux: bool = False) -> Callable:
    """``f(*args) -> gradient`` (``(gradient, aux)`` with ``has_aux``); see ``value_and_grad``."""
    both = value_and_grad(func, argnums, has_aux)

    @functools.wraps(func)
    def run(*args, **kwargs):
        value, grads = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return run


def grad_and_value(func: Callable, argnums=0, has_aux: bool = False) -> Callable:
    """``f(*args) -> (gradient, value)``, torch.func's order."""
    both = value_and_grad(func, argnums, has_aux)

    @functools.wraps(func)
    def run(*args, **kwargs):
        value, grads = both(*args, **kwargs)
        return grads, value

    return run


def vjp(func: Callable, *primals, has_aux: bool = False):
    """``(output, f)`` with ``f(cotangents)`` the gradients for ``primals`` (a tuple, or the
    one)."""
    aux = None

    def run(*args):
        out = func(*args)
        return (_arrays(out[0]), out[1]) if has_aux else _arrays(out)

    with _transform(reverse=True):
        if has_aux:
            out, pull, aux = jax.vjp(run, *primals, has_aux=True)
        else:
            out, pull = jax.vjp(run, *primals)
    template = _wrapped(out)

    def back(*cotangents):
        given = cotangents[0] if len(cotangents) == 1 else cotangents
        with _transform(reverse=True):
            found = pull(_arrays(given))
        return found[0] if len(primals) == 1 else found

    return (template, back, aux) if has_aux else (template, back)


def jvp(
    func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False
):
    """``(output, directional derivative)`` at ``primals`` along ``tangents``, tuples alike."""
    if strict:
        raise NotImplementedError("jvp(strict=True)")
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError("jvp(f, primals, tangents): Expected primals and tangents to be tuples")

    def run(*args):
        out = func(*args)
        return (_arrays(out[0]), out[1]) if has_aux else _arrays(out)

    with _transform(reverse=False):
        found = jax.jvp(run, primals, tangents, has_aux=has_aux)
    return (_wrapped(found[0]), _wrapped(found[1]), *found[2:])


def _of_arrays(func: Callable, has_aux: bool) -> Callable:
    def run(*args, **kwargs):
        out = func(*args, **kwargs)
        return (_arrays(out[0]), out[1]) if has_aux else _arrays(out)

    return run


def _jacobian(transform, reverse: bool, func, argnums, has_aux):
    @functools.wraps(func)
    def run(*args, **kwargs):
        with _transform(reverse):
            found = transform(_of_arrays(func, has_aux), argnums, has_aux=has_aux)(*args, **kwargs)
        return _wrapped(found)

    return run


def jacrev(func: Callable, argnums=0, *, has_aux: bool = False, chunk_size=None,
           _preallocate_and_copy: bool = False) -> Callable:  # fmt: skip
    """The Jacobian, row by row in reverse mode: output shape, then input shape. It is computed in
    one piece, so ``chunk_size`` must be None."""
    if chunk_size is not None or _preallocate_and_copy:
        raise NotImplementedError("jacrev(chunk_size=...)")
    return _jacobian(jax.jacrev, True, func, argnums, has_aux)


def jacfwd(
    func: Callable, argnums=0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable:
    """The Jacobian, column by column in forward mode: output shape, then input shape."""
    if randomness != "error":
        raise NotImplementedError(f"jacfwd(randomness={randomness!r})")
    return _jacobian(jax.jacfwd, False, func, argnums, has_aux)


def hessian(func: Callable, argnums=0) -> Callable:
    """The matrix of second derivatives, forward over reverse."""
    return jacfwd(jacrev(func, argnums), argnums)


def vmap(
    func: Callable, in_dims=0, out_dims=0, randomness: str = "error", *, chunk_size=None
) -> Callable:
    """``func`` over a batch: ``in_dims`` says which dimension of each argument it is (None:
    none)."""
    if randomness != "error":
        raise NotImplementedError(f"vmap(randomness={randomness!r}): draw the numbers outside")
    if chunk_size is not None:
        raise NotImplementedError("vmap(chunk_size=...)")

    @functools.wraps(func)
    def run(*args, **kwargs):
        before, STATE.grad = STATE.grad, False
        try:
            with jax.enable_x64(True):
                out = jax.vmap(
                    lambda *a: _arrays(func(*a, **kwargs)), in_axes=in_dims, out_axes=out_dims
                )(*args)
        finally:
            STATE.grad = before
        return _wrapped(out)

    return run


# ---------------------------------------------------------------------------------------------


def functional_call(
    module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights: bool = True,
    strict: bool = False,
):  # fmt: skip
    """``module(*args, **kwargs)`` with the given Tensors (by name) as its parameters and buffers.

    What the call writes to a buffer is written to the given one; the module itself keeps its own.
    """
    given: dict = {}
    dicts = parameter_and_buffer_dicts
    for d in dicts if isinstance(dicts, (list, tuple)) else (dicts,):
        if repeated := given.keys() & d.keys():
            raise ValueError(f"{sorted(repeated)} appeared in multiple dictionaries")
        given.update(d)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    handles = _handles(module)
    if unknown := [name for name in given if name not in handles]:
        raise RuntimeError(f"Unexpected key(s): {', '.join(map(repr, unknown))}.")
    if strict and (missing := handles.keys() - given.keys()):
        raise RuntimeError(f"Missing key(s): {', '.join(map(repr, sorted(missing)))}.")
    swapped = {}
    for name, value in given.items():
        handle = handles[name]
        if id(handle) in swapped and not tie_weights:
            raise NotImplementedError("functional_call(tie_weights=False) with tied weights")
        value = value if isinstance(value, Tensor) else Tensor(value)
        swapped.setdefault(id(handle), (handle, _Swap(handle, value)))
    try:
        return module(*args, **(kwargs or {}))
    finally:
        for handle, swap in swapped.values():
            swap.undo(handle)


def _handles(module) -> dict[str, Tensor]:
    named = dict(module.named_parameters(remove_duplicate=False))
    named.update(module.named_buffers(remove_duplicate=False))
    return named


class _Swap:
    """Another Tensor's value and history in a handle, until it is undone."""

    names = ("_node", "_ticket", "_meta", "_base", "_steps", "_seen", "_trace", "_storage")

    def __init__(self, handle: Tensor, given: Tensor):
        self.given = given
        self.kept = {k: v for k, v in vars(handle).items() if k in self.names}
        node = given._read()
        for k in self.names:
            handle.__dict__.pop(k, None)
        handle.__dict__["_meta"] = given._meta
        Tensor._bind(handle, node)
        self.version = handle._version

    def undo(self, handle: Tensor) -> None:
        if handle._version != self.version:
            self.given._set(handle._node)
        for k in self.names:
            handle.__dict__.pop(k, None)
        handle.__dict__.update(self.kept)


def stack_module_state(models) -> tuple[dict, dict]:
    """(parameters, buffers) of alike modules, stacked along a new first dimension, for ``vmap``."""
    from jaxtorch.ops.shaping import stack

    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return (
        {k: stack([p[k].detach() for p in parameters]).requires_grad_() for k in parameters[0]},
        {k: stack([b[k] for b in buffers]) for k in buffers[0]},
    )
