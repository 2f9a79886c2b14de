"""The table that `validate` and `test` print."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["results_table"]


def results_table(results: Sequence[dict[str, float]], stage: str) -> str:
    """Lines of metrics, one column for each loader.

    Example:
        >>> print(results_table([{"acc": 0.5}], "test"))
        test metric
        -----------------
        acc           0.5
    """
    names = sorted({name for result in results for name in result})
    title = f"{stage} metric"
    width = max([len(title), *map(len, names)]) + 2
    columns = [[f"{result[name]:.6g}" if name in result else "" for name in names] for result in results]
    widths = [max([4, *map(len, column)]) for column in columns]
    heads = [f"loader {i}" for i in range(len(results))] if len(results) > 1 else [""] * len(results)
    widths = [max(w, len(head)) for w, head in zip(widths, heads)]
    lines = [(title.ljust(width) + "  ".join(h.rjust(w) for h, w in zip(heads, widths))).rstrip()]
    lines.append("-" * (width + sum(widths) + 2 * max(len(widths) - 1, 0)))
    for row, name in enumerate(names):
        cells = "  ".join(column[row].rjust(w) for column, w in zip(columns, widths))
        lines.append(name.ljust(width) + cells)
    return "\n".join(lines)
