"""Probabilities and their logits: either is given, the other follows."""

from __future__ import annotations

from jaxtorch.distributions.distribution import Distribution
from jaxtorch.distributions.parameters import broadcast_all, lazy_property
from jaxtorch.dtypes import finfo
from jaxtorch.ops.activation import softmax


def logits_to_probs(logits, is_binary: bool = False):
    """The probabilities of logits: log odds, or log probabilities along the last dimension."""
    return logits.sigmoid() if is_binary else softmax(logits, -1)


def clamp_probs(probs):
    """``probs`` kept an epsilon away from 0 and 1."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs, is_binary: bool = False):
    """Log odds, or log probabilities, of clamped probabilities."""
    probs = clamp_probs(probs)
    return probs.log() - (-probs).log1p() if is_binary else probs.log()


def one_of(probs, logits) -> str:
    """Which of the two was given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")
    return "logits" if probs is None else "probs"


class OfOdds(Distribution):
    """A distribution of single events with a probability, given as ``probs`` or as ``logits``."""

    def _given_odds(self, validate_args, probs, logits, **others) -> None:
        """Keep what was given of the two, and ``others`` broadcast with it in its dtype."""
        name = one_of(probs, logits)
        given = probs if name == "probs" else logits
        *values, given = broadcast_all(*others.values(), given)
        for other, value in zip(others, values, strict=True):
            setattr(self, other, value.type_as(given))
        setattr(self, name, given)
        Distribution.__init__(self, given.shape, validate_args=validate_args)

    @property
    def _param(self):
        """What was given."""
        return self.__dict__["probs" if "probs" in self.__dict__ else "logits"]

    @property
    def param_shape(self):
        return self._param.size()

    @lazy_property
    def logits(self):
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self):
        return logits_to_probs(self.logits, is_binary=True)
