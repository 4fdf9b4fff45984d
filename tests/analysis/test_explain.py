"""The text for every comparison that can fail."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from pytest_telemetry.analysis.explain import explain
from pytest_telemetry.model.pattern import One, Pattern, event, log, metric, only, span
from pytest_telemetry.model.record import Record
from pytest_telemetry.model.recording import Recording
from pytest_telemetry.model.records import Records
from pytest_telemetry.model.values import between

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Records]


class Like10:
    """Looks like 10 and is something else."""

    def __repr__(self) -> str:
        return "10"


WORDS: dict[str, Any] = {
    "span": span,
    "event": event,
    "log": log,
    "metric": metric,
    "only": only,
    "between": between,
    "approx": approx,
    "re": re,
    "Like10": Like10,
    "ValueError": ValueError,
}


@pytest.fixture(scope="module")
def recordings(recorded: Make) -> dict[str, Any]:
    """The recordings that the comparisons below name."""
    rec = recorded(
        span(
            "etl",
            span("load", span("parse", rows=10), log.warning("slow disk", ms=512), path="a.csv"),
            span("db.query", attempt=0),
            span("db.query", attempt=1),
            span("db.query", attempt=2),
            span("write", rows=10),
        ),
        span("fails", status="error", error="KeyError"),
        span("login", user="***"),
        span("open", duration=None),
        span("long", text="x" * 100 + "a"),
        metric("rows.read", 10, format="csv"),
        metric("rows.read", 3, format="json"),
        metric("depth", 3),
        event("hit", key="a"),
    )
    next(record for record in rec if record.name == "depth").instrument = "gauge"
    login, opened = rec.find(span("login") | span("open"))
    noise, foreign = recorded(log.debug("noise"), span("foreign"))
    info = Recording(
        filtered=[(noise, "levels")],
        calls={id(login): recorded(span("login", user="bob"))[0]},
        open_origins={str(opened.span_id): "etl.py:12"},
        elsewhere=[(foreign, "test_earlier")],
    )
    series = recorded(*(metric("m", n, n=n) for n in range(8)), metric("h", 1.0), metric("h", 3.0))
    for record in series.named("metric", "h"):
        record.instrument = "histogram"
    return {
        "rec": Records(rec, info=info),
        "small": recorded(
            span(
                "etl", span("load", span("parse", rows=10)), *(span("db.query", attempt=n) for n in range(3))
            )
        ),
        "only_spans": recorded(span("a"), span("b")),
        "many": recorded(span("a", span("x")), *(span("b", n=2) for _ in range(12))),
        "truncated": recorded(span("a"), info=Recording(dropped=1200)),
        "series": series,
        "empty": Records((), info=Recording(silence=lambda: "the code holds a disabled Context")),
        **WORDS,
    }


COMPARISONS = [
    (
        "wrong value",
        'span("load", path="b.csv")',
        "in",
        "rec",
        r"""
path is 'a.csv', expected 'b.csv' in span('load')
closest of 16 records: load path='a.csv'  (in etl)
  path: expected 'b.csv', got 'a.csv'
""",
    ),
    (
        "wrong values",
        'span("load", path="b.csv", rows=1)',
        "in",
        "rec",
        r"""
path is 'a.csv', expected 'b.csv' in span('load'); 1 more difference
closest of 16 records: load path='a.csv'  (in etl)
  path: expected 'b.csv', got 'a.csv'
  rows: expected 1, but it is absent
""",
    ),
    (
        "wrong value of several",
        'span("db.query", attempt=7)',
        "in",
        "rec",
        r"""
attempt is 0, expected 7 in span('db.query')
closest of 16 records: db.query attempt=0  (in etl)
  attempt: expected 7, got 0
also: db.query attempt=1  (in etl)
also: db.query attempt=2  (in etl)
""",
    ),
    (
        "attribute absent",
        'span("load", encoding="utf-8")',
        "in",
        "rec",
        r"""
encoding is absent, expected 'utf-8' in span('load')
closest of 16 records: load path='a.csv'  (in etl)
  encoding: expected 'utf-8', but it is absent
""",
    ),
    (
        "attribute misspelt",
        'span("load", pth="a.csv")',
        "in",
        "rec",
        r"""
pth is absent, expected 'a.csv' in span('load'); similar: path
closest of 16 records: load path='a.csv'  (in etl)
  pth: expected 'a.csv', but it is absent; similar: path
""",
    ),
    (
        "attributes not exact",
        'span("load", only())',
        "in",
        "rec",
        r"""
it also has path, expected no others in span('load')
closest of 16 records: load path='a.csv'  (in etl)
  attributes: expected no others, but it also has path
""",
    ),
    (
        "wrong type",
        'span("write", rows="10")',
        "in",
        "rec",
        r"""
rows is 10, expected '10' in span('write')
closest of 16 records: write rows=10  (in etl)
  rows: expected '10', got 10
""",
    ),
    (
        "same words, other type",
        'span("write", rows=Like10())',
        "in",
        "rec",
        r"""
rows is 10 (int), expected 10 (Like10) in span('write')
closest of 16 records: write rows=10  (in etl)
  rows: expected 10 (Like10), got 10 (int)
