"""What `configure_optimizers` may return, the optimizer that user code sees, and gradient clipping."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import taeda
from taeda.nn.utils import clip_grad_norm_, clip_grad_value_
from taeda.optim import Optimizer
from taeda.optim.lr_scheduler import ReduceLROnPlateau

from .errors import MisconfigurationException, closest
from .messages import warn_once

if TYPE_CHECKING:
    from .module import LightningModule
    from .trainer import Trainer

__all__ = [
    "LRSchedulerConfig",
    "LightningOptimizer",
    "clip_gradients",
    "configure_optimizers",
    "step_schedulers",
]


@dataclasses.dataclass
class LRSchedulerConfig:
    """A learning-rate scheduler and when to step it.

    Attributes:
        scheduler: an object with `step()` and `optimizer`.
        name: name under which `LearningRateMonitor` logs.
        interval: "epoch" or "step" (optimizer steps).
        frequency: step every so many intervals.
        reduce_on_plateau: whether `scheduler.step` takes the monitored value.
        monitor: logged name that is passed to it.
        strict: whether a missing monitored name is an error (otherwise a warning).
    """

    scheduler: Any
    name: str | None = None
    interval: str = "epoch"
    frequency: int = 1
    reduce_on_plateau: bool = False
    monitor: str | None = None
    strict: bool = True


_CONFIG_KEYS = {field.name for field in dataclasses.fields(LRSchedulerConfig)}
_RETURN_FORMS = (
    "one optimizer, a list of optimizers, a dict with 'optimizer' and 'lr_scheduler', a list of such "
    "dicts, or two lists (optimizers, schedulers)"
)


def configure_optimizers(module: LightningModule) -> tuple[list[Optimizer], list[LRSchedulerConfig]]:
    """Call `module.configure_optimizers()` and bring its result into one form.

    Returns:
        The optimizers and the scheduler configurations.

    Raises:
        MisconfigurationException: the result has none of the documented forms.
    """
    result = module.configure_optimizers()
    if result is None:
        warn_once(
            f"{type(module).__name__}.configure_optimizers returned None: this fit runs without an "
            "optimizer and changes no weights"
        )
        return [], []
    optimizers: list[Any] = []
    configs: list[LRSchedulerConfig] = []
    if isinstance(result, dict):
        result = [result]
    if isinstance(result, Optimizer):
        optimizers = [result]
    elif _is_pair_of_lists(result):
        optimizers = list(result[0])
        configs = [_scheduler_config(item, None) for item in result[1]]
    elif isinstance(result, (list, tuple)) and result and all(isinstance(item, dict) for item in result):
        for item in result:
            _check_keys(item, {"optimizer", "lr_scheduler", "monitor"}, "configure_optimizers")
            optimizers.append(item.get("optimizer"))
            if item.get("lr_scheduler") is not None:
                configs.append(_scheduler_config(item["lr_scheduler"], item.get("monitor")))
    elif isinstance(result, (list, tuple)):
        optimizers = list(result)
    else:
        optimizers = [result]
    wrong = [type(item).__name__ for item in optimizers if not isinstance(item, Optimizer)]
    if wrong:
        raise MisconfigurationException(
            f"{type(module).__name__}.configure_optimizers: expected {_RETURN_FORMS}; found {wrong} in the "
            "place of an optimizer"
        )
    for config in configs:
        if config.scheduler.optimizer not in optimizers:
            raise MisconfigurationException(
                f"{type(module).__name__}.configure_optimizers: the {type(config.scheduler).__name__} "
                "belongs to an optimizer that is not among those returned; return that optimizer too"
            )
    if module.automatic_optimization and len(optimizers) > 1:
        raise MisconfigurationException(
            f"{type(module).__name__}.configure_optimizers returned {len(optimizers)} optimizers; automatic "
            "optimization takes one. Set self.automatic_optimization = False in __init__ and step them in "
            "training_step"
        )
    return optimizers, configs


def _is_pair_of_lists(result: Any) -> bool:
    return (
        isinstance(result, (list, tuple))
        and len(result) == 2
        and all(isinstance(part, (list, tuple)) for part in result)
        and all(isinstance(item, Optimizer) for item in result[0])
    )


def _check_keys(given: dict[str, Any], known: set[str], where: str) -> None:
    for key in given:
        if key not in known:
            raise MisconfigurationException(f"{where}: unknown key {key!r}; {closest(str(key), known)}")


def _scheduler_config(item: Any, monitor: str | None) -> LRSchedulerConfig:
    given = dict(item) if isinstance(item, dict) else {"scheduler": item}
    _check_keys(given, _CONFIG_KEYS, "lr_scheduler")
    scheduler = given.get("scheduler")
    if not hasattr(scheduler, "step") or not hasattr(scheduler, "optimizer"):
        raise MisconfigurationException(
            "lr_scheduler: expected a scheduler with step() and optimizer under the key 'scheduler', got "
            f"{type(scheduler).__name__}"
        )
    given.setdefault("reduce_on_plateau", isinstance(scheduler, ReduceLROnPlateau))
    given.setdefault("monitor", monitor)
    config = LRSchedulerConfig(**given)
    if config.interval not in ("epoch", "step"):
        raise MisconfigurationException(
            f"lr_scheduler: got interval {config.interval!r}; expected 'epoch' or 'step'"
        )
    if not isinstance(config.frequency, int) or config.frequency < 1:
        raise MisconfigurationException(
            f"lr_scheduler: got frequency {config.frequency!r}; expected a positive integer"
        )
    if config.reduce_on_plateau and config.monitor is None:
        raise MisconfigurationException(
            "configure_optimizers: ReduceLROnPlateau needs the logged name to watch; return {'optimizer': "
            "..., 'lr_scheduler': {'scheduler': ..., 'monitor': 'val_loss'}}"
        )
    return config


class LightningOptimizer:
    """An optimizer as user code sees it: its `step` counts in `global_step` and calls the hooks.

    Everything else (`param_groups`, `zero_grad`, `state_dict`, ...) is the wrapped optimizer's own.
    """

    def __init__(self, optimizer: Optimizer, module: LightningModule) -> None:
        self._optimizer = optimizer
        self._module = module

    @property
    def optimizer(self) -> Optimizer:
        """The wrapped optimizer."""
        return self._optimizer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)

    def __repr__(self) -> str:
        return f"Lightning{self._optimizer!r}"

    @contextlib.contextmanager
    def toggle_model(self, sync_grad: bool = True) -> Iterator[None]:
        """Within the block, only the parameters of this optimizer require gradients."""
        self._module.toggle_optimizer(self)
        try:
            yield
        finally:
            self._module.untoggle_optimizer(self)

    def step(self, closure: Callable[[], Any] | None = None, **kwargs: Any) -> Any:
        """Run `closure` (with gradients on), the `on_before_optimizer_step` hooks, then the optimizer's step.

        Args:
            closure: computes the loss and its gradients.
            kwargs: passed to the optimizer's own `step`.

        Returns:
            What `closure` returned.
        """
        trainer = self._module.trainer

        def with_hooks() -> Any:
            result = None
            if closure is not None:
                with taeda.enable_grad():
                    result = closure()
            trainer.hooks("on_before_optimizer_step", self._optimizer)
            if self._module.automatic_optimization:
                self._module.configure_gradient_clipping(
                    self._optimizer,
                    gradient_clip_val=trainer.gradient_clip_val,
                    gradient_clip_algorithm=trainer.gradient_clip_algorithm,
                )
            return result

        result = self._optimizer.step(with_hooks, **kwargs)
        trainer.progress.global_step += 1
        return result


def step_schedulers(trainer: Trainer, interval: str, is_plateau: bool, count: int) -> None:
    """Step the schedulers that go by `interval` and are due.

    Args:
        trainer: the trainer that runs.
        interval: "epoch" or "step".
        is_plateau: those that watch a metric, or the others.
        count: epochs, or batches of the epoch, so far.

    Raises:
        MisconfigurationException: a watched metric was not logged.
    """
    for config in trainer.lr_scheduler_configs:
        is_meant = config.reduce_on_plateau == is_plateau and config.interval == interval
        if not is_meant or count % config.frequency:
            continue
        value = None
        if is_plateau:
            assert config.monitor is not None
            available = trainer.callback_metrics
            value = available.get(config.monitor)
            if value is None:
                text = (
                    f"ReduceLROnPlateau watches {config.monitor!r}, which was not logged; logged so far: "
                    f"{sorted(available)}. Log it, or choose another name with the key 'monitor'"
                )
                if config.strict:
                    raise MisconfigurationException(text)
                warn_once(text)
                continue
        trainer.lightning_module.lr_scheduler_step(config.scheduler, value)


def clip_gradients(
    optimizer: Optimizer,
    clip_value: int | float | None,
    algorithm: str | None,
    parameters: Sequence[Any] = (),
) -> None:
    """Clip the gradients of an optimizer's parameters.

    Args:
        optimizer: its parameters are clipped.
        clip_value: largest norm or absolute value; `None` or 0 clips nothing.
        algorithm: "norm" (default) scales all gradients together, "value" clamps each element.
        parameters: clip these instead of the optimizer's.

    Raises:
        MisconfigurationException: the algorithm or value is not one of the above.
    """
    if clip_value is None:
        return
    if isinstance(clip_value, bool) or not isinstance(clip_value, (int, float)):
        raise MisconfigurationException(
            f"gradient_clip_val: expected a number or None, got {clip_value!r} of type "
            f"{type(clip_value).__name__}"
        )
    if algorithm not in (None, "norm", "value"):
        raise MisconfigurationException(
            f"gradient_clip_algorithm: got {algorithm!r}; expected 'norm' or 'value'"
        )
    if clip_value <= 0:
        return
    chosen = list(parameters) or [p for group in optimizer.param_groups for p in group["params"]]
    if algorithm == "value":
        clip_grad_value_(chosen, clip_value)
    else:
        clip_grad_norm_(chosen, clip_value)
