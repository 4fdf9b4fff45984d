"""What a run of the gate says on a terminal and to machines."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from pytest_telemetry.model.benchmark import Controls, Gate, Judgement, Rules
from pytest_telemetry.reports.gate import as_dict, history, text, worst_first

A, B = "benchmarks/test_a.py", "benchmarks/test_b.py"
SLOWER = Judgement(
    f"{A}::test_hot[0]",
    "slower",
    0.0964,
    0.081,
    0.11,
    128.2,
    116.9,
    counters={"bytecodes": (26, 30)},
    confirmed=9,
    votes=9,
    first=0.1,
    targets=["met: 128 ns, below 200 ns"],
)
LARGER = Judgement(
    f"{B}::test_level", "larger", 8 / 88, 8 / 88, 8 / 88, 96, 88, "bytes", confirmed=9, votes=9
)
MORE = Judgement(
    f"{A}::test_event",
    "more work",
    0.0,
    -0.02,
    0.02,
    455,
    455,
    counters={"records": (1, 2)},
    note="records may not grow",
)
MISSED = Judgement(
    f"{B}::test_rate", "missed", 0.012, -0.008, 0.03, 10_500, 10_400, targets=["missed: 95,238 operations/s"]
)
UNCONFIRMED = Judgement(
    f"{A}::test_span",
    "unchanged",
    0.01,
    0.004,
    0.017,
    451,
    449,
    confirmed=9,
    votes=1,
    first=0.064,
    note="first reading +6.4 % was not confirmed",
)
SLOW_MACHINE = Judgement(
    f"{A}::test_old",
    "unchanged",
    0.0,
    -0.02,
    0.02,
    231,
    231,
    targets=["met on a slow machine: 231 ns, below 200 ns"],
)
FASTER = Judgement(f"{A}::test_tree", "faster", -0.21, -0.22, -0.19, 1.41e7, 1.79e7, note="can be lost again")
QUIET = Judgement(f"{A}::test_nested", "unchanged", 0.006, -0.014, 0.026, 350, 349, targets=["met: 350 ns"])
TARGETS_ONLY = Judgement(f"{B}::test_import", "unchanged", targets=["met: 2.1 ms, at most 3.0 ms"])
GATE = Gate(
    "e8ffbc9 of 2026-11-21",
    Rules(),
    [QUIET, SLOWER, FASTER, MISSED, TARGETS_ONLY, UNCONFIRMED, LARGER, SLOW_MACHINE, MORE],
    ["test_new has no baseline: add it"],
    Controls(0.001, math.log(1.098)),
    "CPython 3.11.7",
    3.21,
    6.3,
)


def lines(gate: Gate, *, width: int | None = None, verbose: bool = False) -> list[str]:
    return list(text(gate, width, verbose=verbose))


def gate_of(*judgements: Judgement) -> Gate:
    return replace(GATE, judgements=judgements, problems=())


def test_the_table_of_a_run() -> None:
    """What failed comes first, by what failed; what is said of a row stands below its name."""
    assert (
        "\n".join(lines(GATE))
        == """\
compared with e8ffbc9 of 2026-11-21, threshold 5 %; CPython 3.11.7 (baseline -> now)
verdict    benchmark                          slow-down          interval                best  counters
slower     benchmarks/test_a.py::test_hot[0]     +9.6 %   +8.1 to +11.0 %       117 -> 128 ns  bytecodes 26 -> 30
           more than the threshold in 9 of 9 fresh processes
larger     benchmarks/test_b.py::test_level      +9.1 %             exact  88.0 -> 96.0 bytes
           more bytes in 9 of 9 fresh processes
more work  benchmarks/test_a.py::test_event      +0.0 %    -2.0 to +2.0 %       455 -> 455 ns  records 1 -> 2
           records may not grow
missed     benchmarks/test_b.py::test_rate       +1.2 %    -0.8 to +3.0 %     10.4 -> 10.5 us
           missed: 95,238 operations/s
unchanged  benchmarks/test_a.py::test_span       +1.0 %    +0.4 to +1.7 %       449 -> 451 ns
           first reading +6.4 % was not confirmed; more than the threshold in 1 of 9 fresh processes
unchanged  benchmarks/test_a.py::test_old        +0.0 %    -2.0 to +2.0 %       231 -> 231 ns
           met on a slow machine: 231 ns, below 200 ns
faster     benchmarks/test_a.py::test_tree      -21.0 %  -22.0 to -19.0 %     17.9 -> 14.1 ms
           can be lost again
