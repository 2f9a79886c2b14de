"""Adadelta."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor

from ._group import GroupOptimizer, check_range, real, step_tensor

__all__ = ["Adadelta"]


class Adadelta(GroupOptimizer):
    """Steps of the size of the last ones (Zeiler, 2012).

    Args:
        params: parameters, or groups of them.
        lr: factor of the steps.
        rho: how much of both running means is kept at each step.
        eps: added to mean squares.
        weight_decay: factor of the parameters that is added to the gradient.
        foreach: accepted.
        capturable: whether steps are counted on the parameters' device.
        maximize: whether to ascend instead.
        differentiable: whether autograd goes through the step.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_range("epsilon value", eps)
        check_range("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        state["step"] = step_tensor(group, parameter)
        state["square_avg"] = taeda.zeros_like(parameter).detach()
        state["acc_delta"] = taeda.zeros_like(parameter).detach()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        rho, eps = group["rho"], group["eps"]
        for p, g, state in zip(params, gradients, self._states(group, params, gradients), strict=True):
            state["step"] += 1
            if group["maximize"]:
                g = -g
            if group["weight_decay"] != 0:
                g = g + p * group["weight_decay"]
            p, g, square, moved = real(p), real(g), real(state["square_avg"]), real(state["acc_delta"])
            square.mul_(rho).add_(g * g * (1 - rho))
            step = (moved + eps).sqrt() / (square + eps).sqrt() * g
            moved.mul_(rho).add_(step * step * (1 - rho))
            p.sub_(step * group["lr"])
