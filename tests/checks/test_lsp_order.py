"""Nobody uses a language server before it is READY."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import FakeClock, TelemetryRecorder
from pytest_telemetry.checks import LspReadyOrder
from pytest_telemetry.model.lsp import role_of
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine, decode_object

if TYPE_CHECKING:
    from pytest_telemetry.model.finding import Finding

Line = tuple[str, dict[str, Any]]

SPAWN: Line = ("lsp.spawn", {"result": {"status": "ok"}})
INITIALIZE: Line = ("lsp.initialize", {"result": {"status": "ok"}})
DIAGNOSTICS: Line = ("lsp.diagnostics", {"x": {"uri": "file.py"}})
READY: Line = ("lsp.ready", {})
CHANGED: Line = ("lsp.state_change", {"result": {"status": "ready"}})
REQUEST: Line = ("lsp.request", {"args": {"method": "textDocument/hover"}})
NOTHING: Line = ("lsp.definition", {"result": {"status": "empty"}})
FOUND: Line = ("lsp.definition", {"result": {"status": "ok"}})
TIMED_OUT: Line = ("lsp.definition", {"result": {"status": "timeout"}})
TIMEOUT: Line = ("lsp.timeout", {})
EXIT: Line = ("lsp.exit", {})


def judge(*lines: Line, check: LspReadyOrder | None = None, run_id: str = "r") -> list[Finding]:
    """Judge lines of an older log."""
    judgement = (check or LspReadyOrder()).start()
    for number, (cmd, more) in enumerate(lines, 1):
        line = decode_object(
            {"cmd": cmd, "ts": "2026-01-01T00:00:00Z", "run_id": run_id, "timing_ms": 1, **more}, number
        )
        assert isinstance(line, LogLine)
        judgement.add(line.record, line)
    return judgement.findings()


def said(*lines: Line, **options: Any) -> list[str]:
    return [finding.message for finding in judge(*lines, **options)]


@pytest.mark.parametrize(
    "lines",
    [
        [SPAWN, INITIALIZE, DIAGNOSTICS, READY, REQUEST, EXIT],
        [SPAWN, CHANGED, REQUEST, REQUEST],
        [SPAWN, INITIALIZE, READY, REQUEST],
        [SPAWN, INITIALIZE, TIMED_OUT, FOUND, READY, REQUEST],
        [SPAWN, INITIALIZE, DIAGNOSTICS, TIMEOUT, READY, REQUEST],
        [SPAWN, INITIALIZE, TIMEOUT, DIAGNOSTICS, READY, REQUEST, TIMEOUT, REQUEST],
        [SPAWN, READY, REQUEST, EXIT, SPAWN, READY, REQUEST],
        [SPAWN, ("lsp.request", {"result": {"status": "not_ready"}}), READY],
        [SPAWN, READY, ("lsp.spawn", {"result": {"status": "failed"}}), REQUEST],
        [("lsp.fallback", {}), ("ast.parse", {}), ("lsp.test_zero", {})],
        [],
    ],
)
def test_the_right_order_has_no_finding(lines: list[Line]) -> None:
    """In the events of any generation, as far as they were recorded."""
    assert said(*lines) == []


def test_every_request_before_ready_is_named() -> None:
    """With its line, its run and what it asked."""
    (finding,) = judge(SPAWN, REQUEST, ("lsp.definition", {}), READY, REQUEST)

    assert (finding.count, finding.level) == (2, "error")
    assert finding.message == "2 of 3 LSP requests came before READY in their run"
    assert finding.by_command == {"lsp.definition": 1, "lsp.request": 1}
    assert [(example.line, example.text) for example in finding.examples] == [
        (2, "lsp.request textDocument/hover came before READY in run r"),
        (3, "lsp.definition came before READY in run r"),
    ]


@pytest.mark.parametrize(
    "method",
    [
        "initialized",
        "shutdown",
        "exit",
        "textDocument/didOpen",
        "workspace/didChangeConfiguration",
        "$/cancelRequest",
    ],
)
def test_what_is_no_question_needs_no_ready(method: str) -> None:
    """Notifications, the handshake and the farewell are sent before READY by every client."""
    assert said(SPAWN, ("lsp.request", {"method": method}), READY) == []


def test_the_handshake_counts_under_the_name_of_its_method() -> None:
    """A client that logs everything as a request did initialize; a failed one still makes no READY."""
    assert said(SPAWN, ("lsp.request", {"method": "initialize"}), READY, REQUEST) == []
    assert said(SPAWN, ("lsp.request", {"method": "initialize", "status": "error"}), READY) == [
        "READY although lsp.initialize failed"
    ]


def test_ready_of_one_run_is_not_ready_of_another() -> None:
    """Nor of another server of the same run, where records say which."""
    check = LspReadyOrder()
    judgement = check.start()
    for run_id, name, server in [
        ("r1", "lsp.ready", None),
        ("r2", "lsp.hover", None),
        ("r1", "lsp.hover", "pyright"),
        ("r1", "lsp.hover", None),
    ]:
        attrs = {} if server is None else {"server": server}
        judgement.add(Record("event", name, name, 1, attrs=attrs, run_id=run_id))

    assert [finding.count for finding in judgement.findings()] == [2]


@pytest.mark.parametrize(
    "death",
    [
        EXIT,
        ("lsp.crash", {}),
        ("lsp.state_change", {"result": {"status": "failed"}}),
        ("lsp.state_change", {"x": {"lsp_state": "CLOSED"}}),
        ("lsp.daemon_status", {"result": {"status": "shutdown_ttl"}}),
    ],
)
def test_ready_ends_with_the_server(death: Line) -> None:
    """A request to a dead server has no READY before it."""
    (finding,) = judge(SPAWN, READY, REQUEST, death, REQUEST)

    assert finding.count == 1
    assert finding.examples[0].text == "lsp.request textDocument/hover came after the server died in run r"


def test_a_restart_needs_a_new_ready() -> None:
    """Unless it is another server that is started beside the first."""
    pylsp: Line = ("lsp.spawn", {"args": {"executable": "pylsp"}})
    ruff: Line = ("lsp.spawn", {"args": {"executable": "ruff"}})

    assert [finding.count for finding in judge(SPAWN, READY, SPAWN, REQUEST)] == [1]
    assert [finding.count for finding in judge(pylsp, READY, pylsp, REQUEST)] == [1]
    assert judge(pylsp, READY, ruff, REQUEST) == []


def test_an_end_that_names_the_process_before_a_restart_is_that_of_the_former_server() -> None:
    """Where records name processes; the server that replaced it goes on."""
    first, second = (("lsp.spawn", {"result": {"status": "ok", "pid": pid}}) for pid in (1, 2))

    assert said(first, READY, second, READY, ("lsp.exit", {"result": {"pid": 1}}), REQUEST) == []
    assert said(first, READY, second, READY, ("lsp.exit", {"result": {"pid": 2}}), REQUEST) != []
    assert said(first, READY, first, READY, ("lsp.exit", {"result": {"pid": 1}}), REQUEST) != []


def test_definitions_may_find_out_whether_the_server_is_ready() -> None:
    """Up to the first success, after initialize, and under the default policy only."""
    probing = [SPAWN, INITIALIZE, TIMED_OUT, FOUND]

    assert judge(*probing, READY) == []
    assert [finding.count for finding in judge(*probing, FOUND, READY)] == [1]
    assert [finding.count for finding in judge(SPAWN, TIMED_OUT, READY)] == [1]
    assert [finding.count for finding in judge(*probing, READY, check=LspReadyOrder("initialized"))] == [2]
    hover = ("lsp.request", {"args": {"method": "textDocument/definition"}})
    assert judge(SPAWN, INITIALIZE, hover, READY) == []


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([SPAWN, INITIALIZE, TIMEOUT, READY], "READY by a time-out"),
        ([SPAWN, ("lsp.ready", {"x": {"ready_via": "timeout"}})], "READY by a time-out"),
        ([SPAWN, ("lsp.ready", {"x": {"ready_via": "timed_out"}})], "READY by a time-out"),
        ([SPAWN, ("lsp.ready", {"x": {"ready_via": "timed-out"}})], "READY by a time-out"),
        (
            [SPAWN, ("lsp.state_change", {"result": {"status": "ready"}, "x": {"reason": "timed out"}})],
            "READY by a time-out",
        ),
        ([SPAWN, READY, INITIALIZE], "READY before lsp.initialize"),
        ([INITIALIZE, SPAWN, READY], "lsp.initialize before lsp.spawn"),
        ([READY, SPAWN], "READY before lsp.spawn"),
        (
            [SPAWN, ("lsp.initialize", {"result": {"status": "error"}}), READY],
            "READY although lsp.initialize failed",
        ),
        ([SPAWN, INITIALIZE, READY, DIAGNOSTICS], "READY before diagnostics or a definition"),
        (
            [SPAWN, INITIALIZE, ("lsp.ready", {"x": {"ready_via": "diagnostics"}})],
            "READY before diagnostics or a definition",
        ),
    ],
)
def test_a_step_in_the_wrong_order_is_named(lines: list[Line], rule: str) -> None:
    """With the line on which it stands."""
    (finding,) = judge(*lines)

    assert (finding.message, finding.count, finding.level) == (rule, 1, "error")
    assert finding.examples[0].line is not None
    assert rule in finding.examples[0].text


def test_ready_is_declared_once_in_each_life() -> None:
    """Two servers beside each other have a READY each, and one may be told under two names."""
    pylsp: Line = ("lsp.spawn", {"args": {"executable": "pylsp"}})
    ruff: Line = ("lsp.spawn", {"args": {"executable": "ruff"}})

    assert said(SPAWN, READY, REQUEST, READY) == ["READY declared again"]
    assert said(pylsp, READY, ruff, READY, REQUEST) == []
    assert said(pylsp, READY, ruff, READY, READY) == ["READY declared again"]
    assert said(SPAWN, CHANGED, READY, REQUEST) == []
    assert said(READY, READY) == []  # nobody knows how many servers there are


def test_a_definition_that_is_not_there_does_not_end_the_search() -> None:
    """A client may ask on until one is found."""
    assert said(SPAWN, INITIALIZE, NOTHING, NOTHING, FOUND, READY) == []


def test_a_definition_that_is_not_there_is_no_evidence() -> None:
    """Neither for a READY that names a definition as its reason, nor for one that follows a time-out."""
    ready: Line = ("lsp.ready", {"x": {"ready_via": "definition"}})

    assert said(SPAWN, INITIALIZE, NOTHING, ready) == ["READY before diagnostics or a definition"]
    assert said(SPAWN, INITIALIZE, TIMEOUT, NOTHING, READY) == ["READY by a time-out"]
    assert said(SPAWN, INITIALIZE, NOTHING, READY) == []  # what the client has seen may not be recorded


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([SPAWN, READY, READY], "R1"),
        ([SPAWN, READY, INITIALIZE], "R2"),
        ([READY, SPAWN], "R2"),
        ([SPAWN, REQUEST], "R3"),
        ([SPAWN, READY, EXIT, REQUEST], "R7"),
        ([SPAWN, INITIALIZE, TIMEOUT, READY], "R8"),
    ],
)
def test_a_finding_has_the_id_of_its_rule(lines: list[Line], rule: str) -> None:
    """The one by which a transcript is judged as well."""
    (finding,) = judge(*lines)

    assert [example.detail["rule"] for example in finding.examples] == [rule]


def test_equal_mistakes_are_counted_together() -> None:
    """And mistakes of both kinds are two findings."""
    lines = [SPAWN, READY, INITIALIZE, EXIT] * 3

    assert said(*lines, REQUEST) == [
        "1 of 1 LSP request came before READY in their run",
        "READY before lsp.initialize, 3 times",
    ]


def test_policy_initialized_needs_the_handshake_only() -> None:
    """Diagnostics may come whenever they like, and so may time-outs."""
    check = LspReadyOrder("initialized")

    assert judge(SPAWN, INITIALIZE, TIMEOUT, READY, DIAGNOSTICS, REQUEST, check=check) == []
    assert said(SPAWN, READY, INITIALIZE, check=check) == ["READY before lsp.initialize"]


@pytest.mark.parametrize(
    ("lines", "rules"),
    [
        ([SPAWN, INITIALIZE, DIAGNOSTICS, READY], []),
        (
            [SPAWN, INITIALIZE, ("lsp.diagnostics", {"x": {"uri": "other.py"}}), READY],
            ["READY before diagnostics"],
        ),
        ([SPAWN, INITIALIZE, READY], ["READY before diagnostics"]),
        ([SPAWN, CHANGED], []),
        (
            [SPAWN, INITIALIZE, FOUND, DIAGNOSTICS, READY],
            ["1 of 1 LSP request came before READY in their run"],
        ),
    ],
)
def test_policy_warmup_uri_needs_diagnostics_for_the_document(lines: list[Line], rules: list[str]) -> None:
    """And lets nobody ask before."""
    assert said(*lines, check=LspReadyOrder("warmup-uri", warmup_uri="File.py")) == rules


def test_the_warmup_document_may_be_named_by_the_records() -> None:
    """Where neither names one, any document will do."""
    initialize: Line = ("lsp.initialize", {"x": {"warmup_uri": "other.py"}})
    check = LspReadyOrder("warmup-uri")

    assert said(SPAWN, initialize, DIAGNOSTICS, READY, check=check) == ["READY before diagnostics"]
    assert said(SPAWN, INITIALIZE, DIAGNOSTICS, READY, check=check) == []


def test_an_unknown_policy_is_refused() -> None:
    """By name."""
    with pytest.raises(
        ValueError, match="unknown policy 'hope': use one of diagnostics-or-definition, warmup-uri"
    ):
        LspReadyOrder("hope")  # type: ignore[arg-type]  # the mistake


# records of a recorder: spans, in the order of their starts, and the same as a sink gets them, in that of their ends


def both_orders(recorder: TelemetryRecorder) -> list[list[str]]:
    started = list(recorder.records())
    ended = sorted(started, key=lambda record: record.seq or 0)
    return [[finding.message for finding in LspReadyOrder()(records)] for records in (started, ended)]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def recorder(clock: FakeClock) -> TelemetryRecorder:
    return TelemetryRecorder(clock=clock)


def test_spans_that_enclose_each_other_are_in_order(recorder: TelemetryRecorder, clock: FakeClock) -> None:
    """READY is declared inside the definition that made it so, and initialize runs inside spawn."""
    tele = recorder.context
    with tele("start"):
        with tele("lsp.spawn"):
            clock.advance(0.1)
            with tele("lsp.initialize"):
                clock.advance(0.1)
        with tele("lsp.definition"):
            clock.advance(0.1)
            tele.event("lsp.ready", ready_via="definition")
            clock.advance(0.1)
        tele.event("lsp.diagnostics", uri="a.py")
        with tele("lsp.hover"):
            clock.advance(0.1)

    assert both_orders(recorder) == [[], []]


def test_ready_inside_initialize_is_in_order(recorder: TelemetryRecorder) -> None:
    """Also where no time passes in between."""
    tele = recorder.context
    tele.event("lsp.spawn")
    with tele("lsp.initialize"):
        tele.event("lsp.ready")

    assert both_orders(recorder) == [[], []]


@pytest.mark.parametrize("pause", [0, 0.1])
def test_a_request_that_began_before_ready_is_found_although_it_ended_after(
    recorder: TelemetryRecorder, clock: FakeClock, pause: float
) -> None:
    """A log holds the request behind READY."""
    tele = recorder.context
    tele.event("lsp.spawn")
    with tele("lsp.hover"):
        clock.advance(pause)
        tele.event("lsp.ready")

    assert both_orders(recorder) == [["1 of 1 LSP request came before READY in their run"]] * 2


def test_a_request_that_outlives_its_server_was_in_order(
    recorder: TelemetryRecorder, clock: FakeClock
) -> None:
    """It began while the server was READY; one that begins afterwards was not."""
    tele = recorder.context
    tele.event("lsp.spawn")
    tele.event("lsp.ready")
    clock.advance(1)
    with tele("lsp.hover"):
        clock.advance(1)
        tele.event("lsp.exit")
    assert both_orders(recorder) == [[], []]

    clock.advance(1)
    with tele("lsp.hover"):
        clock.advance(1)

    assert both_orders(recorder) == [["1 of 2 LSP requests came before READY in their run"]] * 2


def test_two_definitions_under_way_may_both_find_out(recorder: TelemetryRecorder, clock: FakeClock) -> None:
    """The second began before the first had succeeded."""
    times = [
        ("lsp.spawn", 0, 1),
        ("lsp.initialize", 1, 1),
        ("lsp.definition", 3, 3),
        ("lsp.definition", 4, 3),
    ]
    records = [
        Record("span", name, name, start, duration, run_id="r", span_id=str(start))
        for name, start, duration in times
    ]
    records.append(Record("event", "lsp.ready", "lsp.ready", 8, run_id="r"))

    assert LspReadyOrder()(records) == []


@pytest.mark.parametrize(
    ("name", "attrs", "role"),
    [
        ("lsp.textDocument_hover", {}, "request"),
        ("lsp.workspace_symbol", {}, "request"),
        ("lsp.state_change", {"state": "Ready"}, "ready"),
        ("lsp.state_change", {"state": "warming"}, None),
        ("lsp.daemon_status", {"result.status": "ok"}, None),
        ("lsp.did_open", {}, None),
        ("ast.ready", {}, None),
    ],
)
def test_the_part_of_a_record_is_known_by_its_name(
    name: str, attrs: dict[str, Any], role: str | None
) -> None:
    """And by the state it names."""
    assert role_of(Record("event", name, name, 1, attrs=attrs)) == role


def test_a_server_that_is_let_go_is_judged_by_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log may name any number of runs; those that were seen first are let go."""
    monkeypatch.setattr("pytest_telemetry.checks.lsp_order._MOST", 2)
    judgement = LspReadyOrder().start()
    lines = [("r1", line) for line in (SPAWN, INITIALIZE, TIMEOUT, READY)]

    for number, (run_id, (cmd, more)) in enumerate(
        [*lines, ("r2", SPAWN), ("r3", SPAWN), ("r1", REQUEST)], 1
    ):
        line = decode_object({"cmd": cmd, "run_id": run_id, **more}, number)
        assert isinstance(line, LogLine)
        judgement.add(line.record, line)

    assert sorted(finding.message for finding in judgement.findings()) == [
        "1 of 1 LSP request came before READY in their run",
        "READY by a time-out",
    ]
