"""Runs that pytest-benchmark stored, and what each measured against the baseline (layer 2)."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from pytest_telemetry.model.benchmark import Comparison
from pytest_telemetry.model.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ("files_in", "series")


def files_in(storage: Path) -> list[Path]:
    """Return the runs stored in a folder, in no order.

    Raises:
        UnusableInput: There is none.
    """
    files = sorted(storage.rglob("*.json")) if storage.is_dir() else []
    if not files:
        raise UnusableInput(
            f"{storage}: no stored run: run pytest --benchmark-only --telemetry-gate --benchmark-autosave first"
        )
    return files


def series(files: Iterable[Path]) -> Mapping[str, list[tuple[str, float]]]:
    """Return for each benchmark its runs, oldest first: what it is called, and the log ratio to the first baseline.

    What was accepted when the baseline was moved is part of the ratio, so that moving it makes no step. Runs that
    were not compared with the baseline, but with a revision or with nothing, are left out.

    Raises:
        UnusableInput: A file is no run that pytest-benchmark stored, or nothing in them was compared.
    """
    runs = sorted((_run(file) for file in files), key=lambda run: run[0])
    found: dict[str, list[tuple[str, float]]] = {}
    for date, commit, ratios in runs:
        for benchmark, ratio in ratios:
            found.setdefault(benchmark, []).append((f"{date[:10]} {commit}".strip(), ratio))
    if not found:
        raise UnusableInput(
            "none of the stored runs was compared with the baseline: store runs with --telemetry-gate, and not against a "
            "revision"
        )
    return found


def _run(file: Path) -> tuple[str, str, list[tuple[str, float]]]:
    """Return date, commit and ratios of one stored run."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        commit = str((data["commit_info"] or {}).get("id") or "")[:10]
        return str(data["datetime"]), commit, [*_ratios(data["benchmarks"])]
    except OSError as error:
        raise UnusableInput(f"{file}: cannot be read: {error.strerror or error}") from error
    except KeyError as error:
        raise UnusableInput(f"{file}: is no run that pytest-benchmark stored: it has no {error}") from error
    except RecursionError as error:
        raise UnusableInput(
            f"{file}: is nested too deeply to be a run that pytest-benchmark stored"
        ) from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise UnusableInput(f"{file}: is no run that pytest-benchmark stored: {error}") from error


def _ratios(benchmarks: Iterable[Any]) -> Iterator[tuple[str, float]]:
    for benchmark in benchmarks:
        gate = benchmark["extra_info"].get("telemetry", {}).get("gate")
        if gate is not None and gate.get("against") is None:
            accepted = math.log1p(float(gate.get("accepted", 0.0)))
            ratio = Comparison.from_dict(gate).log_ratio + accepted
            if not math.isfinite(ratio):
                raise ValueError(f"{ratio} is no log ratio")
            yield str(benchmark["fullname"]), ratio
