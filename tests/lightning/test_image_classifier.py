"""The image classifier, its data, the report and `taeda fit`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
from models import QUIET
from PIL import Image

import taeda
import taeda_lightning as L
from taeda import nn
from taeda.utils.data import DataLoader, TensorDataset
from taeda_lightning.errors import MisconfigurationException
from taeda_lightning.fit_command import command, preprocessing
from taeda_lightning.report import class_table, read_history, write_report
from taeda_lightning.tasks import ImageClassifier, ImageData
from taeda_lightning.tasks.image_classifier import replace_head
from taeda_lightning.tasks.image_data import preprocessing_steps

pytest.importorskip("taeda_vision")

SMALL = {"widths": [4, 4, 4]}


def make_folder(root: Path, counts: dict[str, int]) -> Path:
    """Images of one colour for each class; red ones and blue ones are easy to tell apart."""
    for number, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            color = (250 - 10 * i, 0, 0) if number == 0 else (0, 0, 250 - 10 * i)
            Image.new("RGB", (20, 16), color).save(root / name / f"{i}.png")
    return root


def test_head_is_replaced_and_known_rows_are_kept() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    before = network[1].weight.detach().clone()
    replace_head(network, ["c", "new", "a"], ["a", "b", "c"])
    assert network[1].out_features == 3
    assert network[1].weight[0].tolist() == before[2].tolist()
    assert network[1].weight[2].tolist() == before[0].tolist()
    same = network[1]
    assert replace_head(network, ["x", "y", "z"], None)[1] is same
    assert replace_head(network, ["x", "y"], None)[1].out_features == 2
    with pytest.raises(
        MisconfigurationException, match=r"Sequential has no nn.Linear to replace for 2 classes"
    ):
        replace_head(nn.Sequential(nn.ReLU()), ["a", "b"], None)


def test_shipped_weights_know_digits() -> None:
    digits = [str(i) for i in range(10)]
    tuned = ImageClassifier("glyph_resnet", digits, weights="DEFAULT")
    from taeda_vision.models import glyph_resnet

    whole = glyph_resnet(weights="GLYPHS_V1")
    assert whole.fc.out_features == 62
    assert tuned.model.fc.weight.tolist() == whole.fc.weight[:10].tolist()
    assert tuned.model.conv1.weight.tolist() == whole.conv1.weight.tolist()
    assert "weights" not in tuned.hparams


def test_confusion_and_accuracy_by_hand(tmp_path: Path) -> None:
    class Fixed(nn.Module):
        def forward(self, images: Any) -> Any:
            return images.flatten(1)

    model = ImageClassifier("glyph_resnet", ["a", "b", "c"], model_arguments=SMALL)
    model.model = Fixed()
    scores = taeda.tensor([[9.0, 0, 0], [0, 9.0, 0], [0, 9.0, 0], [0, 0, 9.0]])
    data = DataLoader(TensorDataset(scores, taeda.tensor([0, 1, 2, 2])), batch_size=3)
    trainer = L.Trainer(enable_checkpointing=False, default_root_dir=tmp_path, **QUIET)
    (results,) = trainer.test(model, data, verbose=False)
    assert results["test_accuracy"] == pytest.approx(0.75)
    assert model.confusion == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    table = class_table(model.confusion, model.classes)
    assert "| b | 1 | 50.0 % | 100.0 % |" in table
    assert "| c | 2 | 100.0 % | 50.0 % |" in table


def test_fine_tuning_learns_colours_and_writes_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    root = make_folder(tmp_path / "photos", {"red": 10, "blue": 10})
    out = tmp_path / "run"
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    options = f"--data folder:{root} --model resnet18 --epochs 3 --batch-size 8 --size 32 --lr 0.002 --seed 1"
    args = parser.parse_args([*options.split(), "--accelerator", "cpu", "--out", str(out)])
    assert command.run(args) == 0
    text = capsys.readouterr().out
    assert "test accuracy" in text
    assert "taeda package" in text
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {"report.md", "labels.txt", "preprocessing.json", "csv/metrics.csv", "csv/hparams.yaml"} <= written
    assert {"checkpoints/best.ckpt", "checkpoints/last.ckpt"} <= written
    assert {"learning_curves.png", "confusion_matrix.png", "sample_predictions.png"} <= written
    assert any(name.startswith("tensorboard/events.out.tfevents") for name in written)
    assert (out / "labels.txt").read_text().split() == ["blue", "red"]
    steps = json.loads((out / "preprocessing.json").read_text())
    assert [step["name"] for step in steps][:2] == ["Resize", "CenterCrop"]
    report = (out / "report.md").read_text()
    assert "| red | 1 |" in report
    with Image.open(out / "confusion_matrix.png") as picture:
        assert picture.size[0] > 100
    loaded = ImageClassifier.load_from_checkpoint(out / "checkpoints" / "best.ckpt")
    assert loaded.classes == ["blue", "red"]
    history = read_history(out / "csv" / "metrics.csv")
    assert [epoch for epoch, _ in history["val_accuracy"]] == [0.0, 1.0, 2.0]
    # Whatever the best epoch was, a resumed run goes on behind the newest one.
    kept = {name: taeda.load(out / "checkpoints" / f"{name}.ckpt") for name in ("best", "last")}
    assert (kept["last"]["epoch"], kept["last"]["global_step"]) == (2, 6)
    assert kept["best"]["epoch"] == int(max(history["val_accuracy"], key=lambda point: point[1])[0])
    args = parser.parse_args([*options.replace("epochs 3", "epochs 4").split(), "--accelerator", "cpu"])
    args.out, args.resume = str(out), "last"
    assert command.run(args) == 0
    history = read_history(out / "csv" / "metrics.csv")
    assert [epoch for epoch, _ in history["val_accuracy"]] == [3.0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--data", "photos"], "expected 'digits' or 'folder:PATH'"),
        (["--data", "folder:/none"], "there is no folder '/none'"),
        (["--data", "digits", "--model", "resnet19"], "resnet18"),
        (["--data", "digits", "--model", "glyph_resnet", "--weights", "none.safetensors"], "does not exist"),
    ],
)
def test_fit_command_explains_mistakes(
    options: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([*options, "--out", str(tmp_path)])) == 2
    message = capsys.readouterr().err
    assert message.startswith("taeda fit: ")
    assert text in message


@pytest.mark.parametrize("cut", ["half.pt", "half.safetensors"])
def test_fit_command_explains_broken_weights(
    cut: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / f"whole{Path(cut).suffix}"
    taeda.save({"weight": taeda.ones(1000)}, whole)
    (tmp_path / cut).write_bytes(whole.read_bytes()[:1500])
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    options = ["--data", "digits", "--model", "glyph_resnet", "--weights", str(tmp_path / cut)]
    assert command.run(parser.parse_args([*options, "--out", str(tmp_path / "out")])) == 2
    message = capsys.readouterr().err
    assert message.startswith("taeda fit: glyph_resnet with weights ")
    assert cut in message


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (["--model", "resnet18", "--size", "16"], (3, 16, 16)),
        (["--model", "resnet18", "--size", "16", "--grey"], (3, 16, 16)),
        (["--model", "glyph_resnet"], (1, 32, 32)),
    ],
)
def test_fit_command_gives_networks_the_channels_they_take(
    options: list[str], shape: tuple[int, ...]
) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    args = parser.parse_args(["--data", "digits", *options])
    data = ImageData(args.data, preprocessing(args), augment=False)
    assert tuple(data.datasets["test"][0][0].shape) == shape


def test_splits_are_fixed_by_the_seed_and_do_not_overlap(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "p", {"a": 20, "b": 5})
    steps = preprocessing_steps(32)
    rows = []
    for seed in (0, 0, 1):
        data = ImageData(f"folder:{root}", steps, augment=False, seed=seed)
        rows.append({split: tuple(data.images[split].indices) for split in ("train", "val", "test")})
    assert rows[0] == rows[1] != rows[2]
    assert {split: len(chosen) for split, chosen in rows[0].items()} == {"train": 19, "val": 3, "test": 3}
    assert len(set(sum(rows[0].values(), ()))) == 25
    image, label = data.datasets["val"][0]
    assert (tuple(image.shape), label) == ((3, 32, 32), 0)


def test_given_splits_are_taken(tmp_path: Path) -> None:
    for split, count in (("train", 4), ("val", 2)):
        make_folder(tmp_path / "p" / split, {"a": count, "b": count})
    data = ImageData(f"folder:{tmp_path / 'p'}", preprocessing_steps(32), augment=False)
    assert [len(data.images[split]) for split in ("train", "val", "test")] == [8, 4, 4]
    (tmp_path / "p" / "val" / "b").rename(tmp_path / "p" / "val" / "c")
    with pytest.raises(MisconfigurationException, match=r"classes of 'val' are \['a', 'c'\]"):
        ImageData(f"folder:{tmp_path / 'p'}", preprocessing_steps(32))


def test_too_few_images_or_classes(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "p", {"a": 2, "b": 5})
    with pytest.raises(MisconfigurationException, match="class 'a' has 2 images; at least 3 are needed"):
        ImageData(f"folder:{root}", preprocessing_steps(32))
    with pytest.raises(MisconfigurationException, match=r"expected at least two classes, got \['a'\]"):
        ImageClassifier("glyph_resnet", ["a"])
    with pytest.raises(MisconfigurationException, match="expected 'cosine' or 'constant'"):
        ImageClassifier("glyph_resnet", ["a", "b"], schedule="linear")


def test_steps_equal_the_presets_of_the_weights() -> None:
    from taeda_vision.transforms._presets import GlyphClassification, ImageClassification

    image = Image.effect_mandelbrot((61, 47), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    for steps, preset in (
        (preprocessing_steps(32, is_grey=True), GlyphClassification(size=32)),
        (preprocessing_steps(224), ImageClassification(crop_size=224)),
    ):
        data = ImageData.__new__(ImageData)
        data.preprocessing = steps
        assert (data._transform(())(image) - preset(image)).abs().max().item() == 0.0


def test_report_without_matplotlib_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(MisconfigurationException, match=r"pip install 'taeda-lightning\[report\]'"):
        write_report(tmp_path, "t", {}, {}, [[1]], ["a"], [])
