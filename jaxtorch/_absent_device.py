"""Device kinds that JAX has no backend for. Asked whether there are any they say no; what only a
device could do raises, as torch does it of a device that it was built without."""

from __future__ import annotations

import sys

__all__ = ["install"]

_NEEDS_ONE = (
    "Event Stream StreamContext current_device current_stream device device_of "
    "get_device_capability get_device_name get_device_properties get_rng_state init initial_seed "
    "mem_get_info memory_stats memory_summary seed set_device set_rng_state set_stream stream "
    "synchronize"
).split()


def install(module: str) -> None:
    """Give ``torch.xpu``, ``torch.mtia`` the answers of a machine without such a device."""
    kind = module.rpartition(".")[2]

    def needing_one(name: str):
        def absent(*args, **kwargs):
            raise RuntimeError(
                f"torch.{kind}.{name}: there is no {kind} device; JAX has cpu, cuda, tpu and mps"
            )

        absent.__name__ = name
        return absent

    def no(*args, **kwargs) -> bool:
        """There is no such device."""
        return False

    def none(device=None) -> int:
        """0: there is no such device."""
        return 0

    def nothing(*args) -> None:
        """There is nothing to free and nothing to seed."""

    vars(sys.modules[module]).update(
        {name: needing_one(name) for name in _NEEDS_ONE},
        is_available=no, is_initialized=no, is_bf16_supported=no, device_count=lambda: 0,
        memory_allocated=none, max_memory_allocated=none, memory_reserved=none,
        max_memory_reserved=none, empty_cache=nothing, manual_seed=nothing,
        manual_seed_all=nothing, seed_all=nothing, reset_peak_memory_stats=nothing,
        get_rng_state_all=list,
    )  # fmt: skip
