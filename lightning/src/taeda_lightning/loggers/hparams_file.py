"""`hparams.yaml`: hyper-parameters as YAML, written without a YAML library."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["as_namespace_dict", "write_hparams_file", "yaml_text"]


def yaml_text(value: Any, indent: int = 0) -> str:
    """Plain values as YAML; other objects become their `repr` as a string.

    Args:
        value: dicts, lists, strings, numbers, booleans, None, or anything.
        indent: columns to indent by.

    Example:
        >>> print(yaml_text({"lr": 0.1, "sizes": [1, 2], "name": "a: b"}), end="")
        lr: 0.1
        sizes:
        - 1
        - 2
        name: "a: b"
    """
    space = " " * indent
    if isinstance(value, Mapping) and value:
        lines = []
        for key, item in value.items():
            head = f"{space}{_scalar(key if isinstance(key, (int, float, bool)) else str(key))}:"
            lines.append(_with_head(head, item, indent))
        return "".join(lines)
    if _is_list(value) and value:
        return "".join(_with_head(f"{space}-", item, indent, is_list=True) for item in value)
    return f"{space}{_scalar(value)}\n"


def _with_head(head: str, item: Any, indent: int, is_list: bool = False) -> str:
    if isinstance(item, Mapping) and item:
        body = yaml_text(item, indent + 2)
        return f"{head} {body.lstrip()}" if is_list else f"{head}\n{body}"
    if _is_list(item) and item:
        inner = yaml_text(item, indent + 2 if is_list else indent)
        return f"{head} {inner.lstrip()}" if is_list else f"{head}\n{inner}"
    return f"{head} {_scalar(item)}\n"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Mapping):
        return "{}"
    if _is_list(value):
        return "[]"
    text = (
        value
        if isinstance(value, str)
        else os.fspath(value)
        if isinstance(value, os.PathLike)
        else repr(value)
    )
    return text if _is_safe_bare(text) else json.dumps(text)


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 takes "1e-05" for a string: it wants a dot in the mantissa and a sign in the exponent.
    if "e" in text:
        mantissa, exponent = text.split("e")
        mantissa = mantissa if "." in mantissa else mantissa + ".0"
        return f"{mantissa}e{exponent if exponent[0] in '+-' else '+' + exponent}"
    return text


def _is_safe_bare(text: str) -> bool:
    """Whether a string can stand without quotes and is not read as another type."""
    if not text or text.lower() in ("null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"):
        return False
    is_word = text[0].isalpha() or text[0] == "_" or text[0] == "/"
    return (
        is_word
        and all(character.isalnum() or character in "_-./+ " for character in text)
        and text == text.strip()
    )


def as_namespace_dict(params: Any) -> dict[str, Any]:
    """Hyper-parameters given as mapping or namespace, as a dict."""
    return dict(params) if isinstance(params, Mapping) else dict(vars(params))


def write_hparams_file(params: Mapping[str, Any], folder: str) -> None:
    """Write `hparams.yaml` into `folder`."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    (path / "hparams.yaml").write_text(yaml_text(dict(params)), encoding="utf-8")
