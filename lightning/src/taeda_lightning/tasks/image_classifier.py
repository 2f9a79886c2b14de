"""`ImageClassifier`: fine-tune any model of taeda_vision on labelled images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import taeda
from taeda import nn

from ..errors import CheckpointMismatchError, MisconfigurationException
from ..extras import require
from ..module import LightningModule

__all__ = ["ImageClassifier", "replace_head"]


class ImageClassifier(LightningModule):
    """Cross-entropy, accuracy and a confusion matrix around a network of `taeda_vision.models`.

    Args:
        model: name of the network, e.g. "resnet18" or "glyph_resnet".
        classes: names of the classes, in the order of the labels.
        weights: pretrained weights: a name such as "DEFAULT", a file or a folder; None starts from scratch.
            Where they were trained on other classes, the last layer is replaced; rows of classes with the
            same name are kept.
        model_arguments: further arguments of the network.
        lr: highest learning rate of AdamW.
        weight_decay: of AdamW.
        label_smoothing: share of the target that is spread over all classes.
        schedule: "cosine" (down to 0 over the fit, by step) or "constant".

    Attributes:
        confusion: counts of the last test, rows true and columns predicted.

    Shapes: images `(N, C, H, W)`, labels `(N,)` of integers.

    Raises:
        MisconfigurationException: there are fewer than two classes, or the schedule is unknown.
    """

    def __init__(
        self,
        model: str,
        classes: Sequence[str],
        weights: Any = None,
        model_arguments: Mapping[str, Any] | None = None,
        lr: float = 1e-3,
        weight_decay: float = 1e-2,
        label_smoothing: float = 0.0,
        schedule: str = "cosine",
    ) -> None:
        super().__init__()
        if len(classes) < 2:
            raise MisconfigurationException(
                f"ImageClassifier: expected at least two classes, got {list(classes)}; check the data"
            )
        if schedule not in ("cosine", "constant"):
            raise MisconfigurationException(
                f"ImageClassifier(schedule={schedule!r}): expected 'cosine' or 'constant'"
            )
        self.save_hyperparameters(ignore=["weights"])
        self.classes = [str(name) for name in classes]
        self.model = build_network(model, self.classes, weights, model_arguments or {})
        self.confusion = [[0] * len(self.classes) for _ in self.classes]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse to go on with a fit of another network or of other classes.

        Raises:
            CheckpointMismatchError: the checkpoint that a fit resumes from is of such a fit.
        """
        stored = checkpoint.get(self.CHECKPOINT_HYPER_PARAMS_KEY)
        if self._trainer is None or not self._trainer.fitting or not stored:
            return
        for name, own in (("model", self.hparams.model), ("classes", self.classes)):
            if name in stored and stored[name] != own:
                raise CheckpointMismatchError(
                    f"the checkpoint belongs to another model or other data: its {name} {_are(stored[name])}, here "
                    f"{_are(own)}; train with what it was written with, or start anew without it"
                )

    def forward(self, images: taeda.Tensor) -> Any:
        """Scores `(N, len(classes))` of images `(N, C, H, W)`."""
        return self.model(images)

    def training_step(self, batch: Any, batch_idx: int) -> taeda.Tensor:
        """Loss of a batch of (images, labels)."""
        images, labels = batch
        scores = self(images)
        loss = nn.functional.cross_entropy(scores, labels, label_smoothing=self.hparams.label_smoothing)
        self.log("train_loss", loss, prog_bar=True, on_step=True, on_epoch=True)
        self.log("train_accuracy", _accuracy(scores, labels), on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log loss and accuracy."""
        self._evaluate(batch, "val")

    def on_test_start(self) -> None:
        """Start a new confusion matrix."""
        self.confusion = [[0] * len(self.classes) for _ in self.classes]

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Log loss and accuracy, and count the confusion matrix."""
        predicted = self._evaluate(batch, "test")
        for label, top in zip(batch[1].tolist(), predicted.tolist()):
            self.confusion[label][top] += 1

    def _evaluate(self, batch: Any, stage: str) -> taeda.Tensor:
        images, labels = batch
        scores = self(images)
        self.log(f"{stage}_loss", nn.functional.cross_entropy(scores, labels), prog_bar=True)
        self.log(f"{stage}_accuracy", _accuracy(scores, labels), prog_bar=True)
        predicted: taeda.Tensor = scores.argmax(dim=1)
        return predicted

    def predict_step(self, batch: Any, batch_idx: int) -> taeda.Tensor:
        """Probabilities `(N, len(classes))` of a batch of images, or of (images, labels)."""
        images = batch[0] if isinstance(batch, (list, tuple)) else batch
        probabilities: taeda.Tensor = self(images).softmax(dim=1)
        return probabilities

    def configure_optimizers(self) -> Any:
        """AdamW on all weights that require gradients."""
        weights = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = taeda.optim.AdamW(weights, lr=self.hparams.lr, weight_decay=self.hparams.weight_decay)
        if self.hparams.schedule == "constant":
            return optimizer
        steps = self.trainer.estimated_stepping_batches
        if steps == float("inf"):
            raise MisconfigurationException(
                "ImageClassifier(schedule='cosine') needs to know the number of steps; set "
                "Trainer(max_epochs=...) or max_steps, or schedule='constant'"
            )
        scheduler = taeda.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=int(steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _are(value: Any) -> str:
    """The end of a sentence about a name or several; of many only the number and the first."""
    if isinstance(value, str):
        return f"is {value!r}"
    first = ", ".join(repr(name) for name in value[:5])
    return f"are {len(value)}: {first}{', ...' if len(value) > 5 else ''}"


def build_network(name: str, classes: Sequence[str], weights: Any, arguments: Mapping[str, Any]) -> nn.Module:
    """A network of `taeda_vision.models` with one output for each class.

    Args:
        name: of the network.
        classes: names of the classes.
        weights: what `taeda_vision.models.get_model` takes; None for fresh weights.
        arguments: further arguments of the network.
    """
    models = require("taeda_vision.models", "vision", "ImageClassifier")
    if weights is None:
        network: nn.Module = models.get_model(name, num_classes=len(classes), **arguments)
        return network
    network = models.get_model(name, weights=weights, **arguments)
    return replace_head(network, classes, _known_classes(models, name, weights))


def _known_classes(models: Any, name: str, weights: Any) -> list[str] | None:
    """Names of the classes that published weights were trained on; None for a file."""
    published = models.get_model_weights(name)
    key = getattr(weights, "name", str(weights)).removeprefix(f"{published.__name__}.")
    if key in published.__members__:
        return [str(category) for category in published[key].meta["categories"]]
    return None


def replace_head(network: nn.Module, classes: Sequence[str], known: Sequence[str] | None) -> nn.Module:
    """Fit the last linear layer of a network to `classes`.

    Args:
        network: its last `nn.Linear` (in the order of its modules) is taken for the head.
        classes: names of the classes wanted.
        known: names of the classes that the head has now; None if unknown.

    Returns:
        The network. A head that has as many outputs and no other names is left alone; otherwise a new one
        takes its place, with the rows of classes that both have.

    Raises:
        MisconfigurationException: the network has no linear layer.

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
        >>> replace_head(network, ["b", "x"], ["a", "b", "c"])[1].out_features
        2
    """
    heads = [(path, layer) for path, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    if not heads:
        raise MisconfigurationException(
            f"replace_head: {type(network).__name__} has no nn.Linear to replace for {len(classes)} classes"
        )
    path, head = heads[-1]
    is_fitting = head.out_features == len(classes) and (known is None or list(known) == list(classes))
    if is_fitting:
        return network
    fresh = nn.Linear(head.in_features, len(classes), bias=head.bias is not None)
    shared = [(i, list(known).index(name)) for i, name in enumerate(classes) if known and name in known]
    with taeda.no_grad():
        for new, old in shared:
            fresh.weight[new] = head.weight[old]
            if head.bias is not None:
                fresh.bias[new] = head.bias[old]
    parent, _, last = path.rpartition(".")
    setattr(network.get_submodule(parent), last, fresh)
    return network


def _accuracy(scores: taeda.Tensor, labels: taeda.Tensor) -> taeda.Tensor:
    """Share of rows whose highest score is at the label."""
    share: taeda.Tensor = (scores.detach().argmax(dim=1) == labels).float().mean()
    return share
