"""Marks stand where secrets and personal data were, and nowhere else."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from pytest_telemetry import TelemetryRecorder, span
from pytest_telemetry.checks import Privacy
from pytest_telemetry.model.record import Record
from pytest_telemetry.processors import Redaction
from pytest_telemetry.processors.redaction import redacted

MARK = re.compile(r"\[REDACTED:[\w.-]+\]")


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "PASSWORD",
        "userPassword",
        "db.password",
        "DB_PASSWD",
        "MYSQL_PWD",
        "old-password",
        "passphrase",
        "secret",
        "clientSecret",
        "aws_secret_access_key",
        "token",
        "accessToken",
        "X-Auth-Token",
        "refresh_tokens",
        "api_key",
        "apikey",
        "X-Api-Key",
        "APIKey",
        "privateKey",
        "AccountKey",
        "Authorization",
        "proxy-authorization",
        "auth",
        "Cookie",
        "set-cookie",
        "credentials",
        "connectionString",
        "password_hash",
        "password2",
    ],
)
def test_what_stands_under_a_secret_name_is_replaced_as_a_whole(key: str) -> None:
    """In any case and with any separators, whatever the value is."""
    for value in ("open sesame", ["a", "b"], {"inner": {"x": "y"}}, b"bytes", ("a",), object()):
        assert redacted({"outer": {key: value}}) == {"outer": {key: "[REDACTED:secret]"}}


@pytest.mark.parametrize(
    "key",
    [
        *(
            "PGPASSWORD",
            "DBPASSWORD",
            "dbpassword",
            "userpassword",
            "rootpasswd",
            "gpgpassphrase",
            "clientsecret",
        ),
        *("authtoken", "ACCESSTOKEN", "refreshtoken", "accesstokens", "secret_key_base", "SECRET_KEY_BASE"),
        *("db_pass", "dbpass", "DB_PASS", "smtpPass", "user_pass"),
    ],
)
def test_a_name_of_one_word_that_ends_in_one_tells_as_well(key: str) -> None:
    """As environments and older interfaces call them; also short for a password, and also where it is a number."""
    assert redacted([{key: "hunter2"}, f"{key}=hunter2"]) == [
        {key: "[REDACTED:secret]"},
        f"{key}=[REDACTED:secret]",
    ]
    assert redacted({key: 10**8}) == {key: "[REDACTED:secret]"}


@pytest.mark.parametrize(
    "key",
    ["ssn", "iban", "email", "E-Mail", "phoneNumber", "first_name", "lastName", "dateOfBirth", "card_number"],
)
def test_what_stands_under_a_personal_name_likewise(key: str) -> None:
    """By a rule of its own."""
    assert redacted({key: "what it is"}) == {key: "[REDACTED:personal]"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("token_count", "7"),
        ("input_tokens", 7),
        ("max_tokens", "4096"),
        ("tokens", {"input_tokens": 7}),
        ("token", 7),
        ("token_type", "x"),
        ("time_to_first_token", "0.5"),
        ("password_length", 12),
        ("password", None),
        ("password", ""),
        ("password", True),
        ("password", "***"),
        ("password", "<hidden>"),
        ("password", "${DB_PASSWORD}"),
        ("token", "expired"),
        ("auth", "basic"),
        ("auth", {}),
        ("auth_method", "key"),
        ("author", "x"),
        ("authority", "x"),
        ("cache_key", "a1b2"),
        ("primary_key", "7"),
        ("public_key", "x"),
        ("keyboard", "x"),
        ("secretary", "x"),
        ("cookie_consent", "given"),
        ("name", "load"),
        ("file_name", "a.py"),
        ("session_id", "abc"),
        ("pinned", "yes"),
        ("tokenizer", "x"),
        ("maxtokens", "x"),
        ("inputtokens", "x"),
        ("timetofirsttoken", "x"),
        ("costpertoken", "x"),
        ("first_pass", "x"),
        ("render_pass", "x"),
        ("bypass", "x"),
        ("compass", "x"),
        ("passwordless", "x"),
        ("secretariat", "x"),
        ("passed", "12"),
    ],
)
def test_names_and_values_that_only_resemble_one_are_let_pass(key: str, value: Any) -> None:
    """Counts, kinds, states, placeholders, other words."""
    before = {key: value}

    assert redacted(before) is before


@pytest.mark.parametrize(
    ("key", "number", "rule"),
    [
        ("phone", 5551234567, "personal"),
        ("dob", 19800101, "personal"),
        ("iban", 12345, "personal"),
        ("account_number", 7, "personal"),
        ("api_key", 12345678901234567890, "secret"),
        ("access_token", 987654321098765, "secret"),
        ("auth_token", 83746152, "secret"),
        ("token", 83746152, "secret"),
        ("cookie", 123456789, "secret"),
        ("cookies", 123456789, "secret"),
        ("authorization", 123456789, "secret"),
        ("password_hash", 48213, "secret"),
        ("password", 0, "secret"),
        ("pin", 12, "secret"),
    ],
)
def test_a_number_under_such_a_name_is_replaced(key: str, number: int, rule: str) -> None:
    """As a number, as a text, in a query, and in JSON inside a text."""
    mark = f"[REDACTED:{rule}]"

    assert redacted([{key: number}, {key: str(number)}]) == [{key: mark}] * 2
    assert redacted(f"https://host/x?page=2&{key}={number}") == f"https://host/x?page=2&{key}={mark}"
    assert redacted(json.dumps({key: number, "n": 1})) == json.dumps({key: mark, "n": 1}).replace(
        f'"{mark}"', mark
    )


@pytest.mark.parametrize("key", ["date_of_birth", "token", "authorization"])
@pytest.mark.parametrize("value", ["1980.01.01", "007", "1,2,3", "192837465"])
def test_what_consists_of_digits_and_is_no_count_is_replaced(key: str, value: str) -> None:
    """Dates, zeros in front, lists, more than anybody counts."""
    assert redacted({key: value})[key].startswith("[REDACTED:")


@pytest.mark.parametrize(
    ("key", "number"),
    [
        *(("token", 9_999_999), ("args.token", 4_096), ("prompt_token", 128_000), ("usage.total_token", 7)),
        *(("tokens", 10**9), ("input_tokens", 10**8), ("max_tokens", 10**6), ("token_count", 10**9)),
        *(("passwords", 12), ("emails", 1_200_345), ("email", 4), ("access_tokens", 1_000), ("api_keys", 4)),
        *(("auth", 200), ("auth", 35.125), ("phone", 0), ("cookie", -1), ("password_attempts", 10**6)),
        *(("phone_count", 10**6), ("recovery_codes", 8)),
    ],
)
def test_a_number_that_counts_or_is_short_is_let_pass(key: str, number: float) -> None:
    """Up to seven digits under names that count; flags, states and durations of three under those of longer things."""
    for value in ({key: number}, {key: str(number)}, f"{key}={number}"):
        assert redacted(value) is value


@pytest.mark.parametrize(
    "value",
    [
        "$ecret123",
        "$uper5ecret",
        "$ecret",
        "<Passw0rd!>",
        "[hunter2 rocks]",
        "%abcdef",
        "{1: 2}",
        "[a.b]",
        "$(a,1)",
    ],
)
def test_a_value_that_only_begins_like_a_placeholder_is_replaced(value: str) -> None:
    """Words in brackets hold no digits and no punctuation; variables are in braces or in capitals."""
    assert redacted({"password": value}) == {"password": "[REDACTED:secret]"}
    assert redacted(f"password='{value}'") == "password='[REDACTED:secret]'"


@pytest.mark.parametrize(
    "value",
    [
        *("<hidden>", "<your-key here>", "[Filtered]", "[***]", "(none)", "<Jar object at 0x7f3a>"),
        *("$DB_PASSWORD", "${db.password}", "$password", "{password}", "{self.password!r}", "{{ password }}"),
        *("%s", "%(password)s", "$(pass show db)", "${{ secrets.PASSWORD }}", "Bearer {token}", "Bearer ***"),
    ],
)
def test_a_placeholder_is_let_pass(value: str) -> None:
    """Masks, words in brackets, variables, places in templates; also behind a scheme."""
    before = {"password": value}

    assert redacted(before) is before


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("pin 1234, cvv=123", "pin 1234, cvv=[REDACTED:secret]"),
        ('{"password": "a, b", "x": 1}', '{"password": "[REDACTED:secret]", "x": 1}'),
        ("{'api_key': 'k1', 'n': 2}", "{'api_key': '[REDACTED:secret]', 'n': 2}"),
        ('{\\"token\\": \\"t1\\"}', '{\\"token\\": \\"[REDACTED:secret]\\"}'),
        ("https://host/x?token=abc&page=2", "https://host/x?token=[REDACTED:secret]&page=2"),
        ("run --password s3same --verbose", "run --password [REDACTED:secret] --verbose"),
        ("run --api-key=k1 -v", "run --api-key=[REDACTED:secret] -v"),
        ("export AWS_SECRET_ACCESS_KEY=abc", "export AWS_SECRET_ACCESS_KEY=[REDACTED:secret]"),
        ("X-Api-Key: k1\nAccept: all", "X-Api-Key: [REDACTED:secret]\nAccept: all"),
        ("Authorization: Token k1", "Authorization: Token [REDACTED:secret]"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: [REDACTED:secret]\nHost: x"),
        ("API key: k1.", "API key: [REDACTED:secret]."),
        ("config['password'] = 'x'", "config['password'] = '[REDACTED:secret]'"),
        ("note='password=abc'", "note='password=[REDACTED:secret]'"),
        ("password='cut of", "password='[REDACTED:secret] of"),
        ("Password=p@ss#1;Server=x", "Password=[REDACTED:secret];Server=x"),
    ],
)
def test_a_name_inside_a_text_tells_as_well(text: str, after: str) -> None:
    """Assignments, JSON, literals, headers, queries, arguments; the rest of the text stays."""
    assert redacted(text) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("password=b'hunter2', n=1", "password=b'[REDACTED:secret]', n=1"),
        ("{'password': b'hunter2'}", "{'password': b'[REDACTED:secret]'}"),
        ('token = rb"hunter2"', 'token = rb"[REDACTED:secret]"'),
        ('password="""hunter2"""', 'password="""[REDACTED:secret]"""'),
        (r'password="a\"b", n=1', 'password="[REDACTED:secret]", n=1'),
        (r"{\"password\": \"a\\\"b\", \"n\": 1}", r"{\"password\": \"[REDACTED:secret]\", \"n\": 1}"),
        ("password:'it''s', n:'a'", "password:'[REDACTED:secret]', n:'a'"),
        ("password:'''t''s', n:'a'", "password:'[REDACTED:secret]', n:'a'"),
        ('""password"": ""hunter2"", ""n"": 1', '""password"": ""[REDACTED:secret]"", ""n"": 1'),
    ],
)
def test_a_literal_behind_a_name_is_replaced_up_to_its_closing_quote(text: str, after: str) -> None:
    """Past quotes that are escaped or doubled; the prefix of the literal is no value."""
    assert redacted(text) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('{"password":["hunter2"], "n": 1}', '{"password":[REDACTED:secret], "n": 1}'),
        ('{"password": {"v": "a}b", "w": [1]}, "n": 1}', '{"password": [REDACTED:secret], "n": 1}'),
        (r"{\"password\": {\"v\": \"a}b\"}, \"n\": 1}", r"{\"password\": [REDACTED:secret], \"n\": 1}"),
        ('{"email": ["ada"], "n": 1}', '{"email": [REDACTED:personal], "n": 1}'),
        ("password=Secret('hunter2'), n=1", "password=[REDACTED:secret], n=1"),
        ("{'password': Secret(value='hunter2')}", "{'password': [REDACTED:secret]}"),
        ("password: Secret('hunter2')", "password: [REDACTED:secret]"),
        ("password=str('hunter2') n=1", "password=[REDACTED:secret] n=1"),
        ("secret=Some(Inner('x')).get('y') n=1", "secret=[REDACTED:secret] n=1"),
        ("auth=('ada', 'hunter2')\nn=1", "auth=[REDACTED:secret]\nn=1"),
        ("auth=('ada', 'hun\nn=1", "auth=[REDACTED:secret]\nn=1"),
    ],
)
def test_what_goes_on_in_brackets_behind_a_name_is_replaced_as_a_whole(text: str, after: str) -> None:
    """To the bracket that closes it, or to the end of the line; brackets in quotes do not count."""
    assert redacted(text) == after


@pytest.mark.parametrize(
    "text",
    [
        "password: forgotten",
        "the token: expired",
        "token: 5, tokens=7, max_tokens=100",
        "connect(password=password, token=self.token)",
        "password=None api_key= secret=***",
        "Authorization: required",
        "cookie: not found",
        "see the password= section",
        "def connect(password: Optional[str] = None, token: str = '')",
        "token=os.environ['TOKEN'], auth = config['auth']",
        "password=${DB_PASSWORD} token=$(cat /run/token) secret={secret} password=%(password)s",
        "token: ${{ secrets.TOKEN }}, {{ token }}",
        "password=SecretStr('**********'), token=['***'], auth={}, cookies=[]",
        '{"token": str(token), "auth": get(), "password": {}}',
        'headers = {"Authorization": f"Bearer {token}"}',
        "password: (forgotten in 2026)",
    ],
)
def test_sentences_and_code_about_secrets_are_let_pass(text: str) -> None:
    """They say that there is one, not which."""
    assert redacted(text) is text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("ada.king+x@mail.example.org", "email"),
        ("ada@пример.рф", "email"),
        ("+49 (171) 123-4567", "phone"),
        ("tel: 12 34 56 78", "phone"),
        ("4111 1111 1111 1111 12/27", "card"),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("123-45-6789", "ssn"),
        ("8.8.8.8", "ip"),
        ("[2a00:1450:4001:81b::200e]:443", "ip"),
        ("postgres://app:pa55w0rd@db/x", "url-credentials"),
        ("Basic YWRhOmxvdmVsYWNl", "basic-auth"),
        ("bearer abcdef123456", "bearer"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "private-key"),
        ("xADE89370400440532013000 DE89370400440532013000", "iban"),
        ("2026 4111 1111 1111 1111", "card"),
    ],
)
def test_values_are_recognised_by_what_they_look_like(text: str, rule: str) -> None:
    """Each by a rule of its own name; the corpus beside has them by the hundred."""
    assert MARK.findall(redacted(text)) == [f"[REDACTED:{rule}]"]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "1234 5678 9012 3456 78",
        "DE88 3704 0044 0532 0130 00",
        "XX89370400440532013000",
        "000-45-6789 and 666-45-6789 and 123-00-6789",
        "256.1.1.1 and 1.2.3 and 1.2.3.4.5",
        "version 1.2.3.4, v1.2.3.4, Chrome/1.2.3.4, pkg==1.2.3.4",
        "10.0.0.1, 192.168.1.1, 127.0.0.1, 0.0.0.0, 255.255.255.0, fe80::1, ::1, 224.0.0.1",
        "12:34:56, a::b, std::add, 00:25:96:ff:fe:12:34:56",
        "git@github.com:x/y.git, icon@2x.png, react@18.2.0, user@host",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "basic authentication, bearer authentication",
        "https://host:8080/a@b and ssh://git@host/x and http://u:${PW}@host and http://u:***@host",
        "1767305511123456789",
    ],
)
def test_what_fails_a_check_digit_or_a_range_is_let_pass(text: str) -> None:
    """As are versions, private addresses, public keys and user names."""
    assert redacted(text) is text


def test_a_version_is_no_address_under_a_key_that_says_so() -> None:
    """Elsewhere four numbers are an address."""
    value = {"app.version": "8.8.8.8", "peer": "8.8.8.8"}

    assert redacted(value) == {"app.version": "8.8.8.8", "peer": "[REDACTED:ip]"}


def test_private_addresses_count_on_demand() -> None:
    """Of networks and of the machine itself."""
    text = "10.0.0.1 ::1 fe80::1 fd00::1 127.0.0.1 8.8.8.8 0.0.0.0"

    assert redacted(text, private_addresses=True).split() == ["[REDACTED:ip]"] * 6 + ["0.0.0.0"]


def test_allowed_texts_and_names_are_let_pass() -> None:
    """Exact texts, expressions that fit the whole, keys in any spelling; also where the text is encoded."""
    allow: list[str | re.Pattern[str]] = ["ada@example.com", re.compile(r".*@example\.org"), "not-a-secret"]
    redaction = Redaction(allow=allow, allow_keys=["api_key"])
    value = {
        "a": "ada@example.com, bob@example.org, ada%40example.com",
        "apiKey": {"x": "4111111111111111"},
        "password": "not-a-secret",
    }

    assert redaction.redacted(value) is value
    assert redaction.redacted("eve@example.com xada@example.com") == "[REDACTED:email] [REDACTED:email]"


@pytest.mark.parametrize(
    ("allowed", "passes", "masked"),
    [
        ("csrf_token", ["csrf_token", "args.csrf_token", "args.csrfToken"], ["xcsrf.token", "args.token"]),
        ("token", ["token", "args.token"], ["access_token", "args.access_token"]),
        ("args.token", ["args.token", "args_token"], ["token", "result.token"]),
    ],
)
def test_a_name_is_let_pass_behind_a_dot_too(allowed: str, passes: list[str], masked: list[str]) -> None:
    """As a record calls the members of an event; a part of a name behind another separator is no name."""
    redaction = Redaction(allow_keys=[allowed])

    assert redaction.redacted(dict.fromkeys(passes, "x1")) == dict.fromkeys(passes, "x1")
    assert redaction.redacted(dict.fromkeys(masked, "x1")) == dict.fromkeys(masked, "[REDACTED:secret]")


def test_rules_of_ones_own_are_added() -> None:
    """By name; the first group is what is replaced, where there is one."""
    redaction = Redaction(rules={"employee": r"EMP-\d{4}", "room": re.compile(r"room (\w+)")})

    assert redaction.redacted(["EMP-0042 in room b7", "a@b.co"]) == [
        "[REDACTED:employee] in room [REDACTED:room]",
        "[REDACTED:email]",
    ]
    with pytest.raises(ValueError, match="rule 'my rule': use letters"):
        Redaction(rules={"my rule": "x"})


def test_a_rule_that_never_ends_leaves_nothing() -> None:
    """One whose marks bring something new to light, round after round; short texts are not spared either."""
    redaction = Redaction(rules={"first": r"^\w"})

    assert redaction.redacted("ab") == "[REDACTED:first]" * 2
    assert redaction.redacted("abcdefghijkl") == "[REDACTED:text]"


def test_what_was_found_before_is_found_again() -> None:
    """Also after thousands of other texts, and under another key: what is remembered are texts without a secret."""
    redaction = Redaction()

    for number in range(1_500):
        assert redaction.redacted(f"row {number}") == f"row {number}"
        assert redaction.redacted({"version": "8.8.8.8"}) == {"version": "8.8.8.8"}
        assert redaction.redacted(["8.8.8.8", "a@b.co"]) == ["[REDACTED:ip]", "[REDACTED:email]"]


def test_overlapping_finds_become_one_mark() -> None:
    """Of the one that begins first."""
    assert redacted("https://ada@example.com:pa55@host/") == "https://[REDACTED:url-credentials]@host/"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("mail=ada%40example.com&x=1", "mail=[REDACTED:email]&x=1"),
        ('{"m": "ada\\u0040example.com"}', '{"m": "[REDACTED:email]"}'),
        ("%7B%22password%22%3A%22s3same%22%7D", "%7B%22password%22%3A%22[REDACTED:secret]%22%7D"),
        ("YWRhQGV4YW1wbGUuY29t", "[REDACTED:email]"),
        ("WVdSaFFHVjRZVzF3YkdVdVkyOXQ=", "[REDACTED:email]"),
        ("euro%E2%82 ada%40example.com", "euro%E2%82 [REDACTED:email]"),
        ('{"m": "{\\"n\\": \\"ada\\\\u0040example.com\\"}"}', '{"m": "{\\"n\\": \\"[REDACTED:email]\\"}"}'),
    ],
)
def test_only_what_holds_the_secret_is_replaced_in_an_encoded_text(text: str, after: str) -> None:
    """Percent signs and escapes place by place, base64 as a whole, also inside each other."""
    assert redacted(text) == after


def test_every_text_of_a_record_is_redacted_and_the_record_is_not_changed() -> None:
    """Fields, keys, nested values, bytes, and exceptions that a log keeps as text."""
    mail = "ada@example.com"
    before = Record(
        "span",
        f"for {mail}",
        f"for {mail}",
        1,
        2,
        value=[mail],
        error=f"LookupError: {mail}",
        attrs={mail: {"x": (mail,)}, "b": mail.encode(), "e": LookupError(mail), "password": "x1"},
        run_id=mail,
        thread=mail,
    )
    kept = copy.deepcopy(before)

    after = Redaction()(before)

    assert "example.com" not in repr(after)
    assert after.attrs == {
        "[REDACTED:email]": {"x": ("[REDACTED:email]",)},
        "b": b"[REDACTED:email]",
        "e": "LookupError('[REDACTED:email]')",
        "password": "[REDACTED:secret]",
    }
    assert repr(before) == repr(kept)


def test_a_record_without_a_secret_is_the_very_same() -> None:
    """Ids of traces are left alone: they are drawn at random."""
    record = Record("span", "load", "load", 1, 2, attrs={"rows": [1]}, trace_id="4" * 32, span_id="5" * 16)

    assert Redaction()(record) is record


@pytest.mark.parametrize(
    "text",
    [
        "[REDACTED:email]",
        "password=[REDACTED:secret]",
        "Bearer [REDACTED:bearer] and ada@example.com",
        "a@b.co" * 20,
        "4111111111111111" * 3,
        "pw=[REDACTED:x]pw=[REDACTED:y]",
        "x=ghp_[REDACTED:z]" + "a" * 36,
    ],
)
def test_redacting_again_changes_nothing(text: str) -> None:
    """Marks are no secrets, and neither is what stands beside them."""
    once = redacted(text)

    assert redacted(once) is once


def test_a_pipeline_with_it_shows_both_stages_to_a_test() -> None:
    """What the code passed is a finding, what a sink gets is none."""
    recorder = TelemetryRecorder(processors=[Redaction()])

    with recorder.context("login", user="ada@example.com"):
        pass

    assert span("login", user="[REDACTED:email]") in recorder
    assert span("login", user="ada@example.com", stage="call") in recorder
    recorder.check(Privacy())
