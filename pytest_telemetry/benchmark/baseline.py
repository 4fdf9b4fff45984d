"""The baseline's file: what code is compared with, and which slow-downs were accepted so far (layer 2)."""

from __future__ import annotations

import datetime as dt
import json
import keyword
import math
import re
import secrets
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final, Self

from pytest_telemetry.benchmark.counters import COUNTERS
from pytest_telemetry.model.benchmark import Rules
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = (
    "SCHEMA",
    "Baseline",
    "Update",
    "is_inside",
    "is_package_name",
    "load",
    "rendered",
    "replace_file",
)

SCHEMA: Final = 1
_THRESHOLD: Final = Rules().threshold
_HEADER: Final = """\
# What the benchmarks are compared with. `pytest-telemetry gate --update --reason "..."` writes this file anew:
# change threshold, counters and reference by hand if you like; comments are not kept.
"""
_MAKE: Final = 'pytest-telemetry gate --update --reason "..." writes one'
_MEND: Final = f"restore the file, or delete it: {_MAKE}"
_REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Update:
    """One change of the baseline, and what was accepted with it.

    Attributes:
        date: When.
        revision: Full hash of the commit that became the baseline; None for code that was not committed.
        reason: Why; not empty.
        drift: By benchmark, how much slower than the baseline before it was, as a fraction above -1.
    """

    date: dt.date
    revision: str | None
    reason: str
    drift: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What stands in a baseline's file; ``docs/reference/baseline.md`` describes each key.

    Attributes:
        packages: The top-level packages that are taken from the baseline.
        date: Of the last update.
        sha256: Of the packages' files, as `pytest_telemetry.benchmark.source.sha256_of` computes it.
        benchmarks: Node ids of the benchmarks that are compared.
        revision: Full hash of the commit that the code comes from.
        archive: Where the code is kept, relative to the file, with ``/``; without it, it is taken from git.
        threshold: The slow-down from which on a benchmark fails, as a fraction.
        counters: Names of `COUNTERS` that may not grow.
        reference: By Python minor (``3.11``), ns of the plain no-op scope on the machine that targets are meant for.
        history: One entry for each update, oldest first.
    """

    packages: tuple[str, ...]
    date: dt.date
    sha256: str
    benchmarks: tuple[str, ...]
    revision: str | None = None
    archive: str | None = None
    threshold: float = _THRESHOLD
    counters: tuple[str, ...] = ()
    reference: Mapping[str, float] = field(default_factory=dict)
    history: tuple[Update, ...] = ()

    def updated(
        self,
        *,
        revision: str | None,
        date: dt.date,
        sha256: str,
        benchmarks: Sequence[str],
        reason: str,
        drift: Mapping[str, float],
    ) -> Self:
        """Return the baseline that replaces this one: what is not named here stays, and history gets an entry.

        Args:
            revision: Full hash of the commit; None for code that was not committed, which needs an archive.
            date: Of this update.
            sha256: Of the packages' files.
            benchmarks: All that are compared from now on.
            reason: Why; not empty.
            drift: By benchmark, the accepted slow-down against this baseline, as a fraction.
        """
        entry = Update(date, revision, reason, dict(drift))
        return replace(
            self,
            revision=revision,
            date=date,
            sha256=sha256,
            benchmarks=tuple(benchmarks),
            history=(*self.history, entry),
        )

    def accepted_drift(self, benchmark: str) -> float:
        """Return by how much *benchmark* became slower over all updates, compounded, as a fraction."""
        return math.prod(1 + update.drift.get(benchmark, 0.0) for update in self.history) - 1


def load(path: Path) -> Baseline:
    """Read the baseline's file at *path*.

    Raises:
        UnusableInput: There is none, it cannot be read, or it holds something that the contract does not allow.
    """
    try:
        return _baseline(tomllib.loads(path.read_bytes().decode("utf-8-sig")))
    except FileNotFoundError as error:
        raise UnusableInput(f"{path}: no such baseline; {_MAKE}") from error
    except OSError as error:
        raise UnusableInput(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnusableInput(
            f"{path}: is not UTF-8 text (byte {error.start}), so it is no baseline; {_MEND}"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UnusableInput(f"{path}: is not TOML: {error}; {_MEND}") from error
    except RecursionError as error:
        raise UnusableInput(f"{path}: is nested too deeply to be a baseline; {_MEND}") from error
    except ValueError as error:
        raise UnusableInput(f"{path}: {error}") from error


def rendered(path: Path, baseline: Baseline) -> bytes:
    """Return what `replace_file` is to write to *path* for *baseline*.

    Raises:
        UnusableInput: `load` would refuse it.
    """
    try:
        text = "\n".join(_lines(baseline))
        content = text.encode()
        _baseline(tomllib.loads(text))
    except UnicodeEncodeError as error:
        where = error.object[max(error.start - 20, 0) : error.end + 20]
        raise UnusableInput(f"{path}: not written: half a surrogate pair is no text: {where!r}") from error
    except ValueError as error:
        raise UnusableInput(f"{path}: not written: {error}") from error
    return content


def replace_file(path: Path, content: bytes) -> None:
    """Write a file aside and rename it, so that nobody sees half of it; several processes may do so at once.

    Raises:
        UnusableInput: It cannot be written; what was there before is still there.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        try:
            aside.write_bytes(content)
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UnusableInput(f"{path}: cannot be written: {error.strerror or error}") from error


