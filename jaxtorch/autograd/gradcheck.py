"""gradcheck: gradients against finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from jaxtorch import dtypes
from jaxtorch.autograd.backward import grad
from jaxtorch.ops.creation import eye, zeros_like
from jaxtorch.ops.data import tensor
from jaxtorch.ops.sampling import randn_like
from jaxtorch.ops.shaping import stack
from jaxtorch.tensor import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """Analytical and numerical gradients differ, or a gradient has not the form it should have."""


def gradcheck(
    func: Callable, inputs, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False, check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False, check_forward_ad: bool = False,
    check_backward_ad: bool = True, fast_mode: bool = False, masked: bool | None = None,
) -> bool:  # fmt: skip
    """Whether the gradients of ``func`` at ``inputs`` (float64 or complex128, those that require
    grad) agree with central differences of step ``eps``: ``|a - n| <= atol + rtol * |n|``.

    Raises GradcheckError with both Jacobians, or returns False without ``raise_exception``. Every
    element is compared, also in ``fast_mode``, which in PyTorch compares random sums of them.
    """
    options = _Options(eps, atol, rtol, nondet_tol, check_grad_dtypes)
    try:
        inputs = inputs if isinstance(inputs, tuple | list) else (inputs,)
        check = _Check(func, tuple(inputs), options)
        if not check.outputs:
            return check.nothing_to_differentiate()
        if check_backward_ad:
            check.backward()
        if check_forward_ad or check_batched_forward_grad:
            check.forward()
        if check_backward_ad and check_batched_grad:
            check.batched()
        if check_backward_ad and check_undefined_grad:
            check.zero_cotangents()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


class _Options:
    def __init__(self, eps, atol, rtol, nondet_tol, check_grad_dtypes):
        self.eps, self.atol, self.rtol = eps, atol, rtol
        self.nondet_tol, self.check_grad_dtypes = nondet_tol, check_grad_dtypes


def _differentiable(t) -> bool:
    return isinstance(t, Tensor) and t.requires_grad


class _Check:
    """A function at one point, and what is asked of its gradients there."""

    def __init__(self, func: Callable, inputs: tuple, options: _Options):
        self.func, self.inputs, self.options = func, inputs, options
        self.wrt = [i for i, t in enumerate(inputs) if _differentiable(t)]
        if not self.wrt:
            raise ValueError(
                "gradcheck expects at least one input tensor to require gradient, but none of "
                "them have requires_grad=True."
            )
        for i in self.wrt:
            if inputs[i].dtype not in (dtypes.float64, dtypes.complex128):
                warnings.warn(
                    f"Input #{i} requires gradient and is not a double precision floating point or "
                    "complex. This check will likely fail if all the inputs are not of double "
                    "precision floating point or complex. ",
                    stacklevel=3,
                )
        self.all_outputs = self.call(inputs)
        self.outputs = [o for o in self.all_outputs if _differentiable(o)]

    def call(self, inputs) -> tuple:
        found = self.func(*inputs)
        found = found if isinstance(found, tuple | list) else (found,)
        return tuple(o for o in found if isinstance(o, Tensor))

    # -- finite differences -------------------------------------------------------------------

    def numerical(self, i: int) -> list[np.ndarray]:
        """For each output its derivatives by input ``i``: [element of the input, of the output];
        of a complex input by the real part plus 1j times by the imaginary part."""
        given = self.inputs[i]
        steps = (1.0, 1j) if given.is_complex() else (1.0,)
        columns = [[] for _ in self.all_outputs]
        for element in range(given.numel()):
            parts = [self._difference(i, element, step) for step in steps]
            for o, column in enumerate(columns):
                column.append(parts[0][o] if len(parts) == 1 else (parts[0][o], parts[1][o]))
        return [np.array(column) for column in columns]

    def _difference(self, i: int, element: int, step) -> list[np.ndarray]:
        values = []
        for sign in (1, -1):
            array = self.inputs[i].detach().numpy().copy()
            array.reshape(-1)[element] += sign * step * self.options.eps
            moved = tensor(array, dtype=self.inputs[i].dtype, requires_grad=True)
            around = (*self.inputs[:i], moved, *self.inputs[i + 1 :])
            values.append([o.detach().numpy().astype(np.result_type(o.detach().numpy(), 0.0))
                           for o in self.call(around)])  # fmt: skip
        return [
            ((up - down) / (2 * self.options.eps)).reshape(-1)
            for up, down in zip(*values, strict=True)
        ]

    # -- the checks ---------------------------------------------------------------------------

    def nothing_to_differentiate(self) -> bool:
        for i in self.wrt:
            if any(np.any(jacobian != 0) for jacobian in self.numerical(i)):
                raise GradcheckError("Numerical gradient for function expected to be zero")
        return True

    def rows(self, output: Tensor, weight: complex = 1) -> tuple:
        """The gradients of all elements of an output, times a number, for each input."""
        n = output.numel()
        basis = eye(n, dtype=output.dtype).reshape((n, *output.shape)) * weight
        found = grad(
            output, [self.inputs[i] for i in self.wrt], basis, retain_graph=True,
            allow_unused=True, is_grads_batched=True,
        )  # fmt: skip
        for g, i in zip(found, self.wrt, strict=True):
            t = self.inputs[i]
            if g is not None and g.shape[1:] != t.shape:
                raise GradcheckError("Analytical gradient has incorrect size")
            if g is not None and self.options.check_grad_dtypes and g.dtype is not t.dtype:
                raise GradcheckError("Gradient has dtype mismatch")
        return tuple(
            (t.new_zeros((n, t.numel())) if g is None else g.reshape(n, t.numel())).mT.numpy()
            for g, t in zip(found, (self.inputs[i] for i in self.wrt), strict=True)
        )

    def backward(self) -> None:
        numerical = {i: self.numerical(i) for i in self.wrt}
        places = [o for o, out in enumerate(self.all_outputs) if _differentiable(out)]
        for number, (place, output) in enumerate(zip(places, self.outputs, strict=True)):
            for part, weight in _parts(output):
                analytical, again = self.rows(output, weight), self.rows(output, weight)
                self._same_twice(analytical, again)
                for j, i in enumerate(self.wrt):
                    expected = _of_part(numerical[i][place], self.inputs[i], part)
                    self._compare(analytical[j], expected, number, j, part)

    def _same_twice(self, first, second) -> None:
        for a, b in zip(first, second, strict=True):
            # A kernel's first runs and its compiled ones differ in the last bits.
            if not np.allclose(a, b, rtol=1e-12, atol=max(self.options.nondet_tol, 1e-15)):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and "
                    "grad_output multiple times gives different values, although analytical "
                    "gradient matches numerical gradient.The tolerance for nondeterminism was "
                    f"{self.options.nondet_tol}."
                )

    def _compare(self, analytical, numerical, output: int, j: int, part, mode: str = "") -> None:
        if np.allclose(analytical, numerical, self.options.rtol, self.options.atol):
            return
        which = f"While considering the {part} part of complex outputs only, " if part else ""
        shown = [tensor(np.ascontiguousarray(a)) for a in (numerical, analytical)]
        raise GradcheckError(
            f"{which}Jacobian {mode}mismatch for output {output} with respect to input {j},\n"
            f"numerical:{shown[0]}\nanalytical:{shown[1]}\n"
        )

    def forward(self) -> None:
        from jaxtorch import func

        for j, i in enumerate(self.wrt):
            if self.inputs[i].is_complex():
                raise NotImplementedError("gradcheck(check_forward_ad=True) of complex inputs")

            def alone(x, i=i):
                return self.call((*self.inputs[:i], x, *self.inputs[i + 1 :]))

            found = func.jacfwd(alone)(self.inputs[i].detach())
            for o, (jacobian, numerical) in enumerate(zip(found, self.numerical(i), strict=True)):
                flat = jacobian.reshape(-1, self.inputs[i].numel()).mT.numpy()
                if _differentiable(self.all_outputs[o]):
                    self._compare(flat, numerical, o, j, "", "computed with forward mode ")

    def batched(self) -> None:
        wrt = [self.inputs[i] for i in self.wrt]
        for number, output in enumerate(self.outputs):
            cotangents = stack([randn_like(output), randn_like(output)])
            options: dict[str, Any] = dict(
                retain_graph=True, allow_unused=True, materialize_grads=True
            )
            together = grad(output, wrt, cotangents, is_grads_batched=True, **options)
            single = zip(*(grad(output, wrt, c, **options) for c in cotangents), strict=True)
            for j, (a, rows) in enumerate(zip(together, single, strict=True)):
                if not a.allclose(stack(list(rows))):
                    raise GradcheckError(
                        f"For output {number} and input {j}: gradients computed in a batch differ "
                        "from those computed one by one"
                    )

    def zero_cotangents(self) -> None:
        outputs = [o for o in self.call(self.inputs) if _differentiable(o)]
        wrt = [self.inputs[i] for i in self.wrt]
        zeros = [zeros_like(o) for o in outputs]
        for g in grad(outputs, wrt, zeros, allow_unused=True):
            if g is not None and not bool((g == 0).all()):
                raise GradcheckError(
                    "Expected all input grads to be undefined or zero when all output grads are "
                    "undefined or zero."
                )


def _parts(output: Tensor) -> Iterator[tuple[str, complex]]:
    """What to differentiate: (name, cotangent) of the real and the imaginary part, or the whole."""
    if output.is_complex():
        yield "imaginary", 1j
        yield "real", 1
    else:
        yield "", 1


def _of_part(numerical: np.ndarray, given: Tensor, part: str) -> np.ndarray:
    """The derivatives of a part of the output, in PyTorch's form for a complex input: by its real
    part plus 1j times by its imaginary part."""
    pick = np.imag if part == "imaginary" else np.real
    if given.is_complex():
        return pick(numerical[:, 0]) + 1j * pick(numerical[:, 1])
    return pick(numerical)


def gradgradcheck(
    func: Callable, inputs, grad_outputs=None, *, eps: float = 1e-6, atol: float = 1e-5,
    rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False, raise_exception: bool = True,
    nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False,
    check_batched_grad: bool = False, check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True, fast_mode: bool = False, masked: bool = False,
) -> bool:  # fmt: skip
    """``gradcheck`` of the gradients themselves, with respect to ``inputs`` and to
    ``grad_outputs`` (random ones if None)."""
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    from jaxtorch.testing import make_tensor

    inputs = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)

    def outputs_of(args) -> list[Tensor]:
        found = func(*args)
        return [o for o in (found if isinstance(found, tuple | list) else (found,))
                if _differentiable(o)]  # fmt: skip

    if grad_outputs is None:
        grad_outputs = tuple(
            make_tensor(
                o.shape, dtype=o.dtype, device=o.device, low=-1, high=1, requires_grad=True,
                noncontiguous=gen_non_contig_grad_outputs,
            )
            for o in outputs_of(inputs)
        )  # fmt: skip
    elif isinstance(grad_outputs, Tensor):
        grad_outputs = (grad_outputs,)
    wrt = [i for i, t in enumerate(inputs) if _differentiable(t)]

    def gradients(*args) -> tuple:
        args, cotangents = args[: len(inputs)], args[len(inputs) :]
        args = [t.requires_grad_() if i in wrt and t.is_leaf else t for i, t in enumerate(args)]
        found = grad(
            outputs_of(args), [args[i] for i in wrt], cotangents, create_graph=True,
            allow_unused=True,
        )  # fmt: skip
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradients, inputs + tuple(grad_outputs), eps=eps, atol=atol, rtol=rtol,
        raise_exception=raise_exception, nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad, check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev, fast_mode=fast_mode,
    )  # fmt: skip
