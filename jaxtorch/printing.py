"""How a tensor is written: PyTorch's digits, widths, wrapping and suffixes, to the character."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from typing import Any

import numpy as np

__all__ = ["tensor_repr", "set_printoptions", "get_printoptions", "printoptions"]


@dataclasses.dataclass
class PrintOptions:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}
_options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed; what is None stays as it is, but for ``sci_mode``.

    ``precision``: digits after the point. ``threshold``: the number of elements above which only
    ``edgeitems`` at either end of each dimension are shown. ``profile``: ``"default"``,
    ``"short"`` or ``"full"``, which the other arguments then refine. ``sci_mode=None``, so also a
    call without it, goes back to choosing by the numbers.
    """
    chosen = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(
                f"set_printoptions: profile must be one of {', '.join(_PROFILES)}, got {profile!r}"
            )
        vars(_options).update(vars(_PROFILES[profile]))
    vars(_options).update({name: value for name, value in chosen.items() if value is not None})
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keyword arguments for ``set_printoptions``."""
    return dataclasses.asdict(_options)


@contextlib.contextmanager
def printoptions(**options):
    """``set_printoptions`` for the length of a ``with`` block."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


def tensor_repr(
    array: np.ndarray | None,
    dtype,
    *,
    device: str,
    requires_grad: bool,
    grad_fn_name: str | None,
    default_dtype,
    class_prefix: str = "tensor",
    shape: tuple[int, ...] = (),
    contents: str | None = None,
) -> str:
    """``tensor([...], dtype=..., grad_fn=<...>)`` for a tensor whose value is ``array``, None on
    the device "meta", of which ``shape`` is all that there is to show.

    ``contents`` is written in place of numbers. ``device`` is shown unless it is the cpu; ``dtype``
    unless the digits tell it.
    """
    prefix = class_prefix + "("
    suffixes = []
    if device.partition(":")[0] != "cpu":
        suffixes.append(f"device='{device}'")
    if array is None:
        body = "..."
        suffixes.append(f"size={tuple(shape)}")
        shown = dtype is default_dtype
    elif array.size == 0:
        body = "[]"
        if array.ndim != 1:
            suffixes.append(f"size={array.shape}")
        shown = dtype is default_dtype
    else:
        body = _body(array, dtype, len(prefix)) if contents is None else contents
        if not _options.edgeitems:
            suffixes.append(f"size={array.shape}")
        default_complex = "complex128" if default_dtype.name == "float64" else "complex64"
        shown = dtype is default_dtype or dtype.name in ("int64", "bool", default_complex)
    if not shown:
        suffixes.append(f"dtype={dtype!r}")
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    return _append(prefix + body, suffixes, len(prefix))


def _append(text: str, suffixes: list[str], indent: int) -> str:
    # Two more than the last line is long, which is where PyTorch breaks.
    length = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if length + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            length = indent + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"


def _body(array: np.ndarray, dtype, indent: int) -> str:
    if dtype.is_floating_point:
        array = array.astype(np.float64)
    summarize = array.size > _options.threshold
    sample = _edges(array) if summarize else array
    if dtype.is_complex:
        array, sample = array.astype(np.complex128), sample.astype(np.complex128)
        style = _ComplexStyle(_Style(sample.real), _Style(sample.imag))
    else:
        style = _Style(sample)
    if array.ndim == 0:
        return style.write(array.item())
    return _rows(array, style, indent, summarize)


def _edges(array: np.ndarray) -> np.ndarray:
    """What a summary shows of ``array``."""
    edge = _options.edgeitems
    for dim, size in enumerate(array.shape):
        if size > 2 * edge and (edge or array.ndim > 1):
            array = np.take(array, [*range(edge), *range(size - edge, size)], axis=dim)
    return array


class _Style:
    """How the numbers of one tensor are written: all alike, and all as wide."""

    def __init__(self, sample: np.ndarray):
        self.floating = sample.dtype.kind == "f"
        self.whole, self.scientific = True, False
        counted = sample.ravel()
        if self.floating:
            counted = counted[np.isfinite(counted) & (counted != 0)]
            if counted.size:
                self._choose(np.abs(counted))
                self.whole = bool((counted == np.ceil(counted)).all())
        spec = f".{_options.precision}e" if self.scientific else f".{_options.precision}f"
        if not self.floating:
            spec = ""
        elif self.whole and not self.scientific:
            spec = ".0f"
        self.spec = spec
        point = self.floating and self.whole and not self.scientific
        self.point = "." if point else ""
        widths = (len(self._digits(value)) for value in counted.tolist())
        # nan and inf are not counted: they stick out of narrow columns.
        self.width = max(widths, default=1) + point if counted.size else 1

    def _choose(self, magnitudes: np.ndarray) -> None:
        least, most = magnitudes.min(), magnitudes.max()
        self.scientific = _options.sci_mode
        if self.scientific is None:
            self.scientific = bool(most / least > 1000 or most > 1e8 or least < 1e-4)

    def _digits(self, value) -> str:
        return format(value, self.spec) if self.floating else str(value)

    def write(self, value) -> str:
        text = self._digits(value)
        if self.point and math.isfinite(value):
            text += self.point
        return text.rjust(self.width)


class _ComplexStyle:
    def __init__(self, real: _Style, imag: _Style):
        self.real, self.imag = real, imag
        self.width = real.width + imag.width + 1

    def write(self, value: complex) -> str:
        imag = self.imag.write(value.imag).lstrip() + "j"
        return self.real.write(value.real) + ("" if imag[0] in "+-" else "+") + imag


def _rows(array: np.ndarray, style, indent: int, summarize: bool) -> str:
    edge = _options.edgeitems
    cut = summarize and len(array) > 2 * edge
    if array.ndim == 1:
        if summarize and not edge:
            items = ["..."]
        elif cut:
            items = [style.write(value) for value in array[:edge].tolist()]
            items.append(" ...")
            items += [style.write(value) for value in array[-edge:].tolist()]
        else:
            items = [style.write(value) for value in array.tolist()]
        per_line = max(1, (_options.linewidth - indent) // (style.width + 2))
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"

    def inner(part):
        return [_rows(row, style, indent + 1, summarize) for row in part]

    rows = (
        [*inner(array[:edge]), "...", *inner(array[len(array) - edge :])] if cut else inner(array)
    )
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(rows) + "]"
