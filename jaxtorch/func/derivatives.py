"""Derivatives of functions of Tensors and pytrees of them.

Outside a JAX trace ``grad`` and ``vjp`` go through the engine, so that the function may branch on
values and still runs as one program; inside one they are JAX's own. The others are JAX's in either
case.
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
from jaxtorch.func._outer import differentiable
from jaxtorch.func._trees import arrays, in_order, in_trace, is_tensor, plain, shell, wrapped
from jaxtorch.tensor import Tensor

__all__ = [
    "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
    "value_and_grad", "vjp",
]  # fmt: skip


@contextlib.contextmanager
def _transform(reverse: bool):
    """JAX differentiates in here: autograd stays out of it, 64-bit types are on, and a reverse-mode
    transform sees the ops' own vjps."""
    before = STATE.grad, STATE.reverse, STATE.linearizing
    STATE.grad, STATE.reverse, STATE.linearizing = False, reverse, not reverse
    try:
        with jax.enable_x64(True):
            yield
    finally:
        STATE.grad, STATE.reverse, STATE.linearizing = before


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
        if in_trace((args, kwargs)) or not trace_state_clean():
            return _traced_value_and_grad(func, args, kwargs, many, nums, has_aux)
        return _recorded_value_and_grad(func, args, kwargs, many, nums, has_aux)

    return run


def _traced_value_and_grad(func, args, kwargs, many, nums, has_aux):
    aux_shell = None

    def scalar(*traced):
        nonlocal aux_shell
        out = func(*in_order(traced, args), **kwargs)
        value, aux = _with_aux("grad_and_value", out) if has_aux else (out, None)
        _check_scalar(value)
        aux_shell = shell(aux)
        return value.jax(), (aux, value.shape)

    with _transform(reverse=True):
        (value, (aux, _)), grads = jax.value_and_grad(scalar, argnums=nums, has_aux=True)(
            *plain(args)
        )
    grads = in_order(grads, tuple(args[n] for n in nums))
    value = Tensor(value)
    found = (value, in_order(aux, aux_shell)) if has_aux else value
    return found, grads if many else grads[0]


def _check_scalar(value) -> None:
    what = "grad_and_value(f)(*args): Expected f(*args) to return a"
    if not isinstance(value, Tensor):
        raise RuntimeError(f"{what} Tensor, got {type(value)}")
    if value.dim() != 0:
        raise RuntimeError(
            f"{what} scalar Tensor, got tensor with {value.dim()} dims. Maybe you wanted to use "
            "the vjp or jacrev APIs instead?"
        )


def _recorded_value_and_grad(func, args, kwargs, many, nums, has_aux):
    outer = STATE.grad  # a transform around this one may differentiate what happens here
    args = list(args)
    inputs = []
    with autograd.enable_grad():
        for n in nums:
            args[n] = in_order(jax.tree.map(_tracked, args[n], is_leaf=is_tensor), args[n])
            inputs.append(args[n])
        out = func(*args, **kwargs)
        value, aux = _with_aux("grad_and_value", out) if has_aux else (out, None)
        _check_scalar(value)
        flat, tree = jax.tree.flatten(tuple(inputs), is_leaf=is_tensor)
        nested = outer and _depends_on_others(value, flat)
        if value.requires_grad:
            found = autograd.grad(value, flat, create_graph=nested, materialize_grads=True)
        else:
            found = [t.detach() * 0 for t in flat]
    grads = in_order(jax.tree.unflatten(tree, found), tuple(inputs))
    if not nested:
        value = value.detach()
        leaves = jax.tree.map(lambda t: t.detach() if is_tensor(t) else t, aux, is_leaf=is_tensor)
        aux = in_order(leaves, aux)
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
    """``(output, f)``: ``f(cotangents)``, structured as the output, is a tuple of the gradients for
    the primals. With ``has_aux`` the function returns ``(output, aux)``, and aux comes third."""
    if not primals:
        raise RuntimeError("vjp(f, *primals): expected at least one primal")
    if STATE.lift is None and trace_state_clean() and not in_trace(primals):
        return _recorded_vjp(func, primals, has_aux)

    shells = None

    def run(*args):
        nonlocal shells
        out = func(*in_order(args, primals))
        out, aux = _with_aux("vjp", out) if has_aux else (out, None)
        _only_tensors("vjp(f, *primals): expected f(*primals)", out)
        shells = shell(out), shell(aux)
        return arrays(out), aux

    with _transform(reverse=True):
        out, pull, aux = jax.vjp(run, *plain(primals), has_aux=True)
    template, aux = in_order((wrapped(out), aux), shells)
    structure = jax.tree.structure(template, is_leaf=is_tensor)

    def back(cotangents, retain_graph: bool = True, create_graph: bool | None = None) -> tuple:
        _check_cotangents(cotangents, structure)
        with _transform(reverse=True):
            return in_order(pull(arrays(cotangents)), primals)

    return (template, back, aux) if has_aux else (template, back)


