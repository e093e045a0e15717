"""KL divergences between distributions of one kind.

Formulas of location-scale pairs: Gil (2011), "On Renyi divergence measures for continuous alphabet
sources"; of Cauchy variables: Chyzak and Nielsen (2019).
"""

from __future__ import annotations

import math

from jaxtorch.distributions.bernoulli import Bernoulli
from jaxtorch.distributions.beta import Beta
from jaxtorch.distributions.binomial import Binomial
from jaxtorch.distributions.categorical import Categorical
from jaxtorch.distributions.cauchy import Cauchy
from jaxtorch.distributions.continuous_bernoulli import ContinuousBernoulli
from jaxtorch.distributions.dirichlet import Dirichlet
from jaxtorch.distributions.exp_family import ExponentialFamily
from jaxtorch.distributions.exponential import Exponential
from jaxtorch.distributions.gamma import Gamma
from jaxtorch.distributions.geometric import Geometric
from jaxtorch.distributions.gumbel import Gumbel
from jaxtorch.distributions.half_normal import HalfNormal
from jaxtorch.distributions.independent import Independent
from jaxtorch.distributions.kl_registry import kl_divergence, register_kl
from jaxtorch.distributions.laplace import Laplace
from jaxtorch.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from jaxtorch.distributions.multivariate_normal import MultivariateNormal
from jaxtorch.distributions.normal import Normal
from jaxtorch.distributions.one_hot_categorical import OneHotCategorical
from jaxtorch.distributions.parameters import sum_rightmost
from jaxtorch.distributions.pareto import Pareto
from jaxtorch.distributions.poisson import Poisson
from jaxtorch.distributions.transformed_distribution import TransformedDistribution
from jaxtorch.distributions.uniform import Uniform
from jaxtorch.distributions.utils import euler_constant
from jaxtorch.ops.activation import softplus


def alike(*kinds: type):
    """Register the formula for two distributions of each kind."""

    def decorator(function):
        for kind in kinds:
            register_kl(kind, kind)(function)
        return function

    return decorator


@alike(Bernoulli)
def _bernoulli(p, q):
    ones = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    ones = ones.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0)
    zeros = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    return ones + zeros.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0)


@alike(Beta)
def _beta(p, q):
    return _dirichlet(p._dirichlet, q._dirichlet)


@alike(Binomial)
def _binomial(p, q):
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    a_trial = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    found = p.total_count * a_trial
    return found.masked_fill(p.total_count > q.total_count, math.inf)


@alike(Categorical)
def _categorical(p, q):
    terms = p.probs * (p.logits - q.logits)
    terms = terms.masked_fill((q.probs == 0).expand_as(terms), math.inf)
    return terms.masked_fill((p.probs == 0).expand_as(terms), 0).sum(-1)


@alike(OneHotCategorical)
def _one_hot_categorical(p, q):
    return _categorical(p._categorical, q._categorical)


@alike(ContinuousBernoulli)
def _continuous_bernoulli(p, q):
    constant = p._cont_bern_log_norm() + (-p.probs).log1p()
    other = q._cont_bern_log_norm() + (-q.probs).log1p()
    return p.mean * (p.logits - q.logits) + constant - other


@alike(Dirichlet)
def _dirichlet(p, q):
    a, b = p.concentration, q.concentration
    total, other = a.sum(-1), b.sum(-1)
    slopes = (a - b) * (a.digamma() - total.digamma().unsqueeze(-1))
    return total.lgamma() - other.lgamma() - (a.lgamma() - b.lgamma()).sum(-1) + slopes.sum(-1)


@alike(Exponential)
def _exponential(p, q):
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@alike(Gamma)
def _gamma(p, q):
    a, b = p.concentration, q.concentration
    logs = b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma()
    return logs + (a - b) * a.digamma() + (q.rate - p.rate) * (a / p.rate)


@alike(Geometric)
def _geometric(p, q):
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@alike(Gumbel)
def _gumbel(p, q):
    ratio, at, other = p.scale / q.scale, p.loc / q.scale, q.loc / q.scale
    mean = at - other + ratio * euler_constant
    return mean - ratio.log() + (other + (1 + ratio).lgamma() - at).exp() - (1 + euler_constant)


@alike(HalfNormal)
def _half_normal(p, q):
    return _normal(p.base_dist, q.base_dist)


@alike(Laplace)
def _laplace(p, q):
    ratio, off = p.scale / q.scale, (p.loc - q.loc).abs()
    return off / q.scale - ratio.log() + ratio * (-off / p.scale).exp() - 1


@alike(Cauchy)
def _cauchy(p, q):
    spread = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return spread.log() - (4 * p.scale * q.scale).log()


@alike(Normal)
def _normal(p, q):
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@alike(MultivariateNormal, LowRankMultivariateNormal)
def _gaussian(p, q):
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with different event shapes cannot be "
            "computed"
        )
    spread = sum(q._trace(factor) for factor in p._factors())
    logs = q._log_determinant() - p._log_determinant()
    return 0.5 * (logs + spread + q._mahalanobis(q.loc - p.loc) - p.event_shape[0])


@alike(Pareto)
def _pareto(p, q):
    ratio = q.alpha / p.alpha
    found = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return found.masked_fill(p.scale < q.scale, math.inf)


@alike(Poisson)
def _poisson(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@alike(Uniform)
def _uniform(p, q):
    found = ((q.high - q.low) / (p.high - p.low)).log()
    return found.masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@alike(ExponentialFamily)
def _exponential_family(p, q):
    """The Bregman divergence of the log normaliser."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed "
            "using Bregman divergences"
        )
    at, value, slopes = p._normalizer_and_slopes()
    found = q._log_normalizer(*q._natural_params) - value
    for here, there, slope in zip(at, q._natural_params, slopes, strict=True):
        events = here.ndim - len(p.batch_shape)
        found = found - sum_rightmost((there - here) * slope, events)
    return found


@alike(TransformedDistribution)
def _transformed(p, q):
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@alike(Independent)
def _independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
