"""What a source tree emits: found where the file says what is called, and nowhere else."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_telemetry.codeintel.instrumentation import Emission, emissions_in, emissions_of
from pytest_telemetry.model.errors import UnusableInput


def told(code: str) -> list[tuple[str, str, str | None]]:
    """Return interface, kind and name of what is found."""
    return [(found.api, found.kind, found.name) for found in emissions_of(textwrap.dedent(code), "a.py")]


def test_an_emission_says_where_it_is() -> None:
    """By line from 1 and column from 0 in characters, with the call in one line."""
    code = "from pytest_telemetry import current_context\n'\xe9'; current_context().count(\n  'rows',  # all\n  2)\n"

    assert emissions_of(code, "a.py") == [
        Emission("a.py", 2, 5, "pytest_telemetry", "metric", "rows", "current_context().count('rows', 2)")
    ]


OURS = """
from pytest_telemetry import TelemetryContext, timed, Telemetry, open_run, current_context as now
tele = TelemetryContext()
with tele("a") as t, tele.time("b", x=1):
    t.event("c")
tele.count("d")
tele.gauge("e", 1)
tele.metric("f", 1)
@timed("g")
def f(): now().count("h")
@tele.timed("i")
async def g():
    run = Telemetry(".")
    run.event("j", {}, {}, 1)
    run.incr("k")
    run.observe("l", 1)
    run.context.count("m")
    with open_run() as other:
        other.event("n")
