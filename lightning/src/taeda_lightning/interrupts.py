"""Ctrl-C and SIGTERM: finish the batch, save, then stop."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from .messages import info

__all__ = ["Interrupts"]


class Interrupts:
    """Remembers a signal until the loop can stop at a clean point.

    The first SIGINT or SIGTERM is only noted; `check` raises at the next batch boundary. A second SIGINT
    raises `KeyboardInterrupt` at once.
    """

    def __init__(self) -> None:
        self.received: int | None = None

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals within the block (in the main thread, where handlers are Python's own)."""
        self.received = None
        previous: dict[int, object] = {}
        if threading.current_thread() is threading.main_thread():
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                previous[signal.SIGINT] = signal.signal(signal.SIGINT, self._note)
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                previous[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._note)
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = number
        info("Stopping after this batch; press Ctrl-C again to stop at once without saving")

    def check(self) -> None:
        """Raise if a signal has come.

        Raises:
            KeyboardInterrupt: after SIGINT.
            SystemExit: after SIGTERM, with code 143.
        """
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
