"""Downloads that can be interrupted: resumed, checked, from several mirrors, complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

__all__ = ["DownloadError", "download", "sha256_of"]

CHUNK_BYTES = 1 << 20
# A server that sends nothing for this long is given up.
TIMEOUT_SECONDS = 30.0
ATTEMPTS_PER_MIRROR = 2
SECONDS_BETWEEN_PROGRESS_LINES = 0.2
_USER_AGENT = "taeda"


class DownloadError(RuntimeError):
    """A file could not be fetched from any mirror.

    Attributes:
        reasons: why, one for each attempt.
    """

    def __init__(self, message: str, reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.reasons = list(reasons)


class _HashMismatchError(Exception):
    """The bytes that came are not the ones that were expected."""


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, in hexadecimal.

    Example:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "empty")
        ...     open(path, "wb").close()
        ...     sha256_of(path)[:8]
        'e3b0c442'
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def download(
    urls: str | Sequence[str],
    target: str | os.PathLike[str],
    *,
    sha256: str | None = None,
    progress: bool = True,
) -> None:
    """Fetches a file.

    What has arrived is kept in `target` + ".part"; a later call continues there when the server allows it.
    Proxies are taken from the environment (`https_proxy`, `no_proxy`, ...). A finished file is renamed.

    Args:
        urls: one address, or several mirrors that are tried in turn (http, https, ftp or file).
        target: where the file goes; an existing one that matches `sha256` is left alone.
        sha256: the expected hash, or its first digits (at least 8); unchecked when None.
        progress: show a line on stderr.

    Raises:
        DownloadError: no mirror gave the file; the message says why and where to put it by hand.
        ValueError: `sha256` is no hash.
        OSError: the disk cannot take the file.
    """
    mirrors = [urls] if isinstance(urls, str) else list(urls)
    if not mirrors:
        raise ValueError("download: expected at least one address, got none")
    prefix = _checked_hash(sha256)
    path = os.path.abspath(os.fspath(target))
    if prefix and os.path.isfile(path) and sha256_of(path).startswith(prefix):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    failures = []
    for url in mirrors:
        for attempt in range(ATTEMPTS_PER_MIRROR):
            try:
                _fetch(url, path, prefix, _Progress(os.path.basename(path), progress))
                return
            except _HashMismatchError as error:
                failures.append(f"{url}: {error}")
                break
            except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError, OSError) as error:
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EACCES, errno.EROFS):
                    raise
                failures.append(f"{url}: {_reason(error)}")
                if not _is_worth_repeating(error) or attempt == ATTEMPTS_PER_MIRROR - 1:
                    break
    raise DownloadError(_advice(failures, path, prefix), failures)


def _checked_hash(sha256: str | None) -> str:
    if sha256 is None:
        return ""
    prefix = sha256.lower()
    if not 8 <= len(prefix) <= 64 or any(digit not in "0123456789abcdef" for digit in prefix):
        raise ValueError(f"download: sha256 must be 8 to 64 hexadecimal digits, got {sha256!r}")
    return prefix


def _fetch(url: str, path: str, prefix: str, progress: _Progress) -> None:
    part = path + ".part"
    have = os.path.getsize(part) if os.path.exists(part) else 0
    response, begin = _open(url, have)
    with response, progress, open(part, "r+b" if begin else "wb") as file:
        file.seek(begin)
        file.truncate()
        length = response.headers.get("Content-Length")
        total = begin + int(length) if length is not None and length.isdigit() else None
        progress.begin(begin, total)
        done = begin
        while chunk := response.read(CHUNK_BYTES):
            file.write(chunk)
            done += len(chunk)
            progress.show(done)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done != total:
        raise ConnectionError(f"the connection ended after {done} of {total} bytes")
    found = sha256_of(part) if prefix else ""
    if not found.startswith(prefix):
        os.unlink(part)
        raise _HashMismatchError(f'invalid hash value (expected "{prefix}", got "{found}"; {done} bytes)')
    os.replace(part, path)


def _open(url: str, have: int) -> tuple[Any, int]:
    """The response, and the byte at which it begins: `have` if the server can continue there, else 0."""
    headers = {"User-Agent": _USER_AGENT}
    is_web = urllib.parse.urlsplit(url).scheme in ("http", "https")
    if have and is_web:
        headers["Range"] = f"bytes={have}-"
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 416:
                raise
        # What we have is as long as the file or longer: begin anew.
        return _open(url, 0)
    if have and getattr(response, "status", None) == 206:
        begin = response.headers.get("Content-Range", "")
        if begin.startswith(f"bytes {have}-"):
            return response, have
    return response, 0


def _is_worth_repeating(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in (408, 429, 500, 502, 503, 504)
    return isinstance(error, (TimeoutError, ConnectionError))


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return f"{error.reason}"
    return f"{error}" or type(error).__name__


def _advice(failures: list[str], path: str, prefix: str) -> str:
    check = f" (its SHA-256 begins with {prefix})" if prefix else ""
    return (
        f"download: could not fetch {os.path.basename(path)}:\n  "
        + "\n  ".join(failures)
        + f".\nWithout a network, fetch the file elsewhere{check} and put it at\n  '{path}'.\n"
        "Behind a proxy, set the environment variable https_proxy."
    )


class _Progress:
    """One line on stderr: rewritten on a terminal, printed once at the end elsewhere."""

    def __init__(self, name: str, is_shown: bool) -> None:
        self._name = name
        self._is_shown = is_shown
        self._is_live = is_shown and sys.stderr.isatty()
        self._begin = 0
        self._done = 0
        self._total: int | None = None
        self._started = self._printed = time.monotonic()

    def begin(self, done: int, total: int | None) -> None:
        """`done` bytes were there before; `total` when the server says so."""
        self._begin = self._done = done
        self._total = total

    def show(self, done: int) -> None:
        """Called after every chunk."""
        self._done = done
        now = time.monotonic()
        if self._is_live and now - self._printed >= SECONDS_BETWEEN_PROGRESS_LINES:
            self._printed = now
            print("\r" + self._line(now), end="", file=sys.stderr, flush=True)

    def _line(self, now: float) -> str:
        rate = (self._done - self._begin) / max(now - self._started, 1e-3) / 1e6
        of_total = f" of {self._total / 1e6:.1f}" if self._total else ""
        percent = f" ({100 * self._done / self._total:.0f} %)" if self._total else ""
        return f"{self._name}: {self._done / 1e6:.1f}{of_total} MB{percent}, {rate:.1f} MB/s"

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._is_shown:
            with contextlib.suppress(ValueError):  # stderr may be closed at interpreter exit
                print(("\r" if self._is_live else "") + self._line(time.monotonic()), file=sys.stderr)
