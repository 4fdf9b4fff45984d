"""The arguments of a pytest that runs the same benchmarks again: nested, or in a fresh process (layer 7)."""

from __future__ import annotations

import os
import shlex
from itertools import takewhile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argparse import Action
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pytest

__all__ = ("again", "options_of", "without_plugin")

_LEFT_OUT: Final = frozenset(
    {
        "--basetemp",
        "--benchmark-autosave",
        "--benchmark-compare",
        "--benchmark-compare-fail",
        "--benchmark-cprofile-dump",
        "--benchmark-histogram",
        "--benchmark-json",
        "--benchmark-save",
        "--benchmark-save-data",
        "--cache-clear",
        "--collect-only",
        "--co",
        "--config-file",
        "-c",
        "--debug",
        "--deselect",
        "--dist",
        "--exitfirst",
        "-x",
        "--failed-first",
        "--ff",
        "--html",
        "--junit-xml",
        "--junitxml",
        "--last-failed",
        "--lf",
        "--log-file",
        "--maxfail",
        "--new-first",
        "--nf",
        "--numprocesses",
        "-n",
        "--pastebin",
        "--pdb",
        "--report-log",
        "--stepwise",
        "--sw",
        "--stepwise-skip",
        "--sw-skip",
        "--trace",
        "-k",
        "-m",
    }
)
"""What selects, reports, stores, distributes or throws away; and the ini file, which is named anew."""

_OURS: Final = "--telemetry-gate"
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
    # pytest's own parser is the one that knows which options have values; it has no public name
    options = config._parser.optparser._option_string_actions  # noqa: SLF001
    arguments = [*_kept([*standing, *environment, *given], options)]
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


def _kept(arguments: Iterable[str], options: Mapping[str, Action]) -> Iterator[str]:
    """Yield the options that are not left out, with their values; not what stands for itself, which are places."""
    rest = [*arguments]
    while rest:
        argument = rest.pop(0)
        name, equals, _ = argument.partition("=")
        if argument == "--":
            return
        if name in options:
            words = [argument, *(() if equals else _values(rest, options[name]))]
            yield from () if _is_left_out(name) else words
        elif argument[:2] in options:
            yield from _kept_of_letters(argument[1:], rest, options)
        elif argument.startswith(("-", "@")):  # one that nobody knows, or a file of arguments
            yield argument


def _kept_of_letters(letters: str, rest: list[str], options: Mapping[str, Action]) -> Iterator[str]:
    """Yield what is kept of options that were written as one, of which the last may have a value."""
    flags = ""
    while letters and (action := options.get(f"-{letters[0]}")) and action.nargs == 0:
        flags += "" if _is_left_out(f"-{letters[0]}") else letters[0]
        letters = letters[1:]
    if flags:
        yield f"-{flags}"
    if letters:
        name = f"-{letters[0]}"
        values = _values(rest, options[name]) if name in options and name == f"-{letters}" else []
        yield from () if _is_left_out(name) else (f"-{letters}", *values)


def _values(rest: list[str], action: Action) -> list[str]:
    """Take from the beginning of *rest* the values that belong to an option."""
    if action.nargs is None:
        count = 1
    elif isinstance(action.nargs, int):
        count = action.nargs
    else:  # as many as there are, or one at most
        plain = [*takewhile(lambda word: not word.startswith("-"), rest)]
        count = min(len(plain), 1) if action.nargs == "?" else len(plain)
    values = rest[:count]
    del rest[:count]
    return values


def _is_left_out(name: str) -> bool:
    return name in _LEFT_OUT or name.startswith(_OURS)
