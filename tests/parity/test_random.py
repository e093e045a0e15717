"""jaxtorch's generator and real torch's side by side: values, and the state after every draw."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from jaxtorch import dtypes, random  # noqa: E402
from tests.random_rows import agree, ours, rows, torchs  # noqa: E402


def takes_bernoullis_from_mkl() -> bool:
    """On Intel's processors PyTorch seeds MKL with one word; elsewhere it takes two an element."""
    g = torch.Generator().manual_seed(0)
    torch.empty(10).bernoulli_(0.5, generator=g)
    return not np.array_equal(
        g.get_state().numpy(), random.Generator().manual_seed(0).skip(20).get_state()
    )


FROM_MKL = {"bernoulli", "exponential", "multinomial", "dropout"}
WITHOUT_MKL = pytest.mark.skipif(
    takes_bernoullis_from_mkl(), reason="PyTorch takes these from MKL on this processor"
)


@pytest.mark.filterwarnings("ignore:.*out of bounds")
@pytest.mark.parametrize("seed", [0, 42, -1, 2**40 + 5])
def test_interleaved_draws(seed):
    mine, theirs = random.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    assert mine.initial_seed() == theirs.initial_seed()
    left_out = FROM_MKL if takes_bernoullis_from_mkl() else ()
    for row in rows((0, 1, 2, 15, 16, 24, 33, 100, 1000)):
        if row[0] in left_out:
            continue
        agree(ours(mine, *row), torchs(torch, theirs, *row), row)
        assert np.array_equal(mine.get_state(), theirs.get_state().numpy()), row


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("bounds", [(0, 1), (-0.1, 0.1), (-1000, 1001), (-0.0333333, 0.07777)])
def test_uniform_bounds(name, bounds):
    row = ("uniform", name, 100_000, bounds)
    mine, theirs = random.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    agree(ours(mine, *row), torchs(torch, theirs, *row), row)


def test_a_million_normals():
    mine, theirs = random.Generator().manual_seed(6), torch.Generator().manual_seed(6)
    value = random.normal(mine, (1_000_003,), dtypes.float32)
    assert np.array_equal(value, torch.randn(1_000_003, generator=theirs).numpy())


def test_states_cross_both_ways():
    theirs, mine = torch.Generator().manual_seed(3), random.Generator()
    for drawn in (0, 1, 3, 620, 625):
        torch.rand(drawn, generator=theirs)
        torch.randn(1, generator=theirs)
        mine.set_state(theirs.get_state().numpy())
        row = ("normal", "float64", 5, (0, 1))
        agree(ours(mine, *row), torchs(torch, theirs, *row), row)
        theirs.set_state(torch.from_numpy(np.array(mine.get_state())))
        agree(ours(mine, *row), torchs(torch, theirs, *row), row)


@WITHOUT_MKL
@pytest.mark.parametrize("shape", [(5,), (50,), (3, 20), (2, 1)])
@pytest.mark.parametrize("name", ["float32", "float64", "float16", "bfloat16"])
def test_multinomial(shape, name):
    weights = np.random.RandomState(0).rand(*shape).astype(dtypes.ALL[name].numpy)
    given = torch.tensor(weights.astype(np.float64), dtype=getattr(torch, name))
    for samples, replacement in [(1, False), (1, True), (7, True), (4, False)]:
        if samples > shape[-1] and not replacement:
            continue
        mine, theirs = random.Generator().manual_seed(8), torch.Generator().manual_seed(8)
        value = random.multinomial(mine, weights, samples, replacement)
        expected = torch.multinomial(given, samples, replacement, generator=theirs).numpy()
        if samples == 4 and name in ("float16", "bfloat16"):
            # Of equal keys, frequent in 16 bits, PyTorch's sort takes any.
            assert value.shape == expected.shape
        else:
            assert np.array_equal(value, expected)
        assert np.array_equal(mine.get_state(), theirs.get_state().numpy())


def test_poisson_of_many_rates():
    rates = np.linspace(0, 60, 500)
    mine, theirs = random.Generator().manual_seed(8), torch.Generator().manual_seed(8)
    expected = torch.poisson(torch.tensor(rates), generator=theirs).numpy()
    assert np.array_equal(random.poisson(mine, rates), expected)
    assert np.array_equal(mine.get_state(), theirs.get_state().numpy())


@WITHOUT_MKL
@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16"])
def test_dropout_advances_as_torchs(p, name):
    torch.manual_seed(11)
    mine = random.Generator().manual_seed(11)
    for shape in [(3,), (64, 33), ()]:
        torch.nn.functional.dropout(torch.ones(shape, dtype=getattr(torch, name)), p)
        mine.dropout_seed(int(np.prod(shape)))
        assert words(mine) == torch.randint(2**27, (4,)).tolist()


def words(g):
    return random.randint(g, 0, 2**27, (4,), dtypes.int64).tolist()


@pytest.mark.parametrize(
    "draw",
    [
        lambda t, g, d: t.empty(2, dtype=d).uniform_(1, 0, generator=g),
        lambda t, g, d: t.empty(2, dtype=d).normal_(0, -1, generator=g),
        lambda t, g, d: t.randint(3, 3, (2,), dtype=d, generator=g),
        lambda t, g, d: t.randint(0, 2**63, (2,), dtype=d, generator=g),
        lambda t, g, d: t.randint(-300, 0, (2,), dtype=d, generator=g),
        lambda t, g, d: t.empty(2, dtype=d).bernoulli_(1.5, generator=g),
        lambda t, g, d: t.empty(2, dtype=d).exponential_(0, generator=g),
        lambda t, g, d: t.empty(2, dtype=d).geometric_(0, generator=g),
        lambda t, g, d: t.empty(2, dtype=d).cauchy_(0, 0, generator=g),
        lambda t, g, d: t.empty(2, dtype=d).log_normal_(0, 0, generator=g),
    ],
)
@pytest.mark.parametrize("name", ["float32", "uint8", "int64"])
def test_errors(draw, name):
    outcomes = []
    for t, g in ((torch, torch.Generator()), (_Ours, random.Generator())):
        try:
            draw(t, g, getattr(t, name))
            outcomes.append(None)
        except Exception as error:  # whatever torch raises, ours is to raise too
            outcomes.append((type(error), str(error).splitlines()[0]))
    assert outcomes[0] == outcomes[1]


class _Ours:
    """Just enough of torch's spelling for the rows of ``test_errors``."""

    float32, uint8, int64 = dtypes.float32, dtypes.uint8, dtypes.int64

    @staticmethod
    def randint(low, high, shape, dtype, generator):
        return random.randint(generator, low, high, shape, dtype)

    class empty:
        def __init__(self, size, dtype):
            self.size, self.dtype = size, dtype

        def __getattr__(self, name):
            draw = getattr(random, name.removesuffix("_"))
            return lambda *args, generator: draw(generator, (self.size,), self.dtype, *args)


def test_torch_reads_a_state_that_has_given_keys():
    mine = random.Generator().manual_seed(3)
    mine.call_key()
    theirs = torch.Generator()
    theirs.set_state(torch.from_numpy(np.array(mine.get_state())))
    assert (
        random.normal(mine, (3,), dtypes.float64).tolist()
        == torch.randn(3, dtype=torch.float64, generator=theirs).tolist()
    )
