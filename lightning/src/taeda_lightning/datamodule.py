"""`LightningDataModule`: data sets and loaders of a project in one class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taeda.utils.data import DataLoader, IterableDataset

from .hooks import DataHooks
from .hyperparameters import HyperparametersMixin

if TYPE_CHECKING:
    from typing_extensions import Self

    from .trainer import Trainer

__all__ = ["LightningDataModule"]


class LightningDataModule(DataHooks, HyperparametersMixin):
    """Override `prepare_data`, `setup` and the `*_dataloader` hooks, then pass it to the trainer.

    Example:
        >>> class Numbers(LightningDataModule):
        ...     def train_dataloader(self):
        ...         return [1, 2]
        >>> Numbers().train_dataloader()
        [1, 2]
    """

    name: str | None = None
    CHECKPOINT_HYPER_PARAMS_KEY = "datamodule_hyper_parameters"
    CHECKPOINT_HYPER_PARAMS_NAME = "datamodule_hparams_name"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.trainer: Trainer | None = None

    @classmethod
    def from_datasets(
        cls,
        train_dataset: Any = None,
        val_dataset: Any = None,
        test_dataset: Any = None,
        predict_dataset: Any = None,
        batch_size: int = 1,
        num_workers: int = 0,
        **datamodule_kwargs: Any,
    ) -> Self:
        """Make a data module from data sets (or lists or dicts of data sets).

        Args:
            train_dataset: shuffled in every epoch, unless it is an `IterableDataset`.
            val_dataset: data set, or a list of them, for validation.
            test_dataset: data set, or a list of them, for tests.
            predict_dataset: data set, or a list of them, for predictions.
            batch_size: samples per batch.
            num_workers: loader processes.
            datamodule_kwargs: passed to the class.
        """

        def loader(dataset: Any, shuffle: bool) -> Any:
            if isinstance(dataset, Mapping):
                return {name: loader(item, shuffle) for name, item in dataset.items()}
            if isinstance(dataset, Sequence) and not hasattr(dataset, "__getitems__"):
                return [loader(item, shuffle) for item in dataset]
            shuffle = shuffle and not isinstance(dataset, IterableDataset)
            return DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, num_workers=num_workers)

        module = cls(**datamodule_kwargs)
        for hook, dataset, shuffle in (
            ("train_dataloader", train_dataset, True),
            ("val_dataloader", val_dataset, False),
            ("test_dataloader", test_dataset, False),
            ("predict_dataloader", predict_dataset, False),
        ):
            if dataset is not None:
                setattr(module, hook, lambda dataset=dataset, shuffle=shuffle: loader(dataset, shuffle))
        return module

    def state_dict(self) -> dict[str, Any]:
        """State to keep in checkpoints: plain values and tensors."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""

    def on_exception(self, exception: BaseException) -> None:
        """Called when a run ends with an exception."""

    @classmethod
    def load_from_checkpoint(
        cls, checkpoint_path: str | Path, map_location: Any = None, **kwargs: Any
    ) -> Self:
        """Make the data module with the hyper-parameters that a checkpoint holds.

        Args:
            checkpoint_path: a file that a `Trainer` wrote.
            map_location: device for tensors in the checkpoint.
            kwargs: override stored hyper-parameters.
        """
        from .checkpoint import build_from_hyperparameters, read_checkpoint

        checkpoint = read_checkpoint(checkpoint_path, map_location)
        module: Self = build_from_hyperparameters(
            cls, checkpoint.get(cls.CHECKPOINT_HYPER_PARAMS_KEY, {}), kwargs, checkpoint_path
        )
        if cls.__qualname__ in checkpoint:
            module.load_state_dict(checkpoint[cls.__qualname__])
        return module
