"""Bad requests: each gets its status and a text: what was passed, what was expected, how to fix it."""

import json
import socket
import urllib.parse

import pytest

from .conftest import TOKEN, encode
from .test_http import ask
from .test_images import png_of_declared_size

IMAGE, INFER = "/predictions/colour", "/v2/models/double/infer"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def infer_body(**changes: object) -> str:
    return json.dumps(
        {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1], **changes}]}
    )


CATALOGUE = [
    (
        "GET",
        "/nothing",
        None,
        {},
        404,
        "path: expected a route of this server, got '/nothing'; see GET /docs",
    ),
    ("GET", IMAGE, None, {}, 405, "method: expected POST, PUT for /predictions/colour, got GET"),
    (
        "POST",
        "/predictions/cat",
        b"",
        {},
        404,
        "model: expected one of ['colour', 'double', 'two'], got 'cat'; see GET",
    ),
    (
        "POST",
        f"{IMAGE}/7",
        b"",
        {},
        404,
        "version of model 'colour': expected one of ['1'], got '7'; leave the version",
    ),
    ("POST", IMAGE, b"", {}, 415, "got an empty body; send the file's bytes as is"),
    ("POST", IMAGE, b"plain words", {}, 415, "got 11 bytes that start with b'plain words'"),
    (
        "POST",
        IMAGE,
        b"{}",
        {"Content-Type": "application/json"},
        415,
        "got 'application/json'; send the image's bytes",
    ),
    (
        "POST",
        IMAGE,
        b"x",
        {"Content-Type": "text/html; charset=utf-8"},
        415,
        "expected image/*, application/octet-stream",
    ),
    (
        "POST",
        IMAGE,
        encode()[:50],
        {},
        422,
        "expected a complete image file, got 50 bytes that fail to decode",
    ),
    ("POST", IMAGE, png_of_declared_size(9_000, 9_000), {}, 413, "at most 40000000 pixels, got 9000 x 9000"),
    (
        "POST",
        IMAGE,
        bytes(2**20 + 1),
        {},
        413,
        "request body: expected at most 1048576 bytes, got Content-Length: 1048577",
    ),
    ("POST", f"{IMAGE}?top=0", b"", {}, 400, "top: expected 1 to 1000, got '0'; for example ?top=5"),
    ("POST", f"{IMAGE}?top=many", b"", {}, 400, "got 'many'"),
    (
        "POST",
        IMAGE,
        b"--x",
        {"Content-Type": "multipart/form-data"},
        400,
        "multipart body: expected a form with one file",
    ),
    (
        "POST",
        IMAGE,
        b'--c\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--c--\r\n',
        {"Content-Type": "multipart/form-data; boundary=c"},
        400,
        "multipart body: expected a part with a file name, got the fields ['a']; send the image as a file",
    ),
    ("POST", INFER, b"{", {}, 400, "request body: expected JSON, got 1 bytes that fail"),
    ("POST", INFER, b"[]", {}, 400, "request body: expected a JSON object with 'inputs', got list"),
    (
        "POST",
        INFER,
        infer_body(name="y"),
        {},
        400,
        "expected exactly ['x'], got ['y']; name every input once",
    ),
    ("POST", INFER, infer_body(datatype="FP64"), {}, 422, "input 'x': expected datatype FP32, got float64"),
    ("POST", INFER, infer_body(shape=[1]), {}, 422, "input 'x': expected shape [-1, -1]"),
    ("POST", INFER, infer_body(data=["a"]), {}, 400, "expected values of datatype FP32"),
    ("POST", INFER, infer_body(data=[444]), {}, 500, "the model raised ValueError: 444 is not welcome"),
    ("POST", INFER, infer_body(data=[333]), {}, 422, "outputs: expected finite numbers, got NaN or infinity"),
    (
        "POST",
        INFER,
        infer_body(shape=[300, 1], data=[1] * 300),
        {},
        413,
        "request: expected at most 256 rows, got 300",
    ),
    (
        "POST",
        INFER,
        encode(),
        {"Content-Type": "image/png"},
        415,
        "POST raw image bytes to /predictions/double instead",
    ),
    (
        "POST",
        INFER,
        b"{}",
        {"Inference-Header-Content-Length": "9"},
        400,
        "expected the length of the JSON part, at most 2",
    ),
    (
        "POST",
        "/predictions/double",
        b"true",
        {},
        400,
        "expected a JSON object with ['x'], or a list for a single input",
    ),
    ("POST", "/predictions/double", b'["a"]', {}, 422, "input 'x': expected numbers (float32)"),
    ("POST", "/predictions/double", b"[[1], [2, 3]]", {}, 422, "input 'x': expected numbers (float32)"),
    ("POST", "/predictions/double", b"[333]", {}, 422, "outputs: expected finite numbers"),
    ("POST", "/predictions/two", b"[1]", {}, 400, "expected a JSON object with ['ids', 'mask']"),
    (
        "POST",
        "/models?url=colour.taeda",
        b"",
        {},
        401,
        "management: expected the header 'Authorization: Bearer TOKEN'",
    ),
    (
        "POST",
        "/models?url=colour.taeda",
        b"",
        {"Authorization": "Bearer x"},
        401,
        "got another token; pass the token",
    ),
    ("DELETE", "/models/colour", None, {}, 401, "got none; pass the token that --management-token set"),
    ("DELETE", "/models/cat", None, BEARER, 404, "got 'cat'"),
    (
        "POST",
        "/models?url=none.taeda",
        b"",
        BEARER,
        404,
        "url: expected an archive in the model store, got 'none.taeda'",
    ),
    (
        "POST",
        "/models?url=../x.taeda",
        b"",
        BEARER,
        400,
        "url: expected the path of an archive inside the model store",
    ),
    (
        "POST",
        "/models?url=/etc/passwd",
        b"",
        BEARER,
        400,
        "got '/etc/passwd'; pass it relative to the --model-store",
    ),
    ("POST", "/models", b"", BEARER, 400, "url: expected the path"),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "text"), CATALOGUE)
