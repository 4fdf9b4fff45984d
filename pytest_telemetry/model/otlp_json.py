"""Exports of OpenTelemetry as JSON, as the file exporter of a Collector writes them, read as Records (layer 0).

What becomes of each field is a table of ``docs/reference/wire.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_telemetry.model.otlp_values import (
    attributes_of,
    id_of,
    integer_of,
    nanoseconds_of,
    number_of,
    objects_in,
    text_in,
    value_of,
)
from pytest_telemetry.model.record import Instrument, Record, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ("PARENT_IS_REMOTE", "WITHOUT", "records_of_export")

PARENT_IS_REMOTE: Final = "otel.parent_is_remote"
"""Attribute of a span whose parent is of another process, and so was timed by another clock."""

WITHOUT: Final = frozenset({"run_id"})
"""Fields of a Record that an export has no place for."""

Read: TypeAlias = tuple[Record | None, tuple[str, ...]]
"""A record and what is wrong with it; or none, and why."""

_SPAN_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES: Final[dict[str, Status]] = {"unset": "unset", "ok": "ok", "error": "error"}
_CODES: Final = tuple(_STATUSES)
_LEVELS: Final = ("trace", "debug", "info", "warning", "error", "critical")
_LEVEL_NAMES: Final = {"warn": "warning", "fatal": "critical"}
_TEMPORALITIES: Final = ("unspecified", "delta", "cumulative")
_IS_REMOTE_IS_KNOWN: Final = 0x100
_IS_REMOTE: Final = 0x200


def records_of_export(raw: Mapping[str, Any]) -> Iterator[Read]:
    """Yield what an export says, in its order; the events of a span stand before it. Never raises on values."""
    for signal, (scopes, items, read) in _SIGNALS.items():
        problems: list[str] = []
        for of_resource in objects_in(raw.get(signal), signal, problems):
            shared = _of_resource(of_resource, problems)
            for of_scope in objects_in(of_resource.get(scopes), scopes, problems):
                common = shared | _of_scope(of_scope, problems)
                for item in objects_in(of_scope.get(items), items, problems):
                    yield from read(item, common)
        for problem in dict.fromkeys(problems):
            yield None, (problem,)


def _of_resource(of_resource: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    resource = of_resource.get("resource") or {}
    given = resource.get("attributes") if isinstance(resource, dict) else resource
    return attributes_of(given, "resource", problems, "resource.")


def _of_scope(of_scope: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    scope = of_scope.get("scope") or {}
    if not isinstance(scope, dict):
        problems.append("scope: not an object")
        return {}
    attrs = attributes_of(scope.get("attributes"), "scope", problems, "otel.scope.")
    for key in ("name", "version"):
        text = text_in(scope, key, problems)
        if text is not None:
            attrs[f"otel.scope.{key}"] = text
    return attrs


def _run_id(attrs: Mapping[str, Any]) -> str | None:
    said = attrs.get("run_id", attrs.get("resource.run_id"))
    return said if isinstance(said, str) and said else None


def _said(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return what stands under some keys under other names, where it is neither nothing nor 0."""
    return {name: given[key] for key, name in names.items() if given.get(key)}


def _one_of(names: tuple[str, ...], given: Any, prefix: str) -> str:
    """Return the name of an enumerated value, which is written as its number or as its name in the protocol."""
    if isinstance(given, str) and given.startswith(prefix):
        name = given.removeprefix(prefix).lower()
        return name if name in names else names[0]
    number = integer_of(given)
    return names[number] if number is not None and 0 <= number < len(names) else names[0]


# spans


