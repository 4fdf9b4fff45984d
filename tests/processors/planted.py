"""Generates secrets and personal data that are valid and nobody's, the encodings they hide in, and harmless texts.

Nothing here looks like a live key before it is generated.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

ALNUM = string.ascii_letters + string.digits
WORD = ALNUM + "_-"
HEX = "0123456789abcdef"
PER_KIND = 10


class Planted(NamedTuple):
    """A text that holds something to find.

    Attributes:
        kind: What it is.
        text: What is written.
        secret: The part of it that must not be left.
    """

    kind: str
    text: str
    secret: str


def chars(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(count))


def mixed(rng: random.Random, count: int) -> str:
    """Random letters and digits, some of each."""
    picked = list(
        chars(rng, ALNUM, count - 3) + rng.choice("ABCXYZ") + rng.choice("abcxyz") + rng.choice("2345")
    )
    rng.shuffle(picked)
    return "".join(picked)


def luhn(digits: str) -> str:
    """Append the digit that makes a card number of *digits*."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def card(rng: random.Random) -> str:
    prefix, length = rng.choice(
        [("4", 16), ("51", 16), ("55", 16), ("37", 15), ("6011", 16), ("4", 13), ("36", 14)]
    )
    number = luhn(prefix + chars(rng, string.digits, length - 1 - len(prefix)))
    separator = rng.choice(["", " ", "-"])
    return separator.join(number[at : at + 4] for at in range(0, len(number), 4))


def iban(rng: random.Random) -> str:
    country, length = rng.choice([("DE", 22), ("GB", 22), ("FR", 27), ("NL", 18), ("NO", 15), ("CH", 21)])
    account = chars(rng, string.digits, length - 4)
    if country == "GB":
        account = chars(rng, string.ascii_uppercase, 4) + account[4:]
    as_number = "".join(str(int(character, 36)) for character in f"{account}{country}00")
    number = f"{country}{98 - int(as_number) % 97:02}{account}"
    return number if rng.random() < 0.5 else " ".join(number[at : at + 4] for at in range(0, length, 4))


def phone(rng: random.Random) -> str:
    def digits(count: int) -> str:
        return chars(rng, string.digits, count)

    return rng.choice(
        [
            f"+1{rng.choice('23456789')}{digits(9)}",
            f"+49 171 {digits(7)}",
            f"+44 (0)20 {digits(4)} {digits(4)}",
            f"+33-6-{digits(2)}-{digits(2)}-{digits(2)}-{digits(2)}",
            f"(5{digits(2)}) 5{digits(2)}-{digits(4)}",
            f"4{digits(2)}-5{digits(2)}-{digits(4)}",
            f"5{digits(2)}.3{digits(2)}.{digits(4)}",
            f"01 {digits(2)} {digits(2)} {digits(2)} {digits(2)}",
            f"0171 {digits(7)}",
            f"030/{digits(7)}",
        ]
    )


def ssn(rng: random.Random) -> str:
    return f"{rng.randint(1, 665):03}-{rng.randint(1, 99):02}-{rng.randint(1, 9999):04}"


def email(rng: random.Random) -> str:
    name = chars(rng, string.ascii_lowercase, rng.randint(3, 9))
    local = rng.choice(
        [name, f"{name}.{name[:3]}", f"{name}+tag", f"{name}_{rng.randint(1, 99)}", name.upper()]
    )
    return f"{local}@{chars(rng, string.ascii_lowercase, 6)}{rng.choice(['.com', '.co.uk', '.de', '-mail.example.org'])}"


def ipv4(rng: random.Random) -> str:
    return f"{rng.choice([8, 23, 52, 93, 142])}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"


def ipv6(rng: random.Random) -> str:
    return f"{rng.choice(['2a00', '2600', '2003'])}:{chars(rng, HEX, 4)}::{rng.randint(1, 9)}{chars(rng, HEX, 3)}"


def token(prefix: str, count: int, alphabet: str = ALNUM) -> Callable[[random.Random], str]:
    return lambda rng: prefix + (mixed(rng, count) if alphabet == ALNUM else chars(rng, alphabet, count))


def jwt(rng: random.Random) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256'})}.{part({'sub': chars(rng, ALNUM, 8)})}.{chars(rng, WORD, 43)}"


def private_key(rng: random.Random) -> str:
    kind = rng.choice(["", "RSA ", "EC ", "OPENSSH "])
    body = "\n".join(chars(rng, ALNUM + "+/", 64) for _ in range(3))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


def basic(rng: random.Random) -> str:
    return base64.b64encode(f"user:{chars(rng, ALNUM, 10)}".encode()).decode()


