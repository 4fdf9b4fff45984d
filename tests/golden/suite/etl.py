"""A small pipeline with one of everything, for the failure texts."""

from __future__ import annotations

from typing import Any


def etl(tele: Any, clock: Any = None) -> None:
    with tele("etl"):
        with tele("load", path="a.csv"):
            if clock is not None:
                clock.advance(1.5)
            tele.count("rows.read", 10, format="csv")
            tele.count("rows.read", 3, format="json")
            with tele("parse", rows=10):
                pass
            tele.event("disk.slow", ms=512)
        for attempt in range(3):
            with tele("db.query", table="t", attempt=attempt):
                pass
    with tele("write", rows=10):
        pass
