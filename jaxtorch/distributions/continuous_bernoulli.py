"""The continuous Bernoulli distribution (Loaiza-Ganem and Cunningham 2019)."""

from __future__ import annotations

import math

from jaxtorch.distributions import constraints
from jaxtorch.distributions.distribution import holds
from jaxtorch.distributions.exp_family import ExponentialFamily
from jaxtorch.distributions.noise import uniform_noise
from jaxtorch.distributions.odds import OfOdds, clamp_probs, logits_to_probs
from jaxtorch.distributions.parameters import broadcast_all, lazy_property
from jaxtorch.ops.arithmetic import where
from jaxtorch.ops.creation import ones_like, zeros_like
from jaxtorch.ops.loss import binary_cross_entropy_with_logits
from jaxtorch.size import Size

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(OfOdds, ExponentialFamily):
    """Values x in [0, 1] with a density proportional to probs**x (1 - probs)**(1 - x).

    Between ``lims``, about 1/2, where the closed forms cancel, Taylor series are used.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self, probs=None, logits=None, lims=(0.499, 0.501), validate_args: bool | None = None
    ):  # fmt: skip
        self._lims = lims
        if probs is not None:
            (probs,) = broadcast_all(probs)
            # clamped they would pass any check
            if validate_args is not None and not holds(constraints.unit_interval.check(probs)):
                raise ValueError("The parameter probs has invalid values")
            probs = clamp_probs(probs)
        self._given_odds(validate_args, probs, logits)

    @lazy_property
    def probs(self):
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    @lazy_property
    def _far(self):
        """Where the closed forms are good."""
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    @lazy_property
    def _cut(self):
        """The probabilities, where they are far from 1/2; elsewhere one that is."""
        return where(self._far, self.probs, self._lims[0])

    def _cont_bern_log_norm(self):
        """The logarithm of the normalising constant."""
        p = self._cut
        below = where(p <= 0.5, p, zeros_like(p))
        above = where(p >= 0.5, p, ones_like(p))
        spread = where(p <= 0.5, (-2 * below).log1p(), (2 * above - 1).log())
        x = (self.probs - 0.5).pow(2)
        near = math.log(2) + (4 / 3 + 104 / 45 * x) * x
        return where(self._far, ((-p).log1p() - p.log()).abs().log() - spread, near)

    @property
    def mean(self):
        p, x = self._cut, self.probs - 0.5
        far = p / (2 * p - 1) + 1 / ((-p).log1p() - p.log())
        return where(self._far, far, 0.5 + (1 / 3 + 16 / 45 * x.pow(2)) * x)

    @property
    def variance(self):
        p, x = self._cut, (self.probs - 0.5).pow(2)
        far = p * (p - 1) / (1 - 2 * p).pow(2) + 1 / ((-p).log1p() - p.log()).pow(2)
        return where(self._far, far, 1 / 12 - (1 / 15 - 128 / 945 * x) * x)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        return self.icdf(uniform_noise(self._extended_shape(sample_shape), self.probs))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        coin = binary_cross_entropy_with_logits(logits, value, reduction="none")
        return -coin + self._cont_bern_log_norm()

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        p = self._cut
        far = (p.pow(value) * (1 - p).pow(1 - value) + p - 1) / (2 * p - 1)
        inside = where(self._far, far, value)
        return where(value <= 0, 0.0, where(value >= 1, 1.0, inside))

    def icdf(self, value):
        p = self._cut
        rest = (-p).log1p()
        far = ((-p + value * (2 * p - 1)).log1p() - rest) / (p.log() - rest)
        return where(self._far, far, value)

    def entropy(self):
        log0, log1 = (-self.probs).log1p(), self.probs.log()
        return self.mean * (log0 - log1) - self._cont_bern_log_norm() - log0

    @property
    def _natural_params(self):
        return (self.logits,)

    def _log_normalizer(self, x):
        far = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        cut = where(far, x, self._lims[0] - 0.5)
        near = 0.5 * x + x.pow(2) / 24 - x.pow(4) / 2880
        return where(far, cut.expm1().abs().log() - cut.abs().log(), near)
