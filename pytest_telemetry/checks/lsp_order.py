"""The check that nobody uses a language server before it is READY (layer 4)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from pytest_telemetry.checks.lsp_server import POLICIES, Complaint, Policy, Server, Step
from pytest_telemetry.checks.lsp_transcript import judge_transcript
from pytest_telemetry.checks.streaming import (
    Counts,
    Examples,
    Judgement,
    StreamingCheck,
    amount,
    place_of,
    shortened,
)
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.lsp import role_of, said

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_telemetry.checks.lsp_transcript import Verdict
    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.transcript import Entry
    from pytest_telemetry.model.wire import LogLine

__all__ = ("LspReadyOrder",)


_MOST: Final = 20_000
"""Servers that are followed at once; a log that is not to be trusted may name any number of runs."""


class LspReadyOrder(StreamingCheck):
    """In every run, a language server is spawned, initialized, declared READY, and only then asked.

    READY is what is declared: ``lsp.ready``, or ``lsp.state_change`` to ready. It is over when the server dies,
    and when the same server is spawned again. The *policy* says what a declaration needs, as far as the run
    records it at all:

    * ``diagnostics-or-definition``: a successful ``lsp.initialize``, and diagnostics or a definition that was
      found. Definition requests that are made to find out, up to the first success, are legal before READY.
    * ``warmup-uri``: a successful ``lsp.initialize``, and diagnostics for the document opened to warm up.
    * ``initialized``: a successful ``lsp.initialize``.

    A time-out makes no server READY. Records with an attribute ``server`` are judged per server. What is broken is
    one of `RULES`, whose id stands in the ``detail`` of each example.

    Args:
        policy: One of the three.
        warmup_uri: The document of ``warmup-uri``; without it, the one that the records name in an attribute of
            that name, or any.

    Raises:
        ValueError: There is no such policy.
    """

    id = "lsp-ready-order"
    subject = "LSP record"

    def __init__(
        self, policy: Policy = "diagnostics-or-definition", *, warmup_uri: str | None = None
    ) -> None:
        if policy not in POLICIES:
            raise ValueError(f"unknown policy {policy!r}: use one of {', '.join(POLICIES)}")
        self.policy: Policy = policy
        self.warmup_uri = (warmup_uri or "").lower()

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _LspReadyOrder(self.policy, self.warmup_uri)

    def of_transcript(self, entries: Iterable[Entry]) -> Verdict:
        """Return what is wrong with what went over the wire and was told, by the same rules and some more."""
        return judge_transcript(entries, self.policy, self.warmup_uri)


class _LspReadyOrder(Judgement):
    def __init__(self, policy: Policy, warmup_uri: str) -> None:
        self._policy: Policy = policy
        self._warmup_uri = warmup_uri
        self._servers: dict[tuple[str | None, str], Server] = {}
        self._requests = 0
        self._early = Counts()
        self._early_count = 0
        self._early_examples = Examples(100)
        self._disorder: list[tuple[Complaint, str | None]] = []
        self._disorder_count: Counter[str] = Counter()

    def add(self, record: Record, line: LogLine | None = None) -> None:
        role = role_of(record)
        if role is None:
            return
        self.judged += 1
        key = (record.run_id and shortened(record.run_id), shortened(said(record, "server")))
        server = self._servers.get(key)
        if server is None:
            if len(self._servers) >= _MOST:
                self._forget(next(iter(self._servers)))
            server = self._servers[key] = Server(self._policy, self._warmup_uri)
        if not self._warmup_uri:
            server.warmup_uri = shortened(said(record, "warmup_uri")) or server.warmup_uri
        step = Step.of(record, place_of(line))
        for complaint in getattr(server, role)(step):
            if role == "request":
                self._premature(complaint, record)
            else:
                self._note(complaint, record.run_id)
        self._requests += role == "request"

    def _note(self, complaint: Complaint, run_id: str | None) -> None:
        self._disorder_count[complaint.text] += 1
        if len(self._disorder) < 20:
            self._disorder.append((complaint, run_id))

    def _forget(self, key: tuple[str | None, str]) -> None:
        """Let go of the server that was seen first, and judge it by what is known of it."""
        for complaint in self._servers.pop(key).unaccounted():
            self._note(complaint, key[0])

    def _premature(self, complaint: Complaint, record: Record) -> None:
        self._early_count += 1
        self._early.add(record.name)
        method = record.attrs.get("method", record.attrs.get("args.method"))
        asked = f"{record.name} {method}" if isinstance(method, str) else record.name
        self._early_examples.add(
            f"{asked} came {complaint.text}{_of_run(record.run_id)}",
            complaint.step.place,
            command=record.name,
            run_id=record.run_id,
            reason=complaint.text,
            rule=complaint.rule,
        )

    def findings(self) -> list[Finding]:
        found = []
        if self._early_count:
            message = f"{self._early_count:,} of {amount(self._requests, 'LSP request')} came before READY in their run"
            found.append(
                Finding(
                    LspReadyOrder.id,
                    message,
                    self._early_count,
                    by_command=self._early.most_first(),
                    examples=tuple(self._early_examples),
                )
            )
        counts, places = Counter(self._disorder_count), list(self._disorder)
        for (run_id, _), server in self._servers.items():
            for complaint in server.unaccounted():
                counts[complaint.text] += 1
                places.append((complaint, run_id))
        for text, count in sorted(counts.items(), key=lambda item: -item[1]):
            examples = Examples()
            for complaint, run_id in places:
                if complaint.text == text:
                    said_of = f"{complaint.step.name}: {text}{_of_run(run_id)}"
                    examples.add(
                        said_of, complaint.step.place, run_id=run_id, reason=text, rule=complaint.rule
                    )
            message = f"{text}, {count:,} times" if count > 1 else text
            found.append(Finding(LspReadyOrder.id, message, count, examples=tuple(examples)))
        return found


def _of_run(run_id: str | None) -> str:
    return "" if run_id is None else f" in run {run_id}"
