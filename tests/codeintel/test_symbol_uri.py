"""Addresses of symbols: what is one, and what it means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.codeintel.symbol_uri import InvalidSymbol, SymbolURI
from pytest_telemetry.model.errors import UnusableInput

NAMES = st.lists(
    st.sampled_from(["a", "_b", "Class", "mod", "type", "größe", "\N{FULLWIDTH LATIN SMALL LETTER F}"]),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize(
    ("text", "module", "member"),
    [
        ("sym://python/module/Name", "module", "Name"),
        ("sym://python/module/Class.method", "module", "Class.method"),
        ("sym://python/pkg/sub/module/Name", "pkg.sub.module", "Name"),
        ("sym://python/pkg.sub.module/Name", "pkg.sub.module", "Name"),
        ("sym://python/pkg.sub/module/Class.method", "pkg.sub.module", "Class.method"),
        ("sym://python/module", "module", ""),
        ("sym://python/pkg.module", "pkg.module", ""),
        ("SYM://python/module/Name", "module", "Name"),
    ],
)
def test_the_last_part_is_the_member_and_the_rest_the_module(text: str, module: str, member: str) -> None:
    """Whether the module is written with dots or slashes; a single part is a module."""
    symbol = SymbolURI.parse(text)

    assert (".".join(symbol.module), ".".join(symbol.member)) == (module, member)
    assert symbol.older is None


@pytest.mark.parametrize(
    ("text", "module", "member"),
    [
        ("sym://python/type/pkg/module#Name", "pkg.module", "Name"),
        ("sym://python/type/module#Class.method", "module", "Class.method"),
        ("sym://python/mod/pkg/module#", "pkg.module", ""),
    ],
)
def test_an_older_form_with_a_fragment_has_one_meaning(text: str, module: str, member: str) -> None:
    """Nothing else has a fragment."""
    symbol = SymbolURI.parse(text)

    assert (".".join(symbol.module), ".".join(symbol.member)) == (module, member)
    assert symbol.older is None


def test_an_older_form_without_a_fragment_has_two_meanings() -> None:
    """A module behind ``mod``, and a member of a package that is called so."""
    symbol = SymbolURI.parse("sym://python/mod/pkg/module")

    assert (symbol.module, symbol.member) == (("mod", "pkg"), ("module",))
    assert symbol.older == SymbolURI(("pkg", "module"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "does not begin with sym://"),
        ("module.Name", "does not begin with sym://"),
        ("http://python/module/Name", "does not begin with sym://"),
        ("sym:/python/module/Name", "does not begin with sym://"),
        ("sym://rust/module/Name", "the only language is python, not 'rust'"),
        ("sym://Python/module/Name", "the only language is python, not 'Python'"),
        ("sym://", "the only language is python, not ''"),
        ("sym://python", "names no module"),
        ("sym://python/", "names no module"),
        ("sym://python//module/Name", "a name is empty"),
        ("sym://python/module/", "a name is empty"),
        ("sym://python/mod//etc/passwd", "a name is empty"),
        ("sym://python/../module/Name", "a name is empty"),
        ("sym://python/module/Class..method", "a name is empty"),
        ("sym://python/%2e%2e/module", "a name is empty"),
        ("sym://python/a%2Fb/Name", "'a/b' is no name in Python"),
        ("sym://python/C:/Name", "'C:' is no name in Python"),
        ("sym://python/my-script/main", "'my-script' is no name in Python"),
        ("sym://python/module/Name?x=1", "has a query"),
        ("sym://python/module#Name", "not behind #"),
        ("sym://python/mod/module#Name", "not behind #"),
        ("sym://python/type/module#", "not behind #"),
        ("sym://python/type#Name", "not behind #"),
        ("sym://python/m/%", "not followed by two hexadecimal digits"),
        ("sym://python/m/%4", "not followed by two hexadecimal digits"),
        ("sym://python/m/%zz", "not followed by two hexadecimal digits"),
        ("sym://python/m/%ff", "it is not UTF-8"),
        ("sym://python/m/\ud83d", "it is not UTF-8"),
        (None, "of type NoneType, not text"),
        (b"sym://python/m/N", "of type bytes, not text"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_the_reason_and_the_right_form(text: str, problem: str) -> None:
    """In one error that is a ValueError as well, and for which commands end with exit code 2."""
    with pytest.raises(InvalidSymbol) as caught:
        SymbolURI.parse(text)

    assert problem in str(caught.value)
    assert str(caught.value).endswith(
        "write sym://python/package.module/Name, or sym://python/package/module/Class.method"
    )
    assert isinstance(caught.value, UnusableInput)
    assert isinstance(caught.value, ValueError)


@given(NAMES, NAMES)
def test_an_address_is_read_back_as_what_it_was_written_for(module: list[str], member: list[str]) -> None:
    """Percent-encoded where need be, and with names as Python compares them."""
    symbol = SymbolURI.parse(str(SymbolURI(tuple(module), tuple(member))))

    assert symbol.names == tuple(
        name.replace("\N{FULLWIDTH LATIN SMALL LETTER F}", "f") for name in module + member
    )
    assert SymbolURI.parse(str(symbol)) == symbol


@given(st.text(max_size=30) | st.text("/.#?%:sympythonmdtae", max_size=40).map("sym://python/".__add__))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """There is no third outcome."""
    try:
        symbol = SymbolURI.parse(text)
    except InvalidSymbol:
        return

    assert symbol.module
    assert all(name.isidentifier() for name in symbol.names)
