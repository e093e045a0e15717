"""XLA's gather and scatter on NumPy: windows of an array that lie where indices say.

The semantics are those of https://openxla.org/stablehlo/spec#gather and #scatter; ``mode`` says
what becomes of a window that does not lie wholly inside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jax.lax import GatherScatterMode

from jaxtorch.engine.equations import Unsupported

__all__ = ["GATHERING"]


class _Windows:
    """Where the windows lie: built once for an equation, asked with each call's indices."""

    def __init__(self, shape, sizes, indices_shape, dims, batching, indices_batching, absent, clip):
        self.limits = np.array(shape) - np.array(sizes)
        self.dims = list(dims)  # of the array that the indices speak of
        self.clip = clip
        self.batch = tuple(indices_shape[:-1])
        # Batching dims: the array's and the indices' go together.
        self.together = [
            (dim, _iota(self.batch, of)) for dim, of in zip(batching, indices_batching, strict=True)
        ]
        kept = [d for d in range(len(shape)) if d not in absent]
        self.rank = len(kept)  # of a window
        ones = [1] * self.rank
        self.inside = {}
        for place, dim in enumerate(kept):
            middle = ones.copy()
            middle[place] = sizes[dim]
            self.inside[dim] = np.arange(sizes[dim]).reshape(middle)

    def __call__(self, indices):
        """(an index array for each dim of the array, which windows lie inside), shaped as the
        batch and then the window."""
        starts = np.zeros((*self.batch, len(self.limits)), np.int64)
        starts[..., self.dims] = indices
        for dim, at in self.together:
            starts[..., dim] = at
        clipped = np.clip(starts, 0, self.limits)
        fits = None if self.clip else (clipped == starts).all(-1)
        spread = clipped.reshape(*self.batch, *(1,) * self.rank, len(self.limits))
        where = tuple(spread[..., d] + self.inside.get(d, 0) for d in range(len(self.limits)))
        return where, fits


def _iota(shape, dim):
    middle = [1] * len(shape)
    middle[dim] = shape[dim]
    return np.arange(shape[dim]).reshape(middle)


def _clips(mode) -> bool:
    mode = GatherScatterMode.from_any(mode)
    return mode in (GatherScatterMode.CLIP, GatherScatterMode.PROMISE_IN_BOUNDS)


def _fill(value, dtype):
    if value is not None:
        return value
    if dtype.kind == "f":
        return np.nan
    return np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max


def gather(eqn) -> Callable:
    p = eqn.params
    numbers = p["dimension_numbers"]
    array, indices = (v.aval for v in eqn.invars)
    if not array.size:
        raise Unsupported
    absent = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    windows = _Windows(
        array.shape, p["slice_sizes"], indices.shape, numbers.start_index_map,
        numbers.operand_batching_dims, numbers.start_indices_batching_dims, absent,
        _clips(p["mode"]),
    )  # fmt: skip
    batch = len(windows.batch)
    fill = None if windows.clip else np.array(_fill(p["fill_value"], array.dtype), array.dtype)
    from_axes = range(batch, batch + windows.rank)

    def run(x, indices):
        where, fits = windows(indices)
        out = np.array(x[where])
        if fits is not None and not fits.all():
            out[~fits] = fill
        return np.moveaxis(out, from_axes, numbers.offset_dims)

    return run


def scatter(ufunc: np.ufunc | None) -> Callable:
    """The maker for scatters that combine by ``ufunc``; None: the last one written stays."""

    def make(eqn) -> Callable:
        p = eqn.params
        if ufunc is None and p["update_jaxpr"] is not None and p["update_jaxpr"].eqns:
            raise Unsupported  # it combines by a function of the program's
        numbers = p["dimension_numbers"]
        array, indices, updates = (v.aval for v in eqn.invars)
        if not array.size:
            raise Unsupported
        absent = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
        sizes = [1] * array.ndim
        kept = [d for d in range(array.ndim) if d not in absent]
        for dim, of in zip(kept, numbers.update_window_dims, strict=True):
            sizes[dim] = updates.shape[of]
        windows = _Windows(
            array.shape, sizes, indices.shape, numbers.scatter_dims_to_operand_dims,
            numbers.operand_batching_dims, numbers.scatter_indices_batching_dims, absent,
            _clips(p["mode"]),
        )  # fmt: skip
        batch = len(windows.batch)
        to_axes = range(batch, batch + windows.rank)

        def run(x, indices, updates):
            where, fits = windows(indices)
            updates = np.moveaxis(updates, numbers.update_window_dims, to_axes)
            if fits is not None and not fits.all():
                where = tuple(np.broadcast_to(w, updates.shape)[fits] for w in where)
                updates = updates[fits]
            out = np.array(x)
            if ufunc is None:
                out[where] = updates
            else:
                ufunc.at(out, where, updates)
            return out

        return run

    return make


GATHERING: dict[str, Callable] = {
    "gather": gather,
    "scatter": scatter(None),
    "scatter-add": scatter(np.add),
    "scatter-mul": scatter(np.multiply),
    "scatter-min": scatter(np.minimum),
    "scatter-max": scatter(np.maximum),
}
