"""The same seed gives PyTorch's numbers; without torch installed, those that it once gave."""

import copy
import hashlib
import pickle
import threading

import jax
import numpy as np
import pytest

from jaxtorch import dtypes, random
from tests import random_rows, stored
from tests.random_rows import agree, ours
from tests.reference.make_random import REFERENCE


@pytest.mark.filterwarnings("ignore:.*out of bounds")
@pytest.mark.parametrize("seed", random_rows.STORED_SEEDS)
def test_draws_are_torchs(seed):
    expected = stored.load(REFERENCE, "random")[str(seed)]
    g = random.Generator().manual_seed(seed)
    for row, value in zip(random_rows.STORED_ROWS, expected["draws"], strict=True):
        agree(ours(g, *row), value, row)
    assert hashlib.sha256(np.asarray(g.get_state())).hexdigest() == expected["state"]


def test_long_tensors_are_torchs():
    for (kind, name, size, args), digest in stored.load(REFERENCE, "random")["long"]:
        g = random.Generator().manual_seed(3)
        value = ours(g, kind, name, size, args)
        assert hashlib.sha256(value).hexdigest() == digest, (kind, name, size)


def words(g, count=5):
    return g.draw32(count).tolist()


def test_state_round_trips_with_a_spare_normal_in_it():
    g = random.Generator().manual_seed(1)
    random.normal(g, (3,), dtypes.float32)
    state = np.asarray(g.get_state())
    assert state.dtype == np.uint8 and state.size == 5056
    expected = random.normal(g, (4,), dtypes.float32), words(g)
    for other in (
        random.Generator().set_state(state),
        pickle.loads(pickle.dumps(random.Generator().set_state(state))),
        copy.deepcopy(random.Generator().set_state(state)),
        random.Generator().set_state(state).clone_state(),
    ):
        assert np.array_equal(random.normal(other, (4,), dtypes.float32), expected[0])
        assert words(other) == expected[1]


@pytest.mark.parametrize("drawn", [0, 1, 623, 624, 625])
def test_state_bytes_follow_every_place_in_the_block(drawn):
    g = random.Generator().manual_seed(9)
    g.draw32(drawn)
    other = random.Generator().set_state(g.get_state())
    assert np.array_equal(other.get_state(), g.get_state())
    assert words(other) == words(g)


def test_bad_states_are_refused():
    g = random.Generator()
    with pytest.raises(TypeError, match="ByteTensor"):
        g.set_state(np.zeros(5056, np.float32))
    with pytest.raises(RuntimeError, match="5056"):
        g.set_state(np.zeros(10, np.uint8))
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        g.set_state(np.zeros(5056, np.uint8))
    with pytest.raises(ValueError, match="Overflow"):
        g.manual_seed(2**64)
    with pytest.raises(RuntimeError, match="expected a long"):
        g.manual_seed(0.5)


@pytest.mark.parametrize("drawn", [0, 1, 624, 1000])
@pytest.mark.parametrize("count", [1, 623, 624, 625, 2**24 - 1, 2**24, 2**24 + 625])
def test_skipping_is_drawing(drawn, count):
    near, far = random.Generator().manual_seed(5), random.Generator().manual_seed(5)
    near.draw32(drawn)
    far.draw32(drawn)
    near.draw32(count)
    far.skip(count)
    assert np.array_equal(near.get_state(), far.get_state())
    assert words(near) == words(far)


def test_dropout_seeds():
    g = random.Generator().manual_seed(0)
    seeds = [g.dropout_seed(10) for _ in range(100)]
    assert len(set(seeds)) == 100
    assert all(0 <= seed < 2**64 for seed in seeds)
    g.manual_seed(0)
    assert [g.dropout_seed(10) for _ in range(100)] == seeds
    # Two words an element, as PyTorch takes them.
    other = random.Generator().manual_seed(0)
    other.draw32(2000)
    assert words(g) == words(other)
    # A restored generator goes on as the one that was saved.
    other = random.Generator().set_state(g.get_state())
    assert g.dropout_seed(3) == other.dropout_seed(3) != g.dropout_seed(3)