def _span(span: Mapping[str, Any], common: Mapping[str, Any]) -> Iterator[Read]:
    problems: list[str] = []
    name = text_in(span, "name", problems)
    if name is None:
        yield None, ("a span without a name",)
        return
    trace_id, span_id = id_of(span, "traceId", 32, problems), id_of(span, "spanId", 16, problems)
    parent_id = id_of(span, "parentSpanId", 16, problems)
    attrs = attributes_of(span.get("attributes"), "attributes", problems)
    run_id = _run_id({**common, **attrs})
    exception = None
    for event in objects_in(span.get("events"), "events", problems):
        made, wrong = _span_event(event, name, common)
        if made is None:
            problems += wrong
            continue
        made.run_id, made.trace_id, made.parent_id = run_id, trace_id, span_id
        exception = made.attrs.get("exception.type", exception)
        yield made, wrong
    start = nanoseconds_of(span, "startTimeUnixNano", problems)
    end = nanoseconds_of(span, "endTimeUnixNano", problems)
    given = span.get("status")
    status = given if isinstance(given, dict) else {}
    code = _STATUSES[_one_of(_CODES, status.get("code"), "STATUS_CODE_")]
    error = attrs.get("error.type", exception) if code == "error" else None
    own = _said(span, _OF_SPAN) | _said(status, {"message": "otel.status_description"})
    kind = _one_of(_SPAN_KINDS, span.get("kind"), "SPAN_KIND_")
    if kind != _SPAN_KINDS[0]:
        own["otel.span_kind"] = kind
    if parent_id is not None and _is_remote(integer_of(span.get("flags")) or 0, kind):
        own[PARENT_IS_REMOTE] = True
    links = [_link(link, problems) for link in objects_in(span.get("links"), "links", problems)]
    if links:
        own["otel.links"] = links
    yield (
        Record(
            "span",
            name,
            name,
            start,
            None if start is None or end is None else end - start,
            status=code,
            error=error if isinstance(error, str) else None,
            attrs={**common, **own, **attrs},
            run_id=run_id,
            trace_id=trace_id,
            span_id=span_id,
            parent_id=parent_id,
            source="otel",
        ),
        tuple(problems),
    )


_OF_SPAN: Final = {
    "traceState": "otel.trace_state",
    "droppedAttributesCount": "otel.dropped_attributes_count",
    "droppedEventsCount": "otel.dropped_events_count",
    "droppedLinksCount": "otel.dropped_links_count",
}


def _is_remote(flags: int, kind: str) -> bool:
    """Tell whether the parent is of another process: as the span says, or else as its kind has it."""
    return bool(flags & _IS_REMOTE) if flags & _IS_REMOTE_IS_KNOWN else kind in {"server", "consumer"}


def _span_event(event: Mapping[str, Any], span: str, common: Mapping[str, Any]) -> Read:
    problems: list[str] = []
    name = text_in(event, "name", problems)
    if name is None:
        return None, ("events: one without a name",)
    attrs = attributes_of(event.get("attributes"), "attributes", problems)
    own = _said(event, {"droppedAttributesCount": "otel.dropped_attributes_count"})
    time_ns = nanoseconds_of(event, "timeUnixNano", problems)
    record = Record("event", name, f"{span}.{name}", time_ns, attrs={**common, **own, **attrs}, source="otel")
    return record, tuple(problems)


