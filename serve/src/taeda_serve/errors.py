"""Errors of packaging and serving.

Every text has the same four parts: where it happened, what was expected, what was passed, how to fix it.
`RequestError` also carries the HTTP status that the server answers with.
"""

from __future__ import annotations

__all__ = ["ArchiveError", "PortInUseError", "RequestError", "ServeError", "ServerStartError", "explain"]


def explain(where: str, *, expected: str, got: str, fix: str) -> str:
    """Build the one-line text of an error.

    >>> explain("m.taeda", expected="a .taeda archive", got="an empty file", fix="package the model again")
    'm.taeda: expected a .taeda archive, got an empty file; package the model again'
    """
    return f"{where}: expected {expected}, got {got}; {fix}"


class ServeError(Exception):
    """Base of all errors raised by this package."""


class ArchiveError(ServeError, ValueError):
    """An archive, or what should go into one, is not valid."""

    @classmethod
    def about(cls, where: str, *, expected: str, got: str, fix: str) -> ArchiveError:
        """Make the error from the four parts of `explain`."""
        return cls(explain(where, expected=expected, got=got, fix=fix))


class ServerStartError(ServeError, RuntimeError):
    """The server or one of its model workers could not start."""


class PortInUseError(ServerStartError):
    """The address that the server should listen on is taken."""


class RequestError(ServeError):
    """A request cannot be answered.

    Args:
        status: the HTTP status, 4xx for the caller's fault and 5xx for the server's.
        message: the text of the `error` field of the answer.
        headers: extra headers of the answer, for example `Retry-After`.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})

    @classmethod
    def about(cls, status: int, where: str, *, expected: str, got: str, fix: str) -> RequestError:
        """Make the error from a status and the four parts of `explain`."""
        return cls(status, explain(where, expected=expected, got=got, fix=fix))
