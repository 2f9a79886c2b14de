"""`TensorBoardLogger` and a `SummaryWriter` that need no TensorBoard to be installed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import taeda

from .hparams_file import as_namespace_dict, write_hparams_file, yaml_text
from .logger import FolderLogger, flatten_parameters
from .tensorboard_events import (
    EventFile,
    encode_png,
    histogram_summary,
    image_summary,
    scalar_summary,
    text_summary,
)

__all__ = ["SummaryWriter", "TensorBoardLogger"]


class SummaryWriter:
    """Writes scalars, text, images and histograms to an event file; torch's method names.

    Args:
        log_dir: folder of the file; made when the first value comes.
    """

    def __init__(self, log_dir: str | Path) -> None:
        self.log_dir = os.fspath(log_dir)
        self._opened: EventFile | None = None

    @property
    def _file(self) -> EventFile:
        if self._opened is None:
            self._opened = EventFile(self.log_dir)
        return self._opened

    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Add a number (or tensor with one element)."""
        self._file.add(scalar_summary(tag, float(scalar_value)), global_step, walltime)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: int | None = None
    ) -> None:
        """Add several numbers as `main_tag/NAME`."""
        for name, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{name}", value, global_step)

    def add_text(self, tag: str, text_string: str, global_step: int | None = None) -> None:
        """Add text (Markdown)."""
        self._file.add(text_summary(tag, text_string), global_step)

    def add_image(
        self, tag: str, img_tensor: taeda.Tensor, global_step: int | None = None, dataformats: str = "CHW"
    ) -> None:
        """Add an image.

        Args:
            tag: its name.
            img_tensor: uint8 from 0 to 255 or floating point from 0 to 1, of shape as `dataformats` says.
            global_step: step.
            dataformats: order of the dimensions: "CHW", "HWC" or "HW", with C of 1, 3 or 4.

        Raises:
            ValueError: the shape does not fit `dataformats`.
        """
        image = img_tensor.detach().cpu()
        if len(dataformats) != image.ndim or sorted(dataformats) not in (sorted("CHW"), sorted("HW")):
            raise ValueError(
                f"add_image: got shape {tuple(image.shape)} with dataformats={dataformats!r}; expected "
                "'CHW', 'HWC' or 'HW', one letter for each dimension"
            )
        if "C" not in dataformats:
            image, dataformats = image.unsqueeze(0), "C" + dataformats
        image = image.permute(*(dataformats.index(letter) for letter in "HWC"))
        if image.is_floating_point():
            image = (image.clamp(0, 1) * 255).round().to(taeda.uint8)
        height, width, channels = (int(size) for size in image.shape)
        if channels not in (1, 3, 4):
            raise ValueError(f"add_image: got {channels} channels; expected 1, 3 or 4")
        pixels = image.contiguous().reshape(height, width * channels).tolist()
        png = encode_png([bytes(row) for row in pixels], width, channels)
        self._file.add(image_summary(tag, png, height, width, channels), global_step)

    def add_histogram(self, tag: str, values: Any, global_step: int | None = None) -> None:
        """Add the distribution of a tensor's (or sequence's) values.

        Raises:
            ValueError: there are no values.
        """
        flat = (
            values.detach().cpu().reshape(-1).tolist() if isinstance(values, taeda.Tensor) else list(values)
        )
        if not flat:
            raise ValueError(f"add_histogram({tag!r}): expected at least one value, got none")
        self._file.add(histogram_summary(tag, [float(value) for value in flat]), global_step)

    def flush(self) -> None:
        """Write what is buffered."""
        if self._opened is not None:
            self._opened.flush()

    def close(self) -> None:
        """Write what is buffered and close the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


class TensorBoardLogger(FolderLogger):
    """Write metrics to event files in `save_dir/name/version_N`; open them with `tensorboard --logdir
    save_dir`.

    Args:
        save_dir: folder of all experiments.
        name: name of the experiment.
        version: number or folder name of the run; by default the next free number.
        log_graph: not built; pass False.
        default_hp_metric: write -1 as `hp_metric` when hyper-parameters come without metrics.
        prefix: put before the names of metrics, with "-".
        sub_dir: folder within the run's folder for the event file.
        kwargs: none are known; kept for Lightning's signature.

    Raises:
        NotImplementedError: `log_graph=True`.

    Example:
        >>> TensorBoardLogger("logs", name="digits", version="first").log_dir
        'logs/digits/first'
    """

    def __init__(
        self,
        save_dir: str | Path,
        name: str | None = "lightning_logs",
        version: int | str | None = None,
        log_graph: bool = False,
        default_hp_metric: bool = True,
        prefix: str = "",
        sub_dir: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(save_dir, name, version, prefix)
        if log_graph:
            raise NotImplementedError(
                "TensorBoardLogger(log_graph=True): graphs are not written; leave log_graph out"
            )
        self._default_hp_metric = default_hp_metric
        self._sub_dir = None if sub_dir is None else os.fspath(sub_dir)
        self._writer: SummaryWriter | None = None

    @property
    def log_dir(self) -> str:
        """Folder of this run."""
        return os.path.join(super().log_dir, self._sub_dir) if self._sub_dir else super().log_dir

    @property
    def experiment(self) -> SummaryWriter:
        """The writer of the run."""
        if self._writer is None:
            self._writer = SummaryWriter(self.log_dir)
        return self._writer

    def log_hyperparams(
        self, params: Any, metrics: Mapping[str, Any] | float | None = None, step: int | None = None
    ) -> None:
        """Write hyper-parameters to `hparams.yaml` and as text, with a metric to compare runs by.

        Args:
            params: mapping or namespace.
            metrics: values by name, or one value for `hp_metric`.
            step: step of the metrics.
        """
        self.hparams.update(as_namespace_dict(params))
        if metrics is None:
            metrics = {"hp_metric": -1.0} if self._default_hp_metric else {}
        elif not isinstance(metrics, Mapping):
            metrics = {"hp_metric": metrics}
        self.log_metrics(metrics, step or 0)
        text = yaml_text(flatten_parameters(self.hparams))
        self.experiment.add_text("hparams", "".join(f"    {line}\n" for line in text.splitlines()), step or 0)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Write values at a step; a dict as value becomes several curves."""
        for name, value in self._named(metrics).items():
            if isinstance(value, Mapping):
                self.experiment.add_scalars(name, value, step)
            else:
                self.experiment.add_scalar(name, value, step)

    def save(self) -> None:
        """Flush, and see that `hparams.yaml` is there."""
        if self._writer is not None:
            self._writer.flush()
        if not os.path.exists(os.path.join(self.log_dir, "hparams.yaml")):
            write_hparams_file(self.hparams, self.log_dir)

    def finalize(self, status: str) -> None:
        """Write everything and close the file; the next value opens a new one."""
        self.save()
        if self._writer is not None:
            self._writer.close()
