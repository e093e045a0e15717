"""How full backward hooks see gradients: on their way through two identities, one on each side of
the module."""

from __future__ import annotations

import warnings
from typing import Any

from jaxtorch.autograd import Function
from jaxtorch.ops.creation import zeros_like
from jaxtorch.tensor import Tensor

__all__ = ["BackwardWatch"]


class _Identity(Function):
    @staticmethod
    def forward(ctx, on_gradients, materialize, *tensors):
        ctx.on_gradients = on_gradients
        ctx.likes = () if materialize else tensors
        ctx.set_materialize_grads(materialize)
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx, *grads):
        grads = list(ctx.on_gradients(grads))
        for i, t in enumerate(ctx.likes):
            if grads[i] is None:
                grads[i] = zeros_like(t)
        return (None, None, *grads)


def _pass_through(tensors: tuple, on_gradients, materialize: bool) -> tuple[tuple, bool]:
    """``tensors`` behind an identity that shows their gradients; False where none needs one.

    What got no gradient gets zeros: before ``on_gradients`` sees it where that is to
    ``materialize``, else beyond it."""
    where = [i for i, t in enumerate(tensors) if isinstance(t, Tensor) and t.requires_grad]
    if not where:
        return tensors, False

    def spread(grads):
        everywhere = [None] * len(tensors)
        for i, grad in zip(where, grads, strict=True):
            everywhere[i] = grad
        changed = on_gradients(tuple(everywhere))
        return tuple(changed[i] for i in where)

    passed = list(tensors)
    behind: Any = _Identity.apply(spread, materialize, *(tensors[i] for i in where))
    for i, t in zip(where, behind, strict=True):
        passed[i] = t
    return tuple(passed), True


class BackwardWatch:
    """Runs a module's full backward hooks once the gradients of its outputs and inputs are
    there."""

    def __init__(self, module, pre_hooks: list, hooks: list):
        self.module = module
        self.pre_hooks = pre_hooks
        self.hooks = hooks
        self.grad_output: tuple | None = None
        self.inputs_watched = False
        self.input_count = 0

    def on_inputs(self, args: tuple) -> tuple:
        self.input_count = len(args)
        args, self.inputs_watched = _pass_through(args, self._input_gradients, True)
        return args

    def on_outputs(self, result):
        """A Tensor or a tuple of them is watched; gradients of what else there is stay unseen."""
        if isinstance(result, Tensor):
            return _pass_through((result,), self._output_gradients, False)[0][0]
        if not isinstance(result, tuple):
            return result
        outputs, watched = _pass_through(result, self._output_gradients, False)
        if not watched or type(result) is tuple:
            return outputs
        return type(result)(*outputs)  # a named tuple

    def _output_gradients(self, grads: tuple) -> tuple:
        for hook in self.pre_hooks:
            grads = _replaced(grads, hook(self.module, grads), "pre hook", "grad_output")
        self.grad_output = grads
        if not self.inputs_watched:
            self._run_without_inputs()
        return grads

    def _input_gradients(self, grads: tuple) -> tuple:
        grad_output, self.grad_output = self.grad_output, None
        if grad_output is None:  # they came round the outputs: a double backward, a dict of outputs
            return grads
        for hook in self.hooks:
            changed = hook(self.module, grads, grad_output)
            grads = _replaced(grads, changed, "hook", "grad_input")
        return grads

    def _run_without_inputs(self) -> None:
        if self.hooks:
            warnings.warn(
                "No input of this module requires a gradient: its full backward hooks run when the "
                "gradients of its outputs are there, with grad_input of None",
                stacklevel=5,
            )
        for hook in self.hooks:
            changed = hook(self.module, (None,) * self.input_count, self.grad_output)
            if changed is not None and not (
                isinstance(changed, tuple) and all(g is None for g in changed)
            ):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
        self.grad_output = None


def _replaced(grads: tuple, changed, hook: str, what: str) -> tuple:
    """The gradients as a hook leaves them."""
    if changed is None:
        return grads
    changed = changed if isinstance(changed, tuple | list) else (changed,)
    if len(changed) != len(grads):
        raise RuntimeError(
            f"Backward {hook} returned an invalid number of {what}, got {len(changed)}, but "
            f"expected {len(grads)}"
        )
    return tuple(changed)
