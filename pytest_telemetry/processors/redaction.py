"""Puts marks in place of secrets and personal data (layer 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.model.secrets import SecretRules

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Mapping

    from pytest_telemetry.model.record import Record

__all__ = ("Redaction", "redacted")


class Redaction:
    """A processor that replaces secrets and personal data anywhere in a record by ``[REDACTED:<rule>]``.

    They are found by the names of keys and by what they look like, in names, values, keys, nested values, bytes,
    messages and exception texts, also percent-encoded, escaped, or in base64 as a whole; a table in
    ``docs/reference/processors.md`` says which. The check ``no-secrets`` with the same arguments has no finding in the
    outcome, and redacting again changes nothing. A record without a secret is returned as it is.

    Args:
        allow: Texts and regular expressions: what was found and is one of them, or fits one as a whole, is let pass.
        allow_keys: Names of keys under which everything is let pass, in any case and with any separators, alone or
            behind a dot.
        rules: Further rules by name, each a regular expression; where it has a group, the first one is replaced.
        private_addresses: Whether IP addresses of private networks and loopback are replaced, too.

    Raises:
        ValueError: The name of a rule is not made of letters, digits, ``-``, ``_`` and ``.``.
    """

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

    def __call__(self, record: Record, /) -> Record:
        """Return *record*, or a copy of it with marks in place of what was found."""
        return self._rules.redacted_record(record)

    def redacted(self, value: Any, /) -> Any:
        """Return any value, such as the object of a line, with marks; the same object if nothing is found."""
        return self._rules.redacted(value)


def redacted(value: Any, /, **options: Any) -> Any:
    """Return *value* with secrets and personal data replaced, by a `Redaction` with these *options*."""
    return Redaction(**options).redacted(value)
