"""Resilient backpropagation."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor

from ._group import GroupOptimizer, check_range, real, step_tensor

__all__ = ["Rprop"]


class Rprop(GroupOptimizer):
    """Steps by the sign of the gradient, longer while it stays the same (Riedmiller & Braun, 1993).

    Args:
        params: parameters, or groups of them.
        lr: first step size.
        etas: factors of the step size when the sign changes, and when it does not.
        step_sizes: least and greatest step size.
        capturable: whether steps are counted on the parameters' device.
        foreach: accepted.
        maximize: whether to ascend instead.
        differentiable: whether autograd goes through the step.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        lr = float(group["lr"])
        state["step"] = step_tensor(group, parameter)
        state["prev"] = taeda.zeros_like(parameter).detach()
        start = complex(lr, lr) if parameter.is_complex() else lr
        state["step_size"] = taeda.full_like(parameter, start).detach()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]
        for p, g, state in zip(params, gradients, self._states(group, params, gradients), strict=True):
            state["step"] += 1
            p, g, before, size = real(p), real(g), real(state["prev"]), real(state["step_size"])
            if group["maximize"]:
                g = -g
            turn = (g * before).sign()
            factor = taeda.ones_like(p).masked_fill(turn > 0, grow).masked_fill(turn < 0, shrink)
            size.mul_(factor).clamp_(least, most)
            g = g.masked_fill(turn < 0, 0)
            p.sub_(g.sign() * size)
            before.copy_(g)