""",
    ),
    (
        "long values",
        'span("long", text="x" * 100 + "b")',
        "in",
        "rec",
        r"""
text is ...xxxxxxxxxxxxxxxxxa', expected ...xxxxxxxxxxxxxxxxxb' in span('long')
closest of 16 records: long text='xxxxxxxxxxxxxxxxxxxxxxxxxx...  (at the
    top level)
  text: expected ...xxxxxxxxxxxxxxxxxb', got ...xxxxxxxxxxxxxxxxxa'
""",
    ),
    (
        "matcher",
        'span("load", duration=approx(1.0))',
        "in",
        "rec",
        r"""
duration is 1.5, expected 1.0 ± 1.0e-06 in span('load')
closest of 16 records: load path='a.csv'  (in etl)
  duration: expected 1.0 ± 1.0e-06, got 1.5
""",
    ),
    (
        "wrong duration",
        'span("load", duration=1.0)',
        "in",
        "rec",
        r"""
duration is 1.5, expected 1.0 in span('load')
closest of 16 records: load path='a.csv'  (in etl)
  duration: expected 1.0, got 1.5
""",
    ),
    (
        "wrong status",
        'span("load", status="error")',
        "in",
        "rec",
        r"""
status is 'unset', expected 'error' in span('load')
closest of 16 records: load path='a.csv'  (in etl)
  status: expected 'error', got 'unset'
""",
    ),
    (
        "wrong status with error",
        'span("fails", status="ok")',
        "in",
        "rec",
        r"""
status is 'error' (KeyError), expected 'ok' in span('fails')
closest of 16 records: fails error=KeyError  (at the top level)
  status: expected 'ok', got 'error' (KeyError)
""",
    ),
    (
        "wrong error",
        'span("fails", error=ValueError)',
        "in",
        "rec",
        r"""
error is 'KeyError', expected ValueError in span('fails')
closest of 16 records: fails error=KeyError  (at the top level)
  error: expected ValueError, got 'KeyError'
""",
    ),
    (
        "wrong level",
        'log.error("slow *")',
        "in",
        "rec",
        r"""
level is 'warning', expected 'error' in log.error('slow *')
closest of 16 records: warning: slow disk ms=512  (in etl/load)
  level: expected 'error', got 'warning'
""",
    ),
    (
        "wrong thread",
        'span("load", thread="worker")',
        "in",
        "rec",
        r"""
thread is None, expected 'worker' in span('load')
closest of 16 records: load path='a.csv'  (in etl)
  thread: expected 'worker', got None
""",
    ),
    (
        "misspelt",
        'span("laod")',
        "in",
        "rec",
        r"""
span('laod') not found: similar: load
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "misspelt glob",
        'span("db.qurey*")',
        "in",
        "rec",
        r"""
span('db.qurey*') not found: similar: db.query
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "unknown name",
        'span("nothing.like.it")',
        "in",
        "rec",
        r"""
span('nothing.like.it') not found: no span of that name
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "unknown expression",
        'span(re.compile("^x"))',
        "in",
        "rec",
        r"""
span(re.compile('^x')) not found: no span of that name
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "other kind",
        'event("load")',
        "in",
        "rec",
        r"""
event('load') not found: recorded as span, not as event
recorded: load path='a.csv'  (in etl)
""",
    ),
    (
        "no such kind",
        'event("x")',
        "in",
        "only_spans",
        r"""
event('x') not found: no event at all, but 2 spans
recorded: a, b
""",
    ),
    (
        "wrong parent",
        'log.warning("slow *")',
        "in",
        'rec["etl/write"]',
        r"""
log.warning('slow *') not found: recorded in etl/load, not inside 'etl/write'
it was recorded elsewhere: warning: slow disk ms=512
  in etl/load
""",
    ),
    (
        "wrong parent twice",
        'span("parse")',
        "in",
        'rec["fails"]',
        r"""
span('parse') not found: recorded in etl/load, not inside 'fails'
it was recorded elsewhere: parse rows=10
  in etl/load
""",
    ),
    (
        "nothing inside",
        'log.warning("x")',
        "in",
        'rec["etl/write"]',
        r"""
