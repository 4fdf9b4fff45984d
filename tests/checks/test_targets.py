"""Targets and verdicts."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry._pytest.marker import TARGETS
from pytest_telemetry.checks.targets import (
    LARGEST_CREDIT,
    Target,
    best,
    judge,
    slowness,
    targets_of,
)
from pytest_telemetry.model.benchmark import Reading

BELOW_200 = Target("below", 200, "ns", credit=True)
FAST = Target("above", 1_000_000, "operations/s", credit=True)
HALF = Target("at most", 0.5, "x", "plain")
TENFOLD = Target("at least", 10, "x", "plain")
REFERENCE_NS = {"3.11": 169.0, "3.13": 206.0}


@pytest.mark.parametrize(
    ("target", "ours", "expected"),
    [
        (BELOW_200, 199.9, "met"),
        (BELOW_200, 200.0, "missed"),
        (Target("at most", 200, "ns"), 200.0, "met"),
        (FAST, 999.0, "met"),
        (FAST, 1000.0, "missed"),
        (Target("at least", 1_000_000, "operations/s"), 1000.0, "met"),
    ],
)
def test_a_bound_belongs_to_at_most_and_at_least_only(target: Target, ours: float, expected: str) -> None:
    """The value is converted to the unit of the target and compared as the words say."""
    verdict = judge(target, Reading({"ours": ours}))

    assert verdict.outcome == expected


def test_bytes_are_bytes() -> None:
    """A reading in bytes is compared as it stands."""
    verdict = judge(Target("below", 100, "bytes"), Reading({"ours": 88.0}, unit="bytes"))

    assert verdict.text == "met: 88.0 bytes, below 100 bytes"


def test_a_slow_machine_is_given_credit_where_the_target_says_so() -> None:
    """Such a target is met if the reference machine would have met it, and the verdict shows both figures."""
    reading = Reading({"ours": 231.0}, slowness=1.5)

    verdict = judge(BELOW_200, reading)

    assert verdict.outcome == "met on a slow machine"
    assert verdict.value == 231.0
    assert verdict.adjusted == pytest.approx(154.0)
    assert "231 ns, below 200 ns (154 ns at the speed of the reference machine)" in verdict.text


def test_a_rate_is_given_credit_upwards() -> None:
    """A slow machine's rate counts for more, not for less."""
    verdict = judge(FAST, Reading({"ours": 1250.0}, slowness=1.5))

    assert verdict.outcome == "met on a slow machine"
    assert verdict.adjusted == pytest.approx(1_200_000)


def test_credit_has_an_end() -> None:
    """What the reference machine would have missed too is missed."""
    verdict = judge(BELOW_200, Reading({"ours": 301.0}, slowness=1.5))

    assert verdict.outcome == "missed"
    assert "201 ns at the speed of the reference machine" in verdict.text


def test_no_machine_is_given_more_than_the_largest_credit() -> None:
    """A machine that seems ten times slower is busy, or the wrong thing was measured; the text says what was done."""
    verdict = judge(BELOW_200, Reading({"ours": 1_000.0}, slowness=10))

    assert verdict.outcome == "missed"
    assert verdict.adjusted == 1_000 / LARGEST_CREDIT
    assert verdict.text == "missed: 1,000 ns, not below 200 ns (250 ns with the largest credit, 4 x)"


def test_a_target_of_the_document_knows_no_credit() -> None:
    """A target without credit is missed on a slow machine, however slow."""
    verdict = judge(Target("above", 100_000, "operations/s"), Reading({"ours": 10_001.0}, slowness=50))

    assert (verdict.outcome, verdict.slowness) == ("missed", 1.0)


def test_no_credit_is_given_on_suspicion() -> None:
    """Where nobody found out how slow the machine is, it counts as the reference machine."""
    verdict = judge(BELOW_200, Reading({"ours": 201.0}))

    assert (verdict.outcome, verdict.slowness) == ("missed", 1.0)


