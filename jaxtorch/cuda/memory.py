"""The memory of GPUs, as XLA's allocator counts it."""

from __future__ import annotations

import gc
import warnings

from jaxtorch.cuda._devices import init, is_available, jax_device

__all__ = [
    "empty_cache", "max_memory_allocated", "max_memory_cached", "max_memory_reserved",
    "mem_get_info", "memory_allocated", "memory_cached", "memory_reserved", "memory_stats",
    "memory_stats_as_nested_dict", "memory_summary", "reset_max_memory_allocated",
    "reset_max_memory_cached", "reset_peak_memory_stats",
]  # fmt: skip


def memory_stats(device=None) -> dict[str, int]:
    """XLA's own figures (``bytes_in_use``, ``peak_bytes_in_use``...); {} where there is no GPU."""
    return dict(jax_device(device).memory_stats() or {}) if is_available() else {}


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
    """Warns: XLA counts its peak from the start of the process and cannot be told to start anew,
    so that ``max_memory_allocated`` goes on from where it was."""
    if is_available():
        warnings.warn(
            "torch.cuda.reset_peak_memory_stats: XLA counts its peak from the start of the process "
            "and cannot start anew: max_memory_allocated() goes on from where it was"
        )


reset_max_memory_allocated = reset_max_memory_cached = reset_peak_memory_stats
memory_cached, max_memory_cached = memory_reserved, max_memory_reserved


def memory_stats_as_nested_dict(device=None) -> dict[str, int]:
    """XLA's figures, which are not nested."""
    return memory_stats(device)


def memory_summary(device=None, abbreviated: bool = False) -> str:
    """XLA's figures as a table, a line each."""
    stats = memory_stats(device)
    if not stats:
        return "no GPU: no memory to account for"
    width = max(map(len, stats))
    lines = (f"{name:<{width}} {value:>20,}" for name, value in sorted(stats.items()))
    return "\n".join(lines)


def empty_cache() -> None:
    """Collect dead reference cycles, so that the arrays they hold are freed.

    XLA's allocator keeps what is freed for its own next use and gives none back to the system;
    XLA_PYTHON_CLIENT_PREALLOCATE=false makes it take less to begin with.
    """
    gc.collect()
