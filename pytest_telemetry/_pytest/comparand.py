"""What the benchmarks are compared with: the options and the baseline's file, put together (layer 7)."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_telemetry.benchmark.baseline import Baseline, is_inside, load, rendered, replace_file
from pytest_telemetry.benchmark.packages import default_packages
from pytest_telemetry.benchmark.source import (
    Source,
    differs,
    found_in,
    from_archive,
    from_revision,
    from_tree,
    unpacked,
    verify,
    write_archive,
)
from pytest_telemetry.model.benchmark import Rules
from pytest_telemetry.model.clock import SYSTEM_CLOCK
from pytest_telemetry.model.errors import UnusableInput
from pytest_telemetry.model.wording import percent, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import pytest

    from pytest_telemetry.model.benchmark import Judgement

__all__ = ("Comparand", "baseline_file", "comparand_of", "is_drift", "reference_of")

_FRACTION: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*")


@dataclass(frozen=True, slots=True)
class _Project:
    """Where things are.

    Attributes:
        root: The project.
        file: Where the baseline's file is, or is to be.
        packages: What is under test.
        archive: Where the code of a new baseline is kept beside its file; None for a revision.
        cache: Where code is unpacked.
    """

    root: Path
    file: Path
    packages: tuple[str, ...]
    archive: str | None
    cache: Path

    def require_committed(self) -> None:
        """Make sure that a revision can be the baseline, where no archive is kept.

        Raises:
            UnusableInput: The working tree differs from the last commit.
        """
        if self.archive is None and differs(self.root, "HEAD", self.packages):
            raise UnusableInput(
                f"{', '.join(self.packages)}: the working tree differs from the last commit, which is to be the "
                "baseline: commit first, or keep the code beside the baseline's file with --archive NAME.zip"
            )

    def now(self, scratch: Path) -> Source:
        """Return what is there now: the last commit, or an archive in *scratch*, which is written.

        Raises:
            UnusableInput: The working tree differs from the last commit and no archive is wanted.
        """
        if self.archive is None:
            self.require_committed()
            return from_revision(self.root, "HEAD", self.packages, self.cache)
        path = scratch / self.archive
        path.parent.mkdir(parents=True, exist_ok=True)
        write_archive(path, from_tree(self.root, self.packages))
        source = from_archive(path, self.packages)
        try:
            committed = from_revision(self.root, "HEAD", self.packages, self.cache)
        except UnusableInput:  # no repository, or nothing committed: an archive needs neither
            return source
        return replace(source, revision=committed.revision) if committed.sha256 == source.sha256 else source

    def keep(self, source: Source) -> None:
        """Keep the archive that *source* is beside the baseline's file.

        Raises:
            UnusableInput: It cannot be written.
        """
        if self.archive is None:
            return
        path = self.file.parent / self.archive
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnusableInput(f"{path}: cannot be written: {error.strerror or error}") from error
        replace_file(path, source.path.read_bytes())

    def forgotten(self) -> list[str]:
        """Return packages of the project that are not compared."""
        try:
            return sorted({*default_packages(self.root)} - {*self.packages})
        except UnusableInput:  # none can be told from other folders
            return []


@dataclass(frozen=True, slots=True)
class Comparand:
    """What the benchmarks are compared with, and held to.

    Attributes:
        project: Where things are.
        source: The code.
        rules: What the benchmarks are held to.
        baseline: The baseline's file; None where there is none.
        benchmarks: Which benchmarks have to be there; None where this is not the baseline, so that nobody says.
        reason: Why the baseline is made anew from what is there now; None where it is not.
        lost: Why there is nothing to compare with but the code itself, or nothing.
        lacking: Packages of the project that the revision does not have, so that they are not compared.
    """

    project: _Project
    source: Source
    rules: Rules
    baseline: Baseline | None = None
    benchmarks: tuple[str, ...] | None = None
    reason: str | None = None
    lost: str = ""
    lacking: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The code in words."""
        of = f" of {self.source.date}" if self.source.date else ""
        if self.source.revision:
            return f"{self.source.revision[:10]}{of}"
        if self.baseline and self.benchmarks is not None and self.baseline.archive:
            return self.baseline.archive
        return "the code as it is now"

    def accepted(self, benchmark: str) -> float:
        """Return how much slower than the first baseline this one is, as a fraction; 0 where nobody knows."""
        if self.baseline is None or self.benchmarks is None:
            return 0.0
        return self.baseline.accepted_drift(benchmark)

    def alone(self, why: str, scratch: Path) -> Comparand:
        """Return what there is to compare with where the old baseline cannot be used: the code itself."""
        source = unpacked(self.project.now(scratch), self.project.cache)
        return replace(self, source=source, benchmarks=None, lost=why)

    def with_drift(self, judgement: Judgement) -> Judgement:
        """Return *judgement* with a note of what was accepted before, so that a slow creep can be seen."""
        drift = self.accepted(judgement.benchmark)
        if abs(drift) < 0.01:
            return judgement
        text = f"{percent(drift)} accepted since the first baseline"
        return replace(judgement, note="; ".join(filter(None, (judgement.note, text))))

    def tried(self, scratch: Path) -> Path:
        """Write the baseline's file into *scratch* as an update would, without a list; return where it is.

        Raises:
            UnusableInput: As `update`.
        """
        file = scratch / self.project.file.name
        following = self._following(self.project.now(scratch), (), self.reason or "", {})
        replace_file(file, rendered(file, following))
        return file

    def update(
        self,
        compared: AbstractSet[str],
        unseen: AbstractSet[str],
        reason: str,
        judgements: Sequence[Judgement],
        *,
        is_partial: bool,
    ) -> str:
        """Make what is there now the baseline, for *reason*; return what was done, in words.

        Drift is what fresh processes agree on: readings that may be nothing would add up to something. What could
        not be *compared*, because the baseline before lacks something, is listed *unseen*; what was on the list and
        is neither stays on it if this is a part of them only. Both are told, if they were listed.

        Nothing is written before it is known that all of it can be read again.

        Raises:
            UnusableInput: The working tree differs from the last commit, or something cannot be written.
        """
        drift = {
            one.benchmark: round(one.ratio, 4)
            for one in judgements
            if one.ratio is not None and one.benchmark in (self.benchmarks or ()) and is_drift(one)
        }
        measured, listed = compared | unseen, {*(self.baseline.benchmarks if self.baseline else ())}
        left_out = listed - measured
        benchmarks = sorted(measured | left_out if is_partial else measured)
        with tempfile.TemporaryDirectory() as scratch:
            now = self.project.now(Path(scratch))
            following = self._following(now, benchmarks, reason, drift)
            content = rendered(self.project.file, following)
            self.project.keep(now)
        replace_file(self.project.file, content)
        code, number = now.revision or now.path.name, plural(len(benchmarks), "benchmark")
        texts = [f"{os.path.relpath(self.project.file)}: the baseline is now {code}, with {number}"]
        if self.lost:
            texts.append(f"no drift is known, for there was nothing to compare with: {self.lost}")
        if unseen & listed:
            names = ", ".join(sorted(unseen & listed))
            texts.append(f"not compared, so what they cost now is accepted unseen: {names}")
        if left_out:
            what = (
                "not measured, so what they cost now is accepted unseen" if is_partial else "no longer listed"
            )
            texts.append(f"{what}: {', '.join(sorted(left_out))}")
        forgotten = self.project.forgotten()
        if forgotten:
            texts.append(f"not compared, for `packages` does not name them: {', '.join(forgotten)}")
        return "; ".join(texts)

    def _following(
        self, now: Source, benchmarks: Sequence[str], reason: str, drift: Mapping[str, float]
    ) -> Baseline:
        today = dt.datetime.fromtimestamp(SYSTEM_CLOCK.wall_ns() / 1e9, dt.UTC).date()
        before = self.baseline or Baseline(self.source.packages, today, now.sha256, ())
        return replace(before, archive=self.project.archive).updated(
            revision=now.revision,
            date=today,
            sha256=now.sha256,
            benchmarks=benchmarks,
            reason=reason,
            drift=drift,
        )


