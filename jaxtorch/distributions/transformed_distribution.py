"""Distributions of what transforms make of another distribution's values."""

from __future__ import annotations

from jaxtorch.autograd import no_grad
from jaxtorch.distributions import constraints
from jaxtorch.distributions.distribution import Distribution
from jaxtorch.distributions.independent import Independent
from jaxtorch.distributions.parameters import sum_rightmost
from jaxtorch.distributions.transforms import ComposeTransform, Transform
from jaxtorch.size import Size

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """y = transforms(x), x of ``base_distribution``: p(y) = p(x) / |dy / dx|."""

    arg_constraints: dict = {}

    def __init__(self, base_distribution, transforms, validate_args: bool | None = None):
        if isinstance(transforms, Transform):
            transforms = [transforms]
        if not isinstance(transforms, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        if not all(isinstance(t, Transform) for t in transforms):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        self.transforms = transforms
        whole, base = ComposeTransform(transforms), base_distribution
        of_domain, of_codomain = whole.domain.event_dim, whole.codomain.event_dim
        of_base = len(base.event_shape)

        shape = base.batch_shape + base.event_shape
        if len(shape) < of_domain:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {of_domain}, but got "
                f"{shape}."
            )
        after = whole.forward_shape(shape)
        before = whole.inverse_shape(after)
        if shape != before:  # a transform's parameters are a batch
            base = base.expand(before[: len(before) - of_base])
        if of_domain > of_base:
            base = Independent(base, of_domain - of_base)
        self.base_dist = base

        events = max(of_codomain, of_base + of_codomain - of_domain)
        cut = len(after) - events
        super().__init__(after[:cut], after[cut:], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False)
    def support(self):
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        more = len(self.event_shape) - support.event_dim
        return constraints.independent(support, more) if more > 0 else support

    @property
    def has_rsample(self) -> bool:
        return self.base_dist.has_rsample

    def _forward(self, x):
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=Size()):  # noqa: B008
        return self._forward(self.base_dist.rsample(sample_shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        dim, stretched, y = len(self.event_shape), 0.0, value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            of_domain = transform.domain.event_dim
            dim += of_domain - transform.codomain.event_dim
            term = transform.log_abs_det_jacobian(x, y)
            stretched = stretched + sum_rightmost(term, dim - of_domain)
            y = x
        density = self.base_dist.log_prob(y)
        return sum_rightmost(density, dim - len(self.base_dist.event_shape)) - stretched

    def _turned(self, probability):
        """The same counted from the other end, where the transforms decrease."""
        sign = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return probability
        return sign * (probability - 0.5) + 0.5

    def cdf(self, value):
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._turned(self.base_dist.cdf(value))

    def icdf(self, value):
        return self._forward(self.base_dist.icdf(self._turned(value)))
