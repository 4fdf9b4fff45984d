"""The life of one language server, as its records tell it, or the wire (layer 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from pytest_telemetry.checks.streaming import shortened
from pytest_telemetry.model.lsp import is_definition, pid_of, said, succeeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.model.finding import Place
    from pytest_telemetry.model.record import Record

__all__ = ("POLICIES", "Complaint", "Policy", "Server", "Step")

Policy: TypeAlias = Literal["diagnostics-or-definition", "warmup-uri", "initialized"]
POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)

_BY_TIMEOUT: Final = "READY by a time-out"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a server, by a record or by a message.

    Attributes:
        name: Name of the record, or method of the message.
        place: Where it stands in the log.
        begin_ns: When it began; None where stamps are too coarse to order by, and only arrival counts.
        end_ns: When it ended, likewise.
        span_id: As in the record.
        parent_id: As in the record.
        seq: Its number in a transcript.
        ok: Whether nothing says that it failed.
        via: What a declaration of READY names as its reason.
        executable: What was spawned.
        pid: The process that it is about, if it says so.
        uri: The document that it is about, or its name in the workspace.
        definition: Whether it asks for a definition.
        answered: Whether it is a request that has ended.
        empty: Whether the answer was that there is nothing.
    """

    name: str
    place: Place | None = None
    begin_ns: int | None = None
    end_ns: int | None = None
    span_id: str | None = None
    parent_id: str | None = None
    seq: int | None = None
    ok: bool = True
    via: str = ""
    executable: str = ""
    pid: int | None = None
    uri: str = ""
    definition: bool = False
    answered: bool = False
    empty: bool = False

    @classmethod
    def of(cls, record: Record, place: Place | None, *, seq: int | None = None) -> Step:
        """Return what is to be kept of *record*; where *seq* says when it came, its own times do not count."""
        timed = seq is None and record.source != "log file"
        return cls(
            shortened(record.name),
            place,
            record.time_ns if timed else None,
            (record.end_ns if record.kind == "span" else record.time_ns) if timed else None,
            (shortened(record.span_id or "") or None) if timed else None,
            (shortened(record.parent_id or "") or None) if timed else None,
            seq,
            ok=succeeded(record),
            via=shortened(said(record, "ready_via") or said(record, "reason")),
            executable=shortened(said(record, "executable")),
            pid=pid_of(record),
            uri=shortened(said(record, "uri") or said(record, "file")),
            definition=is_definition(record),
            answered=record.duration_ns is not None,
            empty=said(record, "status") == "empty",
        )

    def follows(self, earlier: Step) -> bool:
        """Tell whether this began after a step that arrived before it had ended; spans arrive when they end."""
        if self.span_id is not None and earlier.parent_id == self.span_id:
            return False
        if self.begin_ns is None or earlier.end_ns is None:
            return True
        return self.begin_ns >= earlier.end_ns


@dataclass(frozen=True, slots=True)
class Complaint:
    """A step that breaks a rule.

    Attributes:
        rule: Id of the rule, see `RULES`.
        text: What is wrong, without where.
        step: What broke it.
        other: What it should have followed, or what it must not follow.
        until: What should have come first, and may still be found after it.
    """

    rule: str
    text: str
    step: Step
    other: Step | None = None
    until: str = ""


@dataclass(slots=True)
class _Suspect:
    """A declaration of READY that nothing accounts for so far."""

    step: Step
    by_timeout: bool
    certain: bool


