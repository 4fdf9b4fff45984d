"""How long real language servers take, by hand: from spawn to exit on a small package, and 500 ms on a large one.

``python -m benchmarks.language_server_study`` asks the presets that are installed, or those that are named; a path
such as ``other-venv/bin/pyrefly`` stands for its preset. On a copy of click each is started several times, told to
open a file, asked for a definition at once and again when it is READY, and closed. On a copy of sympy, which pip
installs unless ``--large`` names a directory that has it, a cold server is asked once with the default time-out;
what comes too late has to be counted, and the next answer has to be right. Every record must pass the checks that
hold for all. ``--into FILE`` puts the tables between two markers of a page. The exit status is 1 where something
of this was broken.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from benchmarks import trial
from benchmarks.report import replace_between
from pytest_telemetry import TelemetryRecorder, event, span
from pytest_telemetry.assertions import (
    assert_lsp_ready_order,
    assert_monotonic_timing,
    assert_relative_paths,
)
from pytest_telemetry.codeintel.lsp import LSPClient
from pytest_telemetry.codeintel.lsp_servers import installed, server_command
from pytest_telemetry.model.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_telemetry.codeintel.lsp_replies import DefinitionReply

BEGIN: Final = "<!-- language server study: begin (written by benchmarks/language_server_study.py) -->"
END: Final = "<!-- language server study: end -->"
TIMEOUT_MS: Final = 500
PATIENT_MS: Final = 300_000
WARM: Final = 20


@dataclass(frozen=True)
class Question:
    """A use of a name, and the file that has its definition."""

    file: str
    line: int
    col: int
    answer: str

    @classmethod
    def of(cls, workspace: Path, file: str, pattern: str, answer: str) -> Question:
        """Return the question at the group of *pattern*, where the file first has it."""
        for number, line in enumerate((workspace / file).read_text(encoding="utf-8").splitlines(), 1):
            match = re.search(pattern, line)
            if match is not None:
                return cls(file, number, match.start(1), answer)
        raise ValueError(f"{file} has no line that {pattern!r} describes: another version of the package?")

    def is_answered(self, reply: DefinitionReply) -> bool:
        """Tell whether *reply* leads where it should."""
        return [place.file for place in reply.locations] == [self.answer]


@dataclass
class Session:
    """One life of a server on the small package, in ms."""

    spawn: float = 0.0
    initialize: float = 0.0
    ready: float = 0.0
    ready_via: str = ""
    first: float = 0.0
    warm: list[float] = field(default_factory=list)
    exit: float = 0.0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Cold:
    """What became of the first question to a server on the large package; times in ms."""

    timed_out: bool = False
    late: float | None = None
    next: float = 0.0
    wrong: list[str] = field(default_factory=list)


def small_session(server: str, workspace: Path, question: Question) -> Session:
    """Return what one life took."""
    session = Session()
    with TelemetryRecorder() as recorder:
        client = LSPClient(recorder.context, server, timeout_ms=PATIENT_MS, handshake_timeout_ms=PATIENT_MS)
        client.initialize(workspace)
        client.open(question.file)
        replies = [client.definition(question.file, question.line, question.col)]
        client.wait_until_ready(PATIENT_MS)
        replies += [client.definition(question.file, question.line, question.col) for _ in range(WARM)]
        begin = SYSTEM_CLOCK.mono_ns()
        client.close()
        session.exit = (SYSTEM_CLOCK.mono_ns() - begin) / 1e6
        session.spawn, session.initialize, session.ready = (
            _ms(recorder, name)[0] for name in ("lsp.spawn", "lsp.initialize", "lsp.ready")
        )
        session.first, *session.warm = _ms(recorder, "lsp.definition")
        session.ready_via = next(str(r.attrs["ready_via"]) for r in recorder if r.name == "lsp.ready")
        if not all(map(question.is_answered, replies)):
            session.wrong.append("an answer is not right")
        session.wrong += _broken(recorder)
    return session


def cold_session(server: str, workspace: Path, question: Question) -> Cold:
    """Ask a cold server once with the default time-out, and again when it has answered after all."""
    cold = Cold()
    with TelemetryRecorder() as recorder:
        with LSPClient(recorder.context, server, handshake_timeout_ms=PATIENT_MS) as client:
            client.initialize(workspace)
            try:
                client.definition(question.file, question.line, question.col)
            except TimeoutError:
                cold.timed_out = True
                recorder.wait_for(event("lsp.late_reply"), timeout=PATIENT_MS / 1000)
                late = next(r.attrs["args.late_ms"] for r in recorder if r.name == "lsp.late_reply")
                cold.late = TIMEOUT_MS + float(late)
            reply = client.definition(question.file, question.line, question.col)
            cold.next = _ms(recorder, "lsp.definition")[-1]
            if not question.is_answered(reply):
                cold.wrong.append("the next answer is not right")
            counted = client.statistics()
            if not counted["timeouts"] == counted["late_replies"] == int(cold.timed_out):
                cold.wrong.append(
                    f"counted {counted['timeouts']} time-outs, {counted['late_replies']} late answers"
                )
        assert span("lsp.exit") in recorder
        cold.wrong += _broken(recorder)
    return cold


def _ms(recorder: TelemetryRecorder, name: str) -> list[float]:
    return [(record.duration_ns or 0) / 1e6 for record in recorder if record.name == name]


def _broken(recorder: TelemetryRecorder) -> Iterator[str]:
    for check in (assert_lsp_ready_order, assert_relative_paths, assert_monotonic_timing):
        try:
            check(recorder)
        except AssertionError as error:
            yield str(error).splitlines()[0]


def table(small: dict[str, list[Session]], large: dict[str, Cold], versions: dict[str, str]) -> Iterator[str]:
    """Yield the lines of both tables."""
    yield "| server | spawn | initialize | READY, from spawn | by | first definition | warm definition | close |"
    yield "| --- | --: | --: | --: | --- | --: | --: | --: |"
    for name, sessions in small.items():
        middle = [
            statistics.median(getattr(session, part) for session in sessions)
            for part in ("spawn", "initialize", "ready", "first", "exit")
        ]
        warm = statistics.median(ms for session in sessions for ms in session.warm)
        via = ", ".join(sorted({session.ready_via for session in sessions}))
        spawn, initialize, ready, first, close = (f"{ms:,.0f}" for ms in middle)
        yield (
            f"| {name} {versions.get(name, '')} | {spawn} | {initialize} | {ready} | {via} | {first} | "
            f"{warm:.1f} | {close} |"
        )
    if large:
        yield ""
        yield "| server | answers within 500 ms, cold | the late answer came after | next definition |"
        yield "| --- | --- | --: | --: |"
        for name, cold in large.items():
            late = "" if cold.late is None else f"{cold.late:,.0f}"
            yield f"| {name} | {'no' if cold.timed_out else 'yes'} | {late} | {cold.next:.1f} |"


def version_of(server: str, workspace: Path) -> str:
    """Return what the server says of itself."""
    with TelemetryRecorder() as recorder:
        with LSPClient(recorder.context, server, handshake_timeout_ms=PATIENT_MS) as client:
            client.initialize(workspace)
        told = next(record.attrs for record in recorder if record.name == "lsp.initialize")
    return str(told.get("result.server_version", ""))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.language_server_study", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("servers", nargs="*", help="presets or paths; by default those that are installed")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--large", type=Path, help="a directory that has sympy")
    parser.add_argument("--into", type=Path, help="a file with the two markers")
    options = parser.parse_args(arguments)
    servers: dict[str, str] = {}
    for server in options.servers or [preset.name for preset in installed()]:
        servers[server_command(server).name] = server
    small: dict[str, list[Session]] = {}
    large: dict[str, Cold] = {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        little, big = copies(Path(temporary), options.large)
        easy = Question.of(little, "click/core.py", r"import (HelpFormatter)", "click/formatting.py")
        hard = Question.of(
            big,
            "sympy/solvers/solvers.py",
            r"^from sympy.core.function import \(?(\w+)",
            "sympy/core/function.py",
        )
        for name, server in servers.items():
            versions[name] = version_of(server, little)
            small[name] = [small_session(server, little, easy) for _ in range(options.rounds)]
            large[name] = cold_session(server, big, hard)
            sys.stderr.write(f"{name}\n")
    lines = [trial.circumstances(), f"Medians of {options.rounds} sessions, in ms.", ""]
    text = "\n".join([*lines, *table(small, large, versions)])
    sys.stdout.write(f"{text}\n")
    if options.into is not None:
        replace_between(options.into, BEGIN, END, text)
    results: list[Any] = [*large.values(), *(session for sessions in small.values() for session in sessions)]
    wrong = sorted({text for result in results for text in result.wrong})
    sys.stderr.writelines(f"{text}\n" for text in wrong)
    return int(bool(wrong))


def copies(directory: Path, given: Path | None) -> tuple[Path, Path]:
    """Return a workspace with click, and one with sympy."""
    little, big = directory / "little", directory / "big"
    only_source = shutil.ignore_patterns("*.pyc")
    shutil.copytree(Path(click.__file__).parent, little / "click", ignore=only_source)
    if given is None:
        given = directory / "installed"
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(given), "sympy"]
        subprocess.run(install, check=True)
    for package in ("sympy", "mpmath"):
        shutil.copytree(given / package, big / package, ignore=only_source)
    return little, big


if __name__ == "__main__":
    sys.exit(main())
