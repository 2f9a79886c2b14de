"""Time that the Trainer adds to a training step, in microseconds.

`python tests/bench/lightning_overhead.py` trains one weight on a list of batches, in a plain loop and with a
Trainer, and prints the difference per step for several settings. They take turns, and the smallest CPU time
of each counts.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from typing import Any

import taeda
import taeda_lightning as L
from taeda import nn

STEPS = 1000


class Tiny(L.LightningModule):
    """The least that a step can do; optionally logs its loss."""

    def __init__(self, logs: bool) -> None:
        super().__init__()
        self.logs = logs
        self.w = nn.Parameter(taeda.zeros(1))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        """Loss w * x."""
        loss = self.w * batch
        if self.logs:
            self.log("loss", loss, prog_bar=True, on_step=True, on_epoch=True)
        return loss

    def configure_optimizers(self) -> Any:
        """Plain gradient descent."""
        return taeda.optim.SGD(self.parameters(), lr=1e-3)


def plain_loop(batches: list[Any]) -> None:
    """What the Trainer is measured against."""
    model = Tiny(logs=False)
    optimizer = model.configure_optimizers()
    for batch in batches:
        loss = model.w * batch
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def trainer_loop(batches: list[Any], logs: bool, **settings: Any) -> None:
    """One epoch with a Trainer."""
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    options: dict[str, Any] = dict.fromkeys(quiet, False)
    trainer = L.Trainer(max_epochs=1, accelerator="cpu", **{**options, **settings})
    trainer.fit(Tiny(logs), batches)


def fastest(functions: list[Callable[[], None]], rounds: int = 12) -> list[float]:
    """Smallest CPU time of a step of each function in microseconds; the functions take turns."""
    best = [float("inf")] * len(functions)
    for _ in range(rounds):
        for i, function in enumerate(functions):
            start = time.process_time()
            function()
            best[i] = min(best[i], time.process_time() - start)
    return [seconds / STEPS * 1e6 for seconds in best]


def main() -> None:
    """Measure and print."""
    logging.getLogger("taeda_lightning").setLevel(logging.WARNING)
    batches = [taeda.ones(1) for _ in range(STEPS)]
    with tempfile.TemporaryDirectory() as folder:
        saving = {"enable_progress_bar": True, "enable_checkpointing": True, "default_root_dir": folder}
        cases: list[tuple[str, dict[str, Any]]] = [
            ("Trainer", {"logs": False}),
            ("Trainer, self.log", {"logs": True}),
            ("Trainer, progress bar and checkpoint", {"logs": True, **saving}),
            ("Trainer, everything on by default", {"logs": True, "logger": True, **saving}),
        ]
        functions = [lambda: plain_loop(batches)]
        functions += [lambda settings=settings: trainer_loop(batches, **settings) for _, settings in cases]
        base, *found = fastest(functions)
    print(f"{'plain loop':<37}{base:6.1f} us a step")
    for (name, _), time_of_step in zip(cases, found):
        print(f"{name:<36} {time_of_step - base:+6.1f} us a step")


if __name__ == "__main__":
    main()
