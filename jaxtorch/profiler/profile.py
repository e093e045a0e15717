"""profile: when the engine is watched, and what is made of what it did."""

from __future__ import annotations

import contextlib
import enum
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import jax

from jaxtorch.engine import evaluate
from jaxtorch.engine.kernels import Kernel
from jaxtorch.profiler.events import EventList, FunctionEvent

__all__ = [
    "DeviceType", "ProfilerAction", "ProfilerActivity", "kineto_available", "profile",
    "record_function", "schedule", "supported_activities", "tensorboard_trace_handler",
]  # fmt: skip


class ProfilerActivity(enum.Enum):
    """What is watched: all ops, on whatever device they run."""

    CPU, XPU, MTIA, CUDA, HPU, PrivateUse1 = range(6)


class ProfilerAction(enum.Enum):
    """What a profile does in a step."""

    NONE, WARMUP, RECORD, RECORD_AND_SAVE = range(4)


class DeviceType(enum.Enum):
    CPU, CUDA = range(2)


def kineto_available() -> bool:
    """False: PyTorch's tracer is not here; ``jax.profiler`` is."""
    return False


def supported_activities() -> set[ProfilerActivity]:
    found = {ProfilerActivity.CPU}
    if jax.default_backend() == "gpu":
        found.add(ProfilerActivity.CUDA)
    return found


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:  # fmt: skip
    """Cycles of steps: ``wait``, ``warmup`` and ``active`` ones, after ``skip_first``; ``repeat``
    cycles, or without end (0). ``skip_first_wait``: the first cycle does not wait."""
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise ValueError(
            "Invalid profiler schedule arguments: wait, warmup, repeat and skip_first must not be "
            "negative, and active must be positive"
        )

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise ValueError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        length = wait + warmup + active
        if repeat and step // length >= repeat:
            return ProfilerAction.NONE
        place = step % length
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        last = place == length - 1
        return ProfilerAction.RECORD_AND_SAVE if last else ProfilerAction.RECORD

    return action


def _always(_: int) -> ProfilerAction:
    return ProfilerAction.RECORD


class _Recorder:
    """The events while a profile records; ops end when their results are there."""

    def __init__(self, shapes: bool):
        self.shapes = shapes
        self.events: list[FunctionEvent] = []
        self.open: list[FunctionEvent] = []

    def now(self) -> float:
        return time.perf_counter() * 1e6

    def begin(self, name: str, annotation: bool = False, shapes: tuple = ()) -> FunctionEvent:
        event = FunctionEvent(
            name, self.now(), 0.0, 0.0, shapes, annotation, threading.get_ident() % 100_000
        )
        self.open.append(event)
        return event

    def end(self, event: FunctionEvent) -> None:
        event.end = self.now()
        if event in self.open:
            del self.open[self.open.index(event) :]
        if self.open:
            self.open[-1].children += event.end - event.start
        self.events.append(event)


_recorder: _Recorder | None = None


def _evaluate(structure, nodes, positions, leaves, packs) -> None:
    """How the engine computes while a profile records: op by op."""
    evaluate.interpret(nodes, _run)
    evaluate.settle(nodes)


def _run(kernel: Kernel, arrays):
    recorder = _recorder
    if recorder is None:
        return kernel(*arrays)
    shapes = tuple(getattr(a, "shape", ()) for a in arrays) if recorder.shapes else ()
    event = recorder.begin(f"aten::{kernel.name}", shapes=shapes)
    try:
        return jax.block_until_ready(kernel(*arrays))
    finally:
        recorder.end(event)


