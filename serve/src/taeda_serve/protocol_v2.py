"""Requests and answers of the Open Inference Protocol v2: JSON, and its binary tensor extension.

https://github.com/kserve/open-inference-protocol
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taeda_serve.errors import RequestError
from taeda_serve.manifest import Json, Manifest
from taeda_serve.signature import NUMPY_DTYPES, check_tensors, datatype_of
from taeda_serve.work import Work

__all__ = ["HEADER", "InferRequest", "decode_bytes_elements", "encode_answer", "parse_infer", "parse_json"]

HEADER = "Inference-Header-Content-Length"
"""HTTP header that says how many bytes of the body are JSON; raw tensors follow."""


@dataclass(frozen=True)
class InferRequest:
    """A checked infer request: what to run, and which outputs to send back in which form."""

    work: Work
    id: str | None
    binary: dict[str, bool]


def parse_json(body: bytes, where: str) -> Json:
    """Read JSON strictly: UTF-8, no NaN or Infinity.

    Raises:
        RequestError: 400.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError.about(
            400,
            where,
            expected="JSON",
            got=f"{len(body)} bytes that fail with '{type(error).__name__}: {error}'"[:200],
            fix="send valid UTF-8 JSON without NaN or Infinity",
        ) from None


def parse_infer(body: bytes, header_length: str | None, manifest: Manifest, labelled: bool) -> InferRequest:
    """Read and check the body of an infer request.

    Args:
        body: the whole body.
        header_length: value of the `Inference-Header-Content-Length` header, if there is one.
        manifest: of the model that is asked.
        labelled: whether the model has labels, and with them the output `label`.

    Raises:
        RequestError: 400 for what the protocol does not allow, 422 for tensors that do not fit the model.
    """
    raw = b""
    if header_length is not None:
        if not re.fullmatch("[0-9]{1,15}", header_length) or int(header_length) > len(body):
            raise RequestError.about(
                400,
                HEADER,
                expected=f"the length of the JSON part, at most {len(body)}",
                got=repr(header_length[:40]),
                fix="set it to the number of bytes before the first raw tensor",
            )
        body, raw = body[: int(header_length)], body[int(header_length) :]
    request = parse_json(body, "request body")
    _expect(request, dict, "request body", "a JSON object with 'inputs'")
    inputs = _expect(request.get("inputs"), list, "inputs", "a list of tensors")
    parser = _Tensors(raw)
    tensors = [parser.read(value, f"inputs[{index}]") for index, value in enumerate(inputs)]
    if parser.left:
        raise RequestError.about(
            400,
            "raw tensors",
            expected="no bytes after the last",
            got=str(parser.left),
            fix="check binary_data_size",
        )
    identity = request.get("id")
    if identity is not None:
        _expect(identity, str, "id", "a string")
    return InferRequest(
        _to_work(tensors, manifest), identity, _requested_outputs(request, manifest, labelled)
    )


def encode_answer(
    outputs: dict[str, NDArray[Any]], request: InferRequest, manifest: Manifest, labels: Sequence[str] | None
) -> tuple[bytes, int | None]:
    """Write the answer to an infer request.

    Returns:
        the body, and the length of its JSON part if raw tensors follow.

    Raises:
        RequestError: 422 if the model answered NaN or infinity, which JSON cannot hold.
    """
    entries: list[dict[str, Json]] = []
    raw: list[bytes] = []
    for name, binary in request.binary.items():
        array = _label_array(outputs, manifest, labels) if name == "label" and labels else outputs[name]
        texts = array.dtype.kind == "U"
        entry: dict[str, Json] = {
            "name": name,
            "datatype": "BYTES" if texts else datatype_of(array.dtype),
            "shape": list(array.shape),
        }
        if binary:
            data = _encode_texts(array) if texts else np.ascontiguousarray(array).tobytes()
            entry["parameters"] = {"binary_data_size": len(data)}
            raw.append(data)
        else:
            entry["data"] = array.reshape(-1).tolist()
        entries.append(entry)
    answer: dict[str, Json] = {
        "model_name": manifest.name,
        "model_version": manifest.version,
        "outputs": entries,
    }
    if request.id is not None:
        answer["id"] = request.id
    try:
        head = json.dumps(answer, allow_nan=False).encode()
    except ValueError:
        raise RequestError.about(
            422,
            "outputs",
            expected="finite numbers",
            got="NaN or infinity from the model",
            fix="check the input's values, or ask for the output with binary_data",
        ) from None
    return (head + b"".join(raw), len(head)) if raw else (head, None)


