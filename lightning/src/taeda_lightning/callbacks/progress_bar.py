"""Progress on standard error: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from ..messages import counted
from .callback import Callback

if TYPE_CHECKING:
    from ..module import LightningModule
    from ..trainer import Trainer

__all__ = ["ProgressBar", "TQDMProgressBar", "TerminalProgressBar"]


class ProgressBar(Callback):
    """Base of progress bars; a trainer has one of them.

    Example:
        >>> bar = ProgressBar()
        >>> bar.disable()
        >>> bar.is_enabled
        False
    """

    def __init__(self) -> None:
        self._is_enabled = True

    @property
    def is_enabled(self) -> bool:
        """Whether anything is shown."""
        return self._is_enabled

    def enable(self) -> None:
        """Show progress."""
        self._is_enabled = True

    def disable(self) -> None:
        """Show nothing."""
        self._is_enabled = False

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Print without disturbing the bar."""
        print(*args, **kwargs)

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """What to show beside the bar: the logger's version and what was logged with `prog_bar=True`."""
        version = trainer.loggers[0].version if trainer.loggers else None
        shown: dict[str, Any] = {} if version in (None, "") else {"v_num": version}
        shown.update(trainer.progress_bar_metrics)
        return shown


class TerminalProgressBar(ProgressBar):
    """One line that is redrawn on a terminal; where output goes to a file, one line per epoch.

    Args:
        refresh_rate: look at the clock every so many batches; 0 shows nothing.
        process_position: kept for Lightning's signature.
        leave: keep the line of every epoch on the terminal.

    Example:
        >>> TerminalProgressBar(refresh_rate=0).is_enabled
        False
    """

    def __init__(self, refresh_rate: int = 1, process_position: int = 0, leave: bool = False) -> None:
        super().__init__()
        self.refresh_rate = refresh_rate
        self.leave = leave
        self._is_enabled = refresh_rate > 0
        self._seconds_between = 0.1
        self._is_live = False
        self._width = 0
        self._begin("", 0)

    @property
    def _stream(self) -> TextIO:
        return sys.stderr

    def _begin(self, title: str, total: int | float, done: int = 0) -> None:
        self._title = title
        self._total = total
        self._done = self._first = done
        self._started = time.perf_counter()
        self._next_draw = 0.0
        if self.is_enabled:
            self._is_live = self._stream.isatty()

    def _advance(self, trainer: Trainer, pl_module: LightningModule, batches: int = 1) -> None:
        self._done += batches
        if not (self._is_live and self.is_enabled) or self._done % self.refresh_rate:
            return
        now = time.perf_counter()
        if now >= self._next_draw:
            self._next_draw = now + self._seconds_between
            self._draw(self._line(self.get_metrics(trainer, pl_module)))

    def _line(self, metrics: dict[str, Any]) -> str:
        """Text of the bar: title, bar, batches, time, speed, metrics."""
        seconds = time.perf_counter() - self._started
        speed = (self._done - self._first) / seconds if seconds > 0 else 0.0
        shown = "  ".join(
            f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in metrics.items()
        )
        if self._total in (0, math.inf):
            done = counted(self._done, "batch", "batches")
            return f"{self._title}  {done}  {_clock(seconds)}  {speed:.1f} it/s  {shown}"
        share = min(self._done / self._total, 1.0)
        filled = round(share * 20)
        left = _clock(seconds * (1 - share) / share) if share > 0 else "?"
        return (
            f"{self._title} |{'█' * filled}{'·' * (20 - filled)}| {self._done}/{self._total}  "
            f"{_clock(seconds)}<{left}  {speed:.1f} it/s  {shown}"
        )

    def _draw(self, line: str) -> None:
        columns = shutil.get_terminal_size((100, 20)).columns
        line = line[: columns - 1]
        self._stream.write("\r" + line + " " * max(self._width - len(line), 0))
        self._stream.flush()
        self._width = len(line)

    def _end_line(self, line: str, keep: bool) -> None:
        if not self.is_enabled:
            return
        if self._is_live:
            self._draw(line if keep else "")
            self._stream.write("\n" if keep else "\r")
            self._width = 0
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Print above the bar."""
        if self._is_live and self._width:
            self._draw("")
            self._stream.write("\r")
            self._stream.flush()
            self._width = 0
        print(*args, **kwargs)
        self._next_draw = 0.0

    def _summary(self, metrics: dict[str, Any]) -> str:
        """Text of a finished stage: title, batches, time, speed, metrics."""
        seconds = time.perf_counter() - self._started
        speed = (self._done - self._first) / seconds if seconds > 0 else 0.0
        shown = "  ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in metrics.items())
        done = counted(self._done, "batch", "batches")
        return f"{self._title}: {done} in {seconds:.1f} s ({speed:.1f} it/s)  {shown}".rstrip()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the line of an epoch that a resumed fit is in the middle of."""
        if trainer.progress.batch_idx >= 0:
            self._begin_epoch(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the line of an epoch."""
        self._begin_epoch(trainer)

    def _begin_epoch(self, trainer: Trainer) -> None:
        of = f"/{trainer.max_epochs}" if trainer.max_epochs > 0 else ""
        done = trainer.progress.batch_idx + 1
        self._begin(f"Epoch {trainer.current_epoch + 1}{of}", trainer.num_training_batches, done)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar."""
        self._advance(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the line of an epoch."""
        self._end_line(self._summary(self.get_metrics(trainer, pl_module)), keep=True)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show that a validation runs."""
        if self._is_live and trainer.fitting and not trainer.sanity_checking:
            self._draw(f"{self._title}  validating ...")
        elif not trainer.fitting:
            self._begin("Validation", sum(trainer.num_val_batches))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Move the bar of a validation outside a fit."""
        if not trainer.fitting:
            self._advance(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the line of a validation outside a fit."""
        if not trainer.fitting:
            self._end_line(self._summary({}), keep=self.leave or not self._is_live)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the line of a test."""
        self._begin("Test", sum(trainer.num_test_batches))

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Move the bar."""
        self._advance(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the line of a test."""
        self._end_line(self._summary({}), keep=self.leave or not self._is_live)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the line of a prediction."""
        self._begin("Prediction", sum(trainer.num_predict_batches))

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Move the bar."""
        self._advance(trainer, pl_module)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the line of a prediction."""
        self._end_line(self._summary({}), keep=self.leave or not self._is_live)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the terminal at the beginning of a line."""
        if self._is_live and self._width:
            self._stream.write("\n")
            self._stream.flush()
            self._width = 0


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"


TQDMProgressBar = TerminalProgressBar
"""Lightning's name for the default progress bar; tqdm itself is not needed."""
