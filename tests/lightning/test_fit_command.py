"""`taeda fit` refuses what cannot work in one line, with exit status 2."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from PIL import Image

import taeda
import taeda_lightning as L
from taeda import nn
from taeda_lightning.callbacks import TerminalProgressBar
from taeda_lightning.checkpoint import load_weights
from taeda_lightning.errors import CheckpointMismatchError
from taeda_lightning.fit_command import command, one_line
from taeda_lightning.messages import counted

pytest.importorskip("taeda_vision")

SIZES = ["--model", "glyph_resnet", "--size", "8", "--epochs", "1", "--accelerator", "cpu", "--seed", "1"]


def pictures(root: Path, classes: list[str], count: int = 4) -> Path:
    """A folder of images, a folder in it for each class."""
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (8, 8), (40 * number, 10 * i, 0)).save(root / name / f"{i}.jpg")
    return root


def fit(root: Path, out: Path, *options: str) -> int:
    """Runs the command on a folder."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(["--data", f"folder:{root}", "--out", str(out), *SIZES, *options]))


def only_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says of the mistake: one line."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("taeda fit: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("--epochs", "0", "--epochs 0: expected a number from 1 on"),
        ("--epochs", "-3", "--epochs -3: expected a number from 1 on"),
        ("--batch-size", "0", "--batch-size 0: expected a number from 1 on"),
        ("--size", "0", "--size 0: expected a number from 1 on"),
        ("--workers", "-1", "--workers -1: expected a number from 0 on"),
    ],
)
def test_numbers_are_checked_before_anything_is_read(
    option: str, value: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(tmp_path / "none", tmp_path / "run", option, value) == 2
    assert capsys.readouterr().err == f"taeda fit: {text}\n"
    assert not (tmp_path / "run").exists()


def test_nothing_to_resume_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = pictures(tmp_path / "p", ["a", "b"])
    assert fit(root, tmp_path / "run", "--resume", "last") == 2
    line = only_line(capsys)
    assert "there is no last checkpoint in " in line
    assert str(tmp_path / "run") in line
    assert not list(tmp_path.glob("run/**/*.ckpt"))


def test_damaged_checkpoints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = pictures(tmp_path / "p", ["a", "b"])
    taeda.save({"a": taeda.ones(1000)}, tmp_path / "whole.ckpt")
    cut = tmp_path / "cut.ckpt"
    for content in ((tmp_path / "whole.ckpt").read_bytes()[:1500], b"hello " * 100):
        cut.write_bytes(content)
        assert fit(root, tmp_path / "run", "--resume", str(cut)) == 2
        assert only_line(capsys).startswith(f"taeda fit: checkpoint {str(cut)!r} cannot be read: load: ")


def test_checkpoints_of_other_models_and_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two, three = pictures(tmp_path / "two", ["a", "b"]), pictures(tmp_path / "three", ["a", "b", "c"])
    renamed = pictures(tmp_path / "renamed", ["a", "z"])
    out = tmp_path / "run"
    assert fit(two, out) == 0
    capsys.readouterr()
    begin = "taeda fit: --resume last: the checkpoint belongs to another model or other data: its "
    end = "; train with what it was written with, or start anew without it"
    assert fit(three, out, "--resume", "last") == 2
    assert only_line(capsys) == f"{begin}classes are 2: 'a', 'b', here are 3: 'a', 'b', 'c'{end}"
    assert fit(renamed, out, "--resume", "last") == 2
    assert only_line(capsys) == f"{begin}classes are 2: 'a', 'b', here are 2: 'a', 'z'{end}"
    assert fit(two, out, "--resume", "last", "--model", "resnet18", "--size", "32") == 2
    assert only_line(capsys) == f"{begin}model is 'glyph_resnet', here is 'resnet18'{end}"


class Other(L.LightningModule):
    """A module with a layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(2, width)


def test_weights_that_do_not_fit() -> None:
    state = {"state_dict": Other(3).state_dict()}
    with pytest.raises(CheckpointMismatchError, match=r"size mismatch for layer\.weight") as caught:
        load_weights(Other(4), state, None)
    assert isinstance(caught.value, RuntimeError)
    assert one_line(caught.value) == (
        "the checkpoint belongs to another model or other data: its weights do not fit this Other"
    )


@pytest.mark.parametrize("workers", ["0", "1"])
def test_truncated_pictures(workers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = pictures(tmp_path / "p", ["a", "b"])
    for broken in root.glob("a/*.jpg"):
        broken.write_bytes(broken.read_bytes()[:-100])
    assert fit(root, tmp_path / "run", "--workers", workers) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    (line,) = [line for line in error.splitlines() if line.startswith("taeda fit: ")]
    assert error.endswith(line + "\n")
    assert str(root / "a") in line


def test_one_is_no_plural(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [counted(number, "batch", "batches") for number in (0, 1, 2)] == [
        "0 batches",
        "1 batch",
        "2 batches",
    ]
    bar = TerminalProgressBar()
    bar._done = 1
    bar._started, bar._title, bar._first, bar._total = 0.0, "Testing", 0, 0
    for line in (bar._summary({}), bar._line({})):
        assert "1 batch " in line
    root = pictures(tmp_path / "p", ["a", "b"])
    assert fit(root, tmp_path / "run") == 0
    assert "1 batches" not in capsys.readouterr().err