WHOLE: dict[str, Callable[[random.Random], str]] = {
    "email": email,
    "phone": phone,
    "card": card,
    "iban": iban,
    "ssn": ssn,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "openai": token("sk-" + "proj-", 48),
    "anthropic": token("sk-" + "ant-api03-", 80),
    "aws": token("AK" + "IA", 16, string.ascii_uppercase + "234567"),
    "github": token("gh" + "p_", 36),
    "github fine": token("github" + "_pat_", 60),
    "gitlab": token("gl" + "pat-", 20),
    "google": token("AI" + "za", 35),
    "slack": token("xo" + "xb-", 40),
    "stripe": token("sk_" + "live_", 24),
    "huggingface": token("h" + "f_", 34),
    "npm": token("np" + "m_", 36),
    "pypi": token("pypi-" + "AgE", 80),
    "sendgrid": lambda rng: f"S{'G'}.{mixed(rng, 22)}.{mixed(rng, 43)}",
    "twilio": token("S" + "K", 32, HEX),
    "jwt": jwt,
    "private key": private_key,
}
INSIDE: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "azure storage": lambda rng: (
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}",
        mixed(rng, 86) + "==",
    ),
    "bearer": lambda rng: ("Authorization: Bearer {}", mixed(rng, 30)),
    "basic": lambda rng: ("Authorization: Basic {}", basic(rng)),
    "url": lambda rng: ("postgres://app:{}@db.internal:5432/app", mixed(rng, 14)),
    "assignment": lambda rng: (
        rng.choice(["password={}", "DB_PASSWORD={}", "client_secret={}"]),
        mixed(rng, 12),
    ),
    "connection string": lambda rng: ("Server=db;User Id=sa;Password={};Encrypt=yes", mixed(rng, 12)),
    "cookie": lambda rng: ("Cookie: sid={}; theme=dark", mixed(rng, 26)),
}


def planted() -> list[Planted]:
    """Return 300 of thirty kinds, the same at each call."""
    found = []
    for kind, make in WHOLE.items():
        for number in range(PER_KIND):
            text = make(random.Random(f"{kind} {number}"))
            found.append(Planted(kind, text, text))
    for kind, make_inside in INSIDE.items():
        for number in range(PER_KIND):
            form, secret = make_inside(random.Random(f"{kind} {number}"))
            found.append(Planted(kind, form.format(secret), secret))
    return found


def as_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# name: what becomes of a text, and of the secret in it
ENCODINGS: dict[str, tuple[Callable[[str], Any], Callable[[str], str]]] = {
    "plain": (str, str),
    "in a sentence": (lambda text: f"the service said {text} and went on", str),
    "quoted": (lambda text: f"got '{text}', expected \"{text}\"", str),
    "JSON in a text": (lambda text: json.dumps({"note": [text]}), lambda text: json.dumps(text)[1:-1]),
    "JSON in JSON in a text": (
        lambda text: json.dumps({"body": json.dumps({"note": text})}),
        lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    ),
    "percent-encoded": (
        lambda text: f"https://host/path?q={quote(text, safe='')}&page=2",
        lambda text: quote(text, safe=""),
    ),
    "base64": (as_base64, as_base64),
    "bytes": (str.encode, lambda text: repr(text.encode())[2:-1]),
    "nested, as a key": (lambda text: {"outer": [{"inner": ({text: 1},)}]}, lambda text: repr(text)[1:-1]),
    "exception": (lambda text: RuntimeError("refused", text), lambda text: repr(text)[1:-1]),
}


WORDS = (
    "the request was retried after token refresh because cache key is stale and authorization failed for user session "
    "password reset email sent to queue secret rotation is due cookie consent banner shown basic authentication required "
    "bearer of news call the phone book version card index address bar account closed private method public key pair"
)


def sentence(rng: random.Random) -> str:
    words = " ".join(rng.choice(WORDS.split()) for _ in range(rng.randint(4, 12)))
    return words.capitalize() + rng.choice(".:!?")