def is_drift(one: Judgement) -> bool:
    """Tell whether something is accepted: seen by fresh processes, or exact; of what is nothing now, nothing can be."""
    if one.ratio is None or one.low is None or one.high is None or one.ratio <= -1:
        return False
    return (one.unit == "bytes" or one.confirmed > 0) and not one.low <= 0 <= one.high


def baseline_file(config: pytest.Config) -> Path:
    """Return where the baseline's file is, whether or not it is there."""
    given = config.getoption("--telemetry-gate-baseline")
    if given is not None:
        return Path(config.invocation_params.dir, given)
    return Path(config.rootpath, config.getini("telemetry_baseline"))


def reference_of(config: pytest.Config) -> dict[str, float]:
    """Return what the yardstick costs, by Python minor, on the machine for which targets were set; empty if unsaid.

    Raises:
        UnusableInput: The baseline's file cannot be read.
    """
    file = baseline_file(config)
    return dict(load(file).reference) if file.exists() else {}


def comparand_of(config: pytest.Config, scratch: Path) -> Comparand:
    """Return what the options and the baseline's file say; the code is unpacked in the cache, or in *scratch*.

    Raises:
        UnusableInput: There is no baseline, or it cannot be used.
    """
    root, file = config.rootpath, baseline_file(config)
    against, reason = (
        config.getoption("--telemetry-gate-against"),
        config.getoption("--telemetry-gate-update"),
    )
    if not file.exists() and not (against or reason):
        raise UnusableInput(
            f'{file}: there is no baseline: make one with pytest-telemetry gate --update --reason "...", or compare '
            "with a revision, --against REV"
        )
    baseline = load(file) if file.exists() else None
    project = _Project(
        root=root,
        file=file,
        packages=baseline.packages if baseline else default_packages(root),
        archive=_archive(config, file) or (baseline.archive if baseline else None),
        cache=_cache(config, scratch),
    )
    if against is not None and not against.strip():
        raise UnusableInput("--against names no revision: it is empty")
    if reason is not None:
        if against or not reason.strip():
            raise UnusableInput(
                "a new baseline is measured against the old one, and needs a reason: --update --reason TEXT, without "
                "--against"
            )
        project.require_committed()
    rules = _rules(config, baseline)
    if against:
        wanted = project.packages
        if baseline is None:  # nobody named them
            project = replace(project, packages=found_in(root, against, wanted) or wanted)
        source = unpacked(from_revision(root, against, project.packages, project.cache), project.cache)
        lacking = tuple(name for name in wanted if name not in project.packages)
        return Comparand(project, source, rules, baseline, reason=reason, lacking=lacking)
    if baseline is None:  # there is nothing to compare the first baseline with but itself
        return Comparand(project, unpacked(project.now(scratch), project.cache), rules, reason=reason)
    try:
        source = unpacked(_source_of(baseline, project), project.cache)
    except UnusableInput as error:
        if reason is None:
            raise
        source = unpacked(project.now(scratch), project.cache)
        return Comparand(project, source, rules, baseline, reason=reason, lost=str(error))
    return Comparand(project, source, rules, baseline, baseline.benchmarks, reason)


