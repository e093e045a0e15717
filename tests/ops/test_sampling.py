"""Random tensors: PyTorch's own numbers from the same seed."""

import pytest

import jaxtorch

CASES = {
    "rand": lambda t: t.rand(3, 4),
    "rand of doubles": lambda t: t.rand(5, dtype=t.float64),
    "randn of few": lambda t: t.randn(3),
    "randn of many": lambda t: t.randn(4, 5),
    "randn complex": lambda t: t.randn(9, dtype=t.complex64),
    "normal complex": lambda t: t.normal(-2.0, 0.5, (9,), dtype=t.complex64),
    "normal_ complex": lambda t: t.zeros(20, dtype=t.complex64).normal_(-2.0, 0.5),
    "randint": lambda t: t.randint(10, (4,)),
    "randint from": lambda t: t.randint(-3, 5, (2, 3)),
    "randint size=": lambda t: t.randint(0, 7, size=(4,), dtype=t.int32),
    "randperm": lambda t: t.randperm(10),
    "rand_like": lambda t: t.rand_like(t.zeros(2, 2)),
    "randn_like": lambda t: t.randn_like(t.zeros(20)),
    "randint_like": lambda t: t.randint_like(t.zeros(3), 2, 9),
    "normal of numbers": lambda t: t.normal(1.0, 2.0, (3,)),
    "normal of means": lambda t: t.normal(t.arange(4.0)),
    "normal of both": lambda t: t.normal(t.arange(4.0), t.arange(1.0, 5.0)),
    "bernoulli": lambda t: t.bernoulli(t.full((8,), 0.3)),
    "multinomial": lambda t: t.multinomial(t.tensor([0.1, 0.5, 0.4]), 2),
    "multinomial rows": lambda t: t.multinomial(t.ones(2, 4), 6, replacement=True),
    "poisson": lambda t: t.poisson(t.full((5,), 3.0)),
    "poisson of a transpose": lambda t: t.poisson(t.full((3, 4), 3.0).t()),
    "normal of halves": lambda t: t.normal(0.3, t.full((20,), 1.7, dtype=t.bfloat16)),
    "binomial": lambda t: t.binomial(t.full((6,), 30.0), t.full((6,), 0.4)),
    "gamma": lambda t: t._standard_gamma(t.full((6,), 0.4)),
    "dirichlet": lambda t: t._sample_dirichlet(t.ones(2, 3)),
    "uniform_ of a transpose": lambda t: t.empty(3, 7).t().uniform_(),
    "normal_ of a transpose": lambda t: t.empty(3, 7).t().normal_(),
    "normal_ of a part": lambda t: t.empty(6, 8)[:, :3].normal_(),
    "bernoulli_ of a transpose": lambda t: t.empty(3, 7).t().bernoulli_(t.full((7, 3), 0.4)),
    "randn_like a transpose": lambda t: t.randn_like(t.zeros(3, 7).t()),
    "random_ up to the greatest": lambda t: t.empty(4, dtype=t.int16).random_(1, None),
    "uniform_": lambda t: t.empty(5).uniform_(-1, 2),
    "normal_": lambda t: t.empty(20).normal_(3, 0.5),
    "random_": lambda t: t.empty(4, dtype=t.int64).random_(0, 100),
    "bernoulli_": lambda t: t.empty(8).bernoulli_(0.25),
    "exponential_": lambda t: t.empty(4).exponential_(2.0),
    "geometric_": lambda t: t.empty(4).geometric_(0.4),
    "cauchy_": lambda t: t.empty(4).cauchy_(),
    "log_normal_": lambda t: t.empty(4).log_normal_(),
    "a generator": lambda t: t.rand(3, generator=t.Generator().manual_seed(5)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    found = []
    for library in (torch, jaxtorch):
        library.manual_seed(123)
        found += [CASES[name](library), library.rand(2)]
    theirs, after_theirs, mine, after_mine = found
    assert str(mine.dtype) == str(theirs.dtype)
    assert (
        mine.tolist() == pytest.approx(theirs.tolist(), rel=1e-6, abs=1e-7)
        if (mine.ndim == 1 and not mine.dtype.is_complex)
        else mine.tolist() == theirs.tolist()
    )
    assert after_mine.tolist() == after_theirs.tolist()


def test_drawing_to_a_leaf_needs_no_grad():
    x = jaxtorch.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.normal_()
    with jaxtorch.no_grad():
        x.normal_()
    assert x.requires_grad and x.any()


def test_a_bare_jit_would_freeze_randomness():
    import jax

    with pytest.raises(RuntimeError, match="jaxtorch.jit"):
        jax.jit(lambda: jaxtorch.rand(3).jax())()


def test_jit_draws_afresh_and_a_seed_repeats():
    draw = jaxtorch.jit(lambda: jaxtorch.randn(3))
    jaxtorch.manual_seed(1)
    first, second = draw().tolist(), draw().tolist()
    jaxtorch.manual_seed(1)
    assert first != second and draw().tolist() == first


def test_a_program_without_arguments_fills_its_own_tensors():
    fills = {
        "uniform_": (), "normal_": (), "bernoulli_": (0.5,), "exponential_": (),
        "geometric_": (0.3,), "cauchy_": (), "log_normal_": (), "random_": (),
    }  # fmt: skip

    @jaxtorch.jit
    def draw():
        return {f: getattr(jaxtorch.zeros(40), f)(*args) for f, args in fills.items()}

    jaxtorch.manual_seed(1)
    first, second = draw(), draw()
    jaxtorch.manual_seed(1)
    again = draw()
    for name in fills:
        assert jaxtorch.equal(first[name], again[name]), name
        assert not jaxtorch.equal(first[name], second[name]), name


def test_parameters_have_gradients_of_zero():
    for draw in (jaxtorch.bernoulli, jaxtorch.poisson, jaxtorch.normal):
        x = jaxtorch.full((3,), 0.5, requires_grad=True)
        draw(x).sum().backward()
        assert x.grad.tolist() == [0, 0, 0]


def test_data_dependent_draws_inside_jit_and_grad():
    draws = {
        "bernoulli": jaxtorch.bernoulli, "poisson": jaxtorch.poisson,
        "gamma": jaxtorch._standard_gamma, "dirichlet": jaxtorch._sample_dirichlet,
        "binomial": lambda x: jaxtorch.binomial(x * 0 + 5, x),
        "multinomial": lambda x: jaxtorch.multinomial(x, 2, True),
        "normal": lambda x: jaxtorch.normal(x, x),
    }  # fmt: skip
    x = jaxtorch.tensor([0.2, 0.5, 0.9])
    staged = jaxtorch.jit(lambda x: {name: draw(x) for name, draw in draws.items()})(x)
    for name, draw in draws.items():
        plain = draw(x)
        assert (staged[name].dtype, staged[name].shape) == (plain.dtype, plain.shape), name
        assert jaxtorch.isfinite(staged[name]).all(), name
    assert jaxtorch.func.grad(lambda x: (x * jaxtorch.bernoulli(x)).sum())(x).le(1).all()


def test_wrong_arguments():
    with pytest.raises(RuntimeError, match="all elements of std >= 0.0"):
        jaxtorch.normal(jaxtorch.zeros(2), jaxtorch.tensor([1.0, -1.0])).tolist()
    with pytest.raises(ValueError, match="floating-point dtypes for count, got: Long"):
        jaxtorch.binomial(jaxtorch.ones(2, dtype=jaxtorch.int64), jaxtorch.ones(2))
    with pytest.raises(RuntimeError, match="Found dtype Double but expected Float"):
        jaxtorch.binomial(jaxtorch.ones(2), jaxtorch.ones(2, dtype=jaxtorch.float64))
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        jaxtorch.binomial(jaxtorch.ones(2), jaxtorch.ones(3, 1))
    with pytest.raises(NotImplementedError, match="gamma_cpu"):
        jaxtorch._standard_gamma(jaxtorch.ones(2).half())
    with pytest.raises(TypeError, match="must be torch.Generator"):
        jaxtorch.rand(2, generator=3)
    with pytest.raises(RuntimeError, match="expects 'from' to be less than 'to'"):
        jaxtorch.randint(5, 5, (2,))
    with pytest.raises(RuntimeError, match="std >= 0.0"):
        jaxtorch.normal(0.0, -1.0, (2,))
