"""Streams, the queues of work of a GPU, and events in them."""

from __future__ import annotations

from typing import Any

from taeda import _C
from taeda.cuda._device import Device, current_device, device_index, init

__all__ = [
    "Event",
    "ExternalStream",
    "Stream",
    "StreamContext",
    "current_stream",
    "default_stream",
    "set_stream",
    "stream",
]


class Stream:
    """A queue of work on one GPU; work of different streams may overlap.

    A tensor that another stream uses than the one it was made on needs `Tensor.record_stream`, or the memory may be
    handed out again too early.

    Args:
        device: the GPU; None is the current one.
        priority: lower numbers run first; 0 is normal, -1 is high.
    """

    def __init__(self, device: Device = None, priority: int = 0, **kwargs: Any) -> None:
        init()
        self.device_index = device_index(device)
        self.priority = priority
        self.cuda_stream = _C._cuda_create_stream(self.device_index, priority)

    @classmethod
    def _of(cls, device: int, handle: int) -> Stream:
        made = Stream.__new__(cls)
        made.device_index, made.cuda_stream, made.priority = device, handle, 0
        return made

    @property
    def device(self) -> _C.device:
        """The GPU of this stream."""
        return _C.device("cuda", self.device_index)

    def synchronize(self) -> None:
        """Waits until all work of this stream is done."""
        _C._cuda_synchronize_stream(self.device_index, self.cuda_stream)

    def query(self) -> bool:
        """Whether all work of this stream is done."""
        return _C._cuda_query_stream(self.device_index, self.cuda_stream)

    def record_event(self, event: Event | None = None) -> Event:
        """Puts an event, a new one by default, behind the work so far."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Work that is added from now on starts after the event."""
        event.wait(self)

    def wait_stream(self, stream: Stream) -> None:
        """Work that is added from now on starts after all work that the other stream has now."""
        self.wait_event(stream.record_event())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and (self.device_index, self.cuda_stream) == (
            other.device_index,
            other.cuda_stream,
        )

    def __hash__(self) -> int:
        return hash((self.device_index, self.cuda_stream))

    def __repr__(self) -> str:
        return f"<taeda.cuda.Stream device=cuda:{self.device_index} cuda_stream={self.cuda_stream:#x}>"


class ExternalStream(Stream):
    """A stream that somebody else made and will destroy.

    Args:
        stream_ptr: its address, a `cudaStream_t`.
        device: the GPU it belongs to; None is the current one.
    """

    def __init__(self, stream_ptr: int, device: Device = None, **kwargs: Any) -> None:
        init()
        self.device_index, self.cuda_stream, self.priority = device_index(device), stream_ptr, 0


class Event:
    """A mark in a stream, to wait for or to take the time at.

    Args:
        enable_timing: allows `elapsed_time`.
        blocking, interprocess: accepted; waiting never keeps a processor busy for long, and events stay in a process.
    """

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        self.enable_timing = enable_timing
        self.device_index = -1
        self.cuda_event = 0

    def record(self, stream: Stream | None = None) -> None:
        """Puts the event behind the work that the stream, by default the current one, has now."""
        stream = current_stream() if stream is None else stream
        if not self.cuda_event:
            self.cuda_event = _C._cuda_create_event(stream.device_index, self.enable_timing)
            self.device_index = stream.device_index
        if stream.device_index != self.device_index:
            raise RuntimeError(
                f"Event.record: the event is of cuda:{self.device_index}, but the stream of "
                f"cuda:{stream.device_index}; use an event for each device"
            )
        _C._cuda_record_event(stream.device_index, self.cuda_event, stream.cuda_stream)

    def wait(self, stream: Stream | None = None) -> None:
        """Work that is added to the stream, by default the current one, from now on starts after the event."""
        stream = current_stream() if stream is None else stream
        if self.cuda_event:
            _C._cuda_wait_event(stream.device_index, self.cuda_event, stream.cuda_stream)

    def query(self) -> bool:
        """Whether all work before the event is done."""
        return not self.cuda_event or _C._cuda_query_event(self.cuda_event)

    def synchronize(self) -> None:
        """Waits until all work before the event is done."""
        if self.cuda_event:
            _C._cuda_synchronize_event(self.cuda_event)

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to the other.

        Raises:
            ValueError: one of them was not recorded, or made without enable_timing.
        """
        for event in (self, end_event):
            if not event.enable_timing or not event.cuda_event:
                raise ValueError(
                    "elapsed_time: both events must be made with enable_timing=True and recorded"
                )
        return _C._cuda_elapsed_time(self.cuda_event, end_event.cuda_event)

    def __del__(self) -> None:
        if getattr(self, "cuda_event", 0):
            _C._cuda_destroy_event(self.cuda_event)

    def __repr__(self) -> str:
        state = f"device=cuda:{self.device_index}" if self.cuda_event else "not recorded"
        return f"<taeda.cuda.Event {state}>"


def current_stream(device: Device = None) -> Stream:
    """The stream that this thread's work on a GPU goes to."""
    init()
    index = device_index(device)
    return Stream._of(index, _C._cuda_current_stream(index))


def default_stream(device: Device = None) -> Stream:
    """The stream that a GPU's work goes to unless another one is chosen."""
    init()
    return Stream._of(device_index(device), 0)


def set_stream(stream: Stream) -> None:
    """Makes a stream the current one of its GPU, for this thread; `stream()` undoes it at the end of a block."""
    _C._cuda_set_stream(stream.device_index, stream.cuda_stream)


class StreamContext:
    """A `with` block in which a stream, and its GPU, are current."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream
        self._before: tuple[int, Stream] | None = None

    def __enter__(self) -> None:
        if self.stream is not None:
            self._before = current_device(), current_stream(self.stream.device_index)
            _C._cuda_set_device(self.stream.device_index)
            set_stream(self.stream)

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            device, stream = self._before
            set_stream(stream)
            _C._cuda_set_device(device)
            self._before = None


def stream(stream: Stream | None) -> StreamContext:
    """A `with` block in which the stream is the current one; None changes nothing."""
    return StreamContext(stream)