def _archive(config: pytest.Config, file: Path) -> str | None:
    """Return where the user wants the code of a new baseline to be kept, beside *file*."""
    name: str | None = config.getoption("--telemetry-gate-archive")
    if name is None:
        return None
    if not is_inside(name) or not name.endswith(".zip"):
        raise UnusableInput(f"--archive: expected a name beside {file.name}, like baseline.zip, not {name!r}")
    path = file.parent / name
    if path.exists() and not zipfile.is_zipfile(path):
        raise UnusableInput(f"{path}: is there and no zip: name another file for --archive")
    return name


def _source_of(baseline: Baseline, project: _Project) -> Source:
    if baseline.archive:
        source = from_archive(project.file.parent / baseline.archive, baseline.packages)
        source = replace(source, revision=baseline.revision, date=baseline.date)
    else:
        source = from_revision(project.root, baseline.revision or "", baseline.packages, project.cache)
    verify(source, baseline.sha256)
    return source


def _cache(config: pytest.Config, scratch: Path) -> Path:
    """Return a folder that outlives this process, if pytest has one that can be written."""
    cache = getattr(config, "cache", None)
    if cache is not None:
        with contextlib.suppress(OSError):  # pytest itself warns of it, and goes on without
            return Path(cache.mkdir("telemetry-baseline"))
    return scratch / "cache"


def _rules(config: pytest.Config, baseline: Baseline | None) -> Rules:
    rules = Rules(threshold=baseline.threshold, counters=baseline.counters) if baseline else Rules()
    given = config.getoption("--telemetry-gate-threshold")
    return rules if given is None else replace(rules, threshold=_fraction(given))


def _fraction(text: str) -> float:
    found = _FRACTION.fullmatch(text)
    value = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0 < value < 1:
        raise UnusableInput(f"a threshold is a share between 0 and 1, like 5% or 0.05, not {text!r}")
    return value
