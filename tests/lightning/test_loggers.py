"""Files of the loggers, read back by other means."""

from __future__ import annotations

import csv
import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from models import QUIET, Net, loader
from PIL import Image

import taeda
import taeda_lightning as L
from taeda_lightning.loggers import CSVLogger, SummaryWriter, TensorBoardLogger
from taeda_lightning.loggers.hparams_file import yaml_text
from taeda_lightning.loggers.tensorboard_events import crc32c, masked_crc32c, read_records


def fields(message: bytes) -> dict[int, list[Any]]:
    """Decode one protobuf message, without its schema: field number to raw values."""
    found: dict[int, list[Any]] = {}
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(message):
        key = varint()
        if key & 7 == 0:
            value: Any = varint()
        else:
            size = {1: 8, 2: None, 5: 4}[key & 7]
            size = varint() if size is None else size
            value = message[position : position + size]
            position += size
            if key & 7 != 2:
                (value,) = struct.unpack({8: "<d", 4: "<f"}[size], value)
        found.setdefault(key >> 3, []).append(value)
    return found


def events(folder: Path) -> list[tuple[int, dict[int, list[Any]]]]:
    """(step, value message) of all event files in a folder, in order of the files' names."""
    result = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        first, *others = (fields(record) for record in read_records(path))
        assert first[3] == [b"brain.Event:2"]
        for event in others:
            for value in fields(event[5][0])[1]:
                result.append((event.get(2, [0])[0], fields(value)))
    return result


def test_checksums_are_those_of_rfc_3720() -> None:
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    crc = 0x8A9136AA
    assert masked_crc32c(bytes(32)) == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32


