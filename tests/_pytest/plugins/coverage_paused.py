"""A plugin for runs of benchmarks while the coverage of our own code is measured.

Coverage traces, and what times or counts refuses to work under a tracer. So its tracer is hidden here, and paused
while something is timed or counted. Only the project's own test runs load this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from pytest_telemetry._pytest import counting
from pytest_telemetry.benchmark.counters import count
from pytest_telemetry.benchmark.operation import Lane

_gettrace = sys.gettrace
_coverage = _gettrace()


def _others() -> Any:
    tracer = _gettrace()
    return None if tracer is _coverage or type(tracer) is type(_coverage) else tracer


def _paused(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*arguments: Any, **keywords: Any) -> Any:
        tracer = _gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **keywords)
        finally:
            sys.settrace(tracer)

    return run


if _coverage is not None:
    sys.gettrace = _others
    Lane.block = _paused(Lane.block)  # type: ignore[method-assign]
    vars(counting)["count"] = _paused(count)
