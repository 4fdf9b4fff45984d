"""The fixtures, as a user's suite sees them."""

from __future__ import annotations

import pytest

SUITE_OPTIONS = ("-p", "pytest_telemetry.plugin", "-p", "no:cacheprovider", "-W", "default")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the inner suites as on a developer's machine, whatever runs the outer one."""
    for name in ("CI", "BUILD_NUMBER", "PYTEST_ADDOPTS", "PYTEST_TELEMETRY", "DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(source)
    return pytester.runpytest(*SUITE_OPTIONS, *options)


def test_the_recorder_records_what_its_context_is_told(pytester: pytest.Pytester) -> None:
    """The context handed to code under test feeds the recorder, whatever the environment says."""
    result = run(
        pytester,
        """
        from pytest_telemetry import span

        def test_it(telemetry_recorder):
            with telemetry_recorder.context("load", rows=3):
                pass
            assert span("load", rows=3) in telemetry_recorder
        """,
    )

    result.assert_outcomes(passed=1)


def test_the_recorder_is_the_ambient_context_also_in_threads(pytester: pytest.Pytester) -> None:
    """Decorated functions and current_context() follow the recorder, in threads that copy no context too."""
    result = run(
        pytester,
        """
        import threading
        from pytest_telemetry import current_context, span, timed

        @timed("work")
        def work():
            current_context().count("rows")

        def test_it(telemetry_recorder):
            work()
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            assert telemetry_recorder == [span("work"), span("work")]
            assert telemetry_recorder.metric("rows") == 2

        def test_after():
            assert not current_context().is_enabled
        """,
    )

    result.assert_outcomes(passed=2)


def test_recordings_of_two_tests_do_not_mix(pytester: pytest.Pytester) -> None:
    """Each test begins with an empty recording."""
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.parametrize("n", range(3))
        def test_it(telemetry_recorder, n):
            with telemetry_recorder.context("a"):
                pass
            assert len(telemetry_recorder) == 1
        """,
    )

    result.assert_outcomes(passed=3)


@pytest.mark.parametrize("fixture", ["telemetry_recorder", "telemetry_recorder_factory"])
def test_a_scope_left_open_is_reported_with_its_line_and_does_not_leak(
    pytester: pytest.Pytester, fixture: str
) -> None:
    """The warning names the line that opened the scope; the next test's spans are roots all the same."""
    result = run(
        pytester,
        f"""
        import pytest
        from pytest_telemetry import span

        @pytest.fixture
        def recorder({fixture}):
            return {fixture}() if callable({fixture}) else {fixture}

        def test_leaks(recorder):
            recorder.context("left.open").__enter__()

        def test_is_clean(recorder):
            with recorder.context("b"):
                pass
            assert recorder == [span("b")]
            assert recorder.records()[0].scope == "b"
        """,
    )

    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*UnfinishedSpanWarning: span 'left.open' was opened at *test_a_scope_left_open*.py:9 and never closed"
        ]
    )


def test_the_clock_drives_the_recorder(pytester: pytest.Pytester) -> None:
    """With telemetry_clock, durations are what the test says, in either order of the fixtures."""
    result = run(
        pytester,
        """
        from pytest_telemetry import span

        def test_it(telemetry_recorder, telemetry_clock):
            with telemetry_recorder.context("a"):
                telemetry_clock.advance(1.5)
            assert span("a", duration=1.5) in telemetry_recorder

        def test_other_order(telemetry_clock, telemetry_recorder, telemetry_recorder_factory):
            other = telemetry_recorder_factory("other")
            with other.context("a"):
                telemetry_clock.advance(2)
            assert span("a", duration=2) in other
        """,
    )

    result.assert_outcomes(passed=2)


def test_the_factory_makes_recorders_that_do_not_see_each_other(pytester: pytest.Pytester) -> None:
    """Spans of two contexts nest, and each recorder sees its own."""
    result = run(
        pytester,
        """
        from pytest_telemetry import span

        def test_it(telemetry_recorder_factory):
            server, client = telemetry_recorder_factory("server"), telemetry_recorder_factory("client")
            with client.context("call"), server.context("serve"), client.context("log"):
                pass
            assert client == [span("call", span("log"))]
            assert server == [span("serve")]
            assert server.records()[0].scope == "call.serve"
        """,
    )

    result.assert_outcomes(passed=1)


