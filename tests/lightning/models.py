"""Small models and data that the tests of the trainer share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import taeda
import taeda_lightning as L
from taeda import nn
from taeda.utils.data import DataLoader, TensorDataset

QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "logger": False,
}


def points(count: int = 40) -> tuple[taeda.Tensor, taeda.Tensor]:
    """Points in the plane and whether they lie above the diagonal; the same in every call."""
    x = taeda.tensor([[((7 * i) % 13) / 6 - 1, ((5 * i) % 11) / 5 - 1] for i in range(count)])
    return x, (x[:, 1] > x[:, 0]).long()


def loader(count: int = 40, batch_size: int = 4, **options: Any) -> DataLoader[Any]:
    """A loader over `points`."""
    return DataLoader(TensorDataset(*points(count)), batch_size=batch_size, **options)


class Net(L.LightningModule):
    """A classifier with dropout and batch norm, so that a resume must restore generators and buffers."""

    def __init__(self, lr: float = 0.05, dropout: float = 0.3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2)
        )

    def forward(self, x: taeda.Tensor) -> Any:
        return self.net(x)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", nn.functional.cross_entropy(self(batch[0]), batch[1]))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("accuracy", (self(batch[0]).argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> Any:
        optimizer = taeda.optim.Adam(self.parameters(), lr=self.hparams.lr)
        by_step = taeda.optim.lr_scheduler.StepLR(optimizer, 3, gamma=0.9)
        plateau = taeda.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.7)
        return (
            [optimizer],
            [
                {"scheduler": by_step, "interval": "step"},
                {"scheduler": plateau, "monitor": "train_loss_epoch"},
            ],
        )


class Line(L.LightningModule):
    """One weight w, loss w * mean(x), SGD: every step can be worked out by hand."""

    def __init__(self, lr: float = 1.0, start: float = 0.0) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.w = nn.Parameter(taeda.tensor([start]))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return (self.w * batch).mean()

    def configure_optimizers(self) -> Any:
        return taeda.optim.SGD(self.parameters(), lr=self.hparams.lr)


def weights(model: Any) -> list[Any]:
    """All parameters and buffers as nested lists, for exact comparison."""
    return [tensor.detach().tolist() for tensor in (*model.parameters(), *model.buffers())]


class SaveEverywhere(L.callbacks.Checkpoint):
    """Writes a checkpoint at every point where one may be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[Path] = []

    def save(self, trainer: Any, label: str) -> None:
        if not trainer.sanity_checking:
            self.files.append(self.folder / f"{len(self.files):03d}-{label}.ckpt")
            trainer.save_checkpoint(self.files[-1])

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.save(trainer, "train_start")

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self.save(trainer, "epoch_start")

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.save(trainer, "batch")

    def on_validation_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.save(trainer, "in_validation")

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self.save(trainer, "validation")

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.save(trainer, "epoch")

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self.save(trainer, "train_end")