log.warning('x') not found: nothing was recorded inside 'etl/write'
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "outside the view",
        'span("load")',
        "in",
        'rec.view("*write")',
        r"""
span('load') not found: recorded in etl, not in the view of scope '*write'
it was recorded elsewhere: load path='a.csv'
  in etl, scope 'etl.load', source 'api', thread None
""",
    ),
    (
        "still open",
        'span("open", duration=1.0)',
        "in",
        "rec",
        r"""
still open, opened at etl.py:12, expected duration 1.0 in span('open')
closest of 16 records: open (still open)  (at the top level)
  duration: expected 1.0, but it is still open, opened at etl.py:12
""",
    ),
    (
        "still open, status",
        'span("open", status="ok")',
        "in",
        "rec",
        r"""
still open, opened at etl.py:12, expected status 'ok' in span('open')
closest of 16 records: open (still open)  (at the top level)
  status: expected 'ok', but it is still open, opened at etl.py:12
""",
    ),
    (
        "filtered",
        'log.debug("noise")',
        "in",
        "rec",
        r"""
log.debug('noise') not found: dropped by processor levels
the code recorded it: debug: noise
to see what the code passed, ask with stage="call"
""",
    ),
    (
        "changed",
        'span("login", user="bob")',
        "in",
        "rec",
        r"""
span('login', user='bob') not found: a processor changed it
the code passed: login user='bob'
processors made of it: login user='***'
to see what the code passed, ask with stage="call"
""",
    ),
    (
        "changed, other value",
        'span("login", user="eve", stage="call")',
        "in",
        "rec",
        r"""
user is 'bob', expected 'eve' in span('login')
closest of 16 records: login user='***'  (at the top level)
  user: expected 'eve', got 'bob'
""",
    ),
    (
        "another test",
        'span("foreign")',
        "in",
        "rec",
        r"""
span('foreign') not found: recorded by test_earlier
it belongs to test_earlier: foreign
""",
    ),
    (
        "truncated",
        'span("gone")',
        "in",
        "truncated",
        r"""
span('gone') not found: no span of that name
recorded: a
incomplete: 1,200 records did not fit into the recording
""",
    ),
    (
        "found after all",
        'span("db.query")',
        "not in",
        "rec",
        r"""
span('db.query') was recorded 3 times, expected nowhere
db.query attempt=0  (in etl)
db.query attempt=1  (in etl)
db.query attempt=2  (in etl)
""",
    ),
    (
        "found once",
        'span("load", path="a.csv")',
        "not in",
        "rec",
        r"""
span('load', path='a.csv') was recorded, expected nowhere
load path='a.csv'  (in etl)
""",
    ),
    (
        "found often",
        'span("*")',
        "not in",
        "rec",
        r"""
span('*') was recorded 11 times, expected nowhere
etl  (at the top level)
load path='a.csv'  (in etl)
parse rows=10  (in etl/load)
db.query attempt=0  (in etl)
db.query attempt=1  (in etl)
... 6 more
""",
    ),
    (
        "absent fails",
        '~span("load")',
        "in",
        "rec",
        r"""
span('load') was recorded, expected nowhere
load path='a.csv'  (in etl)
""",
    ),
    (
        "sequence found",
        'span("load") >> span("write")',
        "not in",
        "rec",
        r"""
span('load') >> span('write') is in the recording, expected nowhere
load path='a.csv'  (in etl)
write rows=10  (in etl)
""",
    ),
    (
        "wrong count",
        'span("db.query") * 2',
        "in",
        "rec",
        r"""
3 x span('db.query') recorded, expected 2
db.query attempt=0  (in etl)
db.query attempt=1  (in etl)
db.query attempt=2  (in etl)
""",
    ),
    (
        "count out of range",
        'span("db.query") * between(4, 9)',
        "in",
        "rec",
        r"""
3 x span('db.query') recorded, expected 4 to 9
db.query attempt=0  (in etl)
db.query attempt=1  (in etl)
db.query attempt=2  (in etl)
""",
    ),
    (
        "count too low",
        'span("db.query") * between(4)',
        "in",
        "rec",
        r"""
3 x span('db.query') recorded, expected at least 4
db.query attempt=0  (in etl)
db.query attempt=1  (in etl)
db.query attempt=2  (in etl)
""",
    ),
    (
        "count of nothing",
        'span("db.qurey") * 2',
        "in",
        "rec",
        r"""
span('db.qurey') not found: similar: db.query
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "wrong order",
        'span("write") >> span("load")',
        "in",
        "rec",
        r"""
span('load') was recorded, but not after span('write')
recorded in this order: etl/load, etl/write
""",
    ),
    (
        "sequence lacks",
        'span("load") >> span("lod")',
        "in",
        "rec",
        r"""
span('lod') not found: similar: load
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "either",
        'span("x") | span("load", path="q")',
        "in",
        "rec",
        r"""
neither span('x') nor span('load', path='q') found
span('x') not found: no span of that name
path is 'a.csv', expected 'q' in span('load')
""",
    ),
    (
        "both lack one",
        'span("load") & span("x")',
        "in",
        "rec",
        r"""
span('x') not found: no span of that name
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "both want one record",
        'span("load") & span("load", path="a.csv")',
        "in",
        "rec",
        r"""
2 patterns share 1 record: each needs one of its own
load path='a.csv'  (in etl)
""",
    ),
    (
        "children: count",
        'span("etl", span("db.query") * 2, span("load"), span("write"))',
        "in",
        "rec",
        r"""
span('etl') has 3 x db.query, expected 2
  etl
    ... 4 as expected
+   db.query attempt=2  not expected
    ... 1 as expected
""",
    ),
    (
        "children: moved",
        'span("etl", span("fails"), ...)',
        "in",
        "rec",
        r"""
fails is at the top level, expected in etl
  etl
    ... 6 as expected
-   fails  missing here; found at the top level
""",
    ),
    (
        "children: lacks",
        'span("etl", span("wriet"), ...)',
        "in",
        "rec",
        r"""
span('etl') lacks wriet
  etl
    ... 6 as expected
-   wriet  missing, similar: write
""",
    ),
    (
        "children: value",
        'span("etl", span("load", span("parse", rows=12), ...), ...)',
        "in",
        "rec",
        r"""
etl/load/parse: rows is 10, expected 12
  etl
    load
!     parse  rows: expected 12, got 10
    ... 4 as expected
""",
    ),
    (
        "children: forbidden",
        'span("etl", ~span("db.query", attempt=2), ...)',
        "in",
        "rec",
        r"""
span('etl') has db.query, which must not be there
  etl
    ... 4 as expected
+   db.query attempt=2  must not be there
    ... 1 as expected
""",
    ),
    (
        "children: forbidden sequence",
        'span("etl", ~(span("load") >> span("write")), ...)',
        "in",
        "rec",
        r"""
span('etl') has span('load') >> span('write'), which must not be there
  ... 7 as expected
""",
    ),
    (
        "children: order",
        'span("etl", span("write") >> span("load"), ...)',
        "in",
        "rec",
        r"""
span('etl'): load comes before write, expected after it
  etl
!   load  before write, expected after it
    ... 4 as expected
""",
    ),
    (
        "children: of several",
        'span("db.query", span("x"))',
        "in",
        "rec",
        r"""
span('db.query') lacks x
closest of 3 records that match span('db.query'):
  db.query
-   x       missing
""",
    ),
    (
        "tree: value",
        "small",
        "==",
        '[span("etl", span("load", span("parse", rows=12)), span("db.query") * 3)]',
        r"""
etl/load/parse: rows is 10, expected 12
  etl
    load
!     parse  rows: expected 12, got 10
    ... 3 as expected
""",
    ),
    (
        "tree: moved",
        "small",
        "==",
        '[span("etl", span("load"), span("parse"), span("db.query") * 3)]',
        r"""
parse is in etl/load, expected in etl
  etl
    load
+     parse rows=10  moved
    ... 3 as expected
-   parse            missing here; found in etl/load
""",
    ),
    (
        "in: too few of a name that others have",
        'span("etl", span("db.query", attempt=1) * 2, ...)',
        "in",
        "small",
        r"""
span('etl') has 1 x db.query attempt=1, expected 2
  etl
    ... 2 as expected
!   db.query  attempt: expected 1, got 0
    ... 2 as expected
""",
    ),
    (
        "in: too many of a name that others have",
        'span("etl", span("db.query", attempt=between(1)) * 1, ...)',
        "in",
        "small",
        r"""
span('etl') has 2 x db.query attempt=between(1, None), expected 1
  etl
    ... 4 as expected
+   db.query attempt=2  not expected
""",
    ),
    (
        "in: none of a name that others have",
        'span("etl", span("db.query", attempt=7) * 2, ...)',
        "in",
        "small",
        r"""
etl/db.query: attempt is 0, expected 7; 1 more difference
  etl
    ... 2 as expected
!   db.query  attempt: expected 7, got 0
!   db.query  attempt: expected 7, got 1
    ... 1 as expected
""",
    ),
    (
        "in: too few, by what is inside",
        'span("etl", (span("load", span("parse")) | span("db.query", attempt=1)) * 3, ...)',
        "in",
        "small",
        r"""
span('etl') has 2 x load with what was expected inside or db.query attempt=1, expected 3
  etl
    ... 2 as expected
!   db.query  attempt: expected 1, got 0
    ... 2 as expected
""",
    ),
    (
        "sequence: like records",
        'span("db.query", attempt=2) >> span("db.query", attempt=1)',
        "in",
        "small",
        r"""
span('db.query', attempt=1) was recorded, but not after span('db.query', attempt=2)
recorded in this order:
  db.query attempt=1  (in etl)
  db.query attempt=2  (in etl)
""",
    ),
    (
        "glob for a number",
        'span("db.query", attempt="1*")',
        "in",
        "small",
        r"""
attempt is 0, expected '1*' in span('db.query'); a glob fits text only
closest of 6 records: db.query attempt=0  (in etl)
  attempt: expected '1*', got 0; a glob fits text only
also: db.query attempt=1  (in etl)
also: db.query attempt=2  (in etl)
""",
    ),
    (
        "tree: count",
        "small",
        "==",
        '[span("etl", span("load", ...), span("db.query") * 2)]',
        r"""
span('etl') has 3 x db.query, expected 2
  etl
    ... 4 as expected
+   db.query attempt=2  not expected
""",
    ),
    (
        "tree: count in range",
        "small",
        "==",
        '[span("etl", span("load", ...), span("db.query") * between(4))]',
        r"""
span('etl') has 3 x db.query, expected at least 4
  etl
    ... 5 as expected
-   db.query  missing
""",
    ),
    (
        "tree: too few",
        "small",
        "==",
        '[span("etl", span("load", ...), span("db.query") * 4)]',
        r"""
span('etl') has 3 x db.query, expected 4
  etl
    ... 5 as expected
-   db.query  missing
""",
    ),
    (
        "tree: one of two",
        "small",
        "==",
        '[span("etl", span("load", ...), span("db.query") * 3), span("etl", ...)]',
        r"""
the recording has 1 x etl, expected 2
  ... 6 as expected
- etl  missing
""",
    ),
    (
        "tree: not closed",
        "small",
        "==",
        '[span("etl", span("load"), ...)]',
        r"""
span('load') has parse, not expected
  etl
    load
+     parse rows=10  not expected
    ... 3 as expected
""",
    ),
    (
        "tree: other name",
        "small",
        "==",
        '[span("elt", ...)]',
        r"""
the recording lacks elt; 1 more difference
+ etl  not expected
- elt  missing, similar: etl
""",
    ),
    (
        "tree: order",
        "small",
        "==",
        '[span("etl", span("db.query") * 3 >> span("load", ...))]',
        r"""
span('etl'): load comes before db.query, expected after it
  etl
!   load  before db.query, expected after it
    ... 3 as expected
""",
    ),
    (
        "tree: alternatives",
        "small",
        "==",
        '[span("etl", (span("load", ...) >> span("x")) | span("y"), span("db.query") * 3)]',
        r"""
span('etl') lacks x
  etl
    ... 5 as expected
-   x  missing
""",
    ),
    (
        "tree: forbidden",
        "small",
        "==",
        '[span("etl", ...), ~log("*"), ~span("etl")]',
        r"""
the recording has etl, which must not be there
+ etl  must not be there
""",
    ),
    (
        "tree: forbidden log",
        "rec",
        "==",
        '[span("*", ...), ~metric("depth"), ...]',
        r"""
the recording has metric: depth = 3, which must not be there
  ... 11 as expected
+ metric: depth = 3  must not be there
""",
    ),
    (
        "tree: renamed attribute",
        'rec["etl/load"]',
        "==",
        '[span("parse", row=10), log.error("slow *")]',
        r"""
parse: row is absent, expected 10; similar: rows; 1 more difference
! parse               row: expected 10, but it is absent; similar: rows
! warning: slow disk  level: expected 'error', got 'warning'
""",
    ),
    (
        "tree: surplus",
        "small",
        "==",
        '[span("etl", span("load", ...))]',
        r"""
span('etl') has 3 x db.query, not expected
  etl
    ... 2 as expected
+   db.query attempt=0  not expected
+   db.query attempt=1  not expected
+   db.query attempt=2  not expected
""",
    ),
    (
        "tree: lacks two",
        "small",
        "==",
        '[span("etl", span("x") * 2, ...)]',
        r"""
span('etl') lacks 2 x x
  etl
    ... 5 as expected
-   x x2  missing
""",
    ),
    (
        "tree: filtered",
        "rec",
        "==",
        '[log.debug("noise"), log("slow *")]',
        r"""
the recording lacks debug: noise
  ... 1 as expected
- debug: noise  missing, dropped by processor levels
""",
    ),
    (
        "tree: another test",
        'rec["fails"]',
        "==",
        '[span("foreign")]',
        r"""
nothing was recorded inside 'fails', expected [span('foreign')]
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "tree: glob overlaps",
        "small",
        "==",
        '[span("etl", span("load", ...), span("db.query", attempt=0) * 1, span("db.*") * 3)]',
        r"""
span('etl') lacks db.*
  etl
    ... 5 as expected
-   db.*  missing
""",
    ),
    (
        "tree: choice",
        "small",
        "==",
        '[span("etl", span("load", ...), (span("db.query", attempt=9) | span("db.query", attempt=8, x=1)) * 3)]',
        r"""
etl/db.query: attempt is 0, expected 9; 2 more differences
  etl
    ... 2 as expected
!   db.query  attempt: expected 9, got 0
!   db.query  attempt: expected 9, got 1
!   db.query  attempt: expected 9, got 2
""",
    ),
    (
        "tree: many",
        "many",
        "==",
        '[span("a"), span("b", n=1) * 12]',
        r"""
span('a') has x, not expected; 12 more differences
+ a/x  not expected
! b  n: expected 1, got 2
! b  n: expected 1, got 2
! b  n: expected 1, got 2
! b  n: expected 1, got 2
! b  n: expected 1, got 2
  ... 7 more differences
""",
    ),
    (
        "tree: only events",
        "rec",
        "==",
        '[event("hit", key="b")]',
        r"""
hit: key is 'a', expected 'b'
! event: hit  key: expected 'b', got 'a'
""",
    ),
    (
        "tree: of a view",
        'rec["etl/load"]',
        "==",
        '[span("parse", rows=11)]',
        r"""
parse: rows is 10, expected 11
! parse  rows: expected 11, got 10
""",
    ),
    (
        "silence expected",
        "small",
        "==",
        "[]",
        r"""
6 records recorded, expected none
etl
  load
    parse rows=10
  db.query attempt=0
  db.query attempt=1
  db.query attempt=2
""",
    ),
    (
        "not equal",
        "small",
        "!=",
        '[span("etl", ...)]',
        r"""
the recording is exactly [span('etl', ...)]
""",
    ),
    (
        "unordered",
        'span("etl", (span("load", ...) & span("x")) >> span("y"), ...)',
        "in",
        "rec",
        r"""
span('etl') lacks x; 1 more difference
  etl
    ... 6 as expected
-   x  missing
-   y  missing
""",
    ),
    (
        "silence not expected",
        "empty",
        "==",
        '[span("etl")]',
        r"""
nothing was recorded, expected [span('etl')]
the code holds a disabled Context
""",
    ),
    (
        "silence in a span",
        'rec["etl/write"]',
        "==",
        '[span("x")]',
        r"""
nothing was recorded inside 'etl/write', expected [span('x')]
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "subsequence",
        "rec",
        ">=",
        '[span("write"), span("load")]',
        r"""
span('load') was recorded, but not after span('write')
recorded in this order: etl/load, etl/write
""",
    ),
    (
        "subsequence of one",
        "rec",
        ">=",
        '[span("lod")]',
        r"""
span('lod') not found: similar: load
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "set",
        "rec",
        ">=",
        '{span("load"), span("x")}',
        r"""
span('x') not found: no span of that name
recorded: etl, etl/load, etl/load/parse, warning: slow disk, etl/db.query
    x3, etl/write, fails, login, open, long, metric: rows.read +10,
    metric: rows.read +3, metric: depth = 3, event: hit
""",
    ),
    (
        "set in silence",
        "empty",
        ">=",
        '{span("load")}',
        r"""
span('load') not found: nothing was recorded
the code holds a disabled Context
""",
    ),
    (
        "mirrored",
        '[span("write"), span("load")]',
        "<=",
        "rec",
        r"""
span('load') was recorded, but not after span('write')
recorded in this order: etl/load, etl/write
""",
    ),
    (
        "no list",
        "rec",
        "==",
        'span("etl")',
        r"""
a recording is no single record: write span('etl') in ..., or ... == [span('etl')]
""",
    ),
    (
        "no patterns",
        "rec",
        "==",
        '["etl"]',
        r"""
'etl' is no pattern, so it equals no recording
write span('etl'), or event, metric, log
""",
    ),
    (
        "a record",
        "rec[1]",
        "==",
        'span("load", path="b.csv")',
        r"""
span('load', path='b.csv') does not describe this record: path is 'a.csv'
record: load path='a.csv'
  path: expected 'b.csv', got 'a.csv'
""",
    ),
    (
        "a record, mirrored",
        'span("laod")',
        "==",
        "rec[1]",
        r"""
span('laod') does not describe this record: its name is 'load'
record: load path='a.csv'
""",
    ),
    (
        "a record of another kind",
        'event("load")',
        "==",
        "rec[1]",
        r"""
event('load') does not describe this record: it is of kind span
record: load path='a.csv'
""",
    ),
    (
        "a record, not equal",
        'span("load")',
        "!=",
        "rec[1]",
        r"""
span('load') describes this record, expected another
record: load path='a.csv'
""",
    ),
    (
        "a record and a choice",
        'span("x") | span("y")',
        "==",
        "rec[1]",
        r"""
span('x') | span('y') does not describe this record
record: load path='a.csv'
""",
    ),
    (
        "a list of records",
        'span("load", path="b.csv")',
        "in",
        "list(rec)",
        r"""
path is 'a.csv', expected 'b.csv' in span('load')
closest of 16 records: load path='a.csv'  (in etl)
  path: expected 'b.csv', got 'a.csv'
""",
    ),
    (
        "metric",
        'rec.metric("rows.read", format="csv")',
        "==",
        "13",
        r"""
rows.read{format=csv} is 10, expected 13 (the change since the recording began)
  rows.read{format=csv} +10
  rows.read{format=json} +3
""",
    ),
    (
        "metric, mirrored",
        "13",
        "<",
        'rec.metric("rows.read", format="csv")',
        r"""
rows.read{format=csv} is 10, expected > 13 (the change since the recording began)
  rows.read{format=csv} +10
  rows.read{format=json} +3
""",
    ),
    (
        "metric, less",
        'rec.metric("rows.read")',
        "<",
        "5",
        r"""
rows.read is 13, expected < 5 (the change since the recording began)
  rows.read{format=csv} +10
  rows.read{format=json} +3
""",
    ),
    (
        "metric, not",
        'rec.metric("rows.read")',
        "!=",
        "13",
        r"""
rows.read is 13, expected not 13 (the change since the recording began)
  rows.read{format=csv} +10
  rows.read{format=json} +3
""",
    ),
    (
        "metric, gauge",
        'rec.metric("depth")',
        "==",
        "4",
        r"""
depth is 3, expected 4 (the last value)
  depth = 3
""",
    ),
    (
        "metric, approx",
        'rec.metric("depth")',
        "==",
        "approx(4)",
        r"""
depth is 3, expected 4 ± 4.0e-06 (the last value)
  depth = 3
""",
    ),
    (
        "metric, misspelt",
        'rec.metric("row.read", format="csv")',
        "==",
        "10",
        r"""
row.read{format=csv} was never recorded, expected 10
no metric of that name; similar: rows.read
""",
    ),
    (
        "metric, part of a name",
        'rec.metric("read")',
        "==",
        "10",
        r"""
read was never recorded, expected 10
no metric of that name; similar: rows.read
""",
    ),
    (
        "metric, unknown",
        'rec.metric("zzz")',
        "==",
        "10",
        r"""
zzz was never recorded, expected 10
no metric of that name; recorded: rows.read, depth
""",
    ),
    (
        "metric, attribute",
        'rec.metric("rows.read", format="xml")',
        "==",
        "10",
        r"""
rows.read has no series with format='xml', expected 10
  rows.read{format=csv} +10
  rows.read{format=json} +3
""",
    ),
    (
        "metric, outside",
        'rec["fails"].metric("rows.read")',
        "==",
        "10",
        r"""
rows.read was never recorded, expected 10
it was recorded, but not inside 'fails'
""",
    ),
    (
        "metric, none",
        'only_spans.metric("x")',
        "==",
        "10",
        r"""
x was never recorded, expected 10
no metric of that name; recorded: no metric at all
""",
    ),
    (
        "metric, silence",
        'empty.metric("x")',
        "==",
        "10",
        r"""
x was never recorded, expected 10
the code holds a disabled Context
""",
    ),
    (
        "metric, many series",
        'series.metric("m")',
        "==",
        "10",
        r"""
m is 28, expected 10 (the change since the recording began)
  m{n=0} +0
  m{n=1} +1
  m{n=2} +2
  m{n=3} +3
  m{n=4} +4
  ... 3 more series
""",
    ),
    (
        "metric, histogram series",
        'series.metric("h", x=1)',
        "==",
        "10",
        r"""
h has no series with x=1, expected 10
  h 2 measurements, 1.0 to 3.0
""",
    ),
    (
        "metric and metric",
        'rec.metric("rows.read")',
        "==",
        'rec.metric("depth")',
        r"""
rows.read is 13, expected 3 (the change since the recording began)
  rows.read{format=csv} +10
  rows.read{format=json} +3
""",
    ),
]

