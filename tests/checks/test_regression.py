"""When the gate calls a benchmark slower, larger, busier, and when it calls itself broken."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.checks.regression import (
    control_problems,
    counting_problems,
    is_cleared,
    is_suspicious,
    judge,
)
from pytest_telemetry.checks.regression_text import description
from pytest_telemetry.checks.targets import Target
from pytest_telemetry.checks.targets import judge as judge_target
from pytest_telemetry.model.benchmark import Comparison, Controls, Judgement, Reading, Rules

RULES = Rules()
GATED = Rules(counters=("records",))
NAME = "benchmarks/test_a.py::test_b[0]"
SPREAD = (-0.012, -0.006, -0.004, -0.001, 0.0, 0.002, 0.004, 0.007, 0.013)
GAIN = "the gain can be lost again unseen until the baseline is moved"

Counters = dict[str, tuple[float, float]]


def timed(fraction: float, now: float = 128.0, baseline: float = 117.0, /, **counters: Any) -> Comparison:
    """Return what a process read that saw code become slower by *fraction*."""
    ratio = math.log1p(fraction)
    return Comparison(ratio, ratio - 0.003, ratio + 0.004, 200, 2_500, now, baseline, counters=counters)


def sized(now: float, baseline: float, /, **counters: Any) -> Comparison:
    return Comparison(0.0, 0.0, 0.0, 0, 1_000, now, baseline, "bytes", counters)


def nine(fraction: float, /, **counters: Any) -> list[Comparison]:
    return [timed(fraction + step, **counters) for step in SPREAD]


MISSED = judge_target(Target("below", 100, "ns"), Reading({"ours": 128.0}))
MET = judge_target(Target("below", 200, "ns"), Reading({"ours": 128.0}))
SLOW_MACHINE = judge_target(Target("below", 100, "ns", credit=True), Reading({"ours": 128.0}, slowness=2))


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.04, True), (0.025, True), (0.024, False), (0.0, False), (-0.04, False), (-0.06, True)],
)
def test_what_reads_above_the_screen_is_confirmed(fraction: float, expected: bool) -> None:
    """From half of the threshold on, in logarithms; and a gain of more than the threshold."""
    assert is_suspicious(timed(fraction), RULES) is expected


def test_the_screen_moves_with_the_rules() -> None:
    """With a threshold of 20 % nothing is confirmed that reads 8 %, unless the screen is lower."""
    assert not is_suspicious(timed(0.08), Rules(threshold=0.2))
    assert is_suspicious(timed(0.08), Rules(threshold=0.2, screen=0.4))


def test_a_reading_that_is_no_number_is_suspicious() -> None:
    """It is above no threshold, and below none."""
    assert is_suspicious(replace(timed(0), log_ratio=math.nan), RULES)


@pytest.mark.parametrize(("now", "expected"), [(88.01, True), (88.0, False), (80.0, False)])
def test_bytes_are_confirmed_if_they_grew_at_all(now: float, expected: bool) -> None:
    """They are exact, so there is no screen."""
    assert is_suspicious(sized(now, 88.0), RULES) is expected


@pytest.mark.parametrize(
    ("counters", "expected"),
    [({"records": (1, 2)}, True), ({"records": (2, 1)}, False), ({"bytecodes": (1, 2)}, False), ({}, False)],
)
def test_a_gated_counter_that_grew_is_confirmed(counters: Counters, expected: bool) -> None:
    """Whatever the time says; other counters only explain."""
    assert is_suspicious(timed(-0.03, **counters), GATED) is expected


def test_slower_is_what_most_fresh_processes_saw() -> None:
    """The median of nine is above the threshold; its interval is taken from the processes."""
    judgement = judge(NAME, timed(0.2), nine(0.096), RULES)

    assert judgement.outcome == "slower"
    assert judgement.failed
    assert judgement.ratio == pytest.approx(0.096)
    assert judgement.low == pytest.approx(0.09)
    assert judgement.high == pytest.approx(0.103)
    assert (judgement.confirmed, judgement.votes) == (9, 9)
    assert judgement.first == pytest.approx(0.2)
    assert judgement.note == ""


def test_five_of_nine_decide() -> None:
    """A few processes with a mode of their own do not."""
    above, below = timed(0.3), timed(0.01)

    four = judge(NAME, above, [above] * 4 + [below] * 5, RULES)
    five = judge(NAME, above, [above] * 5 + [below] * 4, RULES)

    assert (four.outcome, four.votes) == ("unchanged", 4)
    assert (five.outcome, five.votes) == ("slower", 5)


COUNTED: st.SearchStrategy[Counters] = st.sampled_from([{}, {"records": (1, 1)}, {"records": (1, 2)}])
READINGS = {
    "ns": st.builds(
        lambda fraction, counters: timed(fraction, **counters),
        st.sampled_from([-0.1, 0, 0.049, 0.06]),
        COUNTED,
    ),
    "bytes": st.builds(
        lambda now, baseline, counters: sized(now, baseline, **counters),
        st.sampled_from([7, 8, 9]),
        st.sampled_from([8, 9]),
        COUNTED,
    ),
}


@pytest.mark.parametrize("unit", READINGS)
@given(data=st.data(), rules=st.sampled_from([RULES, GATED]))
def test_what_is_cleared_can_fail_no_more(data: st.DataObject, unit: str, rules: Rules) -> None:
    """Whatever the processes would have read that are not asked."""
    nine = data.draw(st.lists(READINGS[unit], min_size=9, max_size=9))
    count = next((count for count in range(9) if is_cleared(nine[:count], rules)), 9)

    first = sized(9, 8) if unit == "bytes" else timed(0.3)
    early, late = (judge(NAME, first, nine[:number], rules) for number in (count, 9))

    assert early.failed == late.failed
    assert count in (5, 9)


def test_five_of_nine_clear_a_suspicion_only_where_all_of_them_agree() -> None:
    """One of them that saw it, and the others are asked as well."""
    above, below = timed(0.3), timed(0.01)

    assert is_cleared([below] * 5, RULES)
    assert not is_cleared([below] * 4, RULES)
    assert not is_cleared([below] * 7 + [above], RULES)
    assert not is_cleared([replace(below, log_ratio=math.nan)] * 5, RULES)


def test_the_threshold_itself_is_allowed() -> None:
    """Only what exceeds it fails."""
    at = replace(timed(0), log_ratio=math.log1p(0.05))

    assert judge(NAME, at, [at] * 9, RULES).outcome == "unchanged"


def test_a_first_reading_that_was_not_confirmed_is_told() -> None:
    """It counts for nothing else: the interval is that of the others."""
    judgement = judge(NAME, timed(0.064), nine(0.01), RULES)

    assert judgement.outcome == "unchanged"
    assert judgement.note == "first reading +6.4 % was not confirmed"
    assert judgement.high is not None
    assert judgement.high < 0.02


def test_a_first_reading_below_the_threshold_claimed_nothing() -> None:
    """It was confirmed to be on the safe side, and there is nothing to take back."""
    assert judge(NAME, timed(0.04), nine(0.01), RULES).note == ""


def test_a_quiet_first_reading_settles_it() -> None:
    """Its interval is at least two percent to both sides, for other processes read something else."""
    judgement = judge(NAME, timed(0.01), [], RULES)

    assert (judgement.outcome, judgement.confirmed, judgement.note) == ("unchanged", 0, "")
    assert judgement.ratio == pytest.approx(0.01)
    assert judgement.low == pytest.approx(1.01 * math.exp(-0.02) - 1)
    assert judgement.high == pytest.approx(1.01 * math.exp(0.02) - 1)


def test_a_wide_interval_of_a_first_reading_is_kept() -> None:
    """Each end is the outer one."""
    wide = replace(timed(0), low=-0.07, high=0.03)

    judgement = judge(NAME, wide, [], RULES)

    assert judgement.low == pytest.approx(math.expm1(-0.07))
    assert judgement.high == pytest.approx(math.expm1(0.03))


def test_what_could_not_be_confirmed_is_not_taken_back() -> None:
    """Without a fresh process the first reading stands, and the note says how little that is."""
    judgement = judge(NAME, timed(0.2), [], RULES)

    assert judgement.outcome == "slower"
    assert judgement.note == "no fresh process has measured it again"


@pytest.mark.parametrize("confirmations", [[], nine(-0.2)])
def test_faster_is_told_with_its_danger(confirmations: list[Comparison]) -> None:
    """By the first reading, or by the confirmations where something else was confirmed."""
    judgement = judge(NAME, timed(-0.2), confirmations, RULES)

    assert (judgement.outcome, judgement.failed) == ("faster", False)
    assert judgement.note == GAIN


def test_slower_and_faster_are_alike() -> None:
    """A gain has to be as large as a loss, in logarithms."""
    just = replace(timed(0), log_ratio=-math.log1p(0.05))

    assert judge(NAME, just, [], RULES).outcome == "unchanged"
    assert judge(NAME, replace(just, log_ratio=just.log_ratio * 1.001), [], RULES).outcome == "faster"


def test_the_best_of_all_processes_is_shown() -> None:
    """The first one included, each side for itself."""
    confirmations = [timed(0.1, 130, 118), timed(0.1, 127, 119)]

    judgement = judge(NAME, timed(0.1, 129, 116), confirmations, RULES)

    assert (judgement.now, judgement.baseline, judgement.unit) == (127, 116, "ns")


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=9), st.floats(-0.5, 0.5))
def test_the_verdict_belongs_to_the_ratio_that_is_shown(fractions: list[float], first: float) -> None:
    """And that lies in its interval."""
    judgement = judge(NAME, timed(first), [timed(fraction) for fraction in fractions], RULES)

    assert judgement.ratio is not None
    assert judgement.low is not None
    assert judgement.high is not None
    assert judgement.low <= judgement.ratio <= judgement.high
    assert (judgement.outcome == "slower") == (math.log1p(judgement.ratio) > math.log1p(0.05))


def test_a_reading_that_is_no_number_has_no_verdict() -> None:
    """It must not pass as unchanged."""
    with pytest.raises(ValueError, match="no number"):
        judge(NAME, replace(timed(0), log_ratio=math.nan), [], RULES)


@pytest.mark.parametrize(
    ("now", "outcome", "ratio", "note"),
    [
        (96.0, "larger", 96 / 88 - 1, ""),
        (88.001, "larger", 0.001 / 88, ""),
        (88.0, "unchanged", 0.0, ""),
        (80.0, "smaller", 80 / 88 - 1, GAIN),
    ],
)
def test_bytes_are_judged_without_tolerance(now: float, outcome: str, ratio: float, note: str) -> None:
    """Their interval is a point."""
    judgement = judge(NAME, sized(now, 88.0), [sized(now, 88.0)] * 3, RULES)

    assert (judgement.outcome, judgement.note, judgement.unit) == (outcome, note, "bytes")
    assert judgement.ratio == pytest.approx(ratio)
    assert judgement.low == judgement.high == judgement.ratio
    assert (judgement.now, judgement.baseline) == (now, 88.0)
    assert judgement.votes == (3 if outcome == "larger" else 0)


def test_bytes_that_grew_from_nothing_have_no_ratio() -> None:
    """They are larger all the same, and the figures are shown."""
    judgement = judge(NAME, sized(8.0, 0.0), [], RULES)

    assert (judgement.outcome, judgement.ratio, judgement.now, judgement.baseline) == (
        "larger",
        None,
        8.0,
        0.0,
    )
    assert judgement.note == "no fresh process has measured it again"


def test_nothing_that_stays_nothing_is_unchanged() -> None:
    """Its ratio is that of no growth."""
    judgement = judge(NAME, sized(0.0, 0.0), [], RULES)

    assert (judgement.outcome, judgement.ratio) == ("unchanged", 0.0)


def test_bytes_of_processes_that_disagree_are_judged_by_most() -> None:
    """A table that happened to grow in one process is not the code's doing; the note says what was seen."""
    same, more = sized(88.0, 88.0), sized(96.0, 88.0)

    judgement = judge(NAME, more, [same, same, more], RULES)

    assert (judgement.outcome, judgement.votes) == ("unchanged", 1)
    assert judgement.note == (
        "the processes disagree, so their medians are shown; "
        "first reading 88.0 bytes -> 96.0 bytes was not confirmed"
    )


