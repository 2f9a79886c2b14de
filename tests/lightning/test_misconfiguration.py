"""Errors say what was passed, what was expected and how to fix it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from models import QUIET, Line, Net, loader

import taeda
import taeda_lightning as L
from taeda_lightning.errors import CheckpointNotFoundError, UnknownArgumentError

Wrong = L.MisconfigurationException


def trainer(tmp_path: Path, **settings: Any) -> L.Trainer:
    options = {"max_epochs": 1, "enable_checkpointing": False, **QUIET, **settings}
    return L.Trainer(default_root_dir=tmp_path, **options)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"max_epoch": 3}, "Trainer: unknown argument 'max_epoch'; did you mean 'max_epochs'?"),
        ({"max_epochs": 1.5}, "Trainer(max_epochs=1.5): expected a number from 0, or -1 for no limit"),
        ({"max_steps": None}, "Trainer(max_steps=None): expected a number"),
        ({"devices": 4}, "Trainer(devices=4): training runs on one device; pass devices=1 or 'auto'"),
        ({"num_nodes": 2}, "Trainer(num_nodes=2): training runs on one machine"),
        ({"strategy": "ddp"}, "Trainer(strategy='ddp'): expected 'auto' or 'single_device'"),
        ({"accelerator": "tpu"}, "Trainer(accelerator='tpu'): expected 'auto', 'cpu' or 'gpu'"),
        (
            {"precision": "16-mixed"},
            "float16 needs losses that are scaled, which the trainer does not do; use 'bf16-mixed'",
        ),
        ({"precision": "8"}, "Trainer(precision='8'): expected one of '32-true', 'bf16-mixed', '64-true'"),
        ({"limit_val_batches": 1.5}, "Trainer(limit_val_batches=1.5): expected a number of batches"),
        ({"limit_train_batches": -1}, "Trainer(limit_train_batches=-1)"),
        ({"val_check_interval": 2.5}, "Trainer(val_check_interval=2.5): expected a number of batches"),
        ({"val_check_interval": "1h"}, "val_check_interval='1h': expected 'DD:HH:MM:SS'"),
        ({"check_val_every_n_epoch": None}, "counting over epochs needs val_check_interval"),
        (
            {"accumulate_grad_batches": 0},
            "Trainer(accumulate_grad_batches=0): expected a whole number from 1",
        ),
        ({"gradient_clip_algorithm": "max"}, "expected 'norm' or 'value'"),
        ({"num_sanity_val_steps": -2}, "Trainer(num_sanity_val_steps=-2)"),
        ({"detect_anomaly": True}, "Trainer(detect_anomaly=True): this version has no detect anomaly"),
        ({"deterministic": "yes"}, "Trainer(deterministic='yes'): expected True, False or 'warn'"),
        ({"profiler": "simple"}, "Trainer(profiler='simple'): this version has no profiler"),
        ({"callbacks": ["stop"]}, "Trainer(callbacks=...): expected Callback objects, got str"),
        ({"max_time": "soon"}, "expected 'DD:HH:MM:SS'"),
        (
            {"callbacks": L.callbacks.ModelCheckpoint()},
            "ModelCheckpoint is among the callbacks, but its enable_... argument is False",
        ),
    ],
)
def test_settings_of_the_trainer(settings: dict[str, Any], text: str, tmp_path: Path) -> None:
    with pytest.raises(Wrong) as caught:
        trainer(tmp_path, **settings)
    assert text in str(caught.value)


def test_unknown_argument_is_a_type_error_too(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        trainer(tmp_path, gpus=1)
    assert issubclass(UnknownArgumentError, Wrong)


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("gpus", "unknown argument 'gpus'; pass accelerator='gpu', devices=1"),
        ("resume_from_checkpoint", "pass ckpt_path= to fit()"),
        ("checkpoint_callback", "it is called 'enable_checkpointing'"),
    ],
)
def test_former_arguments_of_the_trainer(argument: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownArgumentError) as caught:
        trainer(tmp_path, **{argument: 1})
    assert text in str(caught.value)


def test_gpu_without_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("taeda_lightning.settings.cuda_is_available", lambda: False)
    with pytest.raises(Wrong, match=r"accelerator='gpu'.*finds no CUDA device; use accelerator='cpu'"):
        trainer(tmp_path, accelerator="gpu")


class NoStep(L.LightningModule):
    def configure_optimizers(self) -> Any:
        return None


class NoOptimizer(L.LightningModule):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return None


def returning(value: Any) -> L.LightningModule:
    class Returning(Line):
        def configure_optimizers(self) -> Any:
            return value(self) if callable(value) else value

    return Returning()


def sgd(model: Any) -> Any:
    return taeda.optim.SGD(model.parameters(), lr=0.1)


def plateau(model: Any) -> Any:
    return [sgd(model)], [taeda.optim.lr_scheduler.ReduceLROnPlateau(sgd(model))]


def scheduled(**options: Any) -> Any:
    def make(model: Any) -> Any:
        optimizer = sgd(model)
        scheduler = taeda.optim.lr_scheduler.StepLR(optimizer, 1)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, **options}}

    return make


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (NoStep(), "trainer.fit: NoStep defines no training_step()"),
        (NoOptimizer(), "trainer.fit: NoOptimizer defines no configure_optimizers()"),
        (returning(3), "Returning.configure_optimizers: expected one optimizer, a list of optimizers"),
        (returning({"optimiser": 1}), "unknown key 'optimiser'; did you mean 'optimizer'?"),
        (returning(lambda m: [sgd(m), sgd(m)]), "returned 2 optimizers; automatic optimization takes one"),
        (returning(plateau), "ReduceLROnPlateau needs the logged name to watch"),
        (returning(scheduled(interval="day")), "got interval 'day'; expected 'epoch' or 'step'"),
        (returning(scheduled(frequency=0)), "got frequency 0; expected a positive integer"),
        (returning(scheduled(every=2)), "lr_scheduler: unknown key 'every'"),
        (
            returning(lambda m: ([sgd(m)], [taeda.optim.lr_scheduler.StepLR(sgd(m), 1)])),
            "the StepLR belongs to an optimizer that is not among those returned",
        ),
    ],
)
def test_models_that_cannot_be_trained(model: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(Wrong) as caught:
        trainer(tmp_path).fit(model, loader())
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("loss", "Stepping.training_step returned str; expected a tensor"),
        (
            {"los": 1},
            r"returned a dict with keys \['los'\]; expected a tensor, a dict with a tensor under 'loss'",
        ),
    ],
)
def test_wrong_results_of_training_step(result: Any, text: str, tmp_path: Path) -> None:
    class Stepping(Line):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return result

    with pytest.raises(Wrong, match=text):
        trainer(tmp_path).fit(Stepping(), loader())


def test_not_a_lightning_module(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="expected a LightningModule, got Linear"):
        trainer(tmp_path).fit(taeda.nn.Linear(1, 1), loader())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="without a model"):
        trainer(tmp_path).test(dataloaders=loader())


def test_data(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match=r"no train data: pass loaders.*or define train_dataloader\(\) in Net"):
        trainer(tmp_path).fit(Net())
    with pytest.raises(Wrong, match="a loader has length 0"):
        trainer(tmp_path).fit(Net(), loader(3, drop_last=True))
    with pytest.raises(Wrong, match="expected an iterable of batches such as a DataLoader, got int"):
        trainer(tmp_path).fit(Net(), 3)
    with pytest.raises(Wrong, match="got both loaders and a datamodule"):
        trainer(tmp_path).fit(Net(), loader(), datamodule=L.LightningDataModule())
    with pytest.raises(Wrong, match=r"limit_train_batches=0.01: that is less than one of the 10 batches"):
        trainer(tmp_path, limit_train_batches=0.01).fit(Net(), loader())
    with pytest.raises(Wrong, match=r"val_check_interval=11 is more than the 10 training batches"):
        trainer(tmp_path, val_check_interval=11).fit(Net(), loader(), loader())
    with pytest.raises(Wrong, match=r"limit_train_batches=0.5: a fraction needs a loader with a length"):
        trainer(tmp_path, limit_train_batches=0.5).fit(Net(), iter([1]))
    with pytest.raises(Wrong, match="the loader gave no batch in this epoch"):
        trainer(tmp_path).fit(Net(), iter([]))


def test_missing_evaluation_steps(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match=r"trainer.test: Line defines no test_step\(\)"):
        trainer(tmp_path).test(Line(), loader())
    with pytest.raises(Wrong, match=r"trainer.validate: Line defines no validation_step\(\)"):
        trainer(tmp_path).validate(Line(), loader())
    with pytest.warns(UserWarning, match=r"Line defines no validation_step\(\); skipping it"):
        trainer(tmp_path).fit(Line(), [taeda.ones(1)], [taeda.ones(1)])
    with pytest.raises(Wrong, match="add the argument dataloader_idx=0"):
        trainer(tmp_path).validate(Net(), [loader(), loader()])


def test_manual_optimization_refuses_settings_that_do_nothing(tmp_path: Path) -> None:
    model = Net()
    model.automatic_optimization = False
    with pytest.raises(Wrong, match=r"Trainer\(gradient_clip_val=1\) does nothing in manual optimization"):
        trainer(tmp_path, gradient_clip_val=1).fit(model, loader())
    with pytest.raises(Wrong, match="manual_backward needs manual optimization"):
        Net().manual_backward(taeda.zeros(1))


def test_monitors_name_what_was_logged(tmp_path: Path) -> None:
    stopping = L.callbacks.EarlyStopping("val_los")
    with pytest.raises(
        Wrong, match=r"EarlyStopping\(monitor='val_los'\).*logged so far: \['train_loss'.*'val_loss'\]"
    ):
        trainer(tmp_path, callbacks=stopping).fit(Net(), loader(), loader())
    checkpoint = L.callbacks.ModelCheckpoint(tmp_path, monitor="accuracy")
    with pytest.raises(Wrong, match=r"ModelCheckpoint\(monitor='accuracy'\).*'val_loss'"):
        trainer(tmp_path, callbacks=checkpoint, enable_checkpointing=True).fit(Net(), loader(), loader())

    class Watching(Net):
        def configure_optimizers(self) -> Any:
            optimizer = sgd(self)
            watcher = taeda.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
            return [optimizer], [{"scheduler": watcher, "monitor": "nothing"}]

    with pytest.raises(
        Wrong, match=r"watches 'nothing', which was not logged; logged so far: \['train_loss'"
    ):
        trainer(tmp_path).fit(Watching(), loader())


def test_checkpoint_paths(tmp_path: Path) -> None:
    missing = tmp_path / "none.ckpt"
    (tmp_path / "other.ckpt").write_bytes(b"")
    with pytest.raises(
        CheckpointNotFoundError, match=r"none.ckpt' does not exist; checkpoints in .*\['other.ckpt'\]"
    ):
        trainer(tmp_path).fit(Net(), loader(), ckpt_path=missing)
    with pytest.raises(FileNotFoundError):
        Net.load_from_checkpoint(missing)
    with pytest.raises(Wrong, match=r"fit\(ckpt_path='best'\): there is no ModelCheckpoint callback"):
        trainer(tmp_path).fit(Net(), loader(), ckpt_path="best")
    saver = L.callbacks.ModelCheckpoint(tmp_path / "c")
    with pytest.raises(Wrong, match=r"ModelCheckpoint has saved nothing yet"):
        trainer(tmp_path, callbacks=saver, enable_checkpointing=True).test(Net(), loader(), ckpt_path="best")
    with pytest.warns(UserWarning, match=r"ckpt_path='last'\): no last checkpoint is there yet"):
        trainer(tmp_path, callbacks=saver, enable_checkpointing=True).fit(Net(), loader(), ckpt_path="last")


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    weights = tmp_path / "weights.ckpt"
    taeda.save({"w": taeda.zeros(1)}, str(weights))
    with pytest.raises(
        Wrong, match=r"is no checkpoint of a Trainer: expected a dict with 'state_dict', found \['w'\]"
    ):
        trainer(tmp_path).fit(Net(), loader(), ckpt_path=weights)
    run = trainer(tmp_path)
    run.fit(Net(), loader())
    only = tmp_path / "only.ckpt"
    run.save_checkpoint(only, weights_only=True)
    with pytest.raises(Wrong, match="training cannot go on from it"):
        trainer(tmp_path).fit(Net(), loader(), ckpt_path=only)
    full = tmp_path / "full.ckpt"
    run.save_checkpoint(full)

    class Unscheduled(Net):
        def configure_optimizers(self) -> Any:
            return sgd(self)

    with pytest.raises(Wrong, match="holds 2 schedulers, configure_optimizers returned 0"):
        trainer(tmp_path).fit(Unscheduled(), loader(), ckpt_path=full)


def test_state_that_cannot_be_stored_safely(tmp_path: Path) -> None:
    class Storing(Net):
        def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            checkpoint["extra"] = {"function": [print]}

    run = trainer(tmp_path)
    run.fit(Storing(), loader())
    with pytest.raises(
        TypeError, match=r"checkpoint\['extra'\]\['function'\]\[0\] is a builtins.builtin_function"
    ):
        run.save_checkpoint(tmp_path / "x.ckpt")
    assert not list(tmp_path.glob("*x.ckpt*"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"mode": "best"}, "ModelCheckpoint(mode='best'): expected 'min' or 'max'"),
        ({"save_top_k": -2}, "ModelCheckpoint(save_top_k=-2): expected a number from -1"),
        ({"save_top_k": 3}, "needs monitor= to tell which are best"),
        ({"every_n_epochs": 1, "every_n_train_steps": 1}, "exclude each other"),
    ],
)
def test_model_checkpoint_arguments(options: dict[str, Any], text: str) -> None:
    with pytest.raises(Wrong) as caught:
        L.callbacks.ModelCheckpoint(**options)
    assert text in str(caught.value)


def test_other_callbacks() -> None:
    with pytest.raises(Wrong, match="expected 'min' or 'max'"):
        L.callbacks.EarlyStopping("x", mode="low")
    with pytest.raises(Wrong, match="expected 'step', 'epoch' or None"):
        L.callbacks.LearningRateMonitor("batch")
    with pytest.raises(Wrong, match="expected epochs from 0 to numbers of batches from 1"):
        L.callbacks.GradientAccumulationScheduler({1: 0})
    with pytest.raises(
        TypeError, match=r"there is no hook 'on_train_batch'; did you mean 'on_train_batch_end'|start"
    ):
        L.callbacks.LambdaCallback(on_train_batch=print)
    with pytest.raises(Wrong, match="expected a positive number"):
        L.callbacks.StochasticWeightAveraging(-1.0)
    with pytest.raises(Wrong, match="expected 'step' or 'epoch'"):
        L.callbacks.Timer(interval="day")
    with pytest.raises(ValueError, match="expected an integer from 0 to 4294967295"):
        L.seed_everything(-1)
