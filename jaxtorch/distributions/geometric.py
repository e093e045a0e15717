"""The geometric distribution."""

from __future__ import annotations

from jaxtorch.autograd import no_grad
from jaxtorch.distributions import constraints
from jaxtorch.distributions.distribution import holds
from jaxtorch.distributions.noise import uniform_noise
from jaxtorch.distributions.odds import OfOdds
from jaxtorch.distributions.parameters import broadcast_all
from jaxtorch.dtypes import finfo
from jaxtorch.ops.creation import zeros_like
from jaxtorch.ops.loss import binary_cross_entropy_with_logits
from jaxtorch.size import Size

__all__ = ["Geometric"]


class Geometric(OfOdds):
    """The failures before the first success, of probability ``probs``."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs=None, logits=None, validate_args: bool | None = None):
        self._given_odds(validate_args, probs, logits)
        if self._validate_args and probs is not None and not holds(self.probs > 0):
            value = self.probs
            raise ValueError(
                f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) "
                f"of distribution {self!r} to be positive but found invalid values:\n"
                f"{value.data[value <= 0]}"
            )

    @property
    def mean(self):
        return 1 / self.probs - 1

    @property
    def mode(self):
        return zeros_like(self.probs)

    @property
    def variance(self):
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            tiny = finfo(self.probs.dtype).tiny
            u = uniform_noise(self._extended_shape(sample_shape), self.probs, tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        # 0 failures of probability 0: not 0 * -inf
        failing = probs.masked_fill((probs == 1) & (value == 0), 0)
        return value * (-failing).log1p() + self.probs.log()

    def entropy(self):
        coin = binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
        return coin / self.probs
