"""``torch.autograd.profiler``: the older way to ``torch.profiler``."""

from __future__ import annotations

from typing import Any

from jaxtorch import left_out
from jaxtorch.profiler import (
    EventList as EventList,
    FunctionEvent as FunctionEvent,
    profile as _profile,
    record_function as record_function,
)

__all__ = ["EventList", "FunctionEvent", "emit_nvtx", "profile", "record_function"]


class profile(_profile):
    """``with profile() as prof:``, then ``prof.table()``; ``enabled=False`` records nothing."""

    def __init__(
        self, enabled: bool = True, *, use_cuda: bool = False, use_device: str | None = None,
        record_shapes: bool = False, use_kineto: bool = False, use_cpu: bool = True,
        **refused: Any,
    ):  # fmt: skip
        super().__init__(record_shapes=record_shapes, **refused)
        self.enabled = enabled

    def __enter__(self) -> profile:
        if self.enabled:
            self.start()
        return self

    def __exit__(self, *exc) -> None:
        if self.enabled:
            self.stop()

    @property
    def function_events(self) -> EventList:
        return self.events()

    @property
    def self_cpu_time_total(self) -> float:
        return self.events().self_cpu_time_total

    def table(self, **options: Any) -> str:
        return self.key_averages().table(**options)

    def total_average(self):
        return self.events().total_average()

    def __str__(self) -> str:
        return str(self.events())


class emit_nvtx:
    """NVTX ranges around every op; making one raises NotImplementedError, which says why."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False):
        why = left_out.reason("torch.autograd.profiler.emit_itt")
        raise NotImplementedError(f"torch.autograd.profiler.emit_nvtx: {why}")


__getattr__ = left_out.attributes_of(__name__)
