"""``torch.mps``: Apple's GPU, where JAX has the Metal plugin."""

from __future__ import annotations

from jaxtorch import devices, left_out, random, streams

__all__ = [
    "current_allocated_memory", "device_count", "driver_allocated_memory", "empty_cache",
    "get_rng_state", "is_available", "manual_seed", "recommended_max_memory", "seed",
    "set_rng_state", "synchronize",
]  # fmt: skip


def device_count() -> int:
    return len(devices.platform_devices("mps"))


def is_available() -> bool:
    return device_count() > 0


def _stats() -> dict[str, int]:
    return dict(devices.jax_device(devices.device("mps")).memory_stats() or {})


def current_allocated_memory() -> int:
    return _stats().get("bytes_in_use", 0)


def driver_allocated_memory() -> int:
    return _stats().get("pool_bytes", current_allocated_memory())


def recommended_max_memory() -> int:
    return _stats().get("bytes_limit", 0)


def empty_cache() -> None:
    """Collect dead reference cycles, so that the arrays they hold are freed."""
    import gc

    gc.collect()


def synchronize() -> None:
    """Wait until the GPU has done all its work."""
    streams.synchronize(devices.device("mps"))


def _generator() -> random.Generator:
    return random.generator_for(devices.device("mps"))


def manual_seed(seed: int) -> None:
    _generator().manual_seed(seed)


def seed() -> None:
    _generator().seed()


def get_rng_state():
    return _generator().get_state()


def set_rng_state(new_state) -> None:
    _generator().set_state(new_state)


__getattr__ = left_out.attributes_of(__name__)
