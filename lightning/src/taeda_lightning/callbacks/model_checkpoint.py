"""`ModelCheckpoint`: write checkpoints during a fit and keep the best ones."""

from __future__ import annotations

import math
import os
import re
import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import MisconfigurationException
from ..messages import info, warn
from .checkpoint import Checkpoint

if TYPE_CHECKING:
    from ..module import LightningModule
    from ..trainer import Trainer

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(Checkpoint):
    """Write a checkpoint after validations, epochs or steps.

    Args:
        dirpath: folder; by default `checkpoints` in the logger's folder.
        filename: template such as "{epoch:02d}-{val_loss:.3f}"; by default "{epoch}-{step}".
        monitor: logged name that decides which checkpoints are the best.
        verbose: say what is saved.
        save_last: also keep a copy of the newest one as `last.ckpt` ("link": a symbolic link).
        save_top_k: how many of the best to keep; -1 all, 0 none.
        save_on_exception: also save when a run ends with an exception.
        save_weights_only: leave out what only training needs.
        mode: "min" if smaller is better, "max" if larger.
        auto_insert_metric_name: write "epoch=02" rather than "02" for "{epoch:02d}".
        every_n_train_steps: save every so many optimizer steps.
        train_time_interval: save at this interval of time.
        every_n_epochs: save every so many epochs (1 if no other interval is given).
        save_on_train_epoch_end: save at the end of training epochs rather than validations (None: whichever
            fits).
        enable_version_counter: append "-v1", ... rather than overwrite a file that was there before.

    Raises:
        MisconfigurationException: the arguments contradict each other, or `monitor` was not logged.

    Example:
        >>> checkpoint = ModelCheckpoint(dirpath="weights", filename="{epoch:02d}-{val_loss:.2f}")
        >>> Path(checkpoint.format_checkpoint_name({"epoch": 3, "val_loss": 0.123})).name
        'epoch=03-val_loss=0.12.ckpt'
    """

    CHECKPOINT_JOIN_CHAR: ClassVar[str] = "-"
    CHECKPOINT_EQUALS_CHAR: ClassVar[str] = "="
    CHECKPOINT_NAME_LAST: str = "last"
    FILE_EXTENSION: ClassVar[str] = ".ckpt"
    STARTING_VERSION: ClassVar[int] = 1

    def __init__(
        self,
        dirpath: str | Path | None = None,
        filename: str | None = None,
        monitor: str | None = None,
        verbose: bool = False,
        save_last: bool | str | None = None,
        save_top_k: int = 1,
        save_on_exception: bool = False,
        save_weights_only: bool = False,
        mode: str = "min",
        auto_insert_metric_name: bool = True,
        every_n_train_steps: int | None = None,
        train_time_interval: timedelta | None = None,
        every_n_epochs: int | None = None,
        save_on_train_epoch_end: bool | None = None,
        enable_version_counter: bool = True,
    ) -> None:
        self.dirpath = None if dirpath is None else os.path.realpath(os.path.expanduser(dirpath))
        self.filename = filename
        self.monitor = monitor
        self.verbose = verbose
        self.save_last = save_last
        self.save_top_k = save_top_k
        self.save_on_exception = save_on_exception
        self.save_weights_only = save_weights_only
        self.mode = mode
        self.auto_insert_metric_name = auto_insert_metric_name
        if every_n_train_steps is None and every_n_epochs is None and train_time_interval is None:
            every_n_epochs = 1
        self.every_n_train_steps = every_n_train_steps or 0
        self.every_n_epochs = every_n_epochs or 0
        self.train_time_interval = train_time_interval
        self.save_on_train_epoch_end = save_on_train_epoch_end
        self.enable_version_counter = enable_version_counter
        self.current_score: float | None = None
        self.best_k_models: dict[str, float] = {}
        self.kth_best_model_path = ""
        self.kth_value = math.inf if mode == "min" else -math.inf
        self.best_model_score: float | None = None
        self.best_model_path = ""
        self.last_model_path = ""
        self._last_step_saved = 0
        self._last_saved_path = ""
        self._last_time = time.monotonic()
        self._is_waiting_for_validation = False
        self._check_arguments()

    def _check_arguments(self) -> None:
        if self.mode not in ("min", "max"):
            raise MisconfigurationException(f"ModelCheckpoint(mode={self.mode!r}): expected 'min' or 'max'")
        for name, least in (("save_top_k", -1), ("every_n_train_steps", 0), ("every_n_epochs", 0)):
            if getattr(self, name) < least:
                raise MisconfigurationException(
                    f"ModelCheckpoint({name}={getattr(self, name)}): expected a number from {least}"
                )
        chosen = [
            n for n in ("every_n_train_steps", "every_n_epochs", "train_time_interval") if getattr(self, n)
        ]
        if len(chosen) > 1:
            raise MisconfigurationException(
                f"ModelCheckpoint: {' and '.join(chosen)} exclude each other; give one, or add a second "
                "ModelCheckpoint"
            )
        if self.monitor is None and self.save_top_k not in (-1, 0, 1):
            raise MisconfigurationException(
                f"ModelCheckpoint(save_top_k={self.save_top_k}) needs monitor= to tell which are best; "
                "without it, save_top_k can be -1 (all), 0 (none) or 1 (newest)"
            )

    @property
    def state_key(self) -> str:
        """Name of the state in checkpoints, from the arguments that tell several of these apart."""
        return self._generate_state_key(
            monitor=self.monitor,
            mode=self.mode,
            every_n_train_steps=self.every_n_train_steps,
            every_n_epochs=self.every_n_epochs,
            train_time_interval=self.train_time_interval,
        )

    # When to save

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the folder."""
        self.dirpath = self._folder(trainer)
        folder = Path(self.dirpath)
        is_used = folder.is_dir() and any(folder.glob(f"*{self.FILE_EXTENSION}"))
        if stage == "fit" and self.save_top_k != 0 and is_used and trainer.ckpt_path is None:
            warn(f"ModelCheckpoint: the folder {self.dirpath} holds checkpoints of an earlier run already")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of `train_time_interval`."""
        self._last_time = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save if steps or time say so; waits for the validation where the monitored value comes from
        there."""
        is_step = self.every_n_train_steps > 0 and trainer.global_step % self.every_n_train_steps == 0
        interval = self.train_time_interval
        is_time = interval is not None and time.monotonic() - self._last_time >= interval.total_seconds()
        if not (is_step or is_time):
            return
        if is_time:
            self._last_time = time.monotonic()
        if self.monitor is not None and not self._saves_on_train_epoch_end(trainer):
            is_stale = trainer.is_last_batch and trainer.enable_validation
            if is_stale or self.monitor not in trainer.callback_metrics:
                self._is_waiting_for_validation = True
                return
        if not self._should_skip(trainer):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save if epochs say so."""
        if self._saves_on_train_epoch_end(trainer) and not self._should_skip(trainer):
            self._save_for_epoch(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save if epochs say so, or if a save waits for the monitored value."""
        if self._should_skip(trainer) or self._saves_on_train_epoch_end(trainer):
            return
        if self._is_waiting_for_validation:
            self._is_waiting_for_validation = False
            self._save(trainer)
        else:
            self._save_for_epoch(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save if asked for; a file from the middle of a batch says so when it is resumed from."""
        if self.save_on_exception and not self._should_skip(trainer):
            path = self.format_checkpoint_name(self._values(trainer))
            self._write(trainer, path)
            info(f"ModelCheckpoint: {type(exception).__name__}; saved {path}")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See that `save_last` leaves a file."""
        if self.save_last and not self._last_saved_path and not self._should_skip(trainer):
            self._save_last(trainer, self._values(trainer))

    def _should_skip(self, trainer: Trainer) -> bool:
        return (
            bool(trainer.fast_dev_run)
            or not trainer.fitting
            or trainer.sanity_checking
            or self._last_step_saved == trainer.global_step
        )

    def _saves_on_train_epoch_end(self, trainer: Trainer) -> bool:
        if self.save_on_train_epoch_end is not None:
            return self.save_on_train_epoch_end
        if trainer.val_check_seconds is not None or trainer.check_val_every_n_epoch != 1:
            return False
        return not trainer.enable_validation or trainer.val_check_interval == 1.0

    def _save_for_epoch(self, trainer: Trainer) -> None:
        if self.every_n_epochs >= 1 and (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._save(trainer)

    # What to save

    def _values(self, trainer: Trainer) -> dict[str, Any]:
        values: dict[str, Any] = {name: float(value) for name, value in trainer.callback_metrics.items()}
        values["epoch"] = int(values.get("epoch", trainer.current_epoch))
        values["step"] = int(values.get("step", trainer.global_step))
        return values

    def _save(self, trainer: Trainer) -> None:
        values = self._values(trainer)
        if self.save_top_k != 0:
            if self.monitor is None:
                self._save_newest(trainer, values)
            else:
                self._save_if_among_best(trainer, values)
        if self.save_top_k == 0 or self._last_step_saved == trainer.global_step or self.save_last == "link":
            self._save_last(trainer, values)

    def _save_newest(self, trainer: Trainer, values: dict[str, Any]) -> None:
        path = self._free_path(values, self.best_model_path)
        previous, self.best_model_path = self.best_model_path, path
        self._write(trainer, path)
        if self.save_top_k == 1:
            self._remove(trainer, previous, path)

    def _save_if_among_best(self, trainer: Trainer, values: dict[str, Any]) -> None:
        assert self.monitor is not None
        if self.monitor not in values:
            raise MisconfigurationException(
                f"ModelCheckpoint(monitor={self.monitor!r}): this name was not logged; logged so far: "
                f"{sorted(set(values) - {'epoch', 'step'})}. Call self.log({self.monitor!r}, ...) in the "
                "module or monitor one of these"
            )
        score = values[self.monitor]
        if math.isnan(score):
            score = math.inf if self.mode == "min" else -math.inf
        if not self.check_monitor_top_k(trainer, score):
            if self.verbose:
                info(f"ModelCheckpoint: {self.monitor} = {score:.5g} is not among the best {self.save_top_k}")
            return
        dropped = ""
        if self.save_top_k > 0 and len(self.best_k_models) >= self.save_top_k:
            dropped = self.kth_best_model_path
            self.best_k_models.pop(dropped)
        path = self._free_path(values, dropped)
        self.current_score = score
        self.best_k_models[path] = score
        best, worst = (min, max) if self.mode == "min" else (max, min)
        self.best_model_path = best(self.best_k_models, key=self.best_k_models.__getitem__)
        self.best_model_score = self.best_k_models[self.best_model_path]
        self.kth_best_model_path = worst(self.best_k_models, key=self.best_k_models.__getitem__)
        self.kth_value = self.best_k_models[self.kth_best_model_path]
        if self.verbose:
            info(
                f"ModelCheckpoint: {self.monitor} = {score:.5g} (best {self.best_model_score:.5g}), saving "
                f"{path}"
            )
        self._write(trainer, path)
        self._remove(trainer, dropped, path)

    def check_monitor_top_k(self, trainer: Trainer, current: Any = None) -> bool:
        """Whether a value is among the best `save_top_k` so far."""
        if current is None:
            return False
        if self.save_top_k == -1 or len(self.best_k_models) < self.save_top_k:
            return True
        worst = self.best_k_models[self.kth_best_model_path]
        return bool(current < worst if self.mode == "min" else current > worst)

    def _save_last(self, trainer: Trainer, values: dict[str, Any]) -> None:
        if not self.save_last:
            return
        path = self.format_checkpoint_name(values, self.CHECKPOINT_NAME_LAST)
        version = self.STARTING_VERSION
        while self.enable_version_counter and os.path.exists(path) and path != self.last_model_path:
            if self.last_model_path == "" and self._is_own_last(trainer, path):
                break
            path = self.format_checkpoint_name(values, self.CHECKPOINT_NAME_LAST, ver=version)
            version += 1
        previous, self.last_model_path = self.last_model_path, path
        if self.save_last == "link" and self._last_saved_path and self.save_top_k != 0:
            self._link(self._last_saved_path, path)
        else:
            self._write(trainer, path)
        self._remove(trainer, previous, path)

    def _is_own_last(self, trainer: Trainer, path: str) -> bool:
        """Whether `path` is the file that this fit was resumed from."""
        return trainer.ckpt_path is not None and os.path.realpath(trainer.ckpt_path) == os.path.realpath(path)

    def _write(self, trainer: Trainer, path: str) -> None:
        self._last_step_saved = trainer.global_step
        self._last_saved_path = path
        trainer.save_checkpoint(path, self.save_weights_only)
        for logger in trainer.loggers:
            logger.after_save_checkpoint(self)

    @staticmethod
    def _link(target: str, link: str) -> None:
        if os.path.lexists(link):
            os.remove(link)
        try:
            os.symlink(os.path.relpath(target, os.path.dirname(link)), link)
        except OSError:
            shutil.copy(target, link)

    def _remove(self, trainer: Trainer, previous: str, current: str) -> None:
        """Delete a file that is no longer wanted, unless the fit was resumed from it or it lies elsewhere."""
        if not previous or previous == current or not os.path.lexists(previous):
            return
        is_source = trainer.ckpt_path is not None and os.path.realpath(trainer.ckpt_path) == os.path.realpath(
            previous
        )
        is_ours = Path(self.dirpath or ".").absolute() in Path(previous).absolute().parents
        if is_ours and not is_source:
            os.remove(previous)

    # Names

    def _folder(self, trainer: Trainer) -> str:
        if self.dirpath is not None:
            return self.dirpath
        if trainer.loggers:
            logger = trainer.loggers[0]
            version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
            root = logger.save_dir if logger.save_dir is not None else trainer.default_root_dir
            return os.path.join(root, str(logger.name), version, "checkpoints")
        return os.path.join(trainer.default_root_dir, "checkpoints")

    def find_last(self, trainer: Trainer) -> list[str]:
        """Files that `ckpt_path="last"` may mean: `last*.ckpt` and `interrupted.ckpt` in the folder."""
        from ..checkpoint import is_last_name

        folder = Path(self._folder(trainer))
        found = [
            str(path)
            for path in (folder.glob(f"*{self.FILE_EXTENSION}") if folder.is_dir() else ())
            if is_last_name(path.stem, self.CHECKPOINT_NAME_LAST)
        ]
        if self.last_model_path and os.path.exists(self.last_model_path):
            found.append(self.last_model_path)
        return found

    def _free_path(self, values: dict[str, Any], replaced: str) -> str:
        path = self.format_checkpoint_name(values)
        version = self.STARTING_VERSION
        while self.enable_version_counter and os.path.exists(path) and path != replaced:
            path = self.format_checkpoint_name(values, ver=version)
            version += 1
        return path

    def format_checkpoint_name(
        self,
        metrics: dict[str, Any],
        filename: str | None = None,
        ver: int | None = None,
        prefix: str | None = None,
    ) -> str:
        """Path of a checkpoint with these values in its name.

        Args:
            metrics: values by name; names of the template that are missing count as 0.
            filename: template instead of the callback's.
            ver: number to append as "-vN".
            prefix: text to put in front, with "-".
        """
        template = filename or self.filename or f"{{epoch}}{self.CHECKPOINT_JOIN_CHAR}{{step}}"

        def fill(match: re.Match[str]) -> str:
            name, spec = match.group(1), match.group(2) or ""
            value = metrics.get(name, 0)
            value = value.item() if hasattr(value, "item") else value
            text = format(value, spec[1:])
            return f"{name}{self.CHECKPOINT_EQUALS_CHAR}{text}" if self.auto_insert_metric_name else text

        name = re.sub(r"\{([^:{}]+)(:[^{}]*)?\}", fill, template)
        parts = [part for part in (prefix, name, None if ver is None else f"v{ver}") if part is not None]
        file = self.CHECKPOINT_JOIN_CHAR.join(parts) + self.FILE_EXTENSION
        return os.path.join(self.dirpath, file) if self.dirpath else file

    # State

    def state_dict(self) -> dict[str, Any]:
        """Best scores and paths, for a checkpoint."""
        return {
            "monitor": self.monitor,
            "best_model_score": self.best_model_score,
            "best_model_path": self.best_model_path,
            "current_score": self.current_score,
            "dirpath": self.dirpath,
            "best_k_models": dict(self.best_k_models),
            "kth_best_model_path": self.kth_best_model_path,
            "kth_value": self.kth_value,
            "last_model_path": self.last_model_path,
            "is_waiting_for_validation": self._is_waiting_for_validation,
            "last_step_saved": self._last_step_saved,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back scores and paths; in another folder, only the best path."""
        self.best_model_path = state_dict["best_model_path"]
        self._is_waiting_for_validation = state_dict["is_waiting_for_validation"]
        self._last_step_saved = state_dict["last_step_saved"]
        if self.dirpath != state_dict["dirpath"]:
            info(
                f"ModelCheckpoint: the folder changed from {state_dict['dirpath']!r} to {self.dirpath!r}; "
                "earlier checkpoints keep their place and are no longer ranked"
            )
            return
        self.best_model_score = state_dict["best_model_score"]
        self.best_k_models = dict(state_dict["best_k_models"])
        self.kth_best_model_path = state_dict["kth_best_model_path"]
        self.kth_value = state_dict["kth_value"]
        self.last_model_path = state_dict["last_model_path"]
        self.current_score = state_dict["current_score"]
