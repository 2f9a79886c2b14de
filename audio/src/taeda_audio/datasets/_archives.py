"""Getting the folder of a data set: there already, unpacked from its archive, or downloaded."""

from __future__ import annotations

import dataclasses
import shutil
import tarfile
from pathlib import Path

import taeda

__all__ = ["Archive", "obtain"]


@dataclasses.dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        mirrors: addresses of the same file.
        sha256: its hash.
    """

    mirrors: tuple[str, ...]
    sha256: str

    @property
    def file_name(self) -> str:
        """Name of the archive file."""
        return self.mirrors[0].rpartition("/")[2]


def obtain(name: str, folder: Path, root: Path, archive: Archive, unpack_into: Path, download: bool) -> None:
    """Make sure that `folder` is there.

    Args:
        name: the data set's name.
        folder: the folder that is wanted.
        root: where the archive lies, or goes.
        archive: what to download.
        unpack_into: where the archive's members belong; `folder` or one of its parents.
        download: whether the network may be used.

    Raises:
        FileNotFoundError: neither folder nor archive is there, and the network may not be used.
        RuntimeError: the download failed.
        ValueError: the archive is damaged, or does not hold the folder.
    """
    if folder.is_dir():
        return
    packed = root / archive.file_name
    if not packed.is_file():
        if not download:
            raise FileNotFoundError(
                f"{name}: found neither {folder} nor {packed}; pass download=True, "
                f"or get {' or '.join(archive.mirrors)} and put it into {root}"
            )
        root.mkdir(parents=True, exist_ok=True)
        taeda.hub.download_url_to_file(archive.mirrors, packed, sha256=archive.sha256)
    _unpack(name, packed, unpack_into)
    if not folder.is_dir():
        raise ValueError(f"{name}: {packed} does not hold {folder.relative_to(root)}; download it again")


def _unpack(name: str, packed: Path, target: Path) -> None:
    """Unpack beside the target and move the parts there when all is done; members outside are refused.

    So a folder is complete once it is there, and an interrupted run leaves nothing that looks like one.
    """
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with tarfile.open(packed) as archive:
            archive.extractall(partial, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{name}: cannot unpack {packed}: {error}; download it again") from error
    target.mkdir(parents=True, exist_ok=True)
    for part in sorted(partial.iterdir()):
        _merge(part, target / part.name)
    shutil.rmtree(partial)


def _merge(source: Path, target: Path) -> None:
    """Move a file or folder; a folder that is there already takes in the new parts."""
    if not (source.is_dir() and target.is_dir()):
        source.replace(target)
        return
    for part in sorted(source.iterdir()):
        _merge(part, target / part.name)