def test_a_gated_counter_that_grew_is_more_work() -> None:
    """Although the time says nothing; the note names it, the counters tell how much."""
    judgement = judge(NAME, timed(0, records=(1, 2)), nine(0.01, records=(1, 2)), GATED)

    assert (judgement.outcome, judgement.failed) == ("more work", True)
    assert judgement.note == "records may not grow"
    assert judgement.counters == {"records": (1, 2)}


def test_more_work_outweighs_a_gain() -> None:
    """A run that became faster may not send more for it."""
    judgement = judge(NAME, timed(-0.2, records=(1, 2)), [], GATED)

    assert (judgement.outcome, judgement.note) == ("more work", f"records may not grow; {GAIN}")


def test_a_counter_that_shrank_or_is_not_gated_fails_nothing() -> None:
    """It only explains."""
    judgement = judge(NAME, timed(0, records=(2, 1), bytecodes=(26, 30)), [], GATED)

    assert (judgement.outcome, judgement.note) == ("unchanged", "")
    assert judgement.counters == {"records": (2, 1), "bytecodes": (26, 30)}


def test_counters_that_do_not_differ_are_not_shown() -> None:
    """There is nothing to see."""
    judgement = judge(NAME, timed(0.1), nine(0.1, bytecodes=(26, 30), calls=(1, 1)), RULES)

    assert judgement.counters == {"bytecodes": (26, 30)}


