"""The order of a whole transcript, judged by the rules that judge records too (layer 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_telemetry.checks.lsp_rules import RULES
from pytest_telemetry.checks.lsp_session import Session
from pytest_telemetry.checks.streaming import Examples
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.lsp import pid_of, role_of, said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_telemetry.checks.lsp_server import Complaint, Policy, Step
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.transcript import Entry

__all__ = ("Verdict", "findings_of", "judge_transcript")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a transcript.

    Attributes:
        broken: What is certain, whatever may come.
        owed: What the client has not told yet, and may still tell.
        judged: How many entries there was something to say about.
    """

    broken: tuple[Complaint, ...]
    owed: tuple[Complaint, ...]
    judged: int


def judge_transcript(entries: Iterable[Entry], policy: Policy, warmup_uri: str = "") -> Verdict:
    """Judge *entries*, from the first one on.

    Each start of the server is a life of its own. What a client records belongs to the server that the record names
    as ``server``, by the name under which it was started, or to the process that it names. Otherwise an end belongs to
    the first life that died and of which that was not told, and everything else to the last one that was started.
    What is told before any start is of the first life. Only what certainly came before something counts as before it,
    see `pytest_telemetry.model.transcript.precedes`.
    """
    sessions: dict[int, Session] = {}
    known: dict[str | int, list[int]] = {}  # by name and by process
    hangs: Step | None = None
    judged = 0

    def life(number: int) -> Session:
        if number not in sessions and [*sessions] == [0] and sessions[0].is_early:
            sessions[number] = sessions.pop(0)
        elif number not in sessions:
            told = [*sessions[0].told] if [*sessions] == [0] else []
            sessions[number] = Session.of(policy, warmup_uri, told, hangs)
        return sessions[number]

    for entry in entries:
        if entry.record is not None:
            if entry.record.kind != "metric" and role_of(entry.record) is not None:
                judged += 1
                life(_whose(entry.record, known, sessions)).tells(entry.record, entry.seq)
        elif entry.message is not None:
            judged += 1
            session = life(entry.session)
            (session.sent if entry.kind == "sent" else session.received)(entry)
        elif entry.kind == "server":
            if entry.name == "started":
                for key in filter(None, (str(entry.attrs.get("name", "")).lower(), entry.attrs.get("pid"))):
                    known.setdefault(key, []).append(entry.session)
            concerned = list(sessions.values()) if entry.session == 0 else [life(entry.session)]
            for session in concerned:
                session.happened(entry)
            if entry.session == 0:
                hangs = Session.hanging(entry, hangs)
    broken: list[Complaint] = []
    owed: list[Complaint] = []
    for session in sessions.values():
        broken += session.complaints()
        for complaint, too_late in session.owed():
            (broken if too_late else owed).append(complaint)
    return Verdict(tuple(broken), tuple(owed), judged)


def _whose(record: Record, known: dict[str | int, list[int]], sessions: dict[int, Session]) -> int:
    """Return which life *record* is about."""
    numbers = known.get(pid_of(record) or "") or known.get(said(record, "server")) or sorted(sessions) or [0]
    if role_of(record) != "death":
        return numbers[-1]
    return next((each for each in numbers if each in sessions and sessions[each].owes_its_end), numbers[-1])


def findings_of(complaints: Sequence[Complaint], check: str) -> list[Finding]:
    """Return one finding for each rule that is broken, in the order in which they were broken.

    The ``detail`` of an example has the ``rule`` and, as ``seq``, the entries that it is about.
    """
    found = []
    for rule in dict.fromkeys(each.rule for each in complaints):
        own = [each for each in complaints if each.rule == rule]
        examples = Examples(20)
        for each in own:
            steps = sorted(filter(None, (each.step, each.other)), key=lambda step: step.seq or 0)
            text = ", then ".join(f"{step.name} ({step.seq})" for step in steps)
            examples.add(text, None, rule=rule, reason=each.text, seq=[step.seq for step in steps])
        found.append(
            Finding(check, f"{rule}: {own[0].text} ({RULES[rule]})", len(own), examples=tuple(examples))
        )
    return found