def test_a_scope_left_open_in_a_block_is_reported_once(pytester: pytest.Pytester) -> None:
    """At the end of the block of a recorder from the factory, and not again at the end of the test."""
    result = run(
        pytester,
        """
        def test_it(telemetry_recorder_factory):
            with telemetry_recorder_factory() as recorder:
                recorder.context("left.open").__enter__()
        """,
    )

    result.assert_outcomes(passed=1, warnings=1)


def test_every_recorder_of_a_failing_test_is_shown_by_name(pytester: pytest.Pytester) -> None:
    """A failure shows what each recorder of the test holds."""
    result = run(
        pytester,
        """
        def test_it(telemetry_recorder_factory):
            with telemetry_recorder_factory("server").context("serve"): pass
            with telemetry_recorder_factory().context("call"): pass
            assert False
        """,
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*- Recorded telemetry (server) -*", "serve*", "*- Recorded telemetry (recorder 2) -*", "call*"]
    )


def test_the_marker_sets_limit_and_strictness(pytester: pytest.Pytester) -> None:
    """Telemetry markers decide how much is kept and whether misuse raises; the closest wins, setting by setting."""
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.telemetry(limit=2)
        def test_limit(telemetry_recorder):
            for _ in range(5):
                telemetry_recorder.context.count("a")
            assert telemetry_recorder.statistics() == {"accepted": 5, "stored": 2, "dropped": 3}

        @pytest.mark.telemetry(strict=True)
        def test_strict(telemetry_recorder):
            with pytest.raises(ValueError, match="invalid scope name 'Bad Name'"):
                telemetry_recorder.context("Bad Name")

        @pytest.mark.telemetry(limit=2, strict=True)
        class TestClass:
            @pytest.mark.telemetry(strict=False)
            def test_both(self, telemetry_recorder):
                assert telemetry_recorder.store.limit == 2
                telemetry_recorder.context("Bad Name")
        """,
    )

    result.assert_outcomes(passed=3)


def test_a_marker_with_an_unknown_setting_names_the_place(pytester: pytest.Pytester) -> None:
    """A misspelt setting is an error that says where, what, and what would do."""
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.telemetry(limmit=2)
        def test_limit(telemetry_recorder):
            pass
        """,
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*.py:3: the telemetry marker does not know limmit; it takes credit, gate, limit, *"]
    )


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ("limit=0", "limit of the telemetry marker must be a whole number above 0, not 0"),
        ("limit=-1", "limit of the telemetry marker must be a whole number above 0, not -1"),
        ("limit='many'", "limit of the telemetry marker must be a whole number above 0, not 'many'"),
        ("limit=True", "limit of the telemetry marker must be a whole number above 0, not True"),
        ("strict='yes'", "strict of the telemetry marker must be True, False or None, not 'yes'"),
    ],
)
def test_a_marker_with_an_impossible_setting_names_the_place(
    pytester: pytest.Pytester, setting: str, error: str
) -> None:
    """A setting that means nothing is refused with its value, and not taken for the default."""
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.telemetry({setting})
        def test_it(telemetry_recorder):
            pass
        """,
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*.py:3: {error}"])


def test_a_factory_refuses_a_limit_of_nothing(pytester: pytest.Pytester) -> None:
    """The limit 0 is not taken for the default."""
    result = run(
        pytester,
        """
        import pytest

        def test_it(telemetry_recorder_factory):
            with pytest.raises(ValueError, match="whole number above 0, not 0"):
                telemetry_recorder_factory(limit=0)
        """,
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("value", ["0", "-3", "many"])
def test_a_bad_limit_is_one_clear_error(pytester: pytest.Pytester, value: str) -> None:
    """A limit that is no whole number above 0 is refused with its value."""
    pytester.makeini(f"[pytest]\ntelemetry_limit = {value}")

    result = run(pytester, "def test_it(telemetry_recorder): pass")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*telemetry_limit must be a whole number above 0, not '{value}'"])


def test_the_command_line_wins_over_the_ini_file(pytester: pytest.Pytester) -> None:
    """--telemetry-limit overrides telemetry_limit."""
    pytester.makeini("[pytest]\ntelemetry_limit = 7")

    result = run(
        pytester,
        "def test_it(telemetry_recorder): assert telemetry_recorder.store.limit == 3",
        "--telemetry-limit=3",
    )

    result.assert_outcomes(passed=1)


SINK_FAILS = """
    from pytest_telemetry import TelemetryContext

    class Broken:
        def record_timing(self, scope, duration, /, **metadata):
            raise RuntimeError("disk full")
        record_metric = record_timing

    def test_it(telemetry_recorder):
        context = TelemetryContext(telemetry_recorder, Broken(), enabled=True)
        with context("a"):
            pass
