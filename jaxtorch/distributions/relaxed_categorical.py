"""Relaxed categorical distributions (Maddison et al. 2017; Jang et al. 2017)."""

from __future__ import annotations

import math

from jaxtorch.distributions import constraints
from jaxtorch.distributions.categorical import Categorical
from jaxtorch.distributions.noise import uniform_noise
from jaxtorch.distributions.odds import clamp_probs
from jaxtorch.distributions.one_hot_categorical import OfCategorical
from jaxtorch.distributions.parameters import broadcast_all
from jaxtorch.distributions.transformed_distribution import TransformedDistribution
from jaxtorch.distributions.transforms import ExpTransform
from jaxtorch.size import Size

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(OfCategorical):
    """The logarithms of ``RelaxedOneHotCategorical``'s values."""

    support = constraints.real_vector  # a surface in it
    has_rsample = True

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None):
        self.temperature = temperature
        self._of_classes(Categorical(probs, logits), validate_args)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        u = clamp_probs(uniform_noise(self._extended_shape(sample_shape), self.logits))
        scores = (self.logits - (-u.log()).log()) / self.temperature
        return scores - scores.logsumexp(-1, keepdim=True)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        k = self._event_shape[0]
        logits, value = broadcast_all(self.logits, value)
        scores = logits - value.mul(self.temperature)
        scores = (scores - scores.logsumexp(-1, keepdim=True)).sum(-1)
        return scores + (math.lgamma(k) + (k - 1) * self.temperature.log())


class RelaxedOneHotCategorical(TransformedDistribution):
    """Probabilities that approach one-hot vectors as ``temperature``, a tensor, falls."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None):
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def temperature(self):
        return self.base_dist.temperature

    @property
    def logits(self):
        return self.base_dist.logits

    @property
    def probs(self):
        return self.base_dist.probs