OPERATORS: dict[str, Callable[[Any, Any], object]] = {
    "in": lambda left, right: operator.contains(right, left),
    "not in": lambda left, right: not operator.contains(right, left),
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">=": operator.ge,
}


@pytest.mark.parametrize(
    ("left", "op", "right", "text"), [case[1:] for case in COMPARISONS], ids=[c[0] for c in COMPARISONS]
)
def test_a_comparison_that_fails_says_why(
    recordings: dict[str, Any], left: str, op: str, right: str, text: str
) -> None:
    """The diagnosis comes first, then what was closest, in at most 8 lines and 640 characters."""
    one, other = eval(left, recordings), eval(right, recordings)

    lines = explain(op, one, other)

    assert lines is not None
    assert "\n".join(lines) == text.strip("\n")
    assert len(lines) <= 8
    assert sum(map(len, lines)) <= 640


@pytest.mark.parametrize(
    ("left", "op", "right"), [case[1:4] for case in COMPARISONS], ids=[c[0] for c in COMPARISONS]
)
def test_only_comparisons_that_fail_are_explained_here(
    recordings: dict[str, Any], left: str, op: str, right: str
) -> None:
    """Each comparison of the table really fails."""
    one, other = eval(left, recordings), eval(right, recordings)

    assert not OPERATORS[op](one, other)