"""


def test_a_failing_sink_is_a_warning(pytester: pytest.Pytester) -> None:
    """The test passes, and a warning names the sink and the error."""
    result = run(pytester, SINK_FAILS)

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*SinkFailedWarning: telemetry sink failed during the test: Broken (RuntimeError)*"]
    )


@pytest.mark.parametrize("way", ["option", "ini"])
def test_a_failing_sink_fails_the_test_on_request(pytester: pytest.Pytester, way: str) -> None:
    """With the option or the ini setting the test fails, as a failure and not as an error."""
    if way == "ini":
        pytester.makeini("[pytest]\ntelemetry_fail_on_sink_error = true")

    result = run(pytester, SINK_FAILS, *(["--telemetry-fail-on-sink-error"] if way == "option" else []))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*telemetry sink failed during the test: Broken (RuntimeError)*"])


def test_unittest_classes_can_use_the_recorder(pytester: pytest.Pytester) -> None:
    """A TestCase uses the class in a with block, or the fixture through an autouse fixture of its own."""
    result = run(
        pytester,
        """
        import unittest
        import pytest
        from pytest_telemetry import TelemetryRecorder, span

        class TestPlain(unittest.TestCase):
            def test_it(self):
                with TelemetryRecorder() as recorder:
                    with recorder.context("a"):
                        pass
                self.assertIn(span("a"), recorder)

        class TestFixture(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _recorder(self, telemetry_recorder):
                self.recorder = telemetry_recorder

            def test_it(self):
                with self.recorder.context("a"):
                    pass
                assert span("a") in self.recorder
        """,
    )

    result.assert_outcomes(passed=2)


def test_async_tests_record_tasks_under_their_spans(pytester: pytest.Pytester) -> None:
    """Spans of gathered tasks are children of the span that gathered them."""
    pytester.makepyfile(
        """
        import asyncio
        import pytest
        from pytest_telemetry import span

        @pytest.mark.asyncio
        async def test_it(telemetry_recorder):
            async def child(name):
                with telemetry_recorder.context(name):
                    await asyncio.sleep(0)
            with telemetry_recorder.context("all"):
                await asyncio.gather(child("a"), child("b"))
            assert telemetry_recorder == [span("all", span("a"), span("b"))]
        """,
    )
    # in a process of its own: the oldest pytest-asyncio leaves loops open
    result = pytester.runpytest_subprocess(*SUITE_OPTIONS, "-p", "pytest_asyncio.plugin")

    result.assert_outcomes(passed=1)


def test_fixtures_are_listed_with_what_they_are_for(pytester: pytest.Pytester) -> None:
    """`pytest --fixtures` tells a newcomer what the three fixtures do."""
    result = pytester.runpytest(*SUITE_OPTIONS, "--fixtures")

    result.stdout.fnmatch_lines_random(
        [
            "telemetry_recorder -- *",
            "    Record what the code under test reports*",
            "telemetry_recorder_factory -- *",
            "telemetry_clock -- *",
        ]
    )


def test_help_and_markers_describe_the_options(pytester: pytest.Pytester) -> None:
    """`pytest --help` has a group of its own, and `--markers` shows the marker."""
    pytester.runpytest(*SUITE_OPTIONS, "--help").stdout.fnmatch_lines(
        ["telemetry: test what your code reports about itself:", "  --telemetry-fail-on-sink-error*"]
    )
    pytester.runpytest(*SUITE_OPTIONS, "--markers").stdout.fnmatch_lines(
        ["@pytest.mark.telemetry(limit=None, strict=None)*"]
    )


def test_a_recording_that_cannot_be_shown_does_not_end_the_session(pytester: pytest.Pytester) -> None:
    """An attribute whose repr fails, or a broken recorder, leaves the failure as it is and says so."""
    result = run(
        pytester,
        """
        def test_it(telemetry_recorder, monkeypatch):
            def broken():
                raise RuntimeError("no records today")
            telemetry_recorder.records = broken
            assert 1 == 2
        """,
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2*", "cannot be shown: RuntimeError: no records today"])


def test_a_long_recording_is_cut_and_shown_in_full_on_request(pytester: pytest.Pytester) -> None:
    """At default verbosity 100 lines are shown and the rest is counted; -vv shows all, with times."""
    source = """
        def test_it(telemetry_recorder, telemetry_clock):
            for number in range(150):
                with telemetry_recorder.context("step"):
                    telemetry_clock.advance(2)
            assert False
    """

    run(pytester, source).stdout.fnmatch_lines(["step", "... 51 more records"])
    run(pytester, source, "-vv").stdout.fnmatch_lines(["step  [[]at 298 s, took 2 s]"])


def test_a_fixture_that_fails_shows_what_was_recorded(pytester: pytest.Pytester) -> None:
    """An error of set-up or teardown carries the recording as a failing test does, once."""
    result = run(
        pytester,
        """
        import pytest

        @pytest.fixture
        def prepared(telemetry_recorder):
            with telemetry_recorder.context("prepare"):
                pass
            raise RuntimeError("in set-up")

        @pytest.fixture
        def used(telemetry_recorder):
            yield
            with telemetry_recorder.context("clean.up"):
                pass
            raise RuntimeError("in teardown")

        def test_setup(prepared):
            pass

        def test_teardown(used):
            pass

        def test_call(telemetry_recorder):
            with telemetry_recorder.context("call"):
                pass
            assert False

        def test_unknown(telemetry_recorder, no_such_fixture):
            pass
        """,
    )

    result.assert_outcomes(errors=3, passed=1, failed=1)
    text = result.stdout.str()
    assert text.count("- Recorded telemetry -") == 3
    for name in ("prepare", "clean.up", "call"):
        result.stdout.fnmatch_lines(["*- Recorded telemetry -*", name])


def test_recordings_of_earlier_tests_are_let_go(pytester: pytest.Pytester) -> None:
    """A session of any length holds the recordings of one test."""
    result = run(
        pytester,
        """
        import gc
        import weakref

        earlier = []

        def test_earlier(telemetry_recorder, telemetry_recorder_factory):
            earlier.extend(map(weakref.ref, [telemetry_recorder, telemetry_recorder_factory()]))

        def test_later(telemetry_recorder):
            gc.collect()
            assert [recorder() for recorder in earlier] == [None, None]
        """,
    )

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("fixture", ["telemetry_recorder", "telemetry_recorder_factory"])
@pytest.mark.parametrize("left_open", [False, True])
def test_a_test_that_is_run_again_shows_its_latest_recording_only(
    pytester: pytest.Pytester, fixture: str, left_open: bool
) -> None:
    """Plugins that repeat a failing test get a report of each run by itself, also where its end was an error."""
    pytester.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            runtestprotocol(item, log=False, nextitem=nextitem)
            runtestprotocol(item, nextitem=nextitem)
            return True
        """
    )
    result = run(
        pytester,
        f"""
        runs = []

        def test_it({fixture}):
            recorder = {fixture}("a") if callable({fixture}) else {fixture}
            runs.append(1)
            recorder.context.event(f"run.{{len(runs)}}")
            if {left_open} and len(runs) == 1:
                recorder.context("left.open").__enter__()
            assert False
        """,
        "-W",
        "error::pytest_telemetry.testing.recorder.UnfinishedSpanWarning",
    )

    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("- Recorded telemetry") == 1
    result.stdout.fnmatch_lines(["event: run.2"])
