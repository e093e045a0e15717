"""The multinomial distribution."""

from __future__ import annotations

import math

from jaxtorch.distributions import constraints
from jaxtorch.distributions.binomial import Binomial
from jaxtorch.distributions.categorical import Categorical
from jaxtorch.distributions.one_hot_categorical import OfCategorical
from jaxtorch.distributions.parameters import broadcast_all, lazy_property
from jaxtorch.ops.data import tensor
from jaxtorch.size import Size

__all__ = ["Multinomial"]


class Multinomial(OfCategorical):
    """How often each class was drawn in ``total_count`` draws, an int."""

    def __init__(
        self, total_count: int = 1, probs=None, logits=None, validate_args: bool | None = None
    ):  # fmt: skip
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._of_classes(Categorical(probs, logits), validate_args)

    @lazy_property
    def _binomial(self):
        return Binomial(self.total_count, self.probs)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        return constraints.multinomial(self.total_count)

    @property
    def mean(self):
        return self.probs * self.total_count

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):  # noqa: B008
        sample_shape = Size(sample_shape)
        drawn = self._categorical.sample((self.total_count, *sample_shape)).movedim(0, -1)
        counts = drawn.new_zeros(self._extended_shape(sample_shape))
        return counts.scatter_add(-1, drawn, drawn.new_ones(drawn.shape)).type_as(self.probs)

    def entropy(self):
        n = tensor(self.total_count)
        counts = self._binomial.enumerate_support(expand=False)[1:]
        expected = self._binomial.log_prob(counts).exp() * (counts + 1).lgamma()
        return n * self._categorical.entropy() - (n + 1).lgamma() + expected.sum((0, -1))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        logits = logits.masked_fill((value == 0) & (logits == -math.inf), 0)
        ways = (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1)
        return ways + (logits * value).sum(-1)