"""


def test_our_own_interface_is_known() -> None:
    """Spans, measurements and events of a context, of an open span and of a run, and decorators."""
    kinds = [
        "span",
        "span",
        "event",
        "metric",
        "metric",
        "metric",
        "span",
        "metric",
        "span",
        "event",
        "metric",
        "metric",
        "metric",
        "event",
    ]
    names = "abcdefghijklmn"

    assert told(OURS) == [("pytest_telemetry", kind, name) for kind, name in zip(kinds, names, strict=True)]


def test_opentelemetry_is_known() -> None:
    """Tracers and meters of the interface and of the SDK, spans by assignment and by `with`."""
    assert told("""
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.trace import TracerProvider
        tracer = trace.get_tracer(__name__)
        meter = metrics.get_meter("m")
        calls = meter.create_counter("calls", unit="1")
        meter.create_observable_gauge(name="depth")
        @tracer.start_as_current_span("outer")
        def f():
            with tracer.start_as_current_span("inner") as span:
                span.add_event("hello")
            other = TracerProvider().get_tracer("x").start_span(name="third")
            other.add_event("bye")
            trace.get_current_span().add_event("now")
    """) == [
        ("opentelemetry", "metric", "calls"),
        ("opentelemetry", "metric", "depth"),
        ("opentelemetry", "span", "outer"),
        ("opentelemetry", "span", "inner"),
        ("opentelemetry", "event", "hello"),
        ("opentelemetry", "span", "third"),
        ("opentelemetry", "event", "bye"),
        ("opentelemetry", "event", "now"),
    ]


def test_prometheus_is_known() -> None:
    """Where a metric is made, by whatever name the class was imported."""
    assert told("""
        import prometheus_client as prom
        from prometheus_client import Counter as C, Histogram
        from prometheus_client.metrics import Gauge
        C("a", "help")
        Histogram("b", "help")
        Gauge(name="c", documentation="help")
        prom.Summary("d", "help")
    """) == [("prometheus_client", "metric", name) for name in "abcd"]


def test_structlog_and_logging_are_known() -> None:
    """Loggers that were made in the file, bound or not, and the functions of the module; the level of `log` is no name."""
    assert told("""
        import logging, structlog
        from logging import getLogger as get
        log = structlog.get_logger().bind(x=1)
        log.info("a", y=2)
        structlog.get_logger().new().awarning(event="b")
        logger = get(__name__)
        logger.error("c %s", 1)
        logger.log(logging.INFO, "d")
        logging.getLogger("x").getChild("y").exception("e")
        logging.warning("f")
    """) == [("structlog", "log", "a"), ("structlog", "log", "b")] + [
        ("logging", "log", name) for name in ("c %s", "d", "e", "f")
    ]


def test_attributes_of_the_instance_are_followed() -> None:
    """Whichever method sets them, also behind their use and in inner functions, and those of the class."""
    assert told("""
        import logging
        from pytest_telemetry import TelemetryContext
        class A:
            log = logging.getLogger()
            def use(self):
                self._tele.count("a")
                def inner(): self.log.info("b")
            def __init__(this):
                this._tele: TelemetryContext = make()
    """) == [("pytest_telemetry", "metric", "a"), ("logging", "log", "b")]


@pytest.mark.parametrize(
    "annotation",
    [
        "TelemetryContext",
        "TelemetryContext | None",
        "None | TelemetryContext",
        "'TelemetryContext'",
        "Optional[TelemetryContext]",
        "'TelemetryContext | None'",
        "pt.TelemetryContext",
        "'pt.TelemetryContext'",
    ],
)
def test_annotations_say_what_a_parameter_is(annotation: str) -> None:
    """Also one that may be None, and what it is replaced with then."""
    assert told(f"""
        import pytest_telemetry as pt
        from typing import Optional
        from pytest_telemetry import TelemetryContext
        def f(a, tele: {annotation} = None, *rest: int, **more: str):
            tele.count("a")
            mine = tele or pt.current_context()
            mine.count("b")
    """) == [("pytest_telemetry", "metric", "a"), ("pytest_telemetry", "metric", "b")]


@pytest.mark.parametrize(
    "argument", ["f'{x}'", "name", "'a' + b", "b'a'", "*names", "", "'a' 'b'", "1", "x=1"]
)
def test_a_name_that_is_no_plain_text_is_none(argument: str) -> None:
    """The call is found all the same."""
    assert told(f"import logging\nlogging.info({argument})\n") == [("logging", "log", None)]


@pytest.mark.parametrize(
    "code",
    [
        "items.count('x'); [].count('x'); time.time('x'); d.event('x')",
        "tele = []\ntele.count('x')",
        "tele = TelemetryContext()\ntele = other\ntele.count('x')",
        "tele = TelemetryContext()\ndef f(tele): tele.count('x')",
        "tele = TelemetryContext()\ndef f():\n  for tele in y: tele.count('x')",
        "tele = TelemetryContext()\ndef f():\n  global tele\n  tele = 1\n tele.count('x')",
        "tele = TelemetryContext()\n[tele.count('x') for tele in y]",
        "tele = TelemetryContext()\nf(lambda tele: tele.count('x'))",
        "tele = TelemetryContext()\ntry: f()\nexcept E as tele: tele.count('x')",
        "tele = TelemetryContext()\nif (tele := f()): tele.count('x')",
        "tele = TelemetryContext()\nif any((tele := x) for x in y): tele.count('x')",
        "tele = TelemetryContext()\ntele += 1\ntele.count('x')",
        "tele = TelemetryContext()\nmatch y:\n  case [tele]: tele.count('x')",
        "tele = TelemetryContext()\ntele, y = 1, 2\ntele.count('x')",
        "tele = TelemetryContext()\ndef tele(): ...\ntele.count('x')",
        "tele = TelemetryContext()\nclass tele: ...\ntele.count('x')",
        "tele = TelemetryContext()\nimport tele\ntele.count('x')",
        "tele = TelemetryContext()\nwith f() as (tele, y): tele.count('x')",
        "tele = TelemetryContext() if y else z\ntele.count('x')",
        "class A:\n  tele = TelemetryContext()\n  def f(self): tele.count('x')",
        "class A:\n  def f(self): self.t = TelemetryContext()\n  def g(self): self.t = 1; self.t.count('x')",
        "class A:\n  def f(self): self.t = TelemetryContext()\nclass B:\n  def f(self): self.t.count('x')",
        "class A:\n  def f(self): self.t = TelemetryContext()\n  def g(self, other): other.t.count('x')",
        "def f(tele: List[TelemetryContext]): tele.count('x')",
        "def f(tele: TelemetryContext | Other): tele.count('x')",
        "def f(tele: 'list[TelemetryContext]'): tele.count('x')",
        "TelemetryContext().unknown('x'); TelemetryContext.count('x'); TelemetryContext()['x']('y')",
        "from collections import Counter\nCounter('x')",
        "a = b\nb = a\na.count('x')",
        "from .logging import info\ninfo('x')",
        "import logging.handlers as logging\nlogging.info('x')",
        "logging = f()\nlogging.info('x')",
        "@tele\ndef f(): ...",
    ],
)
def test_what_is_not_sure_is_left_out(code: str) -> None:
    """Other objects with the same methods, names that were bound again, and what another file would have to say."""
    assert told(f"from pytest_telemetry import TelemetryContext\n{code}\n") == []


def test_a_name_of_an_outer_function_is_followed() -> None:
    """Also one that is set there by another function, and one of the module that a function sets."""
    assert told("""
        import logging
        def outer():
            log = None
            def start():
                nonlocal log
                log = logging.getLogger()
            def use(): log.info("a")
        late = None
        def start():
            global late
            late = logging.getLogger()
        def use(): late.info("b")
    """) == [("logging", "log", "a"), ("logging", "log", "b")]


def test_a_tree_is_searched_but_for_what_is_not_its_source(tmp_path: Path) -> None:
    """In order; nothing hidden, no environment, no cache, and no other kind of file."""
    code = "import logging\nlogging.info('a')\n"
    for name in (
        "src/b.py",
        "a.py",
        ".git/a.py",
        "env/lib/a.py",
        "__pycache__/a.py",
        "node_modules/a.py",
        "a.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    (tmp_path / "env/pyvenv.cfg").write_text("")

    assert [found.file for found in emissions_in(".", tmp_path)] == ["a.py", "src/b.py"]
    assert [found.file for found in emissions_in("src/b.py", tmp_path)] == ["src/b.py"]


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """The text names it and says what to pass."""
    with pytest.raises(UnusableInput, match=r"^a\.py: No such file.*: pass a Python file"):
        emissions_in("a.py", tmp_path)


def test_a_name_that_depends_on_itself_is_followed_once() -> None:
    """However many assignments there are: each is looked at once, and not in all their combinations."""
    loop = "".join(f"a = b({number}) or c.a or a.b\nb = a.b or c(a)\nc = b or a.c\n" for number in range(20))

    assert told(f"import logging\n{loop}a.info('x')\nlogging.info('y')\n") == [("logging", "log", "y")]


def test_names_are_not_followed_without_end() -> None:
    """A chain of thousands of assignments, attributes or calls costs no stack."""
    chain = "".join(f"a{number + 1} = a{number}\n" for number in range(2_000))
    deep = f"import logging\na0 = logging\n{chain}a2000.info('x')\nlogging{'.x' * 5_000}('y')\nlogging{'()' * 3_000}\n"

    assert told(deep) == []


PIECES = st.sampled_from(
    [
        "import logging\n",
        "logging",
        ".info(",
        "'x'",
        ")",
        "self",
        ".",
        "x",
        " = ",
        "def f(",
        "):\n  ",
        "class A:\n ",
        "with ",
        " as ",
        ":\n",
        "\n",
        "global x\n",
        "for x in ",
        "lambda x: ",
        "case ",
        "match x:\n ",
        "[",
        "]",
        "@",
        ": 'logging.Logger'",
        ", ",
        "*",
        "import ",
        "from logging import ",
    ]
)


@settings(max_examples=40)
@given(st.lists(PIECES, max_size=40).map("import logging\n".join))
def test_no_code_makes_it_fail(code: str) -> None:
    """Whole or broken; each call is found once."""
    found = emissions_of(code, "a.py")

    assert len({(each.line, each.col, each.text) for each in found}) == len(found)


@settings(max_examples=40)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_broken_code_is_searched_as_far_as_it_can_be_read(code: str) -> None:
    """What stands before the damage, on lines of its own, is found."""
    found = emissions_of(f"import logging as log_of_test\nlog_of_test.info('first')\n{code}", "a.py")

    assert ("first", 2) in {(each.name, each.line) for each in found}