def harmless_kinds() -> dict[str, Callable[[random.Random], str]]:
    return {
        "md5": lambda rng: chars(rng, HEX, 32),
        "sha1": lambda rng: chars(rng, HEX, 40),
        "sha256": lambda rng: f"sha256:{chars(rng, HEX, 64)}",
        "integrity": lambda rng: (
            f"sha512-{base64.b64encode(hashlib.sha512(rng.randbytes(9)).digest()).decode()}"
        ),
        "uuid": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "version": lambda rng: f"{rng.randint(0, 30)}.{rng.randint(0, 99)}.{rng.randint(0, 99)}",
        "long version": lambda rng: (
            f"version {rng.randint(0, 30)}.{rng.randint(0, 99)}.{rng.randint(0, 99)}.{rng.randint(0, 99)}"
        ),
        "user agent": lambda rng: f"Mozilla/5.0 (X11) Chrome/{rng.randint(90, 140)}.0.0.0 Safari/537.36",
        "pinned": lambda rng: (
            f"numpy=={rng.randint(1, 2)}.{rng.randint(0, 30)}.{rng.randint(0, 9)}.{rng.randint(0, 9)}"
        ),
        "timestamp": lambda rng: (
            f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:30:15.{rng.randint(0, 999999):06}+01:00"
        ),
        "compact timestamp": lambda rng: (
            f"2026{rng.randint(1, 12):02}{rng.randint(1, 28):02}T{rng.randint(100000, 235959)}-0300"
        ),
        "nanoseconds": lambda rng: str(
            rng.randint(1_700_000_000, 1_900_000_000) * 10**9 + rng.randint(0, 10**9 - 1)
        ),
        "slash command": lambda rng: (
            f"/{rng.choice(['review', 'wo-start', 'fix'])} issue {rng.randint(1, 9999)}"
        ),
        "url": lambda rng: (
            f"https://example.com/items/{rng.randint(1, 10**9)}?page={rng.randint(1, 99)}&sort=name#top"
        ),
        "package url": lambda rng: (
            f"https://cdn.example.com/@scope/react@{rng.randint(1, 19)}.{rng.randint(0, 9)}.1/index.js"
        ),
        "remote": lambda rng: f"git@github.com:example/{chars(rng, string.ascii_lowercase, 8)}.git",
        "decimal id": lambda rng: f"1{chars(rng, string.digits, rng.randint(5, 18))}",
        "order id": lambda rng: f"order-{rng.randint(10**9, 10**12)}",
        "revision": lambda rng: f"v1.{rng.randint(0, 9)}.0-{rng.randint(1, 99)}-g{chars(rng, HEX, 9)}",
        "sentence": sentence,
        "counts": lambda rng: json.dumps(
            {"input_tokens": rng.randint(1, 9999), "max_tokens": 4096, "token_count": 7}
        ),
        "key": lambda rng: f"cache_key={chars(rng, HEX, 16)}",
        "code": lambda rng: f"client.connect(password=password, token=self.token, n={rng.randint(1, 99)})",
        "placeholder": lambda rng: (
            f"postgres://app:${{DB_PASSWORD}}@db/{chars(rng, string.ascii_lowercase, 6)}"
        ),
        "mac": lambda rng: ":".join(chars(rng, HEX, 2) for _ in range(6)),
        "private address": lambda rng: (
            f"10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}:8080"
        ),
        "file": lambda rng: f"src/icon-{rng.randint(1, 99)}@2x.png",
        "metric": lambda rng: f"http.server.duration {rng.random():.16f}",
        "trace": lambda rng: f"00-{chars(rng, HEX, 32)}-{chars(rng, HEX, 16)}-01",
        "image": lambda rng: (
            f"registry.example.com/app:{rng.randint(1, 9)}.{rng.randint(0, 99)}@sha256:{chars(rng, HEX, 64)}"
        ),
        "scope": lambda rng: f"std::vector<abc::def{rng.randint(1, 99)}>::add",
        "style": lambda rng: f"sk-folding-cube-animated sk-circle{rng.randint(1, 12)}",
        "numbers": lambda rng: " ".join(f"{rng.random() * 1000:.3f}" for _ in range(6)),
        "clock": lambda rng: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}",
        "data": lambda rng: base64.b64encode(rng.randbytes(rng.randint(9, 60))).decode(),
        "escape": lambda rng: f"C:\\new\\table{rng.randint(1, 99)}\\u0041 100%25 done",
        "cpu": lambda rng: (
            f"cpu={rng.random():.3f} mem={rng.randint(10**6, 10**9)} pid={rng.randint(1, 99999)}"
        ),
        "status": lambda rng: f"auth: basic, token: expired, retries: {rng.randint(1, 9)}",
        "duration": lambda rng: f"took {rng.randint(1, 10**7)} ns (+{rng.randint(1, 99)} %)",
        "name": lambda rng: f"pkg.module_{rng.randint(1, 99)}.Class.method",
    }


def harmless() -> Iterator[tuple[str, str]]:
    """Yield a thousand texts of forty kinds with their kind, the same at each call."""
    kinds = harmless_kinds()
    for kind, make in kinds.items():
        for number in range(1_000 // len(kinds)):
            yield kind, make(random.Random(f"{kind} {number}"))
