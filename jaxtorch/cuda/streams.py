"""Streams and events of GPUs (see ``jaxtorch.streams``)."""

from __future__ import annotations

from jaxtorch import devices, streams
from jaxtorch.cuda._devices import index_of
from jaxtorch.streams import StreamContext as StreamContext

__all__ = [
    "Event", "Stream", "StreamContext", "current_stream", "default_stream", "set_stream", "stream",
]  # fmt: skip


class Stream(streams.Stream):
    """A name for work of a GPU."""

    type = "cuda"


class Event(streams.Event):
    """A moment in the work of the current GPU."""

    type = "cuda"

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False,
        external: bool = False,
    ):  # fmt: skip
        if external:
            raise NotImplementedError("torch.cuda.Event(external=True): of CUDA graphs")
        super().__init__(enable_timing=enable_timing, blocking=blocking, interprocess=interprocess)


def stream(stream: Stream | None) -> StreamContext:
    """``with torch.cuda.stream(s):`` the stream that is current inside; None changes nothing."""
    return StreamContext(stream)


def set_stream(stream: Stream | None) -> None:
    if stream is not None:
        streams.set_stream(stream)


def current_stream(device=None) -> streams.Stream:
    return streams.current_stream(devices.device("cuda", index_of(device)), Stream)


def default_stream(device=None) -> Stream:
    """The stream number 0."""
    return Stream(devices.device("cuda", index_of(device)), stream_id=0)
