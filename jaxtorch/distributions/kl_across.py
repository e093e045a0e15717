"""KL divergences between distributions of different kinds: minus p's entropy, minus the mean under
p of q's log density. So the latter is written once for each q, in terms of moments of p.
"""

from __future__ import annotations

import functools
import math

from jaxtorch.distributions.bernoulli import Bernoulli
from jaxtorch.distributions.beta import Beta
from jaxtorch.distributions.binomial import Binomial
from jaxtorch.distributions.continuous_bernoulli import ContinuousBernoulli
from jaxtorch.distributions.exponential import Exponential
from jaxtorch.distributions.gamma import Gamma
from jaxtorch.distributions.gumbel import Gumbel
from jaxtorch.distributions.kl_registry import register_kl
from jaxtorch.distributions.laplace import Laplace
from jaxtorch.distributions.normal import Normal
from jaxtorch.distributions.pareto import Pareto
from jaxtorch.distributions.poisson import Poisson
from jaxtorch.distributions.uniform import Uniform
from jaxtorch.distributions.utils import euler_constant
from jaxtorch.ops.arithmetic import where
from jaxtorch.ops.creation import full_like


def to(q_kind: type, *p_kinds: type):
    """Register the formula for these kinds of p."""

    def decorator(function):
        for kind in p_kinds:
            register_kl(kind, q_kind)(function)
        return function

    return decorator


# --- where q's support does not cover p's -------------------------------------------------------

_BOUNDED = (Beta, ContinuousBernoulli, Uniform)
_POSITIVE = (Exponential, Gamma)
_UNCOVERED = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (*_BOUNDED, Pareto),
    Gamma: (*_BOUNDED, Pareto),
    Gumbel: (*_BOUNDED, *_POSITIVE, Pareto),
    Laplace: (*_BOUNDED, *_POSITIVE, Pareto),
    Normal: (*_BOUNDED, *_POSITIVE, Pareto),
    Pareto: _BOUNDED,
    Poisson: (Bernoulli, Binomial),
}


def _infinite(p, q):
    return full_like(p.mean, math.inf)


for _p, _kinds in _UNCOVERED.items():
    for _q in _kinds:
        register_kl(_p, _q)(_infinite)


# --- moments of p -------------------------------------------------------------------------------


def _mean_of_logs(low, high):
    """The mean of log(x) for x uniform in [low, high]."""
    return (high.xlogy(high) - low.xlogy(low)) / (high - low) - 1


@functools.singledispatch
def _mean_log(p):
    """E[log x]."""
    raise NotImplementedError


@_mean_log.register
def _(p: Beta):
    return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()


@_mean_log.register
def _(p: Exponential):
    return -euler_constant - p.rate.log()


@_mean_log.register
def _(p: Pareto):
    return p.scale.log() + p.alpha.reciprocal()


@_mean_log.register
def _(p: Uniform):
    return _mean_of_logs(p.low, p.high)


@functools.singledispatch
def _mean_exp(p, loc, scale):
    """E[exp(-(x - loc) / scale)]."""
    raise NotImplementedError


@_mean_exp.register
def _(p: Exponential, loc, scale):
    product = p.rate * scale
    return (loc / scale).exp() * product / (product + 1)


@_mean_exp.register
def _(p: Gamma, loc, scale):
    return (loc / scale).exp() * (1 + (p.rate * scale).reciprocal()).pow(-p.concentration)


@_mean_exp.register
def _(p: Normal, loc, scale):
    return ((loc - p.loc) / scale + 0.5 * (p.scale / scale).pow(2)).exp()


@_mean_exp.register
def _(p: Uniform, loc, scale):
    ends = ((loc - p.low) / scale).exp() - ((loc - p.high) / scale).exp()
    return scale / (p.high - p.low) * ends


def _uncovered_below_0(p, found):
    """Infinite where a uniform p reaches below 0."""
    return found.masked_fill(p.low < 0, math.inf) if isinstance(p, Uniform) else found


# --- one formula for each q ---------------------------------------------------------------------


@to(Normal, Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform)
def _to_normal(p, q):
    square = p.variance + (p.mean - q.loc).pow(2)
    return -p.entropy() + 0.5 * (math.log(2 * math.pi) + square / q.scale.pow(2)) + q.scale.log()


@to(Exponential, Beta, ContinuousBernoulli, Gamma, Pareto, Uniform)
def _to_exponential(p, q):
    return _uncovered_below_0(p, -p.entropy() - q.rate.log() + q.rate * p.mean)


@to(Gamma, Beta, Exponential, Pareto, Uniform)
def _to_gamma(p, q):
    a = q.concentration
    density = a * q.rate.log() - a.lgamma() + (a - 1) * _mean_log(p) - q.rate * p.mean
    return _uncovered_below_0(p, -p.entropy() - density)


@to(Gumbel, Exponential, Gamma, Normal, Uniform)
def _to_gumbel(p, q):
    off = (p.mean - q.loc) / q.scale
    return -p.entropy() + q.scale.log() + off + _mean_exp(p, q.loc, q.scale)


@to(ContinuousBernoulli, Beta, Uniform)
def _to_continuous_bernoulli(p, q):
    density = p.mean * q.logits + (-q.probs).log1p() + q._cont_bern_log_norm()
    found = -p.entropy() - density
    if isinstance(p, Uniform):  # touching the ends counts as reaching beyond, as in PyTorch
        found = where((p.high >= 1) | (p.low <= 0), math.inf, found)
    return found


@to(Uniform, Beta, ContinuousBernoulli)
def _to_uniform(p, q):
    found = -p.entropy() + (q.high - q.low).log()
    if isinstance(p, ContinuousBernoulli):  # as above
        return where((q.low >= 0) | (q.high <= 1), math.inf, found)
    return found.masked_fill((q.low > 0) | (q.high < 1), math.inf)


@to(Poisson, Bernoulli)
def _to_poisson(p, q):
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@to(Laplace, Normal)
def _to_laplace(p, q):
    off = p.loc - q.loc
    z = off / p.scale
    distance = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z.pow(2)).exp()
    distance = distance + off * (math.sqrt(0.5) * z).erf()
    return distance / q.scale - (p.scale / q.scale).log() - 0.5 * (1 + math.log(0.5 * math.pi))


@to(Beta, Uniform)
def _to_beta(p, q):
    a, b = q.concentration1, q.concentration0
    logs = (a - 1) * _mean_of_logs(p.low, p.high)
    logs = logs + (b - 1) * _mean_of_logs(1 - p.high, 1 - p.low)
    found = -p.entropy() - logs + a.lgamma() + b.lgamma() - (a + b).lgamma()
    return found.masked_fill((p.high > 1) | (p.low < 0), math.inf)


@to(Pareto, Uniform)
def _to_pareto(p, q):
    logs = (q.alpha + 1) * _mean_of_logs(p.low, p.high)
    found = logs - (q.alpha * q.scale.pow(q.alpha) * (p.high - p.low)).log()
    return found.masked_fill(p.low < q.scale, math.inf)