def _link(link: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    return {
        "trace_id": id_of(link, "traceId", 32, problems),
        "span_id": id_of(link, "spanId", 16, problems),
        "attributes": attributes_of(link.get("attributes"), "links", problems),
    }


# metrics


def _metric(metric: Mapping[str, Any], common: Mapping[str, Any]) -> Iterator[Read]:
    problems: list[str] = []
    name = text_in(metric, "name", problems)
    if name is None:
        yield None, ("a metric without a name",)
        return
    kind = next((kind for kind in _METRICS if isinstance(metric.get(kind), dict)), None)
    if kind is None:
        yield None, ("a metric of no known kind",)
        return
    data = metric[kind]
    temporality = _one_of(_TEMPORALITIES, data.get("aggregationTemporality"), "AGGREGATION_TEMPORALITY_")
    own = _said(metric, {"unit": "unit", "description": "otel.description"})
    if temporality != _TEMPORALITIES[0]:
        own["otel.temporality"] = temporality
    instrument: Instrument = "histogram" if kind in _DISTRIBUTIONS else "gauge"
    if kind == "sum" and temporality == "delta":  # a running total does not add up, and is read like a gauge
        instrument = "counter" if data.get("isMonotonic") is True else "updowncounter"
    for point in objects_in(data.get("dataPoints"), "dataPoints", problems):
        yield _point(point, name, instrument, {**common, "otel.metric_kind": kind, **own})
    for problem in dict.fromkeys(problems):
        yield None, (problem,)


def _point(point: Mapping[str, Any], name: str, instrument: Instrument, shared: Mapping[str, Any]) -> Read:
    problems: list[str] = []
    attrs = attributes_of(point.get("attributes"), "attributes", problems)
    own: dict[str, Any] = {}
    begun = nanoseconds_of(point, "startTimeUnixNano", problems)
    if begun is not None:
        own["otel.since_ns"] = begun
    exemplars = [
        {
            "value": _measured(exemplar, problems),
            "time_ns": nanoseconds_of(exemplar, "timeUnixNano", problems),
            "attributes": attributes_of(exemplar.get("filteredAttributes"), "exemplars", problems),
            "trace_id": id_of(exemplar, "traceId", 32, problems),
            "span_id": id_of(exemplar, "spanId", 16, problems),
        }
        for exemplar in objects_in(point.get("exemplars"), "exemplars", problems)
    ]
    if exemplars:
        own["otel.exemplars"] = exemplars
    is_whole = shared["otel.metric_kind"] in _DISTRIBUTIONS
    record = Record(
        "metric",
        name,
        name,
        nanoseconds_of(point, "timeUnixNano", problems),
        value=_distribution(point) if is_whole else _measured(point, problems),
        instrument=instrument,
        attrs={**shared, **own, **attrs},
        run_id=_run_id({**shared, **attrs}),
        source="otel",
    )
    return record, tuple(problems)


def _measured(point: Mapping[str, Any], problems: list[str]) -> int | float | None:
    """Return what was measured; None where nothing was, which a flag of the point may say."""
    for key, read in (("asInt", integer_of), ("asDouble", number_of)):
        if point.get(key) is not None:
            value = read(point[key])
            if value is None:
                problems.append(f"{key}: not a number")
            return value
    return None


_FIGURES: Final = {
    "count": "count",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "bucketCounts": "bucket_counts",
    "explicitBounds": "explicit_bounds",
    "scale": "scale",
    "zeroCount": "zero_count",
    "zeroThreshold": "zero_threshold",
    "positive": "positive",
    "negative": "negative",
    "quantileValues": "quantiles",
}


def _distribution(point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _figure(point[key]) for key, name in _FIGURES.items() if point.get(key) is not None}


def _figure(given: Any) -> Any:
    """Return numbers for what is written as text, also inside of lists and objects."""
    if isinstance(given, list):
        return [_figure(item) for item in given]
    if isinstance(given, dict):
        return {key: _figure(member) for key, member in given.items()}
    number = number_of(given)
    return given if number is None else number


_DISTRIBUTIONS: Final = ("histogram", "exponentialHistogram", "summary")
_METRICS: Final = ("gauge", "sum", *_DISTRIBUTIONS)


# logs


def _log(log: Mapping[str, Any], common: Mapping[str, Any]) -> Iterator[Read]:
    problems: list[str] = []
    attrs = attributes_of(log.get("attributes"), "attributes", problems)
    own = _said(log, {"droppedAttributesCount": "otel.dropped_attributes_count"})
    event, body = text_in(log, "eventName", problems), value_of(log.get("body"), "body", problems)
    name = event or (body if isinstance(body, str) else None)
    if name is not body and body is not None:
        own["body"] = body
    name = name or common.get("otel.scope.name") or "log"
    seen = nanoseconds_of(log, "observedTimeUnixNano", problems)
    yield (
        Record(
            "log" if event is None else "event",
            name,
            name,
            nanoseconds_of(log, "timeUnixNano", problems) or seen,
            attrs={**common, **own, **attrs},
            run_id=_run_id({**common, **attrs}),
            trace_id=id_of(log, "traceId", 32, problems),
            parent_id=id_of(log, "spanId", 16, problems),
            source="otel",
            level=_level(log, problems),
        ),
        tuple(problems),
    )


def _level(log: Mapping[str, Any], problems: list[str]) -> str | None:
    """Return the severity: by its number, in groups of four, or else by its text."""
    given = log.get("severityNumber")
    number = integer_of(given)
    if number is None and isinstance(given, str):
        name = given.removeprefix("SEVERITY_NUMBER_").rstrip("0123456789").lower()
        name = _LEVEL_NAMES.get(name, name)
        number = 4 * _LEVELS.index(name) + 1 if name in _LEVELS else 0
    if number is not None and 1 <= number <= 4 * len(_LEVELS):
        return _LEVELS[(number - 1) // 4]
    text = (text_in(log, "severityText", problems) or "").lower()
    return _LEVEL_NAMES.get(text, text) or None


_SIGNALS: Final[
    dict[str, tuple[str, str, Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Read]]]]
] = {
    "resourceSpans": ("scopeSpans", "spans", _span),
    "resourceMetrics": ("scopeMetrics", "metrics", _metric),
    "resourceLogs": ("scopeLogs", "logRecords", _log),
}
