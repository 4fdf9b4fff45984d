"""What is certain about the order of entries, and how they are listed."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_telemetry.model.record import Record
from pytest_telemetry.model.transcript import Entry, listing, precedes

ASKED: dict[str, Any] = {"id": 1, "method": "a"}


def entry(seq: int, kind: Any, name: str = "a", session: int = 1, **fields: Any) -> Entry:
    return Entry(seq, kind, name, session, **fields)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (entry(0, "received"), entry(1, "sent")),
        (entry(0, "received"), entry(1, "record")),
        (entry(0, "received"), entry(1, "received")),
        (entry(0, "sent"), entry(1, "sent")),
        (entry(0, "record"), entry(1, "sent")),
        (entry(0, "record"), entry(1, "record", session=0)),
        (entry(0, "gate"), entry(1, "sent")),
        (entry(0, "server", "crash"), entry(1, "server", "ended")),
        (entry(0, "record"), entry(1, "server", "crash")),
        (entry(0, "sent", message=ASKED), entry(1, "received", message={"id": 1, "result": 0})),
    ],
)
def test_what_is_certain_about_an_order(first: Entry, second: Entry) -> None:
    """A receipt before a release, each pipe in itself, what the client tells in itself, and a reply after its request."""
    assert precedes(first, second)
    assert not precedes(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (entry(0, "sent"), entry(1, "received")),
        (entry(0, "sent"), entry(1, "record")),
        (entry(0, "record"), entry(1, "received")),
        (entry(0, "server", "crash"), entry(1, "record")),
        (entry(0, "record"), entry(1, "server", "ended")),
        (entry(0, "sent"), entry(1, "sent", session=2)),
        (entry(0, "sent", message=ASKED), entry(1, "received", message={"id": 2, "result": 0})),
        (entry(0, "sent", message=ASKED), entry(1, "received", session=2, message={"id": 1, "result": 0})),
    ],
)
def test_what_nobody_can_know(first: Entry, second: Entry) -> None:
    """A message may be read long after its release, and sent long before its receipt."""
    assert not precedes(first, second)
    assert not precedes(second, first)


def test_an_entry_is_one_line() -> None:
    """With its direction, its id, and what a reply or a record says."""
    lines = [
        entry(0, "received", "initialize", message={"id": 1, "method": "initialize"}),
        entry(1, "sent", "initialize", message={"id": 1, "error": {"code": -1}}),
        entry(2, "sent", "window/logMessage", message={"method": "window/logMessage"}),
        entry(
            3, "record", "lsp.ready", record=Record("event", "lsp.ready", "lsp.ready", 1, attrs={"a": "b\n"})
        ),
        entry(4, "server", "crash", attrs={"code": 3}),
    ]

    assert listing(lines).splitlines() == [
        "    0  client -> server  initialize #1",
        "    1  server -> client  reply to initialize #1 error={'code': -1}",
        "    2  server -> client  window/logMessage",
        r"    3  record            lsp.ready a='b\n'",
        "    4  server            crash code=3",
    ]


def test_only_the_lines_around_the_marked_ones_are_listed() -> None:
    """What lies between is a line of dots."""
    lines = [entry(seq, "gate", str(seq)) for seq in range(10)]

    shown = listing(lines, marked=[1, 8], around=1).splitlines()

    assert [line.split()[0] + line.split()[-1] for line in shown] == [
        "00",
        ">1",
        "22",
        "......",
        "77",
        ">8",
        "99",
    ]


def test_the_middle_of_a_long_listing_is_left_out() -> None:
    """The beginning and the end say most."""
    lines = [entry(seq, "gate", str(seq)) for seq in range(100)]

    shown = listing(lines, most=4).splitlines()

    assert [line.split()[0] for line in shown] == ["0", "1", "...", "98", "99"]