@given(ours=st.floats(1, 1e6), factor=st.floats(0.01, 100))
def test_credit_only_ever_relaxes(ours: float, factor: float) -> None:
    """No reading that is met as it stands is judged worse for being from a slow or a fast machine."""
    quiet, other = (judge(BELOW_200, Reading({"ours": ours}, slowness=s)) for s in (1.0, factor))

    assert quiet.outcome == "missed" or other.outcome == "met"
    assert other.adjusted <= quiet.adjusted


@pytest.mark.parametrize(
    ("target", "plain", "value", "outcome"),
    [
        (HALF, 250.0, 0.4, "met"),
        (HALF, 150.0, 2 / 3, "missed"),
        (TENFOLD, 1000.0, 10.0, "met"),
        (TENFOLD, 900.0, 9.0, "missed"),
    ],
)
def test_a_ratio_is_a_share_or_a_speed(target: Target, plain: float, value: float, outcome: str) -> None:
    """With an upper bound ours is divided by the reference, with a lower bound the reference by ours."""
    verdict = judge(target, Reading({"ours": 100.0, "plain": plain}, slowness=2))

    assert verdict.value == pytest.approx(value)
    assert verdict.outcome == outcome


def test_a_ratio_needs_its_reference() -> None:
    """A reference that was not measured is an error, not a target that is met."""
    with pytest.raises(KeyError, match="plain"):
        judge(HALF, Reading({"ours": 1.0}))


@pytest.mark.parametrize("target", [HALF, TENFOLD])
def test_there_is_no_ratio_to_a_reference_that_costs_nothing(target: Target) -> None:
    """Net of an empty loop that may come out; it is an error, in words."""
    with pytest.raises(ValueError, match=r"no ratio to plain, which costs -0\.2 ns"):
        judge(target, Reading({"ours": 1.0, "plain": -0.2}))


@pytest.mark.parametrize("target", [FAST, TENFOLD])
def test_what_costs_nothing_is_infinitely_fast(target: Target) -> None:
    """Net of an empty loop an operation may cost nothing; that is no reason to miss a rate."""
    verdict = judge(target, Reading({"ours": -0.1, "plain": 5.0}))

    assert (verdict.value, verdict.outcome) == (math.inf, "met")


@pytest.mark.parametrize(("unit", "read"), [("ns", "bytes"), ("operations/s", "bytes"), ("bytes", "ns")])
def test_bytes_are_not_held_to_a_time_nor_a_time_to_bytes(unit: str, read: str) -> None:
    """The number alone would look as if it were met."""
    with pytest.raises(ValueError, match=f"says nothing about a reading in {read}"):
        judge(Target("below", 100, unit), Reading({"ours": 1.0}, unit=read))


@pytest.mark.parametrize(
    ("unit", "reference", "credit"),
    [("x", "", False), ("ns", "plain", False), ("x", "plain", True), ("bytes", "", True)],
)
def test_a_target_that_makes_no_sense_is_refused(unit: str, reference: str, credit: bool) -> None:
    """Ratios have references and depend on no machine, and neither do bytes."""
    with pytest.raises(ValueError, match=unit):
        Target("below", 1, unit, reference, credit)


@pytest.mark.parametrize(
    ("reading", "python", "expected"),
    [(338.0, "3.11", 2.0), (100.0, "3.11", 1.0), (412.0, "3.13", 2.0), (-1.0, "3.11", 1.0)],
)
def test_slowness_is_measured_against_the_same_python(reading: float, python: str, expected: float) -> None:
    """A faster machine counts as the reference machine."""
    assert slowness(reading, REFERENCE_NS, python) == expected


@pytest.mark.parametrize("reference", [{}, {"3.12": 0.0}, REFERENCE_NS])
def test_without_a_reference_nobody_knows_how_slow_a_machine_is(reference: dict[str, float]) -> None:
    """So that no credit is given."""
    assert slowness(9_999.0, reference, "3.12") is None


def test_the_attempt_that_misses_least_counts() -> None:
    """Of equals the earliest counts, since the later ones took more rounds for nothing."""
    first, second, third = (Reading({"ours": 150.0, "plain": plain}) for plain in (100.0, 1600.0, 1700.0))

    assert best([first, second, third], [HALF, TENFOLD]) is second
    assert best([first, second, third], []) is first


