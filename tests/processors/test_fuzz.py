"""Whatever it is given, a processor neither fails nor changes it, and a second one has nothing left to do."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_telemetry.checks import Privacy
from pytest_telemetry.checks import RelativePaths as PathCheck
from pytest_telemetry.model.record import Record
from pytest_telemetry.processors import Redaction, RelativePaths, SizeLimits

if TYPE_CHECKING:
    from collections.abc import Callable

FRAGMENTS = (
    *(
        "/home/ada",
        "/work/p",
        "/tmp/x.py",
        "C:\\Users\\",
        "\\\\host\\share",
        "file:///",
        "/..",
        "//",
        "%2Fhome%2F",
        "c%3A%5C",
        "\\/home\\/ada",
        "\x1b[1m",
        "\\u001b[0m",
        "vscode://file",
        "n/",
        "\\",
    ),
    *(
        " ",
        ":",
        "=",
        "'",
        '"',
        "\n",
        ".",
        ",",
        "(",
        ")",
        "[",
        "]",
        "@",
        "-",
        "_",
        "%",
        "\\u0040",
        "%40",
        "\\n",
        "\0",
    ),
    *(
        "ada@example.com",
        "4111111111111111",
        "DE89370400440532013000",
        "123-45-6789",
        "8.8.8.8",
        "+4917112345678",
    ),
    *(
        "password",
        "token",
        "PGPASSWORD=b",
        "({",
        "})",
        "''",
        '\\\\\\"',
        "5551234567",
        "Bearer ",
        "Basic ",
        "Cookie: a=b",
        "://u:p@",
        "[REDACTED:x]",
        "[REDACTED:",
        "eyJ",
        "-----BEGIN",
    ),
    *(
        "YWRhQGV4YW1wbGUuY29t",
        "\ud800",
        "\u0130",
        "\u00df",
        "é",
        "a" * 40,
        "1" * 20,
        "_home_ada_p",
        "-I/usr/lib",
    ),
)
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=8).map("".join)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
        | st.frozensets(TEXTS, max_size=3)
    ),
    max_leaves=8,
)
RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
REDACTION, RELATIVE = Redaction(), RelativePaths("/work/p")
LIMITS = SizeLimits(max_text=40, max_items=2, max_depth=2, max_attrs=2)


@pytest.mark.parametrize(
    ("processor", "check"),
    [(REDACTION, Privacy()), (RELATIVE, PathCheck()), (LIMITS, None)],
    ids=["secrets", "paths", "limits"],
)
@RELAXED
@given(name=TEXTS, error=st.none() | TEXTS, value=VALUES, attrs=st.dictionaries(TEXTS, VALUES, max_size=3))
def test_any_record_is_processed_once_and_for_all(
    processor: Callable[[Record], Record],
    check: Any,
    name: str,
    error: str | None,
    value: Any,
    attrs: dict[str, Any],
) -> None:
    """It never raises, leaves its argument alone, and has nothing to do with its own outcome; nor has the check."""
    record = Record("event", name, name, 1, value=value, error=error, attrs=attrs)
    before = copy.deepcopy(record)

    after = processor(record)

    assert record == before
    assert processor(after) is after
    assert check is None or check([after]) == []


HOSTILE = (
    *(
        "a",
        "@",
        "a@",
        "a.",
        "a@b.",
        "%",
        "+",
        "1",
        "1 ",
        "1-",
        "+1",
        "(5",
        "4111 ",
        "DE89 ",
        "AB12",
        "1.1.1.",
        "::",
        "a:",
        "f::",
    ),
    *(
        "password",
        "password=",
        "password: ",
        'password="',
        "pw='",
        "pw=\\'",
        "pw=<",
        "cookie: ",
        "cookie:",
        "--token ",
        "token=x ",
    ),
    *(
        'pw="\\',
        "pw=b'",
        "pw='''",
        "pw=''",
        "pw=''a",
        'pw="" ',
        "pw=(",
        "pw=((",
        "pw=(a)",
        "(a)",
        "pw=(']",
        'pw=["',
        "pw: A(",
        "pw={",
        '"pw": {',
        "pw={'a':\"",
        "pw=[\\\\'",
        "pw=str()",
        "pw=$(",
    ),
    *(
        "Bearer ",
        "Basic ",
        "Bearer a",
        "://",
        "://a:",
        "://a:b",
        "eyJ",
        "eyJaaaaaaaa.",
        "sk-",
        "sk-a",
        "ghp_",
        "AKIA",
        "SG.",
        "key ",
    ),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "%41",
        "%e9",
        "\\",
        "\\u0041",
        '\\"',
        "[REDACTED:x]",
        "[REDACTED:",
        "\n",
        " ",
    ),
    *(
        "YWRh",
        "/a",
        " /a",
        " /a/b",
        "/a/b.c ",
        "GET /a/b.c ",
        "GET    ",
        "/home/A B",
        "/home/A B/",
        " /home/A B",
        "C:\\",
        "\\\\a",
    ),
    *(
        "C:\\A B\\",
        "file:/",
        "'/tmp/a ",
        '"/tmp/a b',
        " -I/usr/x",
        ":///tmp/x",
        "%2Fhome%2F",
        "a%3A%5C",
        "%5C%5C",
        "\x1b[",
        "\x1b[1m/home/a",
        "\\u001b[1",
        "\\/home",
        "\\/a\\/b.c ",
        "\\n/home/a",
        "://file/home/a",
        "_work_",
        "/work/p",
        "/work/p ",
        "/../",
    ),
)


@pytest.mark.parametrize("process", [REDACTION.redacted, RELATIVE.relative_text], ids=["secrets", "paths"])
def test_time_grows_with_the_length_of_a_text_and_no_faster(process: Callable[[str], str]) -> None:
    """Eight times the text takes about eight times as long, whatever is repeated in it; squared, it would be 64 times."""

    def cost(text: str) -> int:
        begin = time.thread_time_ns()
        process(text)
        return time.thread_time_ns() - begin

    def growth(unit: str) -> float:
        small, large = (unit * (size // len(unit) + 1) for size in (4_200, 33_600))
        return cost(large) / max(cost(small), 50_000)

    # What was disturbed is measured again.
    slow = [unit for unit in HOSTILE if growth(unit) > 24 and min(growth(unit) for _ in range(3)) > 24]

    assert slow == []
