"""Jacobians, Hessians and their products with vectors, of functions of Tensors.

The inputs are Tensors or tuples of them, and results are nested as inputs and outputs are.
``strict`` refuses outputs that do not depend on an input, where otherwise zeros are given;
``create_graph`` gives results that can be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxtorch.autograd.backward import grad
from jaxtorch.autograd.grad_mode import enable_grad, is_grad_enabled, set_grad_enabled
from jaxtorch.ops.creation import eye, zeros_like
from jaxtorch.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

_STRICT = "This is not allowed in strict mode"
OUTPUTS = "outputs of the user-provided function"


def _tuple(given: Any, what: str, function: str) -> tuple[bool, tuple[Tensor, ...]]:
    """(was it a tuple, as a tuple)."""
    many = isinstance(given, tuple)
    for i, t in enumerate(given if many else (given,)):
        if not isinstance(t, Tensor):
            where = f"value at index {i}" if many else f"given {what}"
            raise TypeError(
                f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but "
                f"the {where} has type {type(t)}."
            )
    return many, given if many else (given,)


def _apart(tensors: tuple, create_graph: bool, requires_grad: bool) -> tuple:
    """Tensors of their own, so that what a function closes over is told from its arguments."""
    return tuple(
        t.view_as(t) if create_graph and t.requires_grad
        else t.detach().requires_grad_(requires_grad)
        for t in tensors
    )  # fmt: skip


def _finished(tensors: tuple, create_graph: bool, many: bool) -> Any:
    done = tensors if create_graph else tuple(t.detach() for t in tensors)
    return done if many else done[0]


def _vector(v: Any, like: tuple, many: bool, create_graph: bool, function: str, missing: str):
    """The vector to multiply with, checked; None where one element needs none."""
    if v is None:
        if len(like) != 1 or like[0].nelement() != 1:
            raise RuntimeError(missing)
        return None
    _, v = _tuple(v, "v", function)
    v = _apart(v, create_graph, False)
    if len(v) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}."
            if many else "The given v should contain a single Tensor."
        )  # fmt: skip
    for i, (given, wanted) in enumerate(zip(v, like, strict=True)):
        if given.shape != wanted.shape:
            entry = f"Entry {i} in " if many else ""
            raise RuntimeError(
                f"{entry}v has invalid size: should be {wanted.shape} but got {given.shape}."
            )
    return v


def _gradients(outputs, inputs, vectors=None, create_graph: bool = False, batched: bool = False):
    """``autograd.grad`` that passes over outputs without history."""
    vectors = (None,) * len(outputs) if vectors is None else vectors
    kept = [
        (o, v) for o, v in zip(outputs, vectors, strict=True) if o is not None and o.requires_grad
    ]
    if not kept:
        return (None,) * len(inputs)
    outputs, vectors = zip(*kept, strict=True)
    return grad(
        outputs, inputs, vectors, allow_unused=True, create_graph=create_graph,
        is_grads_batched=batched, retain_graph=True,
    )  # fmt: skip


def _need_history(tensors, complaint: Callable[[int], str], strict: bool) -> None:
    for i, t in enumerate(tensors if strict else ()):
        if t is None or not t.requires_grad:
            raise RuntimeError(complaint(i))


def _output_without_history(i: int) -> str:
    return (
        f"Output {i} of the user-provided function does not require gradients. The outputs must be "
        "computed in a differentiable manner from the input when running in strict mode."
    )


def _jacobian_independent(i: int) -> str:
    return (
        "While computing the hessian, found that the jacobian of the user-provided function with "
        f"respect to input {i} is independent of the input. {_STRICT}. You should ensure that your "
        "function is twice differentiable and that the jacobian depends on the inputs (this would "
        "be violated by a linear function for example)."
    )


def _filled(grads, like, strict: bool, create_graph: bool, unused: str, constant: str) -> tuple:
    """Zeros where there is no gradient, or what ``strict`` says of it (with {i})."""
    filled = []
    for i, (g, t) in enumerate(zip(grads, like, strict=True)):
        if g is None:
            if strict:
                raise RuntimeError(f"{unused.format(i=i)}. {_STRICT}.")
            g = zeros_like(t)
        elif strict and create_graph and not g.requires_grad:
            raise RuntimeError(
                f"The {constant} of the user-provided function is independent of input {i}. "
                f"{_STRICT} when create_graph=True."
            )
        filled.append(g)
    return tuple(filled)


def vjp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(outputs, v^T J). ``v`` is shaped as the outputs; it may be None for one element."""
    with enable_grad():
        many, inputs = _tuple(inputs, "inputs", "vjp")
        inputs = _apart(inputs, create_graph, True)
        many_out, outputs = _tuple(func(*inputs), OUTPUTS, "vjp")
        _need_history(outputs, _output_without_history, strict)
        v = _vector(
            v, outputs, many_out, create_graph, "vjp",
            "The vector v can only be None if the user-provided function returns a single Tensor "
            "with a single element.",
        )  # fmt: skip
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _filled(
            _gradients(outputs, inputs, v, create_graph), inputs, strict, create_graph,
            "The output of the user-provided function is independent of input {i}", "jacobian",
        )  # fmt: skip
    return _finished(outputs, create_graph, many_out), _finished(found, create_graph, many)


