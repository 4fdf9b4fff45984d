"""Tells by the name of a key whether its value is a secret or personal (layer 0)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ("digits_of_a_count", "names_of", "rule_of_name", "words_of")

# Words of a name in lower case, joined by blanks: `dbPassword`, `DB_PASSWORD` and `db-password` are `db password`.
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_LONGEST: Final = 200

# What the last word ends in, or what the last words are; `stop_token`, `cost_per_token` are none.
_ENDING: Final = (
    r"pass(?:word|wd|phrase|code)s?|secret"
    r"|token(?<!first token)(?<!firsttoken)(?<!last token)(?<!lasttoken)"
    r"(?<!per token)(?<!pertoken)(?<!stop token)(?<!stoptoken)"
)
_CONFIDENTIAL: Final = (
    r"(?:db|database|ftp|imap|ldap|mail|mongo|mysql|pg|postgres|redis|root|smtp|user) ?pass|pwd|pw"
    r"|secrets|secret key base|credentials?|creds|auth|authorization|cookies?|jwt|bearer|otp|totp"
    r"|apikeys?|secretkey|accesskey|privatekey|connectionstring|cvv|cvc|cvv2"
    r"|(?:api|access|account|auth|client|deploy|encryption|host|license|master|private|secret|service|session|shared"
    r"|signing|ssh|storage|subscription|gpg|pgp) keys?"
    r"|connection string|(?:pin|security|recovery|backup|verification) codes?|pin"
    r"|(?:access|api|auth|bearer|csrf|id|refresh|session|secret) ?tokens"
)
_PERSONAL: Final = (
    r"ssn|social security(?: number)?|(?:tax|national|passport|identity card) (?:id|number)|passport"
    r"|iban|(?:credit |debit |bank )?card number|cardnumber|credit card|account number"
    r"|e ?mails?(?: address)?|(?:tele|cell|mobile )?phone(?: number)?|mobile number"
    r"|(?:first|last|full|maiden|sur) ?name|surname|date of birth|birth ?(?:date|day)|dob"
    r"|(?:street|home|postal|billing|shipping) address"
)
# What may follow without changing what the value is; `password_length` and `token_count` are harmless.
_AFTER: Final = (
    r"(?: (?:value|text|string|plain|raw|header|hash|digest|old|new|current|confirm|confirmation|env|b|x))*"
)

_ENDS_CONFIDENTIAL: Final = re.compile(rf"(?:{_ENDING}){_AFTER}\Z")
_IS_CONFIDENTIAL: Final = re.compile(rf"(?:^|.* )(?:{_CONFIDENTIAL}){_AFTER}")
_IS_PERSONAL: Final = re.compile(rf"(?:^|.* )(?:{_PERSONAL}){_AFTER}")
# What may be a short number itself; names that count; how many digits a number has under these and all others, if it
# is a count, or a flag, a status or a duration.
_SHORT: Final = re.compile(
    r".*(?:pass\w*(?<![^s]s)|\b(?:pwd|pw|pin|code|cv[cv]2?|otp|totp|ssn|number|security|id)|secret)"
)
_COUNTS: Final = re.compile(
    r".*[^s]s|(?:.* )?e ?mail"
    r"|(?:(?:cached?|completion|input|max|min|new|output|prompt|reasoning|total|used) )?token"
)
_DIGITS: Final = 7
_DIGITS_OF_OTHERS: Final = 3


def rule_of_name(name: str) -> str | None:
    """Return ``secret`` or ``personal`` if values under a key of that *name* are, in any case and with any separators.

    What decides is how the name ends: ``db.password`` and ``X-Api-Key`` are secret, ``password_length``,
    ``token_count``, ``max_tokens`` and ``cache_key`` are not.
    """
    return _rule(name) if len(name) <= _LONGEST else None


@lru_cache(maxsize=4_096)
def _rule(name: str) -> str | None:
    words = words_of(name)
    if _ENDS_CONFIDENTIAL.search(words) or _IS_CONFIDENTIAL.fullmatch(words):
        return "secret"
    return "personal" if _IS_PERSONAL.fullmatch(words) else None


@lru_cache(maxsize=1_024)
def digits_of_a_count(name: str) -> int:
    """Return how many digits a number under a secret or personal *name* has at most that is not what the name says.

    7 where the name counts (``token``, ``emails``), none where what it says may be that short itself (``pin``), 3
    elsewhere: a flag, a status, a duration.
    """
    if _SHORT.fullmatch(words_of(name)):
        return 0
    return _DIGITS if _COUNTS.fullmatch(words_of(name.rpartition(".")[2])) else _DIGITS_OF_OTHERS


def names_of(key: str) -> tuple[str, ...]:
    """Return the words of *key* and of what stands behind each of its dots: `args.api_key` is an `api key`, too."""
    parts = key.split(".") if len(key) <= _LONGEST else []
    return tuple(words_of(".".join(parts[start:])) for start in range(len(parts)))


def words_of(name: str) -> str:
    """Return the words of *name* in lower case, joined by blanks; nothing of a name that is too long to be one."""
    return " ".join(_WORDS.findall(name)).lower() if len(name) <= _LONGEST else ""