def test_counters_on_which_the_processes_disagree_are_not_shown() -> None:
    """They are not exact; a gated one still fails if most processes saw it grow, and the note says how many."""
    first, *others = nine(0, records=(1, 2), bytecodes=(26, 30))
    odd = replace(first, counters={"records": (1, 3)})

    judgement = judge(NAME, first, [odd, *others], GATED)

    assert judgement.counters == {}
    assert (judgement.outcome, judgement.note) == (
        "more work",
        "records may not grow, and did in 9 of 9 processes",
    )


def test_a_counter_that_grew_in_few_processes_is_not_held_against_the_code() -> None:
    """The first reading is confirmed or not, as with time."""
    grown, same = timed(0, records=(1, 2)), timed(0, records=(1, 1))

    assert judge(NAME, grown, [grown] * 4 + [same] * 5, GATED).outcome == "unchanged"
    assert judge(NAME, grown, [grown] * 5 + [same] * 4, GATED).outcome == "more work"


def test_where_fresh_processes_did_not_count_the_first_counts_hold() -> None:
    """Growth that was seen does not go away because nobody looked again."""
    judgement = judge(NAME, timed(0, records=(1, 2)), nine(0), GATED)

    assert (judgement.outcome, judgement.counters) == ("more work", {"records": (1, 2)})


