"""The partial inverse of max pooling: each maximum back in its place, zeros elsewhere."""

from __future__ import annotations

import math

import jax.numpy as jnp

from jaxtorch import dtypes
from jaxtorch.ops._op import Array, check, index_dtype, op
from jaxtorch.ops._promote import refuse
from jaxtorch.ops.pooling import _per_dim
from jaxtorch.ops.sampling import is_staged
from jaxtorch.ops.views import squeeze, unsqueeze


def _name(arrays, statics) -> str:
    return f"MaxUnpool{len(statics['size'])}DBackward0"


def _places(indices, ndim: int, count: int):
    """(planes, windows) of flat places, in range."""
    flat = indices.reshape(-1, math.prod(indices.shape[indices.ndim - ndim :]))
    return jnp.clip(flat.astype(index_dtype()), 0, max(count - 1, 0))


def _unpool_vjp(needs, args, statics, out, grads):
    # Where two maxima share a place both are given its gradient, as in torch.
    input, indices = args
    size = statics["size"]
    at = _places(indices, len(size), math.prod(size))
    taken = jnp.take_along_axis(grads.reshape(at.shape[0], -1), at, 1, mode="promise_in_bounds")
    return taken.reshape(input.shape), None


@op(name=_name, vjp=_unpool_vjp)
def _max_unpool(input: Array, indices: Array, size: tuple[int, ...]):
    ndim = len(size)
    name = f"max_unpooling{ndim}d"
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(
            f"Input to {name} should be a {ndim + 1}d or {ndim + 2}d Tensor, but got a tensor with "
            f"{input.ndim} dimensions."
        )
    if input.shape != indices.shape:
        raise RuntimeError(
            "Expected shape of indices to be same as that of the input tensor "
            f"({list(input.shape)}) but got indices tensor with shape: {list(indices.shape)}"
        )
    for d in range(input.ndim - ndim - 1, input.ndim):
        if input.shape[d] == 0:
            raise RuntimeError(
                f"{name}_forward_out_cpu(): Expected input to have non-zero size for non-batch "
                f"dimensions, but got {list(input.shape)} with dimension {d} being empty."
            )
    refuse(input, "biuc", f"max_unpool{ndim}d")
    count = math.prod(size)
    at = _places(indices, ndim, count)
    planes = jnp.zeros((at.shape[0], count), input.dtype)
    rows = jnp.arange(at.shape[0])[:, None]
    planes = planes.at[rows, at].set(input.reshape(at.shape), mode="promise_in_bounds")
    out = planes.reshape(*input.shape[:-ndim], *size)
    text = f"Found an invalid max index: {{value}} (output volumes are of size {_by(size)})"
    return check(out, (indices >= 0) & (indices < count), indices, text, RuntimeError)


def _by(size) -> str:
    return "x".join(map(str, size))


def _output_size(input, kernel, stride, padding, output_size, ndim: int) -> tuple[int, ...]:
    name = f"max_unpool{ndim}d"
    kernel = _per_dim(name, "kernel_size", kernel, ndim)
    stride = kernel if stride is None else _per_dim(name, "stride", stride, ndim)
    padding = _per_dim(name, "padding", padding, ndim)
    usual = [
        (n - 1) * s + k - 2 * p
        for n, k, s, p in zip(input.shape[-ndim:], kernel, stride, padding, strict=True)
    ]
    if output_size is None:
        size = usual
    else:
        given = (output_size,) if isinstance(output_size, int) else tuple(output_size)
        size = given[2:] if len(given) == ndim + 2 else given
        if len(size) != ndim:
            raise ValueError(
                f"output_size should be a sequence containing {ndim} or {ndim + 2} elements, but "
                f"it has a length of '{len(given)}'"
            )
        for d, (n, mid, s) in enumerate(zip(size, usual, stride, strict=True)):
            if not mid - s < n < mid + s:
                raise ValueError(
                    f'invalid output_size "{size}" (dim {d} must be between {mid - s} and '
                    f"{mid + s})"
                )
    for d, n in enumerate(size):
        if n < 0:
            raise ValueError(
                "max_unpooling: output_size must contain non-negative spatial dimensions, but got "
                f"output_size[{d}]={n}"
            )
    return tuple(size)


def _unpool(input, indices, size: tuple[int, ...]):
    narrow = indices.dtype is dtypes.int32 and is_staged()  # 64-bit types may be off there
    if indices.dtype is not dtypes.int64 and not narrow:
        found = f" but got: {indices.dtype.legacy}" if len(size) == 2 else ""
        raise RuntimeError(f"elements in indices should be type int64{found}")
    return _max_unpool(input, indices, size)


def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """(N, C, L) or (C, L), with ``max_pool1d``'s indices, to (N, C, output_size)."""
    (length,) = _output_size(input, kernel_size, stride, padding, output_size, 1)
    out = _unpool(unsqueeze(input, -1), unsqueeze(indices, -1), (length, 1))
    return squeeze(out, -1)


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """(N, C, H, W) or (C, H, W), with ``max_pool2d``'s indices, to (N, C, *output_size)."""
    return _unpool(
        input, indices, _output_size(input, kernel_size, stride, padding, output_size, 2)
    )


def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """(N, C, D, H, W) or (C, D, H, W), with ``max_pool3d``'s indices, to (N, C, *output_size)."""
    return _unpool(
        input, indices, _output_size(input, kernel_size, stride, padding, output_size, 3)
    )
