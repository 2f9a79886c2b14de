"""A small client on the standard library alone."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taeda_serve.errors import RequestError
from taeda_serve.protocol_v2 import HEADER, decode_bytes_elements
from taeda_serve.signature import NUMPY_DTYPES, datatype_of

__all__ = ["Client"]


class Client:
    """Asks a server; keeps one connection per thread.

    Args:
        url: of the server, for example `http://127.0.0.1:8080`.
        token: for managing models.
        timeout: seconds to wait for an answer.

    Every method raises `RequestError` with the server's status and text where the server refuses, `OSError`
    where it cannot be reached.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8080", token: str | None = None, timeout: float = 60.0
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"Client: expected an http:// or https:// URL, got {url!r}; for example http://127.0.0.1:8080"
            )
        self._parts = parts
        self._token = token
        self._timeout = timeout
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def ready(self, model: str | None = None) -> bool:
        """Whether a model, or every model, can answer."""
        path = "/v2/health/ready" if model is None else f"/v2/models/{_quote(model)}/ready"
        try:
            self._request("GET", path)
        except RequestError as error:
            if error.status == 503:
                return False
            raise
        return True

    def models(self) -> list[str]:
        """Names of the served models."""
        return [entry["modelName"] for entry in self._json("GET", "/models")["models"]]

    def metadata(self, model: str) -> dict[str, Any]:
        """Inputs, outputs and versions of a model."""
        metadata: dict[str, Any] = self._json("GET", f"/v2/models/{_quote(model)}")
        return metadata

    def predict(
        self, image: bytes | str | Path, model: str | None = None, *, version: str | None = None, top: int = 5
    ) -> dict[str, float]:
        """Classify an encoded image.

        Args:
            image: the encoded bytes, or the path of the file.
            model: name of the model; may be left out where only one is served.
            version: of the model; the newest if left out.
            top: how many classes to return.

        Returns:
            label to probability, most probable first.
        """
        data = image if isinstance(image, bytes) else Path(image).read_bytes()
        path = f"/predictions/{_quote(model or self._only_model())}"
        path += f"/{_quote(version)}" if version else ""
        answer = self._json("POST", f"{path}?top={top}", data, {"Content-Type": "application/octet-stream"})
        return dict(sorted(answer.items(), key=lambda item: -item[1]))

    def infer(
        self, model: str, inputs: Mapping[str, NDArray[Any]], *, version: str | None = None
    ) -> dict[str, NDArray[Any]]:
        """Run a model on tensors, batch first, over the binary tensor extension.

        Returns:
            the outputs by name; text outputs as arrays of `str`.
        """
        tensors, raw = [], []
        for name, array in inputs.items():
            raw.append(np.ascontiguousarray(array).tobytes())
            tensors.append(
                {
                    "name": name,
                    "shape": list(array.shape),
                    "datatype": datatype_of(array.dtype),
                    "parameters": {"binary_data_size": len(raw[-1])},
                }
            )
        head = json.dumps({"inputs": tensors, "parameters": {"binary_data_output": True}}).encode()
        path = f"/v2/models/{_quote(model)}" + (f"/versions/{_quote(version)}" if version else "") + "/infer"
        headers = {"Content-Type": "application/octet-stream", HEADER: str(len(head))}
        body, answer_headers = self._request("POST", path, head + b"".join(raw), headers)
        return _read_outputs(body, int(answer_headers[HEADER]))

    def register(self, url: str) -> str:
        """Serve another archive of the server's model store; needs the token."""
        return str(self._json("POST", f"/models?url={_quote(url)}")["status"])

    def unregister(self, model: str, version: str | None = None) -> str:
        """Stop serving a model, or one version of it; needs the token."""
        path = f"/models/{_quote(model)}" + (f"/{_quote(version)}" if version else "")
        return str(self._json("DELETE", path)["status"])

    def metrics(self) -> str:
        """Counters in Prometheus' text format."""
        return self._request("GET", "/metrics")[0].decode()

    def close(self) -> None:
        """Close the connections of all threads; a later request opens its own again."""
        for connection in self._connections:
            connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _only_model(self) -> str:
        models = self.models()
        if len(models) != 1:
            raise ValueError(f"predict: expected the name of a model, got none; the server has {models}")
        return models[0]

    def _json(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        return json.loads(self._request(method, path, body, headers)[0])

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[bytes, http.client.HTTPMessage]:
        headers = dict(headers or {})
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        response, data = self._exchange(method, self._parts.path.rstrip("/") + path, body, headers)
        if response.status >= 400:
            try:
                message = str(json.loads(data)["error"])
            except (ValueError, KeyError, TypeError):
                message = data[:200].decode(errors="replace") or response.reason
            raise RequestError(response.status, message)
        return data, response.headers

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        reused = connection is not None and connection.sock is not None
        if connection is None:
            kind = (
                http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
            )
            assert self._parts.hostname is not None
            connection = kind(self._parts.hostname, self._parts.port, timeout=self._timeout)
            self._local.connection = connection
            self._connections.append(connection)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response, response.read()
        except (http.client.RemoteDisconnected, ConnectionError):
            connection.close()
            if not reused:  # an idle connection may have been closed meanwhile: a fresh one gets one try
                raise
            return self._exchange(method, path, body, headers)
        except BaseException:
            connection.close()
            raise


def _read_outputs(body: bytes, head_length: int) -> dict[str, NDArray[Any]]:
    outputs: dict[str, NDArray[Any]] = {}
    at = head_length
    for entry in json.loads(body[:head_length])["outputs"]:
        size = entry["parameters"]["binary_data_size"]
        data = body[at : at + size]
        at += size
        if entry["datatype"] == "BYTES":
            values = [text.decode() for text in decode_bytes_elements(data, entry["name"])]
            outputs[entry["name"]] = np.array(values).reshape(entry["shape"])
        else:
            outputs[entry["name"]] = (
                np.frombuffer(data, NUMPY_DTYPES[entry["datatype"]]).reshape(entry["shape"]).copy()
            )
    return outputs


def _quote(text: str) -> str:
    return urllib.parse.quote(text, safe="")
