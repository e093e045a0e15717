"""What the folded halves of symmetric distributions have in common."""

from __future__ import annotations

import math

from jaxtorch.distributions.transformed_distribution import TransformedDistribution
from jaxtorch.distributions.transforms import AbsTransform
from jaxtorch.ops.arithmetic import where
from jaxtorch.ops.creation import zeros_like
from jaxtorch.ops.data import as_tensor


class Half(TransformedDistribution):
    """|x|, x of a distribution that is symmetric about 0."""

    has_rsample = True

    def _folded(self, base, validate_args) -> None:
        TransformedDistribution.__init__(self, base, AbsTransform(), validate_args=validate_args)

    @property
    def scale(self):
        return self.base_dist.scale

    @property
    def mode(self):
        return zeros_like(self.scale)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        value = as_tensor(value, dtype=self.scale.dtype, device=self.scale.device)
        return where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, prob):
        return self.base_dist.icdf((prob + 1) / 2)

    def entropy(self):
        return self.base_dist.entropy() - math.log(2)
