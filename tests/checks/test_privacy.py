"""No record holds a secret or personal data, and no finding shows one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_telemetry.checks import Privacy
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.wire import LogLine, decode_line, decode_object, encode

MAIL = "ada.lovelace@example.com"


def record(**changes: Any) -> Record:
    return Record(**{"kind": "event", "name": "a", "scope": "a", "time_ns": 1, "run_id": "r", **changes})


def fields(*records: Record, **options: Any) -> dict[str, int]:
    findings = Privacy(**options)(records)
    return dict(findings[0].by_field) if findings else {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": f"login {MAIL}"}, "name"),
        ({"scope": MAIL}, "scope"),
        ({"error": f"LookupError: {MAIL}"}, "error"),
        ({"run_id": MAIL}, "run_id"),
        ({"thread": MAIL}, "thread"),
        ({"kind": "metric", "value": [MAIL]}, "value"),
        ({"attrs": {"user": {"mail": (MAIL,)}}}, "user.mail"),
        ({"attrs": {"x": MAIL.encode()}}, "x"),
        ({"attrs": {"x": ValueError(MAIL)}}, "x"),
        ({"attrs": {MAIL: 1}}, "*"),
        ({"attrs": {"users": {MAIL: 1}}}, "users.*"),
        ({"attrs": {"db": {"password": 1234}}}, "db.password"),
    ],
)
def test_a_secret_is_found_wherever_it_stands(changes: dict[str, Any], field: str) -> None:
    """Fields, values, keys, bytes, objects that a log keeps as text; nested."""
    assert fields(record(**changes)) == {field: 1}


def test_a_finding_says_where_and_by_which_rule_and_never_what() -> None:
    """Two characters and the length, and of a short one not even those; in the name of the record a mark."""
    pin = "12345"
    records = [
        record(name=f"login {MAIL}", attrs={"user": MAIL}),
        record(attrs={"pin": pin, MAIL: {"note": MAIL}}),
        record(),
    ]

    (finding,) = Privacy()(records)

    assert finding.message == (
        "secrets or personal data in 2 of 3 events (email 2, secret 1): redact before any sink, or do not record them"
    )
    assert (finding.check, finding.count, finding.level) == ("no-secrets", 2, "error")
    assert {example.text for example in finding.examples} == {
        "login [REDACTED:email]: name holds email: 'ad'..., 24 characters",
        "login [REDACTED:email]: user holds email: 'ad'..., 24 characters",
        "a: pin holds secret: 5 characters",
        "a: * holds email: 'ad'..., 24 characters",
        "a: *.note holds email: 'ad'..., 24 characters",
    }
    assert not re.search("lovelace|12345", repr(finding))
    assert finding.examples[0].detail == {"field": "name", "rule": "email"}


def test_a_value_that_is_no_text_is_named_by_its_type() -> None:
    """Nothing of it is shown."""
    (finding,) = Privacy()([record(attrs={"password": {"old": "hunter22", "new": "hunter23"}})])

    assert finding.examples[0].text == "a: password holds secret: a value of type dict"


def test_clean_and_redacted_records_pass() -> None:
    """Marks, masks and counts are no secrets."""
    attrs = {"password": "[REDACTED:secret]", "token": "***", "user": "[REDACTED:email]", "input_tokens": 7}

    assert fields(record(attrs=attrs)) == {}


def test_what_is_let_pass_is_the_users_decision() -> None:
    """By text, by expression, by key; rules are added, and addresses of private networks on demand."""
    login = record(attrs={"user": MAIL})

    assert fields(login, allow=[MAIL]) == fields(login, allow_keys=["user"]) == {}
    assert fields(login, allow=[re.compile(".*@example[.]com")]) == {}
    assert fields(record(attrs={"x": "EMP-0042"}), rules={"employee": r"EMP-\d+"}) == {"x": 1}
    assert fields(record(attrs={"x": "10.0.0.1"})) == {}
    assert fields(record(attrs={"x": "10.0.0.1"}), private_addresses=True) == {"x": 1}


def test_an_older_line_is_reported_by_its_own_fields_and_ours_like_memory() -> None:
    """``args.user`` there, ``user`` here."""
    older = decode_object({"cmd": "a", "args": {"user": MAIL}, "x": {"token": "t0"}, "note": MAIL}, 1)
    ours = decode_line(encode(record(attrs={"user": MAIL})), 2)
    judgement = Privacy().start()

    for line in (older, ours):
        assert isinstance(line, LogLine)
        judgement.add(line.record, line)

    (finding,) = judgement.findings()
    assert finding.by_field == {"args.user": 1, "note": 1, "user": 1, "x.token": 1}
    assert [example.line for example in finding.examples] == [1, 1, 1, 2]


def test_it_can_be_used_again() -> None:
    """Judgements are independent of each other."""
    check = Privacy()

    assert [len(check([record(name=MAIL)])), len(check([record()])), len(check([record(name=MAIL)]))] == [
        1,
        0,
        1,
    ]
