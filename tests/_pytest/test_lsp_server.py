"""The fixture of the scripted language server, as a user's suite sees it."""

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


def test_the_transcript_has_messages_and_records_in_one_order(pytester: pytest.Pytester) -> None:
    """What the recorder of the test gets is there without a word."""
    result = run(
        pytester,
        """
        import subprocess

        def test_it(telemetry_lsp_server, telemetry_recorder):
            body = b'{"id":1,"method":"initialize"}'
            telemetry_recorder.context.event("lsp.spawn")
            subprocess.run(
                telemetry_lsp_server.command, input=b"Content-Length: %d\\r\\n\\r\\n%b" % (len(body), body), check=False
            )
            telemetry_recorder.context.event("lsp.exit")
            kinds = [entry.kind for entry in telemetry_lsp_server.transcript if entry.kind != "server"]
            assert kinds == ["record", "received", "sent", "record"]
        """,
    )

    result.assert_outcomes(passed=1)


def test_a_test_without_a_recorder_needs_none(pytester: pytest.Pytester) -> None:
    """States are told in another way."""
    result = run(
        pytester,
        """
        from pytest_telemetry import event

        def test_it(telemetry_lsp_server):
            telemetry_lsp_server.transcript.state("failed", reason="no binary")
            telemetry_lsp_server.transcript.wait(event("lsp.state_change", reason="no binary"))
        """,
    )

    result.assert_outcomes(passed=1)


def test_a_client_that_is_left_running_is_named_and_nothing_hangs(pytester: pytest.Pytester) -> None:
    """As a warning of the test; where warnings are errors the test has an error."""
    source = """
        import subprocess

        def test_it(telemetry_lsp_server):
            global process
            process = subprocess.Popen(telemetry_lsp_server.command, stdin=subprocess.PIPE)
            telemetry_lsp_server.send("hello")

        def test_gone():
            with process:
                assert process.wait() != 0
        """

    result = run(pytester, source)
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.re_match_lines(
        r"  .*test_\w+\.py:3: ServerLeftRunningWarning: a client left its language server running: 'server' \("
    )

    run(
        pytester, source, "-W", "error::pytest_telemetry.testing.lsp_server.ServerLeftRunningWarning"
    ).assert_outcomes(passed=2, errors=1)


def test_two_tests_have_two_servers(pytester: pytest.Pytester) -> None:
    """Each with a transcript of its own, and with its own name on PATH."""
    result = run(
        pytester,
        """
        import shutil, pytest

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(telemetry_lsp_server, number):
            assert len(telemetry_lsp_server.transcript) == 0
            assert shutil.which("some-language-server") is None
            telemetry_lsp_server.install("some-language-server")
            assert shutil.which("some-language-server")
        """,
    )

    result.assert_outcomes(passed=2)
