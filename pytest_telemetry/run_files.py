"""The files beside an event log: counters of all runs, and the figures of the last one (layer 6).

Both are written aside and renamed: whoever reads one finds it whole, as it was or as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
from typing import TYPE_CHECKING, Any, Final

from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.file_lock import HAS_LOCKS, lock, unlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ("LAST_RUN", "METRICS", "add_counters", "read_counters", "read_object", "write_object")

METRICS: Final = "metrics.json"
LAST_RUN: Final = "last_run.json"

_LARGEST: Final = 64 * 1024 * 1024
_PATIENCE_S: Final = 10.0
_PAUSE_S: Final = 0.01


def add_counters(path: Path, counters: Mapping[str, float], saved: dict[str, float]) -> None:
    """Add to the file at *path*, which need not be there, what *counters* have and it was not given before.

    Any number of processes may do so at once, where the system has locks for files; each addition is in the file
    when this returns. What the file holds besides counters stays in it.

    Args:
        path: The file.
        counters: What was counted up to now.
        saved: What of it the file was given; brought up to date as soon as it has the rest.

    Raises:
        UnusableInput: The file holds no JSON object; it is left as it is.
        OSError: It cannot be written, or others kept it locked for ten seconds.
    """
    new = {name: value for name, total in counters.items() if (value := total - saved.get(name, 0))}
    if not new:
        return
    with _alone(path):
        kept = read_object(path) if path.exists() else {}
        for name, increment in new.items():
            before = kept.get(name, 0)
            if not _is_number(before):
                raise UnusableInput(
                    f"{path}: {name} is no number; move the file away, and counting begins anew"
                )
            kept[name] = before + increment
        write_object(path, kept, lambda: saved.update(counters))


def read_counters(path: Path) -> dict[str, float]:
    """Return the counters in the file at *path*, those of older tools included; none where there is no file.

    Raises:
        UnusableInput: It holds no JSON object, or cannot be read.
    """
    if not path.exists():
        return {}
    return {name: value for name, value in read_object(path).items() if _is_number(value)}


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object that the file at *path* holds.

    Raises:
        UnusableInput: It holds none, is larger than 64 MB, or cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise UnusableInput(f"{path}: is no file")
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise UnusableInput(f"{path}: is larger than 64 MB, which no file of a run is")
        value = json.loads(text)
    except OSError as error:
        raise UnusableInput(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UnusableInput(f"{path}: is not JSON: {reason}") from error
    if not isinstance(value, dict):
        raise UnusableInput(f"{path}: holds no JSON object, which a file of a run is")
    return value


def write_object(path: Path, value: Mapping[str, Any], replaced: Callable[[], None] = lambda: None) -> None:
    """Replace the file at *path*, or the link that is there, by one that holds *value*.

    Args:
        path: The file.
        value: What it is to hold.
        replaced: Called once it holds it, also where a signal handler raises at that moment.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    is_whole = False
    try:
        # half a surrogate pair becomes an escape, and what is no number in an older file stays
        with aside.open("x", encoding="utf-8", errors="backslashreplace") as file:
            json.dump(value, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        is_whole = True
        aside.replace(path)
    finally:
        if is_whole and not aside.exists():
            replaced()
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep every other process from adding to *path* meanwhile; a lock ends with whoever holds it."""
    if not HAS_LOCKS:
        yield
        return
    file = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        pause = threading.Event()
        for _ in range(round(_PATIENCE_S / _PAUSE_S)):
            if lock(file, exclusive=True):
                break
            pause.wait(_PAUSE_S)
        else:
            raise TimeoutError(f"{path}: others keep it locked")
        try:
            yield
        finally:
            unlock(file)  # also for a child that was forked meanwhile
    finally:
        os.close(file)


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and value - value == 0  # and finite
