"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor

from ._group import GroupOptimizer, check_range, real, step_tensor

__all__ = ["ASGD"]


class ASGD(GroupOptimizer):
    """Gradient descent that also keeps the mean of the parameters, in state["ax"] (Polyak & Juditsky, 1992).

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        lambd: decay of the parameters and of the learning rate.
        alpha: exponent of the learning rate's decay.
        t0: step from which on the mean is taken.
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
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        state["step"] = step_tensor(group, parameter)
        state["eta"] = taeda.full_like(state["step"], float(group["lr"]))
        state["mu"] = taeda.ones_like(state["step"])
        state["ax"] = taeda.zeros_like(parameter).detach()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        lr, lambd = group["lr"], group["lambd"]
        for p, g, state in zip(params, gradients, self._states(group, params, gradients), strict=True):
            state["step"] += 1
            step, eta, mu = (float(state[name]) for name in ("step", "eta", "mu"))
            if group["maximize"]:
                g = -g
            if group["weight_decay"] != 0:
                g = g + p * group["weight_decay"]
            p, g, mean = real(p), real(g), real(state["ax"])
            p.mul_(1 - lambd * eta)
            p.sub_(g * eta)
            if mu != 1:
                mean.add_((p - mean) * mu)
            else:
                mean.copy_(p)
            state["eta"].fill_(float(lr) / (1 + lambd * float(lr) * step) ** group["alpha"])
            state["mu"].fill_(1 / max(1, step - group["t0"]))
