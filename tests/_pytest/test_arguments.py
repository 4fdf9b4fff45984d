"""The arguments of the pytests that run the same benchmarks again."""

from __future__ import annotations

from argparse import ArgumentParser
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_telemetry._pytest.arguments import again, options_of, without_plugin

FLAGS = """
--benchmark-autosave --benchmark-only --cache-clear --co --collect-only --exitfirst --ff --lf --nf --no-cov --pdb --sw
--telemetry-gate --telemetry-gate-allow-new --trace -q -v -x
"""
WITH_VALUE = """
--basetemp --benchmark-json --benchmark-save --benchmark-storage --config-file --deselect --dist --import-mode --junit-xml
--junitxml --log-file --maxfail --numprocesses --rootdir --telemetry-gate-json --telemetry-gate-threshold --tb -W -c -k -m
-n -o -p -r
"""
PERHAPS_WITH_VALUE = "--benchmark-compare --benchmark-histogram --cov --debug"


def parser() -> ArgumentParser:
    """Return what knows the options, as that of pytest does."""
    made = ArgumentParser()
    for name in FLAGS.split():
        made.add_argument(name, action="store_true")
    for name in WITH_VALUE.split():
        made.add_argument(name)
    for name in PERHAPS_WITH_VALUE.split():
        made.add_argument(name, nargs="?")
    made.add_argument("--benchmark-compare-fail", nargs="+")
    return made


def config(*given: str, addopts: tuple[str, ...] = (), **options: str) -> Any:
    """Return as much of a configuration of pytest as is looked at."""
    return SimpleNamespace(
        rootpath="/root",
        inipath=None,
        invocation_params=SimpleNamespace(args=given),
        _parser=SimpleNamespace(optparser=parser()),
        getini={"addopts": [*addopts]}.get,
        pluginmanager=SimpleNamespace(hasplugin={"logging"}.__contains__),
        getoption={f"--telemetry-gate-{name}": value for name, value in options.items()}.get,
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("benchmarks", ""),
        ("-q -vv benchmarks", "-q -vv"),
        ("-k name -m mark -kname -mmark -n 2 -nauto --numprocesses=2 --dist load", ""),
        ("-x --lf --ff --nf --sw --exitfirst --maxfail 1 --maxfail=1 --deselect benchmarks/a", ""),
        ("--telemetry-gate --telemetry-gate-json a.json --telemetry-gate-json=a.json -q", "-q"),
        ("--telemetry-gate-allow-new -q --telemetry-gate-threshold 5% -v", "-q -v"),
        ("--benchmark-json a --benchmark-save=a --benchmark-autosave --benchmark-only", "--benchmark-only"),
        ("--benchmark-compare 0001 -v --benchmark-compare-fail min:5% mean:5% -q", "-v -q"),
        ("--benchmark-compare -v --benchmark-histogram=a -q --benchmark-histogram benchmarks", "-v -q"),
        ("--junitxml a --junit-xml=a --log-file a --basetemp a --debug a.log -q", "-q"),
        ("-c a.ini -ca.ini --config-file=a.ini --config-file a.ini -q", "-q"),
        (
            "-p no:randomly -pno:xdist -W error -o a=b --rootdir=/else",
            "-p no:randomly -pno:xdist -W error -o a=b --rootdir=/else",
        ),
        ("--pdb --trace --cache-clear --co --collect-only -q -- benchmarks", "-q"),
        (
            "--rootdir . -p benchmarks --benchmark-storage a.py a.py .",
            "--rootdir . -p benchmarks --benchmark-storage a.py",
        ),
        ("-qk slug -qvn2 -vqkslug -xvq -qx -vp no:xdist -rA", "-q -qv -vq -vq -q -v -p no:xdist -rA"),
        ("-k=name -n=2 -vW error", "-v -W error"),
        ("--cov -q --cov mylib --unknown -z benchmarks", "--cov -q --cov mylib --unknown -z"),
        ("@options.txt -q -- -x -k benchmarks", "@options.txt -q"),
        ("--import-mode=importlib --cov=mylib --no-cov", "--import-mode=importlib --cov=mylib --no-cov"),
    ],
)
def test_other_pytests_get_what_does_not_select_report_or_store(
    monkeypatch: pytest.MonkeyPatch, given: str, kept: str
) -> None:
    """With the values that belong to it, wherever it stands."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    ending = ["--override-ini=log_file=", "--rootdir=/root", "--override-ini=addopts=", "/root/a.py::b"]

    assert again(config(*given.split()), ["a.py::b"]) == [*kept.split(), *ending]


def test_other_pytests_get_what_the_ini_file_and_the_environment_add(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which pytest reads them."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-vv -k 'a b' -n 2")

    assert again(config("-q", addopts=("--tb=short", "-x")), [])[:3] == ["--tb=short", "-vv", "-q"]


def test_a_plugin_can_be_left_out_of_arguments() -> None:
    """However it was asked for."""
    given = ["-p", "telemetry", "-q", "-ptelemetry", "-p", "benchmark", "telemetry", "-p"]

    assert [*without_plugin(given, "telemetry")] == ["-q", "-p", "benchmark", "telemetry", "-p", ""]


def test_an_ini_file_is_named() -> None:
    """Another one might lie nearer to the files that are named now."""
    given = config("-q", "-c", "a.ini")
    given.inipath = "/root/a.ini"

    assert again(given, [])[:3] == ["-q", "-c", "/root/a.ini"]


def test_a_fresh_process_compares_with_what_this_one_compares_with() -> None:
    """Also where an update makes the first baseline, which is then not there yet."""
    given = config(against="v1", baseline="", update="why now", threshold="5%")

    assert options_of(given) == [
        "--telemetry-gate",
        "--telemetry-gate-against=v1",
        "--telemetry-gate-update=why now",
    ]
