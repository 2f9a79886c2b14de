"""Adam, with weight decay in the gradient or apart from it."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor
from taeda._C import ops

from ._group import GroupOptimizer, check_range, real, scalar, step_tensor, takes_native

__all__ = ["Adam", "AdamW"]

_fused_adam = ops._fused_adam_
_fused_adamw = ops._fused_adamw_


class Adam(GroupOptimizer):
    """Steps by running means of the gradient and its square (Kingma & Ba, 2014).

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        betas: how much of both means is kept at each step.
        eps: added to the square root.
        weight_decay: factor of the parameters that is added to the gradient.
        amsgrad: whether the greatest mean square so far is used (Reddi et al., 2018).
        foreach: accepted; the native step takes all parameters at once.
        maximize: whether to ascend instead.
        capturable: whether steps are counted on the parameters' device.
        differentiable: whether autograd goes through the step.
        fused: False asks for the tensor formula instead of the native step.
        decoupled_weight_decay: whether the decay shrinks the parameters instead, as in AdamW.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
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
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        state["step"] = step_tensor(group, parameter)
        state["exp_avg"] = taeda.zeros_like(parameter).detach()
        state["exp_avg_sq"] = taeda.zeros_like(parameter).detach()
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = taeda.zeros_like(parameter).detach()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        states = self._states(group, params, gradients)
        beta1, beta2 = group["betas"]
        step = _fused_adamw if group["decoupled_weight_decay"] else _fused_adam
        if not takes_native(group, group["lr"], beta1, beta2):
            for p, g, state in zip(params, gradients, states, strict=True):
                _formula(group, p, g, state)
            return
        amsgrad = group["amsgrad"]
        step(
            params,
            gradients,
            [s["exp_avg"] for s in states],
            [s["exp_avg_sq"] for s in states],
            [s["max_exp_avg_sq"] for s in states] if amsgrad else [],
            [s["step"] for s in states],
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=amsgrad,
            maximize=group["maximize"],
        )


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters (Loshchilov & Hutter, 2017); arguments as in `Adam`."""

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


def _formula(group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
    lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
    state["step"] += 1
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
    if group["amsgrad"]:
        largest = real(state["max_exp_avg_sq"])
        largest.copy_(taeda.maximum(largest, square))
        square = largest
    step = scalar(group, state["step"])
    correction1, correction2 = 1 - beta1**step, 1 - beta2**step
    p.sub_(mean / (square.sqrt() / correction2**0.5 + group["eps"]) * (lr / correction1))