def jvp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(outputs, J v), by two backward passes: the gradient is linear in its cotangent, and the
    derivative with respect to that is J. ``torch.func.jvp`` goes forward."""
    with enable_grad():
        many, inputs = _tuple(inputs, "inputs", "jvp")
        inputs = _apart(inputs, create_graph, True)
        v = _vector(v, inputs, many, create_graph, "jvp", _NO_VECTOR)
        many_out, outputs = _tuple(func(*inputs), OUTPUTS, "jvp")
        _need_history(outputs, _output_without_history, strict)
        cotangents = tuple(zeros_like(o, requires_grad=True) for o in outputs)
        backward = _gradients(outputs, inputs, cotangents, create_graph=True)
        for i, g in enumerate(backward if strict else ()):
            if g is None:
                raise RuntimeError(
                    f"The output of the user-provided function is independent of input {i}. "
                    f"{_STRICT}."
                )
            if not g.requires_grad:
                raise RuntimeError(
                    f"The gradient with respect to input {i} is independent of the inputs of the "
                    f"user-provided function. {_STRICT}."
                )
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _filled(
            _gradients(backward, cotangents, v, create_graph), outputs, strict, create_graph,
            "The gradient with respect to the input is independent of entry {i} in the "
            "grad_outputs when using the double backward trick to compute forward mode gradients",
            "jacobian",
        )  # fmt: skip
    return _finished(outputs, create_graph, many_out), _finished(found, create_graph, many_out)


_NO_VECTOR = (
    "The vector v can only be None if the input to the user-provided function is a single Tensor "
    "with a single element."
)


def jacobian(
    func: Callable, inputs, create_graph: bool = False, strict: bool = False,
    vectorize: bool = False, strategy: str = "reverse-mode",
):  # fmt: skip
    """The Jacobian: for each output and input a Tensor of the output's shape and then the input's.

    One backward pass for all elements of an output; "forward-mode" goes forward (it needs
    ``vectorize``, as in torch, which otherwise changes nothing).
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        return _forward_jacobian(func, inputs, create_graph, strict, vectorize)
    with enable_grad():
        many, inputs = _tuple(inputs, "inputs", "jacobian")
        inputs = _apart(inputs, create_graph, True)
        many_out, outputs = _tuple(func(*inputs), OUTPUTS, "jacobian")
        _need_history(outputs, _output_without_history, strict)
        if vectorize and strict:
            raise RuntimeError(
                "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
                "supported together. Please either set `strict=False` or `vectorize=False`."
            )
        rows = [_rows(i, o, inputs, create_graph, strict) for i, o in enumerate(outputs)]
    rows = [_finished(row, create_graph, many) for row in rows]
    return tuple(rows) if many_out else rows[0]


def _rows(number: int, output: Tensor, inputs: tuple, create_graph: bool, strict: bool) -> tuple:
    """The Jacobian of one output: all its elements' gradients, in one batched backward pass."""
    n = output.nelement()
    basis = eye(n, dtype=output.dtype, device=output.device).reshape((n, *output.shape))
    found = _gradients((output,), inputs, (basis,), create_graph, batched=True) if n else inputs
    rows = []
    for i, (g, t) in enumerate(zip(found, inputs, strict=True)):
        shape = (*output.shape, *t.shape)
        if g is None:
            if strict:
                raise RuntimeError(
                    f"Output {number} of the user-provided function is independent of input {i}. "
                    f"{_STRICT}."
                )
            rows.append(t.new_zeros(shape))
            continue
        if strict and create_graph and not g.requires_grad:
            raise RuntimeError(
                f"The jacobian of the user-provided function is independent of input {number}. "
                f"{_STRICT} when create_graph=True."
            )
        rows.append(g.reshape(shape) if n else t.new_zeros(shape))
    return tuple(rows)


