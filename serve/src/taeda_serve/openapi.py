"""The OpenAPI description: paths and summaries come from the routes, bodies from the table here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

from starlette.routing import BaseRoute, Route

from taeda_serve.manifest import Json
from taeda_serve.version import VERSION

__all__ = ["build_openapi"]

_JSON = {"application/json": {"schema": {"type": "object"}}}
_ERROR = {
    "description": "What was passed, what was expected, how to fix it",
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
        }
    },
}
_TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"type": "string", "examples": ["FP32", "INT64", "BYTES"]},
        "data": {
            "type": "array",
            "description": "flat or nested, row-major; base64 strings for BYTES images",
        },
        "parameters": {"type": "object", "properties": {"binary_data_size": {"type": "integer"}}},
    },
}
_BINARY: Json = {"schema": {"type": "string", "format": "binary"}}
_FORM: Json = {"schema": {"type": "object", "properties": {"data": {"type": "string", "format": "binary"}}}}

_BODIES: dict[str, Json] = {
    "predict": {"required": True, "content": {"image/*": _BINARY, "multipart/form-data": _FORM}},
    "infer": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string"},
                        "inputs": {"type": "array", "items": _TENSOR},
                        "outputs": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    },
}
_QUERIES: dict[str, tuple[str, str, str]] = {
    "predict": ("top", "integer", "how many classes to return, 5 unless told"),
    "register_model": ("url", "string", "path of the archive inside the model store"),
}
_ERRORS: dict[str, tuple[str, ...]] = {
    "predict": ("400", "404", "408", "413", "415", "422", "500", "503", "504"),
    "infer": ("400", "404", "408", "413", "415", "422", "500", "503", "504"),
    "register_model": ("400", "401", "403", "404", "409", "422"),
    "unregister_model": ("401", "403", "404"),
    "server_ready": ("503",),
    "model_ready": ("404", "503"),
    "ping": ("500",),
}
_OTHER_TYPES = {"metrics": "text/plain"}


def build_openapi(routes: Sequence[BaseRoute]) -> Json:
    """Describe routes in OpenAPI 3.1.

    Args:
        routes: of the application; those outside the schema are left out.
    """
    paths: dict[str, dict[str, Json]] = {}
    for route in routes:
        if not isinstance(route, Route) or not route.include_in_schema:
            continue
        for method in sorted(route.methods or ()):
            if method != "HEAD":
                paths.setdefault(route.path, {})[method.lower()] = _operation(route, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "taeda serve",
            "version": VERSION,
            "description": "Open Inference Protocol v2, TorchServe-compatible routes, metrics.",
        },
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(route: Route, method: str) -> Json:
    name = route.endpoint.__name__
    parameters: list[Json] = [
        {"name": part, "in": "path", "required": True, "schema": {"type": "string"}}
        for part in re.findall(r"{(\w+)}", route.path)
    ]
    if name in _QUERIES:
        query, kind, text = _QUERIES[name]
        parameters.append({"name": query, "in": "query", "schema": {"type": kind}, "description": text})
    suffix = "_version" if "{version}" in route.path else ""
    content = {_OTHER_TYPES[name]: {"schema": {"type": "string"}}} if name in _OTHER_TYPES else _JSON
    errors = _ERRORS.get(name, ("404",) if parameters else ())
    operation: dict[str, Json] = {
        "operationId": f"{name}{suffix}_{method.lower()}",
        "summary": inspect.getdoc(route.endpoint) or "",
        "parameters": parameters,
        "responses": {
            "200": {"description": "Answer", "content": content},
            **dict.fromkeys(errors, _ERROR),
        },
    }
    if name in _BODIES:
        operation["requestBody"] = _BODIES[name]
    if name in ("register_model", "unregister_model"):
        operation["security"] = [{"token": []}]
    return operation
