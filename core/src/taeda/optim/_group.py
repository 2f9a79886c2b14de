"""Optimizers that update each parameter from its gradient and own state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import taeda
from taeda import _C, Tensor

from .optimizer import Optimizer

__all__ = [
    "GroupOptimizer",
    "check_range",
    "real",
    "scalar",
    "step_tensor",
    "takes_native",
]


class GroupOptimizer(Optimizer):
    """Has the step in common: for each group `_update` gets the parameters that have gradients, and these.

    A group with parameters on several devices is updated device by device.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once.

        Args:
            closure: computes the loss and the gradients anew.

        Returns:
            What the closure returned.
        """
        loss = None
        with taeda.set_grad_enabled(bool(self.defaults.get("differentiable", False))):
            if closure is not None:
                with taeda.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                params, gradients = [], []
                for parameter in group["params"]:
                    gradient = parameter.grad
                    if gradient is not None:
                        params.append(parameter)
                        gradients.append(gradient)
                for each in _by_device(params, gradients):
                    self._update(group, *each)
        return loss

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no _update")

    def _states(
        self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]
    ) -> list[dict[str, Any]]:
        """The state of each parameter, begun where there is none yet."""
        states = []
        for parameter, gradient in zip(params, gradients):
            state = self.state[parameter]
            if not state:
                if getattr(gradient, "is_sparse", False):
                    raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")
                self._begin(group, parameter, state)
            states.append(state)
        return states

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        """Fills in the state of a parameter before its first step."""
        raise NotImplementedError(f"{type(self).__name__} has no _begin")


def _by_device(params: list[Tensor], gradients: list[Tensor]) -> Iterable[tuple[list[Tensor], list[Tensor]]]:
    """The same lists, one pair for each device."""
    if not params or not _C._cuda_loaded():
        return [(params, gradients)] if params else []
    found: dict[taeda.device, tuple[list[Tensor], list[Tensor]]] = {}
    for parameter, gradient in zip(params, gradients, strict=True):
        theirs = found.setdefault(parameter.device, ([], []))
        theirs[0].append(parameter)
        theirs[1].append(gradient)
    return found.values()


def takes_native(group: dict[str, Any], *scalars: Any) -> bool:
    """Whether a group's options are such that the native step does the same as the tensor formula."""
    return not (
        group.get("differentiable")
        or group.get("capturable")
        or group.get("fused") is False
        or any(isinstance(s, Tensor) for s in scalars)
    )


def step_tensor(group: dict[str, Any], parameter: Tensor) -> Tensor:
    """A new step counter: a 0-dimensional float tensor, on the CPU unless steps have to be captured."""
    dtype = taeda.float64 if taeda.get_default_dtype() == taeda.float64 else taeda.float32
    device = parameter.device if group.get("capturable") else None
    return taeda.zeros((), dtype=dtype, device=device)


def scalar(group: dict[str, Any], step: Tensor) -> Any:
    """The number of steps: a tensor if the step has to be captured or differentiated, else a float."""
    return step if group.get("capturable") or group.get("differentiable") else step.item()


def real(tensor: Tensor) -> Tensor:
    """A complex tensor as one of real pairs; any other one itself."""
    return taeda.view_as_real(tensor) if tensor.is_complex() else tensor


def check_range(name: str, value: Any, low: float = 0.0, high: float | None = None) -> None:
    """Checks an option.

    Raises:
        TypeError: it is no number.
        ValueError: it is less than low, or high or more.
    """
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"Tensor {name} must be 1-element")
    if not isinstance(value, (int, float, Tensor)):
        raise TypeError(f"Invalid {name}: {value!r} of type {type(value).__name__}; expected a number")
    if not low <= value or (high is not None and not value < high):
        limit = f"at least {low:g}" + ("" if high is None else f" and less than {high:g}")
        raise ValueError(f"Invalid {name}: {value}; expected {limit}")