def test_high_verbosity_shows_the_whole_tree(recordings: dict[str, Any]) -> None:
    """From verbosity 2 on nothing is folded; below it pytest would cut, so nothing more is shown."""
    rec, expected = recordings["small"], [span("etl", span("load", ...), span("db.query") * 2)]

    whole = explain("==", rec, expected, verbose=2)

    assert whole == [
        "span('etl') has 3 x db.query, expected 2",
        "  etl",
        "    load",
        "      parse",
        "    db.query",
        "    db.query",
        "+   db.query attempt=2  not expected",
    ]
    assert explain("==", rec, expected, verbose=1) == explain("==", rec, expected)


def test_high_verbosity_lists_all_differences(recordings: dict[str, Any]) -> None:
    """The whole comparison of a tree with many differences has a row for each record."""
    lines = explain("==", recordings["many"], [span("a"), span("b", n=1) * 12], verbose=2)

    assert lines is not None
    assert len(lines) == 1 + 14


def test_the_whole_inside_of_a_span_is_shown_on_request(recordings: dict[str, Any]) -> None:
    """The same holds for ``in``."""
    pattern = span("etl", span("db.query") * 2, ...)

    short, whole = (explain("in", pattern, recordings["rec"], verbose=verbose) for verbose in (0, 2))

    assert short is not None
    assert whole is not None
    assert "    ... 4 as expected" in short
    assert len(whole) == 1 + 7


