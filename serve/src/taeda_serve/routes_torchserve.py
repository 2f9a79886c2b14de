"""Routes that TorchServe's clients know: predictions, ping and model management."""

from __future__ import annotations

import hmac
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from taeda_serve.body import media_type, read_body, read_upload
from taeda_serve.context import answer_json, ask, context_of, off_loop, runner_of, timing_header
from taeda_serve.errors import ArchiveError, RequestError, ServerStartError
from taeda_serve.manifest import Json
from taeda_serve.protocol_v2 import parse_json
from taeda_serve.runner import ModelRunner
from taeda_serve.signature import NUMPY_DTYPES, check_tensors
from taeda_serve.work import Work, top_classes

__all__ = ["routes"]

_RAW_TYPES = ("", "application/octet-stream", "application/x-www-form-urlencoded", "multipart/form-data")


async def ping(request: Request) -> Response:
    """Whether every model can answer."""
    ready = context_of(request).repository.ready
    return answer_json({"status": "Healthy" if ready else "Unhealthy"}, 200 if ready else 500)


async def predict(request: Request) -> Response:
    """Classify an encoded image; or run a model without preprocessing on one row of JSON."""
    runner = runner_of(request)
    settings = context_of(request).settings
    top = _top(request.query_params.get("top", "5"))
    kind = media_type(request)
    if runner.manifest.takes_images:
        if kind not in _RAW_TYPES and not kind.startswith("image/"):
            raise RequestError.about(
                415,
                "Content-Type",
                expected="image/*, application/octet-stream or multipart/form-data",
                got=repr(kind),
                fix=f"send the image's bytes; JSON belongs to /v2/models/{runner.manifest.name}/infer",
            )
        work = Work(images=(await read_upload(request, settings.max_body, settings.request_timeout),))
    else:
        body = await read_body(request, settings.max_body, settings.request_timeout)
        work = await off_loop(len(body), _json_row, body, runner)
    reply = await ask(request, runner, work)
    return _answer(runner, reply.answer.outputs, top, {"Server-Timing": timing_header(reply)})


async def list_models(request: Request) -> Response:
    """Names of the served models."""
    repository = context_of(request).repository
    return answer_json(
        {
            "models": [
                {
                    "modelName": name,
                    "modelUrl": repository.get(name).archive.path.name,
                    "versions": repository.versions(name),
                }
                for name in repository.names
            ]
        }
    )


async def describe_model(request: Request) -> Response:
    """Versions, workers, signature and provenance of a model."""
    repository = context_of(request).repository
    name, version = request.path_params["name"], request.path_params.get("version")
    if version is not None and version != "all":
        return answer_json([_describe(request, repository.get(name, version))])
    repository.get(name)
    return answer_json([_describe(request, repository.get(name, each)) for each in repository.versions(name)])


async def register_model(request: Request) -> Response:
    """Serve another archive of the model store; needs the management token."""
    _check_token(request)
    url = request.query_params.get("url", "")
    path = _in_store(url, context_of(request).settings.model_store)
    try:
        runner = await context_of(request).repository.register(path)
    except FileNotFoundError:
        raise RequestError.about(
            404,
            "url",
            expected="an archive in the model store",
            got=repr(url[:80]),
            fix="copy it there first",
        ) from None
    except (ArchiveError, ServerStartError) as error:
        raise RequestError(422, str(error)) from None
    manifest = runner.manifest
    return answer_json({"status": f"model {manifest.name!r} version {manifest.version} registered"})


async def unregister_model(request: Request) -> Response:
    """Stop serving a model, or one version of it; needs the management token."""
    _check_token(request)
    name = request.path_params["name"]
    gone = await context_of(request).repository.unregister(name, request.path_params.get("version"))
    return answer_json({"status": f"model {name!r} version {', '.join(gone)} unregistered"})


