"""Machine instructions of one operation, counted by valgrind's callgrind (layer 2).

They see work that no counter sees, such as a name that is looked up in more places, and do not see time that is spent
waiting, for memory or for others. Another build of Python has others. Code that allocates nothing takes the same number
each time; of code that does, some percent depend on where in memory things come to lie.

A program runs under callgrind, fifty times slower than usual, and in it `run_blocks` runs an operation different
numbers of times. What is more in the longer block is what the further operations cost: starting the program, and
whatever surrounds a block, is not counted, and is paid once however many operations are counted.

Around each block the program calls a function of the C library that nothing else calls, and callgrind writes down what
it counted so far when that function is entered. So nothing has to talk to it from outside.
"""

from __future__ import annotations

import gc
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ("DIRECTORY", "instructions", "is_counting", "require_valgrind", "run_blocks")

DIRECTORY: Final = "PYTEST_TELEMETRY_CALLGRIND"
"""The environment variable that tells a program that its instructions are counted, and where to note its blocks."""

_MARK: Final = "ctermid"
_MARKS: Final = 4
"""How many dumps an operation makes: of what came before, of a block that does not count, and of the two that do."""


# Inside the program that is counted


def is_counting() -> bool:
    """Tell whether this process was started by `instructions`."""
    return DIRECTORY in os.environ


def run_blocks(name: str, block: Callable[[int], object], *, short: int = 1_000, long: int = 2_000) -> None:
    """Run *block* so that the instructions of its operation can be told.

    It is called five times: twice to warm up, twice with *short* and once with *long*. Garbage is not collected
    meanwhile.

    Args:
        name: Under which `instructions` returns what was counted.
        block: Runs the operation as often as it is told.
        short: How often in the shorter block; above 300, because Python has the first whole numbers ready-made.
        long: How often in the longer one.

    Raises:
        ValueError: *long* is not above *short*, or *short* not above 0.
        UnusableInput: This process was not started by `instructions`.
    """
    if not 0 < short < long:
        raise ValueError(f"the longer block must run more than the shorter one: {short!r}, {long!r}")
    if not is_counting():
        raise UnusableInput(f"instructions of {name}: nobody counts here, {DIRECTORY} is not set")
    notes = Path(os.environ[DIRECTORY], f"blocks.{os.getpid()}")
    was_enabled, mark = gc.isenabled(), getattr(os, _MARK)
    gc.collect()
    gc.disable()
    try:
        block(short)
        block(long)
        mark()
        for number in (short, short, long):
            block(number)
            mark()
    finally:
        if was_enabled:
            gc.enable()
    with notes.open("a", encoding="utf-8") as file:
        file.write(json.dumps([name, short, long]) + "\n")


# Outside


def require_valgrind() -> str:
    """Return where valgrind is.

    Raises:
        UnusableInput: It is not installed.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise UnusableInput(
            "machine instructions are counted by valgrind, which is not installed: "
            "install the package valgrind (apt-get install valgrind), or do not ask for them"
        )
    return valgrind


def instructions(
    command: Sequence[str],
    *,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> Mapping[str, float]:
    """Run a program under callgrind and return the instructions per operation, by the names given to `run_blocks`.

    Args:
        command: The program and its arguments. It must be the interpreter itself (``sys.executable``) and not a
            script that starts it: other programs that it starts are not counted.
        directory: Where it runs; the current directory by default.
        environment: Its environment variables; ours by default. Strings are hashed alike in each run, so that
            dictionaries look alike, unless it says otherwise (``PYTHONHASHSEED``).
        timeout_s: After how many seconds it is given up.

    Raises:
        UnusableInput: valgrind is not installed, or the program fails, takes too long, or runs no block.
    """
    valgrind = require_valgrind()
    with tempfile.TemporaryDirectory(prefix="callgrind-") as notes:
        options = ["-q", "--tool=callgrind", "--vgdb=no", f"--dump-before={_MARK}"]
        wanted = [valgrind, *options, f"--callgrind-out-file={notes}/out.%p", *command]
        variables = {"PYTHONHASHSEED": "0", **(os.environ if environment is None else environment)}
        shown = shlex.join(command)
        try:
            done = subprocess.run(  # noqa: S603 - what the caller wants to run
                wanted,
                cwd=directory,
                env={**variables, DIRECTORY: notes},
                timeout=timeout_s,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise UnusableInput(
                f"{shown}: given up after {timeout_s} s under valgrind, which is some fifty times slower"
            ) from error
        except OSError as error:
            raise UnusableInput(f"{shown}: cannot run in {directory}: {error.strerror}") from error
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
            raise UnusableInput(f"{shown}: ended with {done.returncode} under valgrind: {said}")
        found = {name: slope for path in Path(notes).glob("blocks.*") for name, slope in _slopes(path, shown)}
    if not found:
        raise UnusableInput(f"{shown}: ran under valgrind, but nothing in it called run_blocks")
    return found


def _slopes(notes: Path, shown: str) -> Iterator[tuple[str, float]]:
    """Yield name and instructions per operation of what a process noted."""
    noted = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()]
    dumps = notes.with_name(f"out{notes.suffix}")
    made = len(list(notes.parent.glob(f"{dumps.name}.*")))
    if made != _MARKS * len(noted):
        raise UnusableInput(
            f"{shown}: valgrind made {made} dumps and not {_MARKS * len(noted)}: the command must be the interpreter "
            f"itself (sys.executable), and nothing else in it may call os.{_MARK}"
        )
    for place, (name, short, long) in enumerate(noted, 1):
        fewer, more = (_total(Path(f"{dumps}.{_MARKS * place - back}")) for back in (1, 0))
        yield name, (more - fewer) / (long - short)


def _total(dump: Path) -> int:
    """Return how many instructions a dump accounts for."""
    with dump.open(encoding="utf-8", errors="replace") as lines:
        totals = [line.split()[1] for line in lines if line.startswith("totals:")]
    return int(totals[-1])
