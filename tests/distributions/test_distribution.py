"""What distributions check, repeat and refuse, in PyTorch's words."""

import copy
import pickle

import jax
import pytest

import jaxtorch as torch
from jaxtorch import distributions as D, engine

NAN = float("nan")
REFUSED = {
    "a negative scale": (
        lambda: D.Normal(0.0, -1.0),
        r"Expected parameter scale \(Tensor of shape \(\)\) of distribution Normal\(loc: 0.0, "
        r"scale: -1.0\) to satisfy the constraint GreaterThan\(lower_bound=0.0\), but found "
        r"invalid values:\n-1.0",
    ),
    "a NaN": (lambda: D.Normal(torch.tensor([1.0, NAN]), 1.0), r"the constraint Real\(\)"),
    "a text": (lambda: D.Normal("0", 1.0), "must all be instances of Number"),
    "both": (lambda: D.Bernoulli(0.5, logits=0.0), "Either `probs` or `logits`"),
    "neither": (lambda: D.Categorical(), "Either `probs` or `logits`"),
    "a value outside": (
        lambda: D.Bernoulli(0.5).log_prob(torch.tensor(0.3)),
        r"within the support \(Boolean\(\)\) of the distribution Bernoulli\(probs: 0.5\)",
    ),
    "a number as value": (lambda: D.Normal(0.0, 1.0).log_prob(3), "must be a Tensor"),
    "a wrong event": (
        lambda: D.Dirichlet(torch.ones(3)).log_prob(torch.ones(4) / 4),
        r"must match event_shape: torch.Size\(\[4\]\) vs torch.Size\(\[3\]\)",
    ),
    "a wrong batch": (
        lambda: D.Normal(torch.zeros(3), 1.0).log_prob(torch.zeros(4)),
        "not broadcastable with batch_shape",
    ),
    "reversed ends": (lambda: D.Uniform(2.0, 1.0), "LessThan"),
    "a singular covariance": (
        lambda: D.MultivariateNormal(torch.zeros(2), torch.ones(2, 2)),
        r"PositiveDefinite\(\)",
    ),
    "no covariance": (lambda: D.MultivariateNormal(torch.zeros(2)), "Exactly one of"),
    "probability 0": (lambda: D.Geometric(0.0), "to be positive"),
    "too many dims": (
        lambda: D.Independent(D.Normal(0.0, 1.0), 1),
        "Expected reinterpreted_batch_ndims",
    ),
    "no transform": (
        lambda: D.TransformedDistribution(D.Normal(0.0, 1.0), [3]),
        "a list of Transforms",
    ),
    "one row": (lambda: D.LKJCholesky(1), "greater than or equal to 2"),
    "a mixture of normals": (
        lambda: D.MixtureSameFamily(D.Normal(0.0, 1.0), D.Normal(0.0, 1.0)),
        "Categorical",
    ),
    "few degrees": (lambda: D.Wishart(torch.tensor(1.0), torch.eye(3)), "greater than ndim - 1"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_arguments_are_refused(what):
    make, text = REFUSED[what]
    with pytest.raises(ValueError, match=text):
        make()


def test_checks_can_be_switched_off():
    bad = torch.tensor(NAN)
    assert D.Normal(0.0, 1.0, validate_args=False).log_prob(bad).isnan()
    try:
        D.Distribution.set_default_validate_args(False)
        assert D.Normal(0.0, -1.0).scale == -1
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError):
        D.Distribution.set_default_validate_args(3)


def test_what_is_yet_to_be_computed_is_checked_then():
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 3))
    out = net(torch.ones(1, 2))
    before = engine.stats()["evaluations"]
    d = D.Normal(out, out.exp())
    loss = -d.log_prob(d.rsample()).sum()
    assert engine.stats()["evaluations"] == before  # nothing was looked at
    loss.backward()
    assert torch.isfinite(net[0].weight.grad).all()

    wrong = D.Normal(out, -out.exp())
    with pytest.raises(ValueError, match=r"Expected parameter scale \(Tensor of shape \(1, 3\)\)"):
        wrong.entropy().tolist()
    outside = D.Gamma(1.0, 1.0)
    density = outside.log_prob(-net(torch.ones(1, 2)).exp())
    with pytest.raises(ValueError, match="within the support"):
        density.tolist()


def test_what_is_not_known_raises():
    with pytest.raises(NotImplementedError, match=r"No KL\(p \|\| q\) is implemented for p type"):
        D.kl_divergence(D.Normal(0.0, 1.0), D.Cauchy(0.0, 1.0))
    with pytest.raises(NotImplementedError, match="Inhomogeneous total count"):
        D.Binomial(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.5])).entropy()
    with pytest.raises(NotImplementedError, match="does not implement mode"):
        _ = D.RelaxedBernoulli(torch.tensor(1.0), 0.5).mode
    with pytest.raises(TypeError, match="Distribution subclass"):
        D.register_kl(3, D.Normal)