def _forward_jacobian(func, inputs, create_graph: bool, strict: bool, vectorize: bool):
    from jaxtorch import func as transforms

    for flag, name in ((create_graph, "create_graph"), (strict, "strict")):
        if flag:
            error = NotImplementedError if name == "create_graph" else RuntimeError
            raise error(
                f'torch.autograd.functional.jacobian: `{name}=True` and `strategy="forward-mode"` '
                f"are not supported together (yet). Please either set `{name}=False` or "
                '`strategy="reverse-mode"`.'
            )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is"
            "only implemented for `vectorize=True`."
        )
    many, inputs = _tuple(inputs, "inputs", "jacobian")
    found = transforms.jacfwd(func, tuple(range(len(inputs))))(*(t.detach() for t in inputs))
    if many:
        return found
    return found[0] if isinstance(found[0], Tensor) else tuple(row[0] for row in found)


def _single(func: Callable, name: str, strict: bool) -> Callable:
    """``func``, whose output must be one Tensor of one element."""

    def run(*inputs):
        many, outputs = _tuple(func(*inputs), OUTPUTS, name)
        _need_history(outputs, _output_without_history, strict)
        if many:
            raise RuntimeError(f"The function given to {name} should return a single Tensor")
        if outputs[0].nelement() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {name} should contain a single "
                "element"
            )
        return outputs[0]

    return run


def hessian(
    func: Callable, inputs, create_graph: bool = False, strict: bool = False,
    vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode",
):  # fmt: skip
    """The second derivatives of a function to one element: for each two inputs a Tensor of the
    first's shape and then the second's."""
    many, inputs = _tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    single = _single(func, "hessian", strict)

    def first(*inputs):
        if outer_jacobian_strategy == "forward-mode":
            inputs = tuple(t.requires_grad_(True) for t in inputs)
        found = jacobian(lambda *xs: single(*xs).squeeze(), inputs, create_graph=True)
        _need_history(found, _jacobian_independent, strict)
        return found

    found = jacobian(
        first, inputs, create_graph=create_graph, strict=strict, vectorize=vectorize,
        strategy=outer_jacobian_strategy,
    )  # fmt: skip
    return found if many else found[0][0]


def _first_derivative(func, inputs, v, create_graph: bool, strict: bool, name: str):
    many, inputs = _tuple(inputs, "inputs", name)
    inputs = _apart(inputs, create_graph, True)
    v = _vector(v, inputs, many, create_graph, name, _NO_VECTOR)
    output = _single(func, name, strict)(*inputs)
    first = _gradients((output,), inputs, create_graph=True)
    _need_history(first, _jacobian_independent, strict)
    return many, inputs, v, output, first


def vhp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(output, v^T H) for a function to one element."""
    with enable_grad():
        given = _first_derivative(func, inputs, v, create_graph, strict, "vhp")
        many, inputs, v, output, first = given
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _filled(
            _gradients(first, inputs, v, create_graph), inputs, strict, create_graph,
            "The jacobian of the user-provided function is independent of input {i}", "hessian",
        )  # fmt: skip
    return _finished((output,), create_graph, False), _finished(found, create_graph, many)


def hvp(func: Callable, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(output, H v) for a function to one element; ``vhp`` is the same number, and cheaper."""
    with enable_grad():
        given = _first_derivative(func, inputs, v, create_graph, strict, "hvp")
        many, inputs, v, output, first = given
        cotangents = tuple(zeros_like(t, requires_grad=True) for t in inputs)
        second = _gradients(first, inputs, cotangents, create_graph=True)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _filled(
            _gradients(second, cotangents, v, create_graph), inputs, strict, create_graph,
            "The hessian of the user-provided function is independent of entry {i} in the "
            "grad_jacobian", "hessian",
        )  # fmt: skip
    return _finished((output,), create_graph, False), _finished(found, create_graph, many)
