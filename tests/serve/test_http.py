"""The routes, asked through a real server."""

import base64
import http.client
import json
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import taeda_serve

from .conftest import BLUE, GREEN, RED, TOKEN, TRUST, encode, package_double


def ask(server, method, path, body=None, headers=None):
    """One request on a connection of its own: (status, headers, body)."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def get_json(server, path):
    status, headers, body = ask(server, "GET", path)
    assert (status, headers["content-type"]) == (200, "application/json")
    return json.loads(body)


def test_health_routes(server):
    assert get_json(server, "/v2/health/live") == {"live": True}
    assert get_json(server, "/v2/health/ready") == {"ready": True}
    assert get_json(server, "/v2/models/colour/ready") == {"name": "colour", "ready": True}
    assert get_json(server, "/v2/models/two/versions/3/ready") == {"name": "two", "ready": True}
    assert get_json(server, "/ping") == {"status": "Healthy"}


def test_server_metadata(server):
    metadata = get_json(server, "/v2")
    assert metadata == {
        "name": "taeda-serve",
        "version": taeda_serve.__version__,
        "extensions": ["binary_tensor_data"],
    }


def test_model_metadata(server):
    metadata = get_json(server, "/v2/models/two")
    assert metadata["inputs"] == [
        {"name": "ids", "datatype": "INT64", "shape": [-1, -1]},
        {"name": "mask", "datatype": "BOOL", "shape": [-1, -1]},
    ]
    assert [spec["name"] for spec in metadata["outputs"]] == ["sum", "count"]
    assert (metadata["versions"], metadata["platform"]) == (["3"], "taeda")
    colour = get_json(server, "/v2/models/colour/versions/1")
    assert (colour["inputs"][0]["datatype"], colour["outputs"][-1]["name"]) == ("BYTES", "label")


@pytest.mark.parametrize("path", ["/predictions/colour", "/predictions/colour/1"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "kind", ["image/png", "application/octet-stream", "application/x-www-form-urlencoded", None]
)
def test_predictions_equal_those_in_this_process(server, store, path, method, kind):
    image = encode((250, 120, 30))
    status, _, body = ask(server, method, path, image, {"Content-Type": kind} if kind else {})
    expected = taeda_serve.load_archive(store / "colour.taeda", TRUST).predict(image)
    assert status == 200
    assert json.loads(body) == pytest.approx(expected, rel=1e-6)


def test_a_multipart_form(server):
    image = encode(BLUE, form="JPEG")
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
        b'--cut\r\nContent-Disposition: form-data; name="data"; filename="x.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + image + b"\r\n--cut--\r\n"
    )
    status, _, answer = ask(
        server,
        "POST",
        "/predictions/colour?top=1",
        body,
        {"Content-Type": "multipart/form-data; boundary=cut"},
    )
    assert (status, list(json.loads(answer))) == (200, ["blue"])


def test_a_chunked_body(server):
    image = encode(GREEN)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=30)
    connection.request(
        "POST", "/predictions/colour?top=1", iter([image[:20], image[20:]]), encode_chunked=True
    )
    assert list(json.loads(connection.getresponse().read())) == ["green"]
    connection.close()


def test_predictions_of_a_model_on_tensors(server):
    status, _, body = ask(server, "POST", "/predictions/double", b"[1, 2.5]")
    assert (status, json.loads(body)) == (200, {"output": [2.0, 5.0]})
    status, _, body = ask(server, "POST", "/predictions/two", b'{"ids": [4, 5], "mask": [true, false]}')
    assert (status, json.loads(body)) == (200, {"sum": [4.0], "count": [1.0]})


def test_infer_with_json(server):
    request = {"id": "a", "inputs": [{"name": "x", "shape": [2, 1], "datatype": "FP32", "data": [1, 2]}]}
    status, headers, body = ask(server, "POST", "/v2/models/double/infer", json.dumps(request))
    assert status == 200
    assert json.loads(body) == {
        "model_name": "double",
        "model_version": "1",
        "id": "a",
        "outputs": [{"name": "output", "datatype": "FP32", "shape": [2, 1], "data": [2.0, 4.0]}],
    }
    assert headers["server-timing"].startswith("queue;dur=")


def test_infer_with_images(server):
    data = [base64.b64encode(encode(colour)).decode() for colour in (GREEN, RED)]
    request = {"inputs": [{"name": "image", "shape": [2], "datatype": "BYTES", "data": data}]}
    _, _, body = ask(server, "POST", "/v2/models/colour/versions/1/infer", json.dumps(request))
    outputs = {output["name"]: output for output in json.loads(body)["outputs"]}
    assert outputs["label"]["data"] == ["green", "red"]
    assert outputs["probabilities"]["shape"] == [2, 3]


def test_the_client_speaks_the_binary_extension(client):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(client.infer("double", {"x": x})["output"], 2 * x)
    image = np.zeros((2, 3, 8, 8), np.float32)
    image[0, 1], image[1, 2] = 1, 1
    assert client.infer("colour", {"image": image})["label"].tolist() == ["green", "blue"]


def test_the_rest_of_the_client(client, tmp_path):
    assert client.models() == ["colour", "double", "two"]
    assert client.ready()
    assert client.ready("two")
    (tmp_path / "x.png").write_bytes(encode(RED))
    assert list(client.predict(tmp_path / "x.png", "colour", version="1", top=1)) == ["red"]
    with pytest.raises(
        ValueError, match=r"expected the name of a model, got none; the server has \['colour', 'double'"
    ):
        client.predict(b"")
    with pytest.raises(ValueError, match="Client: expected an http:// or https:// URL, got 'localhost:80'"):
        taeda_serve.Client("localhost:80")


def test_many_clients_at_once_get_their_own_answers(server):
    def one(number: int) -> bool:
        with server.client() as client:
            for turn in range(5):
                x = np.full((1 + number % 3, 2), 100.0 * number + turn, np.float32)
                assert np.array_equal(client.infer("double", {"x": x})["output"], 2 * x)
                colour = number % 3
                label = ["red", "green", "blue"][colour]
                assert next(iter(client.predict(encode([RED, GREEN, BLUE][colour]), "colour"))) == label
        return True

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(one, range(32)))


def test_requests_at_once_share_batches(server):
    gate = threading.Barrier(16)

    def one(number: int) -> None:
        with server.client() as client:
            client.ready()
            gate.wait()
            for _ in range(10):
                client.infer("double", {"x": np.full((1, 2), number, np.float32)})

    before = metric(server, 'taeda_batch_rows_count{model="double",version="1"}')
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(16)))
    batches = metric(server, 'taeda_batch_rows_count{model="double",version="1"}') - before
    assert batches < 120, "160 requests of 16 clients should share batches"


def metric(server, name: str) -> float:
    _, _, body = ask(server, "GET", "/metrics")
    lines = [line for line in body.decode().splitlines() if line.startswith(f"{name} ")]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


def test_metrics_count_requests_and_batches(server):
    name = 'taeda_requests_total{model="colour",route="predict",status="200"}'
    before = metric(server, name)
    ask(server, "POST", "/predictions/colour", encode())
    assert metric(server, name) == before + 1
    assert metric(server, 'taeda_request_seconds_count{route="predict"}') >= 1
    assert metric(server, 'taeda_inference_seconds_count{model="colour",version="1"}') >= 1
    assert metric(server, 'taeda_queue_rows{model="colour",version="1"}') == 0
    assert metric(server, 'taeda_workers{model="colour",version="1"}') == 1


def test_unknown_paths_do_not_grow_the_metrics(server):
    for name in ("xyzzy", "plugh"):
        ask(server, "POST", f"/predictions/{name}", b"")
        ask(server, "GET", f"/{name}")
    _, _, body = ask(server, "GET", "/metrics")
    assert b"xyzzy" not in body
    assert b"plugh" not in body


def test_models_are_listed_and_described(server):
    listed = get_json(server, "/models")["models"]
    assert listed[0] == {"modelName": "colour", "modelUrl": "colour.taeda", "versions": ["1"]}
    (described,) = get_json(server, "/models/colour")
    assert described["labels"] == ["red", "green", "blue"]
    assert described["preprocessing"][0] == {"name": "Resize", "args": {"size": [8, 8]}}
    assert described["provenance"] == {"accuracy": 1.0}
    assert described["workers"][0]["status"] == "READY"


def test_registering_and_unregistering(server, store):
    package_double(store / "more.taeda", name="more", version="1.9")
    package_double(store / "more2.taeda", name="more", version="1.10")
    with server.client(TOKEN) as client:
        assert client.register("more.taeda") == "model 'more' version 1.9 registered"
        client.register("more2.taeda")
        assert client.metadata("more")["versions"] == ["1.9", "1.10"]
        assert get_json(server, "/models/more/all")[1]["modelVersion"] == "1.10"
        with pytest.raises(
            taeda_serve.RequestError, match=r"'more' version '1.9' again; unregister it first"
        ) as caught:
            client.register("more.taeda")
        assert caught.value.status == 409
        assert client.unregister("more", "1.10") == "model 'more' version 1.10 unregistered"
        assert client.metadata("more")["versions"] == ["1.9"]
        client.unregister("more")
        assert "more" not in client.models()
        assert 'model="more"' not in [
            line for line in client.metrics().splitlines() if "taeda_workers" in line
        ]
