"""Adafactor."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor

from ._group import GroupOptimizer, check_range, step_tensor

__all__ = ["Adafactor"]


class Adafactor(GroupOptimizer):
    """Divides by a root mean square that is kept as row and column means only (Shazeer & Stern, 2018).

    Args:
        params: real parameters, or groups of them.
        lr: greatest relative step size.
        beta2_decay: exponent by which the share of the newest gradient falls.
        eps: least mean square (None: that of the dtype) and least size of a parameter.
        d: limit on the root mean square of an update.
        weight_decay: share by which the parameters shrink, times lr.
        foreach: accepted.
        maximize: whether to ascend instead.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        if beta2_decay > 0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and eps[0] < 0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if eps[1] < 0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if d < 1:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        check_range("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _begin(self, group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        if parameter.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        state["step"] = step_tensor(group, parameter)
        like: dict[str, Any] = {"dtype": parameter.dtype, "device": parameter.device}
        if parameter.dim() > 1:
            shape = parameter.shape
            state["row_var"] = taeda.zeros((*shape[:-1], 1), **like)
            state["col_var"] = taeda.zeros((*shape[:-2], 1, shape[-1]), **like)
        else:
            state["variance"] = taeda.zeros_like(parameter).detach()

    def _update(self, group: dict[str, Any], params: list[Tensor], gradients: list[Tensor]) -> None:
        for p, g, state in zip(params, gradients, self._states(group, params, gradients), strict=True):
            _formula(group, p, g, state)


def _root_mean_square(x: Tensor) -> float:
    root: float = x.numel() ** 0.5
    return float(x.norm(2)) / root


def _formula(group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
    least_square, least_size = group["eps"]
    if least_square is None:
        least_square = taeda.finfo(p.dtype).eps
    lr = float(group["lr"])
    state["step"] += 1
    step = float(state["step"])
    if group["maximize"]:
        g = -g
    share = step ** group["beta2_decay"]
    size = max(least_size, _root_mean_square(p)) * min(lr, 1 / step**0.5)
    if group["weight_decay"] != 0:
        p.mul_(1 - lr * group["weight_decay"])
    squares = g * g
    if g.dim() > 1:
        rows, columns = state["row_var"], state["col_var"]
        rows.lerp_(squares.mean(-1, keepdim=True), share)
        columns.lerp_(squares.mean(-2, keepdim=True), share)
        square = (rows @ columns) / rows.mean(-2, keepdim=True).clamp(min=least_square)
    else:
        square = state["variance"].lerp_(squares, share)
    update = square.clamp(min=least_square * least_square).rsqrt() * g
    p.sub_(update * (size / max(1.0, _root_mean_square(update) / group["d"])))
