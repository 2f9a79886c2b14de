"""A report of a training run: curves, confusion matrix and sample predictions as pictures, and a page of
text."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .extras import require

__all__ = ["class_table", "plot_confusion", "plot_curves", "plot_samples", "read_history", "write_report"]


def read_history(metrics_csv: str | Path) -> dict[str, list[tuple[float, float]]]:
    """Values per epoch from the file of a `CSVLogger`.

    Args:
        metrics_csv: path of `metrics.csv`.

    Returns:
        Name to (epoch, value) pairs, without the step values.
    """
    history: dict[str, list[tuple[float, float]]] = {}
    with open(metrics_csv, newline="") as file:
        for row in csv.DictReader(file):
            if not row.get("epoch"):
                continue
            for name, text in row.items():
                if text and name not in ("epoch", "step") and not name.endswith("_step"):
                    history.setdefault(name, []).append((float(row["epoch"]), float(text)))
    return history


def _figure(width: float, height: float) -> Any:
    return require("matplotlib.figure", "report", "a report with pictures").Figure(
        figsize=(width, height), layout="constrained"
    )


def plot_curves(history: Mapping[str, Sequence[tuple[float, float]]], path: str | Path) -> None:
    """Draw losses and accuracies over epochs into a PNG."""
    figure = _figure(9, 3.6)
    left, right = figure.subplots(1, 2)
    for axes, word in ((left, "loss"), (right, "accuracy")):
        for name, values in sorted(history.items()):
            is_shown = word in name and not name.startswith("test") and not name.startswith("hp_")
            if is_shown:
                label = name.removesuffix("_epoch").removesuffix(f"_{word}")
                axes.plot([epoch + 1 for epoch, _ in values], [v for _, v in values], marker="o", label=label)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_title(word)
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
    figure.savefig(path, dpi=110)


def plot_confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], path: str | Path) -> None:
    """Draw a confusion matrix, rows true and columns predicted, into a PNG."""
    edge = min(max(3.5, 0.45 * len(classes)), 14)
    figure = _figure(edge + 1, edge)
    axes = figure.subplots()
    shares = [[count / max(sum(row), 1) for count in row] for row in matrix]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(classes)), classes, rotation=90)
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if len(classes) <= 30:
        for i, row in enumerate(matrix):
            for j, count in enumerate(row):
                if count:
                    color = "white" if shares[i][j] > 0.5 else "black"
                    axes.text(j, i, str(count), ha="center", va="center", color=color, fontsize=8)
    figure.savefig(path, dpi=110)


def plot_samples(samples: Sequence[tuple[Any, str, str, float]], path: str | Path) -> None:
    """Draw images with their predictions into a PNG; wrong ones have a red title.

    Args:
        samples: (image, true class, predicted class, probability) of each; images as PIL or arrays.
        path: file to write.
    """
    columns = min(8, max(len(samples), 1))
    rows = -(-len(samples) // columns)
    figure = _figure(1.25 * columns, 1.5 * rows)
    grid = figure.subplots(max(rows, 1), columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, (image, truth, predicted, probability) in zip(grid.flat, samples):
        axes.imshow(image, cmap="gray")
        is_right = truth == predicted
        title = f"{predicted} {probability:.0%}" if is_right else f"{predicted} (is {truth})"
        axes.set_title(title, fontsize=8, color="black" if is_right else "red")
    figure.savefig(path, dpi=110)


def class_table(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """Markdown table of precision and recall of each class.

    Example:
        >>> print(class_table([[3, 1], [0, 2]], ["a", "b"]))
        | class | images | precision | recall |
        |---|---|---|---|
        | a | 4 | 100.0 % | 75.0 % |
        | b | 2 | 66.7 % | 100.0 % |
    """
    lines = ["| class | images | precision | recall |", "|---|---|---|---|"]
    for i, name in enumerate(classes):
        right, images = matrix[i][i], sum(matrix[i])
        predicted = sum(row[i] for row in matrix)
        precision = f"{right / predicted:.1%}".replace("%", " %") if predicted else "-"
        recall = f"{right / images:.1%}".replace("%", " %") if images else "-"
        lines.append(f"| {name} | {images} | {precision} | {recall} |")
    return "\n".join(lines)


def write_report(
    folder: str | Path,
    title: str,
    facts: Mapping[str, Any],
    history: Mapping[str, Sequence[tuple[float, float]]],
    matrix: Sequence[Sequence[int]],
    classes: Sequence[str],
    samples: Sequence[tuple[Any, str, str, float]],
) -> Path:
    """Write `report.md` and its three pictures.

    Args:
        folder: where to write; made if missing.
        title: heading of the page.
        facts: shown as a list, in order.
        history: what `read_history` returned.
        matrix: confusion matrix, rows true and columns predicted.
        classes: their names.
        samples: see `plot_samples`.

    Returns:
        Path of `report.md`.

    Raises:
        MisconfigurationException: matplotlib is not installed.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    plot_curves(history, target / "learning_curves.png")
    plot_confusion(matrix, classes, target / "confusion_matrix.png")
    plot_samples(samples, target / "sample_predictions.png")
    lines = [f"# {title}", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    lines += ["## Learning curves", "", "![losses and accuracies over epochs](learning_curves.png)", ""]
    lines += ["## Test images", "", class_table(matrix, classes), ""]
    lines += ["![confusion matrix](confusion_matrix.png)", "", "![predictions](sample_predictions.png)", ""]
    page = target / "report.md"
    page.write_text("\n".join(lines), encoding="utf-8")
    return page
