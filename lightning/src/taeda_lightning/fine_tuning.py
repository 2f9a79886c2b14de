"""Fine-tuning from end to end: data, model, trainer, test, report. `taeda fit` and the examples call this."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import pickle
import time
from pathlib import Path
from typing import Any

import taeda

from .callbacks import ModelCheckpoint
from .errors import CheckpointNotFoundError, MisconfigurationException
from .loggers import CSVLogger, TensorBoardLogger
from .messages import info
from .report import read_history, write_report
from .rng import seed_everything
from .tasks import ImageClassifier, ImageData
from .tasks.image_data import Preprocessing
from .trainer import Trainer

__all__ = ["FineTuning", "fine_tune", "sample_predictions"]


@dataclasses.dataclass
class FineTuning:
    """A finished run.

    Attributes:
        module: with the weights of the best checkpoint.
        data: what it was trained on.
        trainer: that ran it.
        checkpoint: path of the best checkpoint.
        test_accuracy: share of test images that it gets right.
        seconds: time of the fit.
        report: path of `report.md`, None if none was written.
    """

    module: ImageClassifier
    data: ImageData
    trainer: Trainer
    checkpoint: str
    test_accuracy: float
    seconds: float
    report: Path | None = None


def fine_tune(
    data: ImageData,
    model: str,
    out: str | Path,
    *,
    weights: Any = None,
    epochs: int = 5,
    lr: float = 1e-3,
    seed: int = 0,
    facts: dict[str, Any] | None = None,
    with_report: bool = True,
    ckpt_path: str | None = None,
    **trainer_options: Any,
) -> FineTuning:
    """Train a classifier, test its best checkpoint, and write everything to a folder.

    Args:
        data: images.
        model: name of a network of `taeda_vision.models`.
        out: folder for checkpoints, logs, `labels.txt`, `preprocessing.json` and the report.
        weights: pretrained weights; None starts from scratch.
        epochs: passes over the training images.
        lr: highest learning rate.
        seed: of the weights and the order of images.
        facts: further lines for the report.
        with_report: write `report.md` and pictures.
        ckpt_path: checkpoint to continue from: a path or "last".
        trainer_options: further arguments of `Trainer`.

    Raises:
        CheckpointNotFoundError: `ckpt_path` is "last", and there is none.
        CheckpointMismatchError: the checkpoint is of another network or of other classes.
    """
    folder = Path(out)
    seed_everything(seed, verbose=False)
    try:
        module = ImageClassifier(model, data.classes, weights=weights, lr=lr)
    except (RuntimeError, pickle.UnpicklingError) as error:  # what reading and fitting in weights raises
        raise MisconfigurationException(f"{model} with weights {str(weights)!r}: {error}") from error
    # The newest weights are kept after every epoch, not only after those that are the best so far.
    checkpoint = functools.partial(ModelCheckpoint, folder / "checkpoints", enable_version_counter=False)
    best = checkpoint("best", monitor="val_accuracy", mode="max")
    newest = checkpoint(save_top_k=0, save_last=True)
    csv_logger = CSVLogger(folder, name="csv", version="")
    loggers = [csv_logger, TensorBoardLogger(folder, name="tensorboard", version="")]
    options = {"log_every_n_steps": 10, "num_sanity_val_steps": 0, **trainer_options}
    trainer = Trainer(
        max_epochs=epochs, logger=loggers, callbacks=[best, newest], default_root_dir=folder, **options
    )
    if ckpt_path == "last" and not any(each.find_last(trainer) for each in trainer.checkpoint_callbacks):
        raise CheckpointNotFoundError(
            f"there is no last checkpoint in {str(folder / 'checkpoints')!r}; pass the folder of an earlier run, "
            "or start without a checkpoint"
        )
    start = time.perf_counter()
    trainer.fit(module, datamodule=data, ckpt_path=ckpt_path)
    seconds = time.perf_counter() - start
    (results,) = trainer.test(module, datamodule=data, ckpt_path="best", verbose=False)
    done = FineTuning(module, data, trainer, best.best_model_path, results["test_accuracy"], seconds)
    (folder / "labels.txt").write_text("\n".join(data.classes) + "\n", encoding="utf-8")
    (folder / "preprocessing.json").write_text(json.dumps(data.preprocessing), encoding="utf-8")
    if with_report:
        lines = {
            "model": f"{model}, {sum(p.numel() for p in module.parameters()):,} parameters",
            "weights": "from scratch" if weights is None else str(getattr(weights, "name", weights)),
            "images": ", ".join(f"{len(data.images[split])} {split}" for split in ("train", "val", "test")),
            "epochs": f"{epochs} in {seconds:.1f} s",
            "test accuracy": f"{done.test_accuracy:.2%}",
            **(facts or {}),
        }
        done.report = write_report(
            folder, "Fine-tuning report", lines, read_history(csv_logger.experiment.metrics_file_path),
            module.confusion, data.classes, sample_predictions(module, data),
        )  # fmt: skip
    return done


def sample_predictions(
    module: ImageClassifier, data: ImageData, count: int = 24
) -> list[tuple[Any, str, str, float]]:
    """(image, true class, predicted class, probability) of test images, the wrong ones first.

    Args:
        module: a trained classifier.
        data: its data.
        count: how many.
    """
    shown: list[tuple[bool, int, str, str, float]] = []
    was_training = module.training
    module.eval()
    row = 0
    with taeda.inference_mode():
        for images, labels in data.test_dataloader():
            probabilities = module(images.to(module.device)).softmax(dim=1).tolist()
            for scores, label in zip(probabilities, labels.tolist()):
                top = max(range(len(scores)), key=scores.__getitem__)
                names = module.classes[label], module.classes[top]
                shown.append((top == label, row, *names, scores[top]))
                row += 1
    module.train(was_training)
    wrong = [item for item in shown if not item[0]][: count // 3]
    right = [item for item in shown if item[0]]
    step = max(1, len(right) // max(count - len(wrong), 1))
    chosen = wrong + right[::step][: count - len(wrong)]
    return [(data.images["test"][row][0], truth, top, score) for _, row, truth, top, score in chosen]


def can_report() -> bool:
    """Whether matplotlib is there; says so if not."""
    if importlib.util.find_spec("matplotlib") is not None:
        return True
    info("No report is written: matplotlib is not installed; pip install 'taeda-lightning[report]'")
    return False


def default_preprocessing(model: str) -> Preprocessing:
    """Steps that fit the shipped networks: 32 pixels and grey for "glyph_resnet", 224 and RGB for the
    others."""
    from .tasks.image_data import preprocessing_steps

    return preprocessing_steps(32, is_grey=True) if model == "glyph_resnet" else preprocessing_steps(224)
