"""The arguments of a pytest that runs the same benchmarks again: nested, or in a fresh process (layer 7)."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    import pytest

__all__ = ("again", "options_of", "without_plugin")

# What selects, reports, stores, distributes or throws away: the first have no value, the second have one, the third
# may have some of their own.
_ALONE: Final = frozenset(
    {
        "--benchmark-autosave",
        "--benchmark-save-data",
        "--cache-clear",
        "--collect-only",
        "--co",
        "--exitfirst",
        "-x",
        "--failed-first",
        "--ff",
        "--last-failed",
        "--lf",
        "--new-first",
        "--nf",
        "--stepwise",
        "--sw",
        "--stepwise-skip",
        "--sw-skip",
        "--pdb",
        "--trace",
    }
)
_WITH_VALUE: Final = frozenset(
    {
        "--basetemp",
        "--benchmark-save",
        "--benchmark-json",
        "--deselect",
        "--dist",
        "--html",
        "--junit-xml",
        "--junitxml",
        "--log-file",
        "--numprocesses",
        "-n",
        "--maxfail",
        "--pastebin",
        "--report-log",
        "-k",
        "-m",
    }
)
_PERHAPS_WITH_VALUES: Final = frozenset(
    {
        "--benchmark-compare",
        "--benchmark-compare-fail",
        "--benchmark-cprofile-dump",
        "--benchmark-histogram",
        "--debug",
    }
)

_LETTER_AND_VALUE: Final = re.compile("-[cknm].")
_OURS: Final = "--telemetry-gate"
_OURS_ALONE: Final = frozenset(
    f"--telemetry-gate{ending}" for ending in ("", "-allow-new", "-instructions", "-partial")
)
_HANDED_ON: Final = (
    "--telemetry-gate-against",
    "--telemetry-gate-baseline",
    # Where there is no baseline yet, these say what it will be; a fresh process never writes one.
    "--telemetry-gate-update",
    "--telemetry-gate-archive",
)


def options_of(config: pytest.Config) -> list[str]:
    """Return the options with which a fresh process compares with what *config* compares with."""
    values = ((name, config.getoption(name)) for name in _HANDED_ON)
    return ["--telemetry-gate", *(f"{name}={value}" for name, value in values if value)]


def again(config: pytest.Config, places: Sequence[str]) -> list[str]:
    """Return arguments with which pytest runs *places* as *config* would, without what selects, reports or stores.

    What the ini file and ``PYTEST_ADDOPTS`` add is among them: take the latter out of the environment of that pytest.

    Args:
        config: Of the session that runs.
        places: Files or node ids, relative to the root of the project.
    """
    given = [str(argument) for argument in config.invocation_params.args]
    standing = config.getini("addopts")
    environment = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    arguments = [*_kept([*standing, *environment, *given], set(map(str, config.args)))]
    if config.inipath is not None:
        arguments += ["-c", str(config.inipath)]
    if config.pluginmanager.hasplugin("logging"):  # whoever sets what is unknown is warned
        arguments.append("--override-ini=log_file=")
    return [
        *arguments,
        f"--rootdir={config.rootpath}",
        "--override-ini=addopts=",
        *(f"{config.rootpath}/{place}" for place in places),
    ]


def without_plugin(arguments: Iterable[str], name: str) -> Iterator[str]:
    """Yield *arguments* without those that ask for the plugin *name*."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "-p":
            value = next(rest, "")
            if value != name:
                yield from (argument, value)
        elif argument != f"-p{name}":
            yield argument


def _kept(arguments: Iterable[str], positional: Container[str]) -> Iterator[str]:
    rest = [*arguments]
    while rest:
        argument = rest.pop(0)
        name, equals, _ = argument.partition("=")
        if name.startswith(_OURS):
            if not equals and name not in _OURS_ALONE:
                del rest[:1]
        elif name in _WITH_VALUE or name in {"-c", "--config-file"}:
            if not equals:
                del rest[:1]
        elif name in _PERHAPS_WITH_VALUES:
            while not equals and rest and not rest[0].startswith("-") and rest[0] not in positional:
                del rest[:1]
        elif not (
            name in _ALONE or argument in positional or argument == "--" or _LETTER_AND_VALUE.match(argument)
        ):
            yield argument
