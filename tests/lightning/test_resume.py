"""A run that is killed anywhere and resumed ends with bit-equal weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from models import QUIET, Net, SaveEverywhere, loader, points, weights

import taeda
import taeda_lightning as L
from taeda.utils.data import DataLoader, IterableDataset, TensorDataset


class StoppedError(Exception):
    """Raised to end a run."""


class StopAt(L.Callback):
    """Ends the run in a given hook when it is called for the nth time."""

    def __init__(self, hook: str, count: int, error: type[BaseException] = StoppedError) -> None:
        self.left = count
        self.error = error
        setattr(self, hook, self.count)

    def count(self, *_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.error


def fit(
    tmp_path: Path, train: Any, val: Any, callbacks: Any = (), ckpt_path: Any = None, **settings: Any
) -> Net:
    L.seed_everything(99 if ckpt_path else 5, verbose=False)
    model = Net()
    options = {"max_epochs": 3, "enable_checkpointing": None, **QUIET, **settings}
    if not any(isinstance(callback, L.callbacks.Checkpoint) for callback in callbacks):
        options["enable_checkpointing"] = False
    trainer = L.Trainer(default_root_dir=tmp_path, callbacks=list(callbacks), **options)
    trainer.fit(model, train, val, ckpt_path=ckpt_path)
    return model


def generator_loader() -> DataLoader[Any]:
    """Shuffled by its own generator."""
    generator = taeda.Generator()
    generator.manual_seed(3)
    return loader(shuffle=True, generator=generator)


def two_loaders() -> L.utilities.CombinedLoader:
    return L.utilities.CombinedLoader([loader(shuffle=True), loader(12, shuffle=True)], "max_size_cycle")


CASES: dict[str, Any] = {
    "shuffled": (lambda: loader(shuffle=True), {}),
    "accumulating": (lambda: loader(shuffle=True), {"accumulate_grad_batches": 3}),
    "validating_often": (
        lambda: loader(shuffle=True),
        {"val_check_interval": 3, "accumulate_grad_batches": 2},
    ),
    "own_generator": (generator_loader, {}),
    "cut_epochs": (generator_loader, {"limit_train_batches": 4}),
    "steps": (lambda: loader(shuffle=True), {"max_steps": 13, "max_epochs": -1}),
    "list_of_batches": (lambda: list(loader()), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_resume_from_every_checkpoint_is_exact(case: str, tmp_path: Path) -> None:
    make, settings = CASES[case]
    saving = SaveEverywhere(tmp_path)
    whole = fit(tmp_path, make(), loader(8), [saving], **settings)
    labels = {path.stem[4:] for path in saving.files}
    assert {"batch", "in_validation", "validation", "epoch", "epoch_start", "train_end"} <= labels
    for path in saving.files:
        resumed = fit(tmp_path, make(), loader(8), ckpt_path=path, **settings)
        assert weights(resumed) == weights(whole), path.name


class Noisy(TensorDataset):
    """Points with noise drawn where they are loaded."""

    def __getitem__(self, index: int) -> Any:
        point, label = super().__getitem__(index)
        return point + 0.1 * taeda.randn(2), label


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("data", [TensorDataset, Noisy])
def test_resume_with_loading_processes_is_exact(
    data: type[TensorDataset], workers: int, tmp_path: Path
) -> None:
    def make() -> DataLoader[Any]:
        return DataLoader(data(*points()), batch_size=4, shuffle=True, num_workers=workers)

    saving = SaveEverywhere(tmp_path)
    whole = fit(tmp_path, make(), loader(8), [saving], max_epochs=2)
    for path in saving.files[4::7]:
        resumed = fit(tmp_path, make(), loader(8), ckpt_path=path, max_epochs=2)
        assert weights(resumed) == weights(whole), path.name


@pytest.mark.parametrize("mode", ["max_size_cycle", "max_size", "min_size"])
def test_resume_with_several_loaders_is_exact(mode: str, tmp_path: Path) -> None:
    class Pair(Net):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            present = [part for part in batch if part is not None]
            return sum(super(Pair, self).training_step(part, batch_idx) for part in present)

    def run(ckpt_path: Any, callbacks: list[Any]) -> Any:
        L.seed_everything(1 if ckpt_path else 2, verbose=False)
        combined = L.utilities.CombinedLoader([loader(shuffle=True), loader(12, shuffle=True)], mode)
        model = Pair()
        trainer = L.Trainer(
            max_epochs=2, callbacks=callbacks, enable_checkpointing=None if callbacks else False,
            default_root_dir=tmp_path, **QUIET,
        )  # fmt: skip
        trainer.fit(model, combined, ckpt_path=ckpt_path)
        return weights(model)

    saving = SaveEverywhere(tmp_path)
    whole = run(None, [saving])
    for path in saving.files:
        assert run(path, []) == whole, path.name


class Stream(IterableDataset):  # type: ignore[type-arg]
    """Points without a length."""

    def __iter__(self) -> Any:
        return iter(list(TensorDataset(*loader(18).dataset.tensors)))


def test_resume_of_a_stream_without_length_is_exact(tmp_path: Path) -> None:
    saving = SaveEverywhere(tmp_path)
    whole = fit(tmp_path, DataLoader(Stream(), batch_size=4), loader(8), [saving], accumulate_grad_batches=3)
    for path in saving.files:
        resumed = fit(
            tmp_path, DataLoader(Stream(), batch_size=4), loader(8), ckpt_path=path, accumulate_grad_batches=3
        )
        assert weights(resumed) == weights(whole), path.name


@pytest.mark.parametrize("hook", ["on_before_backward", "on_after_backward", "on_train_batch_start"])
@pytest.mark.parametrize("count", [1, 2, 11, 15])
def test_exception_in_a_step_then_resume_from_the_last_checkpoint(
    hook: str, count: int, tmp_path: Path
) -> None:
    whole = fit(tmp_path, loader(shuffle=True), loader(8))
    checkpoints = L.callbacks.ModelCheckpoint(tmp_path / "ckpt", every_n_train_steps=1, save_last=True)
    with pytest.raises(StoppedError):
        fit(tmp_path, loader(shuffle=True), loader(8), [StopAt(hook, count), checkpoints])
    last = tmp_path / "ckpt" / "last.ckpt"
    path = "last" if last.exists() else None
    resumed = L.callbacks.ModelCheckpoint(tmp_path / "ckpt", every_n_train_steps=1, save_last=True)
    if path is None:
        assert count == 1
        return
    model = fit(tmp_path, loader(shuffle=True), loader(8), [resumed], ckpt_path="last")
    assert weights(model) == weights(whole)


def test_manual_optimization_with_two_optimizers_resumes_exactly(tmp_path: Path) -> None:
    class Manual(Net):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False

        def training_step(self, batch: Any, batch_idx: int) -> None:
            loss = taeda.nn.functional.cross_entropy(self(batch[0]), batch[1])
            self.manual_backward(loss)
            for i, optimizer in enumerate(self.optimizers()):
                if (batch_idx + i) % 2 == 0:  # gradients of the other one wait for the next batch
                    optimizer.step()
                    optimizer.zero_grad()

        def configure_optimizers(self) -> Any:
            first, last = self.net[0].parameters(), self.net[4].parameters()
            return taeda.optim.Adam(first, lr=0.05), taeda.optim.SGD(last, lr=0.1, momentum=0.9)

    def run(ckpt_path: Any, callbacks: list[Any]) -> Any:
        L.seed_everything(1 if ckpt_path else 2, verbose=False)
        model = Manual()
        trainer = L.Trainer(
            max_epochs=2, callbacks=callbacks, enable_checkpointing=None if callbacks else False,
            default_root_dir=tmp_path, **QUIET,
        )  # fmt: skip
        trainer.fit(model, loader(shuffle=True), ckpt_path=ckpt_path)
        return weights(model), trainer.global_step

    saving = SaveEverywhere(tmp_path)
    whole = run(None, [saving])
    assert whole[1] == 20
    for path in saving.files:
        assert run(path, []) == whole, path.name


SCRIPT = """
    import os, signal, sys
    sys.path.insert(0, {tests!r})
    import taeda_lightning as L
    from models import QUIET, Net, loader, weights

    class Kill(L.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            if trainer.progress.total_batches == 14:
                {kill}

    L.seed_everything(5, verbose=False)
    checkpoints = L.callbacks.ModelCheckpoint({folder!r}, every_n_train_steps=2, save_last=True)
    trainer = L.Trainer(max_epochs=3, callbacks=[Kill(), checkpoints], default_root_dir={folder!r}, **QUIET)
    trainer.fit(Net(), loader(shuffle=True), loader(8))
    print("finished")
"""


@pytest.mark.parametrize(
    ("kill", "code", "file"),
    [
        ("os._exit(9)", 9, "last.ckpt"),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "last.ckpt"),
        ("os.kill(os.getpid(), signal.SIGINT)", None, "interrupted.ckpt"),
        ("os.kill(os.getpid(), signal.SIGTERM)", 128 + signal.SIGTERM, "interrupted.ckpt"),
    ],
)
def test_killed_process_resumes_exactly(kill: str, code: int | None, file: str, tmp_path: Path) -> None:
    whole = fit(tmp_path, loader(shuffle=True), loader(8))
    script = textwrap.dedent(SCRIPT).format(
        tests=str(Path(__file__).parent), kill=kill, folder=str(tmp_path / "c")
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert "finished" not in done.stdout
    assert done.returncode == code if code is not None else done.returncode != 0, done.stderr
    if file == "interrupted.ckpt":
        assert "saved to" in done.stderr
    assert (tmp_path / "c" / file).exists(), done.stderr
    checkpoints = L.callbacks.ModelCheckpoint(tmp_path / "c", every_n_train_steps=2, save_last=True)
    model = fit(tmp_path, loader(shuffle=True), loader(8), [checkpoints], ckpt_path="last")
    assert weights(model) == weights(whole)
    assert not [name for name in os.listdir(tmp_path / "c") if name.endswith(".tmp")]


def test_state_from_the_middle_of_a_step_is_marked(tmp_path: Path) -> None:
    saver = L.callbacks.OnExceptionCheckpoint(tmp_path)
    with pytest.raises(StoppedError):
        fit(tmp_path, loader(shuffle=True), loader(8), [StopAt("on_after_backward", 3), saver])
    with pytest.warns(UserWarning, match="from the middle of batch 2 of epoch 0"):
        fit(tmp_path, loader(shuffle=True), loader(8), ckpt_path=saver.ckpt_path)


def test_loader_without_position_says_what_to_do(tmp_path: Path) -> None:
    class Plain:
        def __init__(self) -> None:
            self.loader = loader()

        def __iter__(self) -> Any:
            return iter(self.loader)

        def __len__(self) -> int:
            return len(self.loader)

    saving = SaveEverywhere(tmp_path)
    whole = fit(tmp_path, Plain(), loader(8), [saving])
    middle = next(path for path in saving.files if path.stem.endswith("batch"))
    with pytest.raises(L.MisconfigurationException, match=r"after batch 1 of an epoch.*state_dict"):
        fit(tmp_path, Plain(), loader(8), ckpt_path=middle)
    ends = [path for path in saving.files if path.stem.endswith("-epoch")]
    assert weights(fit(tmp_path, Plain(), loader(8), ckpt_path=ends[0])) == weights(whole)


def test_longer_run_continues_the_cut_epoch(tmp_path: Path) -> None:
    whole = fit(tmp_path, loader(shuffle=True), None, max_steps=17, max_epochs=-1)
    saving = SaveEverywhere(tmp_path)
    fit(tmp_path, loader(shuffle=True), None, [saving], max_steps=13, max_epochs=-1)
    end_of_cut_epoch = [path for path in saving.files if path.stem.endswith("-epoch")][-1]
    model = fit(tmp_path, loader(shuffle=True), None, ckpt_path=end_of_cut_epoch, max_steps=17, max_epochs=-1)
    assert len(model.state_dict()) == len(whole.state_dict())
    assert weights(model)[0] == weights(whole)[0]


def test_early_stopping_and_running_means_survive(tmp_path: Path) -> None:
    def run(callbacks: list[Any], ckpt_path: Any = None) -> Any:
        stopping = L.callbacks.EarlyStopping("train_loss_epoch", patience=1, min_delta=0.05)
        model = fit(tmp_path, loader(shuffle=True), None, [stopping, *callbacks], ckpt_path, max_epochs=20)
        return weights(model), stopping.wait_count, stopping.stopped_epoch, stopping.best_score

    saving = SaveEverywhere(tmp_path)
    whole = run([saving])
    assert whole[2] > 0
    for path in saving.files[:: max(len(saving.files) // 12, 1)]:
        assert run([], path) == whole, path.name
