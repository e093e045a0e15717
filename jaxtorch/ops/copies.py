"""What a view shows, as a tensor of its own: ``select_copy`` and the other ``*_copy`` functions."""

from __future__ import annotations

import functools

from jaxtorch.engine.handles import Handles
from jaxtorch.ops import reshaping, slicing, strides, views
from jaxtorch.ops._dims import normalize_dim
from jaxtorch.ops.conversion import _copied


def _copy_of(view, name: str):
    """``view`` followed by a copy; what gives several tensors writes them to a list as ``out``."""

    @functools.wraps(view)
    def copy(*args, out=None, **kwargs):
        shown = view(*args, **kwargs)
        if not isinstance(shown, tuple):
            made = _copied(shown)
            return made if out is None else Handles.assign_out(made, out, "same")
        if out is None:
            return tuple(map(_copied, shown))
        if len(out) != len(shown):
            raise RuntimeError(
                f"{name}(): expected out to be {len(shown)} tensors, but got {len(out)}"
            )
        for part, target in zip(shown, out, strict=True):
            Handles.assign_out(part, target, "same")
        return None

    copy.__name__ = copy.__qualname__ = name
    copy.__module__ = __name__
    copy.__doc__ = f"``{view.__name__.strip('_')}`` as a copy, not a view."
    return copy


def _expanded(input, size, *, implicit: bool = False):
    return views.expand(input, size)


def _narrowed(input, dim: int, start, length: int):
    if 0 < input.ndim <= dim:
        raise RuntimeError(
            "Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false."
        )
    if length < 0 and input.ndim:
        raise RuntimeError(
            f"start ({start}) + length ({length}) exceeds dimension size ({input.shape[dim]})."
        )
    return slicing.narrow(input, dim, start, length)


def _sliced(input, dim: int = 0, start=None, end=None, step: int = 1):
    if input.ndim == 0:
        raise RuntimeError("slice() cannot be applied to a 0-dim tensor.")
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    return slicing.slice_along(input, normalize_dim(dim, input.ndim), slice(start, end, step))


alias_copy = _copy_of(views._alias, "alias_copy")
as_strided_copy = _copy_of(strides.as_strided, "as_strided_copy")
detach_copy = _copy_of(lambda input: input.detach(), "detach_copy")
diagonal_copy = _copy_of(views.diagonal, "diagonal_copy")
expand_copy = _copy_of(_expanded, "expand_copy")
narrow_copy = _copy_of(_narrowed, "narrow_copy")
permute_copy = _copy_of(views.permute, "permute_copy")
select_copy = _copy_of(slicing.select, "select_copy")
slice_copy = _copy_of(_sliced, "slice_copy")
split_copy = _copy_of(slicing.split, "split_copy")
split_with_sizes_copy = _copy_of(slicing.split_with_sizes, "split_with_sizes_copy")
squeeze_copy = _copy_of(views.squeeze, "squeeze_copy")
t_copy = _copy_of(views.t, "t_copy")
transpose_copy = _copy_of(views.transpose, "transpose_copy")
unbind_copy = _copy_of(slicing.unbind, "unbind_copy")
unfold_copy = _copy_of(views.unfold, "unfold_copy")
unsqueeze_copy = _copy_of(views.unsqueeze, "unsqueeze_copy")
view_as_complex_copy = _copy_of(views.view_as_complex, "view_as_complex_copy")
view_as_real_copy = _copy_of(views.view_as_real, "view_as_real_copy")
view_copy = _copy_of(reshaping.view, "view_copy")
