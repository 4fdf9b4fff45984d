"""A share of the records, and of each trace all or nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pytest_telemetry import TelemetryRecorder
from pytest_telemetry.model.record import Record
from pytest_telemetry.processors import Sampling


def record(trace_id: str | None = None, **changes: Any) -> Record:
    return Record(
        **{"kind": "event", "name": "a", "scope": "a", "time_ns": 1, "trace_id": trace_id, **changes}
    )


def traces(count: int) -> list[str]:
    rng = random.Random(1)
    return [f"{rng.getrandbits(128):032x}" for _ in range(count)]


def test_a_trace_is_kept_as_a_whole_or_not_at_all() -> None:
    """In every process alike, because its id decides."""
    first, second = Sampling(0.5), Sampling(0.5)

    for trace_id in traces(200):
        kept = {first(record(trace_id)) is not None for _ in range(3)}
        assert kept == {second(record(trace_id, kind="span", duration_ns=1)) is not None}


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.25, 0.5, 0.9, 1.0])
def test_about_the_share_is_kept_that_was_asked_for(rate: float) -> None:
    """Of traces by their ids, of records without a trace by drawing."""
    sampling = Sampling(rate, draw=random.Random(2).random)
    ids = traces(4_000)

    by_id = sum(sampling(record(trace_id)) is not None for trace_id in ids)
    by_draw = sum(sampling(record()) is not None for _ in ids)

    assert by_id / len(ids) == pytest.approx(rate, abs=0.03)
    assert by_draw / len(ids) == pytest.approx(rate, abs=0.03)


def test_the_low_56_bits_decide_against_a_threshold() -> None:
    """As the W3C has it; whatever the rest of the id is."""
    half = Sampling(0.5)

    assert half(record("0" * 18 + "80000000000000")) is not None
    assert half(record("f" * 18 + "7fffffffffffff")) is None


def test_what_is_kept_at_a_lower_rate_is_kept_at_a_higher_one() -> None:
    """So that stages with different rates agree."""
    low, high = Sampling(0.1), Sampling(0.3)
    ids = traces(1_000)

    assert {i for i in ids if low(record(i))} < {i for i in ids if high(record(i))}


def test_an_id_of_another_kind_decides_as_well() -> None:
    """Short ones and those that are no hex digits."""
    sampling = Sampling(0.5)
    kept = [sampling(record(f"run-{number}")) is not None for number in range(400)]

    assert kept == [Sampling(0.5)(record(f"run-{number}")) is not None for number in range(400)]
    assert 140 < sum(kept) < 260


def test_errors_are_kept_on_demand() -> None:
    """Alone: the rest of their trace is drawn for as always."""
    none, errors = Sampling(0), Sampling(0, keep_errors=True)

    assert none(record(status="error")) is None
    assert errors(record(status="error")) is not None
    assert errors(record(status="ok")) is None


def test_everything_is_counted() -> None:
    """Kept and dropped add up to what came."""
    sampling = Sampling(0.5)
    for trace_id in traces(100):
        sampling(record(trace_id))

    numbers = sampling.statistics()
    assert numbers["kept"] + numbers["dropped"] == 100
    assert min(numbers.values()) > 20


def test_a_recorder_says_what_sampling_dropped() -> None:
    """It is a processor like any other."""
    recorder = TelemetryRecorder(processors=[Sampling(0)])
    with recorder.context("load"):
        pass

    assert list(recorder.records()) == []
    assert recorder.context.statistics()["dropped_by_processors"] == {"Sampling": 1}


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    """With what would do."""
    with pytest.raises(ValueError, match="a sampling rate is from 0 to 1"):
        Sampling(rate)
