"""Parsing: code that takes the ambient context needs no argument to be observed."""

from __future__ import annotations

import pytest
from indexer.skeleton import ParsingError, module_name, parse

from pytest_telemetry import TelemetryRecorder, only, span


def test_a_decorated_function_reports_to_the_recorder_of_the_test(
    telemetry_recorder: TelemetryRecorder,
) -> None:
    """The recorder is the ambient context; `only` says that there is no other attribute."""
    parse("import os.path as path\n\ndef f(): ...\n", "a.py")

    assert span("ast.parse", only(file="a.py", definitions=1, imports=1)) in telemetry_recorder


def test_nobody_hears_a_decorated_function_outside_a_recorder() -> None:
    """Without a recorder the same call works, and reports to no one."""
    skeleton = parse("class C: ...\n", "a.py")

    assert skeleton.definitions == {"C": 1}


def test_text_that_is_not_python_ends_the_span_with_an_error(telemetry_recorder: TelemetryRecorder) -> None:
    """A span that an exception left has no result; `==` without a key would not say so, `only` does."""
    with pytest.raises(ParsingError):
        parse("def broken(:", "a.py")

    assert span("ast.parse", only(file="a.py", status="error")) in telemetry_recorder


@pytest.mark.parametrize(
    ("text", "imports"),
    [
        ("from json import dumps as d", {"d": "json.dumps"}),
        ("from .cart import Cart", {"Cart": "shop.cart.Cart"}),
        ("try:\n  import a as x\nexcept ImportError:\n  import b as x", {"x": "a"}),
    ],
)
def test_imports_are_followed_to_their_module(text: str, imports: dict[str, str]) -> None:
    """Aliases, relative imports and alternatives give the absolute symbol."""
    assert parse(text, "shop/prices.py").imports == imports


def test_a_package_is_named_without_its_init_file() -> None:
    """The name of a module is the one under which it is imported."""
    assert module_name("shop/__init__.py") == "shop"
