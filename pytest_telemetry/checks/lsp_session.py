"""One life of a language server as the wire shows it, beside what its client tells (layer 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_telemetry.checks.lsp_server import Complaint, Policy, Server, Step
from pytest_telemetry.model.lsp import explains, role_of, role_of_method, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.transcript import Entry

__all__ = ("Session",)

_DEFINITION: Final = "textDocument/definition"


@dataclass(slots=True)
class Session:
    """What is known of one process, and what its client told; takes the entries of a transcript in their order.

    The order of READY, of requests and of evidence is judged by `Server`, as for records; what only the wire shows
    is judged here.

    Attributes:
        server: What is known of READY.
        told: Where the client told that something failed or ended.
        hangs: Since when the server does not answer, if it does not.
    """

    server: Server
    told: list[Step]
    hangs: Step | None = None
    _first: dict[str, Step] = field(default_factory=dict)
    _complaints: list[Complaint] = field(default_factory=list)

    @classmethod
    def of(cls, policy: Policy, warmup_uri: str, told: list[Step], hangs: Step | None) -> Session:
        """Return a life that begins now, of which something may have been told before."""
        return cls(Server(policy, warmup_uri, on_wire=True, _spawned=True, _alive=1), told, hangs)

    @property
    def is_early(self) -> bool:
        """Whether READY was told, and nothing is known of a process yet."""
        return self._first.keys() <= {"ready", "evidence told"} and "ready" in self._first

    @property
    def owes_its_end(self) -> bool:
        """Whether it has failed or died, and nobody has told that."""
        return any(complaint.rule in {"R6", "R7"} for complaint, _ in self.owed())

    def received(self, entry: Entry) -> None:
        """Take a message of the client."""
        if entry.is_reply:
            return
        step = _step(entry)
        handshake = self._handshake(entry, step)
        if handshake is not None:
            self._complaints.append(handshake)
            return
        self._note(entry.name, step)
        if entry.name == "textDocument/didOpen" and not self.server.warmup_uri:
            self.server.warmup_uri = step.uri
        answers = "result" in self._first and "crash" not in self._first and self.hangs is None
        if entry.name == "exit" and answers and "goodbye" not in self._first:
            self._complain("R10", "exit before the reply to shutdown", step, until="goodbye")
        if entry.is_request and role_of_method(entry.name) == "request":
            if "shutdown" in self._first:
                self._complain("R10", f"{entry.name} after shutdown", step, self._first["shutdown"])
            else:
                self._complaints += [
                    Complaint(each.rule, f"{entry.name} {each.text}", step, each.other, each.until)
                    for each in self.server.request(step)
                ]

    def _handshake(self, entry: Entry, step: Step) -> Complaint | None:
        """Return what a message has against the order of the handshake."""
        name, first = entry.name, self._first
        if name == "initialize":
            return Complaint("R4", "initialize twice", step, first[name]) if name in first else None
        if name in {"exit", "$/cancelRequest"} or "refused" in first:
            return None
        if "result" not in first:
            return Complaint("R4", f"{name} before the InitializeResult", step, until="result")
        if "initialized" not in first and name not in {"initialized", "shutdown"}:
            return Complaint("R4", f"{name} before initialized", step, until="initialized")
        return None

    def sent(self, entry: Entry) -> None:
        """Take a message of the server."""
        step = _step(entry)
        if not entry.is_reply:
            if role_of_method(entry.name) == "diagnostics":
                self._prove(step, *self.server.diagnostics(step))
        elif entry.name == "initialize":
            self._note("result" if step.ok else "refused", step)
            self._complaints += self.server.initialize(step)
        elif entry.name == "shutdown":
            self._note("goodbye", step)
        elif entry.name == _DEFINITION and step.ok:
            self.server.definition(step)
            self._prove(step)

    def _prove(self, step: Step, *complaints: Complaint) -> None:
        self._complaints += complaints
        if self.server.evidence is step:
            self._note("evidence", step)

    def happened(self, entry: Entry) -> None:
        """Take what the server did or suffered apart from messages."""
        self.hangs = self.hanging(entry, self.hangs)
        self._note(entry.name, _step(entry))

    @staticmethod
    def hanging(entry: Entry, since: Step | None) -> Step | None:
        """Return since when the server hangs after *entry*."""
        if entry.name in {"hang", "stall"}:
            return _step(entry)
        return None if entry.name == "resume" else since

    def tells(self, record: Record, seq: int) -> None:
        """Take a record of the client; a state that it reports in another way comes as a record as well."""
        step, role = Step.of(record, None, seq=seq), role_of(record)
        timed_out = said(record, "status") == "timeout"
        if role == "ready" and step.ok:
            self._note("ready", step)
            if "told" in self._first and "refused" not in self._first:
                self._complain("R7", "READY after its end was told", step, self._first["told"])
            elif "shutdown" in self._first:
                self._complain("R10", "READY after shutdown", step, self._first["shutdown"])
            else:
                self._complaints += self.server.ready(step)
        elif role == "timeout" or (role == "initialize" and timed_out):
            self._complaints += self.server.timeout(step)
        elif role == "diagnostics" or (role == "request" and step.definition and step.ok and not step.empty):
            self._note("evidence told", step)
        if role == "death" or (role in {"initialize", "spawn"} and not step.ok):
            self.told.append(step)
            self._note("told", step)
            if not (step.ok or timed_out or explains(record)):
                self._complain("R6", f"{step.name} says that it failed, and not why", step)

    def _note(self, name: str, step: Step) -> None:
        self._first.setdefault(name, step)

    def _complain(
        self, rule: str, text: str, step: Step, other: Step | None = None, *, until: str = ""
    ) -> None:
        self._complaints.append(Complaint(rule, text, step, other, until))

    def complaints(self) -> Iterator[Complaint]:
        """Yield what is certain, each with what it should have waited for, where that came later."""
        for each in self._complaints:
            other = each.other or self._first.get(each.until)
            yield Complaint(each.rule, each.text, each.step, other)

    def owed(self) -> Iterator[tuple[Complaint, bool]]:
        """Yield what the client has not told yet, and whether it is too late for that."""
        first = self._first
        asked, result, refused = first.get("initialize"), first.get("result"), first.get("refused")
        crash = None if "exit" in first else first.get("crash")
        if crash is not None and "ready" in first:
            if not self._told_since(crash):
                yield Complaint("R7", "the server died, and no event says so", crash, first["ready"]), False
        elif refused is not None or crash is not None:
            what = "the server died before READY" if refused is None else "initialize failed"
            failure = crash if refused is None else refused
            if failure is not None and not self._told_since(failure, of_itself=refused is not None):
                yield Complaint("R6", f"{what}, and no event says so", failure), False
        elif asked is not None and result is None and self.hangs is not None:
            given_up = first.get("closed") or first.get("ended")
            if self.told:  # what it asked may arrive after it gave up
                return
            if given_up is None:
                yield (
                    Complaint("R9", "initialize is not answered, and the client waits on", asked, self.hangs),
                    False,
                )
            else:
                yield (
                    Complaint("R6", "the handshake was given up, and no event says so", given_up, asked),
                    False,
                )
        elif result is not None and "ready" not in first and not self._told_since(result, of_itself=True):
            yield from self._owed_ready(result)

    def _owed_ready(self, result: Step) -> Iterator[tuple[Complaint, bool]]:
        seen = "initialized" if self.server.policy == "initialized" else "evidence"
        proof = self._first.get(seen)
        if proof is None:
            return
        over = "shutdown" in self._first or "exit" in self._first or "ended" in self._first
        known = seen if seen == "initialized" else "evidence told"
        if not over or known in self._first:
            yield Complaint("R5", "neither READY nor a failure is told", proof, result), over

    def _told_since(self, step: Step, *, of_itself: bool = False) -> bool:
        """Tell whether an end was told after *step*; with *of_itself*, not merely because the client said goodbye."""
        goodbye = self._first.get("shutdown") or self._first.get("exit")
        by_itself = math.inf if goodbye is None or not of_itself else _seq(goodbye)
        return any(_seq(step) < _seq(told) and (not told.ok or _seq(told) < by_itself) for told in self.told)


def _seq(step: Step) -> int:
    return -1 if step.seq is None else step.seq


def _step(entry: Entry) -> Step:
    message = entry.message or {}
    params = message.get("params")
    uri = ""
    if isinstance(params, dict):
        document = params.get("textDocument")
        uri = str(params.get("uri") or (document.get("uri") if isinstance(document, dict) else "") or "")
    name = "the InitializeResult" if entry.is_reply and entry.name == "initialize" else entry.name
    return Step(
        name,
        seq=entry.seq,
        ok="error" not in message,
        uri=uri.lower(),
        definition=entry.name == _DEFINITION,
        empty=entry.is_reply and not message.get("result"),
    )
