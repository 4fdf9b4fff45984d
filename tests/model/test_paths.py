"""What is an absolute path, and what only looks like one."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from pytest_telemetry.model.paths import absolute_spans, find_absolute, starts_absolute, strings_in


@pytest.mark.parametrize(
    "text",
    [
        "/a/b",
        "/Users/alice/x.py",
        "/tmp",
        "/home with a blank",
        "/setup.py",
        "/wo-start/",
        "//server/share",
        "C:\\x",
        "c:/x",
        "Z:\\",
        "\\\\server\\share",
        "\\\\?\\C:\\x",
        "file:/x",
        "file:///x",
        "FILE://host/x",
        "File:/x",
        "/Ünï/x",
    ],
)
def test_an_absolute_path_at_the_start_is_recognised(text: str) -> None:
    """POSIX, Windows drives, shares and file URIs in any case."""
    assert starts_absolute(text)
    assert find_absolute(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "//",
        "// a comment",
        "//comment",
        "/* comment */",
        "/^regex$/",
        "/{id}/x",
        "/ 2",
        "/...",
        "/wo-start",
        "/wo-start fix src/a.py",
        "/run",
        "a/b",
        "./a/b",
        "../a",
        "~/a/b.py",
        "\\d+",
        "\\\\",
        "C:x",
        "repo:docs/x.md:1",
        "sym://python/mod/src/a",
        "https://host/home/a/b.py",
        "and/or",
        "profile:/",
    ],
)
def test_what_only_looks_like_one_is_let_pass(text: str) -> None:
    """Slash commands, comments, routes of one segment, relative paths and URLs are no absolute paths."""
    assert not starts_absolute(text)
    assert find_absolute(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cannot read /home/a/x.py: gone", "/home/a/x.py: gone"),
        ("saved to /tmp", "/tmp"),
        ("saved to /tmp. Done", "/tmp. Done"),
        ("see (/opt/x)", "/opt/x)"),
        ("path=/var/log/x", "/var/log/x"),
        ("key:/abs/x.py:1", "/abs/x.py:1"),
        ("read /srv.d/models/m.bin.", "/srv.d/models/m.bin."),
        ("open 'C:\\Users\\x'", "C:\\Users\\x'"),
        ("at \\\\server\\share\\f", "\\\\server\\share\\f"),
        ("see file:///etc/x", "file:///etc/x"),
        ("/review /home/alice/x.py", "/home/alice/x.py"),
        ("GET /home then /home/alice/x", "/home/alice/x"),
    ],
)
def test_a_path_inside_a_message_is_found(text: str, found: str) -> None:
    """Known roots, and files with an extension, after a word boundary."""
    assert find_absolute(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "use /review or /fix",
        "GET /static/app.js",
        "POST /home/x",
        "took 1/2 and a /x/y z",
        "in ${HOME}/src/a.py",
        "under <removed>/x/y.py",
        "glob **/x/*.py",
        "</div>",
        "see http://localhost/tmp/x.py and s3://tmp/x.py",
        "regex (?:\\d+)",
    ],
)
def test_slashes_in_a_message_are_let_pass(text: str) -> None:
    """Requests, URLs, placeholders and globs are not paths of this machine."""
    assert find_absolute(text) is None


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/a/b:/c/d.py and /tmp/e", ["/a/b", "/c/d.py", "/tmp/e"]),
        ("/a/b.py: line 3", ["/a/b.py"]),
        ("/usr/bin/python src/a.py", ["/usr/bin/python"]),
        ("see /tmp. Or (/opt/x), [/srv/y].", ["/tmp", "/opt/x", "/srv/y"]),
        ("at /srv/a.b...", ["/srv/a.b..."]),
        ("/app/[slug]/page.tsx", ["/app/"]),
        ('File "/home/a b/My File.py", line 3', ["/home/a b/My File.py"]),
        ("'/usr/bin/cc -I/usr/include'", ["/usr/bin/cc", "/usr/include"]),
        ("/Users/Ada King Lovelace/x y", ["/Users/Ada King Lovelace/x"]),
        ("/home/ada lovelace/x and /data/ada lovelace/x", ["/home/ada lovelace/x", "/data/ada"]),
        ("ls /home/ada -l", ["/home/ada"]),
        ("in C:\\Program Files (x86)\\App\\a.txt, ok", ["C:\\Program Files (x86)\\App\\a.txt"]),
        ("{'f': 'C:\\\\Users\\\\ada\\\\x.py'}", ["C:\\\\Users\\\\ada\\\\x.py"]),
        ('{\\"f\\": \\"/home/ada/x.py\\"}', ["/home/ada/x.py"]),
        ("at \\\\server\\share\\f, gone", ["\\\\server\\share\\f"]),
        ("see file:///C:/x%20y/z.py#L3 there", ["file:///C:/x%20y/z.py"]),
        ("nothing", []),
    ],
)
def test_it_is_known_where_each_path_ends(text: str, paths: list[str]) -> None:
    """Before punctuation, and behind a blank only where that is part of a name."""
    assert [text[start:end] for start, end in absolute_spans(text)] == paths


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cc -I/usr/include -c x.c", "/usr/include"),
        ("-L/opt/lib", "/opt/lib"),
        ("sqlite:////tmp/x.db", "/tmp/x.db"),
        ("unix:///var/run/docker.sock", "/var/run/docker.sock"),
        ("curl -d @/tmp/body.json", "/tmp/body.json"),
        ("https://host/open?file=%2Fhome%2Fada%2Fx.py&line=3", "%2Fhome%2Fada%2Fx.py"),
        ("<path>/home/ada/x</path>", "/home/ada/x"),
        ("\u201c/home/ada/x\u201d", "/home/ada/x"),
        ("\x1b[1m/home/ada/x", "/home/ada/x"),
        ("at \x1b[38;5;10m/abs/a.py\x1b[0m:3", "/abs/a.py"),
        ("\\u001b[1m/home/ada/x\\u001b[0m", "/home/ada/x"),
        ('{"out": "ok\\n/home/ada/x"}', "/home/ada/x"),
        (r'{"f": "\/home\/ada\/x"}', r"\/home\/ada\/x"),
        (r"{\"f\": \"\\/home\\/ada\\/x\"}", r"\\/home\\/ada\\/x"),
        (r"\/home\/ada\/x", r"\/home\/ada\/x"),
        ("vscode://file/home/ada/x:3:1", "/home/ada/x"),
        ("vscode://file/c:/Users/Ada/x", "c:/Users/Ada/x"),
        ("c%3A%5CUsers%5CAda%5Cx", "c%3A%5CUsers%5CAda%5Cx"),
        ("?f=C:%5cUsers%5cAda&n", "C:%5cUsers%5cAda"),
        ("?f=c%3a%2fUsers%2fAda&n", "c%3a%2fUsers%2fAda"),
        ("?f=%5C%5Cserver%5Cshare%5Cx&n", "%5C%5Cserver%5Cshare%5Cx"),
    ],
)
def test_a_path_right_behind_something_else_is_found(text: str, found: str) -> None:
    """Options, database URLs, encoded queries, markup, colours of a terminal, escapes of JSON, links to editors."""
    ((start, end),) = absolute_spans(text)

    assert text[start:end] == found


@pytest.mark.parametrize(
    "text",
    [
        "import x from '@/components/x.tsx'",
        "s3://tmp/x and https://home/x and mongodb://opt/x",
        "-a/b/c -x/y",
        "50%2F100 and a%2Fb",
        "<prefix>/usr/lib/x",
        "a@/b/c",
        "\x1b[1m/review\x1b[0m fix, \x1b[36m/api/v1/users\x1b[0m",
        "\x1b[1mGET\x1b[0m \x1b[36m/home/x",
        r"\/api\/v1\/users",
        r"^\/home\/(\w+)$, s/\/a\/b/c/",
        r"https:\/\/host\/home\/a\/b.py",
        r"done\n/review",
        "https://file/home/a/b.py and s3://files/home/x",
        "sid=s%3A%2Fabc and 12%3A%5Cx",
    ],
)
def test_that_does_not_make_paths_of_other_things(text: str) -> None:
    """Aliases, buckets and fractions."""
    assert absolute_spans(text) == []


def test_strings_are_found_wherever_they_are_nested() -> None:
    """Values, keys, path objects, sequences and sets, each with its field."""
    value = {
        "a": "1",
        "b": {"c": ["2", ("3",)], "d": frozenset({"4"})},
        "p": PurePosixPath("/x/5"),
        6: "6",
        "n": 7,
    }

    found = sorted(strings_in(value, "args"))

    assert [pair for pair in found if not pair[0].endswith("*")] == [
        ("args.6", "6"),
        ("args.a", "1"),
        ("args.b.c", "2"),
        ("args.b.c", "3"),
        ("args.b.d", "4"),
        ("args.p", "/x/5"),
    ]
    assert sorted(text for field, text in found if field == "args.*") == ["a", "b", "n", "p"]


def test_a_key_that_is_a_path_does_not_become_a_field_name() -> None:
    """Otherwise every file would be a field of its own."""
    found = list(strings_in({"/home/a/x.py": {"hash": "h"}, PurePosixPath("/tmp/y"): "v"}, ""))

    assert ("*", "/home/a/x.py") in found
    assert ("*.hash", "h") in found
    assert ("*", "v") in found


def test_a_container_inside_itself_is_read_once() -> None:
    """Attributes of observed code may be cyclic."""
    value: dict[str, object] = {"a": "1"}
    value["self"] = [value, value]

    assert list(strings_in(value, "x")) == [("x.*", "a"), ("x.*", "self"), ("x.a", "1")]
