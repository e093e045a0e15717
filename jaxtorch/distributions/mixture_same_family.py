"""Mixtures of distributions of one kind."""

from __future__ import annotations

from jaxtorch.autograd import no_grad
from jaxtorch.distributions import constraints
from jaxtorch.distributions.categorical import Categorical
from jaxtorch.distributions.constraints import MixtureSameFamilyConstraint
from jaxtorch.distributions.distribution import Distribution
from jaxtorch.ops.activation import log_softmax
from jaxtorch.size import Size

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A ``component_distribution`` whose last batch dimension, of the components, is chosen from by
    a Categorical ``mixture_distribution``."""

    arg_constraints: dict = {}

    def __init__(
        self, mixture_distribution, component_distribution, validate_args: bool | None = None
    ):  # fmt: skip
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an  instance of "
                "torch.distributions.Categorical"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of "
                "torch.distributions.Distribution"
            )
        of_mixture = mixture_distribution.batch_shape
        batch = component_distribution.batch_shape[:-1]
        for a, b in zip(reversed(of_mixture), reversed(batch), strict=False):
            if a != 1 and b != 1 and a != b:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({of_mixture}) is not compatible with "
                    f"`component_distribution.batch_shape`({batch})"
                )
        chosen = mixture_distribution.logits.shape[-1]
        there = component_distribution.batch_shape[-1]
        if chosen != there:
            raise ValueError(
                f"`mixture_distribution component` ({chosen}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({there})"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        super().__init__(batch, component_distribution.event_shape, validate_args=validate_args)

    @property
    def mixture_distribution(self):
        return self._mixture_distribution

    @property
    def component_distribution(self):
        return self._component_distribution

    @property
    def _dim(self) -> int:
        """Where the components are in a component's value."""
        return -1 - len(self._event_shape)

    @constraints.dependent_property
    def support(self):
        return MixtureSameFamilyConstraint(self._component_distribution.support)

    def _weights(self):
        """The probabilities of the components, to multiply their values with."""
        probs = self.mixture_distribution.probs
        batch = self.mixture_distribution.batch_shape
        missing = 0 if len(batch) == 1 else len(self.batch_shape) - len(batch)
        ones = (1,) * missing, (1,) * len(self._event_shape)
        return probs.reshape(probs.shape[:-1] + ones[0] + probs.shape[-1:] + ones[1])

    @property
    def mean(self):
        return (self._weights() * self.component_distribution.mean).sum(self._dim)

    @property
    def variance(self):
        weights, of_each = self._weights(), self.component_distribution
        inner = (weights * of_each.variance).sum(self._dim)
        off = of_each.mean - self.mean.unsqueeze(self._dim)
        return inner + (weights * off.pow(2)).sum(self._dim)

    def cdf(self, x):
        of_each = self.component_distribution.cdf(x.unsqueeze(self._dim))
        return (of_each * self.mixture_distribution.probs).sum(-1)

    def log_prob(self, x):
        if self._validate_args:
            self._validate_sample(x)
        of_each = self.component_distribution.log_prob(x.unsqueeze(self._dim))
        return (of_each + log_softmax(self.mixture_distribution.logits, -1)).logsumexp(-1)

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            chosen = self.mixture_distribution.sample(sample_shape)
            values = self.component_distribution.sample(sample_shape)
            dim = len(sample_shape) + len(self.batch_shape)
            index = chosen.reshape(chosen.shape + (1,) * (len(self._event_shape) + 1))
            index = index.expand(chosen.shape + (1,) + self._event_shape)
            return values.gather(dim, index).squeeze(dim)

    def __repr__(self) -> str:
        return (
            f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
        )
