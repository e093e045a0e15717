"""``torch.signal.windows``: symmetric (``sym=True``) for filters, else periodic, for spectra."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from jaxtorch import dtypes
from jaxtorch.ops import arithmetic, creation, data, pointwise, reduction, views


def _window(
    name: str, length: int, points: Callable[[], tuple[float, float]], shape: Callable[[Any], Any],
    *, one: bool = True, dtype=None, layout=None, device=None, requires_grad=False,
):  # fmt: skip
    """``shape`` of evenly spaced points between two ends; of one point 1, where ``one``."""
    dtype = dtype or dtypes.get_default_dtype()
    if length < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={length}")
    if layout is not None and str(layout) != "torch.strided":
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    options = {"dtype": dtype, "device": device, "requires_grad": requires_grad}
    if length == 0 or (length == 1 and one):
        return creation.ones(length, **options)
    return shape(creation.linspace(*points(), length, **options))


def _steps(length: int, sym: bool) -> int:
    """The intervals of a window from 0 to 1."""
    return length - 1 if sym else length


def _middle(length: int, sym: bool) -> float:
    return (length if not sym and length > 1 else length - 1) / 2


def exponential(M, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **options):
    """exp(-|n - center| / tau)."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = _middle(M, sym) if center is None else center

    def points():
        return -middle / tau, (M - 1 - middle) / tau

    def shape(k):
        return pointwise.exp(-pointwise.abs(k))

    return _window("exponential", M, points, shape, one=False, **options)


def cosine(M, *, sym: bool = True, **options):
    """sin(pi (n + 1/2) / M)."""

    def points():
        scale = math.pi / (M + 1 if not sym and M > 1 else M)
        return 0.5 * scale, (M - 0.5) * scale

    return _window("cosine", M, points, pointwise.sin, one=False, **options)


def gaussian(M, *, std: float = 1.0, sym: bool = True, **options):
    """exp(-(n - middle)**2 / (2 std**2))."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    middle = _middle(M, sym)

    def points():
        scale = std * math.sqrt(2)
        return -middle / scale, (M - 1 - middle) / scale

    def shape(k):
        return pointwise.exp(-arithmetic.pow(k, 2))

    return _window("gaussian", M, points, shape, one=False, **options)


def kaiser(M, *, beta: float = 12.0, sym: bool = True, **options):
    """I0(beta sqrt(1 - x**2)) / I0(beta) for x from -1 to 1."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")

    def points():
        return -beta, min(beta, -beta + (M - 1) * 2 * beta / _steps(M, sym))

    def shape(k):
        edge = creation.full((), beta, dtype=k.dtype, device=k.device)
        inside = pointwise.sqrt(arithmetic.sub(edge * edge, arithmetic.pow(k, 2)))
        return arithmetic.div(pointwise.i0(inside), pointwise.i0(edge))

    return _window("kaiser", M, points, shape, **options)


def bartlett(M, *, sym: bool = True, **options):
    """A triangle, 0 at its ends."""

    def points():
        return -1, -1 + (M - 1) * 2 / _steps(M, sym)

    def shape(k):
        return arithmetic.rsub(pointwise.abs(k), 1)

    return _window("bartlett", M, points, shape, **options)


def general_cosine(M, *, a: Iterable[float], sym: bool = True, **options):
    """a[0] - a[1] cos(x) + a[2] cos(2x) - ... for x from 0 to 2 pi."""
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    signed = [(-1) ** i * weight for i, weight in enumerate(a)]
    if not signed:
        raise ValueError("Coefficients cannot be empty")

    def points():
        return 0, (M - 1) * 2 * math.pi / _steps(M, sym)

    def shape(k):
        weights = data.tensor(signed, dtype=k.dtype, device=k.device)
        orders = creation.arange(len(signed), dtype=k.dtype, device=k.device)
        waves = pointwise.cos(arithmetic.mul(views.unsqueeze(orders, -1), k))
        return reduction.sum(arithmetic.mul(views.unsqueeze(weights, -1), waves), 0)

    return _window("general_cosine", M, points, shape, **options)


def general_hamming(M, *, alpha: float = 0.54, sym: bool = True, **options):
    """alpha - (1 - alpha) cos(x) for x from 0 to 2 pi."""
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, **options)


def hamming(M, *, sym: bool = True, **options):
    """general_hamming with alpha 0.54."""
    return general_hamming(M, sym=sym, **options)


def hann(M, *, sym: bool = True, **options):
    """general_hamming with alpha 0.5: sin(x / 2)**2."""
    return general_hamming(M, alpha=0.5, sym=sym, **options)


def blackman(M, *, sym: bool = True, **options):
    """general_cosine of 0.42, 0.5 and 0.08."""
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, **options)


def nuttall(M, *, sym: bool = True, **options):
    """general_cosine of Nuttall's four terms, with sidelobes below -98 dB."""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, **options)