def test_the_catalogue(server, method, path, body, headers, status, text):
    got_status, got_headers, answer = ask(server, method, path, body, headers)
    assert got_status == status
    assert got_headers["content-type"] == "application/json"
    error = json.loads(answer)
    assert list(error) == ["error"]
    assert text in error["error"]
    assert ask(server, "POST", f"{IMAGE}?top=1", encode())[0] == 200, "the server lives on"


def test_a_damaged_archive_is_not_registered(server, store):
    (store / "damaged.taeda").write_bytes((store / "double.taeda").read_bytes()[:-40])
    status, _, body = ask(server, "POST", "/models?url=damaged.taeda", b"", BEARER)
    assert status == 422
    assert "expected a complete .taeda archive" in json.loads(body)["error"]


def raw(server, data: bytes) -> bytes:
    parts = urllib.parse.urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(data)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
            if b"}" in answer:
                break
    return answer


def test_a_chunked_body_that_grows_past_the_limit(server):
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    head = f"POST {IMAGE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    answer = raw(server, head + 20 * chunk + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"expected at most 1048576 bytes, got more" in answer


def test_a_large_body_is_refused_before_it_is_sent(server):
    head = f"POST {IMAGE} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n"
    answer = raw(server, head.encode()).decode()
    assert answer.startswith("HTTP/1.1 413")
    assert "request body: expected at most" in answer
    assert "got Content-Length: 99999999999; send a smaller image" in answer


def test_a_client_that_goes_away(server):
    parts = urllib.parse.urlsplit(server.url)
    for _ in range(5):
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            connection.sendall(
                f"POST {IMAGE} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc".encode()
            )
    assert ask(server, "POST", f"{IMAGE}?top=1", encode())[0] == 200


def test_bytes_that_are_no_http(server):
    assert raw(server, b"\x16\x03\x01\x02\x00\x01 hello\r\n\r\n}").startswith(b"HTTP/1.1 400")
    assert ask(server, "GET", "/ping")[0] == 200