def test_a_huge_tree_is_folded_at_any_verbosity(recorded: Make) -> None:
    """Ten thousand equal lines help nobody."""
    rec = recorded(*(span("a") for _ in range(1_500)), span("b"))

    lines = explain("==", rec, [span("a") * 1_500], verbose=2)

    assert lines == ["the recording has b, not expected", "  ... 1,500 as expected", "+ b  not expected"]


def test_silence_that_was_expected_shows_everything_on_request(recordings: dict[str, Any]) -> None:
    """``== []`` shows the tree."""
    lines = explain("==", recordings["rec"], [], verbose=2)

    assert lines is not None
    assert len(lines) == 1 + 16


def test_lines_are_as_wide_as_the_terminal(recordings: dict[str, Any]) -> None:
    """A narrow terminal gets more lines, not cut ones, while there is room."""
    lines = explain("in", span("laod"), recordings["rec"], width=56)

    assert lines is not None
    assert max(map(len, lines[1:])) <= 50
    assert len(lines) > 4


def test_recorders_stand_for_their_records(recordings: dict[str, Any]) -> None:
    """Anything with a method ``records`` that returns Records is explained like them."""

    class Recorder:
        def records(self) -> Records:
            return recordings["small"]  # type: ignore[no-any-return]  # of the fixture

    lines = explain("in", span("laod"), Recorder())

    assert lines == explain("in", span("laod"), recordings["small"])
    assert explain("==", Recorder(), []) == explain("==", recordings["small"], [])


