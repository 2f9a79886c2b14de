"""`OnExceptionCheckpoint`: write a checkpoint when a fit ends with an exception."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .checkpoint import Checkpoint

if TYPE_CHECKING:
    from ..module import LightningModule
    from ..trainer import Trainer

__all__ = ["OnExceptionCheckpoint"]


class OnExceptionCheckpoint(Checkpoint):
    """Save the state that a fit has when an exception ends it.

    Args:
        dirpath: folder of the file.
        filename: its name, without ".ckpt".

    Example:
        >>> OnExceptionCheckpoint("runs").ckpt_path
        'runs/on_exception.ckpt'
    """

    FILE_EXTENSION = ".ckpt"

    def __init__(self, dirpath: str | Path, filename: str = "on_exception") -> None:
        if not filename:
            raise ValueError("OnExceptionCheckpoint(filename=''): expected a name for the file")
        self.dirpath = os.fspath(dirpath)
        self.filename = filename

    @property
    def ckpt_path(self) -> str:
        """The file."""
        return os.path.join(self.dirpath, self.filename + self.FILE_EXTENSION)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write the file; one from the middle of a batch says so when it is resumed from."""
        if trainer.fitting and trainer.progress.total_batches > 0:
            trainer.save_checkpoint(self.ckpt_path)
