"""Every distribution, with parameters; what is asked of it, in words that both libraries know."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

SEED = 7
DTYPES = ("float32", "float64")


@dataclass
class Case:
    """``make(D, **parameters)`` makes the distribution; ``D`` is the library's module."""

    make: object
    parameters: dict
    dtypes: tuple = DTYPES
    loose: dict = field(default_factory=dict)  # question: relative difference allowed


def _plain(name: str):
    def make(D, **parameters):
        return getattr(D, name)(**parameters)

    return make


# PyTorch approximates the gradient of a gamma sample to 5e-4.
GAMMA = {"rsample gradient": 2e-3}


def case(name: str, make=None, **parameters) -> Case:
    options = {k: parameters.pop(k) for k in ("dtypes", "loose") if k in parameters}
    return Case(make or _plain(name), parameters, **options)


def _mixture(D, weights, loc, scale):
    return D.MixtureSameFamily(D.Categorical(logits=weights), D.Normal(loc, scale))


def _mixture_of_vectors(D, weights, loc, scale):
    parts = D.Independent(D.Normal(loc, scale), 1)
    return D.MixtureSameFamily(D.Categorical(logits=weights), parts)


def _transformed(D, loc, scale):
    steps = [D.AffineTransform(loc, scale), D.TanhTransform(), D.AffineTransform(1.0, 2.0)]
    return D.TransformedDistribution(D.Normal(loc * 0, scale * 0 + 0.5), steps)


def _independent(D, loc, scale):
    return D.Independent(D.Laplace(loc, scale), 1)


def _decreasing(D, rate):
    return D.TransformedDistribution(D.Exponential(rate), [D.AffineTransform(1.0, -2.0)])


def _wishart(name):
    def make(D, df, matrix):
        # (a gradient above the diagonal of a factor is PyTorch's only)
        return D.Wishart(df, **{name: matrix.tril() if name == "scale_tril" else matrix})

    return make


def _gaussian(name):
    def make(D, loc, matrix):
        return D.MultivariateNormal(loc, **{name: matrix})

    return make


_COV = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.7]])
_COVS = np.stack([_COV, 2 * _COV])
_TRIL = np.linalg.cholesky(_COVS)
_LOC, _SCALE = np.array([-1.0, 0.2, 3.0]), np.array([0.5, 1.0, 2.5])
_COLUMN = np.array([[0.7], [1.6]])
_PROBS, _LOGITS = np.array([0.1, 0.5, 0.93]), np.array([-2.0, 0.1, 1.5])
_SHAPES = np.array([0.4, 1.0, 3.5])
_ROWS = np.array([[0.2, 0.5, 1.3, 0.7], [1.0, 0.1, 0.4, 2.0]])
_SHARES = _ROWS / _ROWS.sum(-1, keepdims=True)

