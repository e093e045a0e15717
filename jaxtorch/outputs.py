"""``out=``: how a result is written to a tensor that was given for it."""

from __future__ import annotations

import warnings

from jaxtorch import dtypes
from jaxtorch.engine.graph import STATE
from jaxtorch.engine.handles import TensorBase

_SAME = "Expected out tensor to have dtype {have.cpp}, but got {got.cpp} instead"


def assign_out(result, out, rule=True):
    """Write the result to ``out``, resized if it must be. Several go to a tuple of as many.

    ``rule``: True where the result is cast to the dtype of ``out`` if that may be, "same" where
    that must be the result's own; a text says so of ``have`` and ``got``, a function of both
    raises.
    """
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(result) != len(out):
            raise TypeError(f"argument 'out' must be a tuple of {len(result)} Tensors")
        written = [assign_out(r, o, rule) for r, o in zip(result, out, strict=True)]
        return type(result)(*written) if hasattr(result, "_fields") else tuple(written)
    if not isinstance(out, TensorBase):
        raise TypeError(f"argument 'out' must be Tensor, not {type(out).__name__}")
    if STATE.grad and (out.requires_grad or result.requires_grad):
        kernel = result._node.kernel
        name = "this" if kernel is None else kernel.name.partition("[")[0]
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )
    _check_dtype(result, out, rule)
    if out._base is not None and 0 in out.stride():
        if any(n > 1 and not s for n, s in zip(out.shape, out.stride(), strict=True)):
            raise RuntimeError(
                "unsupported operation: more than one element of the written-to tensor refers to a "
                "single memory location. Please clone() the tensor before performing the operation."
            )
    if out.shape != result.shape:
        _resize(out, result.shape)
    return out._write(result)


def _check_dtype(result, out, rule) -> None:
    if isinstance(rule, str) and rule != "dtype" and out.dtype is not result.dtype:
        text = _SAME if rule == "same" else rule
        raise RuntimeError(text.format(have=result.dtype, got=out.dtype))
    if callable(rule):
        rule(result, out)
    elif not dtypes.can_cast(result.dtype, out.dtype):
        raise RuntimeError(
            f"result type {result.dtype.legacy} can't be cast to the desired output type "
            f"{out.dtype.legacy}"
        )


def _resize(out, shape) -> None:
    if out.numel():
        warnings.warn(
            f"An output with one or more elements was resized since it had shape "
            f"{list(out.shape)}, which does not match the required output shape {list(shape)}. "
            "This behavior is deprecated, and in a future PyTorch release outputs will not be "
            "resized unless they have zero elements. You can explicitly reuse an out tensor t by "
            "resizing it, inplace, to zero elements with t.resize_(0).",
            stacklevel=4,
        )
    out.resize_(shape)
