"""Summaries of large logs by DuckDB, the same to the last digit as those of our own reader (layer 6).

DuckDB reads lines faster than anything in Python, but not all of them as we do. What it would read otherwise makes
the query fail, at the first such line: a figure comes from the whole log, or there is none.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, overload

from pytest_telemetry.analysis.command_figures import MOST_NAMES, Figures
from pytest_telemetry.model.errors import MissingExtra
from pytest_telemetry.model.record import KINDS
from pytest_telemetry.model.segments import SegmentNames
from pytest_telemetry.model.wire import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import duckdb

    from pytest_telemetry.model.stats import Method

__all__ = ("DuckdbFigures", "OtherwiseRead", "duckdb_figures", "files_of", "is_installed")

_COLUMNS: Final = {
    **dict.fromkeys(("record", "types", "timing_ms", "duration_ns"), "JSON"),
    **dict.fromkeys(("kind", "cmd", "name", "status"), "VARCHAR"),
    "result": "STRUCT(status VARCHAR)",
}
_KNOWN_KINDS: Final = ", ".join(f"'{kind}'" for kind in KINDS)

# What is JSON stays as it stands in the line, so that "3" and 3 are two things; for names that is looked at later.
# Each error() is one of the readings that differ: a key that is missing or null, numbers that no double holds,
# fields that `types` makes something else.
_READ: Final = f"""
CREATE TABLE named AS
SELECT label, count(*) AS records, count(*) FILTER (failed) AS errors, count(duration_ns) AS timed,
    list(duration_ns) AS durations
FROM (
    SELECT label, failed,
        CASE
            WHEN own AND abs(number) < 9007199254740992 AND number = trunc(number) AND NOT contains(timing, '.')
                THEN number::BIGINT
            WHEN NOT own AND abs(number) < 8589934592 THEN (number * 1000000::DOUBLE)::BIGINT
            WHEN timing IS NOT NULL THEN error('a timing that is no ordinary number')
        END AS duration_ns
    FROM (
        SELECT label, failed, own, timing, TRY_CAST(timing AS DOUBLE) AS number
        FROM (
            SELECT
                CASE
                    WHEN record IS NULL AND cmd IS NOT NULL THEN cmd
                    WHEN record::VARCHAR = '1' AND kind IN ({_KNOWN_KINDS}) AND (
                        types IS NULL
                        OR NOT regexp_matches(types::VARCHAR, '"(kind|name|duration_ns|status)["/]')
                    ) THEN name
                    WHEN record IS NOT NULL THEN error('a record of an unusual format')
                    WHEN name IS NOT NULL THEN error('a line with "name" in place of "cmd"')
                END AS label,
                CASE
                    WHEN record IS NULL THEN result.status IN ('error', 'fail', 'failed', 'timeout')
                    ELSE status = 'error'
                END AS failed,
                record IS NOT NULL AS own,
                CASE WHEN record IS NULL THEN timing_ms ELSE duration_ns END::VARCHAR AS timing
            FROM read_json(?, format = 'newline_delimited', columns = {_COLUMNS!r})
        )
    )
)
GROUP BY label"""  # noqa: S608 - names of ours
_COUNTS: Final = "SELECT label, records, errors, timed FROM named"
_EXPORTED: Final = ("resourceSpans", "resourceMetrics", "resourceLogs")
_EXPORTS: Final = f"""
SELECT count(*) FROM read_json(?, format = 'newline_delimited', columns = {dict.fromkeys(_EXPORTED, "JSON")!r})
WHERE {" OR ".join(f'"{key}" IS NOT NULL' for key in _EXPORTED)}"""  # noqa: S608 - names of ours
_LOOK: Final = 16_384
_FEW: Final = 2_000
_ALL_OF_FEW: Final = f"SELECT label, durations FROM named WHERE timed <= {_FEW}"  # noqa: S608 - likewise

# A rank of one name is a share that no other name has, and shares are constants: each name has a branch of its own.
_RANKS: Final = "WHEN ? THEN list_aggregate(durations, 'quantile_disc', [{}])"
_SOME_OF_MANY: Final = "SELECT label, CASE label {} END FROM named WHERE label IN ({})"
_NAMES_AT_ONCE: Final = 100


class OtherwiseRead(Exception):
    """DuckDB cannot read the log, or would not read it as we do; the text says why."""


class DuckdbFigures(NamedTuple):
    """What a log comes to.

    Attributes:
        events: Lines that hold a record.
        malformed: Lines that hold none, blank ones apart.
        figures: Those of each name.
    """

    events: int
    malformed: int
    figures: list[Figures]


def is_installed() -> bool:
    """Return whether there is a DuckDB to ask."""
    try:
        import duckdb  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def duckdb_figures(
    path: str | os.PathLike[str], method: Method, progress: Callable[[float], object] | None = None
) -> DuckdbFigures:
    """Return the figures of all records in the log at *path*, by name.

    They are those of `CommandFigures` over the same log, but for lines that DuckDB reads and we do not, and that hardly
    any writer makes: a comma before a closing bracket, ``nan`` or ``inf`` in place of a number that does not matter
    here, more than a thousand levels or digits; and more than 8 MiB, in a compressed segment only.

    Args:
        path: The log; its closed segments are read, too.
        method: How percentiles are computed.
        progress: Called now and then with the share that is done, from 0 to 1.

    Raises:
        MissingExtra: DuckDB is not installed.
        OtherwiseRead: It cannot read the log, or not as we do.
        OSError: The log cannot be looked at.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra("reading logs with DuckDB", "duckdb") from error
    before = _identities(path)
    if any(set(name) & set("*?[{") for name in before):
        raise OtherwiseRead("a name that holds *, ?, [ or { is a pattern for DuckDB")
    if any(_may_have_long_line(name) for name in before if not name.endswith(".gz")):
        raise OtherwiseRead("a very long line")
    with tempfile.TemporaryDirectory(prefix="pytest-telemetry-") as directory:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": False,
            "temp_directory": directory,
        }
        with duckdb.connect(":memory:", config=settings) as connection:
            try:
                return _figures(connection, [*before], method, progress)
            except duckdb.Error as error:
                raise OtherwiseRead(_reason(error)) from error
            finally:
                if _identities(path) != before:
                    raise OtherwiseRead("its segments changed meanwhile")


