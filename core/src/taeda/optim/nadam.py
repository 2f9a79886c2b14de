"""NAdam."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor

from ._group import GroupOptimizer, check_range, real, scalar, step_tensor

__all__ = ["NAdam"]


class NAdam(GroupOptimizer):
    """Adam with Nesterov's momentum (Dozat, 2016).

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        betas: how much of the mean and of the mean square is kept at each step.
        eps: added to the square root.
        weight_decay: factor of the parameters that is added to the gradient.
        momentum_decay: how fast the momentum reaches its final value.
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
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        check_range("momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        state["step"] = step_tensor(group, parameter)
        state["mu_product"] = taeda.ones_like(state["step"])
        state["exp_avg"] = taeda.zeros_like(parameter).detach()
        state["exp_avg_sq"] = taeda.zeros_like(parameter).detach()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        for p, g, state in zip(params, gradients, self._states(group, params, gradients), strict=True):
            _formula(group, p, g, state)


def _formula(group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
    lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
    state["step"] += 1
    step = scalar(group, state["step"])
    if group["maximize"]:
        g = -g
    if decay != 0:
        if group["decoupled_weight_decay"]:
            p.mul_(1 - lr * decay)
        else:
            g = g + p * decay
    now, following = (beta1 * (1.0 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
    state["mu_product"] *= now
    product = scalar(group, state["mu_product"])
    p, g, mean, square = real(p), real(g), real(state["exp_avg"]), real(state["exp_avg_sq"])
    mean.mul_(beta1).add_(g * (1 - beta1))
    square.mul_(beta2).add_(g * g * (1 - beta2))
    divisor = (square / (1 - beta2**step)).sqrt() + group["eps"]
    p.sub_(g / divisor * (lr * (1.0 - now) / (1.0 - product)))
    p.sub_(mean / divisor * (lr * following / (1.0 - product * following)))