def test_a_missed_target_fails_what_is_unchanged() -> None:
    """Every target is told, with what came of it."""
    judgement = judge(NAME, timed(0), [], RULES, [MET, MISSED])

    assert judgement.outcome == "missed"
    assert judgement.targets == ["met: 128 ns, below 200 ns", "missed: 128 ns, not below 100 ns"]


def test_a_target_that_is_met_on_a_slow_machine_is_met() -> None:
    """The text says how."""
    judgement = judge(NAME, timed(0), [], RULES, [SLOW_MACHINE])

    assert judgement.outcome == "unchanged"
    assert judgement.targets[0].startswith("met on a slow machine: 128 ns")


@pytest.mark.parametrize(
    ("fraction", "counters", "outcome"),
    [(0.1, {"records": (1, 2)}, "slower"), (0.0, {"records": (1, 2)}, "more work"), (0.0, {}, "missed")],
)
def test_of_several_failures_the_first_names_the_row(
    fraction: float, counters: Counters, outcome: str
) -> None:
    """Slower before more work before missed; note and targets keep the others."""
    judgement = judge(NAME, timed(fraction), nine(fraction, **counters), GATED, [MISSED])

    assert judgement.outcome == outcome
    assert judgement.note == ("records may not grow" if counters else "")
    assert judgement.targets == [MISSED.text]


