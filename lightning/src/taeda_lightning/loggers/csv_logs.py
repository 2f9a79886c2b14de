"""`CSVLogger`: metrics as `metrics.csv`, hyper-parameters as `hparams.yaml`."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .hparams_file import as_namespace_dict, write_hparams_file
from .logger import FolderLogger

__all__ = ["CSVLogger", "ExperimentWriter"]


class ExperimentWriter:
    """Rows of metrics in a folder; the file gets a new header when a new name turns up.

    Args:
        log_dir: folder of the run.
    """

    NAME_METRICS_FILE = "metrics.csv"

    def __init__(self, log_dir: str) -> None:
        self.log_dir = log_dir
        self.metrics: list[dict[str, float]] = []
        self.metrics_keys: list[str] = []
        self.metrics_file_path = os.path.join(log_dir, self.NAME_METRICS_FILE)
        os.makedirs(log_dir, exist_ok=True)
        if os.path.exists(self.metrics_file_path):
            os.remove(self.metrics_file_path)

    def log_metrics(self, metrics_dict: Mapping[str, float], step: int | None = None) -> None:
        """Take one row."""
        row = {name: float(value) for name, value in metrics_dict.items()}
        self.metrics.append({**row, "step": len(self.metrics) if step is None else step})

    def save(self) -> None:
        """Append the rows taken since the last save."""
        if not self.metrics:
            return
        names = sorted({name for row in self.metrics for name in row} - set(self.metrics_keys))
        is_new = not os.path.exists(self.metrics_file_path)
        if names and not is_new:
            self._rewrite(sorted({*self.metrics_keys, *names}))
        elif names:
            self.metrics_keys = sorted({*self.metrics_keys, *names})
        with open(self.metrics_file_path, "a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=self.metrics_keys)
            if is_new:
                writer.writeheader()
            writer.writerows(self.metrics)
        self.metrics = []

    def _rewrite(self, names: list[str]) -> None:
        """Write the file anew with more columns."""
        with open(self.metrics_file_path, newline="") as file:
            rows = list(csv.DictReader(file))
        self.metrics_keys = names
        temporary = self.metrics_file_path + ".tmp"
        with open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=names)
            writer.writeheader()
            writer.writerows(rows)
        os.replace(temporary, self.metrics_file_path)


class CSVLogger(FolderLogger):
    """Write metrics to `save_dir/name/version_N/metrics.csv`.

    Args:
        save_dir: folder of all experiments.
        name: name of the experiment.
        version: number or folder name of the run; by default the next free number.
        prefix: put before the names of metrics, with "-".
        flush_logs_every_n_steps: write to disk every so many steps.

    Example:
        >>> CSVLogger("logs", version=3).log_dir
        'logs/lightning_logs/version_3'
    """

    def __init__(
        self,
        save_dir: str | Path,
        name: str | None = "lightning_logs",
        version: int | str | None = None,
        prefix: str = "",
        flush_logs_every_n_steps: int = 100,
    ) -> None:
        super().__init__(save_dir, name, version, prefix)
        self._flush_every = flush_logs_every_n_steps
        self._writer: ExperimentWriter | None = None

    @property
    def experiment(self) -> ExperimentWriter:
        """The writer of the run."""
        if self._writer is None:
            self._writer = ExperimentWriter(self.log_dir)
        return self._writer

    def log_hyperparams(self, params: Any = None, *args: Any, **kwargs: Any) -> None:
        """Write hyper-parameters to `hparams.yaml`."""
        self.hparams.update(as_namespace_dict(params or {}))
        write_hparams_file(self.hparams, self.log_dir)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Take one row; every `flush_logs_every_n_steps` steps rows go to disk."""
        self.experiment.log_metrics(self._named(metrics), step)
        if step is not None and (step + 1) % self._flush_every == 0:
            self.experiment.save()

    def save(self) -> None:
        """See that `hparams.yaml` is there; rows are written at their own pace and at the end."""
        if not os.path.exists(os.path.join(self.log_dir, "hparams.yaml")):
            write_hparams_file(self.hparams, self.log_dir)

    def finalize(self, status: str) -> None:
        """Write all rows."""
        self.save()
        if self._writer is not None:
            self._writer.save()
