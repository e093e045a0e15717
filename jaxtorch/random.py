"""The random generator of PyTorch's CPU: a 32-bit Mersenne twister, its seeds and its state.

What is drawn from it (``uniform``, ``normal``, ``randint``...) is in ``draws.py``; those names are
here too.
"""

from __future__ import annotations

import contextlib
import secrets
import threading

import numpy as np

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
    poisson,
    randint,
    random_,
    uniform,
)

__all__ = [
    "Generator", "default_generator", "manual_seed", "seed", "initial_seed", "get_rng_state",
    "set_rng_state", "fork_rng", "bernoulli", "bernoulli_like", "cauchy", "exponential",
    "geometric", "log_normal", "multinomial", "normal", "permutation", "poisson", "randint",
    "random_", "uniform",
]  # fmt: skip

DEFAULT_SEED = 67280421310721  # PyTorch's, for a generator nobody has seeded
_N = 624
# torch.get_rng_state()'s bytes: the twister, and the normal kept from the last pair.
_STATE = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "key", "normal", "normal_valid"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", (_N,)), "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040],
        "itemsize": 5056,
    }
)


class Generator:
    """A stream of random 32-bit words, equal to ``torch.Generator(device="cpu")``'s.

    ``lock`` guards it: a draw that takes words and the spare normal together holds it.
    """

    wrap_state = staticmethod(lambda array: array)  # the Tensor layer sets this: state as a Tensor

    def __init__(self, device="cpu"):
        from jaxtorch.devices import device as make_device

        self.device = make_device(device)
        self.lock = threading.RLock()
        self._twister = np.random.MT19937(0)
        # The numpy Generator only reads raw words here: its own distributions are never used.
        self._words = np.random.Generator(self._twister)
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream. A negative seed counts back from 2**64."""
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise RuntimeError("Overflow when unpacking long long")
        with self.lock:
            self._seed = seed % 2**64
            self._twister._legacy_seeding(self._seed & 0xFFFFFFFF)
            self._fresh = True
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
            self._fresh = self._fresh and count == 0
            return self._words.integers(0, 2**32, size=count, dtype=np.uint32)

    def draw64(self, count: int) -> np.ndarray:
        """The next ``2 * count`` words, as uint64 whose high half came first."""
        with self.lock:
            self._fresh = self._fresh and count == 0
            return self._words.integers(0, 2**64, size=count, dtype=np.uint64)

    def skip(self, count: int) -> None:
        """Advance by ``count`` words."""
        while count > 0:
            self.draw32(min(count, 1 << 16))
            count -= 1 << 16

    def dropout_seed(self, numel: int) -> int:
        """A seed for a mask of ``numel`` elements that is made on the device.

        PyTorch draws a 53-bit uniform for each element of its mask, so the stream advances by
        ``2 * numel`` words; the seed is the first 64 bits of them.
        """
        if numel == 0:
            return 0
        with self.lock:
            first = int(self.draw64(1)[0])
            self.skip(2 * (numel - 1))
        return first

    def get_state(self):
        """The state as 5056 bytes, in the layout of ``torch.get_rng_state()``."""
        with self.lock:
            twister = self._twister.state["state"]
            record = np.zeros((), _STATE)
            record["seed"], record["seeded"] = self._seed, 1
            record["key"] = twister["key"]
            record["next"] = 0 if self._fresh else twister["pos"]
            record["left"] = 1 if self._fresh else _N + 1 - twister["pos"]
            if self.spare_normal is not None:
                record["normal"], record["normal_valid"] = self.spare_normal, 1
        return self.wrap_state(np.frombuffer(record.tobytes(), np.uint8).copy())

    def set_state(self, new_state) -> Generator:
        """Continue from a state that ``get_state``, here or in PyTorch, has given."""
        data = np.ascontiguousarray(np.asarray(new_state))
        if data.dtype != np.uint8:
            raise TypeError("expected a torch.ByteTensor, but got a state of " + str(data.dtype))
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

    def __reduce__(self):
        return (_restore, (str(self.device), np.asarray(self.get_state())))


def _restore(device: str, state: np.ndarray) -> Generator:
    return Generator(device).set_state(state)


default_generator = Generator()
_on_manual_seed = []  # what keeps random state of its own (the key of jaxtorch.jit) follows here


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which everything draws that is given no other."""
    default_generator.manual_seed(seed)
    for follow in _on_manual_seed:
        follow(default_generator.initial_seed())
    return default_generator


def seed() -> int:
    """Seed the default generator from the system's entropy, and say with which seed."""
    chosen = default_generator.seed()
    for follow in _on_manual_seed:
        follow(chosen)
    return chosen


def initial_seed() -> int:
    return default_generator.initial_seed()


def get_rng_state():
    """The default generator's state, as 5056 bytes in PyTorch's layout."""
    return default_generator.get_state()


def set_rng_state(new_state) -> None:
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices=None, enabled: bool = True, device_type: str = "cuda"):
    """Whatever is drawn inside, the default generator goes on afterwards as if it had not been.

    ``devices`` and ``device_type`` are accepted as in PyTorch: all devices share one generator.
    """
    if not enabled:
        yield
        return
    state = default_generator.get_state()
    try:
        yield
    finally:
        default_generator.set_state(state)
