"""`ModelSummary`: print the layers of the model before training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..summary import summarize
from .callback import Callback

if TYPE_CHECKING:
    from ..module import LightningModule
    from ..trainer import Trainer

__all__ = ["ModelSummary"]


class ModelSummary(Callback):
    """Print a table of layers and parameter counts when a fit begins.

    Args:
        max_depth: how deep to list layers within layers; 0 prints nothing, -1 lists all.
        summarize_kwargs: none are known; kept for Lightning's signature.

    Example:
        >>> ModelSummary(max_depth=2)._max_depth
        2
    """

    def __init__(self, max_depth: int = 1, **summarize_kwargs: Any) -> None:
        self._max_depth = max_depth

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the table."""
        if self._max_depth:
            trainer.print(str(summarize(pl_module, self._max_depth)))
