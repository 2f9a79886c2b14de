"""Finding, unpacking and reading the files of a data set, with errors that say what to put where."""

from __future__ import annotations

import csv
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["check_split", "find_file", "read_csv", "unpack"]


def find_file(name: str, root: str | Path, relative: Sequence[str], archive: str | None, source: str) -> Path:
    """The first of some relative paths that exists under the data set's folders.

    An archive is unpacked if need be. Looked at are `root`, and `root/datasets/NAME`, torchtext's place.

    Args:
        name: the data set's name.
        root: the user's folder.
        relative: paths that count as found, in this order.
        archive: file name of the archive that holds them, or None.
        source: where a user gets the files, for the error.

    Raises:
        FileNotFoundError: nothing is there; the message says which file to put where and where to get it.
        ValueError: the archive is damaged.
    """
    folders = [Path(root), Path(root) / "datasets" / name]
    for may_unpack in (False, True):
        for folder in folders:
            packed = folder / archive if archive else None
            if may_unpack and packed and packed.is_file():
                unpack(packed, folder)
            for path in relative:
                if (folder / path).exists():
                    return folder / path
    wanted = f"{relative[0]} (or the archive {archive})" if archive else relative[0]
    raise FileNotFoundError(
        f"{name}: found none of {list(relative)} in {' or '.join(map(str, folders))}; "
        f"get the data from {source} and put {wanted} into {folders[0]}"
    )


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a .tar, .tar.gz, .tgz or .zip archive; members that point outside the folder are refused.

    Raises:
        ValueError: the archive is damaged, or a member would leave the folder.
    """
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as packed_zip:
                packed_zip.extractall(folder)
        else:
            with tarfile.open(archive) as packed_tar:
                packed_tar.extractall(folder, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f"cannot unpack {archive}: {error}; download the archive again") from error


def read_csv(path: Path, delimiter: str = ",", quoting: bool = True) -> Iterator[tuple[int, list[str]]]:
    """The rows of a UTF-8 table with the number of the line where each ends.

    Raises:
        ValueError: the file is not UTF-8, or a row is malformed; the message names file and line.
    """
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(
            file,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
            strict=quoting,
        )
        try:
            for row in reader:
                yield reader.line_num, row
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path}, after line {reader.line_num}: {error}; expected UTF-8 text") from error


def check_split(name: str, split: str | Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The asked-for splits as a tuple.

    Raises:
        ValueError: a split is unknown.
    """
    splits = (split,) if isinstance(split, str) else tuple(split)
    for entry in splits:
        if entry not in known:
            raise ValueError(f"{name}: unknown split {entry!r}; expected one of {tuple(known)}")
    return splits