class profile(contextlib.ContextDecorator):
    """``with profile() as prof:``, then ``prof.key_averages().table()``.

    ``schedule`` says by ``step()`` when to record; ``on_trace_ready(prof)`` is called when a cycle
    ends. ``record_shapes`` notes input shapes. Memory, stacks and FLOPs are not recorded: asking
    for them raises (``jaxtorch.summary`` tells FLOPs and memory).
    """

    def __init__(
        self, *, activities: Iterable | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None, record_shapes: bool = False,
        profile_memory: bool = False, with_stack: bool = False, with_flops: bool = False,
        with_modules: bool = False, acc_events: bool = False, **internal: Any,
    ):  # fmt: skip
        refused = {"profile_memory": profile_memory, "with_stack": with_stack,
                   "with_flops": with_flops, "with_modules": with_modules, **internal}  # fmt: skip
        if asked := [name for name, value in refused.items() if value]:
            raise NotImplementedError(
                f"torch.profiler.profile({', '.join(asked)}): ops and their times are recorded; "
                "see jaxtorch.summary for FLOPs and memory, jax.profiler for the rest"
            )
        self.activities = set(activities or supported_activities())
        self.schedule = schedule or _always
        self.on_trace_ready = on_trace_ready
        self.record_shapes = record_shapes
        self.acc_events = acc_events
        self.step_num = 0
        self.metadata: dict[str, str] = {}
        self._events: list[FunctionEvent] = []
        self._xla_trace: str | None = getattr(on_trace_ready, "xla_trace", None)

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc) -> None:
        self.stop()

    def start(self) -> None:
        if _recorder is not None:
            raise RuntimeError("Profiler is already enabled on this thread")
        self.current_action = self.schedule(self.step_num)
        self._switch(self.current_action)

    def step(self) -> None:
        """One step of the program is done."""
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        done = before is ProfilerAction.RECORD_AND_SAVE
        if done:
            self._pause()
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)
        self._switch(self.current_action)

    def stop(self) -> None:
        recorded = _recorder is not None
        self._pause()
        if recorded and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def _switch(self, action: ProfilerAction) -> None:
        global _recorder
        wanted = action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if wanted and _recorder is None:
            evaluate.evaluate_all()  # what was recorded before is not of this profile
            _recorder = _Recorder(self.record_shapes)
            self._before, evaluate.verifier = evaluate.verifier, _evaluate
            if self._xla_trace is not None:
                jax.profiler.start_trace(self._xla_trace)
        elif not wanted:
            self._pause()

    def _pause(self) -> None:
        global _recorder
        if _recorder is None:
            return
        evaluate.evaluate_all()
        found, _recorder = _recorder.events, None
        evaluate.verifier = self._before
        self._events = self._events + found if self.acc_events else found
        if self._xla_trace is not None:
            jax.profiler.stop_trace()

    # -- what was recorded --------------------------------------------------------------------

    def events(self) -> EventList:
        return EventList(sorted(self._events, key=lambda event: event.start))

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:  # fmt: skip
        return self.events().key_averages(
            group_by_input_shape, group_by_stack_n, group_by_overload_name
        )

    def export_chrome_trace(self, path: str) -> None:
        self.events().export_chrome_trace(path)

    def add_metadata(self, key: str, value: str) -> None:
        self.metadata[key] = value

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        raise NotImplementedError("profile.export_stacks: stacks are not recorded")

    def export_memory_timeline(self, path: str, device: str | None = None) -> None:
        raise NotImplementedError(
            "profile.export_memory_timeline: see jax.profiler.save_device_memory_profile"
        )


class record_function(contextlib.ContextDecorator):
    """A block (or a function) with a name: an event of a profile, and of ``jax.profiler``'s traces.
    While a profile records, what the block has recorded is computed before it ends."""

    def __init__(self, name: str, args: str | None = None):
        self.name, self.args = name, args

    def __enter__(self) -> record_function:
        self._annotation = jax.profiler.TraceAnnotation(self.name)
        self._annotation.__enter__()
        self._event = _recorder.begin(self.name, annotation=True) if _recorder is not None else None
        return self

    def __exit__(self, *exc) -> None:
        if self._event is not None and _recorder is not None:
            evaluate.evaluate_all()
            _recorder.end(self._event)
        self._annotation.__exit__(*exc)

    def _recreate_cm(self):
        return record_function(self.name, self.args)


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """An ``on_trace_ready`` that writes the events to ``dir_name``, beside the trace that
    ``jax.profiler`` makes for TensorBoard and Perfetto."""
    if use_gzip:
        raise NotImplementedError("tensorboard_trace_handler(use_gzip=True)")
    os.makedirs(dir_name, exist_ok=True)
    worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"

    def handler(prof: profile) -> None:
        name = f"{worker}.{time.time_ns()}.pt.trace.json"
        prof.export_chrome_trace(os.path.join(dir_name, name))

    handler.xla_trace = dir_name  # type: ignore[attr-defined]
    return handler
