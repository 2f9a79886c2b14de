"""Reading of request bodies: bounded in size and time."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from taeda_serve.errors import RequestError

__all__ = ["media_type", "read_body", "read_upload"]

_DRAIN_BYTES = 64 * 2**20
_DRAIN_SECONDS = 5.0


def media_type(request: Request) -> str:
    """Return the content type of a request in lower case, without parameters; empty if it has none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, limit: int, timeout: float) -> bytes:
    """Read the whole body.

    Raises:
        RequestError: 413 if it is larger than `limit` bytes, 408 if it does not arrive in `timeout` seconds,
            400 if the client goes away.
    """
    length = request.headers.get("content-length", "")
    if re.fullmatch("[0-9]{1,20}", length) and int(length) > limit:
        if "100-continue" not in request.headers.get("expect", "").lower():
            await _drain(request)
        raise _too_large(limit, f"Content-Length: {length}")
    body = bytearray()
    try:
        await asyncio.wait_for(_collect(request, body, limit), timeout)
    except asyncio.TimeoutError:
        raise RequestError.about(
            408,
            "request body",
            expected=f"all of it within {timeout:g} s",
            got=f"{len(body)} bytes by then",
            fix="send it faster, or start the server with a longer --request-timeout",
        ) from None
    except ClientDisconnect:
        raise RequestError(
            400, "request body: the connection closed before all of it arrived; send it again"
        ) from None
    if len(body) > limit:
        await _drain(request)
        raise _too_large(limit, f"more ({len(body)} bytes and counting)")
    return bytes(body)


async def read_upload(request: Request, limit: int, timeout: float) -> bytes:
    """Read a body of raw bytes, or the first file of a multipart form.

    Raises:
        RequestError: as `read_body`, and 400 for a malformed form or one without a file.
    """
    body = await read_body(request, limit, timeout)
    if media_type(request) != "multipart/form-data":
        return body

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    try:
        form = await MultiPartParser(request.headers, chunks(), max_files=16, max_fields=64).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        message = getattr(error, "message", None) or repr(error)
        raise RequestError.about(
            400,
            "multipart body",
            expected="a form with one file",
            got=f"bytes that fail with {message}",
            fix="check it",
        ) from None
    try:
        for value in form.values():
            if isinstance(value, UploadFile):
                return await value.read()
    finally:
        await form.close()
    raise RequestError.about(
        400,
        "multipart body",
        expected="a part with a file name",
        got=f"the fields {list(form.keys())}",
        fix="send the image as a file: curl -F data=@image.png",
    )


async def _drain(request: Request) -> None:
    """Read and drop what the client still sends, within bounds, so that it can read the answer."""

    async def drop() -> None:
        size = 0
        while size < _DRAIN_BYTES:
            message = await request.receive()
            size += len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return

    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(drop(), _DRAIN_SECONDS)


async def _collect(request: Request, body: bytearray, limit: int) -> None:
    """Append the request's chunks to `body`, stopping after the one that passes the limit."""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return


def _too_large(limit: int, got: str) -> RequestError:
    return RequestError.about(
        413,
        "request body",
        expected=f"at most {limit} bytes",
        got=got,
        fix="send a smaller image or fewer rows, or start the server with a larger --max-body-mb",
    )
