"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from taeda import Tensor
from taeda._C import ops

from ._group import GroupOptimizer, check_range, takes_native

__all__ = ["SGD"]

_fused_sgd = ops._fused_sgd_


class SGD(GroupOptimizer):
    """Gradient descent with momentum (Sutskever et al., 2013).

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        momentum: share of the last step that is kept.
        dampening: share of the gradient that does not enter the momentum.
        weight_decay: factor of the parameters that is added to the gradient.
        nesterov: whether the gradient is corrected by the momentum it will have.
        maximize: whether to ascend instead.
        foreach: accepted; the native step takes all parameters at once.
        differentiable: whether autograd goes through the step.
        fused: False asks for the tensor formula instead of the native step.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> import taeda
        >>> w = taeda.nn.Parameter(taeda.ones(1))
        >>> optimizer = taeda.optim.SGD([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> round(float(w), 6)
        0.8
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_range("learning rate", lr)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        buffers: list[Tensor | None] = []
        if group["momentum"]:
            buffers = [self.state[p].get("momentum_buffer") for p in params]
        if not takes_native(group, group["lr"], group["weight_decay"]):
            self._formula(group, params, gradients)
        elif all(b is not None for b in buffers):
            _native_step(group, params, gradients, buffers, False)
        else:
            self._first_native_step(group, params, gradients, buffers)

    def _first_native_step(
        self,
        group: dict[str, Any],
        params: list[Tensor],
        gradients: list[Tensor],
        buffers: list[Tensor | None],
    ) -> None:
        """Steps of which some have no momentum yet."""
        for is_first in (False, True):
            chosen = [i for i, b in enumerate(buffers) if (b is None) == is_first]
            if not chosen:
                continue
            if is_first:
                for i in chosen:
                    buffers[i] = self.state[params[i]]["momentum_buffer"] = gradients[i].clone()
            _native_step(
                group,
                [params[i] for i in chosen],
                [gradients[i] for i in chosen],
                [buffers[i] for i in chosen],
                is_first,
            )

    def _formula(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        lr, momentum, decay = group["lr"], group["momentum"], group["weight_decay"]
        for p, g in zip(params, gradients, strict=True):
            if group["maximize"]:
                g = -g
            if isinstance(decay, Tensor) or decay != 0:
                g = g + p * decay
            if momentum != 0:
                state = self.state[p]
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    buffer = state["momentum_buffer"] = (
                        g.clone() if group["differentiable"] else g.clone().detach()
                    )
                else:
                    buffer.mul_(momentum).add_(g, alpha=1 - group["dampening"])
                g = g + buffer * momentum if group["nesterov"] else buffer
            p.sub_(g * lr)


def _native_step(
    group: dict[str, Any], params: list[Tensor], gradients: list[Tensor], buffers: list[Any], is_first: bool
) -> None:
    _fused_sgd(
        params,
        gradients,
        buffers,
        lr=group["lr"],
        weight_decay=group["weight_decay"],
        momentum=group["momentum"],
        dampening=group["dampening"],
        nesterov=group["nesterov"],
        maximize=group["maximize"],
        is_first_step=is_first,
    )