def _recorded_vjp(func, primals: tuple, has_aux: bool):
    outer = STATE.grad
    with autograd.enable_grad():
        inputs = in_order(jax.tree.map(_tracked, primals, is_leaf=is_tensor), primals)
        out = func(*inputs)
    out, aux = _with_aux("vjp", out) if has_aux else (out, None)
    _only_tensors("vjp(f, *primals): expected f(*primals)", out)
    starts, tree = jax.tree.flatten(inputs, is_leaf=is_tensor)
    ends, structure = jax.tree.flatten(out, is_leaf=is_tensor)
    nested = outer and any(_depends_on_others(end, starts) for end in ends if end.requires_grad)

    def back(cotangents, retain_graph: bool = True, create_graph: bool | None = None) -> tuple:
        _check_cotangents(cotangents, structure)
        given = jax.tree.leaves(cotangents, is_leaf=is_tensor)
        pairs = [(e, g) for e, g in zip(ends, given, strict=True) if e.requires_grad]
        if create_graph is None:
            create_graph = STATE.grad and (nested or any(g.requires_grad for g in given))
        if pairs:
            roots, weights = map(list, zip(*pairs, strict=True))
            found = autograd.grad(
                roots, starts, weights, retain_graph=retain_graph, create_graph=create_graph,
                materialize_grads=True,
            )  # fmt: skip
        else:
            found = [t.detach() * 0 for t in starts]
        return in_order(jax.tree.unflatten(tree, found), primals)

    def result(x):
        return x.detach() if is_tensor(x) and not nested else x

    value = in_order(jax.tree.map(result, out, is_leaf=is_tensor), out)
    if not has_aux:
        return value, back
    return value, back, in_order(jax.tree.map(result, aux, is_leaf=is_tensor), aux)


def _check_cotangents(cotangents, structure) -> None:
    given = jax.tree.structure(cotangents, is_leaf=is_tensor)
    if given != structure:
        raise RuntimeError(
            "Expected pytree structure of cotangents to be the same as pytree structure of "
            f"outputs to the function. cotangents: {given}, primal output: {structure}"
        )


def _with_aux(name: str, out) -> tuple:
    if not isinstance(out, tuple) or len(out) != 2:
        raise RuntimeError(
            f"{name}(f)(*args): output of function f should be a tuple: (output, aux) if has_aux "
            "is True"
        )
    return out


def _only_tensors(what: str, out) -> None:
    leaves = jax.tree.leaves(out, is_leaf=lambda x: x is None or is_tensor(x))
    for leaf in leaves:
        if not is_tensor(leaf) and not isinstance(leaf, jax.Array):
            raise RuntimeError(f"{what} to return only tensors, got unsupported type {type(leaf)}")


def jvp(
    func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False
):
    """``(output, directional derivative)`` at ``primals`` along ``tangents``, tuples alike."""
    if strict:
        raise NotImplementedError("jvp(strict=True)")
    if not isinstance(primals, tuple):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to "
            "call f(*primals)."
        )
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not any(is_tensor(x) for x in jax.tree.leaves(given, is_leaf=is_tensor)):
            raise RuntimeError(
                f"jvp(f, primals, tangents): Expected {name} to contain at least one Tensor."
            )
    if jax.tree.structure(primals, is_leaf=is_tensor) != jax.tree.structure(
        tangents, is_leaf=is_tensor
    ):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python "
            "structure."
        )
    for x, t in zip(*(jax.tree.leaves(x, is_leaf=is_tensor) for x in (primals, tangents)),
                    strict=True):  # fmt: skip
        if x.shape != t.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the "
                f"original Tensor, this is not supported. Tensor is of size {list(x.shape)} while "
                f"the given forward gradient is of size {list(t.shape)}."
            )

    found = differentiable(functools.partial(_jvp, func, has_aux))(primals, tangents)
    return found if has_aux else found[:2]


def _jvp(func, has_aux: bool, primals: tuple, tangents: tuple) -> tuple:
    shells: tuple = ()

    def run(*args):
        nonlocal shells
        out = func(*in_order(args, primals))
        out, aux = _with_aux("jvp", out) if has_aux else (out, None)
        _only_tensors("jvp(f, primals, tangents): Expected f(*primals)", out)
        shells = shell(out), shell(out), shell(aux)
        return arrays(out), aux

    with _transform(reverse=False):
        out, along, aux = jax.jvp(run, plain(primals), plain(tangents), has_aux=True)
    return in_order((wrapped(out), wrapped(along), aux), shells)


def linearize(func: Callable, *primals):
    """``(output, f)``: ``f(*tangents)`` is the directional derivative at ``primals``, of which the
    function is computed once."""

    out_shell = None

    def run(*args):
        nonlocal out_shell
        out = func(*in_order(args, primals))
        _only_tensors("linearize(f, *primals): expected f(*primals)", out)
        out_shell = shell(out)
        return arrays(out)

    with _transform(reverse=False):
        out, push = jax.linearize(run, *plain(primals))

    def forward(*tangents):
        with _transform(reverse=False):
            return in_order(wrapped(push(*plain(tangents))), out_shell)

    return in_order(wrapped(out), out_shell), forward


def _jacobian(transform, reverse: bool, func, argnums, has_aux):
    @differentiable
    @functools.wraps(func)
    def run(*args, **kwargs):
        many, nums = _picked(args, argnums)
        inputs = tuple(args[n] for n in nums) if many else args[nums[0]]
        like = aux_like = None

        def of_arrays(*traced, **kwargs):
            nonlocal like, aux_like
            out = func(*in_order(traced, args), **kwargs)
            out, aux = out if has_aux else (out, None)
            like, aux_like = shell(out, shell(inputs)), shell(aux)
            return arrays(out), aux

        with _transform(reverse):
            found, aux = transform(of_arrays, argnums, has_aux=True)(*plain(args), **kwargs)
        found = in_order(wrapped(found), like)
        return (found, in_order(wrapped(aux), aux_like)) if has_aux else found

    return run


def jacrev(
    func: Callable, argnums=0, *, has_aux: bool = False, chunk_size=None,
    _preallocate_and_copy: bool = False,
) -> Callable:  # fmt: skip
    """The Jacobian, row by row in reverse mode: output shape, then input shape. It is computed in
    one piece: a ``chunk_size``, which saves memory in PyTorch, must be None."""
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
