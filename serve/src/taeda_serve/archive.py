"""The `.taeda` file: a stored (uncompressed) zip of three members, written atomically, read with suspicion.

    manifest.json         what the model is and how to feed it
    labels.json           class names, or null
    weights.safetensors   the state dict

Equal contents give equal bytes: members have a fixed order, date and mode. Nothing in an archive is executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from taeda_serve.errors import ArchiveError
from taeda_serve.manifest import Manifest

__all__ = ["LABELS", "MANIFEST", "WEIGHTS", "Archive", "parse_labels", "read_archive", "write_archive"]

MANIFEST, LABELS, WEIGHTS = "manifest.json", "labels.json", "weights.safetensors"

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAX_JSON = 16 * 2**20
_REPACKAGE = "write the archive again with `taeda package`"


@dataclass(frozen=True)
class Archive:
    """What an archive holds, checked.

    Args:
        path: where it was read.
        manifest: the record of the model.
        labels: one name per class, or None.
        weights: safetensors bytes.
        digest: SHA-256 of the manifest's bytes; it covers the other members, whose digests it lists.
    """

    path: Path
    manifest: Manifest
    labels: tuple[str, ...] | None
    weights: bytes
    digest: str


def write_archive(path: Path, manifest: Manifest, labels: tuple[str, ...] | None, weights: bytes) -> Manifest:
    """Write an archive; `path` holds either the old file or the complete new one, never a part.

    Returns:
        the manifest as written, with the digests of the other members.
    """
    members = {LABELS: json.dumps(labels, ensure_ascii=False).encode() + b"\n", WEIGHTS: weights}
    manifest = replace(manifest, members={name: _sha256(data) for name, data in members.items()})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, data in {MANIFEST: manifest.to_bytes(), **members}.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = 3, 0o644 << 16
            file.writestr(info, data)
    _replace_file(path, buffer.getvalue())
    return manifest


def read_archive(path: str | Path) -> Archive:
    """Read and check an archive.

    Raises:
        FileNotFoundError: if there is no such file.
        ArchiveError: if it is not a complete archive with exactly the expected members, digests and keys.
    """
    path = Path(path)
    if not path.is_file():
        got = "a folder" if path.is_dir() else "nothing there"
        raise FileNotFoundError(f"{path}: expected a .taeda archive, got {got}; check the path")
    try:
        with zipfile.ZipFile(path) as file:
            _check_members(file, path)
            manifest_bytes = _read_member(file, MANIFEST, path)
            manifest = Manifest.from_bytes(manifest_bytes, f"{path}:{MANIFEST}")
            labels_bytes = _read_member(file, LABELS, path)
            weights = _read_member(file, WEIGHTS, path)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise ArchiveError.about(
            str(path),
            expected="a complete .taeda archive (a zip file)",
            got=f"{path.stat().st_size} bytes that fail with '{error}'",
            fix="copy or download it again, or package the model again",
        ) from None
    for name, data in {LABELS: labels_bytes, WEIGHTS: weights}.items():
        _check_digest(manifest, name, data, path)
    labels = parse_labels(_read_json(labels_bytes, f"{path}:{LABELS}"), f"{path}:{LABELS}")
    return Archive(path, manifest, labels, weights, _sha256(manifest_bytes))


def parse_labels(value: object, where: str) -> tuple[str, ...] | None:
    """Check labels: null, or a list of distinct strings.

    >>> parse_labels(["cat", "dog"], "labels")
    ('cat', 'dog')
    """
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not value or not all(isinstance(label, str) for label in value):
        raise ArchiveError.about(
            where, expected="null or a list of strings", got=repr(value)[:60], fix="list one name per class"
        )
    seen: set[str] = set()
    for label in value:
        if label in seen:
            raise ArchiveError.about(
                where, expected="distinct labels", got=f"{label!r} twice", fix="rename one of the classes"
            )
        seen.add(label)
    return tuple(value)


def _check_members(file: zipfile.ZipFile, path: Path) -> None:
    names = [info.filename for info in file.infolist()]
    expected = {MANIFEST, LABELS, WEIGHTS}
    for name in names:
        if name not in expected:
            raise ArchiveError.about(
                str(path),
                expected=f"the members {', '.join(sorted(expected))} only",
                got=f"a member named {name!r:.80}",
                fix="do not use this archive; " + _REPACKAGE,
            )
    if len(names) != len(expected) or set(names) != expected:
        missing = ", ".join(sorted(expected - set(names))) or "nothing, but a member twice"
        raise ArchiveError.about(
            str(path),
            expected=f"the members {', '.join(sorted(expected))}",
            got=f"missing: {missing}",
            fix=_REPACKAGE,
        )
    size = path.stat().st_size
    for info in file.infolist():
        if (
            info.compress_type != zipfile.ZIP_STORED
            or info.file_size != info.compress_size
            or info.file_size > size
        ):
            raise ArchiveError.about(
                f"{path}:{info.filename}",
                expected="a stored (uncompressed) member no larger than the file",
                got=f"{info.compress_size} bytes that unpack to {info.file_size}",
                fix="do not use this archive; " + _REPACKAGE,
            )
        if info.filename != WEIGHTS and info.file_size > _MAX_JSON:
            raise ArchiveError.about(
                f"{path}:{info.filename}",
                expected=f"at most {_MAX_JSON} bytes",
                got=str(info.file_size),
                fix=_REPACKAGE,
            )


def _read_member(file: zipfile.ZipFile, name: str, path: Path) -> bytes:
    try:
        return file.read(name)
    except RuntimeError as error:
        raise ArchiveError.about(
            f"{path}:{name}", expected="a plain member", got=f"one that fails with '{error}'", fix=_REPACKAGE
        ) from None


def _read_json(data: bytes, where: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ArchiveError.about(where, expected="JSON", got=f"text with {error}", fix=_REPACKAGE) from None


def _check_digest(manifest: Manifest, name: str, data: bytes, path: Path) -> None:
    expected = manifest.members.get(name)
    got = _sha256(data)
    if expected != got:
        raise ArchiveError.about(
            f"{path}:{name}",
            expected=f"SHA-256 {expected}",
            got=got,
            fix="the archive is damaged or was altered: copy it again from its source",
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _replace_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
