"""The check that no record holds a secret or personal data (layer 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.checks.streaming import Counts, Examples, Judgement, StreamingCheck, amount
from pytest_telemetry.model.finding import Finding
from pytest_telemetry.model.secrets import SecretRules

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Mapping

    from pytest_telemetry.model.record import Record
    from pytest_telemetry.model.wire import LogLine

__all__ = ("Privacy",)


class Privacy(StreamingCheck):
    """No text anywhere in a record is or contains a secret or personal data; nothing under a key named for one.

    What is recognised, and where, is what the processor ``Redaction`` with the same arguments replaces. A finding
    never shows what was found: only the rule, the field, the first two characters and the length.

    Args:
        allow: Texts and regular expressions: what was found and is one of them, or fits one as a whole, is let pass.
        allow_keys: Names of keys under which everything is let pass.
        rules: Further rules by name, each a regular expression.
        private_addresses: Whether IP addresses of private networks and loopback count.

    Raises:
        ValueError: The name of a rule is not made of letters, digits, ``-``, ``_`` and ``.``.
    """

    id = "no-secrets"

    def __init__(
        self,
        *,
        allow: Iterable[str | re.Pattern[str]] = (),
        allow_keys: Collection[str] = (),
        rules: Mapping[str, str | re.Pattern[str]] | None = None,
        private_addresses: bool = False,
    ) -> None:
        self._rules = SecretRules(
            allow=allow, allow_keys=allow_keys, rules=rules, private_addresses=private_addresses
        )

    def start(self) -> Judgement:
        """Return a judgement that has seen nothing."""
        return _Privacy(self._rules)


class _Privacy(Judgement):
    def __init__(self, rules: SecretRules) -> None:
        self._secrets = rules
        self._concerned = 0
        self._fields, self._rules = Counts(), Counts()
        self._examples = Examples(12)

    def add(self, record: Record, line: LogLine | None = None) -> None:
        self.judged += 1
        found: dict[str, tuple[str, Any]] = {}

        def note(field: str, rule: str, what: Any) -> None:
            found.setdefault(field, (rule, what))

        if line is not None and not line.own:
            self._secrets.redacted(line.raw, note=note)
        else:
            self._secrets.redacted_record(record, note=note)
        if not found:
            return
        self._concerned += 1
        for rule in sorted({rule for rule, _ in found.values()}):
            self._rules.add(rule)
        for field, (rule, what) in found.items():
            self._fields.add(field)
            text = f"{self._secrets.redacted_text(record.name)}: {field} holds {rule}: {_mask(what)}"
            self._examples.add(text, line, topic=f"{field} {rule}", field=field, rule=rule)

    def findings(self) -> list[Finding]:
        if not self._concerned:
            return []
        rules = ", ".join(f"{rule} {count:,}" for rule, count in self._rules.most_first().items())
        message = (
            f"secrets or personal data in {self._concerned:,} of {amount(self.judged, 'event')} ({rules}): "
            "redact before any sink, or do not record them"
        )
        fields = self._fields.most_first()
        return [
            Finding(Privacy.id, message, self._concerned, by_field=fields, examples=tuple(self._examples))
        ]


def _mask(what: Any) -> str:
    """Return what may be shown of something that was found: too little to use it, enough to find it."""
    if not isinstance(what, str):
        return f"a value of type {type(what).__name__}"
    begin = what[:2] if len(what) >= 8 else ""
    return f"{begin!r}..., {amount(len(what), 'character')}" if begin else amount(len(what), "character")