CASES = {
    "Bernoulli probs": case("Bernoulli", probs=_PROBS),
    "Bernoulli logits": case("Bernoulli", logits=_LOGITS),
    "Beta": case("Beta", concentration1=_SHAPES, concentration0=_COLUMN),
    "Beta of large": case(
        "Beta",
        concentration1=_SHAPES + 9,
        concentration0=_SHAPES[::-1] + 8,
        loose={"log_prob": 1e-4},
    ),
    "Beta numbers": case("Beta", concentration1=2.0, concentration0=0.5),
    "Binomial probs": case("Binomial", total_count=np.array([5.0, 40.0, 100.0]), probs=_PROBS),
    "Binomial logits": case("Binomial", total_count=12, logits=_LOGITS),
    "Categorical probs": case("Categorical", probs=_ROWS),
    "Categorical logits": case("Categorical", logits=_ROWS[0] * 3),
    "Cauchy": case("Cauchy", loc=_LOC, scale=_COLUMN),
    "Chi2": case("Chi2", df=_SHAPES * 2, loose=GAMMA),
    "ContinuousBernoulli": case("ContinuousBernoulli", probs=_PROBS),
    "ContinuousBernoulli logits": case(
        "ContinuousBernoulli", logits=_LOGITS, loose={"rsample gradient": 1e-4}
    ),
    "Dirichlet": case("Dirichlet", concentration=_ROWS * 2),
    "Exponential": case("Exponential", rate=_SCALE),
    "FisherSnedecor": case("FisherSnedecor", df1=_SHAPES + 3, df2=_COLUMN + 4, loose=GAMMA),
    "Gamma": case("Gamma", concentration=_SHAPES, rate=_COLUMN, loose=GAMMA),
    "GeneralizedPareto": case(
        "GeneralizedPareto",
        loc=_LOC,
        scale=_SCALE,
        concentration=np.array([-0.3, 0.0, 0.4]),
        dtypes=("float32",),  # in float64 PyTorch raises
    ),
    "Geometric probs": case("Geometric", probs=_PROBS),
    "Geometric logits": case("Geometric", logits=_LOGITS),
    "Gumbel": case("Gumbel", loc=_LOC, scale=_SCALE),
    "HalfCauchy": case("HalfCauchy", scale=_SCALE),
    "HalfNormal": case("HalfNormal", scale=_SCALE),
    "Independent": case("Independent", _independent, loc=_LOC, scale=_COLUMN),
    "InverseGamma": case("InverseGamma", concentration=_SHAPES + 1, rate=_COLUMN, loose=GAMMA),
    "Kumaraswamy": case("Kumaraswamy", concentration1=_SHAPES, concentration0=_COLUMN),
    "LKJCholesky": case("LKJCholesky", dim=3, concentration=_SHAPES, loose={"log_prob": 1e-4}),
    "Laplace": case("Laplace", loc=_LOC, scale=_SCALE),
    "LogNormal": case("LogNormal", loc=_LOC, scale=_SCALE),
    "LogisticNormal": case("LogisticNormal", loc=_LOC, scale=_SCALE),
    "LowRankMultivariateNormal": case(
        "LowRankMultivariateNormal", loc=_LOC, cov_factor=_COVS[..., :2], cov_diag=_SCALE
    ),
    "MixtureSameFamily": case(
        "MixtureSameFamily", _mixture, weights=_ROWS[:, :3], loc=_COLUMN + _LOC, scale=_SCALE
    ),
    "MixtureSameFamily of vectors": case(
        "MixtureSameFamily", _mixture_of_vectors, weights=_LOC[:2], loc=_COLUMN + _LOC, scale=_SCALE
    ),
    "Multinomial": case("Multinomial", total_count=6, probs=_ROWS, loose={"entropy": 1e-5}),
    "MultivariateNormal": case(
        "MultivariateNormal", _gaussian("covariance_matrix"), loc=_LOC, matrix=_COVS
    ),
    "MultivariateNormal precision": case(
        "MultivariateNormal", _gaussian("precision_matrix"), loc=_LOC, matrix=_COV
    ),
    "MultivariateNormal scale_tril": case(
        "MultivariateNormal", _gaussian("scale_tril"), loc=_COLUMN + _LOC, matrix=_TRIL[0]
    ),
    "NegativeBinomial": case("NegativeBinomial", total_count=_SHAPES * 5, probs=_PROBS),
    "NegativeBinomial logits": case("NegativeBinomial", total_count=3, logits=_LOGITS),
    "Normal": case("Normal", loc=_LOC, scale=_COLUMN),
    "Normal numbers": case("Normal", loc=0, scale=1.5),
    "OneHotCategorical": case("OneHotCategorical", probs=_ROWS),
    "OneHotCategoricalStraightThrough": case("OneHotCategoricalStraightThrough", logits=_ROWS),
    "Pareto": case("Pareto", scale=_SCALE, alpha=_SHAPES),
    "Poisson": case("Poisson", rate=np.array([0.3, 4.0, 25.0])),
    "RelaxedBernoulli": case("RelaxedBernoulli", temperature=np.array(0.7), probs=_PROBS),
    "RelaxedBernoulli logits": case("RelaxedBernoulli", temperature=np.array(2.0), logits=_LOGITS),
    "RelaxedOneHotCategorical": case(
        "RelaxedOneHotCategorical", temperature=np.array(0.8), probs=_SHARES
    ),
    "StudentT": case("StudentT", df=np.array([0.8, 1.5, 6.0]), loc=_LOC, scale=_SCALE, loose=GAMMA),
    "TransformedDistribution": case("", _transformed, loc=_LOC * 0.1, scale=_SCALE),
    "TransformedDistribution decreasing": case("", _decreasing, rate=_SCALE),
    "Uniform": case("Uniform", low=_LOC, high=_LOC + _SCALE),
    "VonMises": case("VonMises", loc=_LOC, concentration=np.array([0.4, 2.0, 11.0])),
    "Weibull": case("Weibull", scale=_SCALE, concentration=_SHAPES),
    "Wishart": case("Wishart", _wishart("covariance_matrix"), df=np.array([4.0, 7.5]), matrix=_COV),
    "Wishart precision": case(
        "Wishart", _wishart("precision_matrix"), df=np.array(5.0), matrix=_COV
    ),
    "Wishart scale_tril": case(
        "Wishart", _wishart("scale_tril"), df=np.array([4.0, 5.0]), matrix=_TRIL
    ),
}
# Each in one dtype, in turn; all in all are compared where torch is (tests/parity).
STORED = [(name, c.dtypes[i % len(c.dtypes)]) for i, (name, c) in enumerate(CASES.items())]
MOMENTS = ("mean", "mode", "variance", "stddev")


