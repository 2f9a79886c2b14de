"""Checkpoints: everything that an exact resume needs, as tensors and plain values, written atomically.

The file is what `taeda.save` writes, so `taeda.load` reads it without executing code. Keys are Lightning's:
`epoch`, `global_step`, `state_dict`, `optimizer_states`, `lr_schedulers`, `callbacks`, `loops`,
`hyper_parameters`; besides, `rng` (random generators) and `gradients` (of a batch that is still
accumulating).
"""

from __future__ import annotations

import inspect
import os
import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import taeda

from .errors import CheckpointMismatchError, CheckpointNotFoundError, MisconfigurationException
from .hooks import is_overridden
from .loaders import loader_position
from .messages import info, warn, warn_once
from .rng import capture_rng

if TYPE_CHECKING:
    from .module import LightningModule
    from .trainer import Trainer

__all__ = [
    "build_from_hyperparameters",
    "dump_checkpoint",
    "load_weights",
    "read_checkpoint",
    "read_hparams_file",
    "restore_model",
    "select_checkpoint_path",
    "write_checkpoint",
]

FORMAT_VERSION = "2.6.0"
"""Lightning's version whose checkpoint keys are written."""

_PLAIN = (type(None), bool, int, float, str, bytes, taeda.Tensor)


def dump_checkpoint(trainer: Trainer, weights_only: bool = False) -> dict[str, Any]:
    """Gather the state of a run.

    Args:
        trainer: a trainer with a model.
        weights_only: only weights, counters and hyper-parameters; such a file cannot be resumed from.
    """
    module, loop, progress = trainer.lightning_module, trainer.fit_loop, trainer.progress
    checkpoint: dict[str, Any] = {
        "epoch": progress.epoch,
        "global_step": progress.global_step,
        "pytorch-lightning_version": FORMAT_VERSION,
        "state_dict": module.state_dict(),
        "loops": {"fit_loop": {"progress": progress.state_dict()}},
    }
    if not weights_only:
        checkpoint["loops"]["fit_loop"].update(_loop_state(trainer))
        checkpoint["rng"] = loop.validation_rng or capture_rng()
        checkpoint["gradients"] = _waiting_gradients(trainer)
        checkpoint["callbacks"] = {
            callback.state_key: state for callback in trainer.callbacks if (state := callback.state_dict())
        }
        checkpoint["optimizer_states"] = [optimizer.state_dict() for optimizer in trainer.optimizers]
        checkpoint["lr_schedulers"] = [
            config.scheduler.state_dict() for config in trainer.lr_scheduler_configs
        ]
    for owner in (module, trainer.datamodule):
        if owner is not None and owner.hparams:
            checkpoint[owner.CHECKPOINT_HYPER_PARAMS_NAME] = "kwargs"
            checkpoint[owner.CHECKPOINT_HYPER_PARAMS_KEY] = _storable(owner)
    if trainer.datamodule is not None and (state := trainer.datamodule.state_dict()):
        checkpoint[type(trainer.datamodule).__qualname__] = state
    if not weights_only:
        for callback in trainer.callbacks:
            callback.on_save_checkpoint(trainer, module, checkpoint)
    module.on_save_checkpoint(checkpoint)
    return checkpoint


def _loop_state(trainer: Trainer) -> dict[str, Any]:
    loop = trainer.fit_loop
    trainer.fold_metrics()
    return {
        "loader": None if loop.loader is None else loader_position(loop.loader),
        "is_loader_open": loop.is_loader_open,
        "num_batches": None if loop.num_batches == float("inf") else int(loop.num_batches),
        "metrics": loop.metrics.state_dict(),
        "logged": {kind: {k: float(v) for k, v in values.items()} for kind, values in trainer.logged.items()},
        "should_stop": trainer.should_stop,
    }


def _waiting_gradients(trainer: Trainer) -> dict[str, Any]:
    """Gradients that a later optimizer step will use: while accumulating, and always in manual
    optimization."""
    module = trainer.lightning_module
    is_waiting = (
        not module.automatic_optimization
        or is_overridden("optimizer_zero_grad", module)
        or (trainer.progress.batch_idx >= 0 and trainer.fit_loop.is_accumulating())
    )
    if not is_waiting:
        return {}
    return {name: p.grad.detach() for name, p in module.named_parameters() if p.grad is not None}


