"""Progress bar, summary, early stopping, learning rates."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from models import QUIET, Line, Net, loader

import taeda
import taeda_lightning as L
from taeda import nn
from taeda_lightning.callbacks import EarlyStopping, LearningRateMonitor, TQDMProgressBar
from taeda_lightning.loggers import CSVLogger
from taeda_lightning.summary import summarize


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(tmp_path: Path, model: Any = None, **settings: Any) -> L.Trainer:
    options = {"max_epochs": 2, "enable_checkpointing": False, **QUIET, **settings}
    trainer = L.Trainer(default_root_dir=tmp_path, **options)
    trainer.fit(model or Net(), loader(), loader(8))
    return trainer


def test_progress_in_a_file_is_a_line_per_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    run(tmp_path, callbacks=TQDMProgressBar(), enable_progress_bar=True)
    lines = [line for line in stream.getvalue().splitlines() if line.startswith("Epoch")]
    assert [line.split(":")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert "10 batches in" in lines[0]
    assert "\r" not in stream.getvalue()


def test_progress_on_a_terminal_is_redrawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    bar = TQDMProgressBar()
    bar._seconds_between = 0.0
    run(tmp_path, callbacks=bar, enable_progress_bar=True)
    drawn = stream.getvalue().split("\r")
    bars = [text for text in drawn if "|" in text]
    assert len(bars) == 20
    assert bars[4].startswith("Epoch 1/2 |██████████··········| 5/10")
    assert any("validating" in text for text in drawn)
    assert stream.getvalue().count("\n") >= 2


def test_disabled_bar_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    run(tmp_path, callbacks=TQDMProgressBar(refresh_rate=0), enable_progress_bar=True)
    assert "Epoch" not in stream.getvalue()


def test_summary_counts_by_hand() -> None:
    model = nn.Sequential(nn.Linear(10, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False)))
    model[0].weight.requires_grad_(False)
    found = summarize(model, max_depth=1)
    assert [(row.name, row.kind, row.parameters) for row in found.rows] == [
        ("0", "Linear", 44),
        ("1", "Sequential", 8),
    ]
    assert (found.total_parameters, found.trainable_parameters) == (52, 12)
    assert found.model_size == pytest.approx(52 * 4 / 1e6)
    assert [row.name for row in summarize(model, max_depth=-1).rows] == ["0", "1", "1.0", "1.1"]
    assert "40        frozen parameters" in str(found)


def test_summary_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, enable_model_summary=True)
    assert "trainable parameters" in capsys.readouterr().out


class Falling(Line):
    """Logs given values as `score`, one in each epoch."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores = scores

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("score", self.scores[self.current_epoch], on_step=False, on_epoch=True)
        return self.w.sum()


@pytest.mark.parametrize(
    ("scores", "options", "epochs"),
    [
        ([5, 4, 4, 4, 3], {"patience": 2}, 4),
        ([5, 4.95, 4.9, 4.85, 4.8], {"patience": 2, "min_delta": 0.5}, 3),
        ([1, 2, 3, 2, 3.5], {"patience": 2, "mode": "max"}, 5),
        ([5, 4, 0.5, 0.1, 0], {"stopping_threshold": 1.0}, 3),
        ([5, 4, 100, 0.1, 0], {"divergence_threshold": 50.0}, 3),
        ([5, float("nan"), 1, 1, 1], {}, 2),
        ([5, float("inf"), 4, 3, 2], {"check_finite": False}, 5),
    ],
)
def test_early_stopping(scores: list[float], options: dict[str, Any], epochs: int, tmp_path: Path) -> None:
    stopping = EarlyStopping("score", **options)
    trainer = run(tmp_path, Falling(scores), callbacks=stopping, max_epochs=5, limit_val_batches=0)
    assert trainer.current_epoch == epochs
    assert (stopping.stopping_reason_message is None) == (epochs == 5)
    assert stopping.stopped_epoch == (0 if epochs == 5 else epochs - 1)


