"""Makes an event log of the shapes that agents left behind in the field: fields, forms, mistakes and their numbers.

Everything in it is made up from a seed; only the numbers of things are those of a log that was found.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

LOCAL = timezone(timedelta(hours=-3))
BEGIN = datetime(2026, 1, 1, 22, 0, tzinfo=UTC)

# command: (timing, how often), ...
TIMINGS: dict[str, tuple[tuple[int, int], ...]] = {
    "ctx.search": ((1, 1290), (61, 1)),
    "ast.symbols": ((13, 500), (14, 41), (129, 1)),
    "ctx.sync": ((2, 500), (400, 13), (485, 1), (486, 27), (1089, 1)),
    "ctx.build": ((1, 514), (73, 1)),
    "ast.cache.hit": ((13, 470), (14, 42), (128, 1)),
    "ctx.create": ((1, 41), (5, 1)),
    "test.cmd": ((10, 1), (12, 1), (100, 27)),
    "ast.cache.miss": ((1, 20), (14, 1), (19, 1), (23, 1)),
    "lsp.request": ((2, 4), (84, 12), (146, 1), (147, 1)),
    "ast.cache.lock_wait": ((11, 1), (50, 1), (55, 1), (56, 1), (106, 1), (109, 1)),
    "ctx.sync.stub_regen": ((1, 700),),
    "ctx.get": ((1, 445),),
    "lsp.spawn": ((1, 412),),
    "lsp.fallback": ((1, 183),),
    "ctx.search.zero_hit": ((1, 136),),
    "lsp.test_zero": ((1, 117),),
    "ast.parse": ((1, 84),),
    "file.read": ((1, 77),),
    "selector.resolve": ((1, 64),),
    "ctx.search.rejected": ((1, 62),),
    **{f"thread_{number}": ((10, 60),) for number in range(5)},
    "invalid_option": ((1, 55),),
    "lsp.daemon_status": ((1, 26),),
    "ast.cache.write": ((1, 23),),
    "lsp.state_change": ((1, 17),),
    "test": ((10, 6),),
    "test1": ((10, 6),),
    "test2": ((10, 6),),
    "ast.snippet.not_implemented": ((1, 5),),
    "ctx.validate": ((1, 4),),
    "ast.hover.wip": ((1, 3),),
    "ctx.search.spanish_alias": ((1, 3),),
    "load": ((1, 1),),
}

# command: (how often, fields that hold an absolute path), ...
PATHS: dict[str, tuple[tuple[int, tuple[str, ...]], ...]] = {
    "ast.symbols": ((534, ("x.cache_key",)),),
    "ast.cache.hit": ((513, ("args.cache_key", "result.segment_id")),),
    "ast.cache.miss": ((23, ("args.cache_key", "result.segment_id")),),
    "ast.cache.write": ((23, ("args.cache_key", "result.segment_id")),),
    "lsp.spawn": ((161, ("args.executable",)),),
    "ast.parse": ((54, ("args.file", "x.cache_key", "x.file")),),
    "file.read": ((47, ("args.file", "x.file")),),
    "ctx.sync": ((41, ("args.segment",)), (32, ("args.segment_root_resolved",))),
    "ctx.build": ((31, ("args.segment_root_resolved",)), (25, ("args.segment",))),
    "ast.cache.lock_wait": ((6, ("result.lock_path",)),),
}

# Strings with slashes that are no absolute paths.
HARMLESS = (
    "src/app/models.py",
    "repo:docs/guide.md:3f2a",
    "sym://python/mod/app.models",
    "/wo-start",
    "and/or",
    ".",
)
ROOTS = (
    "/Users/ada/work",
    "/home/ada/work",
    "/tmp/pytest-7",
    "/var/folders/x1/T",
    "C:\\work",
    "d:/work",
    "file:///work",
    "\\\\host\\work",
)


def event_log(seed: int = 1) -> list[dict[str, Any]]:
    """Return the lines of a log of 6,256 events in the order in which they were written."""
    rng = random.Random(seed)
    pool = {command: _timings(command, rng) for command in TIMINGS}
    sessions = [_session(pool, number) for number in range(17)] + [_orphan(pool) for _ in range(2)]
    rest = [_event(pool, command, rng) for command in pool for _ in range(len(pool[command]))]
    rng.shuffle(rest)
    runs = len(sessions)
    for event in rest:
        event["run_id"] = f"run_{rng.randrange(runs, 1_104)}"
    for number, session in enumerate(sessions):
        for event in session:
            event["run_id"] = f"run_{number}"
        place = rng.randrange(len(rest))
        rest[place:place] = session
    for command, groups in PATHS.items():
        _plant(rest, command, groups, rng)
    return _stamped(rest, rng)


def as_jsonl(events: list[dict[str, Any]]) -> bytes:
    """Return the log as bytes, one line per event."""
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def _timings(command: str, rng: random.Random) -> list[int]:
    timings = [timing for timing, count in TIMINGS[command] for _ in range(count)]
    rng.shuffle(timings)
    return timings


def _take(pool: dict[str, list[int]], command: str, **result: Any) -> dict[str, Any]:
    return {"cmd": command, "args": {}, "result": result, "timing_ms": pool[command].pop(), "x": {}}


def _session(pool: dict[str, list[int]], number: int) -> list[dict[str, Any]]:
    """Return the life of a language server; six of seventeen are asked, sixteen times in all."""
    asked = (3, 3, 3, 3, 2, 2)[number] if number < 6 else 0
    events = [
        _take(pool, "lsp.spawn", status="ok", pid=number),
        _take(pool, "lsp.state_change", status="ready"),
    ]
    events[0]["args"] = {"executable": "pylsp"}
    events += [_take(pool, "lsp.request", status="ok") for _ in range(asked)]
    return [*events, _take(pool, "lsp.daemon_status", status="shutdown_ttl")]


def _orphan(pool: dict[str, list[int]]) -> list[dict[str, Any]]:
    """Return a request to a server that another run had made READY."""
    status = _take(pool, "lsp.daemon_status", status="ok")
    status["x"] = {"state": "READY"}
    return [status, _take(pool, "lsp.request", status="ok")]


def _event(pool: dict[str, list[int]], command: str, rng: random.Random) -> dict[str, Any]:
    event = _take(pool, command, status=rng.choice(("ok", "ok", "ok", "error")))
    if command.startswith("lsp."):
        event["result"] = {"status": "ok"}
    event["args"] = {
        "query": rng.choice(HARMLESS),
        "ids": rng.sample(HARMLESS, 2),
        "limit": rng.randrange(20),
    }
    event["x"] = {"note": rng.choice(HARMLESS), "hits": rng.randrange(5)}
    return event


def _plant(
    events: list[dict[str, Any]],
    command: str,
    groups: tuple[tuple[int, tuple[str, ...]], ...],
    rng: random.Random,
) -> None:
    chosen = [event for event in events if event["cmd"] == command and "executable" not in event["args"]]
    rng.shuffle(chosen)
    for count, fields in groups:
        for _ in range(count):
            event = chosen.pop()
            for field in fields:
                group, name = field.split(".")
                event[group][name] = f"{rng.choice(ROOTS)}/f{rng.randrange(99)}.py"


def _stamped(events: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    """Return the events with time stamps in three forms, and in two orders of keys."""
    others = [place for place, event in enumerate(events) if event["cmd"] != "ctx.search.zero_hit"]
    utc = set(rng.sample(others, 186))
    now, lines = BEGIN, []
    for place, event in enumerate(events):
        now += timedelta(milliseconds=rng.randrange(5_000))
        if event["cmd"] == "ctx.search.zero_hit":
            keys = ("cmd", "args", "result", "timing_ms", "x")
            stamp = now.replace(microsecond=now.microsecond or 1).isoformat()
            lines.append({"ts": stamp} | {key: event[key] for key in keys})
            continue
        stamp = now.astimezone(UTC if place in utc else LOCAL).strftime("%Y-%m-%dT%H:%M:%S%z")
        line = {"ts": stamp, "run_id": event["run_id"], "segment_id": "5e9", "cmd": event["cmd"]}
        line |= {"args": event["args"], "result": event["result"], "timing_ms": event["timing_ms"]}
        lines.append(line | {"warnings": [], "x": event["x"]})
    return lines
