"""``torch.cpu``: the cpu, asked as the other devices are."""

from __future__ import annotations

from jaxtorch import devices, left_out, streams
from jaxtorch.streams import Event as Event, StreamContext as StreamContext

__all__ = [
    "Event", "Stream", "StreamContext", "current_device", "current_stream", "device_count",
    "is_available", "is_initialized", "set_device", "stream", "synchronize",
]  # fmt: skip

_CPU = devices.device("cpu")


class Stream(streams.Stream):
    """A name for work of the cpu."""

    type = "cpu"


def is_available() -> bool:
    return True


def is_initialized() -> bool:
    return True


def device_count() -> int:
    """1: for torch all processors are one device."""
    return 1


def current_device() -> str:
    return "cpu"


def set_device(device) -> None:
    """Nothing is left to do: there is one cpu."""


def synchronize(device=None) -> None:
    """Wait until all recorded work is done."""
    streams.synchronize(_CPU)


def current_stream(device=None) -> streams.Stream:
    return streams.current_stream(_CPU, Stream)


def stream(stream: Stream | None) -> StreamContext:
    return StreamContext(stream)


__getattr__ = left_out.attributes_of(__name__)
