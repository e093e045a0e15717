"""The Dirichlet distribution."""

from __future__ import annotations

from jaxtorch.distributions import constraints
from jaxtorch.distributions.exp_family import ExponentialFamily
from jaxtorch.ops.arithmetic import where
from jaxtorch.ops.embedding import one_hot
from jaxtorch.ops.pathwise import dirichlet_of
from jaxtorch.ops.sampling import _sample_dirichlet
from jaxtorch.size import Size

__all__ = ["Dirichlet"]


class Dirichlet(ExponentialFamily):
    """Vectors of probabilities, with a ``concentration`` for each of their entries.

    Samples follow it by implicit reparameterisation (``ops/pathwise.py``).
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration, validate_args: bool | None = None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        concentration = self.concentration.expand(self._extended_shape(sample_shape))
        return dirichlet_of(concentration, _sample_dirichlet(concentration))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        a = self.concentration
        return (a - 1).xlogy(value).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    @property
    def mean(self):
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self):
        above = (self.concentration - 1).clamp(min=0)
        inner = above / above.sum(-1, True)
        at_a_corner = (self.concentration < 1).all(-1, True)
        corner = one_hot(inner.argmax(-1), above.shape[-1]).to(inner)
        return where(at_a_corner, corner, inner)

    @property
    def variance(self):
        a, total = self.concentration, self.concentration.sum(-1, True)
        return a * (total - a) / (total.pow(2) * (total + 1))

    def entropy(self):
        a, total, k = self.concentration, self.concentration.sum(-1), self._event_shape[0]
        logs = a.lgamma().sum(-1) - total.lgamma()
        return logs - (k - total) * total.digamma() - ((a - 1) * a.digamma()).sum(-1)

    @property
    def _natural_params(self):
        return (self.concentration,)

    def _log_normalizer(self, x):
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()
