"""``torch.distributions``: parameterised distributions to sample from and to score values with.

Samples are PyTorch's own from the same seed, where they are drawn on the cpu and outside
``jaxtorch.jit``.
"""

from jaxtorch.distributions import constraints as constraints, kl as kl, transforms as transforms
from jaxtorch.distributions.bernoulli import Bernoulli
from jaxtorch.distributions.beta import Beta
from jaxtorch.distributions.binomial import Binomial
from jaxtorch.distributions.categorical import Categorical
from jaxtorch.distributions.cauchy import Cauchy
from jaxtorch.distributions.chi2 import Chi2
from jaxtorch.distributions.constraint_registry import biject_to, transform_to
from jaxtorch.distributions.continuous_bernoulli import ContinuousBernoulli
from jaxtorch.distributions.dirichlet import Dirichlet
from jaxtorch.distributions.distribution import Distribution
from jaxtorch.distributions.exp_family import ExponentialFamily
from jaxtorch.distributions.exponential import Exponential
from jaxtorch.distributions.fishersnedecor import FisherSnedecor
from jaxtorch.distributions.gamma import Gamma
from jaxtorch.distributions.generalized_pareto import GeneralizedPareto
from jaxtorch.distributions.geometric import Geometric
from jaxtorch.distributions.gumbel import Gumbel
from jaxtorch.distributions.half_cauchy import HalfCauchy
from jaxtorch.distributions.half_normal import HalfNormal
from jaxtorch.distributions.independent import Independent
from jaxtorch.distributions.inverse_gamma import InverseGamma
from jaxtorch.distributions.kl import kl_divergence, register_kl
from jaxtorch.distributions.kumaraswamy import Kumaraswamy
from jaxtorch.distributions.laplace import Laplace
from jaxtorch.distributions.lkj_cholesky import LKJCholesky
from jaxtorch.distributions.log_normal import LogNormal
from jaxtorch.distributions.logistic_normal import LogisticNormal
from jaxtorch.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from jaxtorch.distributions.mixture_same_family import MixtureSameFamily
from jaxtorch.distributions.multinomial import Multinomial
from jaxtorch.distributions.multivariate_normal import MultivariateNormal
from jaxtorch.distributions.negative_binomial import NegativeBinomial
from jaxtorch.distributions.normal import Normal
from jaxtorch.distributions.one_hot_categorical import (
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
)
from jaxtorch.distributions.pareto import Pareto
from jaxtorch.distributions.poisson import Poisson
from jaxtorch.distributions.relaxed_bernoulli import RelaxedBernoulli
from jaxtorch.distributions.relaxed_categorical import RelaxedOneHotCategorical
from jaxtorch.distributions.studentT import StudentT
from jaxtorch.distributions.transformed_distribution import TransformedDistribution
from jaxtorch.distributions.transforms import *  # noqa: F403
from jaxtorch.distributions.uniform import Uniform
from jaxtorch.distributions.von_mises import VonMises
from jaxtorch.distributions.weibull import Weibull
from jaxtorch.distributions.wishart import Wishart

__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "ContinuousBernoulli",
    "Dirichlet", "Distribution", "Exponential", "ExponentialFamily", "FisherSnedecor", "Gamma",
    "GeneralizedPareto", "Geometric", "Gumbel", "HalfCauchy", "HalfNormal", "Independent",
    "InverseGamma", "Kumaraswamy", "LKJCholesky", "Laplace", "LogNormal", "LogisticNormal",
    "LowRankMultivariateNormal", "MixtureSameFamily", "Multinomial", "MultivariateNormal",
    "NegativeBinomial", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough", "Pareto",
    "Poisson", "RelaxedBernoulli", "RelaxedOneHotCategorical", "StudentT",
    "TransformedDistribution", "Uniform", "VonMises", "Weibull", "Wishart", "biject_to",
    "kl_divergence", "register_kl", "transform_to", *transforms.__all__,
]  # fmt: skip
