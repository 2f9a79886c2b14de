"""Labelled texts from a CSV, TSV or JSON Lines file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from taeda.utils.data import Dataset

from ._files import read_csv

__all__ = ["TextTable"]

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class TextTable(Dataset[tuple[Any, int]]):
    """A table with one labelled text a row, as a map-style data set of (text, class index).

    Args:
        path: the file; .csv, .tsv and .jsonl say their format, others need `format`.
        text: name of the text column; with several, their texts are joined by a space. Without a header the
            columns are numbered from "0".
        label: name of the label column.
        classes: the labels in index order; None takes those of the file, sorted. Pass the training set's
            `classes` for a test file, so that the indices agree.
        format: "csv", "tsv" or "jsonl"; None goes by the file name.
        header: whether the first row of a CSV or TSV names the columns.
        transform: applied to each text, for instance a tokenizer.

    Attributes:
        classes: the labels in index order.
        targets: the class index of each row.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the format is unknown, a column is missing, a row is malformed, a label is unknown, or
            the file has no rows; the message names file and line.
    """

    def __init__(
        self,
        path: str | Path,
        text: str | Sequence[str] = "text",
        label: str = "label",
        classes: Sequence[str] | None = None,
        format: str | None = None,
        header: bool = True,
        transform: Callable[[str], Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.transform = transform
        if not self.path.is_file():
            raise FileNotFoundError(f"TextTable: no file {self.path}; expected a .csv, .tsv or .jsonl file")
        kind = format or FORMATS.get(self.path.suffix.lower())
        if kind is None or kind not in FORMATS.values():
            raise ValueError(
                f"TextTable: cannot tell the format of {self.path} (format={format!r}); "
                "pass format='csv', 'tsv' or 'jsonl'"
            )
        rows = _json_rows(self.path) if kind == "jsonl" else _csv_rows(self.path, kind, header)
        columns = [text] if isinstance(text, str) else list(text)
        self.texts: list[str] = []
        labels: list[tuple[int, str]] = []
        for line, row in rows:
            for column in (*columns, label):
                if column not in row:
                    raise ValueError(
                        f"TextTable: {self.path}, line {line}: no column {column!r}; it has {sorted(row)}"
                    )
            self.texts.append(" ".join(str(row[column]) for column in columns))
            labels.append((line, str(row[label])))
        if not labels:
            raise ValueError(f"TextTable: {self.path} has no rows; expected at least one labelled text")
        self.classes = list(classes) if classes is not None else sorted({name for _, name in labels})
        index = {name: position for position, name in enumerate(self.classes)}
        self.targets: list[int] = []
        for line, name in labels:
            if name not in index:
                raise ValueError(
                    f"TextTable: {self.path}, line {line}: unknown label {name!r}; expected one of "
                    f"{self.classes}"
                )
            self.targets.append(index[name])

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """The (transformed) text and the class index of a row."""
        text = self.texts[index]
        return (text if self.transform is None else self.transform(text)), self.targets[index]


def _csv_rows(path: Path, kind: str, header: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows as mappings of column to value; quotes are plain characters in a TSV, as IANA defines it."""
    names: list[str] | None = None
    for line, row in read_csv(path, "\t" if kind == "tsv" else ",", quoting=kind == "csv"):
        if not row:
            continue
        if names is None:
            names = row if header else [str(position) for position in range(len(row))]
            if header:
                continue
        if len(row) != len(names):
            raise ValueError(
                f"TextTable: {path}, line {line}: expected {len(names)} columns {names}, got {len(row)}; "
                "quote a value that holds the separator"
            )
        yield line, dict(zip(names, row))


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for line, content in enumerate(file, 1):
            if not content.strip():
                continue
            try:
                row = json.loads(content)
            except ValueError as error:
                raise ValueError(f"TextTable: {path}, line {line}: not valid JSON ({error})") from error
            if not isinstance(row, dict):
                raise ValueError(
                    f"TextTable: {path}, line {line}: expected a JSON object, got {type(row).__name__}"
                )
            yield line, row
