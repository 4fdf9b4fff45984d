"""The order of a transcript, entry by entry; the rules as a client breaks them are tested on the scripted server."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_telemetry.checks import LspReadyOrder
from pytest_telemetry.checks.lsp_rules import RULES
from pytest_telemetry.checks.lsp_transcript import Verdict, findings_of
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.transcript import Entry

URI = "file:///project/A.py"
Line = tuple[Any, ...]

STARTED: Line = ("server", "started")
INITIALIZE: Line = ("received", "initialize", {"id": 1})
RESULT: Line = ("sent", "initialize", {"id": 1, "result": {}})
REFUSED: Line = ("sent", "initialize", {"id": 1, "error": {"code": -1}})
INITIALIZED: Line = ("received", "initialized", {})
SHAKEN = (STARTED, INITIALIZE, RESULT, INITIALIZED)
OPENED: Line = ("received", "textDocument/didOpen", {"params": {"textDocument": {"uri": URI}}})
PUBLISHED: Line = ("sent", "textDocument/publishDiagnostics", {"params": {"uri": URI}})
SEEN: Line = ("record", "lsp.diagnostics", {})
READY: Line = ("record", "lsp.ready", {"ready_via": "diagnostics"})
ASKED: Line = ("received", "textDocument/definition", {"id": 2})
FOUND: Line = ("sent", "textDocument/definition", {"id": 2, "result": [1]})
NOTHING: Line = ("sent", "textDocument/definition", {"id": 2, "result": []})
HOVER: Line = ("received", "textDocument/hover", {"id": 3})
SHUTDOWN: Line = ("received", "shutdown", {"id": 9})
GOODBYE: Line = ("sent", "shutdown", {"id": 9, "result": None})
EXIT: Line = ("received", "exit", {})
CRASH: Line = ("server", "crash")
ENDED: Line = ("server", "ended")
HANGS: Line = ("server", "hang", 0)
FAILED: Line = ("record", "lsp.state_change", {"status": "failed", "reason": "it broke"})
CLOSED: Line = ("record", "lsp.state_change", {"status": "closed", "reason": "no more to do"})


def transcript(*lines: Line) -> list[Entry]:
    entries: list[Entry] = []
    session = 0
    for seq, (kind, name, *more) in enumerate(lines):
        given = more[0] if more else {}
        if name == "started":
            session += 1
        if kind == "record":
            record = Record("metric" if name.endswith("_count") else "event", name, name, 1, attrs=given)
            entries.append(Entry(seq, kind, name, record=record))
        elif kind in {"server", "gate"}:
            attrs = given if isinstance(given, dict) else {}
            entries.append(Entry(seq, kind, name, 0 if given == 0 else session, attrs=attrs))
        else:
            method = {} if "result" in given or "error" in given else {"method": name}
            entries.append(Entry(seq, kind, name, session, {**method, **given}))
    return entries


def judge(*lines: Line, policy: Any = "diagnostics-or-definition", uri: str | None = None) -> Verdict:
    return LspReadyOrder(policy, warmup_uri=uri).of_transcript(transcript(*lines))


def broken(*lines: Line, **options: Any) -> list[tuple[str, str]]:
    return [(each.rule, each.text) for each in judge(*lines, **options).broken]


def owed(*lines: Line, **options: Any) -> list[str]:
    verdict = judge(*lines, **options)
    assert verdict.broken == ()
    return [each.rule for each in verdict.owed]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [*SHAKEN, OPENED, PUBLISHED, READY, HOVER, SHUTDOWN, GOODBYE, EXIT, ENDED],
        [*SHAKEN, OPENED, ASKED, FOUND, READY, HOVER],
        [*SHAKEN, ASKED, FOUND, ASKED, READY],
        [*SHAKEN, ASKED, NOTHING],
        [*SHAKEN, ASKED, FOUND, ("record", "lsp.definition", {"status": "empty"}), SHUTDOWN],
        [*SHAKEN, PUBLISHED, READY, ("record", "lsp.state_change", {"status": "ready"})],
        [*SHAKEN, PUBLISHED, READY, CRASH, ENDED, FAILED, *SHAKEN, PUBLISHED, READY, HOVER],
        [*SHAKEN, PUBLISHED, SHUTDOWN, GOODBYE, EXIT, CLOSED],
        [*SHAKEN, SEEN, PUBLISHED, READY, CRASH, EXIT, ENDED],
        [STARTED, INITIALIZE, ("received", "$/cancelRequest", {}), EXIT, FAILED],
        [STARTED, INITIALIZE, REFUSED, FAILED, EXIT],
        [STARTED, INITIALIZE, REFUSED, ("record", "lsp.initialize", {"status": "error", "reason": "no"})],
        [STARTED, INITIALIZE, ("received", "window/showMessageRequest", {"id": "s", "result": None}), RESULT],
        [HANGS, STARTED, INITIALIZE, ("record", "lsp.initialize", {"status": "timeout"}), ENDED],
        [*SHAKEN, HANGS, SHUTDOWN, EXIT],
        [STARTED, INITIALIZE, HANGS, ("server", "resume", 0)],
        [HANGS, STARTED, FAILED, INITIALIZE, ENDED],
        [HANGS, FAILED, STARTED, INITIALIZE, ENDED],
        [
            ("record", "lsp.spawn", {"status": "error", "reason": "no program"}),
            *SHAKEN,
            PUBLISHED,
            READY,
            HOVER,
        ],
        [*SHAKEN, PUBLISHED, CRASH, ENDED, READY, FAILED],
        [*SHAKEN, ("record", "lsp_failed_count", {}), ("record", "lsp.ready_count", {})],
        [STARTED, INITIALIZE, RESULT, SHUTDOWN, GOODBYE, EXIT],
        [*SHAKEN, ("sent", "workspace/configuration", {"id": "s"}), ("sent", "a", {"id": 5, "result": 0})],
        [("gate", "hold a", {}), STARTED],
    ],
)
def test_what_a_correct_client_may_do(lines: list[Line]) -> None:
    """Nothing is wrong, and nothing is left to be told."""
    assert broken(*lines) == []
    assert owed(*lines) == []


@pytest.mark.parametrize(
    ("lines", "rule", "text"),
    [
        ([*SHAKEN, PUBLISHED, READY, READY], "R1", "READY declared again"),
        ([STARTED, INITIALIZE, READY, RESULT, INITIALIZED], "R2", "READY before the InitializeResult"),
        ([READY], "R2", "READY before the InitializeResult"),
        ([READY, *SHAKEN, PUBLISHED, SHUTDOWN, GOODBYE, EXIT], "R2", "READY before the InitializeResult"),
        ([READY, *SHAKEN, PUBLISHED, SEEN], "R2", "READY before the InitializeResult"),
        ([READY, *SHAKEN, PUBLISHED, READY, HOVER], "R2", "READY before the InitializeResult"),
        ([*SHAKEN, READY, PUBLISHED, READY], "R2", "READY before diagnostics or a definition"),
        ([STARTED, INITIALIZE, REFUSED, READY, FAILED], "R2", "READY although lsp.initialize failed"),
        ([*SHAKEN, READY, PUBLISHED], "R2", "READY before diagnostics or a definition"),
        ([*SHAKEN, ASKED, NOTHING, READY], "R2", "READY before diagnostics or a definition"),
        ([*SHAKEN, HOVER], "R3", "textDocument/hover before READY"),
        ([STARTED, INITIALIZE, HOVER, RESULT], "R4", "textDocument/hover before the InitializeResult"),
        ([STARTED, INITIALIZE, RESULT, OPENED, INITIALIZED], "R4", "textDocument/didOpen before initialized"),
        ([*SHAKEN, INITIALIZE], "R4", "initialize twice"),
        (
            [*SHAKEN, PUBLISHED, SEEN, SHUTDOWN, GOODBYE, EXIT, CLOSED],
            "R5",
            "neither READY nor a failure is told",
        ),
        (
            [*SHAKEN, ASKED, FOUND, ("record", "lsp.definition", {"status": "ok"}), SHUTDOWN],
            "R5",
            "neither READY nor a failure is told",
        ),
        (
            [*SHAKEN, ("record", "lsp.state_change", {"status": "failed"})],
            "R6",
            "lsp.state_change says that it failed, and not why",
        ),
        ([("record", "lsp.spawn", {"status": "error"})], "R6", "lsp.spawn says that it failed, and not why"),
        ([*SHAKEN, PUBLISHED, CRASH, ENDED, FAILED, READY], "R7", "READY after its end was told"),
        ([*SHAKEN, ("record", "lsp.timeout", {}), READY], "R8", "READY by a time-out"),
        (
            [*SHAKEN, PUBLISHED, ("record", "lsp.ready", {"ready_via": "time-out"})],
            "R8",
            "READY by a time-out",
        ),
        ([*SHAKEN, SHUTDOWN, EXIT, GOODBYE], "R10", "exit before the reply to shutdown"),
        ([*SHAKEN, EXIT], "R10", "exit before the reply to shutdown"),
        ([*SHAKEN, PUBLISHED, READY, SHUTDOWN, HOVER], "R10", "textDocument/hover after shutdown"),
        ([*SHAKEN, PUBLISHED, SHUTDOWN, READY], "R10", "READY after shutdown"),
    ],
)
def test_what_is_certainly_wrong(lines: list[Line], rule: str, text: str) -> None:
    """One complaint, by the rule that it breaks."""
    assert broken(*lines) == [(rule, text)]
    assert rule in RULES


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([*SHAKEN, PUBLISHED], "R5"),
        ([STARTED, INITIALIZE, REFUSED], "R6"),
        ([STARTED, INITIALIZE, REFUSED, SHUTDOWN, EXIT, CLOSED], "R6"),
        ([STARTED, INITIALIZE, CRASH], "R6"),
        ([*SHAKEN, CRASH, ENDED], "R6"),
        ([HANGS, STARTED, INITIALIZE, ("server", "closed")], "R6"),
        ([*SHAKEN, PUBLISHED, READY, CRASH], "R7"),
        ([*SHAKEN, PUBLISHED, READY, CLOSED, CRASH], "R7"),
        ([STARTED, HANGS, INITIALIZE], "R9"),
        ([*SHAKEN, CRASH, FAILED, HANGS, STARTED, INITIALIZE], "R9"),
        ([STARTED, INITIALIZE, ("server", "stall")], "R9"),
    ],
)
def test_what_the_client_may_still_tell(lines: list[Line], rule: str) -> None:
    """It is owed, and nobody knows yet whether it is wrong."""
    assert owed(*lines) == [rule]


def test_what_makes_ready_depends_on_the_policy() -> None:
    """Under initialized nothing but the handshake; under warmup-uri the document, by its name or the first one."""
    assert broken(*SHAKEN, READY, HOVER, policy="initialized") == []
    assert broken(*SHAKEN, SHUTDOWN, policy="initialized") == [("R5", "neither READY nor a failure is told")]
    assert broken(*SHAKEN, OPENED, PUBLISHED, READY, policy="warmup-uri") == []
    assert broken(*SHAKEN, OPENED, PUBLISHED, READY, policy="warmup-uri", uri="A.py") == []
    other = ("sent", "textDocument/publishDiagnostics", {"params": {"uri": "file:///b.py"}})
    no_proof: list[list[Line]] = [
        [OPENED, other],
        [ASKED, FOUND],
        [("sent", "textDocument/publishDiagnostics", {})],
    ]
    for lines in no_proof:
        rules = [rule for rule, _ in broken(*SHAKEN, OPENED, *lines, READY, policy="warmup-uri")]
        assert rules[-1] == "R2"
    assert broken(*SHAKEN, ASKED, policy="warmup-uri") == [("R3", "textDocument/definition before READY")]


def test_records_belong_to_the_server_that_they_name() -> None:
    """Otherwise to the one that was started last."""
    two = [
        ("server", "started", {"name": "ty"}),
        *SHAKEN[1:],
        ("server", "started", {"name": "pylsp"}),
        *SHAKEN[1:],
        PUBLISHED,
    ]

    assert broken(*two, READY) == []
    assert [rule for rule, _ in broken(*two, ("record", "lsp.ready", {"server": "ty"}))] == ["R2"]


def test_an_end_that_is_told_late_is_none_of_the_server_that_was_started_meanwhile() -> None:
    """It is of the one that crashed, or whose process it names."""
    late: Line = ("record", "lsp.exit", {"result.code": 1, "result.pid": 7})
    first: Line = ("server", "started", {"pid": 7})
    second: Line = ("server", "started", {"pid": 8})
    closed: list[Line] = [first, *SHAKEN[1:], PUBLISHED, READY, SHUTDOWN, GOODBYE, EXIT, ENDED]
    lines: list[list[Line]] = [
        [*SHAKEN, PUBLISHED, READY, CRASH, ENDED, *SHAKEN, FAILED, PUBLISHED, READY],
        [*closed, second, *SHAKEN[1:], late, PUBLISHED, READY],
    ]

    assert [(broken(*each), owed(*each)) for each in lines] == [([], []), ([], [])]


def test_the_end_of_one_server_is_not_that_of_another() -> None:
    """One that crashed in silence still owes its own, also where nothing names a server."""
    ty, ruff = (("server", "started", {"name": name}) for name in ("ty", "ruff"))
    both: list[Line] = [ty, *SHAKEN[1:], PUBLISHED, ("record", "lsp.ready", {"server": "ty"}), CRASH, ENDED]
    both += [ruff, *SHAKEN[1:], PUBLISHED, ("record", "lsp.ready", {"server": "ruff"}), CRASH, ENDED]
    end = {"result.code": 1}

    assert owed(*both, ("record", "lsp.exit", {"server": "ruff", **end})) == ["R7"]
    assert owed(*both, ("record", "lsp.exit", {"server": "ty", **end})) == ["R7"]
    assert owed(*both, ("record", "lsp.exit", end)) == ["R7"]
    assert owed(*both, ("record", "lsp.exit", end), ("record", "lsp.exit", end)) == []


def test_a_finding_names_the_rule_and_both_entries() -> None:
    """One for each rule, in the order of the transcript; programs find the numbers in the detail."""
    verdict = judge(STARTED, INITIALIZE, HOVER, READY, RESULT, INITIALIZED, HOVER, HOVER)

    found = findings_of(verdict.broken, LspReadyOrder.id)

    assert [finding.message for finding in found] == [
        f"R4: textDocument/hover before the InitializeResult ({RULES['R4']})",
        f"R2: READY before the InitializeResult ({RULES['R2']})",
    ]
    (example,) = found[0].examples
    assert example.text == "textDocument/hover (2), then the InitializeResult (4)"
    assert example.detail == {
        "rule": "R4",
        "reason": "textDocument/hover before the InitializeResult",
        "seq": [2, 4],
    }


def test_only_what_concerns_the_order_is_counted() -> None:
    """A transcript without it is nothing to judge."""
    assert judge(("gate", "hold a", {}), STARTED, ("record", "ast.parse", {})).judged == 0
    assert judge(STARTED, INITIALIZE, READY).judged == 2
