"""What credentials look like: keys of providers, tokens, private keys, credentials in URLs (layer 0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_telemetry.model.encodings import of_base64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ("Shape", "find_credentials", "provider_shapes")


class Shape(NamedTuple):
    """How one kind of text is recognised.

    Attributes:
        rule: Name of the kind.
        hints: Texts of which one is in every text that holds it; looked for before the expression.
        pattern: Regular expression; takes time in proportion to the text.
        group: The group that is the text itself; what else matches is context.
        holds: Whether a match is one.
    """

    rule: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    group: int = 0
    holds: Callable[[str], bool] = bool


def _mixed(text: str) -> bool:
    """Tell whether *text* looks drawn at random: capitals, small letters and digits, as no word has them."""
    return (
        any(c.isdigit() for c in text) and any(c.isupper() for c in text) and any(c.islower() for c in text)
    )


def _cased(text: str) -> bool:
    return any(c.isupper() for c in text[4:]) and any(c.islower() for c in text[4:])


def _token(text: str) -> bool:
    return any(c.isdigit() for c in text) or len(text) >= 32


def _basic(text: str) -> bool:
    return ":" in (of_base64(text, 6) or "")


def _unmasked(text: str) -> bool:
    password = text.partition(":")[2]
    return bool(password.strip("*x.")) and password[0] not in "${<["


# rule, what the key begins with, how it goes on, and what else must be true of it
_PROVIDERS: Final[tuple[tuple[str, str, str, Callable[[str], bool]], ...]] = (
    ("anthropic-key", "sk-ant-", r"[\w-]{20,}", bool),
    ("openai-key", "sk-", r"[\w-]{20,}", _mixed),
    ("aws-key", "AKIA ASIA ABIA ACCA", r"[A-Z2-7]{16}(?![A-Za-z0-9])", bool),
    ("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{36,255}", bool),
    ("github-token", "github_pat_", r"\w{22,255}", bool),
    ("gitlab-token", "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent-", r"[\w.-]{20,}", bool),
    ("google-key", "AIza", r"[\w-]{35}(?![\w-])", bool),
    ("google-oauth", "GOCSPX-", r"[\w-]{28}", bool),
    ("google-oauth", "ya29.", r"[\w-]{20,}", bool),
    ("slack-token", "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs-", r"[A-Za-z0-9-]{10,}", bool),
    ("slack-token", "xapp-", r"\d-[A-Za-z0-9-]{10,}", bool),
    ("slack-webhook", "hooks.slack.com/services/", r"[A-Za-z0-9/]{20,}", bool),
    ("stripe-key", "sk_live_ sk_test_ rk_live_ rk_test_", r"[A-Za-z0-9]{16,}", bool),
    ("stripe-key", "whsec_", r"[A-Za-z0-9+/=]{24,}", bool),
    ("huggingface-token", "hf_", r"[A-Za-z0-9]{30,}", _cased),
    ("npm-token", "npm_", r"[A-Za-z0-9]{36}(?![A-Za-z0-9])", bool),
    ("pypi-token", "pypi-AgE", r"[\w-]{50,}", bool),
    ("sendgrid-key", "SG.", r"[\w-]{16,32}\.[\w-]{16,64}", bool),
    ("twilio-key", "SK AC", r"[0-9a-f]{32}(?![A-Za-z0-9])", bool),
    ("azure-key", "AccountKey= SharedAccessKey=", r"[A-Za-z0-9+/]{40,86}={0,2}", bool),
    ("azure-sas", "sig=", r"[A-Za-z0-9+/%]{40,}={0,2}", bool),
    ("databricks-token", "dapi", r"[0-9a-f]{32}(?![A-Za-z0-9])", bool),
    ("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", r"[0-9a-f]{64}", bool),
    ("docker-token", "dckr_pat_", r"[\w-]{20,}", bool),
    ("grafana-token", "glsa_ glc_", r"[\w+/=]{32,}", bool),
    ("groq-key", "gsk_", r"[A-Za-z0-9]{40,}", bool),
    ("linear-key", "lin_api_", r"[A-Za-z0-9]{32,}", bool),
    ("newrelic-key", "NRAK-", r"[A-Z0-9]{27}", bool),
    ("shopify-token", "shpat_ shpca_ shppa_ shpss_", r"[0-9a-fA-F]{32}", bool),
    ("vault-token", "hvs. hvb.", r"[\w-]{24,}", bool),
    ("xai-key", "xai-", r"[A-Za-z0-9]{40,}", bool),
)


def provider_shapes() -> Iterator[Shape]:
    """Yield how keys of each provider are recognised."""
    for rule, prefixes, rest, holds in _PROVIDERS:
        hints = tuple(prefixes.split())
        begins = "|".join(map(re.escape, hints))
        yield Shape(rule, hints, re.compile(rf"(?<![A-Za-z0-9])(?:{begins}){rest}", re.ASCII), 0, holds)


_SHAPES: Final = (
    # A block that was cut off is as secret as a whole one.
    Shape(
        "private-key",
        ("-----BEGIN",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END)[\s\S])*+"
            r"(?:-----END [A-Z0-9 ]{0,60}-----)?"
        ),
    ),
    Shape("jwt", ("eyJ",), re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*", re.ASCII)),
    Shape(
        "bearer",
        ("earer", "EARER"),
        re.compile(r"\bbearer[ \t:=]{1,4}([\w.~+/-]{8,}=*)", re.IGNORECASE | re.ASCII),
        1,
        _token,
    ),
    Shape(
        "basic-auth",
        ("asic", "ASIC"),
        re.compile(r"\bbasic[ \t]{1,4}([A-Za-z0-9+/]{6,}={0,2})", re.IGNORECASE),
        1,
        _basic,
    ),
    Shape(
        "url-credentials",
        ("://",),
        re.compile(r"://([^\s/?#:\"'<>]{0,256}:[^\s/?#\"'<>]{1,256})@"),
        1,
        _unmasked,
    ),
    *provider_shapes(),
)


# Most texts hold none of the hints, and one look is cheaper than sixty.
_ANY_HINT: Final = re.compile("|".join(re.escape(hint) for shape in _SHAPES for hint in shape.hints))


def find_credentials(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where in *text* a credential begins and ends, and by which rule."""
    if not _ANY_HINT.search(text):
        return
    for rule, hints, pattern, group, holds in _SHAPES:
        if any(hint in text for hint in hints):
            for match in pattern.finditer(text):
                if holds(match[group]):
                    yield *match.span(group), rule
