"""Files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from typing import IO, Any

__all__ = ["atomic_writer", "open_target"]


@contextlib.contextmanager
def atomic_writer(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of `path` when the block ends without an error.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and the file is renamed.
    When anything fails (disk full, exception, power cut) the old file stays as it was.

    Raises:
        FileNotFoundError: the folder does not exist.

    Example:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "a.bin")
        ...     with atomic_writer(path) as file:
        ...         _ = file.write(b"abc")
        ...     os.listdir(folder)
        ['a.bin']
    """
    target = os.path.realpath(path)
    if _is_special(target):
        with open(target, "wb") as file:
            yield file
        return
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"save: Parent directory {folder} does not exist; create it first")
    temporary = os.path.join(folder, f".{os.path.basename(target)}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _flush_folder(folder)


def _is_special(path: str) -> bool:
    """Is there something that renaming must not replace: a device, a pipe, a folder?"""
    return os.path.exists(path) and not os.path.isfile(path)


def _flush_folder(folder: str) -> None:
    """Makes the renaming itself durable. Some file systems cannot do that for folders; the file is whole
    there too."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def open_target(target: str | os.PathLike[str] | IO[bytes]) -> Iterator[IO[bytes]]:
    """A seekable file for writing to a path (atomically) or to a file object."""
    if isinstance(target, (str, os.PathLike)):
        with atomic_writer(target) as file:
            yield file
        return
    if not hasattr(target, "write"):
        raise AttributeError(
            f"save: expected 'f' to be string, path, or a file-like object with a 'write' attribute, "
            f"got {type(target).__name__}"
        )
    if _is_seekable(target):
        yield target
        return
    buffer = io.BytesIO()
    yield buffer
    target.write(buffer.getvalue())


def _is_seekable(file: Any) -> bool:
    return hasattr(file, "seekable") and file.seekable() and hasattr(file, "tell")
