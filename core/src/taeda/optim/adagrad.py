"""Adagrad."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor
from taeda._C import ops

from ._group import GroupOptimizer, check_range, real, scalar, step_tensor, takes_native

__all__ = ["Adagrad"]

_fused_adagrad = ops._fused_adagrad_


class Adagrad(GroupOptimizer):
    """Divides the gradient by the root of the sum of its squares so far (Duchi et al., 2011).

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        lr_decay: how fast the learning rate falls: lr / (1 + steps * lr_decay).
        weight_decay: factor of the parameters that is added to the gradient.
        initial_accumulator_value: what the sums start from.
        eps: added to the root.
        foreach: accepted; the native step takes all parameters at once.
        maximize: whether to ascend instead.
        differentiable: whether autograd goes through the step.
        fused: False asks for the tensor formula instead of the native step.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_range("learning rate", lr)
        check_range("lr_decay value", lr_decay)
        check_range("weight_decay value", weight_decay)
        check_range("initial_accumulator_value value", initial_accumulator_value)
        check_range("epsilon value", eps)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:  # torch has the state from the beginning
            for parameter in group["params"]:
                self._begin(group, parameter, self.state[parameter])

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        first = group["initial_accumulator_value"]
        state["step"] = step_tensor(group, parameter)
        start = complex(first, first) if parameter.is_complex() else first
        state["sum"] = taeda.full_like(parameter, start).detach()

    def share_memory(self) -> None:
        """Moves the state into memory that other processes can map."""
        for state in self.state.values():
            state["sum"].share_memory_()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        states = self._states(group, params, gradients)
        if not takes_native(group, group["lr"]):
            for p, g, state in zip(params, gradients, states, strict=True):
                _formula(group, p, g, state)
            return
        _fused_adagrad(
            params,
            gradients,
            [s["sum"] for s in states],
            [s["step"] for s in states],
            lr=group["lr"],
            lr_decay=group["lr_decay"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=group["maximize"],
        )


def _formula(group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
    state["step"] += 1
    if group["maximize"]:
        g = -g
    if group["weight_decay"] != 0:
        g = g + p * group["weight_decay"]
    rate = group["lr"] / (1 + (scalar(group, state["step"]) - 1) * group["lr_decay"])
    p, g, total = real(p), real(g), real(state["sum"])
    total.add_(g * g)
    p.sub_(g / (total.sqrt() + group["eps"]) * rate)