def test_a_stream_is_the_same_in_pieces():
    whole = random.permutation(random.Generator().manual_seed(2), 1000)
    assert sorted(whole) == list(range(1000))
    g = random.Generator().manual_seed(2)
    pieces = [random.uniform(g, (n,), dtypes.float32) for n in (1, 2, 5)]
    g.manual_seed(2)
    assert np.array_equal(np.concatenate(pieces), random.uniform(g, (8,), dtypes.float32))


def test_default_generator_and_fork():
    random.manual_seed(3)
    assert random.initial_seed() == 3
    with random.fork_rng():
        inside = words(random.default_generator)
    assert words(random.default_generator) == inside
    state = random.get_rng_state()
    after = words(random.default_generator)
    random.set_rng_state(state)
    assert words(random.default_generator) == after
    assert random.seed() == random.initial_seed()


def test_threads_share_a_generator_without_losing_words():
    g = random.Generator().manual_seed(4)
    seen = []

    def draw():
        for _ in range(50):
            seen.extend(words(g, 20))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(words(random.Generator().manual_seed(4), 4000))


@pytest.mark.parametrize(
    "draw",
    [
        lambda g: random.uniform(g, (2,), dtypes.float32, 1, 0),
        lambda g: random.uniform(g, (2,), dtypes.int64),
        lambda g: random.normal(g, (2,), dtypes.float32, 0, -1),
        lambda g: random.randint(g, 3, 3, (2,), dtypes.int64),
        lambda g: random.randint(g, 0, 300, (2,), dtypes.uint8),
        lambda g: random.permutation(g, -1),
        lambda g: random.bernoulli(g, (2,), dtypes.float32, 1.5),
        lambda g: random.bernoulli_like(g, np.array([0.5, 2]), dtypes.float32),
        lambda g: random.exponential(g, (2,), dtypes.float32, 0),
        lambda g: random.exponential(g, (2,), dtypes.int64),
        lambda g: random.geometric(g, (2,), dtypes.float32, 0),
        lambda g: random.cauchy(g, (2,), dtypes.float32, 0, 0),
        lambda g: random.log_normal(g, (2,), dtypes.float32, 0, 0),
        lambda g: random.poisson(g, np.array([-1.0])),
        lambda g: random.multinomial(g, np.array([1, 2]), 1),
        lambda g: random.multinomial(g, np.array([1.0, 2.0]), 0),
        lambda g: random.multinomial(g, np.array([1.0, 2.0]), 3),
        lambda g: random.multinomial(g, np.array([-1.0, 2.0]), 1),
        lambda g: random.multinomial(g, np.array([0.0, 0.0]), 1),
        lambda g: random.multinomial(g, np.array([-1.0, 2.0]), 2, True),
        lambda g: random.multinomial(g, np.array([0.0, 0.0]), 2, True),
        lambda g: random.multinomial(g, np.array([np.inf, 2.0]), 2, True),
        lambda g: random.multinomial(g, np.ones((1, 1, 1)), 1),
    ],
)
def test_bad_arguments_raise(draw):
    with pytest.raises(RuntimeError):
        draw(random.Generator())


def test_keys_inside_a_trace():
    @jax.jit
    def two(words):
        with random.keys_from(words):
            return jax.random.bits(random.trace_key()), jax.random.bits(random.trace_key())

    random.manual_seed(5)
    before = words(random.default_generator)
    random.manual_seed(5)
    first, second = two(random.next_call_seed()), two(random.next_call_seed())
    assert len({int(bits) for bits in (*first, *second)}) == 4
    # The stream itself stays where it is; the state remembers how many keys it has given.
    state = random.get_rng_state()
    third = two(random.next_call_seed())
    assert words(random.default_generator) == before
    random.set_rng_state(state)
    assert two(random.next_call_seed()) == third
    random.manual_seed(5)
    assert two(random.next_call_seed()) == first
    two(jax.random.key(0))
    with pytest.raises(RuntimeError, match=r"jaxtorch\.jit"):
        random.trace_key()
