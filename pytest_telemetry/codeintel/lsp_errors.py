"""What a client of language servers raises (layer 2).

- `NoServer`, an `UnusableInput`: there is no such server, or none at all
- `NotReady`: a request came before the server was READY, and was not sent
- `ServerGone`, also a ConnectionError: the server has ended, or cannot be talked to any more
- `RequestTimeout`, also a TimeoutError: a request was not answered in time
- `LSPError`: a request was answered with an error, or with what is no answer to it
"""

from __future__ import annotations

from pytest_telemetry.model.errors import TelemetryError, UnusableInput

__all__ = ("LSPError", "NoServer", "NotReady", "RequestTimeout", "ServerGone")


class NoServer(UnusableInput):
    """There is no such language server here; the text says how to get one."""


class NotReady(TelemetryError):
    """A request came before the server was READY, and was not sent."""


class ServerGone(TelemetryError, ConnectionError):
    """The server has ended, or cannot be talked to any more.

    Attributes:
        reason: Why, in the word that records have.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


class RequestTimeout(TelemetryError, TimeoutError):
    """A request was not answered in time; the server was told, and its answer will be matched to nothing else."""


class LSPError(TelemetryError):
    """A request was answered with an error, or with what is no answer to it.

    Attributes:
        code: Of the protocol; None where the answer was no error, but could not be read.
        reason: What records say: the code, and never the text of the server, which may hold anything.
    """

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.reason = "invalid_reply" if code is None else f"code {code}"
