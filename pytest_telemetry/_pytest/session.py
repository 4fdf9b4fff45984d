"""Hooks of a session in which some test uses a recorder; registered by the first one (layer 7)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_telemetry.analysis.tree import tree_text

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_telemetry.testing.recorder import TelemetryRecorder

__all__ = ("RecordedTelemetry", "SinkFailedWarning", "attach", "recorders_key")

recorders_key: Final = pytest.StashKey[list[tuple[str, "TelemetryRecorder"]]]()

_NAME: Final = "pytest_telemetry_recorded"
_LINES: Final = 100


class SinkFailedWarning(UserWarning):
    """A sink or reporter beside the recorder raised during the test."""


def attach(item: pytest.Item, recorder: TelemetryRecorder, name: str) -> None:
    """Show what *recorder* holds when *item* fails."""
    item.stash.setdefault(recorders_key, []).append((name, recorder))
    plugins = item.config.pluginmanager
    if not plugins.has_plugin(_NAME):
        plugins.register(RecordedTelemetry(item.config), _NAME)


class RecordedTelemetry:
    """Adds the section "Recorded telemetry" to failures, and speaks up when a sink failed."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.getoption("--telemetry-fail-on-sink-error")
        self._fail = config.getini("telemetry_fail_on_sink_error") if option is None else option
        self._lines = None if config.get_verbosity() >= 2 else _LINES

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        result = yield
        for _, recorder in item.stash.get(recorders_key, ()):
            failed = [r for r in recorder.records() if r.name == "telemetry.sink.failed"]
            if failed:
                names = ", ".join(sorted({f"{r.attrs['sink']} ({r.attrs['error.type']})" for r in failed}))
                message = f"telemetry sink failed during the test: {names}; the log has the traceback"
                if self._fail:
                    pytest.fail(message, pytrace=False)
                warnings.warn(message, SinkFailedWarning, stacklevel=1)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            for name, recorder in item.stash.get(recorders_key, ()):
                title = f"Recorded telemetry ({name})" if name else "Recorded telemetry"
                _add_section(report, title, self._text(recorder))
        return report

    def _text(self, recorder: TelemetryRecorder) -> str:
        text = tree_text(recorder.records(), max_lines=self._lines) or "nothing was recorded"
        dropped = recorder.statistics()["dropped"]
        if dropped:
            return f"{dropped} older records were forgotten: the limit is reached (telemetry_limit)\n{text}"
        return text


def _add_section(report: pytest.TestReport, title: str, text: str) -> None:
    """Add to the failure text itself, which editors show; to the report's sections where it has no such text."""
    add = getattr(report.longrepr, "addsection", None)
    if add is None:
        report.sections.append((title, text))
    else:
        add(title, text, "-")
