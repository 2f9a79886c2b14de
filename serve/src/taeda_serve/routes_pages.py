"""The web page, the API's description, and the metrics. Pages load nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from taeda_serve.context import answer_json, context_of
from taeda_serve.openapi import build_openapi

__all__ = ["CONTENT_SECURITY_POLICY", "routes"]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/docs": ("docs.html", "text/html; charset=utf-8"),
    "/static/style.css": ("style.css", "text/css; charset=utf-8"),
    "/static/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/static/draw.js": ("draw.js", "text/javascript; charset=utf-8"),
    "/static/docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "/static/icon.svg": ("icon.svg", "image/svg+xml"),
}


async def page(request: Request) -> Response:
    """A file of the web page."""
    name, kind = _PAGES[request.url.path]
    body = (files("taeda_serve") / "page" / name).read_bytes()
    return Response(body, headers={"Content-Type": kind, "Cache-Control": "no-cache"})


async def metrics(request: Request) -> Response:
    """Counters in Prometheus' text format."""
    counters = context_of(request).metrics
    return Response(
        counters.render(), headers={"Content-Type": counters.content_type, "Cache-Control": "no-store"}
    )


async def openapi(request: Request) -> Response:
    """Description of all routes."""
    return answer_json(build_openapi(request.app.routes))


routes = [
    *(Route(path, page, methods=["GET"], include_in_schema=False) for path in _PAGES),
    Route("/metrics", metrics, methods=["GET"]),
    Route("/openapi.json", openapi, methods=["GET"]),
]
