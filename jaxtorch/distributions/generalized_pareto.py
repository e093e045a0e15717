"""The generalised Pareto distribution."""

from __future__ import annotations

import math

from jaxtorch.distributions import constraints
from jaxtorch.distributions.distribution import Distribution
from jaxtorch.distributions.noise import uniform_noise
from jaxtorch.ops.arithmetic import where
from jaxtorch.ops.comparison import isclose
from jaxtorch.ops.creation import ones_like, zeros_like
from jaxtorch.size import Size

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """The tail beyond a threshold ``loc``: a power for a positive ``concentration``, exponential
    for 0, bounded for a negative one."""

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True

    def __init__(self, loc, scale, concentration, validate_args: bool | None = None):
        self._given(validate_args, loc=loc, scale=scale, concentration=concentration)

    def _cases(self):
        """(where the tail is exponential, the concentration, 1 there)."""
        c = self.concentration
        zero = isclose(c, zeros_like(c))
        return zero, where(zero, ones_like(c), c)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        c = self.concentration
        upper = where(c < 0, self.loc - self.scale / c, math.inf)
        return constraints.interval(self.loc, upper)

    @property
    def mean(self):
        valid = self.concentration < 1
        found = self.loc + self.scale / (1 - where(valid, self.concentration, 0.5))
        return where(valid, found, math.nan)

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        valid = self.concentration < 0.5
        c = where(valid, self.concentration, 0.25)
        return where(valid, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), math.nan)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        return self.icdf(uniform_noise(self._extended_shape(sample_shape), self.loc))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        zero, c = self._cases()
        power = 1 / c + ones_like(z)
        power = where(power == 0, power, power * (c * z).log1p())
        return -self.scale.log() - where(zero, z, power)

    def log_survival_function(self, value):
        """The logarithm of the probability of more than ``value``."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        zero, c = self._cases()
        return where(zero, -z, -(c * z).log1p() / c)

    def log_cdf(self, value):
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value):
        return self.log_cdf(value).exp()

    def icdf(self, value):
        zero, c = self._cases()
        log_rest = (-value).log1p()
        power = self.loc + self.scale / c * (-c * log_rest).expm1()
        return where(zero, self.loc - self.scale * log_rest, power)

    def entropy(self):
        return (self.scale.log() + self.concentration + 1).expand(self._batch_shape)
