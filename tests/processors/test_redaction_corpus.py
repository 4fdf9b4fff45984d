"""300 generated secrets and personal items in ten encodings, and 1,000 harmless texts."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.checks import Privacy
from pytest_telemetry.model.record import Record
from pytest_telemetry.processors import Redaction
from pytest_telemetry.sinks.jsonl import JsonlStore

if TYPE_CHECKING:
    from pathlib import Path

DETECTORS = (
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "StripeDetector",
    "TwilioKeyDetector",
)
FOUND_BY_THEM = 60


def test_every_planted_item_is_found_in_every_encoding(corpus: Any) -> None:
    """Nothing of it is left in the outcome, encoded or not, and the check agrees before and after."""
    items = corpus.planted()
    redaction, check = Redaction(), Privacy()
    missed: Counter[tuple[str, str]] = Counter()

    for item in items:
        for name, (encode, encoded) in corpus.ENCODINGS.items():
            before = Record("event", "a", "a", 1, attrs={"x": encode(item.text)})
            after = redaction(before)
            shown = after.attrs["x"] if isinstance(after.attrs["x"], str) else repr(after.attrs["x"])
            left = encoded(item.secret) in shown or item.secret in shown
            missed[item.kind, name] += left or bool(check([after])) or not check([before])

    assert (len(items), len({item.text for item in items}), len(corpus.ENCODINGS)) == (300, 300, 10)
    assert +missed == {}


def test_no_harmless_text_is_taken_for_one(corpus: Any) -> None:
    """Hashes, UUIDs, versions, timestamps, commands, URLs, ids, revisions, sentences and thirty other kinds."""
    redaction = Redaction()
    texts = list(corpus.harmless())

    wrong = [(kind, text) for kind, text in texts if redaction.redacted(text) is not text]

    assert (len(texts), len({kind for kind, _ in texts})) == (1_000, 40)
    assert wrong == []


def write(path: Path, corpus: Any, *, redact: bool) -> Path:
    redaction = Redaction()
    with JsonlStore(path) as sink:
        for item in corpus.planted():
            for encode, _ in corpus.ENCODINGS.values():
                record = Record("event", "a", "a", 1, attrs={"x": encode(item.text)})
                sink.emit(redaction(record) if redact else record)
    return path


def test_another_detector_finds_nothing_in_what_was_written(corpus: Any, tmp_path: Path) -> None:
    """And finds plenty in the same log without the processor."""
    scanning = pytest.importorskip("detect_secrets.core.scan", reason="detect-secrets is not installed")
    settings = pytest.importorskip("detect_secrets.settings", reason="detect-secrets is not installed")
    plain = write(tmp_path / "plain.jsonl", corpus, redact=False)
    clean = write(tmp_path / "clean.jsonl", corpus, redact=True)

    def opinion(path: Path) -> Counter[str]:
        with settings.transient_settings({"plugins_used": [{"name": name} for name in DETECTORS]}):
            lines = path.read_text(encoding="utf-8").splitlines()
            return Counter(found.type for line in lines for found in scanning.scan_line(line))

    assert opinion(clean) == {}
    assert sum(opinion(plain).values()) > FOUND_BY_THEM


def test_nothing_of_the_corpus_stands_in_the_log(corpus: Any, tmp_path: Path) -> None:
    """Read back as text, as whoever finds the file would."""
    log = write(tmp_path / "clean.jsonl", corpus, redact=True).read_text(encoding="utf-8")

    left = [
        item.kind for item in corpus.planted() if item.secret in log or json.dumps(item.secret)[1:-1] in log
    ]

    assert left == []