def _figures(
    connection: duckdb.DuckDBPyConnection,
    files: list[str],
    method: Method,
    progress: Callable[[float], object] | None,
) -> DuckdbFigures:
    _run(connection, _READ, [files], progress)
    counts = connection.execute(_COUNTS).fetchall()
    if any(not label for label, *_ in counts) and connection.execute(_EXPORTS, [files]).fetchone() != (0,):
        raise OtherwiseRead("it holds exports of OpenTelemetry")
    if len(counts) > MOST_NAMES:
        raise OtherwiseRead(f"it has more than {MOST_NAMES:,} names")
    known: dict[str, Sequence[int]] = {
        label: sorted(duration for duration in durations if duration is not None)
        for label, durations in connection.execute(_ALL_OF_FEW).fetchall()
    }
    many = {label: timed for label, _, _, timed in counts if label and timed > _FEW}
    known |= _chosen(connection, many, method)
    malformed = sum(records for label, records, _, _ in counts if not label)
    figures = [
        Figures.of(label, records, errors, known[label], method)
        for label, records, errors, _ in counts
        if label
    ]
    if any(map(_may_be_no_text, known)):
        raise OtherwiseRead("a name that may be a number")
    return DuckdbFigures(sum(one.count for one in figures), malformed, figures)


def _may_be_no_text(label: str | None) -> bool:
    """Return whether a name is also what JSON has without quotes: DuckDB makes one of both."""
    try:
        return label is not None and not isinstance(json.loads(label), str)
    except json.JSONDecodeError:
        return False
    except (ValueError, RecursionError):  # more digits or levels than Python takes
        return True


