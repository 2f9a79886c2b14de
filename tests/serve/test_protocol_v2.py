import base64
import json
import struct

import numpy as np
import pytest

from taeda_serve.errors import RequestError
from taeda_serve.manifest import Architecture, Manifest, TensorSpec, TransformStep
from taeda_serve.protocol_v2 import encode_answer, parse_infer

NUMBERS = Manifest(
    name="n",
    version="1",
    architecture=Architecture("m:A"),
    preprocessing=(),
    inputs=(TensorSpec("x", "FP32", (-1, 2)), TensorSpec("k", "INT8", (-1, 1))),
    outputs=(TensorSpec("y", "FP32", (-1, 2)),),
)
IMAGES = Manifest(
    name="i",
    version="1",
    architecture=Architecture("m:A"),
    preprocessing=(TransformStep("ToTensor"),),
    inputs=(TensorSpec("image", "FP32", (-1, 3, 2, 2)),),
    outputs=(TensorSpec("probabilities", "FP32", (-1, 2)),),
)
X = {"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2.5, 3, 4]}
K = {"name": "k", "shape": [2, 1], "datatype": "INT8", "data": [[7], [-8]]}
IMAGE = {
    "name": "image",
    "shape": [2],
    "datatype": "BYTES",
    "data": [base64.b64encode(b"one").decode(), "dHdv"],
}


def parse(request: object, manifest: Manifest = NUMBERS, raw: bytes = b"", length: str | None = None):
    body = json.dumps(request).encode()
    header = str(len(body)) if raw and length is None else length
    return parse_infer(body + raw, header, manifest, manifest is IMAGES)


def test_flat_and_nested_json():
    work = parse({"inputs": [K, X], "id": "42"}).work
    assert {name: (array.tolist(), str(array.dtype)) for name, array in work.tensors.items()} == {
        "x": ([[1.0, 2.5], [3.0, 4.0]], "float32"),
        "k": ([[7], [-8]], "int8"),
    }
    assert work.rows == 2


def test_raw_tensors_behind_the_json():
    x = np.array([[1, 2], [3, 4]], "<f4")
    k = np.array([[5], [6]], "i1")
    inputs = [
        {"name": "x", "shape": [2, 2], "datatype": "FP32", "parameters": {"binary_data_size": 16}},
        {"name": "k", "shape": [2, 1], "datatype": "INT8", "parameters": {"binary_data_size": 2}},
    ]
    work = parse({"inputs": inputs}, raw=x.tobytes() + k.tobytes()).work
    np.testing.assert_array_equal(work.tensors["x"], x)
    np.testing.assert_array_equal(work.tensors["k"], k)


def test_images_in_base64_and_raw():
    assert parse({"inputs": [IMAGE]}, IMAGES).work.images == (b"one", b"two")
    nested = {**IMAGE, "shape": [2, 1], "data": [[text] for text in IMAGE["data"]]}
    assert parse({"inputs": [nested]}, IMAGES).work.images == (b"one", b"two")
    raw = struct.pack("<I", 3) + b"one" + struct.pack("<I", 2) + b"xy"
    entry = {"name": "image", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(raw)}}
    assert parse({"inputs": [entry]}, IMAGES, raw).work.images == (b"one", b"xy")


def test_a_model_on_images_takes_preprocessed_tensors_too():
    entry = {"name": "image", "shape": [1, 3, 2, 2], "datatype": "FP32", "data": list(range(12))}
    assert parse({"inputs": [entry]}, IMAGES).work.tensors["image"].shape == (1, 3, 2, 2)


def test_the_answer_in_json():
    request = parse({"inputs": [X, K], "id": "42"})
    body, length = encode_answer({"y": np.array([[1, 2], [0.5, 4]], "<f4")}, request, NUMBERS, None)
    assert length is None
    assert json.loads(body) == {
        "model_name": "n",
        "model_version": "1",
        "id": "42",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 2], "data": [1.0, 2.0, 0.5, 4.0]}],
    }


def test_the_answer_in_raw_tensors():
    request = parse({"inputs": [IMAGE], "parameters": {"binary_data_output": True}}, IMAGES)
    scores = np.array([[0.25, 0.75], [1, 0]], "<f4")
    body, length = encode_answer({"probabilities": scores}, request, IMAGES, ["no", "yes!"])
    entries = json.loads(body[:length])["outputs"]
    assert [entry["parameters"]["binary_data_size"] for entry in entries] == [16, 14]
    assert body[length:] == scores.tobytes() + b"\x04\x00\x00\x00yes!\x02\x00\x00\x00no"


def test_only_the_outputs_that_were_asked_for():
    request = parse({"inputs": [IMAGE], "outputs": [{"name": "label"}]}, IMAGES)
    body, _ = encode_answer(
        {"probabilities": np.array([[0.25, 0.75]], "<f4")}, request, IMAGES, ["no", "yes"]
    )
    assert json.loads(body)["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [1], "data": ["yes"]}
    ]


