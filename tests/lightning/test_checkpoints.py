"""Checkpoint files and `ModelCheckpoint`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
from models import QUIET, Line, Net, loader, weights

import taeda
import taeda_lightning as L
from taeda_lightning.callbacks import ModelCheckpoint
from taeda_lightning.checkpoint import read_checkpoint


class Scored(Line):
    """Logs the next of given scores in each validation."""

    def __init__(self, scores: tuple[float, ...] = (3.0, 1.0, 2.0, 0.5)) -> None:
        super().__init__()
        self.scores = list(scores)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("score", self.scores[self.current_epoch])


def fit(checkpoint: ModelCheckpoint, tmp_path: Path, model: Any = None, **settings: Any) -> L.Trainer:
    options = {"max_epochs": 4, "num_sanity_val_steps": 0, **QUIET, **settings}
    trainer = L.Trainer(default_root_dir=tmp_path, callbacks=[checkpoint], **options)
    trainer.fit(model or Scored(), [taeda.ones(1)] * 2, [taeda.ones(1)])
    return trainer


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_best_are_kept(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path, "{epoch}-{score:.1f}", monitor="score", save_top_k=2)
    fit(checkpoint, tmp_path)
    assert names(tmp_path) == ["epoch=1-score=1.0.ckpt", "epoch=3-score=0.5.ckpt"]
    assert checkpoint.best_model_path.endswith("epoch=3-score=0.5.ckpt")
    assert (checkpoint.best_model_score, checkpoint.kth_value) == (0.5, 1.0)


def test_largest_is_best_with_mode_max(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path, "{epoch}", monitor="score", mode="max")
    fit(checkpoint, tmp_path)
    assert names(tmp_path) == ["epoch=0.ckpt"]


def test_nan_is_the_worst(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path, "{epoch}", monitor="score")
    fit(checkpoint, tmp_path, Scored((float("nan"), 5.0, float("nan"), 6.0)))
    assert names(tmp_path) == ["epoch=1.ckpt"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["epoch=3-step=8.ckpt"]),
        ({"save_top_k": -1}, [f"epoch={i}-step={2 * i + 2}.ckpt" for i in range(4)]),
        ({"save_top_k": 0, "save_last": True}, ["last.ckpt"]),
        ({"save_last": True}, ["epoch=3-step=8.ckpt", "last.ckpt"]),
        ({"every_n_epochs": 3}, ["epoch=2-step=6.ckpt"]),
        ({"every_n_train_steps": 3, "save_top_k": -1}, ["epoch=1-step=3.ckpt", "epoch=2-step=6.ckpt"]),
        ({"filename": "at", "save_top_k": -1}, ["at.ckpt"]),
        ({"filename": "{epoch:03d}x", "auto_insert_metric_name": False}, ["003x.ckpt"]),
        ({"save_weights_only": True}, ["epoch=3-step=8.ckpt"]),
    ],
)
def test_when_and_under_which_name(options: dict[str, Any], expected: list[str], tmp_path: Path) -> None:
    fit(ModelCheckpoint(tmp_path, **options), tmp_path)
    assert names(tmp_path) == expected


def test_link_to_the_last(tmp_path: Path) -> None:
    fit(ModelCheckpoint(tmp_path, save_last="link"), tmp_path)
    assert (tmp_path / "last.ckpt").is_symlink()
    assert (tmp_path / "last.ckpt").resolve().name == "epoch=3-step=8.ckpt"


def test_default_folder_is_the_loggers(tmp_path: Path) -> None:
    trainer = L.Trainer(
        max_epochs=1,
        default_root_dir=tmp_path,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Line(), [taeda.ones(1)])
    folder = tmp_path / "lightning_logs" / "version_0" / "checkpoints"
    assert names(folder) == ["epoch=0-step=1.ckpt"]
    assert trainer.checkpoint_callback is not None
    assert trainer.checkpoint_callback.dirpath == str(folder)


def test_test_takes_the_best_weights(tmp_path: Path) -> None:
    class Telling(Scored):
        def test_step(self, batch: Any, batch_idx: int) -> None:
            self.log("w", self.w)

    trainer = fit(ModelCheckpoint(tmp_path, monitor="score", mode="max"), tmp_path, Telling())
    assert trainer.test(dataloaders=[taeda.ones(1)], verbose=False) == [{"w": -2.0}]
    assert trainer.test(
        dataloaders=[taeda.ones(1)], ckpt_path=trainer.checkpoint_callback.best_model_path
    ) == [{"w": -2.0}]


def test_content_has_lightnings_keys_and_plain_values(tmp_path: Path) -> None:
    _, trainer = fit_net(tmp_path)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    content = taeda.load(str(tmp_path / "last.ckpt"))
    lightnings = {
        *("epoch", "global_step", "pytorch-lightning_version", "state_dict", "loops", "callbacks"),
        *("optimizer_states", "lr_schedulers", "hparams_name", "hyper_parameters"),
    }
    assert lightnings | {"rng", "gradients"} == set(content)
    assert (content["epoch"], content["global_step"]) == (1, 10)
    assert content["hyper_parameters"] == {"lr": 0.01, "dropout": 0.3}
    assert list(content["state_dict"]) == list(Net().state_dict())


def fit_net(tmp_path: Path) -> tuple[Net, L.Trainer]:
    model = Net(lr=0.01)
    trainer = L.Trainer(max_epochs=1, default_root_dir=tmp_path, **QUIET)
    trainer.fit(model, loader())
    return model, trainer


def test_load_from_checkpoint(tmp_path: Path) -> None:
    model, trainer = fit_net(tmp_path)
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    loaded = Net.load_from_checkpoint(tmp_path / "x.ckpt")
    assert weights(loaded) == weights(model)
    assert loaded.hparams == {"lr": 0.01, "dropout": 0.3}
    assert Net.load_from_checkpoint(tmp_path / "x.ckpt", lr=7.0).hparams.lr == 7.0


def test_load_from_checkpoint_names_missing_arguments(tmp_path: Path) -> None:
    class Needy(Line):
        def __init__(self, size: int) -> None:
            super().__init__()

    trainer = L.Trainer(max_epochs=1, default_root_dir=tmp_path, **QUIET)
    trainer.fit(Needy(3), [taeda.ones(1)])
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    found = read_checkpoint(tmp_path / "x.ckpt")["hyper_parameters"]
    assert sorted(found) == ["lr", "size", "start"]
    assert Needy.load_from_checkpoint(tmp_path / "x.ckpt").hparams.size == 3

    class Silent(L.LightningModule):
        def __init__(self, size: int) -> None:
            super().__init__()

    wide: Any = type("Wide", (Line,), {"__init__": lambda self, width: Line.__init__(self)})
    with pytest.raises(
        L.MisconfigurationException, match=r"__init__ needs \['width'\].*save_hyperparameters"
    ):
        wide.load_from_checkpoint(tmp_path / "x.ckpt")


def test_strictness_of_weights(tmp_path: Path) -> None:
    _, trainer = fit_net(tmp_path)
    trainer.save_checkpoint(tmp_path / "x.ckpt")

    class Larger(Net):
        def __init__(self, lr: float = 1.0, dropout: float = 0.1) -> None:
            super().__init__(lr, dropout)
            self.more = taeda.nn.Linear(1, 1)

    with pytest.raises(RuntimeError, match=r"more\.weight"):
        Larger.load_from_checkpoint(tmp_path / "x.ckpt")
    assert Larger.load_from_checkpoint(tmp_path / "x.ckpt", strict=False).hparams.lr == 0.01


def test_hyperparameters(tmp_path: Path) -> None:
    class Parent(L.LightningModule):
        def __init__(self, a: int, b: int = 2, **more: Any) -> None:
            super().__init__()
            self.save_hyperparameters(ignore="b")

    class Child(Parent):
        def __init__(self, c: str) -> None:
            super().__init__(1, extra=5)

    assert Parent(1, x=3).hparams == {"a": 1, "x": 3}
    assert Child("z").hparams == {"a": 1, "extra": 5, "c": "z"}

    class Chosen(L.LightningModule):
        def __init__(self, a: int, options: Any) -> None:
            super().__init__()
            self.save_hyperparameters("a")
            self.save_hyperparameters(options)

    model = Chosen(4, argparse.Namespace(depth=[1]))
    assert model.hparams == {"a": 4, "depth": [1]}
    model.hparams.depth.append(2)
    assert model.hparams_initial["depth"] == [1]
    with pytest.raises(AttributeError, match=r"no hyper-parameter 'width'; there are \['a', 'depth'\]"):
        _ = model.hparams.width

    class Unknown(L.LightningModule):
        def __init__(self, a: int) -> None:
            super().__init__()
            self.save_hyperparameters("b")

    with pytest.raises(ValueError, match=r"has no arguments \['b'\]; it has \['a'\]"):
        Unknown(1)


def test_hyperparameters_that_are_no_plain_values_are_left_out(tmp_path: Path) -> None:
    class WithFunction(Line):
        def __init__(self, loss: Any = print) -> None:
            super().__init__()
            self.save_hyperparameters()

    trainer = L.Trainer(max_epochs=1, default_root_dir=tmp_path, **QUIET)
    with pytest.warns(UserWarning, match=r"loss \(builtin_function_or_method\) are no plain values"):
        trainer.fit(WithFunction(), [taeda.ones(1)])
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    assert "loss" not in read_checkpoint(tmp_path / "x.ckpt")["hyper_parameters"]


def test_data_module_state_and_hyperparameters(tmp_path: Path) -> None:
    class Data(L.LightningDataModule):
        def __init__(self, size: int = 3) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.seen = 0

        def train_dataloader(self) -> Any:
            self.seen += 1
            return [taeda.ones(1)] * self.hparams.size

        def state_dict(self) -> dict[str, Any]:
            return {"seen": self.seen}

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            self.seen = state_dict["seen"]

    trainer = L.Trainer(max_epochs=1, default_root_dir=tmp_path, **QUIET)
    trainer.fit(Line(), datamodule=Data(5))
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    loaded = Data.load_from_checkpoint(tmp_path / "x.ckpt")
    assert (loaded.hparams.size, loaded.seen) == (5, 1)


def test_writing_is_atomic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, trainer = fit_net(tmp_path)
    path = tmp_path / "x.ckpt"
    trainer.save_checkpoint(path)
    before = path.read_bytes()

    def broken(content: Any, file: Any, *_: Any) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(taeda, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        trainer.save_checkpoint(path)
    assert path.read_bytes() == before
    assert [name for name in names(tmp_path) if "x.ckpt" in name] == ["x.ckpt"]


def test_callback_states_are_restored_by_their_keys(tmp_path: Path) -> None:
    class Counter(L.Callback):
        def __init__(self, name: str) -> None:
            self.name = name
            self.count = 0

        @property
        def state_key(self) -> str:
            return self._generate_state_key(name=self.name)

        def on_train_batch_end(self, *_: Any) -> None:
            self.count += 1 if self.name == "a" else 10

        def state_dict(self) -> dict[str, Any]:
            return {"count": self.count}

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            self.count = state_dict["count"]

    trainer = L.Trainer(
        max_epochs=1, default_root_dir=tmp_path, callbacks=[Counter("a"), Counter("b")], **QUIET
    )
    trainer.fit(Line(), [taeda.ones(1)] * 3)
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    counters = [Counter("b"), Counter("a")]
    again = L.Trainer(max_epochs=2, default_root_dir=tmp_path, callbacks=list(counters), **QUIET)
    again.fit(Line(), [taeda.ones(1)] * 3, ckpt_path=tmp_path / "x.ckpt")
    assert [counter.count for counter in counters] == [60, 6]
