"""The loop against values worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from models import QUIET, Line, Net, loader, points

import taeda
import taeda_lightning as L
from taeda import nn
from taeda.utils.data import DataLoader, TensorDataset


def trainer(tmp_path: Path, **settings: Any) -> L.Trainer:
    return L.Trainer(default_root_dir=tmp_path, **{"enable_checkpointing": False, **QUIET, **settings})


def numbers(*values: float) -> DataLoader[Any]:
    """Batches of one number each."""
    return DataLoader([taeda.tensor(value) for value in values], batch_size=1)


def test_plain_steps(tmp_path: Path) -> None:
    # loss w * x has gradient x; with lr 1, w = 0 - (1 + 2 + 3) after an epoch
    model = Line()
    run = trainer(tmp_path, max_epochs=2)
    run.fit(model, numbers(1.0, 2.0, 3.0))
    assert model.w.item() == -12.0
    assert (run.global_step, run.current_epoch) == (6, 2)


def test_accumulation_averages_and_steps_on_the_last_batch(tmp_path: Path) -> None:
    # windows (1, 2) and (3): gradients (1 + 2) / 2 and 3 / 2
    model = Line()
    run = trainer(tmp_path, max_epochs=1, accumulate_grad_batches=2)
    run.fit(model, numbers(1.0, 2.0, 3.0))
    assert model.w.item() == -3.0
    assert run.global_step == 2


def test_accumulation_scheduler_changes_by_epoch(tmp_path: Path) -> None:
    # epoch 0 every batch: -6; epoch 1 in windows of three: -(1 + 2 + 3) / 3
    model = Line()
    run = trainer(tmp_path, max_epochs=2, callbacks=L.callbacks.GradientAccumulationScheduler({1: 3}))
    run.fit(model, numbers(1.0, 2.0, 3.0))
    assert model.w.item() == pytest.approx(-8.0)
    assert run.global_step == 4


@pytest.mark.parametrize(("algorithm", "expected"), [("value", -3 * 0.5), ("norm", -3 * 0.5), (None, -1.5)])
def test_clipping(algorithm: str | None, expected: float, tmp_path: Path) -> None:
    model = Line()
    run = trainer(tmp_path, max_epochs=1, gradient_clip_val=0.5, gradient_clip_algorithm=algorithm)
    run.fit(model, numbers(1.0, 2.0, 3.0))
    assert model.w.item() == pytest.approx(expected, rel=1e-4)


def test_clipping_by_norm_keeps_direction(tmp_path: Path) -> None:
    class Two(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(taeda.zeros(2))

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return self.w[0] * 3 + self.w[1] * 4

        def configure_optimizers(self) -> Any:
            return taeda.optim.SGD(self.parameters(), lr=1.0)

    model = Two()
    trainer(tmp_path, max_steps=1, gradient_clip_val=1.0).fit(model, numbers(0.0))
    assert model.w.tolist() == pytest.approx([-0.6, -0.8], rel=1e-4)


def test_limits_of_steps_and_batches(tmp_path: Path) -> None:
    model = Line()
    run = trainer(tmp_path, max_steps=4)
    run.fit(model, numbers(1.0, 1.0, 1.0))
    assert (model.w.item(), run.global_step, run.current_epoch) == (-4.0, 4, 2)
    model = Line()
    run = trainer(tmp_path, max_epochs=2, limit_train_batches=0.5)
    run.fit(model, numbers(1.0, 2.0, 3.0, 4.0))
    assert (model.w.item(), run.num_training_batches) == (-6.0, 2)


def test_min_epochs_outlasts_should_stop(tmp_path: Path) -> None:
    class Stop(L.Callback):
        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            trainer.should_stop = True

    run = trainer(tmp_path, max_epochs=5, min_epochs=2, callbacks=Stop())
    run.fit(Line(), numbers(1.0, 2.0))
    assert run.global_step == 4
    run = trainer(tmp_path, max_epochs=5, callbacks=Stop())
    run.fit(Line(), numbers(1.0, 2.0))
    assert run.global_step == 1


def test_skipping_an_epoch_from_on_train_batch_start(tmp_path: Path) -> None:
    class Skipping(Line):
        def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
            return -1 if batch_idx == 1 else None

    model = Skipping()
    run = trainer(tmp_path, max_epochs=2)
    run.fit(model, numbers(1.0, 10.0, 100.0))
    assert (model.w.item(), run.global_step) == (-2.0, 2)


def test_step_that_returns_none_changes_nothing(tmp_path: Path) -> None:
    class Sometimes(Line):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return None if batch_idx == 0 else {"loss": super().training_step(batch, batch_idx), "x": batch}

    seen: list[Any] = []
    watcher = L.callbacks.LambdaCallback(on_train_batch_end=lambda *arguments: seen.append(arguments[2]))
    model = Sometimes()
    with pytest.warns(UserWarning, match="training_step returned None"):
        trainer(tmp_path, max_epochs=1, callbacks=watcher).fit(model, numbers(5.0, 2.0))
    assert model.w.item() == -2.0
    assert seen[0] == {}
    assert sorted(seen[1]) == ["loss", "x"]


def test_schedulers_by_step_and_epoch(tmp_path: Path) -> None:
    class Scheduled(Line):
        def configure_optimizers(self) -> Any:
            optimizer = super().configure_optimizers()
            halve = taeda.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
            tenth = taeda.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.1)
            return [optimizer], [{"scheduler": halve, "interval": "step", "frequency": 2}, tenth]

    # rates 1, 1, 0.5 (after two batches), 0.05 (after the epoch)
    model = Scheduled()
    run = trainer(tmp_path, max_epochs=1)
    run.fit(model, numbers(1.0, 1.0, 1.0))
    assert model.w.item() == -2.5
    assert run.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05)


def test_plateau_scheduler_watches_a_logged_value(tmp_path: Path) -> None:
    class Watching(Line):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.log("score", 1.0)

        def configure_optimizers(self) -> Any:
            optimizer = super().configure_optimizers()
            plateau = taeda.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
            return {"optimizer": optimizer, "lr_scheduler": plateau, "monitor": "score"}

    run = trainer(tmp_path, max_epochs=3)
    run.fit(Watching(), numbers(1.0), numbers(1.0))
    assert run.optimizers[0].param_groups[0]["lr"] == 0.25  # the first value is the best, two are not better


def test_manual_optimization_counts_steps_and_hooks(tmp_path: Path) -> None:
    calls: list[str] = []

    class Manual(Line):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False

        def training_step(self, batch: Any, batch_idx: int) -> None:
            optimizer = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward((self.w * batch).sum())
            optimizer.step()

        def on_before_optimizer_step(self, optimizer: Any) -> None:
            calls.append("step")

        def on_after_backward(self) -> None:
            calls.append("backward")

    model = Manual()
    run = trainer(tmp_path, max_epochs=1)
    run.fit(model, numbers(1.0, 2.0))
    assert (model.w.item(), run.global_step) == (-3.0, 2)
    assert calls == ["backward", "step"] * 2


def test_toggled_optimizer_freezes_the_others(tmp_path: Path) -> None:
    class Pair(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.a, self.b = nn.Linear(1, 1), nn.Linear(1, 1)

        def training_step(self, batch: Any, batch_idx: int) -> None:
            first, second = self.optimizers()
            with first.toggle_model():
                assert [p.requires_grad for p in self.parameters()] == [True, True, False, False]
            with self.toggled_optimizer(second):
                assert [p.requires_grad for p in self.parameters()] == [False, False, True, True]
            assert all(p.requires_grad for p in self.parameters())

        def configure_optimizers(self) -> Any:
            return [taeda.optim.SGD(part.parameters(), lr=1.0) for part in (self.a, self.b)]

    trainer(tmp_path, max_steps=-1, max_epochs=1).fit(Pair(), numbers(1.0))


def test_validation_runs_when_asked(tmp_path: Path) -> None:
    class Counting(Line):
        runs: list[tuple[int, int]]

        def __init__(self) -> None:
            super().__init__()
            self.runs = []

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            if batch_idx == 0 and not self.trainer.sanity_checking:
                self.runs.append((self.current_epoch, self.trainer.progress.batch_idx))

    def runs(**settings: Any) -> list[tuple[int, int]]:
        model = Counting()
        trainer(tmp_path, **settings).fit(model, numbers(1.0, 2.0, 3.0, 4.0), numbers(1.0, 2.0))
        return model.runs

    assert runs(max_epochs=2) == [(0, 3), (1, 3)]
    assert runs(max_epochs=2, check_val_every_n_epoch=2) == [(1, 3)]
    assert runs(max_epochs=1, val_check_interval=0.5) == [(0, 1), (0, 3)]
    assert runs(max_epochs=1, val_check_interval=3) == [(0, 2)]
    assert runs(max_epochs=2, val_check_interval=3, check_val_every_n_epoch=None) == [(0, 2), (1, 1)]
    assert runs(max_epochs=1, limit_val_batches=0) == []
    assert runs(max_epochs=1, val_check_interval={"hours": 1}) == []
    assert runs(max_epochs=1, val_check_interval="00:00:00:00") == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_modes_come_back_after_validation(tmp_path: Path) -> None:
    model = Net()
    model.net[1].eval()
    seen: list[bool] = []
    watcher = L.callbacks.LambdaCallback(
        on_train_batch_start=lambda *_: seen.append((model.training, model.net[1].training)),
        on_validation_start=lambda *_: seen.append((model.training, model.net[1].training)),
    )
    trainer(tmp_path, max_epochs=1, limit_train_batches=1, callbacks=watcher).fit(model, loader(), loader())
    assert seen == [(False, False), (True, False), (False, False)]


def test_sanity_check_leaves_no_trace(tmp_path: Path) -> None:
    def run(steps: int) -> tuple[Any, Any]:
        L.seed_everything(3, verbose=False)
        model = Net()
        fit = trainer(tmp_path, max_epochs=1, num_sanity_val_steps=steps, limit_train_batches=3)
        fit.fit(model, loader(shuffle=True), loader(shuffle=True))
        return model.net[0].weight.tolist(), fit.callback_metrics["val_loss"].item()

    assert run(2)[0] == run(0)[0]


def test_fast_dev_run_is_one_batch_of_everything(tmp_path: Path) -> None:
    run = L.Trainer(
        fast_dev_run=True, default_root_dir=tmp_path, enable_progress_bar=False, accelerator="cpu"
    )
    model = Net()
    run.fit(model, loader(), loader())
    assert (run.global_step, run.num_val_batches) == (1, [1])
    assert run.loggers == []
    assert run.checkpoint_callback is None
    assert not list(tmp_path.iterdir())


def test_overfit_batches_repeats_the_same_batches(tmp_path: Path) -> None:
    class Collect(Net):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Any] = []

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.seen.append(batch[0].tolist())
            return super().training_step(batch, batch_idx)

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.seen.append(batch[0].tolist())

    model = Collect()
    run = trainer(tmp_path, max_epochs=2, overfit_batches=2, num_sanity_val_steps=0)
    with pytest.warns(UserWarning, match="fixed order"):
        run.fit(model, loader(shuffle=True), loader(4))
    assert model.seen[0:2] == model.seen[2:4] == model.seen[4:6] == model.seen[6:8]
    assert model.seen[0] == points()[0][:4].tolist()


def test_test_and_validate_return_weighted_means(tmp_path: Path) -> None:
    class Mean(Line):
        def test_step(self, batch: Any, batch_idx: int) -> None:
            self.log("mean", batch.mean())
            self.log("sum", batch.sum(), reduce_fx="sum")
            self.log("largest", batch.max(), reduce_fx=max)
            self.log("smallest", batch.min(), reduce_fx="min")
            self.log("fixed", batch.mean(), batch_size=1)

    data = DataLoader([taeda.tensor(float(i)) for i in range(5)], batch_size=3)  # (0 1 2) and (3 4)
    (results,) = trainer(tmp_path).test(Mean(), data, verbose=False)
    assert results == {"mean": 2.0, "sum": 10.0, "largest": 4.0, "smallest": 0.0, "fixed": 2.25}


def test_several_loaders_are_told_apart(tmp_path: Path) -> None:
    class Several(Line):
        def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
            self.log("value", batch.mean())
            self.log("all", batch.mean(), add_dataloader_idx=False)

        def on_validation_epoch_end(self) -> None:
            self.log("end", 7.0)

    run = trainer(tmp_path)
    results = run.validate(Several(), [numbers(1.0, 3.0), numbers(10.0)], verbose=False)
    shared = {"all": pytest.approx(14 / 3), "end": 7.0}
    assert results == [{"value/dataloader_idx_0": 2.0, **shared}, {"value/dataloader_idx_1": 10.0, **shared}]
    assert run.callback_metrics["value/dataloader_idx_1"].item() == 10.0


def test_results_are_printed_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer(tmp_path).test(Net(), loader(), verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "test metric"
    assert lines[2].startswith("accuracy")


def test_predict_collects_outputs_of_each_loader(tmp_path: Path) -> None:
    class Doubling(Line):
        def predict_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> Any:
            return (batch * 2).item() + 100 * dataloader_idx

    run = trainer(tmp_path)
    assert run.predict(Doubling(), numbers(1.0, 2.0)) == [2.0, 4.0]
    assert run.predict(Doubling(), [numbers(1.0), numbers(2.0)]) == [[2.0], [104.0]]
    assert run.predict(Doubling(), numbers(1.0), return_predictions=False) is None


def test_data_module_gives_loaders_and_transfers_batches(tmp_path: Path) -> None:
    calls: list[str] = []

    class Data(L.LightningDataModule):
        def prepare_data(self) -> None:
            calls.append("prepare")

        def setup(self, stage: str) -> None:
            calls.append(f"setup {stage}")

        def train_dataloader(self) -> Any:
            return numbers(1.0, 2.0)

        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            return batch * 10

        def teardown(self, stage: str) -> None:
            calls.append(f"teardown {stage}")

    model = Line()
    trainer(tmp_path, max_epochs=1).fit(model, datamodule=Data())
    assert model.w.item() == -30.0
    assert calls == ["prepare", "setup fit", "teardown fit"]


def test_data_module_from_datasets(tmp_path: Path) -> None:
    data = L.LightningDataModule.from_datasets(
        TensorDataset(*points(8)), TensorDataset(*points(4)), batch_size=4
    )
    run = trainer(tmp_path, max_epochs=1)
    run.fit(Net(), datamodule=data)
    assert (run.global_step, run.num_val_batches) == (2, [1])


def test_mixed_precision(tmp_path: Path) -> None:
    dtypes: dict[str, Any] = {}

    class Mixed(Net):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            logits = self(batch[0])
            loss = nn.functional.cross_entropy(logits, batch[1])
            dtypes["logits"], dtypes["loss"] = logits.dtype, loss.dtype
            return loss

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            dtypes["validation"] = self(batch[0]).dtype

        def on_after_backward(self) -> None:
            dtypes["gradient"] = self.net[0].weight.grad.dtype
            dtypes["outside"] = (taeda.ones(2, 2) @ taeda.ones(2, 2)).dtype

    model = Mixed()
    trainer(tmp_path, max_steps=2, precision="bf16-mixed").fit(model, loader(), loader())
    assert dtypes == {
        "logits": taeda.bfloat16, "loss": taeda.float32, "validation": taeda.bfloat16, "gradient": taeda.float32,
        "outside": taeda.float32,
    }  # fmt: skip
    assert model.net[0].weight.dtype == taeda.float32


def test_double_precision(tmp_path: Path) -> None:
    types: list[Any] = []

    class Typed(Net):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            types.append((batch[0].dtype, batch[1].dtype, taeda.zeros(1).dtype))
            return super().training_step(batch, batch_idx)

    model = Typed()
    trainer(tmp_path, max_steps=1, precision="64-true").fit(model, loader())
    assert types == [(taeda.float64, taeda.int64, taeda.float64)]
    assert model.net[0].weight.dtype == taeda.float64
    assert taeda.get_default_dtype() == taeda.float32


def test_timer_stops_and_counts(tmp_path: Path) -> None:
    timer = L.callbacks.Timer({"seconds": 0}, verbose=False)
    run = trainer(tmp_path, max_epochs=5, callbacks=timer)
    run.fit(Line(), numbers(1.0, 2.0))
    assert run.global_step == 0
    run = trainer(tmp_path, max_time="00:01:00:00", max_epochs=2)
    run.fit(Line(), numbers(1.0, 2.0))
    assert run.global_step == 4
    (own,) = [callback for callback in run.callbacks if isinstance(callback, L.callbacks.Timer)]
    remaining = own.time_remaining()
    assert remaining is not None
    assert math.isclose(remaining + own.time_elapsed(), 3600.0)


def test_weight_averaging_ends_with_the_mean_of_the_epochs(tmp_path: Path) -> None:
    averaging = L.callbacks.StochasticWeightAveraging(1.0, swa_epoch_start=2, annealing_epochs=0)
    model = Line()
    trainer(tmp_path, max_epochs=3, callbacks=averaging).fit(model, numbers(1.0, 2.0))
    assert model.w.item() == -7.5  # weights after the epochs: -3, then -6 and -9, which are averaged


def test_training_again_continues_counting(tmp_path: Path) -> None:
    model = Line()
    run = trainer(tmp_path, max_epochs=1)
    run.fit(model, numbers(1.0))
    run.fit(model, numbers(1.0))
    assert model.w.item() == -1.0
    run.max_epochs = 2
    run.fit(model, numbers(1.0))
    assert model.w.item() == -2.0


def test_estimated_steps(tmp_path: Path) -> None:
    found: list[float] = []

    class Asking(Line):
        def configure_optimizers(self) -> Any:
            found.append(self.trainer.estimated_stepping_batches)
            return super().configure_optimizers()

    for settings in ({"max_epochs": 2, "accumulate_grad_batches": 2}, {"max_steps": 4}, {"max_epochs": -1}):
        run = trainer(tmp_path, limit_train_batches=3, max_time={"seconds": 0}, **settings)  # type: ignore[arg-type]
        run.fit(Asking(), numbers(1.0, 2.0, 3.0, 4.0))
    assert found == [4, 4, math.inf]


def test_configure_callbacks_replace_those_of_the_same_type(tmp_path: Path) -> None:
    class Own(Line):
        def configure_callbacks(self) -> Any:
            return L.callbacks.EarlyStopping("loss", patience=9)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            assert [c.patience for c in self.trainer.early_stopping_callbacks] == [9]
            loss = super().training_step(batch, batch_idx)
            self.log("loss", loss, on_epoch=True)
            return loss

    run = trainer(tmp_path, max_epochs=1, callbacks=L.callbacks.EarlyStopping("other"))
    run.fit(Own(), numbers(1.0))
    assert [callback.monitor for callback in run.early_stopping_callbacks] == ["other"]


def test_deterministic_sets_the_switch(tmp_path: Path) -> None:
    def switches() -> tuple[bool, bool]:
        return (
            taeda.are_deterministic_algorithms_enabled(),
            taeda.is_deterministic_algorithms_warn_only_enabled(),
        )

    try:
        trainer(tmp_path, deterministic=True)
        assert switches() == (True, False)
        trainer(tmp_path)
        assert switches() == (True, False)
        trainer(tmp_path, deterministic="warn")
        assert switches() == (True, True)
        trainer(tmp_path, deterministic=False)
        assert switches() == (False, False)
    finally:
        taeda.use_deterministic_algorithms(False)
