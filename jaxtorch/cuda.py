"""``torch.cuda``: the GPUs that JAX sees. What JAX offers no way to do is absent, not pretended."""

from __future__ import annotations

import gc
from typing import NamedTuple

from jaxtorch import devices, random

__all__ = [
    "current_device", "default_generators", "device", "device_count", "device_of", "empty_cache",
    "get_device_capability", "get_device_name", "get_device_properties", "get_rng_state",
    "get_rng_state_all", "init", "initial_seed", "is_available", "is_bf16_supported",
    "is_initialized", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "max_memory_reserved", "mem_get_info", "memory_allocated", "memory_reserved", "memory_stats",
    "reset_peak_memory_stats", "seed", "seed_all", "set_device", "set_rng_state",
    "set_rng_state_all", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """Whether JAX sees a GPU. (The first call starts JAX's backends.)"""
    return device_count() > 0


def device_count() -> int:
    return len(devices.platform_devices("cuda"))


def init() -> None:
    """Start the backend now; RuntimeError where there is no GPU."""
    devices.jax_device(devices.device("cuda"))


def is_initialized() -> bool:
    return devices.started() and is_available()


def _index(where) -> int:
    """The number of a GPU given as None (the current one), a number, a name or a device."""
    if where is None:
        return devices.current_index()
    if isinstance(where, int):
        return where
    where = devices.device(where)
    if where.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {where}")
    return devices.current_index() if where.index is None else where.index


def _jax(where):
    return devices.jax_device(devices.device("cuda", _index(where)))


def current_device() -> int:
    """The number of the GPU that ``"cuda"`` means in this thread."""
    init()
    return devices.current_index()


def set_device(device) -> None:
    """Let ``"cuda"`` mean this GPU in this thread."""
    _jax(device)
    devices.set_current_index(_index(device))


class device:
    """``with torch.cuda.device(1):`` the GPU that ``"cuda"`` means inside; -1 changes nothing."""

    def __init__(self, device):
        self.idx = _index(device)
        self.prev_idx = -1

    def __enter__(self):
        self.prev_idx = devices.current_index()
        if self.idx >= 0:
            set_device(self.idx)
        return self

    def __exit__(self, *exc_info):
        devices.set_current_index(self.prev_idx)


class device_of(device):
    """``torch.cuda.device`` of the GPU that a tensor is on; a cpu tensor changes nothing."""

    def __init__(self, obj):
        super().__init__(obj.device if obj.device.type == "cuda" else -1)


def synchronize(device=None) -> None:
    """Wait until all work given to the GPU is done, work that is only recorded included."""
    import jax

    from jaxtorch import engine

    there = _jax(device)
    engine.evaluate_all()
    # A GPU runs its programs in order: when a last small one is done, so are all before it.
    jax.jit(lambda x: x + 1)(jax.device_put(0, there)).block_until_ready()


# -- what it is -----------------------------------------------------------------------------------


class DeviceProperties(NamedTuple):
    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int


def get_device_properties(device=None) -> DeviceProperties:
    """``total_memory`` is what XLA may use, by default three quarters of the card's."""
    there = _jax(device)
    major, minor = get_device_capability(device)
    total = memory_stats(device).get("bytes_limit", 0)
    return DeviceProperties(there.device_kind, major, minor, total, there.core_count)


def get_device_name(device=None) -> str:
    return _jax(device).device_kind


def get_device_capability(device=None) -> tuple[int, int]:
    """The compute capability, as (9, 0)."""
    major, _, minor = str(_jax(device).compute_capability).partition(".")
    return int(major), int(minor or 0)


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """XLA computes bfloat16 on every GPU; without emulation from capability 8.0 on."""
    return is_available() and (including_emulation or get_device_capability() >= (8, 0))


# -- memory ---------------------------------------------------------------------------------------


def memory_stats(device=None) -> dict[str, int]:
    """XLA's own figures (``bytes_in_use``, ``peak_bytes_in_use``...); {} where there is no GPU."""
    return dict(_jax(device).memory_stats() or {}) if is_available() else {}


def memory_allocated(device=None) -> int:
    """Bytes in live arrays and running programs; 0 where there is no GPU."""
    return memory_stats(device).get("bytes_in_use", 0)


def max_memory_allocated(device=None) -> int:
    """The most ``memory_allocated`` has been since the process began."""
    return memory_stats(device).get("peak_bytes_in_use", 0)


def memory_reserved(device=None) -> int:
    """Bytes that XLA's allocator holds of the GPU."""
    return memory_stats(device).get("pool_bytes", memory_allocated(device))


def max_memory_reserved(device=None) -> int:
    return memory_stats(device).get("peak_pool_bytes", max_memory_allocated(device))


def mem_get_info(device=None) -> tuple[int, int]:
    """Free and total bytes of what XLA may use."""
    init()
    stats = memory_stats(device)
    total = stats.get("bytes_limit", 0)
    return total - stats.get("bytes_in_use", 0), total


def reset_peak_memory_stats(device=None) -> None:
    raise NotImplementedError(
        "torch.cuda.reset_peak_memory_stats: XLA counts its peak from the start of the process and "
        "cannot be told to start anew; compare max_memory_allocated() across processes instead"
    )


def empty_cache() -> None:
    """Collect dead reference cycles, so that the arrays they hold are freed.

    XLA's allocator keeps what is freed for its own next use and gives none back to the system;
    XLA_PYTHON_CLIENT_PREALLOCATE=false makes it take less to begin with.
    """
    gc.collect()


# -- random numbers -------------------------------------------------------------------------------


def _generator(where) -> random.Generator:
    return random.generator_for(devices.device("cuda", _index(where)))


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
