"""The life of one language server, as far as its records tell (layer 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from pytest_telemetry.checks.streaming import shortened
from pytest_telemetry.model.lsp import is_definition, said, succeeded

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
    """One thing that happened to a server.

    Attributes:
        name: Name of the record.
        place: Where it stands in the log.
        begin_ns: When it began; None where stamps are too coarse to order by, and only arrival counts.
        end_ns: When it ended, likewise.
        span_id: As in the record.
        parent_id: As in the record.
    """

    name: str
    place: Place | None = None
    begin_ns: int | None = None
    end_ns: int | None = None
    span_id: str | None = None
    parent_id: str | None = None

    @classmethod
    def of(cls, record: Record, place: Place | None) -> Step:
        """Return what is to be kept of *record*."""
        if record.source == "log file":
            return cls(shortened(record.name), place)
        end_ns = record.end_ns if record.kind == "span" else record.time_ns
        ids = (shortened(record.span_id or ""), shortened(record.parent_id or ""))
        return cls(shortened(record.name), place, record.time_ns, end_ns, ids[0] or None, ids[1] or None)

    def follows(self, earlier: Step) -> bool:
        """Tell whether this began after a step that arrived before it had ended; spans arrive when they end."""
        if self.span_id is not None and earlier.parent_id == self.span_id:
            return False
        if self.begin_ns is None or earlier.end_ns is None:
            return True
        return self.begin_ns >= earlier.end_ns


@dataclass(frozen=True, slots=True)
class Complaint:
    """A step that came in the wrong order: the rule that it breaks, and the step."""

    rule: str
    step: Step


@dataclass(slots=True)
class _Suspect:
    """A declaration of READY that nothing accounts for so far."""

    step: Step
    rule: str
    certain: bool


@dataclass(slots=True)
class Server:
    """What is known of one server of one run; one method per role, called in the order of arrival.

    Attributes:
        policy: What READY needs.
        warmup_uri: The document of ``warmup-uri``; empty for any.
    """

    policy: Policy
    warmup_uri: str = ""
    _executable: str = ""
    _spawned: bool = False
    _died: Step | None = None
    _initialized: Step | None = None
    _failed_to_initialize: bool = False
    _evidence: Step | None = None
    _timed_out: bool = False
    _ready: Step | None = None
    _past: list[tuple[int, int]] = field(default_factory=list)
    _suspects: list[_Suspect] = field(default_factory=list)

    def spawn(self, record: Record, step: Step) -> Iterator[Complaint]:
        """Take a new process; of the same executable, or an unknown one, it ends the READY of the old one."""
        if not succeeded(record):
            return
        if not self._spawned:
            for name, earlier in (("lsp.initialize", self._initialized), ("READY", self._ready)):
                if earlier is not None and step.follows(earlier):
                    yield Complaint(f"{name} before lsp.spawn", earlier)
                    break
        executable = shortened(said(record, "executable"))
        if self._spawned and not (executable and self._executable and executable != self._executable):
            self._end(step)
        self._spawned, self._died, self._executable = True, None, executable or self._executable

    def initialize(self, record: Record, step: Step) -> Iterator[Complaint]:
        """Take the end of a handshake."""
        if not succeeded(record):
            self._failed_to_initialize = True
            return
        if self._ready is not None and self._initialized is None and step.follows(self._ready):
            yield Complaint("READY before lsp.initialize", self._ready)
        self._initialized, self._failed_to_initialize, self._timed_out = step, False, False

    def diagnostics(self, record: Record, step: Step) -> Iterator[Complaint]:
        """Take published diagnostics."""
        yield from ()
        if (
            self.policy == "warmup-uri"
            and self.warmup_uri
            and shortened(said(record, "uri")) != shortened(self.warmup_uri)
        ):
            return
        self._prove(step)
        for suspect in self._suspects:
            suspect.certain = True  # this run does record diagnostics, and there were none before READY

    def ready(self, record: Record, step: Step) -> Iterator[Complaint]:
        """Take a declaration of READY."""
        if not succeeded(record):
            return
        via = said(record, "ready_via") or said(record, "reason")
        if "timeout" in via.replace("-", "").replace("_", "").replace("timed out", "timeout").replace(
            " ", ""
        ):
            yield Complaint(_BY_TIMEOUT, step)
        elif self._failed_to_initialize:
            yield Complaint("READY although lsp.initialize failed", step)
        elif self.policy != "initialized" and self._evidence is None:
            wanted = "diagnostics" if self.policy == "warmup-uri" else "diagnostics or a definition"
            rule = _BY_TIMEOUT if self._timed_out else f"READY before {wanted}"
            claimed = self.policy == "warmup-uri" or via in {"diagnostics", "definition"}
            certain = self._timed_out or (claimed and self._initialized is not None)
            self._suspects = [*self._suspects[-15:], _Suspect(step, rule, certain)]
        self._ready = step

    def timeout(self, _record: Record, _step: Step) -> Iterator[Complaint]:
        """Take a time-out."""
        yield from ()
        self._timed_out = True

    def death(self, _record: Record, step: Step) -> Iterator[Complaint]:
        """Take the end of the process."""
        yield from ()
        self._end(step)
        self._spawned, self._died = False, step

    def request(self, record: Record, step: Step) -> Iterator[Complaint]:
        """Take a request, and what its success proves."""
        if not self._serves(step) and not self._probes(record, step):
            died = self._died is not None and self._ready is None
            yield Complaint("after the server died" if died else "before READY", step)
        if (
            is_definition(record)
            and succeeded(record)
            and record.duration_ns is not None
            and self._initialized
        ):
            self._prove(step)

    def _serves(self, request: Step) -> bool:
        """Tell whether the server was READY when *request* began."""
        if self._ready is not None and request.follows(self._ready):
            return True
        begin = request.begin_ns
        return begin is not None and any(ready <= begin < end for ready, end in self._past)

    def _probes(self, record: Record, request: Step) -> bool:
        """Tell whether *request* is a definition that is asked for to find out whether the server is READY."""
        if self.policy != "diagnostics-or-definition" or not is_definition(record):
            return False
        if self._initialized is None or not request.follows(self._initialized):
            return False
        return self._evidence is None or not request.follows(self._evidence)

    def _prove(self, step: Step) -> None:
        """Take *step* as what makes the server READY, also for a declaration that was made inside of it."""
        if self.policy == "warmup-uri" and step.name.endswith("definition"):
            return
        self._suspects = [suspect for suspect in self._suspects if step.follows(suspect.step)]
        self._timed_out = False
        self._evidence = self._evidence or step

    def _end(self, step: Step) -> None:
        if self._ready is not None and self._ready.end_ns is not None and step.begin_ns is not None:
            self._past = [*self._past[-15:], (self._ready.end_ns, step.begin_ns)]
        self._ready = self._initialized = self._evidence = None
        self._timed_out = self._failed_to_initialize = False

    def unaccounted(self) -> Iterator[Complaint]:
        """Yield the declarations of READY that nothing that was recorded accounts for."""
        for suspect in self._suspects:
            if suspect.certain:
                yield Complaint(suspect.rule, suspect.step)
