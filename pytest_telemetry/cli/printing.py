"""Prints one object, or many lines with few writes, and notices when nobody reads them any more (layer 7)."""

from __future__ import annotations

import json
import select
import sys
import threading
from typing import Any, Final

from pytest_telemetry.cli.group import say
from pytest_telemetry.model.plain import plain

__all__ = ("Printing", "pause", "say_json")

_AT_ONCE: Final = 64 * 1024


class Printing:
    """Standard output, for lines that are all text or all bytes.

    Args:
        eager: Whether each line is written when it comes, because the next one may be long in coming.

    Attributes:
        is_over: Whether the reader has gone, so that nothing further need be made.
    """

    def __init__(self, *, eager: bool = False) -> None:
        self.is_over = False
        self._most = 0 if eager else _AT_ONCE
        self._size = 0
        self._lines: list[str] | list[bytes] = []

    def line(self, line: str | bytes) -> bool:
        """Print *line*, which has no line feed at its end, now or with others.

        Returns:
            Whether there is still a reader, as far as is known.

        Raises:
            TelemetryError: It cannot be written.
        """
        self._lines.append(line)  # type: ignore[arg-type]  # of one type, as said above
        self._size += len(line)
        if self._size > self._most or not self._most:
            self.flush()
        return not self.is_over

    def flush(self) -> None:
        """Write what waits.

        Raises:
            TelemetryError: It cannot be written.
        """
        lines, self._lines, self._size = self._lines, [], 0
        if lines and not self.is_over:
            joint = "\n" if isinstance(lines[0], str) else b"\n"
            self.is_over = not say(joint.join(lines))  # type: ignore[arg-type]  # likewise


def say_json(value: Any) -> None:
    """Print one object as any reader takes it, see `plain`, and in ASCII, so that it survives every terminal and pipe.

    Raises:
        TelemetryError: It cannot be written.
    """
    say(json.dumps(plain(value, "", {}), indent=2, allow_nan=False))


def pause(seconds: float) -> bool:
    """Wait so long, or until the reader of standard output has gone; tell whether it is still there."""
    try:
        output = sys.stdout.fileno()
        poll = select.poll()
    except (AttributeError, OSError, ValueError):  # no output, none of the system, or a system without poll
        threading.Event().wait(seconds)
        return True
    poll.register(output, 0)  # errors and hang-ups are always told
    return not poll.poll(seconds * 1_000)