def test_scalars_text_images_and_histograms_are_in_the_file(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("loss", taeda.tensor(0.25), 3)
    writer.add_scalars("both", {"a": 1.0, "b": float("inf")}, 4)
    writer.add_text("note", "héllo", 5)
    image = taeda.tensor([[[0.0, 1.0], [0.5, 2.0]]])
    writer.add_image("picture", image, 6)
    writer.add_histogram("weights", taeda.tensor([-1.0, 0.0, 1.0, 1.0]), 7)
    writer.close()
    found = events(tmp_path)
    assert [step for step, _ in found] == [3, 4, 4, 5, 6, 7]
    tags = [value[1][0].decode() for _, value in found]
    assert tags == ["loss", "both/a", "both/b", "note/text_summary", "picture", "weights"]
    assert [value[2][0] for _, value in found[:3]] == [0.25, 1.0, float("inf")]
    assert fields(found[3][1][8][0])[8] == ["héllo".encode()]
    stored = fields(found[4][1][4][0])
    assert (stored[1], stored[2], stored[3]) == ([2], [2], [1])
    assert list(Image.open(io.BytesIO(stored[4][0])).tobytes()) == [0, 255, 128, 255]
    histogram = fields(found[5][1][5][0])
    low, high, count, total, squares = (histogram[i][0] for i in range(1, 6))
    assert (low, high, count, total, squares) == (-1.0, 1.0, 4.0, 1.0, 3.0)
    limits = struct.unpack(f"<{len(histogram[6][0]) // 8}d", histogram[6][0])
    counts = struct.unpack(f"<{len(histogram[7][0]) // 8}d", histogram[7][0])
    assert len(limits) == len(counts)
    assert sum(counts) == 4.0
    for value in (-1.0, 0.0, 1.0):  # each value lies in a bucket that counts it
        bucket = next(i for i, limit in enumerate(limits) if value <= limit)
        assert counts[bucket] == (2.0 if value == 1.0 else 1.0)


def test_files_open_in_tensorboard(tmp_path: Path) -> None:
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    writer = SummaryWriter(tmp_path)
    for step in range(20):
        writer.add_scalar("loss", 1 / (step + 1), step)
    writer.add_image("picture", taeda.zeros(3, 4, 5), 1)
    writer.add_histogram("weights", [0.5, 1.5], 2)
    writer.add_text("note", "text", 3)
    writer.close()
    accumulator = module.EventAccumulator(str(tmp_path))
    accumulator.Reload()
    assert [event.step for event in accumulator.Scalars("loss")] == list(range(20))
    assert [event.value for event in accumulator.Scalars("loss")] == pytest.approx(
        [1 / (i + 1) for i in range(20)]
    )
    (image,) = accumulator.Images("picture")
    assert Image.open(io.BytesIO(image.encoded_image_string)).size == (5, 4)
    (histogram,) = accumulator.Histograms("weights")
    assert (histogram.histogram_value.num, histogram.histogram_value.sum) == (2.0, 2.0)
    (note,) = accumulator.Tensors("note/text_summary")
    assert note.tensor_proto.string_val[0] == b"text"


def test_damaged_event_files_are_noticed(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("x", 1.0, 0)
    writer.close()
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="damaged record"):
        read_records(path)
    path.write_bytes(content[:-6] + b"x" + content[-5:])
    with pytest.raises(ValueError, match="damaged record"):
        read_records(path)
    path.write_bytes(content + b"abc")
    with pytest.raises(ValueError, match="cut off"):
        read_records(path)


def test_wrong_images(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path)
    with pytest.raises(ValueError, match=r"got shape \(2, 2\) with dataformats='CHW'"):
        writer.add_image("x", taeda.zeros(2, 2))
    with pytest.raises(ValueError, match="got 2 channels; expected 1, 3 or 4"):
        writer.add_image("x", taeda.zeros(2, 4, 4))
    with pytest.raises(ValueError, match="expected at least one value, got none"):
        writer.add_histogram("x", [])
    with pytest.raises(NotImplementedError, match="graphs are not written"):
        TensorBoardLogger(tmp_path, log_graph=True)


def test_fit_writes_both_logs_in_numbered_folders(tmp_path: Path) -> None:
    for number in range(2):
        loggers = [CSVLogger(tmp_path / "csv"), TensorBoardLogger(tmp_path / "tb", name="digits")]
        trainer = L.Trainer(max_epochs=2, log_every_n_steps=5, **{**QUIET, "logger": loggers})
        trainer.fit(Net(lr=0.01), loader(), loader())
        assert trainer.log_dir == str(tmp_path / "csv" / "lightning_logs" / f"version_{number}")
    folder = tmp_path / "csv" / "lightning_logs" / "version_1"
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoints", "hparams.yaml", "metrics.csv"]
    assert (folder / "hparams.yaml").read_text() == "lr: 0.01\ndropout: 0.3\n"
    with open(folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "step", "train_loss_epoch", "train_loss_step", "val_loss"]
    assert [row["step"] for row in rows if row["train_loss_step"]] == ["4", "9", "14", "19"]
    assert [row["epoch"] for row in rows if row["val_loss"]] == ["0.0", "1.0"]
    found = events(tmp_path / "tb" / "digits" / "version_1")
    steps = [step for step, value in found if value[1][0] == b"train_loss_step"]
    values = [value[2][0] for _, value in found if value[1][0] == b"train_loss_step"]
    assert steps == [4, 9, 14, 19]
    assert values == pytest.approx([float(row["train_loss_step"]) for row in rows if row["train_loss_step"]])
    assert any(value[1][0] == b"hp_metric" for _, value in found)


def test_csv_gets_a_new_header_when_a_name_turns_up(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path, name="", version="run", flush_logs_every_n_steps=1, prefix="p")
    logger.log_metrics({"a": 1.0}, 0)
    logger.log_metrics({"b": 2.0}, 1)
    logger.finalize("success")
    text = (tmp_path / "run" / "metrics.csv").read_text().split()
    assert text == ["p-a,p-b,step", "1.0,,0", ",2.0,1"]


def test_yaml_is_read_back_as_the_same_values() -> None:
    yaml = pytest.importorskip("yaml")
    values = {
        **{"lr": 1e-05, "big": 1e22, "nothing": None, "yes": True, "inf": float("inf"), 3: "int key"},
        **{
            "word": "no",
            "text": "a: 'b' #c",
            "empty": "",
            "number": "12",
            "unicode": "größe",
            "line": "a\nb",
        },
        **{"list": [1, [2.5, "x"], {"k": "v", "l": []}], "nested": {"a": {"b": -1}}, "none": {}},
        **{"path": "/a/b.c", "dash": "- x"},
    }
    assert yaml.safe_load(yaml_text(values)) == values
    assert json.loads(json.dumps(yaml.safe_load(yaml_text([1, 2])))) == [1, 2]


def test_hyperparameters_of_model_and_data_must_agree(tmp_path: Path) -> None:
    class Data(L.LightningDataModule):
        def __init__(self, lr: float) -> None:
            super().__init__()
            self.save_hyperparameters()

        def train_dataloader(self) -> Any:
            return loader()

    trainer = L.Trainer(max_steps=1, **{**QUIET, "logger": CSVLogger(tmp_path)})
    with pytest.raises(L.MisconfigurationException, match=r"'lr' is 0\.5 in the datamodule and 0\.05"):
        trainer.fit(Net(), datamodule=Data(0.5))