def test_recordings_without_a_known_reason_give_advice() -> None:
    """The text for an empty recording always says what to do."""
    assert explain("==", Records(()), [span("a")]) == [
        "nothing was recorded, expected [span('a')]",
        "hand the recorder's context to the code under test; `== []` asserts that",
        "    nothing is recorded",
    ]


class Unrelated:
    """Has a method called ``records`` that is none of ours."""

    def records(self) -> list[int]:
        return [1]


@pytest.mark.parametrize(
    ("op", "left", "right"),
    [
        ("==", 1, 2),
        ("in", "a", "b"),
        ("==", [1], [2]),
        ("==", Unrelated(), [span("a")]),
        ("in", span("a"), [1, 2]),
        ("in", span("a"), []),
        ("==", span("a"), span("b")),
        ("is", span("a"), Record("span", "b", "b", 1)),
        ("<", Records(()), [span("a")]),
        ("==", Records(()), [1, Record("span", "b", "b", 1)][1:]),
        ("==", Records(()), {span("a")}),
    ],
)
def test_what_is_not_ours_is_left_to_others(op: str, left: object, right: object) -> None:
    """Another plugin, or pytest itself, explains it."""
    assert explain(op, left, right) is None


NAMES = st.sampled_from(["a", "b", "aa"])
ATTRS = st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 1), max_size=2)
TREES = st.recursive(
    st.builds(lambda name, attrs: span(name, **attrs), NAMES, ATTRS),
    lambda inner: st.builds(lambda name, kids: span(name, *kids), NAMES, st.lists(inner, max_size=3)),
    max_leaves=6,
)
FORESTS = st.lists(TREES, min_size=1, max_size=3)
COUNTS = st.integers(0, 3) | st.builds(
    lambda low, more: between(low, low + more), st.integers(0, 2), st.integers(0, 2)
)
ONES = st.recursive(
    st.builds(lambda name, attrs: span(name, **attrs), NAMES, ATTRS),
    lambda inner: st.builds(
        lambda name, kids, more: span(name, *kids, *([...] if more else [])),
        NAMES,
        st.lists(
            inner | st.builds(lambda one: ~one, inner) | st.builds(lambda one, n: one * n, inner, COUNTS),
            max_size=3,
        ),
        st.booleans(),
    ),
    max_leaves=5,
)
PATTERNS = st.recursive(
    ONES | st.builds(lambda one, n: one * n, ONES, COUNTS),
    lambda inner: (
        st.builds(operator.and_, inner, inner)
        | st.builds(operator.or_, inner, inner)
        | st.builds(operator.rshift, inner, inner)
    ),
    max_leaves=3,
)


