"""Reading Hugging Face model folders: `config.json` and one file of weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import taeda
from taeda import Tensor

__all__ = ["load_weights", "read_json"]

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        FileNotFoundError: the file is missing; the message lists what the folder holds.
        ValueError: the file is not a JSON object.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"no file {path}; {_contents(path.parent)}; expected a Hugging Face model folder"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON ({error}); download the file again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content


def load_weights(folder: Path, device: taeda.device | str = "cpu") -> dict[str, Tensor]:
    """Read the weights of a folder: `model.safetensors`, or else `pytorch_model.bin`; no code in them runs.

    Args:
        folder: the model folder.
        device: where the tensors go.

    Returns:
        The tensors by the names that the file gives them.

    Raises:
        FileNotFoundError: neither file is there.
        ValueError: the file cannot be read as weights; the message names it.
    """
    for name in WEIGHT_FILES:
        path = folder / name
        if path.is_file():
            break
    else:
        sharded = sorted(folder.glob("*.index.json"))
        hint = (
            f"; {sharded[0].name} says that the weights are in several files: merge them first"
            if sharded
            else ""
        )
        raise FileNotFoundError(
            f"load_weights: {folder} has neither {' nor '.join(WEIGHT_FILES)}; {_contents(folder)}{hint}"
        )
    try:
        weights = taeda.load(path, map_location=device)
    except Exception as error:
        raise ValueError(
            f"load_weights: cannot read {path} ({path.stat().st_size} bytes): {error}; download the file "
            "again"
        ) from error
    if not isinstance(weights, Mapping) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ValueError(f"load_weights: {path} does not hold a table of tensors; expected a state dict")
    return dict(weights)


def _contents(folder: Path) -> str:
    if not folder.is_dir():
        return f"the folder {folder} does not exist"
    return f"the folder holds {sorted(entry.name for entry in folder.iterdir())}"
