"""What happens to a test that uses a recorder, beyond the fixture itself (layer 7).

Nothing here is a hook that runs for every test: a test without a recorder must not pay for those with one.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_telemetry.analysis.tree import tree_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pytest_telemetry.testing.recorder import TelemetryRecorder

__all__ = ("FailOnSinkError", "SinkFailedWarning", "attach", "warn_of_sink_failures")

_recorders: Final = pytest.StashKey[list[tuple[str, "TelemetryRecorder"]]]()
_shown: Final = pytest.StashKey[object]()
_latest: Final = pytest.StashKey[pytest.Item]()
_ended: Final = pytest.StashKey[bool]()
_LINES: Final = 100
_PATCHED: Final = ("repr_failure", "_repr_failure_py")
"""What makes the text of a failing call, and of a failing set-up or teardown; pytest has no public name for the latter."""


class SinkFailedWarning(UserWarning):
    """A sink or reporter beside the recorder raised during the test."""


class FailOnSinkError:
    """Fails a test whose recorder saw a sink raise; registered where the option or the ini file asks for it."""

    name: Final = "pytest_telemetry_fail_on_sink_error"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        result = yield
        message = _sink_failures(item)
        if message:
            pytest.fail(message, pytrace=False)
        return result


def attach(item: pytest.Item, recorder: TelemetryRecorder, name: str) -> None:
    """Show what *recorder* holds, under *name*, when *item* fails, in its set-up and teardown too.

    What earlier tests of the session recorded is let go, for pytest keeps every item until its end; so is what an
    earlier run of *item* recorded, where a plugin runs it again.
    """
    if item.stash.get(_ended, False):
        _let_go(item)
    if _recorders not in item.stash:
        _let_go(item.config.stash.get(_latest, None))
        item.config.stash[_latest] = item
        item.stash[_recorders] = []
        for method in _PATCHED:
            if hasattr(item, method):
                setattr(item, method, partial(_repr_failure, item, getattr(item, method), method))
    item.stash[_recorders].append((name, recorder))


def _let_go(item: pytest.Item | None) -> None:
    """Forget the recorders of *item*, whose reports have been made."""
    if item is None or _recorders not in item.stash:
        return
    for method in _PATCHED:
        vars(item).pop(method, None)
    del item.stash[_recorders]
    item.stash[_shown] = None
    item.stash[_ended] = False


def warn_of_sink_failures(item: pytest.Item) -> None:
    """Warn with a `SinkFailedWarning` if a sink beside a recorder of *item*, which has ended, raised."""
    item.stash[_ended] = True
    message = _sink_failures(item)
    if message:
        warnings.warn(message, SinkFailedWarning, stacklevel=2)


def _repr_failure(
    item: pytest.Item,
    original: Callable[..., Any],
    method: str,
    excinfo: pytest.ExceptionInfo[BaseException],
    *arguments: Any,
    **options: Any,
) -> Any:
    """Add the section "Recorded telemetry" to the failure text itself, which editors and xdist pass on."""
    text = original(excinfo, *arguments, **options)
    add = getattr(text, "addsection", None)
    if item.stash.get(_shown, None) is text or (add is None and method != "repr_failure"):
        return text  # one method calls the other; and that a fixture does not exist has nothing to do with telemetry
    item.stash[_shown] = text
    in_full = item.config.get_verbosity() >= 2
    for name, recorder in item.stash[_recorders]:
        title = f"Recorded telemetry ({name})" if name else "Recorded telemetry"
        try:
            tree = _tree(recorder, in_full=in_full)
        except Exception as error:  # noqa: BLE001 - what raises here would end the whole session
            tree = f"cannot be shown: {type(error).__qualname__}: {error}"
        if add is None:
            item.add_report_section("call", title, tree)
        else:
            add(title, tree, "-")
    return text


def _tree(recorder: TelemetryRecorder, *, in_full: bool) -> str:
    """Return the recording as a tree: cut after 100 lines and without times, unless it is wanted in full."""
    lines = None if in_full else _LINES
    tree = tree_text(recorder.records(), times=in_full, max_lines=lines) or "nothing was recorded"
    dropped = recorder.statistics()["dropped"]
    if dropped:
        return f"{dropped} older records were forgotten: the limit is reached (telemetry_limit)\n{tree}"
    return tree


def _sink_failures(item: pytest.Item) -> str:
    """Return one line about the sinks that raised during *item*, or nothing."""
    recorders = item.stash.get(_recorders, ())
    failed = [
        record for _, recorder in recorders for record in recorder.store.events("telemetry.sink.failed")
    ]
    if not failed:
        return ""
    names = ", ".join(sorted({f"{record.attrs['sink']} ({record.attrs['error.type']})" for record in failed}))
    return f"telemetry sink failed during the test: {names}; the log has the traceback"
