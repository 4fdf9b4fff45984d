"""The error tree; every text says what is wrong, where, and what to do (layer 0).

- `TelemetryError`

  - `InvalidName`, also a ValueError: a name or key that strict mode refuses
  - `InvalidReporter`, also a TypeError: an object that is neither a reporter nor a sink
  - `UnusableInput`: a file or an option that cannot be worked with; exit code 2
  - `Unavailable`, also an OSError: a store can take nothing at present, and may be asked again
  - `MissingExtra`, also an ImportError: an optional dependency is not installed

- `ClockError`, an AssertionError: a fake clock was used in a way that no real clock allows

  - `ClockStalled`: fake time cannot go on, because something real is still running

- `Undecided`, an AssertionError: a measurement cannot tell on which side of a bound it lies
"""

from __future__ import annotations

__all__ = (
    "ClockError",
    "ClockStalled",
    "InvalidName",
    "InvalidReporter",
    "MissingExtra",
    "TelemetryError",
    "Unavailable",
    "Undecided",
    "UnusableInput",
)


class TelemetryError(Exception):
    """What this package raises on purpose, apart from failed assertions."""


class InvalidName(TelemetryError, ValueError):
    """A scope, metric or attribute name that strict mode refuses."""


class InvalidReporter(TelemetryError, TypeError):
    """An object was passed as reporter or sink and has the methods of neither."""


class UnusableInput(TelemetryError):
    """Input that cannot be worked with at all; the command line ends with exit code 2."""


class Unavailable(TelemetryError, OSError):
    """A store can take nothing at present: its database is locked, its disk is full.

    Nothing of what it was given was accepted, so all of it may be given again.
    """


class MissingExtra(TelemetryError, ImportError):
    """A feature needs a package that is not installed.

    Args:
        feature: What the user wanted to do.
        extra: The extra of pytest-telemetry that installs what is missing.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'pytest-telemetry[{extra}]'")


class ClockError(AssertionError):
    """A fake clock was asked for something that no clock can do, or nobody advanced it.

    An AssertionError, so that test runners and editors show it as a failure of the test.
    """


class ClockStalled(ClockError):
    """Fake time cannot go on because a thread or a subprocess is still running in real time."""


class Undecided(AssertionError):
    """A measurement was compared with a bound that lies within its interval; the text says what would decide it."""