def is_package_name(name: object) -> bool:
    """Tell whether *name* can be the name of a top-level package."""
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)


# Writing. JSON's strings are TOML's, but for DEL, and for pairs of surrogates, which ensure_ascii would make.


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines(baseline: Baseline) -> Iterator[str]:
    yield f"{_HEADER}schema = {SCHEMA}"
    yield f"packages = [{', '.join(map(_quoted, baseline.packages))}]"
    if baseline.revision is not None:
        yield f"revision = {_quoted(baseline.revision)}"
    yield f"date = {baseline.date.isoformat()}"
    if baseline.archive is not None:
        yield f"archive = {_quoted(baseline.archive)}"
    yield f"sha256 = {_quoted(baseline.sha256)}"
    yield f"threshold = {float(baseline.threshold)!r}"
    yield f"counters = [{', '.join(map(_quoted, baseline.counters))}]"
    yield from ("benchmarks = [", *(f"  {_quoted(name)}," for name in baseline.benchmarks), "]")
    yield from _figures("[reference]", baseline.reference)
    for update in baseline.history:
        yield from ("", "[[history]]", f"date = {update.date.isoformat()}")
        if update.revision is not None:
            yield f"revision = {_quoted(update.revision)}"
        yield f"reason = {_quoted(update.reason)}"
        yield from _figures("[history.drift]", update.drift)
    yield ""


def _figures(title: str, figures: Mapping[str, float]) -> Iterator[str]:
    if figures:
        yield from ("", title, *(f"{_quoted(name)} = {float(value)!r}" for name, value in figures.items()))


