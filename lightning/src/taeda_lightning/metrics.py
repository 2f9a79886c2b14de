"""What `self.log` collects: values per step, reduced over an epoch."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import taeda

from .batches import extract_batch_size
from .errors import MisconfigurationException

__all__ = ["Collected", "MetricStore", "log_levels"]

_REDUCTIONS = {"mean": "mean", "avg": "mean", "sum": "sum", "min": "min", "max": "max"}

_MOST_PENDING = 512
"""Values of a GPU that wait to be read."""

_STEP_HOOKS = frozenset(
    [
        "training_step",
        "on_train_batch_start",
        "on_train_batch_end",
        "on_before_backward",
        "backward",
        "on_after_backward",
        "on_before_optimizer_step",
        "optimizer_step",
        "configure_gradient_clipping",
        "clip_gradients",
        "on_before_zero_grad",
        "optimizer_zero_grad",
    ]
)
_EVALUATION_STEP_HOOKS = frozenset(
    [
        "validation_step",
        "test_step",
        "on_validation_batch_start",
        "on_validation_batch_end",
        "on_test_batch_start",
        "on_test_batch_end",
    ]
)
_EPOCH_HOOKS = frozenset(
    [
        "on_train_start",
        "on_train_epoch_start",
        "on_train_epoch_end",
        "on_validation_start",
        "on_validation_epoch_start",
        "on_validation_epoch_end",
        "on_test_start",
        "on_test_epoch_start",
        "on_test_epoch_end",
    ]
)


@functools.cache
def log_levels(hook: str | None, name: str, on_step: bool | None, on_epoch: bool | None) -> tuple[bool, bool]:
    """Whether a value logged in `hook` counts per step and per epoch, with Lightning's defaults.

    Raises:
        MisconfigurationException: the hook cannot log, or cannot log at that level.

    Example:
        >>> log_levels("training_step", "loss", None, None), log_levels("test_step", "loss", None, None)
        ((True, False), (False, True))
    """
    if hook in _STEP_HOOKS:
        default = (True, False)
    elif hook in _EVALUATION_STEP_HOOKS:
        default = (False, True)
    elif hook in _EPOCH_HOOKS:
        default = (False, True)
        if on_step:
            raise MisconfigurationException(
                f"self.log({name!r}, on_step=True): {hook} runs once an epoch and has no steps; leave "
                "on_step out or log in a *_step method"
            )
        if on_epoch is False:
            raise MisconfigurationException(
                f"self.log({name!r}, on_epoch=False): {hook} can only log per epoch; leave on_epoch out"
            )
    elif hook is None:
        raise MisconfigurationException(
            f"self.log({name!r}, ...): no hook of the Trainer is running, so there is nothing to log to; "
            "call it in a *_step method or an on_*_epoch_* hook during fit, validate or test"
        )
    else:
        raise MisconfigurationException(
            f"self.log({name!r}, ...): you can't log inside {hook}; log in a *_step method or an epoch "
            "hook, or write with self.logger.experiment"
        )
    levels = (default[0] if on_step is None else on_step, default[1] if on_epoch is None else on_epoch)
    if not any(levels):
        raise MisconfigurationException(
            f"self.log({name!r}, on_step=False, on_epoch=False) is not useful: at least one must be True"
        )
    return levels


class _Entry:
    """One logged name in one hook: its settings and its running reduction."""

    __slots__ = (
        *("hook", "name", "dataloader_idx", "settings", "prog_bar", "to_logger", "on_step", "on_epoch"),
        *("reduction", "metric", "step_value", "total", "weight", "pending", "is_active"),
    )

    def __init__(self, hook: str, name: str, dataloader_idx: int | None, settings: tuple[Any, ...]) -> None:
        self.hook = hook
        self.name = name
        self.dataloader_idx = dataloader_idx
        self.settings = settings
        self.prog_bar, self.to_logger, self.on_step, self.on_epoch, self.reduction = settings
        self.metric: Any = None
        self.reset()

    def reset(self) -> None:
        self.total = {"min": float("inf"), "max": float("-inf")}.get(self.reduction, 0.0)
        self.weight = 0.0
        self.pending: list[tuple[taeda.Tensor, int]] = []
        self.step_value: Any = None
        self.is_active = False
        if self.metric is not None:
            self.metric.reset()

    def add(self, value: float, batch_size: int) -> None:
        if self.reduction == "mean":
            self.total += value * batch_size
            self.weight += batch_size
        elif self.reduction == "sum":
            self.total += value
        elif self.reduction == "min":
            self.total = value if value < self.total or value != value else self.total
        else:
            self.total = value if value > self.total or value != value else self.total

    def take(
        self, number: float | None, tensor: taeda.Tensor | None, batch_size: int, keeps_graph: bool
    ) -> None:
        """Take a value of a step: a number, or a tensor that is read later."""
        if number is not None:
            self.step_value = number
            if self.on_epoch:
                self.add(number, batch_size)
            return
        assert tensor is not None
        self.step_value = tensor if keeps_graph else tensor.clone()
        if self.on_epoch:
            self.pending.append((tensor.detach().clone(), batch_size))
            if len(self.pending) >= _MOST_PENDING:
                self.epoch_value()

    def epoch_value(self) -> Any:
        if self.metric is not None:
            return self.metric.compute()
        for tensor, batch_size in self.pending:
            self.add(float(tensor), batch_size)
        self.pending.clear()
        if self.reduction == "mean":
            return self.total / self.weight if self.weight else float("nan")
        return self.total

    def full_name(self, suffix: str) -> str:
        name = self.name + suffix if self.on_step and self.on_epoch else self.name
        return name if self.dataloader_idx is None else f"{name}/dataloader_idx_{self.dataloader_idx}"

    def plain_name(self) -> str:
        return (
            self.name if self.dataloader_idx is None else f"{self.name}/dataloader_idx_{self.dataloader_idx}"
        )


class Collected(NamedTuple):
    """Logged values by destination; numbers, or tensors where `enable_graph` was set or a metric object
    computed."""

    callback: dict[str, Any]
    logger: dict[str, Any]
    progress_bar: dict[str, float]


class MetricStore:
    """Everything logged by the training loop (or by one evaluation loop) since its last reset.

    Values on the CPU are read at once as Python floats and summed in double precision; values on a GPU are
    kept as tensors until somebody looks at them, so that logging does not wait for the device.
    """

    def __init__(self, is_training: bool) -> None:
        self.is_training = is_training
        self.batch: Any = None
        self.dataloader_idx: int | None = None
        self._batch_size: int | None = None
        self._entries: dict[tuple[str, str, int | None], _Entry] = {}

    def begin_batch(self, batch: Any, dataloader_idx: int | None = None) -> None:
        """Set the batch whose size weighs the means; hold it until `end_batch`."""
        self.batch = batch
        self.dataloader_idx = dataloader_idx
        self._batch_size = None

    def end_batch(self) -> None:
        """Let go of the batch."""
        self.batch = None

    def log(
        self,
        hook: str,
        name: str,
        value: Any,
        *,
        prog_bar: bool,
        logger: bool,
        on_step: bool,
        on_epoch: bool,
        reduce_fx: Any,
        enable_graph: bool,
        add_dataloader_idx: bool,
        batch_size: int | None,
    ) -> None:
        """Take one value; see `LightningModule.log` for the arguments."""
        dataloader_idx = self.dataloader_idx if add_dataloader_idx else None
        reduction = reduce_fx if reduce_fx == "mean" else _reduction_name(reduce_fx, name)
        settings = (prog_bar, logger, on_step, on_epoch, reduction)
        key = (hook, name, dataloader_idx)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(hook, name, dataloader_idx, settings)
        elif entry.settings != settings:
            raise MisconfigurationException(
                f"self.log({name!r}, ...) was called twice in {hook} with different arguments: (prog_bar, "
                f"logger, on_step, on_epoch, reduce_fx) was {entry.settings}, now {settings}; use the same "
                "arguments or another name"
            )
        entry.is_active = True
        if isinstance(value, (int, float)):
            number: float | None = float(value)
            tensor = None
        elif isinstance(value, taeda.Tensor):
            if value.numel() != 1:
                raise ValueError(
                    f"self.log({name!r}, ...): expected a single number, got a tensor of shape "
                    f"{tuple(value.shape)}; reduce it first, e.g. with .mean()"
                )
            tensor = value if enable_graph else value.detach()
            number = None if enable_graph or value.is_cuda else tensor.item()
        elif hasattr(value, "compute") and hasattr(value, "reset"):
            entry.metric = value
            entry.step_value = getattr(value, "_forward_cache", None)
            return
        else:
            number, tensor = _checked_number(value, name), None
        if on_epoch and batch_size is None:
            batch_size = self._size_of_batch() if reduction == "mean" else 1
        entry.take(number, tensor, batch_size or 0, enable_graph)

    def _size_of_batch(self) -> int:
        if self._batch_size is None:
            self._batch_size = 1 if self.batch is None else extract_batch_size(self.batch)
        return self._batch_size

    def collect(self, on_step: bool, dataloader_idx: int | None = None) -> Collected:
        """Read the current values: those of the last step, or those of the epoch so far.

        Args:
            on_step: step values (`name`, or `name_step` where both levels are logged), otherwise epoch
                values.
            dataloader_idx: only what this evaluation loader logged; `None` takes what is bound to no loader.
        """
        found = Collected({}, {}, {})
        for entry in self._entries.values():
            if not entry.is_active or entry.dataloader_idx != dataloader_idx:
                continue
            if on_step:
                value = entry.step_value if entry.on_step else None
            else:
                value = entry.epoch_value() if entry.on_epoch else None
            if value is None:
                continue
            full_name = entry.full_name("_step" if on_step else "_epoch")
            if entry.to_logger:
                found.logger[full_name] = value
            if self.is_training or (entry.on_epoch and not on_step):
                found.callback[entry.plain_name()] = value
                found.callback[full_name] = value
            if entry.prog_bar:
                found.progress_bar[full_name] = float(value)
        return found

    def dataloader_indices(self) -> list[int]:
        """Indices of the evaluation loaders that logged something under their own index, in order."""
        return sorted({e.dataloader_idx for e in self._entries.values() if e.dataloader_idx is not None})

    def reset(self) -> None:
        """Forget all values; names and settings stay."""
        for entry in self._entries.values():
            entry.reset()

    def state_dict(self) -> list[dict[str, Any]]:
        """Running reductions as plain values, for a checkpoint in the middle of an epoch."""
        state = []
        for entry in self._entries.values():
            if entry.is_active and entry.metric is None:
                entry.epoch_value()
                step_value = entry.step_value
                state.append(
                    {
                        "hook": entry.hook,
                        "name": entry.name,
                        "dataloader_idx": entry.dataloader_idx,
                        "settings": list(entry.settings),
                        "total": entry.total,
                        "weight": entry.weight,
                        "step_value": None if step_value is None else float(step_value),
                    }
                )
        return state

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        """Take back what `state_dict` returned."""
        self._entries.clear()
        for item in state:
            key = (item["hook"], item["name"], item["dataloader_idx"])
            entry = self._entries[key] = _Entry(*key, settings=tuple(item["settings"]))
            entry.total, entry.weight = item["total"], item["weight"]
            entry.step_value = item["step_value"]
            entry.is_active = True


def _reduction_name(reduce_fx: Any, name: str) -> str:
    text = reduce_fx.lower() if isinstance(reduce_fx, str) else getattr(reduce_fx, "__name__", "")
    if text not in _REDUCTIONS:
        raise MisconfigurationException(
            f"self.log({name!r}, reduce_fx={reduce_fx!r}): expected one of 'mean', 'sum', 'min', 'max'; for "
            "another reduction log an object with update(), compute() and reset()"
        )
    return _REDUCTIONS[text]


def _checked_number(value: Any, name: str) -> float:
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(
            f"self.log({name!r}, {value!r}): values of type {type(value).__name__} cannot be logged; "
            "expected a number, a tensor with one element, or a metric object"
        ) from None
