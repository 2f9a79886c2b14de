"""`self.log`: names, levels, reductions, and where values arrive."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from models import QUIET, Line

import taeda
import taeda_lightning as L
from taeda_lightning.metrics import MetricStore, log_levels


class Recorder(L.loggers.Logger):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.rows: list[tuple[int | None, dict[str, float]]] = []
        self.status = ""

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.rows.append((step, dict(metrics)))

    def finalize(self, status: str) -> None:
        self.status = status


def run(
    tmp_path: Path, model: L.LightningModule, batches: int = 4, **settings: Any
) -> tuple[L.Trainer, Recorder]:
    recorder = Recorder()
    options = {**QUIET, "logger": recorder, "log_every_n_steps": 2, "max_epochs": 1, **settings}
    trainer = L.Trainer(default_root_dir=tmp_path, enable_checkpointing=False, **options)
    trainer.fit(model, [taeda.tensor([float(i + 1)]) for i in range(batches)], [taeda.tensor([10.0])])
    return trainer, recorder


class Logging(Line):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("both", batch.sum(), on_step=True, on_epoch=True, prog_bar=True)
        self.log("by_step", batch.sum())
        self.log("by_epoch", batch.sum(), on_step=False, on_epoch=True, reduce_fx="max")
        self.log("hidden", batch.sum(), logger=False)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val", batch.sum())

    def on_train_epoch_end(self) -> None:
        self.log_dict({"end": 5.0, "other": 6.0})


def test_names_levels_and_steps(tmp_path: Path) -> None:
    trainer, recorder = run(tmp_path, Logging())
    assert recorder.rows == [
        (1, {"both_step": 2.0, "by_step": 2.0, "epoch": 0}),
        (3, {"both_step": 4.0, "by_step": 4.0, "epoch": 0}),
        (3, {"val": 10.0, "epoch": 0}),
        (3, {"both_epoch": 2.5, "by_epoch": 4.0, "end": 5.0, "other": 6.0, "epoch": 0}),
    ]
    assert recorder.status == "success"
    values = {name: value.item() for name, value in trainer.callback_metrics.items()}
    assert values == {
        "both": 2.5, "both_step": 4.0, "both_epoch": 2.5, "by_step": 4.0, "by_epoch": 4.0, "hidden": 4.0,
        "val": 10.0, "end": 5.0, "other": 6.0,
    }  # fmt: skip
    assert trainer.progress_bar_metrics == {"both_step": 4.0, "both_epoch": 2.5}
    assert "hidden" not in trainer.logged_metrics


def test_values_of_an_epoch_do_not_leak_into_the_next(tmp_path: Path) -> None:
    class First(Line):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            if self.current_epoch == 0:
                self.log("first", 1.0, on_step=False, on_epoch=True)
            self.log("number", batch.sum() + 10 * self.current_epoch, on_step=False, on_epoch=True)
            return super().training_step(batch, batch_idx)

    _, recorder = run(tmp_path, First(), batches=2, max_epochs=2, limit_val_batches=0)
    assert recorder.rows == [
        (1, {"first": 1.0, "number": 1.5, "epoch": 0}),
        (3, {"number": 11.5, "epoch": 1}),
    ]


def test_step_can_be_logged_as_x_axis(tmp_path: Path) -> None:
    class Axis(Line):
        def on_train_epoch_end(self) -> None:
            self.log_dict({"step": 77.0, "value": 1.0})

    _, recorder = run(tmp_path, Axis(), limit_val_batches=0)
    assert recorder.rows == [(77, {"value": 1.0})]


class Accuracy:
    """A metric object: counts, computes at the end, resets."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.values: list[float] = []
        self._forward_cache: Any = None

    def update(self, value: float) -> None:
        self.values.append(value)
        self._forward_cache = taeda.tensor(value)

    def compute(self) -> Any:
        return taeda.tensor(sorted(self.values)[len(self.values) // 2])


def test_metric_objects_compute_over_the_epoch(tmp_path: Path) -> None:
    class Median(Line):
        def __init__(self) -> None:
            super().__init__()
            self.median = Accuracy()

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.median.update(batch.item())
            self.log("median", self.median, on_step=True, on_epoch=True)
            return super().training_step(batch, batch_idx)

    model = Median()
    trainer, _ = run(tmp_path, model, batches=5, limit_val_batches=0)
    assert trainer.callback_metrics["median_epoch"].item() == 3.0
    assert trainer.callback_metrics["median_step"].item() == 5.0
    assert model.median.values == []


def in_hook(hook: str, call: Callable[[Any], None]) -> L.LightningModule:
    return type("InHook", (Line,), {hook: lambda self, *_: call(self)})()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("hook", "call", "text"),
    [
        ("on_fit_start", lambda m: m.log("x", 1.0), "you can't log inside on_fit_start"),
        ("on_train_end", lambda m: m.log("x", 1.0), "you can't log inside on_train_end"),
        ("on_train_epoch_end", lambda m: m.log("x", 1.0, on_step=True), "has no steps; leave on_step out"),
        ("on_train_epoch_end", lambda m: m.log("x", 1.0, on_epoch=False), "can only log per epoch"),
        ("on_train_batch_end", lambda m: m.log("x", 1.0, on_step=False, on_epoch=False), "is not useful"),
        (
            "on_train_batch_end",
            lambda m: m.log("x", 1.0, reduce_fx="median"),
            "expected one of 'mean', 'sum'",
        ),
        (
            "on_train_batch_end",
            lambda m: (m.log("x", 1.0), m.log("x", 1.0, prog_bar=True)),
            "was called twice in on_train_batch_end with different arguments",
        ),
        (
            "on_train_batch_end",
            lambda m: m.log("x/dataloader_idx_0", 1.0),
            "must not contain '/dataloader_idx_'",
        ),
    ],
)
def test_wrong_use_says_why(hook: str, call: Callable[[Any], None], text: str, tmp_path: Path) -> None:
    with pytest.raises(L.MisconfigurationException) as caught:
        run(tmp_path, in_hook(hook, call), limit_val_batches=0)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (taeda.zeros(2), r"expected a single number, got a tensor of shape \(2,\)"),
        ("high", "values of type str cannot be logged"),
        ({"a": 1}, "values of type dict cannot be logged"),
    ],
)
def test_wrong_values(value: Any, text: str, tmp_path: Path) -> None:
    model = in_hook("on_train_batch_end", lambda m: m.log("x", value))
    with pytest.raises(ValueError, match=text):
        run(tmp_path, model, limit_val_batches=0)
    nested = in_hook("on_train_batch_end", lambda m: m.log_dict({"x": {"y": 1}}))
    with pytest.raises(ValueError, match="the value of 'x' is a dict; expected numbers"):
        run(tmp_path, nested, limit_val_batches=0)