def test_targets_read_as_sentences() -> None:
    """A target says what is compared with what."""
    assert HALF.text == "at most 0.500 x plain"
    assert TENFOLD.text == "at least 10 x faster than plain"
    assert FAST.text == "above 1,000,000 operations/s"


@pytest.mark.parametrize(
    ("settings", "texts"),
    [
        ({}, []),
        ({"limit": 3, "strict": True}, []),
        ({"target_ns": 200}, ["below 200 ns"]),
        ({"min_ops": 100_000}, ["above 100,000 operations/s"]),
        ({"max_bytes": 100}, ["below 100 bytes"]),
        ({"max_ratio": ("plain", 0.55)}, ["at most 0.550 x plain"]),
        ({"max_ratio": ["plain", 1.5]}, ["at most 1.50 x plain"]),
        ({"max_ratio": ("plain", 0.1)}, ["at most 0.100 x plain"]),
        ({"max_ratio": ("plain", 0.01)}, ["at least 100 x faster than plain"]),
        (
            {"max_ratio": [("plain", 0.55), ("other", 0.05)]},
            ["at most 0.550 x plain", "at least 20 x faster than other"],
        ),
        (
            {"max_ratio": ("plain", 1), "max_bytes": 100, "min_ops": 5, "target_ns": 200.5},
            ["below 200 ns", "above 5 operations/s", "below 100 bytes", "at most 1.00 x plain"],
        ),
    ],
)
def test_the_keywords_of_a_marker_are_targets(settings: dict[str, Any], texts: list[str]) -> None:
    """In one order, whatever the order of the keywords, and other keywords are left alone."""
    assert [target.text for target in targets_of(settings)] == texts


@pytest.mark.parametrize(
    ("settings", "credit"), [({}, True), ({"credit": True}, True), ({"credit": False}, False)]
)
def test_times_and_rates_are_given_credit_unless_the_marker_says_no(
    settings: dict[str, Any], credit: bool
) -> None:
    """Bytes and ratios have none in any case."""
    found = targets_of({"target_ns": 1, "min_ops": 1, "max_bytes": 1, "max_ratio": ("a", 1), **settings})

    assert [target.credit for target in found] == [credit, credit, False, False]


def test_the_keywords_that_are_looked_at_are_those_that_the_marker_takes() -> None:
    """It refuses what it does not know, so one that is forgotten there could not be used."""
    looked_at = set()

    class Settings(dict[str, Any]):
        def __contains__(self, name: object) -> bool:
            looked_at.add(name)
            return False

        def get(self, name: str, default: Any = None) -> Any:
            looked_at.add(name)
            return default

    targets_of(Settings())

    assert looked_at == TARGETS


@pytest.mark.parametrize("name", ["target_ns", "min_ops", "max_bytes"])
@pytest.mark.parametrize("value", ["200", None, True, 0, -1, math.nan, math.inf, [200]])
def test_a_bound_that_is_no_positive_number_is_refused(name: str, value: Any) -> None:
    """One sentence, with the keyword and the value."""
    with pytest.raises(ValueError, match=f"^{name} must be a number above 0, not ") as raised:
        targets_of({name: value})

    assert repr(value) in str(raised.value)


@pytest.mark.parametrize(
    "value",
    [
        0.55,
        None,
        (),
        "plain",
        ("plain",),
        ("plain", "0.5"),
        ("plain", 0),
        ("plain", True),
        ("", 0.5),
        (0.5, "plain"),
        [("plain", 0.5), "other"],
        [("plain", 0.5, 1)],
        {"plain": 0.5},
    ],
)
def test_a_ratio_that_is_no_pair_is_refused(value: Any) -> None:
    """The text says what to write."""
    with pytest.raises(ValueError, match=r'^max_ratio must be \("reference", share\) with a share above 0'):
        targets_of({"max_ratio": value})


@pytest.mark.parametrize("value", [1, None, "no"])
def test_credit_is_given_or_not(value: Any) -> None:
    """Nothing that is only nearly true is taken for an answer."""
    with pytest.raises(ValueError, match=r"^credit must be True or False"):
        targets_of({"target_ns": 200, "credit": value})
