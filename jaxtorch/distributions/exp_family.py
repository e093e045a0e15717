"""Exponential families: the entropy from the log normaliser's derivatives."""

from __future__ import annotations

from jaxtorch.autograd import grad
from jaxtorch.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """p(x; t) = exp(<s(x), t> - F(t) + k(x)): natural parameters t, log normaliser F.

    The Bregman divergences of F are the entropy and the KL divergence (Nielsen and Nock 2010).
    """

    @property
    def _natural_params(self) -> tuple:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params):
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        raise NotImplementedError

    def _normalizer_and_slopes(self):
        """(natural parameters, F there, its derivatives), all of this distribution alone."""
        at = [p.detach().requires_grad_() for p in self._natural_params]
        value = self._log_normalizer(*at)
        return at, value, grad(value.sum(), at, create_graph=True)

    def entropy(self):
        result = -self._mean_carrier_measure
        at, value, slopes = self._normalizer_and_slopes()
        result = result + value
        for p, slope in zip(at, slopes, strict=True):
            result = result - (p * slope).reshape(self._batch_shape + (-1,)).sum(-1)
        return result