def test_nan_cannot_be_said_in_json():
    request = parse({"inputs": [X, K]})
    with pytest.raises(
        RequestError, match="outputs: expected finite numbers, got NaN or infinity from the model"
    ):
        encode_answer({"y": np.array([[np.nan]], "<f4")}, request, NUMBERS, None)


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        ([1], 400, "request body: expected a JSON object with 'inputs', got list"),
        ({}, 400, "inputs: expected a list of tensors, got nothing"),
        ({"inputs": [3]}, 400, r"inputs\[0\]: expected an object with name"),
        ({"inputs": [{**X, "name": 3}, K]}, 400, r"inputs\[0\]\.name: expected a string"),
        (
            {"inputs": [{**X, "datatype": "FLOAT"}, K]},
            400,
            "datatype: expected one of BOOL, .*, BYTES, got 'FLOAT'",
        ),
        (
            {"inputs": [{**X, "shape": [2, -1]}, K]},
            400,
            r"input 'x'\.shape: expected integers >= 0, got \[2, -1\]",
        ),
        ({"inputs": [{**X, "shape": [2, True]}, K]}, 400, "expected integers >= 0"),
        ({"inputs": [{**X, "shape": [2, 3]}, K]}, 400, r"expected 6 elements for shape \[2, 3\], got 4"),
        ({"inputs": [{**X, "data": [[1, 2], [3]]}, K]}, 400, "expected numbers, flat or nested evenly"),
        (
            {"inputs": [{**X, "data": ["a"] * 4}, K]},
            400,
            "expected values of datatype FP32, .* like 'a'|like \\['a'\\]",
        ),
        ({"inputs": [{**X, "data": [None] * 4}, K]}, 400, "expected values of datatype FP32"),
        ({"inputs": [{**X, "data": {}}, K]}, 400, r"input 'x'\.data: expected a list, got dict"),
        ({"inputs": [X, {**K, "data": [1, 300]}]}, 400, "input 'k'.data: expected values of datatype INT8"),
        ({"inputs": [X, {**K, "data": [1, 2.5]}]}, 400, "expected values of datatype INT8"),
        ({"inputs": [X]}, 400, r"expected exactly \['x', 'k'\], got \['x'\]"),
        ({"inputs": [X, X, K]}, 400, "expected distinct names"),
        ({"inputs": [X, {**K, "shape": [1, 1], "data": [1]}]}, 422, "expected the same batch size"),
        ({"inputs": [X, {**K, "datatype": "INT16"}]}, 422, "input 'k': expected datatype INT8, got int16"),
        ({"inputs": [{**X, "shape": [4]}, K]}, 422, r"input 'x': expected shape \[-1, 2\] .*, got \[4\]"),
        (
            {"inputs": [X, K], "outputs": [{"name": "z"}]},
            400,
            r"outputs\[0\]\.name: expected one of \['y'\], got 'z'",
        ),
        ({"inputs": [X, K], "id": 3}, 400, "id: expected a string, got int 3"),
        ({"inputs": [{**IMAGE, "name": "x"}]}, 422, "got BYTES with 2 elements"),
    ],
)
def test_wrong_requests(request_, status, text):
    with pytest.raises(RequestError, match=text) as caught:
        parse(request_)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("entry", "status", "text"),
    [
        ({**IMAGE, "data": ["not base64!", ""]}, 400, r"data\[0\]: expected base64 of an encoded image"),
        ({**IMAGE, "data": [3, ""]}, 400, r"data\[0\]: expected a base64 string, got int 3"),
        ({**IMAGE, "shape": [3]}, 400, r"expected 3 elements for shape \[3\], got 2"),
        ({**IMAGE, "name": "x"}, 422, "expected one of .*'BYTES', 'shape'"),
        ({**IMAGE, "shape": [0], "data": []}, 422, "got BYTES with 0 elements"),
    ],
)
def test_wrong_images(entry, status, text):
    with pytest.raises(RequestError, match=text) as caught:
        parse({"inputs": [entry]}, IMAGES)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("size", "raw", "length", "text"),
    [
        (16, b"1234", None, "expected at most the 4 bytes that are left, got 16"),
        (4, b"1234", None, r"expected 4 elements for shape \[2, 2\], got 1"),
        (16, bytes(17), None, "raw tensors: expected no bytes after the last"),
        ("16", bytes(16), None, "got '16'"),
        (16, bytes(16), "9999", "Inference-Header-Content-Length: expected the length of the JSON part"),
        (16, bytes(16), "²", "Inference-Header-Content-Length: expected"),
        (16, bytes(16), "9" * 5000, "Inference-Header-Content-Length: expected"),
        (16, bytes(16), "x", "got 'x'; set it to the number of bytes before the first raw tensor"),
    ],
)
def test_wrong_raw_tensors(size, raw, length, text):
    entry = {"name": "x", "shape": [2, 2], "datatype": "FP32", "parameters": {"binary_data_size": size}}
    with pytest.raises(RequestError, match=text):
        parse({"inputs": [entry]}, NUMBERS, raw, length)


@pytest.mark.parametrize("raw", [b"\x05\x00\x00\x00abc", b"\x01\x00", b"\xff\xff\xff\xff"])
def test_raw_bytes_elements_with_wrong_lengths(raw):
    entry = {"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(raw)}}
    with pytest.raises(RequestError, match="expected elements with 4-byte little-endian lengths"):
        parse({"inputs": [entry]}, IMAGES, raw)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"inputs": [NaN]}', b"\xff", b"[" * 100_000, b'{"inputs": [Infinity]}']
)
def test_bodies_that_are_no_json(body):
    with pytest.raises(
        RequestError, match=r"request body: expected JSON, got .*; send valid UTF-8 JSON"
    ) as caught:
        parse_infer(body, None, NUMBERS, False)
    assert caught.value.status == 400
