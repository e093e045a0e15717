"""Student's t distribution."""

from __future__ import annotations

import math

from jaxtorch.distributions import constraints
from jaxtorch.distributions.chi2 import Chi2
from jaxtorch.distributions.distribution import Distribution
from jaxtorch.distributions.noise import normal_noise
from jaxtorch.distributions.parameters import lazy_property
from jaxtorch.size import Size

__all__ = ["StudentT"]


class StudentT(Distribution):
    """A normal over the root of a chi-squared variable's mean square, moved and scaled."""

    arg_constraints = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True

    def __init__(self, df, loc=0.0, scale=1.0, validate_args: bool | None = None):
        self._given(validate_args, df=df, loc=loc, scale=scale)

    @lazy_property
    def _chi2(self):
        return Chi2(self.df)

    @property
    def mean(self):
        return self.loc.masked_fill(self.df <= 1, math.nan)

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        finite = self.scale.pow(2) * self.df / (self.df - 2)
        known = finite.masked_fill(self.df <= 2, math.inf)
        return known.masked_fill(self.df <= 1, math.nan)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        noise = normal_noise(self._extended_shape(sample_shape), self.df)
        return self.loc + self.scale * (
            noise * (self._chi2.rsample(sample_shape) / self.df).rsqrt()
        )

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        z, half, more = (value - self.loc) / self.scale, 0.5 * self.df, 0.5 * (self.df + 1)
        constant = self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi)
        constant = constant + half.lgamma() - more.lgamma()
        return -more * (z**2 / self.df).log1p() - constant

    def entropy(self):
        half, more = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = half.lgamma() + math.lgamma(0.5) - more.lgamma()
        slopes = more * (more.digamma() - half.digamma())
        return self.scale.log() + slopes + 0.5 * self.df.log() + log_beta
