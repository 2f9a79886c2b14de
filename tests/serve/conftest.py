"""Archives of tiny models, and one server that most tests share."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

import taeda

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [HERE, os.environ.get("PYTHONPATH")]))

import tiny_models  # noqa: E402

import taeda_serve  # noqa: E402

TRUST = ("tiny_models:MeanColour", "tiny_models:Doubler", "tiny_models:TwoInputs")
TRUST_OPTIONS = [option for reference in TRUST for option in ("--trust", reference)]
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
TOKEN = "a-test-token"


def encode(colour: tuple[int, int, int] = RED, size: tuple[int, int] = (20, 10), form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, form)
    return buffer.getvalue()


def package_colour(path: Path, **changes: object) -> taeda_serve.Manifest:
    """MeanColour with the identity times 5 as weights: the score of a class is 5 times its mean channel."""
    model = tiny_models.MeanColour()
    with taeda.no_grad():
        model.head.weight.copy_(taeda.eye(3) * 5)
    options: dict[str, object] = {
        "name": "colour",
        "architecture": "tiny_models:MeanColour",
        "trust": TRUST,
        "preprocessing": [{"name": "Resize", "args": {"size": [8, 8]}}, {"name": "ToTensor", "args": {}}],
        "labels": ["red", "green", "blue"],
        "provenance": {"accuracy": 1.0},
    }
    return taeda_serve.package(model, path, **{**options, **changes})  # type: ignore[arg-type]


def package_double(path: Path, **changes: object) -> taeda_serve.Manifest:
    options: dict[str, object] = {
        "name": "double",
        "architecture": "tiny_models:Doubler",
        "trust": TRUST,
        "inputs": [taeda_serve.TensorSpec("x", "FP32", (-1, -1))],
    }
    return taeda_serve.package(tiny_models.Doubler(), path, **{**options, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three archives."""
    folder = tmp_path_factory.mktemp("store")
    package_colour(folder / "colour.taeda")
    package_double(folder / "double.taeda")
    taeda_serve.package(
        tiny_models.TwoInputs(),
        folder / "two.taeda",
        name="two",
        version="3",
        architecture="tiny_models:TwoInputs",
        trust=TRUST,
        inputs=[
            taeda_serve.TensorSpec("ids", "INT64", (-1, -1)),
            taeda_serve.TensorSpec("mask", "BOOL", (-1, -1)),
        ],
        outputs=["sum", "count"],
    )
    return folder


@pytest.fixture(scope="session")
def server(store: Path) -> Iterator[taeda_serve.RunningServer]:
    archives = [store / name for name in ("colour.taeda", "double.taeda", "two.taeda")]
    options = [*TRUST_OPTIONS, "--threads", "1", "--max-body-mb", "1", "--management-token", TOKEN]
    with taeda_serve.RunningServer(archives, options) as running:
        yield running


@pytest.fixture
def client(server: taeda_serve.RunningServer) -> Iterator[taeda_serve.Client]:
    with server.client() as made:
        yield made


@pytest.fixture
def start(store: Path) -> Iterator[Callable[..., taeda_serve.RunningServer]]:
    """Starts a server of its own for one test: `start("double", "--workers", "2")`."""
    running: list[taeda_serve.RunningServer] = []

    def begin(name: str, *options: str) -> taeda_serve.RunningServer:
        archive = store / f"{name}.taeda"
        running.append(taeda_serve.RunningServer([archive], [*TRUST_OPTIONS, "--threads", "1", *options]))
        return running[-1]

    yield begin
    for each in running:
        each.stop()