@pytest.mark.parametrize(("verdict", "outcome"), [(MET, "unchanged"), (MISSED, "missed")])
def test_a_benchmark_may_have_targets_only(verdict: Any, outcome: str) -> None:
    """Then nothing is compared, and no ratio is made up."""
    judgement = judge(NAME, None, [], RULES, [verdict])

    assert judgement == Judgement(NAME, outcome, targets=[verdict.text])  # type: ignore[arg-type]


@pytest.mark.parametrize(("same", "more"), [(0.0, 0.1), (0.029, 0.071), (-0.029, 0.129)])
def test_an_instrument_that_sees_its_controls_works(same: float, more: float) -> None:
    """Nothing within 3 % of nothing, a tenth as 7 to 13 %."""
    assert control_problems(Controls(math.log1p(same), math.log1p(more))) == []


@pytest.mark.parametrize(
    ("same", "more", "said"),
    [
        (0.031, 0.1, "the same code against itself read +3.1 %, expected within 3 %"),
        (-0.031, 0.1, "the same code against itself read -3.1 %, expected within 3 %"),
        (math.nan, 0.1, "the same code against itself read +nan %"),
        (0.0, 0.069, "a tenth more work read +6.9 %, expected from 7 to 13 %"),
        (0.0, 0.131, "a tenth more work read +13.1 %, expected from 7 to 13 %"),
        (0.0, math.nan, "a tenth more work read +nan %"),
    ],
)
def test_an_instrument_that_does_not_is_broken(same: float, more: float, said: str) -> None:
    """The line says what was read, what was expected, and what to do."""
    (problem,) = control_problems(Controls(math.log1p(same), math.log1p(more)))

    assert problem.startswith(f"INSTRUMENT BROKEN: {said}")
    assert problem.endswith("and run again")


def test_both_controls_are_told() -> None:
    """With a tracer on one side neither is seen."""
    assert len(control_problems(Controls(-1.5, -1.4))) == 2


def test_a_gated_counter_that_is_missing_of_a_benchmark_is_a_problem() -> None:
    """One that grows in half of the calls is not counted, and would be held to nothing."""
    rules = Rules(counters=("records", "clock reads"))
    read = {
        "test_a": timed(0, records=(1, 1)),
        "test_b": timed(0, records=(1, 1), **{"clock reads": (2, 2)}),
        "test_c": timed(0),
        "test_d": sized(100, 100),
    }

    problems = counting_problems(read, rules)

    assert [problem.partition(":")[0] for problem in problems] == [
        "counter 'records' may not grow, but could not be counted of test_c",
        "counter 'clock reads' may not grow, but could not be counted of test_a and 1 other",
    ]


@pytest.mark.parametrize(
    ("judgement", "text"),
    [
        (Judgement("a", "unchanged"), "nothing was compared"),
        (Judgement("a", "slower", 0.1), "+10.0 % (no interval)"),
        (judge("a", sized(8, 0), [], RULES), "0.0 -> 8.0 bytes; no fresh process has measured it again"),
        (
            judge("a", sized(96, 88, objects=(1, 1.5)), [sized(96, 88, objects=(1, 1.5))] * 9, RULES),
            "+9.1 % (exact); 88.0 -> 96.0 bytes; objects 1 -> 1.5; more bytes in 9 of 9 fresh processes",
        ),
        (judge("a", timed(0.0, 10_100, 9_900), [], RULES), "+0.0 % (-2.0 to +2.0 %); 9,900 ns -> 10.1 us"),
    ],
)
def test_a_judgement_fits_on_one_line(judgement: Judgement, text: str) -> None:
    """What is not known is left out."""
    assert description(judgement) == text
