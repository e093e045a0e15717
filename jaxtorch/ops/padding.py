"""Padding: with a constant, by reflection, by repeating the edge, round the corner."""

from __future__ import annotations

import operator

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxtorch.ops._op import Array, Scalar, op
from jaxtorch.ops._promote import cast, dtype_of, refuse


def _edges(pad: tuple, ndim: int) -> list:
    """(before, after) of every dimension; ``pad`` counts from the last one."""
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) > 2 * ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pad)} and input of dimension {ndim}"
        )
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    return [(0, 0)] * (ndim - len(pairs)) + pairs


@op(name="ConstantPadNdBackward0")
def _constant_pad(input: Array, value: Scalar, pad: tuple):
    edges = _edges(pad, input.ndim)
    for (before, after), n in zip(edges, input.shape, strict=True):
        if n + before + after < 0:
            raise RuntimeError(
                f"The input size {n}, plus negative padding {before} and {after} resulted in a "
                "negative output size, which is invalid. Check dimension of your input."
            )
    return lax.pad(input, cast(value, dtype_of(input)), [(b, a, 0) for b, a in edges])


_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


_PADS = {"reflect": "Reflection", "replicate": "Replication"}


def _pad_name(arrays, statics) -> str:
    kind = _PADS.get(statics["mode"])
    return f"{kind}Pad{len(statics['pad']) // 2}DBackward0" if kind else "CopySlices"


@op(name=_pad_name)
def _edge_pad(input: Array, pad: tuple, mode: str):
    if mode != "circular":
        refuse(input, "b", f"{_PADS[mode].lower()}_pad{len(pad) // 2}d")
    edges = _edges(pad, input.ndim)
    padded = len(pad) // 2
    if not (1 <= padded <= 3 and padded <= input.ndim <= padded + 2):
        raise NotImplementedError(
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now"
        )
    for place, dim in enumerate(reversed(range(input.ndim - padded, input.ndim))):
        before, after = edges[dim]
        n, longest = input.shape[dim], max(before, after)
        if mode == "reflect" and longest >= n:
            raise RuntimeError(
                f"Argument #{4 + 2 * place}: Padding size should be less than the corresponding "
                f"input dimension, but got: padding ({before}, {after}) at dimension {dim} of "
                f"input {list(input.shape)}"
            )
        if mode == "circular" and longest > n:
            raise RuntimeError("Padding value causes wrapping around more than once.")
    if mode == "replicate" and any(min(edge) < 0 for edge in edges):
        for dim, (before, after) in enumerate(edges):
            n = input.shape[dim]
            if before or after:  # cropped away or not, it is the input's edge that is repeated
                at = np.clip(np.arange(n + before + after) - before, 0, n - 1)
                input = jnp.take(input, at, dim, mode="clip")
        return input
    if any(min(edge) < 0 for edge in edges):
        start = [max(-b, 0) for b, _ in edges]
        stop = [n - max(-a, 0) for (_, a), n in zip(edges, input.shape, strict=True)]
        input = lax.slice(input, start, stop)
    return jnp.pad(input, [(max(b, 0), max(a, 0)) for b, a in edges], _MODES[mode])


def pad(input, pad, mode: str = "constant", value: float | None = None):
    """``input`` made larger, or by negative numbers smaller: ``pad`` holds before and after of the
    last dimension, then of the one before it, and so on.

    ``mode`` is constant (``value``, 0 by default), reflect, replicate or circular.
    """
    pad = tuple(map(operator.index, pad))
    if mode == "constant":
        return _constant_pad(input, 0 if value is None else value, pad)
    if mode not in _MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value not in (None, 0):
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    return _edge_pad(input, pad, mode)


def constant_pad_nd(input, pad, value: float = 0):
    """``pad`` with a constant."""
    return _constant_pad(input, value, tuple(map(operator.index, pad)))