def test_early_stopping_that_is_not_strict(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="was not logged"):
        run(tmp_path, callbacks=EarlyStopping("nothing", strict=False))


def test_learning_rates_are_logged(tmp_path: Path) -> None:
    class Groups(Line):
        def __init__(self) -> None:
            super().__init__()
            self.other = nn.Parameter(taeda.zeros(1))

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return self.w.sum() + self.other.sum()

        def configure_optimizers(self) -> Any:
            groups = [{"params": [self.w], "lr": 1.0}, {"params": [self.other], "lr": 0.1}]
            optimizer = taeda.optim.SGD(groups, lr=1.0, momentum=0.5)
            halve = taeda.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
            return [optimizer], [{"scheduler": halve, "interval": "step"}]

    monitor = LearningRateMonitor(log_momentum=True)
    settings = {"logger": CSVLogger(tmp_path), "log_every_n_steps": 1, "max_steps": 3, "limit_val_batches": 0}
    run(tmp_path, Groups(), callbacks=monitor, **settings)
    assert monitor.lrs == {"lr-SGD/pg1": [1.0, 0.5, 0.25], "lr-SGD/pg2": pytest.approx([0.1, 0.05, 0.025])}
    header = next(tmp_path.rglob("metrics.csv")).read_text().splitlines()[0]
    assert "lr-SGD/pg1-momentum" in header


def test_learning_rate_monitor_needs_a_logger(tmp_path: Path) -> None:
    with pytest.raises(L.MisconfigurationException, match="has no logger to write to"):
        run(tmp_path, callbacks=LearningRateMonitor())


def test_exceptions_reach_callbacks_and_loggers(tmp_path: Path) -> None:
    seen: list[str] = []

    class Failing(Line):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            raise ZeroDivisionError

    class Log(L.loggers.Logger):
        def finalize(self, status: str) -> None:
            seen.append(status)

    watcher = L.callbacks.LambdaCallback(on_exception=lambda t, m, error: seen.append(type(error).__name__))
    trainer = L.Trainer(
        callbacks=watcher, enable_checkpointing=False, max_epochs=1, **{**QUIET, "logger": Log()}
    )
    with pytest.raises(ZeroDivisionError):
        trainer.fit(Failing(), loader())
    assert seen == ["ZeroDivisionError", "failed"]
    assert trainer.interrupted


def test_seed_everything_seeds_all_generators() -> None:
    import random

    import numpy

    draws = []
    for _ in range(2):
        assert L.seed_everything(11, verbose=False) == 11
        draws.append((random.random(), numpy.random.rand(), taeda.rand(1).item()))
    assert draws[0] == draws[1]


def test_gradient_norms() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.grad = taeda.tensor([[3.0, 4.0]])
    layer.bias.grad = taeda.tensor([12.0])
    assert L.utilities.grad_norm(layer, 2) == pytest.approx(
        {"grad_2.0_norm/weight": 5.0, "grad_2.0_norm/bias": 12.0, "grad_2.0_norm_total": 13.0}
    )
    assert L.utilities.grad_norm(layer, "inf")["grad_inf_norm_total"] == 12.0


def test_combined_loader_modes() -> None:
    combine = L.utilities.CombinedLoader
    long, short = [1, 2, 3], [10, 20]
    loaders = {"a": long, "b": short}
    assert [batch for batch, _, _ in combine(loaders, "min_size")] == [{"a": 1, "b": 10}, {"a": 2, "b": 20}]
    assert [batch["b"] for batch, _, _ in combine(loaders, "max_size_cycle")] == [10, 20, 10]
    assert [batch["b"] for batch, _, _ in combine(loaders, "max_size")] == [10, 20, None]
    sequence = [(1, 0, 0), (2, 1, 0), (3, 2, 0), (10, 0, 1), (20, 1, 1)]
    assert list(combine(loaders, "sequential")) == sequence
    assert [len(combine(loaders, mode)) for mode in ("min_size", "max_size", "sequential")] == [2, 3, 5]
    with pytest.raises(ValueError, match="got mode 'all'"):
        combine(loaders, "all")
