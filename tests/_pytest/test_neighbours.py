"""A suite that does not use the plugin must not notice it."""

from __future__ import annotations

import re

import pytest

FOREIGN = """
import unittest
import pytest

@pytest.fixture
def number():
    yield 3

def test_passes(number): assert number == 3
def test_fails(number): assert [number, {"a": 1}] == [4, {"a": 2}]
def test_text(): assert "a" in "bcd"
def test_errors(missing): pass
@pytest.mark.xfail
def test_xfails(): assert 0
@pytest.mark.skip(reason="no")
def test_skips(): pass
@pytest.mark.parametrize("n", [1, 2])
def test_many(n): assert n < 2

class TestOld(unittest.TestCase):
    def test_old(self): self.assertEqual(1, 2)
"""

CONFTEST = """
import pytest

class Item(pytest.Item):
    def runtest(self): raise AssertionError("custom item fails")

class File(pytest.File):
    def collect(self): yield Item.from_parent(self, name="custom")

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".yaml":
        return File.from_parent(parent, path=file_path)
"""


def outcome(result: pytest.RunResult) -> list[str]:
    """Return what the run printed, without what differs from run to run, and the list of available fixtures."""
    lines = (re.sub(r"\d+\.\d+s|0x[0-9a-f]+", "", line) for line in result.outlines)
    differing = ("plugins:", "rootdir", "platform", "cachedir", ">       available fixtures")
    return [line for line in lines if not line.startswith(differing)]


def test_a_foreign_suite_behaves_the_same_with_and_without_the_plugin(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Output and exit code are the same with the plugin, with -p no:telemetry, and where it is not loaded at all."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile(test_foreign=FOREIGN)
    pytester.makeconftest(CONFTEST)
    pytester.makefile(".yaml", custom="a: 1")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    options = ("-p", "no:cacheprovider", "-rA")

    without = pytester.runpytest_subprocess(*options)
    switched_off = pytester.runpytest_subprocess(
        "-p", "pytest_telemetry.plugin", "-p", "no:pytest_telemetry.plugin", *options
    )
    loaded = pytester.runpytest_subprocess("-p", "pytest_telemetry.plugin", *options)

    assert without.ret == switched_off.ret == loaded.ret == 1
    assert outcome(without) == outcome(switched_off) == outcome(loaded)


def test_the_entry_point_can_be_switched_off_by_its_name(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-p no:telemetry removes the fixtures; the rest of pytest works on."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile("def test_it(telemetry_recorder): pass")

    result = pytester.runpytest_subprocess("-p", "no:telemetry", "-p", "no:cacheprovider")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'telemetry_recorder' not found*"])


def test_a_session_without_our_options_has_no_hook_per_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the plugin nor a test that uses a recorder adds a hook that runs for every test."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(
        """
        def pytest_sessionfinish(session):
            hook = session.config.hook
            for name in dir(hook):
                if name.startswith("pytest_runtest"):
                    ours = [i for i in getattr(hook, name).get_hookimpls() if "telemetry" in str(i.plugin)]
                    assert not ours, (name, ours)
            print("looked")
        """
    )
    pytester.makepyfile("def test_it(telemetry_recorder): pass")

    result = pytester.runpytest("-p", "pytest_telemetry.plugin", "-p", "no:cacheprovider", "-s")

    result.stdout.fnmatch_lines(["*looked*"])
    assert result.ret == 0
