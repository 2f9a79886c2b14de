"""RMSprop."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor
from taeda._C import ops

from ._group import GroupOptimizer, check_range, real, step_tensor, takes_native

__all__ = ["RMSprop"]

_fused_rmsprop = ops._fused_rmsprop_


class RMSprop(GroupOptimizer):
    """Divides the gradient by a running root mean square (Hinton, 2012; centered: Graves, 2013).

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        alpha: how much of the mean square is kept at each step.
        eps: added to the root.
        weight_decay: factor of the parameters that is added to the gradient.
        momentum: share of the last step that is kept.
        centered: whether the variance is used instead of the mean square.
        capturable: whether steps are counted on the parameters' device.
        foreach: accepted; the native step takes all parameters at once.
        maximize: whether to ascend instead.
        differentiable: whether autograd goes through the step.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("epsilon value", eps)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        check_range("alpha value", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        state["step"] = step_tensor(group, parameter)
        state["square_avg"] = taeda.zeros_like(parameter).detach()
        if group["momentum"] > 0:
            state["momentum_buffer"] = taeda.zeros_like(parameter).detach()
        if group["centered"]:
            state["grad_avg"] = taeda.zeros_like(parameter).detach()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        states = self._states(group, params, gradients)
        if not takes_native(group, group["lr"]):
            for p, g, state in zip(params, gradients, states, strict=True):
                _formula(group, p, g, state)
            return
        _fused_rmsprop(
            params,
            gradients,
            [s["square_avg"] for s in states],
            [s["grad_avg"] for s in states] if group["centered"] else [],
            [s["momentum_buffer"] for s in states] if group["momentum"] > 0 else [],
            [s["step"] for s in states],
            lr=group["lr"],
            alpha=group["alpha"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            centered=group["centered"],
            maximize=group["maximize"],
        )


def _formula(group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
    alpha, decay, momentum = group["alpha"], group["weight_decay"], group["momentum"]
    state["step"] += 1
    if group["maximize"]:
        g = -g
    if decay != 0:
        g = g + p * decay
    p, g, square = real(p), real(g), real(state["square_avg"])
    square.mul_(alpha).add_(g * g * (1 - alpha))
    spread = square
    if group["centered"]:
        mean = real(state["grad_avg"])
        mean.mul_(alpha).add_(g * (1 - alpha))
        spread = square - mean * mean
    direction = g / (spread.sqrt() + group["eps"])
    if momentum > 0:
        buffer = real(state["momentum_buffer"])
        buffer.mul_(momentum).add_(direction)
        direction = buffer
    p.sub_(direction * group["lr"])