def test_without_a_trainer_a_value_is_dropped_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="no Trainer runs Line; the value is dropped"):
        Line().log("x", 1.0)


def test_levels_by_hook() -> None:
    assert log_levels("training_step", "x", None, None) == (True, False)
    assert log_levels("training_step", "x", None, True) == (True, True)
    assert log_levels("validation_step", "x", None, None) == (False, True)
    assert log_levels("on_validation_epoch_end", "x", None, None) == (False, True)


ARGUMENTS: dict[str, Any] = {
    "prog_bar": False,
    "logger": True,
    "on_step": True,
    "on_epoch": True,
    "reduce_fx": "mean",
    "enable_graph": False,
    "add_dataloader_idx": True,
    "batch_size": None,
}


def test_batch_size_is_found_in_nested_batches() -> None:
    store = MetricStore(is_training=True)
    for size, value in ((3, 1.0), (1, 5.0)):
        store.begin_batch({"meta": "name", "x": [taeda.zeros(size, 2)]})
        store.log("training_step", "x", value, **{**ARGUMENTS, "batch_size": None})
    store.begin_batch((taeda.zeros(4), taeda.zeros(3)))
    with pytest.warns(UserWarning, match=r"different first dimensions \[3, 4\]"):
        store.log("training_step", "x", 0.0, **ARGUMENTS)
    assert store.collect(on_step=False).logger["x_epoch"] == pytest.approx((3 * 1.0 + 5.0) / 8)
    store.begin_batch(object())
    with pytest.raises(ValueError, match="cannot tell the batch size of a object without tensors"):
        store.log("training_step", "y", 1.0, **ARGUMENTS)


def test_graph_is_kept_only_when_asked() -> None:
    weight = taeda.ones(1, requires_grad=True)
    store = MetricStore(is_training=True)
    store.log("training_step", "a", weight.sum(), **ARGUMENTS)
    store.log("training_step", "b", weight.sum() * 3, **{**ARGUMENTS, "enable_graph": True})
    found = store.collect(on_step=True).callback
    assert found["a_step"] == 1.0
    found["b_step"].backward()
    assert weight.grad is not None
    assert weight.grad.item() == 3.0


def test_nan_and_infinity_survive_reductions() -> None:
    store = MetricStore(is_training=True)
    for reduction in ("mean", "min", "max", "sum"):
        for value in (1.0, float("nan"), 2.0):
            store.log(
                "training_step", reduction, value, **{**ARGUMENTS, "reduce_fx": reduction, "batch_size": 1}
            )
    found = store.collect(on_step=False).logger
    assert all(value != value for value in found.values())


def test_running_reductions_are_restored() -> None:
    store = MetricStore(is_training=True)
    for value in (1.0, 2.0):
        store.log("training_step", "x", value, **{**ARGUMENTS, "batch_size": 2})
    restored = MetricStore(is_training=True)
    restored.load_state_dict(store.state_dict())
    for one in (store, restored):
        one.log("training_step", "x", 9.0, **{**ARGUMENTS, "batch_size": 1})
    assert restored.collect(on_step=False) == store.collect(on_step=False)
    assert restored.collect(on_step=False).logger["x_epoch"] == pytest.approx(15 / 5)


def test_barebones_drops_values(tmp_path: Path) -> None:
    trainer = L.Trainer(barebones=True, max_epochs=1, default_root_dir=tmp_path, accelerator="cpu")
    assert trainer.callbacks == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(Logging(), [taeda.ones(1)])
    assert trainer.callback_metrics == {}
    assert not list(tmp_path.iterdir())
