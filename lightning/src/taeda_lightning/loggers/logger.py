"""`Logger`: where metrics and hyper-parameters go."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..callbacks.model_checkpoint import ModelCheckpoint

__all__ = ["FolderLogger", "Logger", "flatten_parameters", "next_version"]


class Logger:
    """Base of loggers: override `log_metrics`, `log_hyperparams`, `name` and `version`.

    Example:
        >>> Logger().name is None
        True
    """

    @property
    def name(self) -> str | None:
        """Name of the experiment."""
        return None

    @property
    def version(self) -> int | str | None:
        """Number or name of the run."""
        return None

    @property
    def root_dir(self) -> str | None:
        """Folder of all runs of the experiment."""
        return None

    @property
    def log_dir(self) -> str | None:
        """Folder of this run."""
        return None

    @property
    def save_dir(self) -> str | None:
        """Folder of all experiments."""
        return None

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Take values at a step."""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Take hyper-parameters."""

    def log_graph(self, model: Any, input_array: Any = None) -> None:
        """Take the model's graph."""

    def save(self) -> None:
        """Write what was taken, if it is time."""

    def finalize(self, status: str) -> None:
        """Write everything; `status` is "success" or "failed"."""
        self.save()

    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        """Called when a checkpoint was written."""


class FolderLogger(Logger):
    """A logger whose files lie in `save_dir/name/version_N`.

    Args:
        save_dir: folder of all experiments.
        name: name of the experiment, a sub-folder; empty or None for none.
        version: number or folder name of the run; by default the next free number.
        prefix: put before the names of metrics, with "-".
    """

    def __init__(
        self,
        save_dir: str | Path,
        name: str | None = "lightning_logs",
        version: int | str | None = None,
        prefix: str = "",
    ) -> None:
        self._save_dir = os.fspath(save_dir)
        self._name = name or ""
        self._version = version
        self._prefix = prefix
        self.hparams: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self._name

    @property
    def save_dir(self) -> str:
        """Folder of all experiments."""
        return self._save_dir

    @property
    def root_dir(self) -> str:
        """Folder of all runs of the experiment."""
        return os.path.join(self.save_dir, self.name)

    @property
    def version(self) -> int | str:
        """Number or folder name of the run."""
        if self._version is None:
            self._version = next_version(self.root_dir)
        return self._version

    @property
    def log_dir(self) -> str:
        """Folder of this run."""
        version = self.version if isinstance(self.version, str) else f"version_{self.version}"
        return os.path.join(self.root_dir, version)

    def _named(self, metrics: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{self._prefix}-{k}": v for k, v in metrics.items()} if self._prefix else dict(metrics)


def next_version(root_dir: str) -> int:
    """One more than the highest N of the folders `version_N` in `root_dir`."""
    root = Path(root_dir)
    numbers = [
        int(path.name[len("version_") :])
        for path in (root.iterdir() if root.is_dir() else ())
        if path.is_dir() and path.name.startswith("version_") and path.name[len("version_") :].isdigit()
    ]
    return max(numbers, default=-1) + 1


def flatten_parameters(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested hyper-parameters with names joined by "/".

    Example:
        >>> flatten_parameters({"model": {"width": 8}, "lr": 0.1})
        {'model/width': 8, 'lr': 0.1}
    """
    flat: dict[str, Any] = {}
    for key, value in params.items():
        if isinstance(value, Mapping):
            flat.update(flatten_parameters(value, f"{prefix}{key}/"))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