def decode_bytes_elements(data: bytes, where: str) -> list[bytes]:
    """Split a raw BYTES tensor: every element has its length, 4 bytes little endian, in front.

    >>> decode_bytes_elements(b"\\x02\\x00\\x00\\x00hi", "x")
    [b'hi']
    """
    elements, at = [], 0
    while at < len(data):
        if at + 4 > len(data):
            break
        (size,) = struct.unpack_from("<I", data, at)
        if at + 4 + size > len(data):
            break
        elements.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    if at != len(data):
        raise RequestError.about(
            400,
            where,
            expected="elements with 4-byte little-endian lengths in front",
            got=f"{len(data) - at} bytes left over",
            fix="check the lengths",
        )
    return elements


class _Tensors:
    """Reads input tensors, taking raw ones off the bytes behind the JSON."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._raw) - self._at

    def read(self, value: Json, where: str) -> tuple[str, NDArray[Any] | list[bytes]]:
        _expect(value, dict, where, "an object with name, shape, datatype and data")
        name = _expect(value.get("name"), str, f"{where}.name", "a string")
        where = f"input {name!r}"
        datatype = _expect(value.get("datatype"), str, f"{where}.datatype", "a string")
        shape = _expect(value.get("shape"), list, f"{where}.shape", "a list of integers")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise RequestError.about(
                400,
                f"{where}.shape",
                expected="integers >= 0",
                got=repr(shape)[:80],
                fix="send the true shape",
            )
        if datatype != "BYTES" and datatype not in NUMPY_DTYPES:
            known = ", ".join([*NUMPY_DTYPES, "BYTES"])
            raise RequestError.about(
                400,
                f"{where}.datatype",
                expected=f"one of {known}",
                got=repr(datatype)[:40],
                fix="choose one of them",
            )
        raw_size = (value.get("parameters") or {}).get("binary_data_size")
        if raw_size is not None:
            return name, self._from_raw(raw_size, datatype, shape, where)
        data = value.get("data")
        _expect(data, list, f"{where}.data", "a list")
        return name, _images(data, shape, where) if datatype == "BYTES" else _numbers(
            data, datatype, shape, where
        )

    def _from_raw(
        self, size: Json, datatype: str, shape: list[int], where: str
    ) -> NDArray[Any] | list[bytes]:
        if type(size) is not int or not 0 <= size <= self.left:
            raise RequestError.about(
                400,
                f"{where}.parameters.binary_data_size",
                expected=f"at most the {self.left} bytes that are left",
                got=repr(size)[:40],
                fix=f"send the raw tensor behind the JSON and set the {HEADER} header",
            )
        data = self._raw[self._at : self._at + size]
        self._at += size
        if datatype == "BYTES":
            elements = decode_bytes_elements(data, where)
            _check_count(len(elements), shape, where)
            return elements
        dtype = NUMPY_DTYPES[datatype]
        _check_count(size / dtype.itemsize, shape, where)
        return np.frombuffer(data, dtype).reshape(shape)


def _numbers(data: list[Json], datatype: str, shape: list[int], where: str) -> NDArray[Any]:
    kinds = {"BOOL": "b", "U": "iu", "I": "iu", "F": "iuf"}
    dtype = NUMPY_DTYPES[datatype]
    try:
        values = np.array(data)
    except (ValueError, OverflowError) as error:
        raise RequestError.about(
            400,
            f"{where}.data",
            expected="numbers, flat or nested evenly",
            got=str(error)[:80],
            fix="check the rows",
        ) from None
    if not values.size:
        values = values.astype(dtype)
    allowed = kinds.get(datatype, kinds[datatype[0]])
    with np.errstate(over="ignore", invalid="ignore"):
        cast = values.astype(dtype) if values.dtype.kind in allowed + dtype.kind else None
    if cast is None or (dtype.kind in "iu" and not np.array_equal(cast, values)):
        raise RequestError.about(
            400,
            f"{where}.data",
            expected=f"values of datatype {datatype}",
            got=f"values that NumPy reads as {values.dtype}, like {values.reshape(-1)[:1].tolist()!r:.40}",
            fix="send matching values or another datatype",
        )
    _check_count(cast.size, shape, where)
    return cast.reshape(shape)


def _images(data: list[Json], shape: list[int], where: str) -> list[bytes]:
    while data and isinstance(data[0], list):
        data = [item for row in data for item in (row if isinstance(row, list) else [row])]
    _check_count(len(data), shape, where)
    images = []
    for index, text in enumerate(data):
        _expect(text, str, f"{where}.data[{index}]", "a base64 string")
        try:
            images.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError) as error:
            raise RequestError.about(
                400,
                f"{where}.data[{index}]",
                expected="base64 of an encoded image",
                got=f"text that fails with '{error}'",
                fix="encode the file's bytes with base64, without a data: prefix or line breaks",
            ) from None
    return images


def _to_work(tensors: list[tuple[str, Any]], manifest: Manifest) -> Work:
    names = [name for name, _ in tensors]
    if len(set(names)) != len(names):
        raise RequestError.about(
            400, "inputs", expected="distinct names", got=str(names)[:80], fix="send each once"
        )
    if len(tensors) == 1 and isinstance(tensors[0][1], list):
        name, images = tensors[0]
        if manifest.takes_images and name == manifest.inputs[0].name and images:
            return Work(images=tuple(images))
    for name, value in tensors:
        if isinstance(value, list):
            accepted = [spec.to_json() for spec in manifest.inputs]
            if manifest.takes_images:
                accepted.insert(0, {"name": manifest.inputs[0].name, "datatype": "BYTES", "shape": [-1]})
            raise RequestError.about(
                422,
                f"input {name!r}",
                expected=f"one of {accepted}",
                got=f"BYTES with {len(value)} elements",
                fix="see GET /v2/models/" + manifest.name,
            )
    return Work(tensors=check_tensors(dict(tensors), manifest))


def _requested_outputs(request: dict[str, Json], manifest: Manifest, labelled: bool) -> dict[str, bool]:
    known = [spec.name for spec in manifest.outputs] + (["label"] if labelled else [])
    binary_all = (request.get("parameters") or {}).get("binary_data_output", False) is True
    wanted = request.get("outputs")
    if wanted is None:
        return dict.fromkeys(known, binary_all)
    _expect(wanted, list, "outputs", "a list of objects with a name")
    chosen: dict[str, bool] = {}
    for index, value in enumerate(wanted):
        _expect(value, dict, f"outputs[{index}]", "an object with a name")
        name = value.get("name")
        if name not in known:
            raise RequestError.about(
                400,
                f"outputs[{index}].name",
                expected=f"one of {known}",
                got=repr(name)[:60],
                fix="choose one of them",
            )
        chosen[name] = (value.get("parameters") or {}).get("binary_data", binary_all) is True
    return chosen


def _label_array(
    outputs: dict[str, NDArray[Any]], manifest: Manifest, labels: Sequence[str] | None
) -> NDArray[Any]:
    assert labels is not None
    best = outputs[manifest.outputs[0].name].argmax(axis=-1)
    names: NDArray[Any] = np.array(labels)[best]
    return names


def _encode_texts(array: NDArray[Any]) -> bytes:
    encoded = [text.encode() for text in array.reshape(-1).tolist()]
    return b"".join(struct.pack("<I", len(text)) + text for text in encoded)


def _check_count(count: float, shape: list[int], where: str) -> None:
    if count != math.prod(shape):
        raise RequestError.about(
            400,
            f"{where}.data",
            expected=f"{math.prod(shape)} elements for shape {shape}",
            got=f"{count:g}",
            fix="correct the shape or the data",
        )


def _expect(value: Json, kind: type, where: str, expected: str) -> Any:
    if not isinstance(value, kind):
        got = "nothing" if value is None else f"{type(value).__name__} {value!r:.60}"
        raise RequestError.about(400, where, expected=expected, got=got, fix="see GET /docs")
    return value


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
