"""The configuration: every key is validated, and a misspelt one is found."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import FrozenInstanceError, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from pytest_telemetry.model.config import SEVERITIES, TelemetryConfig
from pytest_telemetry.model.pattern import LogPatterns
from pytest_telemetry.model.wording import brief

DOCUMENT: dict[str, Any] = {
    "enabled": True,
    "batch_size": 1000,
    "flush_interval_seconds": 5.0,
    "sampling_rate": 0.1,
    "async_flush": True,
    "max_flush_workers": 4,
    "storage_type": "sqlite",
    "storage_path": Path("~/.torq_console/telemetry.db"),
    "retention_days": 30,
    "compression": True,
    "max_events_per_hour": 10000,
    "pii_filtering": True,
    "sanitize_fields": ["user_query", "user_feedback", "error_message", "query"],
}


def test_the_keys_of_the_document_are_taken_as_they_are_written_there() -> None:
    """Lists become tuples, so that a configuration can be shared."""
    config = TelemetryConfig(**DOCUMENT)

    assert config.sanitize_fields == ("user_query", "user_feedback", "error_message", "query")
    assert {key: getattr(config, key) for key in DOCUMENT.keys() - {"sanitize_fields"}} == {
        key: value for key, value in DOCUMENT.items() if key != "sanitize_fields"
    }


def test_a_configuration_does_not_change() -> None:
    """It is frozen, takes no positions, and equals another one with the same values."""
    config = TelemetryConfig()

    with pytest.raises(FrozenInstanceError):
        config.batch_size = 5  # type: ignore[misc]  # the test
    with pytest.raises(TypeError):
        TelemetryConfig(False)  # type: ignore[call-arg]  # the test
    assert config == TelemetryConfig()
    assert hash(config) == hash(TelemetryConfig())


WRONG: dict[str, list[Any]] = {
    "enabled": [1, "yes", None],
    "batch_size": [0, -1, 1.5, True, "100", None],
    "flush_interval_seconds": [0, -1, float("nan"), float("inf"), -(10**400), True, "5"],
    "max_queue_size": [0, 2.5, None],
    "overflow": ["drop", "", None, 1],
    "block_seconds": [-0.1, float("nan"), float("inf"), -(10**400), True, "1"],
    "async_flush": [0, "no"],
    "max_flush_workers": [0, 1.5, True, 65, 10**400],
    "sampling_rate": [-0.1, 1.1, float("nan"), float("inf"), 10**400, "all", True],
    "event_types": ["agent_run", [1], [""], None],
    "min_severity": ["warn", "WARNING", 3],
    "max_events_per_hour": [0, 1.5, True],
    "retention_days": [0, -1, float("nan"), float("inf"), 36_500.5, 1e300, 10**400, True, "30"],
    "compression": [1, "gzip"],
    "pii_filtering": [None, 0],
    "sanitize_fields": ["query", [None]],
    "storage_type": ["postgres", None, []],
    "storage_path": [
        1,
        b"x",
        "",
        ".",
        "/",
        "..",
        "a/..",
        "a\0b",
        "~no\0one/x.db",
        *(["~nosuchuser/x.db", "\ud800"] if os.name == "posix" else []),
    ],
}


def test_wrong_values_are_listed_for_every_key() -> None:
    """A key that is added here needs its wrong values."""
    assert list(WRONG) == [field.name for field in fields(TelemetryConfig)]


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key, values in WRONG.items() for value in values],
    ids=lambda given: brief(given, 30),
)
def test_a_wrong_value_is_one_clear_error(key: str, value: Any) -> None:
    """One line: the key, what it must be, what it was."""
    with pytest.raises(ValueError, match=rf"^{key} must be .*, not .*$") as caught:
        TelemetryConfig(**{key: value})

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "values"),
    {
        "min_severity": [None, "debug", "critical"],
        "max_flush_workers": [1, 64],
        "max_events_per_hour": [None, 1, 10**400],
        "max_queue_size": [10**400],
        "retention_days": [None, 5e-324, 0.5, 1, 36_500],
        "sampling_rate": [0, 1, 0.5],
        "flush_interval_seconds": [5e-324, 1e300, 10**400],
        "block_seconds": [0, 1.5, 10**400],
        "storage_path": [None, "a/b.db", Path("a"), "a/", "../a", "~/a", "/a", "a b.db", "\udcff"],
        "event_types": [(), ["agent_run"], ("a", "b")],
    }.items(),
)
def test_what_can_be_meant_is_taken(key: str, values: list[Any]) -> None:
    """Nothing that has a meaning is refused."""
    for value in values:
        TelemetryConfig(**{key: value})


def test_an_error_shows_what_was_given() -> None:
    """Not what it was made into."""
    with pytest.raises(ValueError, match=r"^storage_path must be a path .*, not ''$"):
        TelemetryConfig(storage_path="")  # type: ignore[arg-type]  # as TOML gives it


def test_a_home_that_cannot_be_told_is_an_error_when_the_configuration_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a container whose user has no name."""

    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)

    with pytest.raises(ValueError, match=r"^storage_path must be a path "):
        TelemetryConfig(storage_path=Path("~/x.db"))


def test_members_of_text_enums_are_texts() -> None:
    """The documents' types of storage and events are such."""

    class Storage(StrEnum):
        FILE = "file"

    assert TelemetryConfig(storage_type=Storage.FILE).storage_type == "file"  # type: ignore[arg-type]  # the test


def test_the_queue_holds_at_least_a_batch() -> None:
    """Otherwise no batch would ever be full."""
    TelemetryConfig(batch_size=10, max_queue_size=10)

    with pytest.raises(
        ValueError, match="max_queue_size must hold at least a batch: 9 is less than batch_size, 10"
    ):
        TelemetryConfig(batch_size=10, max_queue_size=9)


def test_a_table_of_pyproject_is_read() -> None:
    """As TOML gives it, with the path as a text."""
    table = tomllib.loads(
        '[tool.pytest_telemetry]\nbatch_size = 7\nstorage_path = "a/b"\nevent_types = ["x"]'
    )

    config = TelemetryConfig.from_mapping(table["tool"]["pytest_telemetry"])

    assert config == TelemetryConfig(batch_size=7, storage_path=Path("a/b"), event_types=("x",))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("batchsize", "'batchsize' is no key of the configuration; did you mean batch_size?"),
        ("batch-size", "'batch-size' is no key of the configuration; did you mean batch_size?"),
        (
            "flush_interval",
            "'flush_interval' is no key of the configuration; did you mean flush_interval_seconds?",
        ),
        ("zzz", "'zzz' is no key of the configuration; known are enabled, batch_size, "),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(key: str, text: str) -> None:
    """A misspelt key is never without effect."""
    with pytest.raises(ValueError, match="no key of the configuration") as caught:
        TelemetryConfig.from_mapping({key: 1})

    assert str(caught.value).startswith(text)


def test_a_wrong_value_in_a_table_is_the_same_error() -> None:
    """Wherever it comes from."""
    with pytest.raises(ValueError, match="batch_size must be a whole number above 0, not 0"):
        TelemetryConfig.from_mapping({"batch_size": 0})


def test_the_page_lists_every_key_with_its_default() -> None:
    """In the order of the configuration."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"
    rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert rows == [(field.name, repr(field.default)) for field in fields(TelemetryConfig)]


def test_severities_are_the_levels_of_logs() -> None:
    """One order for both."""
    assert SEVERITIES == LogPatterns.LEVELS