@dataclass(slots=True)
class Server:
    """What is known of one server of one run; one method per role, called in the order of arrival.

    Attributes:
        policy: What READY needs.
        warmup_uri: The document of ``warmup-uri``; empty for any.
        on_wire: Whether every message is seen, so that what is not there did not happen. Otherwise only records
            are, and nobody knows what a client leaves out.
        evidence: What made the server READY by its policy, whether or not that was told.
        declared: The declaration of READY that is in force.
    """

    policy: Policy
    warmup_uri: str = ""
    on_wire: bool = False
    evidence: Step | None = None
    declared: Step | None = None
    _executable: str = ""
    _spawned: bool = False
    _alive: int = 0
    _pid: int | None = None
    _former_pid: int | None = None
    _died: Step | None = None
    _initialized: Step | None = None
    _failed_to_initialize: bool = False
    _found: Step | None = None
    _timed_out: bool = False
    _declared_as: str = ""
    _declarations: int = 0
    _past: tuple[tuple[int, int], ...] = ()
    _suspects: tuple[_Suspect, ...] = ()

    def spawn(self, step: Step) -> Iterator[Complaint]:
        """Take a new process; of the same executable, or an unknown one, it ends the READY of the old one."""
        if not step.ok:
            return
        if not self._spawned:
            for name, earlier in (("lsp.initialize", self._initialized), ("READY", self.declared)):
                if earlier is not None and step.follows(earlier):
                    yield Complaint("R2", f"{name} before lsp.spawn", earlier, step)
                    break
        if self._spawned and not (
            step.executable and self._executable and step.executable != self._executable
        ):
            self._end(step)
            self._former_pid = self._pid
        self._alive += 1
        self._pid = step.pid
        self._spawned, self._died, self._executable = True, None, step.executable or self._executable

    def initialize(self, step: Step) -> Iterator[Complaint]:
        """Take the end of a handshake."""
        if not step.ok:
            self._failed_to_initialize = True
            return
        declared = None if self.on_wire or self._initialized is not None else self.declared
        if declared is not None and step.follows(declared):
            yield Complaint("R2", f"READY before {step.name}", declared, step)
        self._initialized, self._failed_to_initialize, self._timed_out = step, False, False

    def diagnostics(self, step: Step) -> Iterator[Complaint]:
        """Take published diagnostics."""
        yield from ()
        if self.policy == "warmup-uri" and self.warmup_uri and not self._warms_up(step.uri):
            return
        self._prove(step)
        for suspect in self._suspects:
            suspect.certain = True  # this run does record diagnostics, and there were none before READY

    def _warms_up(self, uri: str) -> bool:
        """Tell whether that is the document: by its URI, or by its name in the workspace, of which the other may end."""
        wanted = shortened(self.warmup_uri)
        if self.on_wire:
            return uri == wanted or uri.endswith(f"/{wanted}")
        return uri == wanted or (uri != "" and wanted.endswith(f"/{uri}"))

    def ready(self, step: Step) -> Iterator[Complaint]:
        """Take a declaration of READY."""
        if not step.ok:
            return
        complaint = self._unfounded(step)
        self._declared_as = self._declared_as or step.name  # some clients tell one READY under two names
        if complaint is not None:  # one mistake: the READY that is right comes later, or never
            yield complaint
        elif step.name == self._declared_as:
            self._declarations += 1
            if self._spawned and self._declarations > self._alive:
                yield Complaint("R1", "READY declared again", step, self.declared)
        self.declared = step

    def _unfounded(self, step: Step) -> Complaint | None:
        """Return what is wrong with a declaration by itself; what may yet be explained becomes a suspect."""
        via = step.via.replace("-", "").replace("_", "").replace(" ", "").replace("timedout", "timeout")
        if "timeout" in via:
            return Complaint("R8", _BY_TIMEOUT, step)
        if self._failed_to_initialize:
            return Complaint("R2", "READY although lsp.initialize failed", step)
        if self.on_wire and self._initialized is None:
            return Complaint("R2", "READY before the InitializeResult", step, until="result")
        if self.policy == "initialized" or self.evidence is not None:
            return None
        if self.on_wire:
            return self._unproven(step, by_timeout=self._timed_out)
        claimed = self.policy == "warmup-uri" or step.via in {"diagnostics", "definition"}
        certain = self._timed_out or (claimed and self._initialized is not None)
        self._suspects = (*self._suspects[-15:], _Suspect(step, self._timed_out, certain))
        return None

    def _unproven(self, step: Step, *, by_timeout: bool) -> Complaint:
        if by_timeout:
            return Complaint("R8", _BY_TIMEOUT, step)
        wanted = "diagnostics" if self.policy == "warmup-uri" else "diagnostics or a definition"
        return Complaint("R2", f"READY before {wanted}", step, until="evidence")

    def timeout(self, _step: Step) -> Iterator[Complaint]:
        """Take a time-out."""
        yield from ()
        self._timed_out = True

    def death(self, step: Step) -> Iterator[Complaint]:
        """Take the end of the process; that of the one which a new one has replaced changes nothing any more."""
        yield from ()
        if step.pid is not None and step.pid == self._former_pid != self._pid:
            return
        self._end(step)
        self._spawned, self._died = False, step

    def request(self, step: Step) -> Iterator[Complaint]:
        """Take a request, and what its success proves."""
        if not self._serves(step) and not self._probes(step):
            if self._died is not None and self.declared is None:
                yield Complaint("R7", "after the server died", step, self._died)
            else:
                yield Complaint("R3", "before READY", step, until="ready")
        if step.answered and step.definition and step.ok and self._initialized:
            self.definition(step)

    def definition(self, step: Step) -> None:
        """Take a definition that the server has answered without an error; an empty one proves nothing."""
        if not step.empty:
            self._prove(step)
            self._found = self._found or step

    def _serves(self, request: Step) -> bool:
        """Tell whether the server was READY when *request* began."""
        if self.declared is not None and request.follows(self.declared):
            return True
        begin = request.begin_ns
        return begin is not None and any(ready <= begin < end for ready, end in self._past)

    def _probes(self, request: Step) -> bool:
        """Tell whether *request* is a definition that is asked for to find out whether the server is READY."""
        if self.policy != "diagnostics-or-definition" or not request.definition:
            return False
        if self._initialized is None or not request.follows(self._initialized):
            return False
        # over the wire, the next may have been sent before the answer was read
        return self.on_wire or self._found is None or not request.follows(self._found)

    def _prove(self, step: Step) -> None:
        """Take *step* as what makes the server READY, also for a declaration that was made inside of it."""
        if self.policy == "warmup-uri" and step.name.endswith("definition"):
            return
        self._suspects = tuple(suspect for suspect in self._suspects if step.follows(suspect.step))
        self._timed_out = False
        self.evidence = self.evidence or step

    def _end(self, step: Step) -> None:
        if self.declared is not None and self.declared.end_ns is not None and step.begin_ns is not None:
            self._past = (*self._past[-15:], (self.declared.end_ns, step.begin_ns))
        self.declared = self._initialized = self.evidence = self._found = None
        self._timed_out = self._failed_to_initialize = False
        self._declared_as, self._declarations, self._alive = "", 0, 0

    def unaccounted(self) -> Iterator[Complaint]:
        """Yield the declarations of READY that nothing that was recorded accounts for."""
        for suspect in self._suspects:
            if suspect.certain:
                yield self._unproven(suspect.step, by_timeout=suspect.by_timeout)
