"""The manifest: what an archive says about its model, as typed records that read from and write to JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taeda_serve.errors import ArchiveError

__all__ = [
    "ACTIVATIONS",
    "FORMAT_VERSION",
    "Architecture",
    "Json",
    "Manifest",
    "TensorSpec",
    "TransformStep",
    "check_json",
]

FORMAT_VERSION = 1
ACTIVATIONS = ("softmax", "sigmoid", "none")
DATATYPES = (
    *("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"),
    *("FP16", "FP32", "FP64"),
)

Json = Any
"""A JSON value: None, bool, int, float, str, or a list or string-keyed dict of these."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.]{0,31}")
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z][\w]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REPACKAGE = "write the archive again with `taeda package`"


def check_json(value: object, where: str) -> Json:
    """Return `value` if JSON can hold it exactly.

    Raises:
        ArchiveError: for anything else (tensors, functions, NaN, non-string keys, ...), naming its place.

    >>> check_json({"num_classes": 10}, "arguments")
    {'num_classes': 10}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list | tuple):
        return [check_json(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ArchiveError.about(where, expected="string keys", got=repr(key), fix="use string keys")
        return {key: check_json(item, f"{where}.{key}") for key, item in value.items()}
    raise ArchiveError.about(
        where,
        expected="a JSON value (null, bool, finite number, string, list, object)",
        got=f"{type(value).__name__} {value!r:.60}",
        fix="pass plain values; an archive stores no Python objects",
    )


@dataclass(frozen=True)
class TensorSpec:
    """Name, datatype (as the Open Inference Protocol writes it), shape with the batch first; -1 is free."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def to_json(self) -> dict[str, Json]:
        """Return the record as the protocol's JSON."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True)
class Architecture:
    """What builds the module: `module:attribute` and keyword arguments."""

    reference: str
    arguments: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class TransformStep:
    """One registered transform and its keyword arguments."""

    name: str
    args: dict[str, Json] = field(default_factory=dict)


class _Reader:
    """Takes typed fields out of a JSON object and says what is wrong with the path of the field."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise ArchiveError.about(where, expected="an object", got=_kind(value), fix=_REPACKAGE)
        self._value: dict[str, Json] = value
        self._where = where

    def take(self, key: str, kind: type | tuple[type, ...], expected: str) -> Json:
        if key not in self._value:
            got = f"only the keys {sorted(self._value)}"
            raise ArchiveError.about(self._where, expected=f"the key {key!r}", got=got, fix=_REPACKAGE)
        value = self._value[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            where = f"{self._where}.{key}"
            raise ArchiveError.about(where, expected=expected, got=_kind(value), fix=_REPACKAGE)
        return value

    def text(self, key: str, pattern: re.Pattern[str], expected: str) -> str:
        value: str = self.take(key, str, expected)
        if not pattern.fullmatch(value):
            raise ArchiveError.about(
                f"{self._where}.{key}", expected=expected, got=repr(value[:80]), fix="choose a valid one"
            )
        return value

    def child(self, key: str) -> _Reader:
        return _Reader(self.take(key, dict, "an object"), f"{self._where}.{key}")

    def children(self, key: str) -> list[_Reader]:
        items: list[Json] = self.take(key, list, "a list")
        return [_Reader(item, f"{self._where}.{key}[{index}]") for index, item in enumerate(items)]

    def choice(self, key: str, choices: Sequence[str]) -> str:
        value: str = self.take(key, str, f"one of {', '.join(choices)}")
        if value not in choices:
            raise ArchiveError.about(
                f"{self._where}.{key}",
                expected=f"one of {', '.join(choices)}",
                got=repr(value),
                fix=_REPACKAGE,
            )
        return value


def _kind(value: object) -> str:
    return f"{type(value).__name__} {value!r:.60}"


@dataclass(frozen=True)
class Manifest:
    """Everything that an archive says about its model.

    Args:
        name: the name it is served under: letters, digits, `.`, `_`, `-`.
        version: letters, digits and dots.
        architecture: what builds the module.
        preprocessing: transforms from a decoded RGB image to one input row; empty for models on tensors.
        inputs: the tensors that the module takes, in the order of its `forward`.
        outputs: the tensors that it answers with.
        activation: applied to the first output: `softmax`, `sigmoid` or `none`.
        members: SHA-256 of every other member of the archive.
        provenance: free facts: accuracy, checkpoint, date.
    """

    name: str
    version: str
    architecture: Architecture
    preprocessing: tuple[TransformStep, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    activation: str = "softmax"
    members: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Json] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    @property
    def takes_images(self) -> bool:
        """Whether encoded images are accepted, because the archive says how to preprocess them."""
        return bool(self.preprocessing)

    def to_bytes(self) -> bytes:
        """Return canonical JSON: sorted keys, so that equal manifests have equal bytes."""
        record = {
            "format_version": self.format_version,
            "name": self.name,
            "version": self.version,
            "architecture": {
                "reference": self.architecture.reference,
                "arguments": self.architecture.arguments,
            },
            "preprocessing": [{"name": step.name, "args": step.args} for step in self.preprocessing],
            "signature": {
                "inputs": [spec.to_json() for spec in self.inputs],
                "outputs": [spec.to_json() for spec in self.outputs],
            },
            "activation": self.activation,
            "members": {name: {"sha256": digest} for name, digest in self.members.items()},
            "provenance": self.provenance,
        }
        return json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Manifest:
        """Read and check a manifest.

        Args:
            data: the bytes of `manifest.json`.
            where: path that error texts name.

        Raises:
            ArchiveError: if a key is missing or has a wrong type or value.
        """
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ArchiveError.about(
                where, expected="JSON", got=f"text with {error}", fix=_REPACKAGE
            ) from None
        reader = _Reader(value, where)
        _check_format(reader.take("format_version", int, "an integer"), where)
        architecture = reader.child("architecture")
        signature = reader.child("signature")
        manifest = cls(
            name=reader.text("name", _NAME, "1 to 64 letters, digits, '.', '_' or '-'"),
            version=reader.text("version", _VERSION, "1 to 32 letters, digits or dots"),
            architecture=Architecture(
                architecture.text("reference", _REFERENCE, "a reference like 'taeda_vision.models:resnet18'"),
                architecture.take("arguments", dict, "an object"),
            ),
            preprocessing=tuple(
                TransformStep(
                    step.take("name", str, "a transform's name"), step.take("args", dict, "an object")
                )
                for step in reader.children("preprocessing")
            ),
            inputs=_specs(signature, "inputs"),
            outputs=_specs(signature, "outputs"),
            activation=reader.choice("activation", ACTIVATIONS),
            members=_members(reader.take("members", dict, "an object"), f"{where}.members"),
            provenance=reader.take("provenance", dict, "an object"),
        )
        if manifest.takes_images and len(manifest.inputs) != 1:
            raise ArchiveError.about(
                f"{where}.signature.inputs",
                expected="exactly one input when there is preprocessing",
                got=str(len(manifest.inputs)),
                fix=_REPACKAGE,
            )
        return manifest


def _check_format(version: int, where: str) -> None:
    if version != FORMAT_VERSION:
        raise ArchiveError.about(
            f"{where}.format_version",
            expected=str(FORMAT_VERSION),
            got=str(version),
            fix="install the taeda-serve that wrote it, or write the archive again with this one",
        )


def _specs(signature: _Reader, key: str) -> tuple[TensorSpec, ...]:
    specs = []
    for reader in signature.children(key):
        shape = reader.take("shape", list, "a list of integers, -1 for a free dimension")
        if not shape or not all(type(size) is int and size >= -1 for size in shape):
            raise ArchiveError.about(
                f"{key}.shape", expected="integers, -1 for a free dimension", got=repr(shape), fix=_REPACKAGE
            )
        specs.append(
            TensorSpec(reader.take("name", str, "a name"), reader.choice("datatype", DATATYPES), tuple(shape))
        )
    if not specs or len({spec.name for spec in specs}) != len(specs):
        got = [spec.name for spec in specs]
        raise ArchiveError.about(
            f"signature.{key}", expected="at least one, with distinct names", got=repr(got), fix=_REPACKAGE
        )
    return tuple(specs)


def _members(value: dict[str, Json], where: str) -> dict[str, str]:
    members = {}
    for name in value:
        reader = _Reader(value[name], f"{where}.{name}")
        members[name] = reader.text("sha256", _SHA256, "64 hexadecimal digits")
    return members
