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
        md5: MD5 that its publisher gives.
    """

    name: str
    urls: tuple[str, ...]
    md5: str


def fetch(files: Sequence[RemoteFile], folder: Path, dataset: str) -> None:
    """Download into ``folder`` what is not there with the right checksum, from the first mirror that has it.

    Raises:
        RuntimeError: no mirror gave a file; names the folder to put it into by hand.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        target = folder / file.name
        if target.is_file() and _md5(target) == file.md5:
            continue
        failures = [failure for url in file.urls if (failure := _fetch_from(url, target, file.md5))]
        if len(failures) == len(file.urls):
            raise RuntimeError(
                f"{dataset}: could not download {file.name}: {'; '.join(failures)}. Without a network, get "
                f"it from {' or '.join(file.urls)} on another machine and put it into '{folder.resolve()}'"
            )


def _fetch_from(url: str, target: Path, md5: str) -> str:
    """Download from one mirror unless an earlier one succeeded; why it failed, or nothing."""
    if target.is_file() and _md5(target) == md5:
        return ""
    try:
        taeda.hub.download_url_to_file(url, str(target), progress=True)
    except taeda.hub.DownloadError as error:
        return "; ".join(error.reasons)
    except (OSError, RuntimeError) as error:
        return f"{url}: {error}"
    found = _md5(target)
    if found == md5:
        return ""
    target.unlink()
    return f"{url}: its MD5 is {found} instead of {md5}"


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
