"""``torch.profiler``: what the engine ran, and how long it took.

Two views, as in torch. ``key_averages()`` counts and times ops: while a profile is on, programs are
interpreted op by op and each is waited for, so that the times are each op's own (and the whole is
slower than it is otherwise). ``export_chrome_trace`` writes the same events. With a
``tensorboard_trace_handler`` ``jax.profiler`` traces as well, XLA's own threads and GPUs included.
"""

from jaxtorch.profiler.events import EventList as EventList, FunctionEvent as FunctionEvent
from jaxtorch.profiler.profile import (
    DeviceType as DeviceType,
    ProfilerAction as ProfilerAction,
    ProfilerActivity as ProfilerActivity,
    kineto_available as kineto_available,
    profile as profile,
    record_function as record_function,
    schedule as schedule,
    supported_activities as supported_activities,
    tensorboard_trace_handler as tensorboard_trace_handler,
)

__all__ = [
    "DeviceType", "EventList", "FunctionEvent", "ProfilerAction", "ProfilerActivity",
    "kineto_available", "profile", "record_function", "schedule", "supported_activities",
    "tensorboard_trace_handler",
]  # fmt: skip