class Asker:
    """Puts the same questions to either library: ``torch`` is that library."""

    def __init__(self, torch, name: str, dtype: str):
        self.torch, self.D = torch, torch.distributions
        self.case, self.dtype = CASES[name], getattr(torch, dtype)

    def distribution(self):
        """(the distribution, its parameters that are tensors)."""
        given = {}
        for name, value in self.case.parameters.items():
            if isinstance(value, np.ndarray):
                value = self.torch.tensor(value.copy(), dtype=self.dtype)
                value.requires_grad_(name != "total_count")
            given[name] = value
        tensors = [v for v in given.values() if isinstance(v, self.torch.Tensor)]
        return self.case.make(self.D, **given), [t for t in tensors if t.requires_grad]

    def gradients(self, found, tensors):
        """The gradients of a weighted sum with respect to the parameters."""
        if not isinstance(found, self.torch.Tensor) or not found.requires_grad:
            return None
        weights = self.torch.linspace(0.5, 1.5, found.numel(), dtype=found.dtype)
        total = (found.reshape(-1) * weights).sum()
        grads = self.torch.autograd.grad(total, tensors, retain_graph=True, allow_unused=True)
        return list(grads)

    def numbers(self, answer):
        """The same with arrays for tensors. (The first one that is looked at evaluates all.)"""
        if isinstance(answer, self.torch.Tensor):
            return np.array(answer.detach().numpy())
        if isinstance(answer, list):
            return [self.numbers(a) for a in answer]
        return answer

    def answers(self) -> dict:
        """Question: numbers, text, or the name of the exception."""
        self.D.Distribution.set_default_validate_args(False)  # which would look at every value
        try:
            return self._answers()
        finally:
            self.D.Distribution.set_default_validate_args(True)

    def _answers(self) -> dict:
        found, torch = {}, self.torch
        distribution, tensors = self.distribution()

        def ask(question, function):
            try:
                found[question] = function()
            except (NotImplementedError, AttributeError) as error:
                found[question] = type(error).__name__
            return found[question]

        found["shapes"] = [list(distribution.batch_shape), list(distribution.event_shape)]
        found["flags"] = [distribution.has_rsample, distribution.has_enumerate_support]
        for question in MOMENTS:
            ask(question, lambda q=question: getattr(distribution, q))
        ask("entropy", distribution.entropy)
        ask("enumerate_support", distribution.enumerate_support)

        torch.manual_seed(SEED)
        value = ask("sample", lambda: distribution.sample((3,)))
        found["after"] = torch.rand(2)
        ask("log_prob", lambda: distribution.log_prob(value))
        ask("cdf", lambda: distribution.cdf(value))
        u = torch.tensor([0.05, 0.5, 0.9], dtype=self.dtype)
        ask("icdf", lambda: distribution.icdf(u.reshape(3, *[1] * len(distribution.batch_shape))))
        for question in ("log_prob", "entropy"):
            found[question + " gradient"] = self.gradients(found[question], tensors)
        if distribution.has_rsample and "Wishart" not in type(distribution).__name__:
            # (of Wishart samples PyTorch raises: it overwrites the mask that it needs)
            torch.manual_seed(SEED)
            found["rsample gradient"] = self.gradients(distribution.rsample((3,)), tensors)

        wide = distribution.expand((2, *distribution.batch_shape))
        found["expanded"] = [list(wide.batch_shape), list(wide.event_shape)]
        ask("expanded mean", lambda: wide.mean)
        ask("repr", lambda: repr(distribution))
        ask("repr of support", lambda: repr(distribution.support))
        return {question: self.numbers(answer) for question, answer in found.items()}


