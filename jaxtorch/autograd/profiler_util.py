"""``torch.autograd.profiler_util``."""

from jaxtorch.profiler.events import (
    EventList as EventList,
    FunctionEvent as FunctionEvent,
    FunctionEventAvg as FunctionEventAvg,
)
