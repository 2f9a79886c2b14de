"""Files from the network: pretrained weights and data sets, kept in a local folder."""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from taeda._download import DownloadError, download, sha256_of

if TYPE_CHECKING:
    from taeda._serialization.storage import MapLocation

__all__ = [
    "DownloadError",
    "download_url_to_file",
    "get_dir",
    "load_state_dict_from_url",
    "set_dir",
    "sha256_of",
]

# resnet18-f37072fd.pth: the digits are the beginning of the file's SHA-256.
_HASH_IN_NAME = re.compile(r"-([a-f0-9]{8,64})\.")

_folder: str | None = None


def get_dir() -> str:
    """The folder for downloads.

    In this order: what `set_dir` said, `$TAEDA_HOME/hub`, `$XDG_CACHE_HOME/taeda/hub`, `~/.cache/taeda/hub`.
    """
    if _folder is not None:
        return _folder
    cache = os.environ.get("XDG_CACHE_HOME", os.path.join("~", ".cache"))
    home = os.environ.get("TAEDA_HOME", os.path.join(cache, "taeda"))
    return os.path.join(os.path.expanduser(home), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Sets the folder for downloads."""
    global _folder
    _folder = os.path.expanduser(os.fspath(d))


def download_url_to_file(
    url: str | Sequence[str],
    dst: str | os.PathLike[str],
    hash_prefix: str | None = None,
    progress: bool = True,
    *,
    sha256: str | None = None,
) -> None:
    """Downloads a file: resumed after an interruption, checked, and complete or not there at all.

    Args:
        url: an address, or several mirrors that are tried in turn.
        dst: where the file goes; one that is there and has the right hash is left alone.
        hash_prefix: first digits of the file's SHA-256.
        progress: show a progress line on stderr.
        sha256: the whole SHA-256; goes before `hash_prefix`.

    Raises:
        DownloadError: (a RuntimeError) no mirror gave the file; says where to put it by hand.

    Example:
        >>> import os, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     source = pathlib.Path(folder, "a.txt")
        ...     _ = source.write_text("hello")
        ...     target = os.path.join(folder, "b.txt")
        ...     download_url_to_file(source.as_uri(), target, progress=False)
        ...     pathlib.Path(target).read_text()
        'hello'
    """
    download(url, dst, sha256=sha256 or hash_prefix, progress=progress)


def load_state_dict_from_url(
    url: str | Sequence[str],
    model_dir: str | os.PathLike[str] | None = None,
    map_location: MapLocation = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool | None = None,
    *,
    sha256: str | None = None,
) -> dict[str, Any]:
    """Loads weights from the network, or from the local folder when they were downloaded before.

    Args:
        url: an address, or several mirrors.
        model_dir: folder for the file (default: `get_dir()` + "/checkpoints").
        map_location: as `taeda.load` takes it.
        progress: show a progress line on stderr.
        check_hash: check the SHA-256 digits in the file's name (`name-<digits>.pth`).
        file_name: the local name (default: the last part of the address).
        weights_only: as `taeda.load` takes it.
        sha256: the expected hash; goes before the one in the name.

    Raises:
        DownloadError: no mirror gave the file; says where to put it by hand.
        ValueError: `check_hash` and there are no digits in the name.
    """
    import taeda

    first = url if isinstance(url, str) else url[0]
    name = file_name or os.path.basename(urllib.parse.urlsplit(first).path)
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else os.fspath(model_dir)
    path = os.path.join(folder, name)
    if check_hash and sha256 is None:
        found = _HASH_IN_NAME.search(name)
        if found is None:
            raise ValueError(
                f"load_state_dict_from_url: check_hash=True, but the name {name!r} has no SHA-256 digits "
                "(name-<digits>.pth); pass sha256="
            )
        sha256 = found.group(1)
    if not os.path.exists(path):
        download(url, path, sha256=sha256, progress=progress)
    state: dict[str, Any] = taeda.load(path, map_location=map_location, weights_only=weights_only)
    return state


if not TYPE_CHECKING:  # type checkers must keep finding misspelt names

    def __getattr__(name: str) -> NoReturn:
        from taeda._missing import missing_attribute

        raise missing_attribute(name, __all__, "hub")
