"""The gamma distribution."""

from __future__ import annotations

from jaxtorch.distributions import constraints
from jaxtorch.distributions.exp_family import ExponentialFamily
from jaxtorch.dtypes import finfo
from jaxtorch.ops.data import as_tensor
from jaxtorch.ops.sampling import _standard_gamma
from jaxtorch.ops.special import gammainc
from jaxtorch.size import Size

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """Gamma with shape parameter ``concentration`` and inverse scale ``rate``.

    Samples follow ``concentration`` by implicit reparameterisation (``ops/pathwise.py``).
    """

    arg_constraints = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, concentration, rate, validate_args: bool | None = None):
        self._given(validate_args, concentration=concentration, rate=rate)

    @property
    def mean(self):
        return self.concentration / self.rate

    @property
    def mode(self):
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self):
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        shape = self._extended_shape(sample_shape)
        value = _standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        # raised to the least positive number, past autograd
        return value + (finfo(value.dtype).tiny - value.detach()).clamp(min=0)

    def log_prob(self, value):
        value = as_tensor(value, dtype=self.rate.dtype, device=self.rate.device)
        if self._validate_args:
            self._validate_sample(value)
        return (
            self.concentration.xlogy(self.rate)
            + (self.concentration - 1).xlogy(value)
            - self.rate * value
            - self.concentration.lgamma()
        )

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return gammainc(self.concentration, self.rate * value)

    def entropy(self):
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1 - a) * a.digamma()

    @property
    def _natural_params(self):
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x, y):
        return (x + 1).lgamma() + (x + 1) * (-y.reciprocal()).log()