# Reading. What does not fit is a ValueError that begins with the key.


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the file; takes its values one by one.

    Attributes:
        values: What stands in it.
        place: What stands before its keys in an error.
    """

    values: Mapping[str, Any]
    place: str = ""

    def take(self, key: str, wanted: str, fits: Callable[[Any], bool], default: Any = _REQUIRED) -> Any:
        value = self.values.get(key, default)
        if value is _REQUIRED:
            raise ValueError(f"{self.place}{key}: is missing; expected {wanted}")
        if key in self.values and not fits(value):
            raise ValueError(f"{self.place}{key}: expected {wanted}, not {_shown(value)}")
        return value

    def texts(
        self, key: str, wanted: str, fits: Callable[[Any], bool], default: Any = _REQUIRED
    ) -> tuple[str, ...]:
        items = self.take(key, f"a list, each {wanted}", lambda value: isinstance(value, list), default)
        seen = set()
        for item in items:
            if not fits(item):
                raise ValueError(f"{self.place}{key}: expected {wanted}, not {_shown(item)}")
            if item in seen:
                raise ValueError(f"{self.place}{key}: {_shown(item)} stands there twice")
            seen.add(item)
        return tuple(items)

    def figures(self, key: str, wanted: str, fits: Callable[[Any], bool]) -> dict[str, float]:
        values = self.take(key, "a table", lambda value: isinstance(value, dict), {})
        inner = _Table(values, f"{self.place}{key}.")
        return {name: float(inner.take(name, wanted, fits)) for name in values}

    def refuse_others(self, known: Iterable[str]) -> None:
        others = sorted(set(self.values) - set(known))
        if others:
            names = ", ".join(_shown(f"{self.place}{name}") for name in others)
            raise ValueError(f"unknown key {names}; known are {', '.join(known)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300


def _is_date(value: object) -> bool:
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_hex(value: object, *lengths: int) -> bool:
    return isinstance(value, str) and len(value) in lengths and re.fullmatch("[0-9a-f]+", value) is not None


def is_inside(name: object) -> bool:
    """Tell whether a name stays in its folder, also on systems with drives and backslashes."""
    if not isinstance(name, str) or not name.isprintable() or "\\" in name or PureWindowsPath(name).drive:
        return False
    path = PurePosixPath(name)
    return path.name != "" and not path.is_absolute() and ".." not in path.parts


def _revision(table: _Table) -> str | None:
    revision: str | None = table.take(
        "revision", "the full hash of a commit", lambda value: _is_hex(value, 40, 64), None
    )
    return revision


def _baseline(data: dict[str, Any]) -> Baseline:
    table = _Table(data)
    schema = data.get("schema")
    if schema is None:
        raise ValueError(f"schema: is missing, so this is no baseline; {_MEND}")
    if schema != SCHEMA or type(schema) is not int:
        raise ValueError(
            f"schema: this version of pytest-telemetry reads {SCHEMA}, not {_shown(schema)}: install the one that wrote it"
        )
    table.refuse_others(_KEYS)
    baseline = Baseline(
        packages=table.texts("packages", "the name of a top-level package", is_package_name),
        date=table.take("date", "a date without a time", _is_date),
        sha256=table.take("sha256", "64 hexadecimal digits", lambda value: _is_hex(value, 64)),
        benchmarks=table.texts("benchmarks", "the node id of a benchmark", _is_text),
        revision=_revision(table),
        archive=table.take("archive", "a name beside this file, with / between folders", is_inside, None),
        threshold=float(
            table.take(
                "threshold", "a number between 0 and 1", lambda v: _is_number(v) and 0 < v < 1, _THRESHOLD
            )
        ),
        counters=table.texts("counters", f"one of {', '.join(COUNTERS)}", COUNTERS.__contains__, ()),
        reference=table.figures(
            "reference", "a time above 0 in ns", lambda value: _is_number(value) and value > 0
        ),
        history=tuple(_history(table)),
    )
    if not baseline.packages:
        raise ValueError("packages: is empty; name the top-level packages that are taken from the baseline")
    for version in baseline.reference:
        if not re.fullmatch(r"[0-9]+\.[0-9]+", version):
            raise ValueError(f"reference: expected a Python minor like 3.11, not {_shown(version)}")
    if baseline.archive is None and baseline.revision is None:
        raise ValueError("revision: is missing, and so is archive; one must say where the baseline's code is")
    return baseline


def _history(table: _Table) -> Iterator[Update]:
    entries = table.take(
        "history",
        "tables, [[history]]",
        lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
        [],
    )
    for number, values in enumerate(entries, 1):
        entry = _Table(values, f"history {number}: ")
        entry.refuse_others(("date", "revision", "reason", "drift"))
        yield Update(
            entry.take("date", "a date without a time", _is_date),
            _revision(entry),
            entry.take("reason", "a reason", _is_text),
            entry.figures("drift", "a fraction above -1", lambda value: _is_number(value) and value > -1),
        )


_KEYS: Final = (
    "schema",
    "packages",
    "revision",
    "date",
    "archive",
    "sha256",
    "threshold",
    "counters",
    "benchmarks",
    "reference",
    "history",
)
