import json
from pathlib import Path

import pytest
import tiny_models

import taeda
import taeda_serve
from taeda_serve.commands import main

from .conftest import TRUST


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "best.pt"
    taeda.save(
        {"state_dict": {f"model.{k}": v for k, v in tiny_models.MeanColour().state_dict().items()}}, path
    )
    return path


def arguments(checkpoint: Path, **changes: str) -> list[str]:
    options = {
        "out": str(checkpoint.with_name("c.taeda")),
        "name": "c",
        "architecture": "tiny_models:MeanColour",
        "preprocessing": '[{"name": "Resize", "args": {"size": [8, 8]}}, {"name": "ToTensor"}]',
        "labels": "red, green, blue",
        "prefix": "model.",
        "trust": "tiny_models:MeanColour",
        **changes,
    }
    return [
        "package",
        str(checkpoint),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]


def test_package_writes_an_archive(checkpoint, capsys):
    assert main(arguments(checkpoint, accuracy="0.75", version="2")) == 0
    archive = taeda_serve.read_archive(checkpoint.with_name("c.taeda"))
    assert archive.labels == ("red", "green", "blue")
    assert archive.manifest.version == "2"
    assert archive.manifest.provenance == {"accuracy": 0.75, "checkpoint": "best.pt"}
    assert capsys.readouterr().out.startswith(f"wrote {archive.path}: c 2, ")


def test_options_from_files(checkpoint, tmp_path):
    (tmp_path / "labels.txt").write_text("r\ng\nb\n")
    (tmp_path / "steps.json").write_text(
        json.dumps([{"name": "Resize", "args": {"size": [4, 4]}}, {"name": "ToTensor"}])
    )
    changes = {"labels": str(tmp_path / "labels.txt"), "preprocessing": str(tmp_path / "steps.json")}
    assert main(arguments(checkpoint, **changes)) == 0
    archive = taeda_serve.read_archive(checkpoint.with_name("c.taeda"))
    assert (archive.labels, archive.manifest.inputs[0].shape) == (("r", "g", "b"), (-1, 3, 4, 4))


def test_a_model_on_tensors(tmp_path):
    path = tmp_path / "d.pt"
    taeda.save(tiny_models.Doubler().state_dict(), path)
    options = [
        "--architecture",
        "tiny_models:Doubler",
        "--trust",
        TRUST[1],
        "--input",
        "x:FP32:-1,2",
        "--output",
        "y",
    ]
    assert main(["package", str(path), "--out", str(tmp_path / "d.taeda"), "--name", "d", *options]) == 0
    manifest = taeda_serve.read_archive(tmp_path / "d.taeda").manifest
    assert (manifest.inputs[0].shape, manifest.outputs[0].to_json()) == (
        (-1, 2),
        {"name": "y", "datatype": "FP32", "shape": [-1, 2]},
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"arguments": "{num: 3}"},
            "--arguments: expected JSON or the path of a .json file, got text that fails with",
        ),
        ({"arguments": "[]"}, "--arguments: expected JSON with an object, got []"),
        ({"labels": "none.json"}, "none.json"),
        ({"labels": "a,b"}, "labels: expected 3 labels"),
        ({"input": "x:FP32"}, "--input: expected NAME:DATATYPE:SHAPE, got 'x:FP32'; for example x:FP32:-1,8"),
        ({"prefix": "net."}, "expected keys that start with 'net.', got the keys model.head.weight"),
        ({"trust": "other:Thing"}, "if you trust this code, pass --trust tiny_models:MeanColour"),
    ],
)
def test_wrong_options(checkpoint, capsys, changes, text):
    assert main(arguments(checkpoint, **changes)) == 2
    error = capsys.readouterr().err
    assert error.startswith("taeda package: ")
    assert text in error
    assert not checkpoint.with_name("c.taeda").exists()


def test_a_checkpoint_that_is_not_there(tmp_path, capsys):
    assert main(arguments(tmp_path / "no.pt")) == 2
    assert "no.pt: expected a checkpoint file, got nothing there; check the path" in capsys.readouterr().err
