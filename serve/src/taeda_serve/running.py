"""A server as a child process of this one, for scripts and tests."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from taeda_serve.client import Client
from taeda_serve.errors import ServerStartError

__all__ = ["RunningServer"]


class RunningServer:
    """Starts `taeda serve` on a free loopback port and stops it at the end of the `with` block.

    Args:
        archives: what to serve.
        options: further options of the command line, for example `["--workers", "2"]`.
        stop_timeout: seconds that it may take to stop.

    Raises:
        ServerStartError: if it does not start; the text holds what it printed.
    """

    def __init__(
        self, archives: Sequence[str | Path], options: Sequence[str] = (), stop_timeout: float = 20.0
    ) -> None:
        command = [sys.executable, "-m", "taeda_serve", "serve", *map(str, archives)]
        self._stop_timeout = stop_timeout
        self.process = subprocess.Popen(
            [*command, "--port", "0", *options], stdout=subprocess.PIPE, stderr=None, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("serving "):
            self.process.stdout.close()
            code = self.process.wait(stop_timeout)
            raise ServerStartError(f"taeda serve ended with exit code {code}; its message is above")
        self.url = line.split()[1]

    def client(self, token: str | None = None) -> Client:
        """Make a client of this server."""
        return Client(self.url, token)

    def stop(self) -> int:
        """Ask the server to drain and end; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(self._stop_timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
