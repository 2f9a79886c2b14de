"""The ASGI application: routes, errors as JSON, security headers, request metrics."""

from __future__ import annotations

import logging
import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taeda_serve import routes_pages, routes_torchserve, routes_v2
from taeda_serve.context import Context, answer_json
from taeda_serve.errors import RequestError
from taeda_serve.routes_pages import CONTENT_SECURITY_POLICY

__all__ = ["create_app"]

log = logging.getLogger("taeda_serve")

_HEADERS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]


def create_app(context: Context) -> Starlette:
    """Make the application that serves the models of a context.

    Starting and stopping the models is the caller's part; `taeda_serve.server` does both.
    """
    app = Starlette(
        routes=[*routes_v2.routes, *routes_torchserve.routes, *routes_pages.routes],
        middleware=[Middleware(_Observer, context=context)],
        exception_handlers={
            RequestError: _on_request_error,
            HTTPException: _on_http_error,
            Exception: _on_bug,
        },
    )
    app.state.context = context
    return app


class _Observer:
    """Adds the security headers to every answer and counts it."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        self._context.metrics.in_flight.inc()
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._context.metrics.in_flight.dec()
            self._count(scope, status, time.perf_counter() - begun)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        # Only known routes and models become label values: a stranger's paths must not grow the metrics.
        route = getattr(scope.get("endpoint"), "__name__", "none")
        name = scope.get("path_params", {}).get("name", "")
        model = name if name in self._context.repository.names else ""
        metrics = self._context.metrics
        metrics.requests.labels(route, model, str(status)).inc()
        metrics.request_seconds.labels(route).observe(seconds)


async def _on_request_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return answer_json({"error": error.message}, error.status, error.headers)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = str(error.detail)
    if error.status_code == 404:
        text = f"path: expected a route of this server, got {request.url.path[:120]!r}; see GET /docs"
    elif error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "another one").split(", ")))
        text = f"method: expected {allowed} for {request.url.path[:120]}, got {request.method}; see GET /docs"
    return answer_json({"error": text}, error.status_code, dict(error.headers or {}))


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error("bug while answering %s %s", request.method, request.url.path, exc_info=error)
    return answer_json({"error": "internal error; the server's log has the details, please report it"}, 500)
