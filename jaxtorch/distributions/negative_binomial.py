"""The negative binomial distribution."""

from __future__ import annotations

from jaxtorch.autograd import no_grad
from jaxtorch.distributions import constraints
from jaxtorch.distributions.gamma import Gamma
from jaxtorch.distributions.odds import OfOdds
from jaxtorch.distributions.parameters import lazy_property
from jaxtorch.ops.activation import logsigmoid
from jaxtorch.ops.sampling import poisson
from jaxtorch.size import Size

__all__ = ["NegativeBinomial"]


class NegativeBinomial(OfOdds):
    """The successes, of probability ``probs``, before ``total_count`` failures."""

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    def __init__(self, total_count, probs=None, logits=None, validate_args: bool | None = None):
        self._given_odds(validate_args, probs, logits, total_count=total_count)

    @property
    def mean(self):
        return self.total_count * self.logits.exp()

    @property
    def mode(self):
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self):
        return self.mean / (-self.logits).sigmoid()

    @lazy_property
    def _gamma(self):
        # a count of 0 is no valid concentration, and gives 0
        return Gamma(self.total_count, (-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            return poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        outcome = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        orders = (n + value).lgamma() - (1 + value).lgamma() - n.lgamma()
        # lgamma(0) is infinite, but 0 successes before 0 failures are certain
        return outcome + orders.masked_fill(n + value == 0, 0)