def _top(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= 1000:
        raise RequestError.about(
            400, "top", expected="1 to 1000", got=repr(text[:20]), fix="for example ?top=5"
        )
    return int(text)


def _json_row(body: bytes, runner: ModelRunner) -> Work:
    """One row for a model without preprocessing: a list for its only input, or an object of lists by name."""
    value = parse_json(body, "request body")
    specs = runner.manifest.inputs
    if isinstance(value, list) and len(specs) == 1:
        value = {specs[0].name: value}
    if not isinstance(value, dict):
        raise RequestError.about(
            400,
            "request body",
            expected=f"a JSON object with {[spec.name for spec in specs]}, or a list for a single input",
            got=type(value).__name__,
            fix="send one row",
        )
    arrays = {}
    dtypes = {spec.name: NUMPY_DTYPES[spec.datatype] for spec in specs}
    for name, row in value.items():
        try:
            arrays[name] = np.array([row], dtypes[name]) if name in dtypes else np.zeros(1)
        except (ValueError, TypeError, OverflowError) as error:
            raise RequestError.about(
                422,
                f"input {name!r}",
                expected=f"numbers ({dtypes[name]})",
                got=str(error)[:80],
                fix="check the row",
            ) from None
    return Work(tensors=check_tensors(arrays, runner.manifest))


def _answer(
    runner: ModelRunner, outputs: dict[str, NDArray[Any]], top: int, headers: dict[str, str]
) -> Response:
    if not all(np.isfinite(array).all() for array in outputs.values()):
        raise RequestError.about(
            422,
            "outputs",
            expected="finite numbers",
            got="NaN or infinity from the model",
            fix="check the input's values",
        )
    value: Json
    if runner.labels:
        value = top_classes(next(iter(outputs.values()))[0], runner.labels, top)
    else:
        value = {name: array[0].tolist() for name, array in outputs.items()}
    return answer_json(value, headers=headers)


def _describe(request: Request, runner: ModelRunner) -> Json:
    settings, manifest = context_of(request).settings, runner.manifest
    return {
        "modelName": manifest.name,
        "modelVersion": manifest.version,
        "modelUrl": runner.archive.path.name,
        "runtime": "taeda",
        "minWorkers": settings.workers,
        "maxWorkers": settings.workers,
        "batchSize": settings.batching.max_rows,
        "maxBatchDelay": 1e3 * settings.batching.max_delay,
        "workers": [{"id": str(pid), "pid": pid, "status": "READY"} for pid in runner.worker_pids],
        "architecture": {
            "reference": manifest.architecture.reference,
            "arguments": manifest.architecture.arguments,
        },
        "preprocessing": [{"name": step.name, "args": step.args} for step in manifest.preprocessing],
        "inputs": [spec.to_json() for spec in manifest.inputs],
        "outputs": [spec.to_json() for spec in manifest.outputs],
        "labels": runner.labels,
        "provenance": manifest.provenance,
    }


def _check_token(request: Request) -> None:
    token = context_of(request).settings.management_token
    if token is None:
        raise RequestError(
            403,
            "management: expected a server with a --management-token, got one without; restart it with one",
        )
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise RequestError(
            401,
            "management: expected the header 'Authorization: Bearer TOKEN' with the server's token, got "
            + ("another token" if given else "none")
            + "; pass the token that --management-token set",
            {"WWW-Authenticate": "Bearer"},
        )


def _in_store(url: str, store: str | None) -> Path:
    if store is None:
        raise RequestError(
            403,
            "management: expected a server with a --model-store folder, got one without; restart it with one",
        )
    folder = Path(store).resolve()
    path = (folder / url).resolve()
    if not url or "\0" in url or not path.is_relative_to(folder):
        raise RequestError.about(
            400,
            "url",
            expected="the path of an archive inside the model store",
            got=repr(url[:80]),
            fix="pass it relative to the --model-store folder, for example ?url=digits.taeda",
        )
    return path


routes = [
    Route("/ping", ping, methods=["GET"]),
    Route("/predictions/{name}", predict, methods=["POST", "PUT"]),
    Route("/predictions/{name}/{version}", predict, methods=["POST", "PUT"]),
    Route("/models", list_models, methods=["GET"]),
    Route("/models", register_model, methods=["POST"]),
    Route("/models/{name}", describe_model, methods=["GET"]),
    Route("/models/{name}", unregister_model, methods=["DELETE"]),
    Route("/models/{name}/{version}", describe_model, methods=["GET"]),
    Route("/models/{name}/{version}", unregister_model, methods=["DELETE"]),
]
