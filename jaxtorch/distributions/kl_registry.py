"""Which formula is the Kullback-Leibler divergence of which two kinds of distributions."""

from __future__ import annotations

import functools
import warnings

from jaxtorch.distributions.distribution import Distribution

_FORMULAS: dict[tuple[type, type], object] = {}
_FOUND: dict[tuple[type, type], object] = {}  # what a lookup of exact classes has given


def register_kl(type_p: type, type_q: type):
    """A decorator of the function (p, q) that computes KL(p || q) for these classes (any that a
    distribution's class may derive from), and for those derived from them that have none of their
    own."""
    for name, cls in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(cls, type):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {cls}")

    def decorator(function):
        _FORMULAS[type_p, type_q] = function
        _FOUND.clear()
        return function

    return decorator


def _closer(a: tuple, b: tuple) -> int:
    """Whether the classes ``a`` derive from ``b``, the first that differ deciding."""
    for x, y in zip(a, b, strict=True):
        if x is not y:
            return -1 if issubclass(x, y) else 1
    return 0


def _lookup(type_p: type, type_q: type):
    """The formula of the closest pair of classes; of two that are, the one closest in p."""
    pairs = [(p, q) for p, q in _FORMULAS if issubclass(type_p, p) and issubclass(type_q, q)]
    if not pairs:
        return None
    order = functools.cmp_to_key(_closer)
    by_p = min(pairs, key=order)
    by_q = min(pairs, key=lambda pair: order(pair[::-1]))
    if _FORMULAS[by_p] is not _FORMULAS[by_q]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({by_p[0].__name__}, {by_q[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _FORMULAS[by_p]


def kl_divergence(p: Distribution, q: Distribution):
    """KL(p || q), the mean under ``p`` of log(p / q): of shape ``batch_shape``."""
    key = type(p), type(q)
    if key not in _FOUND:
        _FOUND[key] = _lookup(*key)
    formula = _FOUND[key]
    if formula is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
            f"{type(q).__name__}"
        )
    return formula(p, q)
