"""Loss scaling: keeps the small gradients of float16 above zero."""

from __future__ import annotations

import math
import struct
import warnings
from typing import Any

import taeda
from taeda import Tensor
from taeda._C import ops

__all__ = ["GradScaler"]

_READY, _UNSCALED, _STEPPED = "ready", "unscaled", "stepped"
_check_and_unscale = ops._amp_foreach_non_finite_check_and_unscale_


def _float32(value: float) -> float:
    """The number that is left of `value` in float32, in which factors are kept."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.inf


def _gradients(optimizer: Any) -> dict[tuple[taeda.device, taeda.dtype], list[Tensor]]:
    """The gradients of an optimizer's parameters, by device and dtype.

    Raises:
        ValueError: one of them is float16.
    """
    found: dict[tuple[taeda.device, taeda.dtype], list[Tensor]] = {}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            if gradient.dtype == taeda.float16:
                raise ValueError(
                    "GradScaler.unscale_: attempting to unscale FP16 gradients; keep the parameters in float32 "
                    "and let autocast convert them"
                )
            found.setdefault((gradient.device, gradient.dtype), []).append(gradient)
    return found


class GradScaler:
    """Multiplies losses by a factor, divides gradients by it again, and leaves out steps whose gradients overflowed.

    After an overflow the factor shrinks; after `growth_interval` steps without one it grows. Gradients are checked and
    divided by one kernel for all of a device and dtype; `step` then waits once for each device to learn the outcome.

    Args:
        device: "cpu" or "cuda". Where there is no GPU, "cuda" warns and gives a scaler that does nothing.
        init_scale: the first factor.
        growth_factor: how the factor grows, above 1.
        backoff_factor: how it shrinks, below 1.
        growth_interval: steps without overflow before it grows.
        enabled: False makes every method pass through.

    Raises:
        ValueError: a factor is on the wrong side of 1.

    Example:
        >>> import taeda
        >>> w = taeda.nn.Parameter(taeda.ones(1))
        >>> optimizer = taeda.optim.SGD([w], lr=0.5)
        >>> scaler = taeda.amp.GradScaler("cpu", init_scale=8.0)
        >>> scaler.scale(w * w).sum().backward()
        >>> float(w.grad)
        16.0
        >>> _ = scaler.step(optimizer)
        >>> scaler.update()
        >>> float(w)
        0.0
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device = device
        self._enabled = enabled
        if enabled and device == "cuda" and not taeda.cuda.is_available():
            warnings.warn("GradScaler is enabled, but CUDA is not available. Disabling.", stacklevel=2)
            self._enabled = False
        if growth_factor <= 1.0:
            raise ValueError(f"GradScaler: the growth factor must be > 1.0, got {growth_factor}")
        if backoff_factor >= 1.0:
            raise ValueError(f"GradScaler: the backoff factor must be < 1.0, got {backoff_factor}")
        self._scale = _float32(init_scale)
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        self._stages: dict[int, str] = {}
        self._found: dict[int, list[Tensor]] = {}  # by optimizer: one number a device, 1 after an overflow
        self._overflowed: dict[int, bool] = {}  # the same, once it was read

    def scale(self, outputs: Any) -> Any:
        """The tensor, or all tensors of lists and tuples, times the factor."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return self._scaled(outputs)
        if isinstance(outputs, (list, tuple)):
            return type(outputs)(self.scale(each) for each in outputs)
        raise ValueError(
            f"GradScaler.scale: expected a tensor or a list or tuple of tensors, got {type(outputs).__name__}"
        )

    def _scaled(self, outputs: Tensor) -> Tensor:
        """A tensor times the factor, which is a float32 number: losses without dimensions become float32."""
        factor = taeda.tensor(self._scale)
        if outputs.dtype == taeda.float16 and outputs.dim():
            return (outputs.float() * factor).to(
                taeda.float16
            )  # the factor itself may be infinite in float16
        return outputs * factor

    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of an optimizer's parameters by the factor; for clipping before `step`.

        Raises:
            RuntimeError: that was done since the last `update`.
            ValueError: a gradient is float16: parameters have to be float32.
        """
        if not self._enabled:
            return
        stage = self._stages.get(id(optimizer), _READY)
        if stage == _UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if stage == _STEPPED:
            raise RuntimeError("unscale_() is being called after step(); call update() first.")
        numbers: dict[taeda.device, tuple[Tensor, Tensor]] = {}
        with taeda.no_grad():
            for (device, _), gradients in _gradients(optimizer).items():
                if device not in numbers:
                    inverse = taeda.full((), 1.0 / self._scale, dtype=taeda.float32, device=device)
                    numbers[device] = taeda.zeros((), dtype=taeda.float32, device=device), inverse
                _check_and_unscale(gradients, *numbers[device])
        self._found[id(optimizer)] = [found for found, _ in numbers.values()]
        self._stages[id(optimizer)] = _UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls optimizer.step(*args, **kwargs) unless a gradient is infinite or NaN.

        Returns:
            What the optimizer returned, None if the step was left out.

        Raises:
            RuntimeError: a closure was passed, or step() was called already since the last `update`.
            AssertionError: no parameter has a gradient.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        stage = self._stages.get(id(optimizer), _READY)
        if stage == _STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if stage == _READY:
            self.unscale_(optimizer)
        if not self._found[id(optimizer)]:
            raise AssertionError(
                "No inf checks were recorded for this optimizer: none of its parameters has a gradient; call "
                "backward() before step()"
            )
        self._stages[id(optimizer)] = _STEPPED
        return None if self._overflow(id(optimizer)) else optimizer.step(*args, **kwargs)

    def _overflow(self, optimizer: int) -> bool:
        """Whether a gradient of the optimizer was infinite or NaN; waits for its devices the first time."""
        if optimizer not in self._overflowed:
            self._overflowed[optimizer] = any(found.item() != 0 for found in self._found[optimizer])
        return self._overflowed[optimizer]

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Adjusts the factor by what happened since the last call, or sets it.

        Raises:
            RuntimeError: neither `step` nor `unscale_` was called before.
        """
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = _float32(float(new_scale))
        elif not any(self._found.values()):
            raise RuntimeError("No inf checks were recorded prior to update; call step(optimizer) first.")
        elif any(map(self._overflow, self._found)):
            self._scale = _float32(self._scale * self._backoff_factor)
            self._growth_tracker = 0
        else:
            self._growth_tracker += 1
            if self._growth_tracker == self._growth_interval:
                grown = _float32(self._scale * self._growth_factor)
                self._scale = grown if math.isfinite(grown) else self._scale
                self._growth_tracker = 0
        self._stages.clear()
        self._found.clear()
        self._overflowed.clear()

    def is_enabled(self) -> bool:
        """Whether the scaler does anything."""
        return self._enabled

    def get_scale(self) -> float:
        """The factor; 1 of a scaler that does nothing."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """How the factor grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Sets how the factor grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """How the factor shrinks."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Sets how the factor shrinks."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """Steps without overflow before the factor grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Sets the steps without overflow before the factor grows."""
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes; empty of a scaler that does nothing."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what `state_dict` gave.

        Raises:
            RuntimeError: it is empty, so it came from a scaler that does nothing.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._scale = state_dict["scale"]
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]
