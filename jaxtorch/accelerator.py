"""``torch.accelerator``: the process's kind of accelerator, whichever JAX sees (cuda, tpu, mps)."""

from __future__ import annotations

import jax

from jaxtorch import devices, left_out, streams

__all__ = [
    "current_accelerator", "current_device_idx", "current_device_index", "current_stream",
    "device_count", "device_index", "empty_cache", "get_memory_info", "is_available",
    "max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved",
    "memory_stats", "set_device_idx", "set_device_index", "set_stream", "synchronize",
]  # fmt: skip


def current_accelerator(check_available: bool = False) -> devices.device | None:
    """The kind of accelerator, None where there is none but the cpu."""
    for kind in ("cuda", "tpu", "mps"):
        if devices.platform_devices(kind):
            return devices.device(kind)
    return None


def is_available() -> bool:
    return current_accelerator() is not None


def device_count() -> int:
    where = current_accelerator()
    return 0 if where is None else len(devices.platform_devices(where.type))


def _device(where=None) -> devices.device:
    kind = current_accelerator()
    if kind is None:
        raise RuntimeError("Cannot access accelerator device when none is available.")
    if where is None:
        return devices.device(kind.type, devices.current_index())
    if isinstance(where, int):
        return devices.device(kind.type, where)
    where = devices.device(where)
    if where.type != kind.type:
        raise ValueError(f"{where.type} doesn't match the current accelerator {kind}.")
    return where if where.index is not None else _device()


def current_device_index() -> int:
    return _device().index or 0


def set_device_index(device, /) -> None:
    where = _device(device)
    devices.jax_device(where)
    devices.set_current_index(where.index or 0)


current_device_idx, set_device_idx = current_device_index, set_device_index


class device_index:
    """``with torch.accelerator.device_index(1):`` the accelerator that is meant inside."""

    def __init__(self, device: int | None, /):
        self.idx, self.prev_idx = device, -1

    def __enter__(self) -> None:
        self.prev_idx = devices.current_index()
        if self.idx is not None:
            set_device_index(self.idx)

    def __exit__(self, *exc) -> None:
        devices.set_current_index(self.prev_idx)


def current_stream(device=None, /) -> streams.Stream:
    return streams.current_stream(_device(device))


def set_stream(stream: streams.Stream) -> None:
    streams.set_stream(stream)


def synchronize(device=None, /) -> None:
    """Wait until the accelerator has done all its work."""
    streams.synchronize(_device(device))


def empty_cache() -> None:
    """Collect dead reference cycles (see ``torch.cuda.empty_cache``)."""
    import gc

    gc.collect()


def memory_stats(device=None, /) -> dict[str, int]:
    """XLA's own figures; {} where there is no accelerator."""
    if not is_available():
        return {}
    there: jax.Device = devices.jax_device(_device(device))
    return dict(there.memory_stats() or {})


def memory_allocated(device=None, /) -> int:
    return memory_stats(device).get("bytes_in_use", 0)


def max_memory_allocated(device=None, /) -> int:
    return memory_stats(device).get("peak_bytes_in_use", 0)


def memory_reserved(device=None, /) -> int:
    return memory_stats(device).get("pool_bytes", memory_allocated(device))


def max_memory_reserved(device=None, /) -> int:
    return memory_stats(device).get("peak_pool_bytes", max_memory_allocated(device))


def get_memory_info(device=None, /) -> tuple[int, int]:
    """Free and total bytes of what XLA may use."""
    stats = memory_stats(_device(device))
    total = stats.get("bytes_limit", 0)
    return total - stats.get("bytes_in_use", 0), total


__getattr__ = left_out.attributes_of(__name__)