def holds_up(lines: list[str] | None, holds: bool) -> bool:
    """Return whether *lines* are there exactly if the assertion failed, and fit what pytest shows."""
    if lines is None:
        return holds
    return (
        not holds
        and len(lines) <= 8
        and sum(map(len, lines)) <= 640
        and all(lines)
        and "\x1b" not in str(lines)
    )


@given(FORESTS, PATTERNS)
def test_every_failed_search_is_explained(recorded: Make, forest: list[One], pattern: Pattern) -> None:
    """Whatever the pattern, there is a text exactly if the assertion fails."""
    rec = recorded(*forest)

    assert holds_up(explain("in", pattern, rec), pattern in rec)
    assert holds_up(explain("not in", pattern, rec), pattern not in rec)
    assert holds_up(explain("in", ~pattern, rec), ~pattern in rec)


@given(FORESTS, st.lists(PATTERNS, min_size=1, max_size=3))
def test_every_difference_of_trees_is_explained(
    recorded: Make, forest: list[One], items: list[Pattern]
) -> None:
    """The same for whole trees, subsequences and sets."""
    rec = recorded(*forest)

    assert holds_up(explain("==", rec, items), rec == items)
    assert holds_up(explain(">=", rec, items), rec >= items)
    assert holds_up(explain(">=", rec, set(items)), rec >= set(items))
