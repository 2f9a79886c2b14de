"""Routes of the Open Inference Protocol v2."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from taeda_serve.body import media_type, read_body
from taeda_serve.context import answer_json, ask, context_of, off_loop, runner_of, timing_header
from taeda_serve.errors import RequestError
from taeda_serve.manifest import Json
from taeda_serve.protocol_v2 import HEADER, encode_answer, parse_infer
from taeda_serve.version import VERSION

__all__ = ["routes"]


async def server_metadata(request: Request) -> Response:
    """Name, version and extensions of the server."""
    return answer_json({"name": "taeda-serve", "version": VERSION, "extensions": ["binary_tensor_data"]})


async def server_live(request: Request) -> Response:
    """Whether the server answers at all."""
    return answer_json({"live": True})


async def server_ready(request: Request) -> Response:
    """Whether every model can answer."""
    ready = context_of(request).repository.ready
    return answer_json({"ready": ready}, 200 if ready else 503)


async def model_metadata(request: Request) -> Response:
    """Inputs and outputs of a model."""
    runner = runner_of(request)
    manifest = runner.manifest
    inputs: list[Json] = [spec.to_json() for spec in manifest.inputs]
    if manifest.takes_images:
        (tensor,) = inputs
        inputs = [
            {
                "name": manifest.inputs[0].name,
                "datatype": "BYTES",
                "shape": [-1],
                "parameters": {"content": "encoded images, base64 in JSON", "or_preprocessed": tensor},
            }
        ]
    outputs: list[Json] = [spec.to_json() for spec in manifest.outputs]
    if runner.labels:
        outputs.append({"name": "label", "datatype": "BYTES", "shape": [-1]})
    return answer_json(
        {
            "name": manifest.name,
            "versions": context_of(request).repository.versions(manifest.name),
            "platform": "taeda",
            "inputs": inputs,
            "outputs": outputs,
        }
    )


async def model_ready(request: Request) -> Response:
    """Whether a model can answer."""
    runner = runner_of(request)
    ready = runner.ready_workers > 0
    return answer_json({"name": runner.manifest.name, "ready": ready}, 200 if ready else 503)


async def infer(request: Request) -> Response:
    """Run a model on tensors or encoded images."""
    runner = runner_of(request)
    settings = context_of(request).settings
    kind = media_type(request)
    if kind not in ("", "application/json", "application/octet-stream", "application/x-www-form-urlencoded"):
        raise RequestError.about(
            415,
            "Content-Type",
            expected="application/json (or application/octet-stream with raw tensors)",
            got=repr(kind),
            fix=f"POST raw image bytes to /predictions/{runner.manifest.name} instead",
        )
    body = await read_body(request, settings.max_body, settings.request_timeout)
    parsed = await off_loop(
        len(body), parse_infer, body, request.headers.get(HEADER), runner.manifest, runner.labels is not None
    )
    reply = await ask(request, runner, parsed.work)
    outputs = reply.answer.outputs
    size = sum(array.nbytes for array in outputs.values())
    body, head_length = await off_loop(size, encode_answer, outputs, parsed, runner.manifest, runner.labels)
    headers = {"Server-Timing": timing_header(reply), "Cache-Control": "no-store"}
    if head_length is None:
        return Response(body, 200, headers, "application/json")
    return Response(body, 200, {**headers, HEADER: str(head_length)}, "application/octet-stream")


routes = [
    Route("/v2", server_metadata, methods=["GET"]),
    Route("/v2/health/live", server_live, methods=["GET"]),
    Route("/v2/health/ready", server_ready, methods=["GET"]),
    *(
        route
        for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
        for route in (
            Route(path, model_metadata, methods=["GET"]),
            Route(f"{path}/ready", model_ready, methods=["GET"]),
            Route(f"{path}/infer", infer, methods=["POST"]),
        )
    ),
]
