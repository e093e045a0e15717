"""Which GPU is meant, and what it is."""

from __future__ import annotations

from typing import NamedTuple

from jaxtorch import devices, streams


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


def index_of(where) -> int:
    """The number of a GPU given as None (the current one), a number, a name or a device."""
    if where is None:
        return devices.current_index()
    if isinstance(where, int):
        return where
    where = devices.device(where)
    if where.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {where}")
    return devices.current_index() if where.index is None else where.index


def jax_device(where):
    return devices.jax_device(devices.device("cuda", index_of(where)))


def current_device() -> int:
    """The number of the GPU that ``"cuda"`` means in this thread."""
    init()
    return devices.current_index()


def set_device(device) -> None:
    """Let ``"cuda"`` mean this GPU in this thread."""
    jax_device(device)
    devices.set_current_index(index_of(device))


class device:
    """``with torch.cuda.device(1):`` the GPU that ``"cuda"`` means inside; -1 changes nothing."""

    def __init__(self, device):
        self.idx = index_of(device)
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
    streams.synchronize(devices.device("cuda", index_of(device)))


def can_compute(capability: tuple[int, int]) -> bool:
    """Is the current GPU's compute capability this or higher?"""
    return is_available() and get_device_capability() >= capability


class DeviceProperties(NamedTuple):
    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int


def get_device_properties(device=None) -> DeviceProperties:
    """``total_memory`` is what XLA may use, by default three quarters of the card's."""
    there = jax_device(device)
    major, minor = get_device_capability(device)
    total = (there.memory_stats() or {}).get("bytes_limit", 0)
    return DeviceProperties(there.device_kind, major, minor, total, there.core_count)


def get_device_name(device=None) -> str:
    return jax_device(device).device_kind


def get_device_capability(device=None) -> tuple[int, int]:
    """The compute capability, as (9, 0)."""
    major, _, minor = str(jax_device(device).compute_capability).partition(".")
    return int(major), int(minor or 0)


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """XLA computes bfloat16 on every GPU; without emulation from capability 8.0 on."""
    return is_available() and (including_emulation or get_device_capability() >= (8, 0))


def is_tf32_supported() -> bool:
    """Has the GPU TensorFloat-32 (from capability 8.0 on)?"""
    return can_compute((8, 0))
