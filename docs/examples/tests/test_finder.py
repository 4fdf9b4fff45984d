"""The finder, tested as document 000 asks: time of parsing, a server that is late, addresses of symbols."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from finder.finder import Finder, main

from pytest_telemetry import TelemetryRecorder, event, span
from pytest_telemetry.assertions import (
    assert_cache_pair,
    assert_lsp_ready_order,
    assert_monotonic_timing,
    assert_relative_paths,
)
from pytest_telemetry.codeintel.lsp import LSPClient
from pytest_telemetry.codeintel.skeleton import SkeletonMapBuilder
from pytest_telemetry.testing.lsp_transcript import received

if TYPE_CHECKING:
    from pytest_telemetry.testing.lsp_server import LspServer

CART = '''\
"""Carts."""
from shop.prices import total

class Cart:
    def pay(self):
        return total(self)
'''


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A workspace of two files."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").write_text("from shop.cart import Cart\n")
    (tmp_path / "shop/cart.py").write_text(CART)
    (tmp_path / "shop/prices.py").write_text("def total(cart):\n    return 0\n")
    return tmp_path


def test_skeleton_parse_perf_counter_ns(telemetry_recorder: TelemetryRecorder) -> None:
    """The time of a parse is measured, by a clock that only goes forward, and is no more than what it took."""
    builder = SkeletonMapBuilder(telemetry_recorder.context)
    began = time.perf_counter_ns()

    builder.parse_python(CART, "shop/cart.py")

    elapsed = time.perf_counter_ns() - began
    (parsed,) = [record for record in telemetry_recorder if record.name == "ast.parse"]
    assert parsed.attrs["args.file"] == "shop/cart.py"
    assert (parsed.attrs["result.functions"], parsed.attrs["result.classes"]) == (1, 1)
    assert parsed.duration_ns is not None
    assert 0 < parsed.duration_ns <= elapsed
    assert_monotonic_timing(telemetry_recorder)


def test_lsp_timeout_fallback(
    telemetry_recorder: TelemetryRecorder, telemetry_lsp_server: LspServer, shop: Path
) -> None:
    """A server that is late keeps nobody waiting, its answer is given by skeletons, and both are said."""
    server = telemetry_lsp_server
    server.answers("textDocument/didOpen", lambda it: server.publish_diagnostics(it["textDocument"]["uri"]))
    server.hold("textDocument/definition")
    with LSPClient(
        telemetry_recorder.context, "slow", command=server.command, workspace=shop, timeout_ms=50
    ) as client:
        client.initialize()
        client.open("shop/cart.py")
        client.wait_until_ready()
        finder = Finder(telemetry_recorder.context, str(shop), client)

        found = finder.behind(finder.find("shop.cart.Cart.pay"), "total")

        assert found is not None
        assert (found.file, found.line, found.source, found.reason) == ("shop/prices.py", 1, "ast", "timeout")
        assert telemetry_recorder >= [
            event("lsp.timeout", {"args.timeout_ms": 50}),
            span("lsp.definition", {"result.status": "timeout"}),
            event("lsp.fallback", reason="timeout", fallback_to="ast"),
        ]
        server.transcript.wait(received("$/cancelRequest"))
        server.release("textDocument/definition")
        server.transcript.wait(event("lsp.late_reply", {"args.method": "textDocument/definition"}))
    assert_lsp_ready_order(server.transcript)


def test_selector_resolve_symbol(telemetry_recorder: TelemetryRecorder, shop: Path) -> None:
    """A name is found where it is defined, also through what a package exports, and parsed once."""
    finder = Finder(telemetry_recorder.context, str(shop))

    found = finder.find("shop.Cart.pay")
    again = finder.find("shop.cart.Cart")

    assert (found.file, found.line, found.kind) == ("shop/cart.py", 5, "method")
    assert (again.file, again.line, again.kind) == ("shop/cart.py", 4, "class")
    assert (
        span("selector.resolve", {"result.status": "ok", "result.file": "shop/cart.py"}) in telemetry_recorder
    )
    assert_cache_pair(telemetry_recorder, **{"args.file": "shop/cart.py"})
    assert_relative_paths(telemetry_recorder)


def test_a_word_is_looked_for_as_a_whole(telemetry_recorder: TelemetryRecorder, shop: Path) -> None:
    """What stands in another word before it is not it."""
    (shop / "shop/cart.py").write_text(CART.replace("pay(self)", "pay(self, subtotal)"))
    finder = Finder(telemetry_recorder.context, str(shop))

    found = finder.behind(finder.find("shop.cart.Cart.pay"), "total")

    assert found is not None
    assert (found.file, found.line) == ("shop/prices.py", 1)
    assert finder.behind(finder.find("shop.cart.Cart.pay"), "tot") is None


def test_what_the_finder_discloses_is_counted(telemetry_recorder: TelemetryRecorder, shop: Path) -> None:
    """By mode, in bytes."""
    finder = Finder(telemetry_recorder.context, str(shop))
    found = finder.find("shop.cart.Cart.pay")

    text = finder.show(found)
    outline = finder.outline(found)

    assert text.startswith("    def pay(self):")
    assert telemetry_recorder.metric("file_read_excerpt_bytes_total") == len(text)
    assert telemetry_recorder.metric("file_read_skeleton_bytes_total") == len(outline)


def test_the_program_finds_its_way_through_the_standard_library(capsys: pytest.CaptureFixture[str]) -> None:
    """With a real language server, and the costs at the end."""
    assert main(["json.decoder.JSONDecoder.decode", "--word", "raw_decode", "--server", "ty"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("json/decoder.py:")
    assert "raw_decode: json/decoder.py:" in said
    assert "language server: READY after" in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["json.nope"], 1, "json has no nope"),
        (["json.dumps", "--server", "no-such"], 2, "no-such"),
        (["json.dumps", "--workspace", "/no/such"], 2, "/no/such: is no directory"),
        (["json.dumps", "--word", "elsewhere"], 0, "elsewhere: does not stand there"),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 for what is not there, 2 for what cannot be looked for."""
    assert main(arguments) == code

    printed = capsys.readouterr()
    assert said in printed.out + printed.err


def run_into(output: int, *arguments: str) -> tuple[int, str]:
    """Return the exit code of the program, and what it writes to standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "finder", *arguments],
        cwd=Path(__file__).parents[1],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_output_that_cannot_be_written_is_one_line_and_an_exit_code() -> None:
    """As where the disk is full."""
    with Path("/dev/full").open("wb") as full:
        code, said = run_into(full.fileno(), "json.dumps")

    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("finder: ")


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    """As ``head`` has after a line."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert run_into(writing, "json.dumps") == (0, "")
    finally:
        os.close(writing)


def test_an_interruption_is_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That of programs that Ctrl-C has ended."""
    monkeypatch.setattr(Finder, "find", lambda *_: signal.raise_signal(signal.SIGINT))

    assert main(["json.dumps"]) == 130
    assert capsys.readouterr().err == "finder: interrupted\n"