def _chosen(
    connection: duckdb.DuckDBPyConnection, lengths: Mapping[str, int], method: Method
) -> dict[str, Sequence[int]]:
    """Return what `_chosen_of` does, of any number of names, on as many processors as DuckDB takes.

    A query of its own is for each: one alone would not be divided, for the rows are few.
    """
    workers = _number(connection, "SELECT current_setting('threads')")
    size = max(1, min(_NAMES_AT_ONCE, -(-len(lengths) // workers)))
    names = iter(lengths.items())
    batches = [dict(batch) for batch in iter(lambda: [*islice(names, size)], [])]
    with ThreadPoolExecutor(workers) as pool:
        asked = [pool.submit(_chosen_of, connection.cursor(), batch, method) for batch in batches]
        known: dict[str, Sequence[int]] = {}
        for one in asked:
            known |= one.result()
    return known


def _chosen_of(
    connection: duckdb.DuckDBPyConnection, lengths: Mapping[str, int], method: Method
) -> dict[str, Sequence[int]]:
    """Return the durations of each name in ascending order, as far as figures are computed of them.

    Args:
        connection: Has the table ``named``.
        lengths: How many durations each name has.
        method: How percentiles are computed.
    """
    ranks: dict[str, list[int]] = {}
    for label, length in lengths.items():
        asked = _Chosen(length)
        Figures.of(label, length, 0, asked, method)
        ranks[label] = sorted(asked.values)
    branches = [  # of so many, the one with this rank
        _RANKS.format(", ".join(repr((rank + 0.5) / lengths[label]) for rank in ranks[label]))
        for label in ranks
    ]
    statement = _SOME_OF_MANY.format(" ".join(branches), ", ".join("?" * len(ranks)))
    rows = connection.execute(statement, [*ranks, *ranks]).fetchall()
    return {
        label: _Chosen(lengths[label], dict(zip(ranks[label], values, strict=True))) for label, values in rows
    }


class _Chosen(Sequence[int]):
    """A sequence of which some values are known; or none, to note which ones somebody looks at.

    Attributes:
        values: What is known, or 0 for what was looked at, by its place.
    """

    def __init__(self, length: int, values: dict[int, int] | None = None) -> None:
        self.values = values or {}
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self._length))]
        return self.values.setdefault(index + self._length if index < 0 else index, 0)


def _run(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    parameters: list[Any],
    progress: Callable[[float], object] | None,
) -> None:
    """Execute a statement that takes long, in a thread of its own where somebody wants to see how far it is."""
    if progress is None:
        connection.execute(statement, parameters)
        return
    failed: list[Exception] = []

    def execute() -> None:
        try:
            connection.execute(statement, parameters)
        except Exception as error:  # noqa: BLE001 - raised below
            failed.append(error)

    connection.execute("SET enable_progress_bar = TRUE; SET enable_progress_bar_print = FALSE")
    thread = threading.Thread(target=execute, name="duckdb")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)
            progress(max(connection.query_progress(), 0) / 100)
    except BaseException:
        connection.interrupt()
        raise
    finally:
        thread.join()
    if failed:
        raise failed[0]
    progress(1)


def _number(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    (row,) = connection.execute(statement).fetchall()
    return int(row[0])


def _reason(error: Exception) -> str:
    """Return what DuckDB says in one line that quotes nothing of the log."""
    text = str(error)
    for mine in ("a timing that", "a line with", "a record of"):
        if mine in text:
            return text[text.index(mine) :].splitlines()[0]
    for mark, reason in (
        ("Malformed JSON", "a line that is no strict JSON"),
        ("duplicate key", "a key that stands twice in one line"),
        ("transform error", "a line or a result that is no object"),
    ):
        if mark in text:
            return reason
    return f"DuckDB fails with {type(error).__name__}"


def files_of(path: str | os.PathLike[str]) -> list[Path]:
    """Return the files of the log at *path* in the order of reading.

    Raises:
        OSError: Its directory cannot be looked at.
    """
    active = Path(os.path.realpath(path))
    names = SegmentNames(active.name)
    closed = []
    for number in names.closed(other.name for other in active.parent.iterdir()):
        plain = active.with_name(names.plain(number))
        closed.append(plain if plain.exists() else active.with_name(names.compressed(number)))
    return [*closed, active]


def _identities(path: str | os.PathLike[str]) -> dict[str, tuple[int, int]]:
    """Return which files the log consists of, so that a change can be seen."""
    return {str(file): (file.stat().st_dev, file.stat().st_ino) for file in files_of(path)}


def _may_have_long_line(name: str) -> bool:
    """Return whether a line is longer than our reader takes, for all that a look at a few places tells.

    Such a line fills at least one of the windows of half that length, so there is one without a line feed.
    """
    window = MAX_LINE_BYTES // 2
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - a name may hold anything
        size = os.fstat(file.fileno()).st_size
        for start in range(0, size - window, window):
            file.seek(start)
            for _ in range(window // _LOOK):
                if b"\n" in file.read(_LOOK):
                    break
            else:
                return True
    return False
