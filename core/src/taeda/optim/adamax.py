"""Adamax."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor

from ._group import GroupOptimizer, check_range, real, scalar, step_tensor

__all__ = ["Adamax"]


class Adamax(GroupOptimizer):
    """Adam with the largest gradient instead of the mean square (Kingma & Ba, 2014).

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        betas: how much of the mean and of the largest value is kept at each step.
        eps: added to absolute gradients.
        weight_decay: factor of the parameters that is added to the gradient.
        foreach: accepted.
        maximize: whether to ascend instead.
        differentiable: whether autograd goes through the step.
        capturable: whether steps are counted on the parameters' device.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
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
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        state["step"] = step_tensor(group, parameter)
        state["exp_avg"] = taeda.zeros_like(parameter).detach()
        state["exp_inf"] = taeda.zeros_like(parameter).detach()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        beta1, beta2 = group["betas"]
        for p, g, state in zip(params, gradients, self._states(group, params, gradients), strict=True):
            state["step"] += 1
            if group["maximize"]:
                g = -g
            if group["weight_decay"] != 0:
                g = g + p * group["weight_decay"]
            p, g, mean, largest = real(p), real(g), real(state["exp_avg"]), real(state["exp_inf"])
            mean.mul_(beta1).add_(g * (1 - beta1))
            largest.copy_(taeda.maximum(largest * beta2, g.abs() + group["eps"]))
            correction = 1 - beta1 ** scalar(group, state["step"])
            p.sub_(mean / largest * (group["lr"] / correction))
