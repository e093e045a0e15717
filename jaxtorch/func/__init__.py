"""``torch.func``: transforms of functions of Tensors."""

from __future__ import annotations

from collections.abc import Callable

from jaxtorch.func._trees import tensors_of as tensors_of
from jaxtorch.func.batching import vmap as vmap
from jaxtorch.func.derivatives import (
    grad as grad,
    grad_and_value as grad_and_value,
    hessian as hessian,
    jacfwd as jacfwd,
    jacrev as jacrev,
    jvp as jvp,
    linearize as linearize,
    value_and_grad as value_and_grad,
    vjp as vjp,
)
from jaxtorch.func.modules import (
    functional_call as functional_call,
    replace_all_batch_norm_modules_ as replace_all_batch_norm_modules_,
    stack_module_state as stack_module_state,
)
from jaxtorch.func.rearranging import rearrange as rearrange
from jaxtorch.tensor import Tensor

__all__ = [
    "debug_unwrap", "functional_call", "functionalize", "grad", "grad_and_value", "hessian",
    "jacfwd", "jacrev", "jvp", "linearize", "rearrange", "replace_all_batch_norm_modules_",
    "stack_module_state", "value_and_grad", "vjp", "vmap",
]  # fmt: skip


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """``func`` itself: what it writes in place rebinds Tensors, and no array is ever written to."""
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}."
            " Valid options are:\n     remove='mutations': all inplace and out= operators will be "
            "removed from the program, and replaced with their out-of-place equivalents.\n     "
            "remove='mutations_and_views': In addition to the above, all aliasing operators "
            "{{view}} will be replaced with their non-aliasing counterparts, {{view}}_copy.\n"
        )
    return func


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """The tensor itself: inside a transform its value is a jax tracer (``tensor.jax()``)."""
    if not isinstance(tensor, Tensor):
        raise ValueError(f"debug_unwrap: expected a Tensor, got {type(tensor).__name__}")
    return tensor
