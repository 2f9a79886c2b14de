"""A server's life: take the port, start the models, answer until told to stop, drain, leave no process."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

import uvicorn

from taeda_serve.app import create_app
from taeda_serve.context import Context
from taeda_serve.errors import PortInUseError, ServerStartError, explain
from taeda_serve.metrics import Metrics
from taeda_serve.repository import ModelRepository
from taeda_serve.settings import Settings

__all__ = ["bind", "is_loopback", "serve"]

log = logging.getLogger("taeda_serve")


def serve(archives: Sequence[str | Path], settings: Settings) -> None:
    """Serve archives until SIGINT or SIGTERM; prints `serving http://HOST:PORT` once requests are answered.

    Raises:
        PortInUseError: if the port is taken.
        FileNotFoundError, ArchiveError, ServerStartError: if an archive cannot be served.
    """
    with contextlib.closing(bind(settings.host, settings.port)) as listener:
        if not is_loopback(settings.host):
            print(
                f"warning: {settings.host} is reachable from other machines: anyone there can ask the models"
                + (
                    ""
                    if settings.management_token
                    else " (managing them is off: there is no --management-token)"
                )
                + "; put an authenticating proxy in front, or leave --host out",
                file=sys.stderr,
            )
        asyncio.run(_serve(archives, settings, listener))


def bind(host: str, port: int) -> socket.socket:
    """Open the listening socket, so that a taken port is known before any model loads.

    Raises:
        PortInUseError: if the port is taken.
        ServerStartError: if the address cannot be used for another reason.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1024)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                explain(
                    f"port {port} on {host}",
                    expected="a free port",
                    got="one that another program listens on",
                    fix="stop that program, or choose another with --port (0 takes any free one)",
                )
            ) from None
        where = f"address {host}:{port}"
        fix = "check --host and --port (ports below 1024 need privileges)"
        got = f"'{error.strerror or error}'"
        raise ServerStartError(explain(where, expected="one to listen on", got=got, fix=fix)) from None
    listener.setblocking(False)
    return listener


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Server(uvicorn.Server):
    """Uvicorn's server without signal handling: `_serve` owns the signals from before the models start."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _serve(archives: Sequence[str | Path], settings: Settings, listener: socket.socket) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    metrics = Metrics()
    repository = ModelRepository(settings, metrics)
    try:
        starting = asyncio.create_task(_register_all(repository, archives))
        await _first(starting, stop)
        if stop.is_set():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
        else:
            await _answer(Context(repository, settings, metrics), listener, stop)
    finally:
        await repository.stop()


async def _register_all(repository: ModelRepository, archives: Sequence[str | Path]) -> None:
    for archive in archives:
        await repository.register(archive)


async def _answer(context: Context, listener: socket.socket, stop: asyncio.Event) -> None:
    settings = context.settings
    server = _Server(
        uvicorn.Config(
            create_app(context),
            lifespan="off",
            log_level="info" if settings.access_log else "warning",
            access_log=settings.access_log,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=max(1, round(settings.drain_timeout)),
        )
    )
    running = asyncio.create_task(server.serve([listener]))
    while not server.started and not running.done():
        await asyncio.sleep(0.01)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"serving http://{host}:{listener.getsockname()[1]}", flush=True)
    for runner in context.repository.runners:
        manifest, count = runner.manifest, runner.ready_workers
        workers = f"{count} worker{'s' if count != 1 else ''}"
        print(f"  {manifest.name} {manifest.version}: {workers}", file=sys.stderr, flush=True)
    await _first(running, stop)
    server.should_exit = True
    await running


async def _first(task: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Wait for the task, whose error is raised, or for the signal."""
    waiter = asyncio.create_task(stop.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if task.done():
        task.result()
