"""A table of a model's layers, parameters and memory."""

from __future__ import annotations

from typing import NamedTuple

from taeda import nn

__all__ = ["LayerRow", "Summary", "summarize"]


class LayerRow(NamedTuple):
    """One layer: dotted name, class, parameters (shared ones count in each), and whether it trains."""

    name: str
    kind: str
    parameters: int
    mode: str


class Summary:
    """Layers and totals of a model.

    Attributes:
        rows: the layers down to the depth that was asked for.
        total_parameters: all parameters, each once.
        trainable_parameters: those that require gradients.
        model_size: megabytes of all parameters.
    """

    def __init__(self, model: nn.Module, max_depth: int = 1) -> None:
        self.rows = [
            LayerRow(
                name,
                type(layer).__name__,
                sum(parameter.numel() for parameter in layer.parameters()),
                "train" if layer.training else "eval",
            )
            for name, layer in model.named_modules()
            if name and (max_depth == -1 or name.count(".") < max_depth)
        ]
        parameters = list(model.parameters())
        self.total_parameters = sum(parameter.numel() for parameter in parameters)
        self.trainable_parameters = sum(p.numel() for p in parameters if p.requires_grad)
        self.model_size = sum(p.numel() * p.element_size() for p in parameters) / 1e6

    def __str__(self) -> str:
        cells = [("", "Name", "Type", "Params", "Mode")]
        cells += [
            (str(i), row.name, row.kind, human_count(row.parameters), row.mode)
            for i, row in enumerate(self.rows)
        ]
        widths = [max(len(row[column]) for row in cells) for column in range(5)]
        lines = [" | ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in cells]
        rule = "-" * max(map(len, lines))
        frozen = self.total_parameters - self.trainable_parameters
        return "\n".join(
            [
                lines[0], rule, *lines[1:], rule,
                f"{human_count(self.trainable_parameters):<9} trainable parameters",
                f"{human_count(frozen):<9} frozen parameters",
                f"{human_count(self.total_parameters):<9} parameters in all, {self.model_size:.3f} MB",
            ]
        )  # fmt: skip


def summarize(model: nn.Module, max_depth: int = 1) -> Summary:
    """Summarize a model.

    Args:
        model: any module.
        max_depth: how deep to list layers within layers; -1 lists all.

    Example:
        >>> summarize(nn.Sequential(nn.Linear(2, 3), nn.ReLU())).total_parameters
        9
    """
    return Summary(model, max_depth)


def human_count(number: int) -> str:
    """A count with a unit.

    Example:
        >>> human_count(9), human_count(12_300), human_count(4_000_000)
        ('9', '12.3 K', '4.0 M')
    """
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if number >= limit:
            return f"{number / limit:.1f} {unit}"
    return str(number)
