"""A tensor of another size, or over the elements of another: resize_, set_, sum_to_size."""

from __future__ import annotations

import math
import warnings

import jax.numpy as jnp

from jaxtorch.engine.handles import TensorBase
from jaxtorch.ops._dims import text
from jaxtorch.ops._op import Array, op
from jaxtorch.ops.reduction import sum as _sum
from jaxtorch.ops.reshaping import become
from jaxtorch.ops.strides import as_strided, contiguous_strides
from jaxtorch.ops.views import _alias, sizes_from


@op(nondiff=True)
def _resized(input: Array, size: tuple):
    """The elements in row-major order, cut off or followed by zeros."""
    flat, n = input.reshape(-1), math.prod(size)
    if n > flat.size:
        flat = jnp.concatenate([flat, jnp.zeros(n - flat.size, flat.dtype)])
    return flat[:n].reshape(size)


def resize_(input, *sizes, memory_format=None):
    """Give ``input`` another size, whatever the number of its elements.

    It keeps its first elements; new ones are zeros (in PyTorch they are whatever memory held). What
    a smaller size cuts off is gone. A view stays one, so its base must have elements enough.
    """
    if input.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    size = sizes_from(sizes)
    if min(size, default=0) < 0:
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(size)}: {list(size)}"
        )
    if size == tuple(input.shape):
        return input
    if input._base is None:
        input._set(_resized(input, size)._read())
        return input
    try:
        return become(input, as_strided(input, size, contiguous_strides(size)))
    except RuntimeError:
        raise NotImplementedError(
            f"resize_ of a view to {list(size)}: its base has too few elements, and making the "
            "base larger through a view is not supported"
        ) from None


def resize_as_(input, the_template, *, memory_format=None):
    return resize_(input, tuple(the_template.shape), memory_format=memory_format)


def _resized_view(input, size):
    warnings.warn("non-inplace resize is deprecated", UserWarning, stacklevel=3)
    if math.prod(size) != input.numel():
        raise RuntimeError(
            f"requested resize to {text(size)} ({list(size)} elements in total), but the "
            f"given tensor has a size of {text(input.shape)} ({input.numel()} elements). "
            "autograd's resize can only change the shape of a given tensor, while preserving the "
            "number of elements. "
        )
    return input.contiguous().view(size)


def resize(input, *sizes):
    """PyTorch's deprecated spelling of ``reshape``."""
    return _resized_view(input, sizes_from(sizes))


def resize_as(input, tensor):
    """PyTorch's deprecated spelling of ``reshape_as``."""
    return _resized_view(input, tuple(tensor.shape))


def set_(input, source=None, storage_offset=None, size=None, stride=None):
    """Make ``input`` a view of the elements of ``source``; without one, of none at all."""
    if source is None:
        return become(input, _alias(_resized(input, (0,))))
    if not isinstance(source, TensorBase):
        from jaxtorch.storage import tensor_on

        size = (source.nbytes() // input.dtype.itemsize,) if size is None else sizes_from((size,))
        stride = contiguous_strides(size) if stride is None else tuple(stride)
        made = tensor_on(getattr(source, "_untyped_storage", source), input.dtype,
                         storage_offset or 0, size, stride)  # fmt: skip
        return become(input, _alias(made))
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"Could not set tensor of type {source.dtype.legacy.lower()} to a tensor of type "
            f"{input.dtype.legacy.lower()}"
        )
    if storage_offset is None and size is None:
        return become(input, _alias(source))
    size = tuple(source.shape) if size is None else sizes_from((size,))
    stride = contiguous_strides(size) if stride is None else tuple(stride)
    return become(input, as_strided(source, size, stride, storage_offset or 0))


@op(name="SumBackward1")
def _summed(input: Array, size: tuple):
    lead = input.ndim - len(size)
    dims = [d for d in range(input.ndim) if d < lead or (size[d - lead] == 1 != input.shape[d])]
    return _sum.body(input, tuple(dims)).reshape(size)


def sum_to_size(input, *size):
    """Summed over the dimensions that broadcasting ``size`` to this shape would expand."""
    size, shape = sizes_from(size), tuple(input.shape)
    fits = len(size) <= len(shape) and all(
        n in (1, m) for n, m in zip(size[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise RuntimeError(f"size {{{list(size)}}} is not expandable to size {{{list(shape)}}}.")
    return input if size == shape and size else _summed(input, size)