# --- KL divergences -----------------------------------------------------------------------------

_KL = {
    "Bernoulli": [dict(probs=_PROBS), dict(probs=_PROBS[::-1])],
    "Beta": [dict(concentration1=_SHAPES, concentration0=_SCALE),
             dict(concentration1=_SCALE, concentration0=_SHAPES)],
    "Binomial": [dict(total_count=9, probs=_PROBS), dict(total_count=9, probs=_PROBS[::-1])],
    "Categorical": [dict(probs=_ROWS), dict(probs=_ROWS[::-1])],
    "Cauchy": [dict(loc=_LOC, scale=_SCALE), dict(loc=_SCALE, scale=_SHAPES)],
    "Chi2": [dict(df=_SCALE), dict(df=_SHAPES)],
    "ContinuousBernoulli": [dict(probs=_PROBS), dict(probs=_PROBS[::-1])],
    "Dirichlet": [dict(concentration=_ROWS), dict(concentration=_ROWS[::-1])],
    "Exponential": [dict(rate=_SCALE), dict(rate=_SHAPES)],
    "Gamma": [dict(concentration=_SHAPES, rate=_SCALE), dict(concentration=_SCALE, rate=_SHAPES)],
    "Geometric": [dict(probs=_PROBS), dict(probs=_PROBS[::-1])],
    "Gumbel": [dict(loc=_LOC, scale=_SCALE), dict(loc=_SCALE, scale=_SHAPES)],
    "HalfNormal": [dict(scale=_SCALE), dict(scale=_SHAPES)],
    "Laplace": [dict(loc=_LOC, scale=_SCALE), dict(loc=_SCALE, scale=_SHAPES)],
    "LowRankMultivariateNormal": [
        dict(loc=_LOC, cov_factor=_COVS[..., :2], cov_diag=_SCALE),
        dict(loc=_SCALE, cov_factor=_COV[..., :1], cov_diag=_SHAPES)],
    "MultivariateNormal": [dict(loc=_LOC, covariance_matrix=_COV),
                           dict(loc=_SCALE, covariance_matrix=_COVS)],
    "LogNormal": [dict(loc=_LOC, scale=_SCALE), dict(loc=_SCALE, scale=_SHAPES)],
    "Normal": [dict(loc=_LOC, scale=_SCALE), dict(loc=_SCALE, scale=_SHAPES)],
    "OneHotCategorical": [dict(probs=_ROWS), dict(probs=_ROWS[::-1])],
    "Pareto": [dict(scale=_SCALE, alpha=_SHAPES), dict(scale=_SCALE * [1, 0.5, 2], alpha=_SCALE)],
    "Poisson": [dict(rate=_SCALE), dict(rate=_SHAPES)],
    "Uniform": [dict(low=np.array([0.1, 0.2, -0.5]), high=np.array([0.4, 0.9, 3.0])),
                dict(low=np.array([0.0, -0.1, 0.1]), high=np.array([1.0, 1.2, 0.9]))],
    "Wishart": [dict(df=np.array(4.0), covariance_matrix=_COV),
                dict(df=np.array(5.0), covariance_matrix=2 * _COV)],
}  # fmt: skip


def kl_sides(torch, name: str, side: int):
    """(a distribution of this class, its tensors), to be p (side 0) or q (side 1)."""
    given = {k: torch.tensor(v.copy(), dtype=torch.float64, requires_grad=k != "total_count")
             if isinstance(v, np.ndarray) else v for k, v in _KL[name][side].items()}  # fmt: skip
    tensors = [v for v in given.values() if isinstance(v, torch.Tensor)]
    return getattr(torch.distributions, name)(**given), tensors


KL_NAMES = tuple(_KL)


def divergence(torch, p_name: str, q_name: str):
    """[KL(p || q), its gradients], or the name of the exception."""
    p, of_p = kl_sides(torch, p_name, 0)
    q, of_q = kl_sides(torch, q_name, 1)
    try:
        found = torch.distributions.kl_divergence(p, q)
    except (NotImplementedError, ValueError, RuntimeError) as error:
        return type(error).__name__
    values = [np.array(found.detach().numpy())]
    if found.requires_grad and np.isfinite(values[0]).all():
        found.sum().backward()
        values += [None if t.grad is None else np.array(t.grad.numpy()) for t in (*of_p, *of_q)]
    return values
