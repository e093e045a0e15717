"""Max pooling over windows that begin at random, for a ratio that need not be whole.

B. Graham, arXiv:1412.6071. Each plane draws one number in [0, 1) a dimension, which decides where
its windows begin.
"""

from __future__ import annotations

import math

import jax.numpy as jnp

from jaxtorch.ops._op import Array, index_dtype, op
from jaxtorch.ops._promote import refuse
from jaxtorch.ops.sampling import rand

AXES = {2: ("height", "width"), 3: ("time", "height", "width")}


def _sizes(name: str, what: str, value, ndim: int) -> tuple[int, ...]:
    value = (value,) if isinstance(value, int) else tuple(value)
    if len(value) not in (1, ndim):
        of = "Ints" if ndim == 2 else "three Ints"
        raise RuntimeError(f"{name}: {what} must either be a single Int or tuple of {of}")
    return value * ndim if len(value) == 1 else value


def _starts(sample, size: int, out: int, kernel: int):
    """Where the ``out`` windows begin: (planes, out), for each plane's sample (planes,)."""
    last = jnp.full((sample.shape[0], 1), size - kernel, index_dtype())
    if out == 1:
        return last
    step = jnp.asarray(size - kernel, sample.dtype) / jnp.asarray(out - 1, sample.dtype)
    place = jnp.arange(out - 1, dtype=sample.dtype)[None]
    moved = jnp.trunc((place + sample[:, None]) * step) - jnp.trunc(sample[:, None] * step)
    return jnp.concatenate([moved.astype(last.dtype), last], 1)


def _check(input, samples, kernel, out, ndim: int) -> None:
    name = f"fractional_max_pool{ndim}d" + ("()" if ndim == 2 else "_out()")
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(
            f"{name}: Expected {ndim + 1}D or {ndim + 2}D tensor, but got: {list(input.shape)}"
        )
    for d in range(input.ndim - ndim - 1, input.ndim):
        if input.shape[d] == 0:
            raise RuntimeError(
                f"{name}: Expected input to have non-zero size for non-batch dimensions, but got"
                f"{list(input.shape)} with dimension {d} being empty."
            )
    for axis, size, k, o in zip(AXES[ndim], input.shape[-ndim:], kernel, out, strict=True):
        if o + k - 1 > size - (ndim == 3):  # torch asks for more in 3d
            raise RuntimeError(f"{name}: pool {axis} {k} too large relative to input {axis} {size}")
    if samples.dtype != input.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    if samples.ndim != 3:
        raise RuntimeError(f"Expect _random samples to have 3 dimensions got, {samples.ndim}")
    batch = input.shape[0] if input.ndim == ndim + 2 else 1
    channels = input.shape[input.ndim - ndim - 1]
    if samples.shape[0] < batch:
        raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.")
    if samples.shape[1] != channels:
        raise RuntimeError("Expect _random_samples.size(1) equals to input channel size.")
    if samples.shape[2] != ndim:
        raise RuntimeError(
            f"Expect _random_samples.size(2) equals to {ndim} got {samples.shape[2]}."
        )
    refuse(input, "biuc", f"fractional_max_pool{ndim}d_out_frame")


def _name(arrays, statics) -> str:
    return f"FractionalMaxPool{len(statics['kernel'])}DBackward0"


@op(name=_name)
def _fractional_max_pool(input: Array, samples: Array, kernel: tuple, out: tuple):
    """The maxima, and where they were in the flattened last dimensions."""
    ndim = len(kernel)
    _check(input, samples, kernel, out, ndim)
    lead, sizes = input.shape[:-ndim], input.shape[-ndim:]
    planes = math.prod(lead)
    samples = samples[: lead[0] if len(lead) == 2 else 1].reshape(planes, ndim)
    # torch's first number is for the last dimension in 2d, for the first in 3d
    order = (1, 0) if ndim == 2 else (0, 1, 2)
    place = jnp.zeros((planes, *(1,) * 2 * ndim), index_dtype())
    for d, (size, k, o) in enumerate(zip(sizes, kernel, out, strict=True)):
        begin = _starts(samples[:, order[d]], size, o, k)
        at = begin[:, :, None] + jnp.arange(k, dtype=begin.dtype)[None, None]
        shape = [planes] + [1] * 2 * ndim
        shape[1 + d], shape[1 + ndim + d] = o, k
        place = place * size + at.reshape(shape)
    place = place.reshape(planes, math.prod(out), -1)
    windows = jnp.take_along_axis(
        input.reshape(planes, -1, 1), place.reshape(planes, -1, 1), 1, mode="promise_in_bounds"
    ).reshape(place.shape)
    first = jnp.argmax(windows, 2, keepdims=True)
    best = jnp.take_along_axis(windows, first, 2, mode="promise_in_bounds")
    where = jnp.take_along_axis(place, first, 2, mode="promise_in_bounds")
    return best.reshape(*lead, *out), where.reshape(*lead, *out)


def _pool(input, kernel_size, output_size, output_ratio, samples, ndim: int):
    name = f"fractional_max_pool{ndim}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    sizes = [input.size(d) for d in range(-ndim, 0)]
    if output_size is None:
        single = isinstance(output_ratio, int | float)
        ratio = (output_ratio,) * ndim if single else tuple(output_ratio)
        if len(ratio) != ndim:
            raise ValueError(
                f"{name} requires output_ratio to either be a single Int or tuple of Ints."
            )
        output_size = [int(n * r) for n, r in zip(sizes, ratio, strict=True)]
    kernel = _sizes(name, "kernel_size", kernel_size, ndim)
    out = _sizes(name, "output_size", output_size, ndim)
    if samples is None:
        batch = 1 if input.dim() == ndim + 1 else input.size(0)
        shape = (batch, input.size(-ndim - 1), ndim)
        samples = rand(shape, dtype=input.dtype, device=input.device)
    return _fractional_max_pool(input, samples, kernel, out)


def fractional_max_pool2d_with_indices(
    input, kernel_size, output_size=None, output_ratio=None, return_indices: bool = False,
    _random_samples=None,
):  # fmt: skip
    """``fractional_max_pool2d`` and the places of the maxima in the flattened H * W plane."""
    return _pool(input, kernel_size, output_size, output_ratio, _random_samples, 2)


def fractional_max_pool3d_with_indices(
    input, kernel_size, output_size=None, output_ratio=None, return_indices: bool = False,
    _random_samples=None,
):  # fmt: skip
    """``fractional_max_pool3d`` and the places of the maxima in the flattened D * H * W volume."""
    return _pool(input, kernel_size, output_size, output_ratio, _random_samples, 3)


def fractional_max_pool2d(
    input, kernel_size, output_size=None, output_ratio=None, return_indices: bool = False,
    _random_samples=None,
):  # fmt: skip
    """(N, C, H, W) or (C, H, W) to (N, C, *output_size), or to output_ratio times the size: maxima
    of windows that begin at random, drawn for each plane unless _random_samples (N, C, 2) says."""
    found = _pool(input, kernel_size, output_size, output_ratio, _random_samples, 2)
    return found if return_indices else found[0]


def fractional_max_pool3d(
    input, kernel_size, output_size=None, output_ratio=None, return_indices: bool = False,
    _random_samples=None,
):  # fmt: skip
    """(N, C, D, H, W) or (C, D, H, W) to (N, C, *output_size), as ``fractional_max_pool2d``."""
    found = _pool(input, kernel_size, output_size, output_ratio, _random_samples, 3)
    return found if return_indices else found[0]
