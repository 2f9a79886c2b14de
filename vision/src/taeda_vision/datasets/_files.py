"""Files of downloadable data sets: where they are, checks, and the error that says what to do offline."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import taeda

__all__ = ["RemoteFile", "fetch", "missing_files_error"]


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        name: file name on disk.
        urls: mirrors, tried in order.
        md5: checksum that its publisher gives.
    """

    name: str
    urls: tuple[str, ...]
    md5: str


def fetch(files: Sequence[RemoteFile], folder: Path, dataset: str) -> None:
    """Download into ``folder`` what is not there with the right checksum.

    Raises:
        RuntimeError: no mirror can be reached; names the folder to put the files into by hand.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        target = folder / file.name
        if target.is_file() and _md5(target) == file.md5:
            continue
        try:
            taeda.hub.download_url_to_file(list(file.urls), str(target), md5=file.md5, progress=True)
        except OSError as error:
            raise RuntimeError(
                f"{dataset}: could not download {file.name}: {error}. Without a network, get the file from "
                f"{' or '.join(file.urls)} on another machine and put it into '{folder.resolve()}'"
            ) from error


def missing_files_error(
    dataset: str, folder: Path, files: Sequence[RemoteFile], found: str = ""
) -> RuntimeError:
    """The error for a data set that is not on disk."""
    names = ", ".join(file.name for file in files)
    sources = "; ".join(sorted({url.rsplit("/", 1)[0] + "/" for file in files for url in file.urls}))
    return RuntimeError(
        f"Dataset not found{found}. You can use download=True to download it. {dataset} looks for {names} in "
        f"'{folder.resolve()}'; they can be put there by hand from {sources}"
    )


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
