"""Norms of gradients, for logging."""

from __future__ import annotations

from taeda import nn

__all__ = ["grad_norm"]


def grad_norm(
    module: nn.Module, norm_type: float | int | str, group_separator: str = "/"
) -> dict[str, float]:
    """Norm of each parameter's gradient and of all together.

    Args:
        module: a module after backward.
        norm_type: p of the p-norm, above 0, or "inf".
        group_separator: between the words of the names.

    Returns:
        `grad_P_norm/NAME` for each parameter with a gradient and `grad_P_norm_total`.

    Raises:
        ValueError: `norm_type` is not above 0.

    Example:
        >>> layer = nn.Linear(2, 1, bias=False)
        >>> layer.weight.grad = layer.weight.detach() * 0 + 3
        >>> round(grad_norm(layer, 2)["grad_2.0_norm_total"], 4)
        4.2426
    """
    p = float(norm_type)
    if p <= 0:
        raise ValueError(f"grad_norm: got norm_type={norm_type!r}; expected a number above 0 or 'inf'")
    norms = {
        f"grad_{p}_norm{group_separator}{name}": float(parameter.grad.detach().norm(p))
        for name, parameter in module.named_parameters()
        if parameter.grad is not None
    }
    if norms:
        values = norms.values()
        total = max(values) if p == float("inf") else sum(value**p for value in values) ** (1 / p)
        norms[f"grad_{p}_norm_total"] = total
    return norms
