"""The command line, ``pytest-telemetry``; each command is a module that is loaded when it is called (layer 7)."""

from __future__ import annotations

__all__ = ("main",)


def main() -> None:
    """Run the command line and exit: 0 clean, 1 findings, 2 unusable input, 130 interrupted."""
    from pytest_telemetry.cli.group import run  # noqa: PLC0415 - click is not needed to import this package

    run()