def _storable(owner: Any) -> dict[str, Any]:
    """The hyper-parameters that a file can hold; others are named in a warning."""
    kept, dropped = {}, []
    for name, value in owner.hparams.items():
        try:
            kept[name] = plain(value, name)
        except TypeError:
            dropped.append(f"{name} ({type(value).__name__})")
    if dropped:
        warn_once(
            f"{type(owner).__name__}: the hyper-parameters {', '.join(dropped)} are no plain values and are "
            "left out of checkpoints; pass them to load_from_checkpoint again, or "
            "save_hyperparameters(ignore=[...])"
        )
    return kept


def plain(value: Any, path: str) -> Any:
    """`value` made of tensors, numbers, strings and plain containers only.

    Args:
        value: anything.
        path: where it stands, for the message.

    Raises:
        TypeError: it holds an object that a checkpoint does not store.

    Example:
        >>> from pathlib import Path
        >>> plain({"folder": Path("a")}, "options")
        {'folder': 'a'}
    """
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        items = {plain(key, path): plain(item, f"{path}[{key!r}]") for key, item in value.items()}
        return OrderedDict(items) if isinstance(value, OrderedDict) else items
    if isinstance(value, (list, set, frozenset)):
        return [plain(item, f"{path}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, tuple):
        return tuple(plain(item, f"{path}[{i}]") for i, item in enumerate(value))
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, taeda.dtype):
        return value
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    raise TypeError(
        f"checkpoint: {path} is a {type(value).__module__}.{type(value).__qualname__}, which cannot be "
        "stored safely; expected tensors, numbers, strings, None, and lists, tuples or dicts of these. "
        "Convert it in state_dict() or on_save_checkpoint()"
    )


def write_checkpoint(checkpoint: dict[str, Any], path: str | Path) -> None:
    """Write a checkpoint so that the file is either the whole new one or the old one.

    Args:
        checkpoint: what `dump_checkpoint` returned.
        path: file to write; missing folders are made.

    Raises:
        TypeError: it holds an object that cannot be stored safely.
        OSError: the file cannot be written.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    content = {key: plain(value, f"checkpoint[{key!r}]") for key, value in checkpoint.items()}
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            taeda.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def read_checkpoint(path: str | Path, map_location: Any = None) -> dict[str, Any]:
    """Read a checkpoint; no code in it is executed.

    Args:
        path: the file.
        map_location: device for its tensors, cpu by default.

    Raises:
        CheckpointNotFoundError: there is no such file.
        MisconfigurationException: the file is damaged, or no checkpoint of a trainer.
    """
    file = Path(path)
    if not file.is_file():
        folder = file.parent
        nearby = sorted(p.name for p in folder.glob("*.ckpt")) if folder.is_dir() else []
        raise CheckpointNotFoundError(
            f"checkpoint {str(path)!r} does not exist; "
            + (
                f"checkpoints in {str(folder)!r}: {nearby}"
                if nearby
                else f"{str(folder)!r} holds no *.ckpt files"
            )
        )
    try:
        checkpoint = taeda.load(file, map_location=map_location or "cpu")
    except (RuntimeError, pickle.UnpicklingError) as error:
        raise MisconfigurationException(f"checkpoint {str(path)!r} cannot be read: {error}") from error
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        found = (
            sorted(map(str, checkpoint))[:8] if isinstance(checkpoint, dict) else type(checkpoint).__name__
        )
        raise MisconfigurationException(
            f"{str(path)!r} is no checkpoint of a Trainer: expected a dict with 'state_dict', found "
            f"{found}. Plain weights are loaded with model.load_state_dict(taeda.load(path))"
        )
    return checkpoint


def select_checkpoint_path(
    trainer: Trainer, ckpt_path: str | Path | None, is_model_given: bool
) -> str | None:
    """Turn "best", "last", None or a path into the file to load, or None for none.

    Args:
        trainer: the trainer, in the state of the method that was called.
        ckpt_path: the method's argument.
        is_model_given: whether the method got a model; without one, evaluation takes the best checkpoint.

    Raises:
        MisconfigurationException: "best" is asked for and there is no best checkpoint.
    """
    assert trainer.state.fn is not None
    call = f"trainer.{trainer.state.fn.value}"
    if ckpt_path is None:
        if is_model_given:
            return None
        has_best = trainer.checkpoint_callback is not None and trainer.checkpoint_callback.best_model_path
        if not has_best:
            return None
        info(
            f"{call}() without a model: using the best checkpoint of the fit; pass ckpt_path to choose "
            "another"
        )
        ckpt_path = "best"
    if ckpt_path == "best":
        callback = trainer.checkpoint_callback
        if callback is None:
            raise MisconfigurationException(
                f"{call}(ckpt_path='best'): there is no ModelCheckpoint callback; add one or pass a path"
            )
        if not callback.best_model_path:
            raise MisconfigurationException(
                f"{call}(ckpt_path='best'): ModelCheckpoint has saved nothing yet; run fit() first (without "
                "fast_dev_run) or pass a path"
            )
        return str(callback.best_model_path)
    if ckpt_path == "last":
        candidates = {
            path for callback in trainer.checkpoint_callbacks for path in callback.find_last(trainer)
        }
        if not candidates:
            warn(f"{call}(ckpt_path='last'): no last checkpoint is there yet; nothing is loaded")
            return None
        return max(candidates, key=os.path.getmtime)
    return os.fspath(ckpt_path)


def restore_model(trainer: Trainer, checkpoint: dict[str, Any]) -> None:
    """Load weights, the data module's state and (in a fit) the callbacks' states."""
    module, datamodule = trainer.lightning_module, trainer.datamodule
    load_weights(module, checkpoint, None)
    if datamodule is not None and type(datamodule).__qualname__ in checkpoint:
        datamodule.load_state_dict(checkpoint[type(datamodule).__qualname__])
    if not trainer.fitting:
        return
    states = checkpoint.get("callbacks", {})
    for callback in trainer.callbacks:
        callback.on_load_checkpoint(trainer, module, checkpoint)
    for callback in trainer.callbacks:
        if callback.state_key in states:
            callback.load_state_dict(states[callback.state_key])


def load_weights(module: LightningModule, checkpoint: dict[str, Any], strict: bool | None) -> None:
    """Call `on_load_checkpoint` and load `checkpoint["state_dict"]` into the module.

    Raises:
        CheckpointMismatchError: names or shapes of the weights are others; the lines after the first list them.
    """
    module.on_load_checkpoint(checkpoint)
    strict = module.strict_loading if strict is None else strict
    try:
        module.load_state_dict(checkpoint["state_dict"], strict=strict)
    except RuntimeError as error:
        raise CheckpointMismatchError(
            f"the checkpoint belongs to another model or other data: its weights do not fit this "
            f"{type(module).__name__}\n{error}"
        ) from error


def build_from_hyperparameters(
    cls: type[Any], stored: Mapping[str, Any], given: Mapping[str, Any], path: str | Path
) -> Any:
    """Call `cls(**stored, **given)` with the arguments that it takes.

    Raises:
        MisconfigurationException: an argument without default is missing.
    """
    signature = inspect.signature(cls.__init__)
    parameters = list(signature.parameters.values())[1:]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    values = {name: value for name, value in {**stored, **given}.items() if takes_any or name in names}
    required = {p.name for p in parameters if p.default is p.empty and p.name in names}
    missing = sorted(required - values.keys())
    if missing:
        raise MisconfigurationException(
            f"{cls.__name__}.load_from_checkpoint({str(path)!r}): __init__ needs {missing}, which the file "
            f"does not hold (it has {sorted(stored)}); pass them as keyword arguments, or call "
            "self.save_hyperparameters() in __init__ before training"
        )
    return cls(**values)


def read_hparams_file(path: str | Path) -> dict[str, Any]:
    """Read `hparams.yaml`.

    Raises:
        MisconfigurationException: PyYAML is not installed.
    """
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise MisconfigurationException(
            f"hparams_file={str(path)!r}: reading YAML needs PyYAML; pip install pyyaml, or pass the values "
            "as keyword arguments"
        ) from None
    content = yaml.safe_load(Path(path).read_text())
    return dict(content or {})


def is_last_name(stem: str, last_name: str) -> bool:
    """Whether a file name without suffix is that of a "last" (or interrupted) checkpoint.

    Example:
        >>> is_last_name("last-v1", "last"), is_last_name("lasting", "last")
        (True, False)
    """
    return re.fullmatch(rf"(?:{re.escape(last_name)}|interrupted)(?:-v\d+)?", stem) is not None
