"""Limits on gradients."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import taeda
from taeda import Tensor

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Parameters = Tensor | Iterable[Tensor]


def _gradients(parameters: Parameters) -> list[Tensor]:
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def _listed(tensors: Parameters) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    if not isinstance(tensors, Iterable):
        raise TypeError(
            f"expected a tensor or an iterable of tensors, got {type(tensors).__name__}; pass .parameters() of a model"
        )
    return list(tensors)


def get_total_norm(
    tensors: Parameters, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """Norm of all elements of some tensors together.

    Args:
        tensors: one or several.
        norm_type: its exponent; may be infinity.
        error_if_nonfinite: whether a norm that is infinite or no number is an error.
        foreach: accepted; there is one way only.

    Returns:
        0-dimensional tensor.

    Raises:
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.
    """
    tensors, norm_type = _listed(tensors), float(norm_type)
    with taeda.no_grad():
        if not tensors:
            return taeda.tensor(0.0)
        norms = [t.norm(norm_type) for t in tensors]
        first = norms[0]
        total = taeda.stack([n.to(first.device, first.dtype) for n in norms]).norm(norm_type)
        if error_if_nonfinite and bool(total.isnan() | total.isinf()):
            raise RuntimeError(
                f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so "
                "it cannot be "
                "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
                "`error_if_nonfinite=False`"
            )
        return total


def clip_grads_with_norm_(
    parameters: Parameters, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scales gradients in place so that a total norm becomes at most max_norm."""
    gradients = _gradients(parameters)
    with taeda.no_grad():
        factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(factor.to(gradient.device))


def clip_grad_norm_(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scales gradients in place so that the norm of all of them together is at most max_norm.

    Args:
        parameters: those whose gradients are scaled.
        max_norm: the limit.
        norm_type: exponent of the norm; may be infinity.
        error_if_nonfinite: whether a norm that is infinite or no number is an error.
        foreach: accepted; there is one way only.

    Returns:
        The norm before scaling.

    Raises:
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.

    Example:
        >>> import taeda
        >>> p = taeda.nn.Parameter(taeda.zeros(2))
        >>> p.grad = taeda.tensor([3.0, 4.0])
        >>> float(clip_grad_norm_(p, 1.0))
        5.0
    """
    parameters = _listed(parameters)
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(*args: Any, **kwargs: Any) -> Tensor:
    """Older name of `clip_grad_norm_`."""
    warnings.warn(
        "`nn.utils.clip_grad_norm` is now deprecated in favor of `nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(*args, **kwargs)


def clip_grad_value_(parameters: Parameters, clip_value: float, foreach: bool | None = None) -> None:
    """Limits all elements of gradients, in place, to [-clip_value, clip_value]."""
    clip_value = float(clip_value)
    with taeda.no_grad():
        for gradient in _gradients(parameters):
            gradient.clamp_(min=-clip_value, max=clip_value)