unchanged  benchmarks/test_a.py::test_nested     +0.6 %    -1.4 to +2.6 %       349 -> 350 ns
met        benchmarks/test_b.py::test_import
controls   the same code against itself read +0.1 %, a tenth more work read +9.8 %
problem    test_new has no baseline: add it
gate failed: 1 slower, 1 larger, 1 more work, 1 missed, 3 unchanged, 1 met, 1 faster of 9 benchmarks; 1 problem; \
first readings 3.2 s, confirmation 6.3 s"""
    )


def test_failures_come_first_and_the_larger_slow_down_before_the_smaller() -> None:
    """By what failed; what grew from nothing is the largest, and what was not compared comes last."""
    worse = replace(SLOWER, benchmark="worse", ratio=0.2)
    from_nothing = replace(LARGER, benchmark="from nothing", ratio=None)
    judgements = [TARGETS_ONLY, FASTER, QUIET, MISSED, MORE, LARGER, from_nothing, SLOWER, worse]

    ordered = worst_first(judgements)

    assert ordered == [worse, SLOWER, from_nothing, LARGER, MORE, MISSED, QUIET, FASTER, TARGETS_ONLY]


def test_a_gate_that_passed_says_so() -> None:
    """In the last line, with counts and times."""
    *_, last = lines(gate_of(QUIET, FASTER))

    assert (
        last == "gate passed: 1 unchanged, 1 faster of 2 benchmarks; first readings 3.2 s, confirmation 6.3 s"
    )


def test_a_gate_that_judged_nothing_says_so() -> None:
    """There is no table then."""
    gate = Gate("HEAD~1", Rules(0.075), problems=["nothing was measured: look at the session above"])

    assert lines(gate) == [
        "compared with HEAD~1, threshold 7.5 % (baseline -> now)",
        "controls   not read",
        "problem    nothing was measured: look at the session above",
        "gate failed: no benchmark was judged; 1 problem; first readings 0.0 s, confirmation 0.0 s",
    ]


def test_where_no_counter_differs_there_is_no_column_for_them() -> None:
    """The header ends with the costs."""
    head = lines(gate_of(QUIET))[1]

    assert head.endswith("best")


def test_a_benchmark_without_baseline_and_targets_is_unjudged() -> None:
    """It is not called unchanged, since nobody knows."""
    assert lines(gate_of(Judgement("a", "unchanged")))[2] == "unjudged   a"


def test_verbose_tells_every_target_and_the_first_reading() -> None:
    """In the order of targets, then processes."""
    told = lines(gate_of(SLOWER), verbose=True)

    assert told[3:5] == [
        "           met: 128 ns, below 200 ns",
        "           more than the threshold in 9 of 9 fresh processes; first reading +10.0 %",
    ]


def test_votes_are_told_where_they_explain_something() -> None:
    """Not of a benchmark that was confirmed as unchanged and of which there is nothing else to say."""
    quiet = replace(UNCONFIRMED, note="")

    assert "fresh" not in "".join(lines(gate_of(quiet)))
    assert "1 of 9 fresh processes" in "".join(lines(gate_of(quiet), verbose=True))


@pytest.mark.parametrize("judgement", [MORE, MISSED, FASTER])
def test_votes_on_time_are_not_told_where_time_was_not_the_question(judgement: Judgement) -> None:
    """That no process saw more than the threshold would look like an excuse."""
    assert "fresh" not in "".join(lines(gate_of(replace(judgement, confirmed=9)), verbose=True))


def many(count: int) -> list[Judgement]:
    return [
        replace(QUIET, benchmark=f"{file}::test_{place}", ratio=place / 1_000)
        for file in (A, B)
        for place in range(count)
    ]


def test_many_benchmarks_of_which_there_is_nothing_to_say_share_a_row() -> None:
    """By file, with the reach of their slow-downs; others keep their rows."""
    told = lines(gate_of(*many(20), SLOWER, UNCONFIRMED, TARGETS_ONLY))

    assert [line.split()[:2] for line in told[2:6]] == [
        ["slower", f"{A}::test_hot[0]"],
        ["more", "than"],
        ["unchanged", f"{A}::test_span"],
        ["first", "reading"],
    ]
    assert [" ".join(line.split()) for line in told[6:-2]] == [
        f"unchanged {A}: 20 benchmarks +0.0 to +1.9 %",
        f"unchanged {B}: 20 benchmarks +0.0 to +1.9 %",
        f"met {B}: 1 benchmark",
    ]


def test_a_benchmark_whose_counters_differ_keeps_its_row() -> None:
    """Although its time says nothing."""
    told = lines(gate_of(*many(20), replace(QUIET, benchmark="c", counters={"bytecodes": (26, 27)})))

    assert told[2].startswith("unchanged  c ")
    assert told[2].endswith("  bytecodes 26 -> 27")


def test_a_reach_that_is_a_point_is_one_figure() -> None:
    """As far as it is shown."""
    told = lines(gate_of(*(replace(one, ratio=0.0101) for one in many(20))))

    assert told[2].split() == ["unchanged", f"{A}:", "20", "benchmarks", "+1.0", "%"]


def test_thirty_rows_are_shown_and_so_is_everything_with_verbose() -> None:
    """Only a table that nobody would read is folded."""
    assert sum("::test_" in line for line in lines(gate_of(*many(15)))) == 30
    assert sum("::test_" in line for line in lines(gate_of(*many(40)), verbose=True)) == 80


def test_names_are_shortened_in_the_middle_to_fit() -> None:
    """Counters go below their row if there is no room beside it; nothing is wider than the terminal."""
    told = lines(GATE, width=80)

    assert told[2:4] == [
        "slower     bench...:test_hot[0]     +9.6 %   +8.1 to +11.0 %       117 -> 128 ns",
        "           bytecodes 26 -> 30",
    ]
    assert max(len(line) for line in told[1:-1]) <= 80


def test_nothing_is_shortened_on_a_wide_terminal() -> None:
    """Or where nobody said how wide it is."""
    assert lines(GATE, width=200) == lines(GATE)


def test_what_is_said_is_wrapped_below_its_name() -> None:
    """Problems and remarks alike."""
    gate = replace(gate_of(UNCONFIRMED), problems=["one two three four five six seven"])

    told = lines(gate, width=31)

    assert told[3:6] == [
        "           first reading +6.4 %",
        "           was not confirmed;",
        "           more than the",
    ]
    assert told[-3:-1] == ["problem    one two three four", "           five six seven"]


def test_paint_is_given_words_and_levels() -> None:
    """So that columns stay aligned whatever colour costs."""
    told = list(text(GATE, paint=lambda word, level: f"<{level}:{word}>"))

    words = [line.split(">")[0][1:] for line in told if line.startswith("<")]
    assert words == [
        "error:slower",
        "error:larger",
        "error:more work",
        "error:missed",
        "warning:unchanged",
        "info:faster",
        "error:problem",
        "error:gate failed",
    ]
    assert [line.replace("<error:slower>", "slower") for line in told][2] == lines(GATE)[2]


def test_a_gate_that_passed_is_painted_as_information() -> None:
    """There is no level for good news."""
    *_, last = text(gate_of(QUIET), paint=lambda word, level: f"<{level}:{word}>")

    assert last.startswith("<info:gate passed>: ")


def test_control_characters_are_escaped() -> None:
    """Names, notes and problems come from elsewhere."""
    judgement = replace(UNCONFIRMED, benchmark="a\x1b[31m", note="b\nc")
    gate = replace(gate_of(judgement), problems=["d\x07"], against="e\x1b")

    told = "".join(lines(gate))

    assert all(char.isprintable() for char in told)


def test_machines_get_everything() -> None:
    """As JSON, in the order in which the benchmarks ran, with the version of the shape."""
    data = json.loads(json.dumps(as_dict(GATE), allow_nan=False))

    assert list(data) == [
        "schema",
        "passed",
        "against",
        "rules",
        "problems",
        "controls",
        "machine",
        "screen_s",
        "confirm_s",
        "reason",
        "judgements",
    ]
    assert (data["schema"], data["passed"]) == (1, False)
    assert data["rules"] == {"threshold": 0.05, "screen": 0.5, "processes": 9, "counters": []}
    assert [one["benchmark"] for one in data["judgements"]] == [one.benchmark for one in GATE.judgements]
    assert data["judgements"][1] == {
        "benchmark": f"{A}::test_hot[0]",
        "outcome": "slower",
        "failed": True,
        "ratio": 0.0964,
        "low": 0.081,
        "high": 0.11,
        "now": 128.2,
        "baseline": 116.9,
        "unit": "ns",
        "counters": {"bytecodes": [26, 30]},
        "confirmed": 9,
        "votes": 9,
        "first": 0.1,
        "targets": ["met: 128 ns, below 200 ns"],
        "note": "",
    }


def test_what_is_no_number_is_none_to_machines() -> None:
    """JSON knows neither NaN nor infinity."""
    data = as_dict(replace(GATE, controls=Controls(math.nan, math.inf)))

    assert data["controls"] == {"same": None, "more": None}


def test_a_gate_without_controls_has_none() -> None:
    """None, not zeros."""
    assert as_dict(Gate("HEAD~1", Rules()))["controls"] is None


def test_history_tells_where_a_benchmark_changed() -> None:
    """By the name of the run, from which level to which; the others are counted."""
    runs = [
        (f"run {place}", (math.log(1.05) if place > 12 else 0.0) + place % 3 / 1_000) for place in range(30)
    ]
    steady = [(name, 0.0) for name, _ in runs]

    told = list(history({"a::b": runs, "c": steady, "d": steady, "e": steady[:7]}))

    assert told == [
        "a::b: 1 change in 30 runs",
        "  run 13: +5.0 %, from +0.1 % to +5.1 % against the baseline",
        "no change: 2 benchmarks",
        "too few runs, fewer than 8: 1 benchmark",
    ]


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2J"])
def test_names_in_a_history_are_escaped(name: str) -> None:
    """Stored runs are files, and files are not to be trusted."""
    runs = [(name, 0.05 * (place > 9)) for place in range(20)]

    assert all(line.isprintable() for line in history({name: runs}))
