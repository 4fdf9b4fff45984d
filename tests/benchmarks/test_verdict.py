"""Targets and verdicts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.verdict import REFERENCE_NS, Reading, Target, best, judge, quantity, slowness

BELOW_200 = Target("below", 200, "ns", scaled=True)
FAST = Target("above", 1_000_000, "operations/s", scaled=True)
HALF = Target("at most", 0.5, "x", "peer")
TENFOLD = Target("at least", 10, "x", "peer")


@pytest.mark.parametrize(
    ("target", "ours", "expected"),
    [
        (BELOW_200, 199.9, "met"),
        (BELOW_200, 200.0, "missed"),
        (Target("at most", 200, "ns"), 200.0, "met"),
        (FAST, 999.0, "met"),
        (FAST, 1000.0, "missed"),
        (Target("at least", 1_000_000, "operations/s"), 1000.0, "met"),
        (Target("at most", 3, "ms"), 3e6, "met"),
        (Target("below", 5, "us"), 5e3, "missed"),
    ],
)
def test_a_bound_belongs_to_at_most_and_at_least_only(target: Target, ours: float, expected: str) -> None:
    """The value is converted to the unit of the target and compared as the words say."""
    verdict = judge(target, Reading({"ours": ours}))

    assert verdict.outcome == expected


def test_a_slow_machine_is_given_credit_where_the_target_says_so() -> None:
    """A scaled target is met if the reference machine would have met it, and the verdict shows both figures."""
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


def test_a_target_of_the_document_knows_no_credit() -> None:
    """An unscaled target is missed on a slow machine, however slow."""
    verdict = judge(Target("above", 100_000, "operations/s"), Reading({"ours": 10_001.0}, slowness=50))

    assert (verdict.outcome, verdict.slowness) == ("missed", 1.0)


def test_no_credit_is_given_on_suspicion() -> None:
    """Where nobody found out how slow the machine is, it counts as the reference machine."""
    verdict = judge(BELOW_200, Reading({"ours": 201.0}))

    assert (verdict.outcome, verdict.slowness) == ("missed", 1.0)


@given(ours=st.floats(1, 1e6), factor=st.floats(1, 100))
def test_credit_only_ever_relaxes(ours: float, factor: float) -> None:
    """No reading that is met as it stands is judged worse for being from a slow machine."""
    quiet, slow = (judge(BELOW_200, Reading({"ours": ours}, slowness=s)).outcome for s in (1.0, factor))

    assert quiet == "missed" or slow == "met"


@pytest.mark.parametrize(
    ("target", "peer", "value", "outcome"),
    [
        (HALF, 250.0, 0.4, "met"),
        (HALF, 150.0, 2 / 3, "missed"),
        (TENFOLD, 1000.0, 10.0, "met"),
        (TENFOLD, 900.0, 9.0, "missed"),
    ],
)
def test_a_ratio_is_a_share_or_a_speed(target: Target, peer: float, value: float, outcome: str) -> None:
    """With an upper bound ours is divided by the peer, with a lower bound the peer by ours."""
    verdict = judge(target, Reading({"ours": 100.0, "peer": peer}, slowness=2))

    assert verdict.value == pytest.approx(value)
    assert verdict.outcome == outcome


def test_a_ratio_needs_its_peer() -> None:
    """A peer that was not measured is an error, not a target that is met."""
    with pytest.raises(KeyError, match="peer"):
        judge(HALF, Reading({"ours": 1.0}))


@pytest.mark.parametrize(
    ("unit", "peer", "scaled"),
    [("x", "", False), ("ns", "peer", False), ("x", "peer", True), ("bytes", "", True)],
)
def test_a_target_that_makes_no_sense_is_refused(unit: str, peer: str, scaled: bool) -> None:
    """Ratios have peers and depend on no machine, and neither do bytes."""
    with pytest.raises(ValueError, match=unit):
        Target("below", 1, unit, peer, scaled)


@pytest.mark.parametrize(
    ("yardstick", "python", "expected"),
    [(338.0, (3, 11), 2.0), (100.0, (3, 11), 1.0), (412.0, (3, 13), 2.0), (9999.0, (3, 99), 1.0)],
)
def test_slowness_is_measured_against_the_same_python(
    yardstick: float, python: tuple[int, int], expected: float
) -> None:
    """A faster machine and a Python without a reference figure count as the reference machine."""
    assert slowness(yardstick, python) == expected


def test_every_supported_python_has_a_reference_figure() -> None:
    """Credit is given on all three."""
    assert set(REFERENCE_NS) == {(3, 11), (3, 12), (3, 13)}


def test_the_attempt_that_misses_least_counts() -> None:
    """Of equals the earliest counts, since the later ones took more rounds for nothing."""
    first, second, third = (Reading({"ours": 150.0, "peer": peer}) for peer in (100.0, 1600.0, 1700.0))

    assert best([first, second, third], [HALF, TENFOLD]) is second
    assert best([first, second, third], []) is first


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.7456, "x", "0.746 x"),
        (1.531, "x", "1.53 x"),
        (111.4, "x", "111 x"),
        (96.12, "bytes", "96.1 bytes"),
        (1147.3, "ns", "1,147 ns"),
        (871980.2, "operations/s", "871,980 operations/s"),
    ],
)
def test_quantities_are_printed_with_their_digits(value: float, unit: str, text: str) -> None:
    """As many digits as can be trusted, and the unit."""
    assert quantity(value, unit) == text


def test_targets_read_as_sentences() -> None:
    """A target says what is compared with what."""
    assert HALF.text == "at most 0.500 x peer"
    assert TENFOLD.text == "at least 10 x faster than peer"
    assert FAST.text == "above 1,000,000 operations/s"
