"""The random generator of PyTorch's CPU: a 32-bit Mersenne twister, its seeds and its state.

What is drawn from it (``uniform``, ``normal``, ``randint``...) is in ``draws.py`` and
``rejection.py``; those names are here too.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import threading

import numpy as np

from jaxtorch.devices import device as device_named, jax_device
from jaxtorch.draws import (
    bernoulli,
    bernoulli_like,
    cauchy,
    exponential,
    geometric,
    log_normal,
    multinomial,
    normal,
    permutation,
    randint,
    random_,
    uniform,
)
from jaxtorch.mersenne import advance
from jaxtorch.rejection import binomial, dirichlet, poisson, standard_gamma, von_mises

__all__ = [
    "Generator", "default_generator", "manual_seed", "seed", "initial_seed", "get_rng_state",
    "set_rng_state", "fork_rng", "thread_safe_generator", "generator_for", "keys_from", "bernoulli",
    "bernoulli_like", "binomial", "cauchy", "dirichlet", "exponential", "geometric", "log_normal",
    "multinomial", "normal", "permutation", "poisson", "randint", "random_", "standard_gamma",
    "uniform", "von_mises",
]  # fmt: skip

DEFAULT_SEED = 67280421310721  # PyTorch's, for a generator nobody has seeded
_N = 624
# torch.get_rng_state()'s bytes: the twister, and the normal kept from the last pair. ``calls`` has
# a place that PyTorch leaves at zero and does not read.
_STATE = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "key", "calls", "normal", "normal_valid"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", (_N,)), "<u8", "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 5016, 5024, 5040],
        "itemsize": 5056,
    }
)


class Generator:
    """A stream of random 32-bit words, equal to ``torch.Generator(device="cpu")``'s.

    ``lock`` guards it: a draw that takes words and the spare normal together holds it.
    """

    wrap_state = staticmethod(lambda array: array)  # the Tensor layer sets this: state as a Tensor

    def __init__(self, device: str | device_named = "cpu"):
        self.device = device_named(device)
        if self.device.type not in ("cpu", "meta"):
            jax_device(self.device)  # raises where there is none
        self.lock = threading.RLock()
        self._twister = np.random.MT19937(0)
        # The numpy Generator only reads raw words here: its own distributions are never used.
        self._words = np.random.Generator(self._twister)
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream. A negative seed counts back from 2**64."""
        if not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        if not -(2**63) <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long")
        with self.lock:
            self._seed = int(seed) % 2**64
            self._twister._legacy_seeding(self._seed & 0xFFFFFFFF)
            self._fresh = True  # nothing drawn yet
            self._behind = 0  # words skipped, that the twister has yet to step over
            self._anchor: bytes | None = None  # its state, hashed, for dropout_seed
            self._calls = 0  # how many keys for compiled programs it has given
            self.spare_normal: float | None = None
        return self

    def seed(self) -> int:
        """Restart the stream from the system's entropy, and say with which seed."""
        self.manual_seed(secrets.randbits(53))
        return self._seed

    def initial_seed(self) -> int:
        return self._seed

    def draw32(self, count: int) -> np.ndarray:
        """The next ``count`` words, as uint32."""
        with self.lock:
            self._catch_up(count)
            return self._words.integers(0, 2**32, size=count, dtype=np.uint32)

    def draw64(self, count: int) -> np.ndarray:
        """The next ``2 * count`` words, as uint64 whose high half came first."""
        with self.lock:
            self._catch_up(count)
            return self._words.integers(0, 2**64, size=count, dtype=np.uint64)

    def skip(self, count: int) -> Generator:
        """Advance by ``count`` words: at once, for they are skipped when one is next drawn."""
        with self.lock:
            self._behind += count
        return self

    def _catch_up(self, about_to_draw: int = 0) -> None:
        if self._behind:
            advance(self._twister, self._behind)
            self._fresh, self._behind, self._anchor = False, 0, None
        if about_to_draw:
            self._fresh, self._anchor = False, None

    def dropout_seed(self, numel: int) -> int:
        """64 random bits for a mask of ``numel`` elements that is made on the device.

        PyTorch takes two words for each element of a mask on the cpu (on Intel's processors it
        seeds MKL with one), so the stream advances by ``2 * numel``; the seed follows from where
        in the stream that happens, and costs nothing.
        """
        with self.lock:
            if self._anchor is None:
                state = self._twister.state["state"]
                text = state["key"].tobytes() + state["pos"].to_bytes(4, "little")
                self._anchor = hashlib.blake2b(text, digest_size=16).digest()
            place = self._anchor + self._behind.to_bytes(16, "little")
            self._behind += 2 * numel
        return int.from_bytes(hashlib.blake2b(place, digest_size=8).digest(), "little")

    def call_key(self) -> np.ndarray:
        """Two fresh words of key for a compiled program; the stream stays where it is."""
        with self.lock:
            self._calls += 1
            place = self._seed.to_bytes(8, "little") + self._calls.to_bytes(8, "little")
        return np.frombuffer(hashlib.blake2b(place, digest_size=8).digest(), np.uint32)

    def snapshot(self) -> tuple:
        """What ``rewind`` takes to come back here. Hold ``lock`` from one to the other."""
        self._catch_up()
        return self._twister.state, self._fresh

    def rewind(self, snapshot: tuple) -> None:
        self._twister.state, self._fresh = snapshot
        self._behind, self._anchor = 0, None

    def get_state(self):
        """The state as 5056 bytes, in the layout of ``torch.get_rng_state()``."""
        with self.lock:
            self._catch_up()
            twister = self._twister.state["state"]
            record = np.zeros((), _STATE)
            record["seed"], record["seeded"] = self._seed, 1
            record["key"] = twister["key"]
            record["next"] = 0 if self._fresh else twister["pos"]
            record["left"] = 1 if self._fresh else _N + 1 - twister["pos"]
            record["calls"] = self._calls
            if self.spare_normal is not None:
                record["normal"], record["normal_valid"] = self.spare_normal, 1
        return self.wrap_state(np.frombuffer(record.tobytes(), np.uint8).copy())

    def set_state(self, new_state) -> Generator:
        """Continue from a state that ``get_state``, here or in PyTorch, has given."""
        data = np.ascontiguousarray(np.asarray(new_state))
        if data.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if data.size != _STATE.itemsize:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {_STATE.itemsize} but found the input "
                f"RNG state size to be {data.size}"
            )
        record = np.frombuffer(data.tobytes(), _STATE)[0]
        left, position = int(record["left"]), int(record["next"])
        if not record["seeded"] or not (0 < left <= _N and position <= _N):
            raise RuntimeError("Invalid mt19937 state")
        with self.lock:
            self._seed = int(record["seed"])
            self._fresh = position == 0
            self._behind, self._anchor, self._calls = 0, None, int(record["calls"])
            self._twister.state = {
                "bit_generator": "MT19937",
                "state": {
                    "key": record["key"].astype(np.uint32),
                    "pos": _N if position == 0 else position,
                },
            }
            self.spare_normal = float(record["normal"]) if record["normal_valid"] else None
        return self

    def clone_state(self) -> Generator:
        return Generator(self.device).set_state(np.asarray(self.get_state()))

    def __setstate__(self, state: tuple) -> None:
        """Takes what PyTorch pickles: (seed, offset, state)."""
        self.set_state(state[2])

    def __reduce__(self):
        return (_restore, (str(self.device), np.asarray(self.get_state())))


