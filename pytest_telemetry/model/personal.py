"""What personal data looks like: e-mail, phone, card, IBAN, social security number, IP address (layer 0)."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ("find_addresses", "find_personal")

_EMAIL: Final = re.compile(
    r"(?<![\w.%+-])(?!git@)(?P<local>[\w%+-]{1,64}+(?:\.[\w%+-]{1,64}+){0,8})"
    r"@(?P<domain>[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,8})"
)
# Endings of file names that are no top-level domains: `icon@2x.png`.
_FILE_ENDING: Final = re.compile(
    r"png|jpe?g|gif|svg|webp|ico|json|ya?ml|toml|txt|html|css|[jt]sx|whl|t?gz|dll|exe", re.IGNORECASE
)

# E.164 with separators; then North American, French, and those with a trunk zero and a separator.
_PHONE: Final = re.compile(
    r"(?<![\w.+/-])\+[1-9](?:[ .()/-]{0,2}\d){7,14}(?!\d)(?![.-]?\d)"
    r"|(?<![\w.+/-])(?<!\d )(?:1[ .-])?(?:\([2-9]\d\d\) ?[2-9]\d\d-|[2-9]\d\d-[2-9]\d\d-|[2-9]\d\d\.[2-9]\d\d\.)\d{4}(?![\w-])(?!\.\d)"
    r"|(?<![\w.+/:-])(?<!\d )0[1-9](?:(?: \d\d){4}|(?:\.\d\d){4})(?![ .:-]?\d)(?!\w)"
    r"|(?<![\w.+/:-])(?<!\d )(?:\(0[1-9]\d{1,3}\) ?|0[1-9]\d{1,3}[ /])\d{3,4}(?:[ -]?\d{3,5})(?![ .:/-]?\d)(?!\w)",
    re.ASCII,
)
# After a word that announces one, any digits in groups will do.
_ANNOUNCED: Final = re.compile(
    r"\b(?:phone|tel|telephone|mobile|cell|fax|call(?:ed)?)\b\W{1,3}(\(?\d(?:[ .()/-]{0,2}\d){6,14})(?!\d)",
    re.IGNORECASE | re.ASCII,
)

_CARD: Final = re.compile(r"(?<![\w.-])[2-6]\d{3}(?:[ -]?\d){8,15}(?![\w])(?![.-]\d)", re.ASCII)
_NETWORKS: Final = (
    (re.compile(r"4"), frozenset({13, 16, 19})),
    (re.compile(r"5[1-5]|2[3-6]|22[2-9]|27[01]|2720"), frozenset({16})),
    (re.compile(r"3[47]"), frozenset({15})),
    (re.compile(r"36|38|30[0-5]"), frozenset({14})),
    (re.compile(r"6011|65|64[4-9]|35|62"), frozenset({16, 17, 18, 19})),
    (re.compile(r"50|5[6-8]|6"), frozenset({16})),
)

_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d\d(?: ?[A-Z0-9]){11,30}", re.ASCII)
_IBAN_LENGTHS: Final = dict(
    re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 "
        "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 "
        "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SD18 "
        "SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20",
    )
)

_SSN: Final = re.compile(
    r"(?<![\w.-])(?!000|666|9\d\d)\d{3}(?P<between>[ -])(?!00)\d\d(?P=between)(?!0000)\d{4}(?![\w-])(?!\.\d)",
    re.ASCII,
)

_IPV4: Final = re.compile(r"(?<![\w.-])(?<![A-Za-z]/)\d{1,3}(?:\.\d{1,3}){3}(?![\w-])(?!\.\w)", re.ASCII)
_IPV6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,44}+(?!\w)", re.ASCII)
_VERSION: Final = re.compile(
    r"(?:\b(?:v|ver|vers|versions?|release|build|firmware|rev|revision)\b[\"']?[\s:=(\"']{0,4}|[=~<>]=\s{0,2})$",
    re.IGNORECASE,
)
_GLOBAL_V6: Final = ipaddress.ip_network("2000::/3")


def find_personal(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where in *text* personal data other than IP addresses begins and ends, and by which rule."""
    if "@" in text:
        for match in _EMAIL.finditer(text):
            ending = match["domain"].rpartition(".")[2]
            if len(ending) >= 2 and ending.isalpha() and not _FILE_ENDING.fullmatch(ending):
                yield *match.span(), "email"
    if sum(map(text.count, "0123456789")) < 7:
        return
    for match in _PHONE.finditer(text):
        yield *match.span(), "phone"
    for match in _ANNOUNCED.finditer(text):
        yield *match.span(1), "phone"
    yield from _verified(text, _CARD, _card_end, "card")
    yield from _verified(text, _IBAN, _iban_end, "iban")
    for match in _SSN.finditer(text):
        yield *match.span(), "ssn"


def _verified(
    text: str, pattern: re.Pattern[str], end_of: Callable[[str, re.Match[str]], int], rule: str
) -> Iterator[tuple[int, int, str]]:
    """Yield where *pattern* begins and *end_of* says that it ends; one that it does not confirm may hold another."""
    position = 0
    while match := pattern.search(text, position):
        end = end_of(text, match)
        position = end or match.start() + 1
        if end:
            yield match.start(), end, rule


def find_addresses(text: str, *, private: bool = False) -> Iterator[tuple[int, int, str]]:
    """Yield where in *text* an IP address begins and ends, and the rule ``ip``.

    Those that can be reached over the internet; with *private* also those of private networks and loopback. Four
    numbers right after a word like "version" are none.
    """
    if text.count(".") >= 3:
        for match in _IPV4.finditer(text):
            if _counts(match[0], private=private) and not _VERSION.search(
                text, max(match.start() - 20, 0), match.start()
            ):
                yield *match.span(), "ip"
    if text.count(":") >= 2:
        for match in _IPV6.finditer(text):
            address = match[0].rstrip(".")
            if address.endswith(":") and not address.endswith("::"):
                address = address[:-1]
            if address.count(":") >= 2 and _counts(address, private=private):
                yield match.start(), match.start() + len(address), "ip"


def _counts(text: str, *, private: bool) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.is_loopback or address.is_link_local:
        return private
    if address.is_unspecified or address.is_multicast or address.is_reserved:
        return False
    if address.is_global:
        return address.version == 4 or address in _GLOBAL_V6
    return private and address.is_private


def _card_end(text: str, match: re.Match[str]) -> int:
    """Return where the card number ends that begins where *match* does, or 0 if that is none."""
    digits = ""
    found = 0
    for place in range(match.start(), match.end()):
        if text[place].isdigit():
            digits += text[place]
            if not text[place + 1 : place + 2].isdigit() and _is_card(digits):
                found = place + 1
    return found


def _is_card(digits: str) -> bool:
    if not any(len(digits) in lengths and network.match(digits) for network, lengths in _NETWORKS):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and len(set(digits)) > 1


def _iban_end(text: str, match: re.Match[str]) -> int:
    """Return where the IBAN ends that begins where *match* does, or 0 if that is none."""
    length = int(_IBAN_LENGTHS.get(match[0][:2], 0))
    characters: list[str] = []
    end = match.start()
    while end < match.end() and len(characters) < length:
        if text[end] != " ":
            characters.append(text[end])
        end += 1
    if len(characters) != length or not length or text[end : end + 1].isalnum():
        return 0
    number = "".join(str(int(character, 36)) for character in characters[4:] + characters[:4])
    return end if int(number) % 97 == 1 else 0
