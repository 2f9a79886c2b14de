"""What every route needs: the models, the settings and the counters of the application that it belongs to."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from taeda_serve.errors import RequestError
from taeda_serve.manifest import Json
from taeda_serve.metrics import Metrics
from taeda_serve.repository import ModelRepository
from taeda_serve.runner import ModelRunner, Reply
from taeda_serve.settings import Settings
from taeda_serve.work import Work

__all__ = ["Context", "answer_json", "ask", "context_of", "off_loop", "runner_of", "timing_header"]

T = TypeVar("T")

_SMALL = 128 * 1024


@dataclass(frozen=True)
class Context:
    """The state of one application."""

    repository: ModelRepository
    settings: Settings
    metrics: Metrics


def context_of(request: Request) -> Context:
    """Return the application's state."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context


def runner_of(request: Request) -> ModelRunner:
    """Find the model that the path names.

    Raises:
        RequestError: 404.
    """
    params = request.path_params
    return context_of(request).repository.get(params["name"], params.get("version"))


async def ask(request: Request, runner: ModelRunner, work: Work) -> Reply:
    """Run one request's work.

    Raises:
        RequestError: 413 if it has more rows than may queue, and all that `ModelRunner.submit` raises.
    """
    most = context_of(request).settings.batching.capacity
    if work.rows > most:
        raise RequestError.about(
            413,
            "request",
            expected=f"at most {most} rows",
            got=str(work.rows),
            fix="split it into several requests",
        )
    return await runner.submit(work)


async def off_loop(size: int, function: Callable[..., T], *args: object) -> T:
    """Call a function that handles `size` bytes: here if they are few, else in a thread."""
    if size <= _SMALL:
        return function(*args)
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(function, *args))


def answer_json(value: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON."""
    body = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return Response(body, status, {**(headers or {}), "Cache-Control": "no-store"}, "application/json")


def timing_header(reply: Reply) -> str:
    """Tell where the time went, as the `Server-Timing` header does: milliseconds by phase."""
    answer = reply.answer
    return (
        f"queue;dur={1e3 * reply.queue_seconds:.2f}, "
        f"preprocess;dur={1e3 * answer.preprocess_seconds:.2f}, "
        f'inference;dur={1e3 * answer.inference_seconds:.2f}, batch;desc="{answer.batch_rows}"'
    )