def _restore(device: str, state: np.ndarray) -> Generator:
    return Generator(device).set_state(state)


default_generator = Generator()
_device_generators: dict = {}  # each accelerator's own, made when first asked for
_device_seed = DEFAULT_SEED


class _Thread(threading.local):
    """What a thread has of its own."""

    generator: Generator | None = None  # of a DataLoader's worker
    keys: tuple[_TraceKey, ...] = ()  # of the programs being traced, the innermost last
    vmaps: tuple[_Vmap, ...] = ()  # torch.vmap's calls around, the innermost last


_thread = _Thread()


def generator_for(device) -> Generator:
    """The generator that draws for tensors on ``device`` when the call names none.

    As in PyTorch an accelerator has one of its own, so drawing there leaves the cpu's as it is.
    (PyTorch's on CUDA is Philox: there the numbers differ.)
    """
    if device.type == "cpu":
        return default_generator
    if device not in _device_generators:
        _device_generators[device] = Generator(device).manual_seed(_device_seed)
    return _device_generators[device]


def manual_seed(seed: int) -> Generator:
    """Seed every device's default generator, from which all draw that are given no other."""
    default_generator.manual_seed(int(seed))
    _follow()
    return default_generator


def seed() -> int:
    """Seed every device's default generator from the system's entropy, and say with which seed."""
    default_generator.seed()
    _follow()
    return default_generator.initial_seed()


def _follow() -> None:
    chosen = default_generator.initial_seed()
    seed_devices(chosen)


def seed_devices(seed: int) -> None:
    """Seed the accelerators' generators, those not yet made included, and not the cpu's."""
    global _device_seed
    _device_seed = int(seed)
    for generator in _device_generators.values():
        generator.manual_seed(_device_seed)


def initial_seed() -> int:
    """The seed of the cpu's default generator."""
    return default_generator.initial_seed()


def get_rng_state():
    """The state of the cpu's default generator, as 5056 bytes in PyTorch's layout."""
    return default_generator.get_state()


