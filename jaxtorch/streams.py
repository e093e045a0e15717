"""Streams and events: points in the work of a device.

A device runs XLA's programs in order, and XLA orders them by what they read: one stream is all
there is, and what another would overlap is XLA's affair. So a Stream is a name, waiting for one is
done as it is said, and an Event is the moment when all work recorded before it was done.
"""

from __future__ import annotations

import itertools
import threading
import time

from jaxtorch import devices, engine

__all__ = ["Event", "Stream", "StreamContext", "current_stream", "synchronize"]


def synchronize(device) -> None:
    """Wait until all work given to the device is done, work that is only recorded included."""
    import jax

    there = devices.jax_device(device)
    engine.evaluate_all()
    # A device runs its programs in order: when a last small one is done, so are all before it.
    jax.jit(lambda x: x + 1)(jax.device_put(0, there)).block_until_ready()


_numbers = itertools.count(1)


class Stream:
    """``torch.Stream(device)``; ``with stream:`` makes it the current one."""

    type: str | None = None  # the device type of a subclass's streams

    def __init__(self, device=None, priority: int = 0, *, stream_id: int | None = None):
        if device is None:
            device = devices.device(self.type) if self.type else devices.get_default_device()
        elif isinstance(device, int) and self.type:
            device = devices.device(self.type, device)
        self.device = devices.device(device)
        devices.jax_device(self.device)  # which raises where there is none
        self.priority = priority
        self.stream_id = next(_numbers) if stream_id is None else stream_id

    @property
    def device_index(self) -> int:
        return self.device.index or 0

    @property
    def device_type(self) -> str:
        return self.device.type

    def synchronize(self) -> None:
        """Wait until the device has done all its work."""
        synchronize(self.device)

    def query(self) -> bool:
        """True, after waiting for what is to be done."""
        self.synchronize()
        return True

    def wait_stream(self, stream: Stream) -> None:
        """Nothing is left to do: programs that depend on each other run in order."""

    def wait_event(self, event: Event) -> None:
        """Nothing is left to do: an event is in the past once it is recorded."""

    def record_event(self, event: Event | None = None) -> Event:
        event = Event(self.device) if event is None else event
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        _current.stack.append(self)
        return self

    def __exit__(self, *exc) -> None:
        _current.stack.pop()

    def __eq__(self, other) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        return (self.device, self.stream_id) == (other.device, other.stream_id)

    def __hash__(self) -> int:
        return hash((self.device, self.stream_id))

    def __repr__(self) -> str:
        return f"<torch.Stream device={self.device} stream_id={self.stream_id}>"


class _Current(threading.local):
    def __init__(self):
        self.stack: list[Stream] = []


_current = _Current()


def current_stream(device, kind: type[Stream] = Stream) -> Stream:
    """The innermost ``with`` block's on this device, or the device's default (number 0)."""
    device = devices.device(device)
    for stream in reversed(_current.stack):
        if stream.device.type == device.type and device.index in (None, stream.device.index):
            return stream
    return kind(device, stream_id=0)


def set_stream(stream: Stream) -> None:
    """Make a stream the current one from here on."""
    _current.stack[-1:] = [stream]


class StreamContext:
    """``with torch.cuda.stream(s):``; None changes nothing."""

    def __init__(self, stream: Stream | None):
        self.stream = stream

    def __enter__(self) -> None:
        if self.stream is not None:
            self.stream.__enter__()

    def __exit__(self, *exc) -> None:
        if self.stream is not None:
            self.stream.__exit__(*exc)


class Event:
    """A moment in a device's work. ``record`` waits for the work recorded so far, so that
    ``elapsed_time`` is what really passed."""

    type: str | None = None

    def __init__(
        self, device=None, *, enable_timing: bool = False, blocking: bool = False,
        interprocess: bool = False,
    ):  # fmt: skip
        if interprocess:
            raise NotImplementedError("Event(interprocess=True): an event is of one process")
        if device is None:
            device = devices.device(self.type) if self.type else devices.get_default_device()
        self.device = devices.device(device)
        devices.jax_device(self.device)
        self.enable_timing = enable_timing
        self._time: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        synchronize(self.device)
        self._time = time.perf_counter()

    def wait(self, stream: Stream | None = None) -> None:
        """Nothing is left to do: an event is in the past once it is recorded."""

    def synchronize(self) -> None:
        """Nothing is left to wait for: ``record`` has waited."""

    def query(self) -> bool:
        return True

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to ``end_event``."""
        if not (self.enable_timing and end_event.enable_timing):
            raise ValueError(
                "Both events must be created with argument 'enable_timing=True' to measure time."
            )
        if self._time is None or end_event._time is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return (end_event._time - self._time) * 1000

    def __repr__(self) -> str:
        return f"<torch.Event device={self.device}>"