def test_a_registered_divergence_serves_subclasses_and_ambiguity_warns():
    class Mine(D.Normal):
        pass

    class Other(D.Normal):
        pass

    mine, other = Mine(0.0, 1.0), Other(1.0, 1.0)
    assert D.kl_divergence(mine, other) == 0.5  # Normal's
    D.register_kl(Mine, D.Normal)(lambda p, q: "p")
    assert D.kl_divergence(mine, other) == "p"
    D.register_kl(D.Normal, Other)(lambda p, q: "q")
    with pytest.warns(RuntimeWarning, match=r"Please register_kl\(Mine, Other\)"):
        assert D.kl_divergence(mine, other) == "p"


def test_a_subclass_expands_as_torchs_does():
    class Named(D.Normal):
        def __init__(self, loc, scale, name):
            self.name = name
            super().__init__(loc, scale)

    named = Named(torch.zeros(2), 1.0, "n")
    with pytest.raises(NotImplementedError, match=r"Named of Normal .* custom \.expand\(\)"):
        named.expand((3, 2))

    class Expanding(Named):
        def expand(self, batch_shape, _instance=None):
            new = self._get_checked_instance(Expanding, _instance)
            new.name = self.name + "!"
            return super().expand(batch_shape, _instance=new)

    wide = Expanding(torch.zeros(2), 1.0, "n").expand((3, 2))
    assert (wide.name, wide.scale.shape, wide.batch_shape) == ("n!", (3, 2), (3, 2))


def test_copies_and_pickles():
    d = D.Independent(D.Gamma(torch.tensor([1.0, 2.0]), 3.0), 1)
    assert d.entropy().dim() == 0
    for other in (copy.deepcopy(d), pickle.loads(pickle.dumps(d))):
        assert repr(other) == repr(d) and other.entropy() == d.entropy()


def test_samples_have_no_gradient_and_rsamples_do():
    loc = torch.tensor(1.0, requires_grad=True)
    d = D.Normal(loc, 1.0)
    assert not d.sample().requires_grad
    d.rsample((5,)).sum().backward()
    assert loc.grad == 5
    with pytest.raises(NotImplementedError):
        D.Bernoulli(0.5).rsample()
    with pytest.warns(FutureWarning, match="sample_n"):
        assert d.sample_n(3).shape == (3,)


def test_a_variational_step_runs_as_in_torch():
    """The surrogate loss of torch's own documentation, and an ELBO."""
    torch.manual_seed(0)
    logits = torch.zeros(4, requires_grad=True)
    policy = D.Categorical(logits=logits)
    action = policy.sample()
    (-policy.log_prob(action) * 2.0).backward()
    expected = torch.full((4,), 0.5)
    expected[action] -= 2
    assert torch.allclose(logits.grad, expected)

    mu = torch.zeros(3, requires_grad=True)
    q, p = D.Normal(mu, 0.5), D.Normal(1.0, 1.0)
    z = q.rsample()
    elbo = (p.log_prob(z) - q.log_prob(z)).sum() - D.kl_divergence(q, p).sum()
    elbo.backward()
    assert torch.isfinite(mu.grad).all() and mu.grad.ne(0).all()


STAGED = {
    "Normal": lambda x: D.Normal(x, 1.0).rsample(),
    "Bernoulli": lambda x: D.Bernoulli(x).sample(),
    "Categorical": lambda x: D.Categorical(x).sample((3,)),
    "Gamma": lambda x: D.Gamma(x, 2.0).rsample(),
    "Dirichlet": lambda x: D.Dirichlet(x + 1).rsample(),
    "Poisson": lambda x: D.Poisson(x * 9).sample(),
    "Binomial": lambda x: D.Binomial(5, x).sample(),
    "VonMises": lambda x: D.VonMises(x, x + 1).sample(),
    "StudentT": lambda x: D.StudentT(x + 2).rsample(),
    "Exponential": lambda x: D.Exponential(x).rsample(),
    "Wishart": lambda x: D.Wishart(x.sum() + 3, torch.eye(2)).rsample(),
    "LKJCholesky": lambda x: D.LKJCholesky(3, x).sample(),
}


def test_samples_are_fresh_inside_jit():
    @torch.jit
    def draw(x):
        return {name: sample(x) for name, sample in STAGED.items()}

    x = torch.tensor([0.3, 0.6, 0.1])
    torch.manual_seed(0)
    first, second = draw(x), draw(x)
    torch.manual_seed(0)
    again = draw(x)
    for name in STAGED:
        assert torch.equal(first[name], again[name]), name
        assert torch.isfinite(first[name]).all(), name
    same = [name for name in STAGED if torch.equal(first[name], second[name])]
    assert len(same) <= 2, same  # small integers may come up twice


def test_log_prob_inside_jit_and_grad():
    def loss(x):
        return D.Normal(x, 1.0).log_prob(torch.zeros(3)).sum() + D.Gamma(x, x).entropy().sum()

    x = torch.tensor([0.5, 1.0, 2.0])
    assert torch.allclose(torch.jit(loss)(x), loss(x))
    leaf = x.clone().requires_grad_()
    loss(leaf).backward()
    assert torch.allclose(torch.func.grad(loss)(x), leaf.grad, atol=1e-5)


def test_a_bare_jit_would_freeze_samples():
    for sample in STAGED.values():
        with pytest.raises(RuntimeError, match=r"jaxtorch\.jit"):
            jax.jit(lambda x, sample=sample: sample(torch.Tensor(x)).jax())(
                torch.tensor([0.3, 0.6, 0.1]).jax()
            )
