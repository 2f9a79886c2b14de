"""Averages of a model's weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import taeda
from taeda import Tensor

from ..nn.modules.batchnorm import _BatchNorm
from ..nn.modules.module import Module
from .lr_scheduler import SWALR

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """A function that updates a list of exponential means from a list of tensors.

    Args:
        decay: how much of the means is kept.

    Raises:
        ValueError: decay is outside [0, 1].
    """
    _check_decay(decay)

    def update(averaged: Iterable[Tensor], current: Iterable[Tensor], _: Any) -> None:
        with taeda.no_grad():
            for mean, new in zip(averaged, current, strict=True):
                if mean.is_floating_point() or mean.is_complex():
                    mean.lerp_(new, 1 - decay)
                else:
                    mean.copy_(mean * decay + new * (1 - decay))

    return update


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """A function that updates a list of plain means from a list of tensors and the number of those before."""

    def update(averaged: Iterable[Tensor], current: Iterable[Tensor], count: Any) -> None:
        with taeda.no_grad():
            for mean, new in zip(averaged, current, strict=True):
                if mean.is_floating_point() or mean.is_complex():
                    mean.lerp_(new, 1 / (float(count) + 1))
                else:
                    mean.add_((new - mean) // (int(count) + 1))

    return update


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Tensor]:
    """A function that computes an exponential mean from the mean so far and a tensor."""
    _check_decay(decay)

    def update(averaged: Tensor, current: Tensor, _: Any) -> Tensor:
        with taeda.no_grad():
            return averaged * decay + current * (1 - decay)

    return update


def get_swa_avg_fn() -> Callable[..., Tensor]:
    """A function that computes a plain mean from the mean so far, a tensor and the number of those before."""

    def update(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
        with taeda.no_grad():
            mean: Tensor = averaged + (current - averaged) / (count + 1)
            return mean

    return update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's (Izmailov et al., 2018).

    Args:
        model: the model.
        device: where the averages are; None is where the model is.
        avg_fn: computes a new average from the old one, the model's tensor and the number of updates.
        multi_avg_fn: updates a list of averages in place likewise.
        use_buffers: whether buffers are averaged too, instead of copied.

    Raises:
        AssertionError: both functions are given.
    """

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[..., Tensor] | None = None,
        multi_avg_fn: Callable[..., None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        assert avg_fn is None or multi_avg_fn is None, (
            "Only one of avg_fn and multi_avg_fn should be provided"
        )
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", taeda.tensor(0, dtype=taeda.int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model returns."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Takes the model's present parameters into the averages."""

        def tensors(m: Module) -> list[Tensor]:
            return list(itertools.chain(m.parameters(), m.buffers() if self.use_buffers else []))

        own = [t.detach() for t in tensors(self.module)]
        new = [t.detach().to(mine.device) for t, mine in zip(tensors(model), own, strict=True)]
        count = self.n_averaged
        with taeda.no_grad():
            if int(count) == 0:
                for mine, theirs in zip(own, new, strict=True):
                    mine.copy_(theirs)
            elif self.avg_fn is not None:
                for mine, theirs in zip(own, new, strict=True):
                    mine.copy_(self.avg_fn(mine, theirs, count.to(mine.device)))
            else:
                (self.multi_avg_fn or get_swa_multi_avg_fn())(own, new, count)
            if not self.use_buffers:
                for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                    mine.copy_(theirs.detach().to(mine.device))
            self.n_averaged.add_(1)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Computes the running statistics of all batch normalisations anew.

    Args:
        loader: batches of inputs; of tuples and lists the first element is taken.
        model: the model, whose mode is kept.
        device: where the batches go.
    """
    momenta = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    training = model.training
    model.train()
    for module in momenta:
        module.momentum = None
    with taeda.no_grad():
        for batch in loader:
            first = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(first if device is None else first.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(training)