def set_rng_state(new_state) -> None:
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices=None, enabled: bool = True, device_type: str | None = None):
    """Whatever is drawn inside, the default generators go on afterwards as if it had not been.

    ``devices``: indices of the ``device_type`` (an accelerator's) whose generators are forked
    besides the cpu's; by default all that have been used.
    """
    if not enabled:
        yield
        return
    if devices is None:
        forked = list(_device_generators.values())
    else:
        kind = device_type or "cuda"
        forked = [
            generator_for(device_named(kind, d) if isinstance(d, int) else device_named(d))
            for d in devices
        ]
    states = [(g, g.get_state()) for g in (default_generator, *forked)]
    try:
        yield
    finally:
        for generator, state in states:
            generator.set_state(state)


def draws_so_far() -> tuple:
    """Where the default generators stand, or inside a trace how many keys have been made."""
    states = [(g, g.get_state()) for g in (default_generator, *_device_generators.values())]
    return states, _thread.keys[-1].used if _thread.keys else None


@contextlib.contextmanager
def drawing_from(draws: tuple):
    """What is drawn inside is drawn as after ``draws_so_far()`` gave ``draws``; afterwards all goes
    on as if it had not been."""
    states, used = draws
    source = _thread.keys[-1] if _thread.keys and used is not None else None
    before = source.used if source is not None else None
    with fork_rng():
        for generator, state in states:
            generator.set_state(state)
        if source is not None:
            source.used = used
        try:
            yield
        finally:
            if source is not None:
                source.used = before


def set_thread_generator(generator: Generator | None) -> None:
    """Give this thread, a DataLoader's worker, a generator of its own."""
    _thread.generator = generator


def thread_safe_generator() -> Generator | None:
    """The generator of a DataLoader's worker thread; None elsewhere, where the default serves."""
    return _thread.generator


# -- inside a JAX trace ---------------------------------------------------------------------------


class _TraceKey:
    __slots__ = ("key", "used")

    def __init__(self, key):
        self.key, self.used = key, 0


def next_call_seed() -> np.ndarray:
    """Words of key for one call of a compiled program: an argument of it, for ``keys_from``."""
    return default_generator.call_key()


@contextlib.contextmanager
def keys_from(words):
    """What is drawn inside, in a function that JAX traces, is drawn with keys made of this one.

    ``words``: a ``jax.random`` key, or two words as ``next_call_seed`` gives them. ``jaxtorch.jit``
    does this by itself; in a bare ``jax.jit`` it takes a key from the function's arguments.
    """
    import jax
    import jax.numpy as jnp

    if jnp.issubdtype(words.dtype, jax.dtypes.prng_key):
        key = words
    else:
        key = jax.random.wrap_key_data(words, impl="threefry2x32")
    before = _thread.keys
    _thread.keys = (*before, _TraceKey(key))
    try:
        yield
    finally:
        _thread.keys = before


def has_trace_key() -> bool:
    """Is there a key to draw with, inside a trace?"""
    return bool(_thread.keys)


def trace_key():
    """A ``jax.random`` key for one draw inside a trace."""
    import jax

    if not _thread.keys:
        raise RuntimeError(
            "a random operation inside jax.jit would draw once, while it is traced, and give the "
            "same numbers on every call: use jaxtorch.jit, which hands each call a fresh key, or "
            "give jax.jit a key as an argument and draw under jaxtorch.random.keys_from(key)"
        )
    source = _thread.keys[-1]
    source.used += 1
    return example_key(jax.random.fold_in(source.key, source.used))


# -- under vmap -----------------------------------------------------------------------------------


class _Vmap:
    """A batch that a function is mapped over: ``index`` is the example's number, traced."""

    __slots__ = ("randomness", "size", "index")

    def __init__(self, randomness: str, size: int, index):
        self.randomness, self.size, self.index = randomness, size, index


@contextlib.contextmanager
def under_vmap(randomness: str, size: int, index):
    """What is drawn inside is each example's own ("different"), all the same, or an error."""
    before = _thread.vmaps
    _thread.vmaps = (*before, _Vmap(randomness, size, index))
    try:
        yield
    finally:
        _thread.vmaps = before


def differing() -> list[_Vmap]:
    """The batches around whose examples each draw numbers of their own; RuntimeError where nothing
    may be drawn."""
    if any(v.randomness == "error" for v in _thread.vmaps):
        raise RuntimeError(
            "vmap: called random operation while in randomness error mode. Please either use the "
            "'same' or 'different' randomness flags on vmap or perform the randomness operation "
            "out of vmap"
        )
    return [v for v in _thread.vmaps if v.randomness == "different"]


def example_key(key):
    """A ``jax.random`` key for this example of the batches around."""
    import jax

    for batch in differing():
        key = jax.random.fold_in(key, batch.index)
    return key
