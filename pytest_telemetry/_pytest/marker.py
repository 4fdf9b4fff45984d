"""The ``telemetry`` marker: its settings, the closest one last, and what it does not know (layer 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ("BASELINE_FIXTURES", "TARGETS", "is_gated", "refuse", "refuse_unseen_targets", "settings_of")

BASELINE_FIXTURES: Final = "pytest_telemetry_baseline_fixtures"
"""The plugin that only the session of the baseline has."""

TARGETS: Final = frozenset({"credit", "max_bytes", "max_ratio", "min_ops", "target_ns"})
"""What `checks.targets.targets_of` looks at; named here as well, for every test with our fixture would import it."""
_KNOWN: Final = TARGETS | {"gate", "limit", "strict"}


def settings_of(node: pytest.Item) -> dict[str, Any]:
    """Return what the markers of *node*, its class and module say; setting by setting the closest one wins.

    Raises:
        pytest.fail.Exception: A marker says what cannot be; the text names file and line of the test.
    """
    settings: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("telemetry"))):
        wrong = _wrong(marker)
        if wrong:
            refuse(node, wrong)
        settings.update(marker.kwargs)
    return settings


def is_gated(node: pytest.Item) -> bool:
    """Return whether the gate compares *node* with the baseline, if it is a benchmark: ``gate=False`` says no."""
    said = (marker.kwargs["gate"] for marker in node.iter_markers("telemetry") if "gate" in marker.kwargs)
    return next(said, True) is not False


def refuse_unseen_targets(request: pytest.FixtureRequest) -> None:
    """Fail a test with targets that times with a plain ``benchmark``, which holds nothing to them.

    In a run of the gate they are seen, for there it is we who time.
    """
    config = request.config
    is_gate = config.getoption("--telemetry-gate") or config.pluginmanager.hasplugin(BASELINE_FIXTURES)
    if "telemetry_benchmark" in request.fixturenames or is_gate:
        return
    targets = sorted(TARGETS & set(settings_of(request.node)))
    if targets:
        refuse(
            request.node,
            f"the fixture benchmark does not see {_list(targets)}: ask for telemetry_benchmark, it is called alike",
        )


def refuse(node: pytest.Item, wrong: str) -> NoReturn:
    """Fail *node* with what is wrong with its marker, or with what was measured under it."""
    path, line, _ = node.location
    pytest.fail(f"{path}:{(line or 0) + 1}: {wrong}", pytrace=False)


def _wrong(marker: pytest.Mark) -> str:
    """Return what is wrong with *marker*, or nothing; the values of targets are looked at where they are judged."""
    unknown = [*map(repr, marker.args), *sorted(set(marker.kwargs) - _KNOWN)]
    if unknown:
        return f"the telemetry marker does not know {_list(unknown)}; it takes {_list(sorted(_KNOWN))}"
    limit, strict, gate = (marker.kwargs.get(name) for name in ("limit", "strict", "gate"))
    if limit is not None and (type(limit) is not int or limit < 1):
        return f"limit of the telemetry marker must be a whole number above 0, not {limit!r}"
    if strict is not None and not isinstance(strict, bool):
        return f"strict of the telemetry marker must be True, False or None, not {strict!r}"
    if gate is not None and not isinstance(gate, bool):
        return f"gate of the telemetry marker must be True or False, not {gate!r}"
    return ""


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
