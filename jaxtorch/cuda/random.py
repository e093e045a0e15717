"""The random numbers of GPUs: a generator each."""

from __future__ import annotations

from jaxtorch import devices, random
from jaxtorch.cuda._devices import device_count, index_of, is_available

__all__ = [
    "default_generators", "get_rng_state", "get_rng_state_all", "initial_seed", "manual_seed",
    "manual_seed_all", "seed", "seed_all", "set_rng_state", "set_rng_state_all",
]  # fmt: skip


def _generator(where) -> random.Generator:
    return random.generator_for(devices.device("cuda", index_of(where)))


class _DefaultGenerators:
    """Each GPU's default generator, by number."""

    def __len__(self) -> int:
        return device_count()

    def __getitem__(self, index: int) -> random.Generator:
        if not 0 <= index < len(self):
            raise IndexError(f"GPU {index} was asked for, and JAX sees {len(self)}")
        return _generator(index)


default_generators = _DefaultGenerators()


def manual_seed(seed: int) -> None:
    """Seed the current GPU's generator; where there is no GPU yet, that of those to come."""
    if devices.started() and is_available():
        _generator(None).manual_seed(seed)
    else:
        random.seed_devices(seed)


def manual_seed_all(seed: int) -> None:
    """Seed every GPU's generator. The cpu's stays as it is."""
    random.seed_devices(seed)


def seed() -> None:
    """Seed the current GPU's generator from the system's entropy."""
    if is_available():
        _generator(None).seed()


def seed_all() -> None:
    """Seed every GPU's generator alike, from the system's entropy."""
    random.seed_devices(random.Generator().seed())


def initial_seed() -> int:
    """The seed of the current GPU's generator."""
    return _generator(None).initial_seed()


def get_rng_state(device: str | int | devices.device = "cuda"):
    """The state of a GPU's generator, in the layout of the cpu's."""
    return _generator(device).get_state()


def get_rng_state_all() -> list:
    return [get_rng_state(i) for i in range(device_count())]


def set_rng_state(new_state, device: str | int | devices.device = "cuda") -> None:
    _generator(device).set_state(new_state)


def set_rng_state_all(new_states) -> None:
    for i, state in enumerate(new_states):
        set_rng_state(state, i)
