"""RAdam."""

from __future__ import annotations

import math
from typing import Any

import taeda
from taeda import Tensor

from ._group import GroupOptimizer, check_range, real, step_tensor

__all__ = ["RAdam"]


class RAdam(GroupOptimizer):
    """Adam that divides by the root mean square only once its variance is small enough (Liu et al., 2019).

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        betas: how much of the mean and of the mean square is kept at each step.
        eps: added to the square root.
        weight_decay: factor of the parameters that is added to the gradient.
        decoupled_weight_decay: whether the decay shrinks the parameters instead.
        foreach: accepted.
        maximize: whether to ascend instead.
        capturable: whether steps are counted on the parameters' device.
        differentiable: whether autograd goes through the step.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("epsilon value", eps)
        for i, beta in enumerate(betas):
            check_range(f"beta parameter at index {i}", beta, 0.0, 1.0)
        check_range("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        state["step"] = step_tensor(group, parameter)
        state["exp_avg"] = taeda.zeros_like(parameter).detach()
        state["exp_avg_sq"] = taeda.zeros_like(parameter).detach()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        for p, g, state in zip(params, gradients, self._states(group, params, gradients), strict=True):
            _formula(group, p, g, state)


def _formula(group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
    lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
    state["step"] += 1
    step = float(state["step"])
    if group["maximize"]:
        g = -g
    if decay != 0:
        if group["decoupled_weight_decay"]:
            p.mul_(1 - lr * decay)
        else:
            g = g + p * decay
    p, g, mean, square = real(p), real(g), real(state["exp_avg"]), real(state["exp_avg_sq"])
    mean.mul_(beta1).add_(g * (1 - beta1))
    square.mul_(beta2).add_(g * g * (1 - beta2))
    correction1, correction2 = 1 - beta1**step, 1 - beta2**step
    # Length of the moving average that approximates the exponential one, and its limit.
    limit = 2 / (1 - beta2) - 1
    length = limit - 2 * step * beta2**step / correction2
    direction = mean / correction1
    if length > 5:
        variance = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
        direction = direction / (square.sqrt() + group["eps"]) * math.sqrt(correction2 * variance)
    p.sub_(direction * lr)
