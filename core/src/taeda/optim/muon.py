"""Muon."""

from __future__ import annotations

import math
from typing import Any

import taeda
from taeda import Tensor

from ._group import GroupOptimizer, check_range

__all__ = ["Muon"]


def _orthogonalized(
    matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """Nearly the nearest matrix with orthonormal rows or columns, by Newton-Schulz iteration in bfloat16."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    a, b, c = coefficients
    x = matrix.to(taeda.bfloat16)
    tall = x.size(0) > x.size(1)
    if tall:
        x = x.t()
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.t()
        x = taeda.addmm(x, taeda.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.t() if tall else x


class Muon(GroupOptimizer):
    """Momentum whose steps are made orthogonal, for matrices (Jordan et al., 2024).

    Args:
        params: matrices, or groups of them.
        lr: learning rate.
        weight_decay: share by which the parameters shrink, times lr.
        momentum: how much of the running mean is kept at each step.
        nesterov: whether the gradient is mixed in once more.
        ns_coefficients: of the Newton-Schulz iteration.
        eps: least norm that is divided by.
        ns_steps: number of iterations.
        adjust_lr_fn: 'original' or 'match_rms_adamw'; None is the first.

    Raises:
        ValueError: an option is out of range, or a parameter is no matrix.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_range("learning rate", lr)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.dim() != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{parameter.size()}"
                    )

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        state["momentum_buffer"] = taeda.zeros_like(parameter).detach()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        lr, momentum = group["lr"], group["momentum"]
        for p, g, state in zip(params, gradients, self._states(group, params, gradients), strict=True):
            buffer = state["momentum_buffer"]
            buffer.lerp_(g, 1 - momentum)
            update = g.lerp(buffer, momentum) if group["nesterov"] else buffer
            update = _orthogonalized(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
            rows, columns = p.shape
            if group["adjust_lr_fn"] == "match_rms_adamw":
                ratio = 0.2 * math.sqrt(max(rows, columns))
            else:
                ratio = math.sqrt(max(1, rows / columns))
            p.mul_(1 - lr * group["weight_decay"])
            p.sub_(update.to(p.dtype) * (lr * ratio))
