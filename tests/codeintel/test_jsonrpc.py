"""Frames of JSON-RPC: whole messages out of bytes, however they come."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_telemetry.codeintel.jsonrpc import FrameError, FrameReader, encoded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.dictionaries(st.text(), JSON, max_size=4)


def frame(content: bytes, header: bytes = b"Content-Length: %d\r\n\r\n") -> bytes:
    return header % len(content) + content


def read_in(pieces: list[bytes]) -> tuple[list[Any], str | None]:
    """Return the messages, and the flaw at which reading ended."""
    reader, messages = FrameReader(), []
    try:
        for piece in pieces:
            for message in reader.feed(piece):
                messages.append(message)
    except FrameError as error:
        return messages, error.flaw
    return messages, None


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(bounds)]


@given(st.lists(MESSAGES, max_size=4), st.lists(st.integers(0, 10_000), max_size=12))
def test_messages_come_back_however_their_bytes_are_cut(
    messages: list[dict[str, Any]], places: list[int]
) -> None:
    """What was encoded is decoded, in order, from any pieces."""
    data = b"".join(encoded(message) for message in messages)

    assert read_in(cut(data, places)) == (messages, None)


@given(
    st.lists(
        st.binary(max_size=40)
        | MESSAGES.map(encoded)
        | st.sampled_from([b"Content-Length: 2\n\n", b"\r\n", b"[]"])
    ),
    st.lists(st.integers(0, 10_000), max_size=6),
)
def test_any_bytes_give_messages_or_one_error(parts: list[bytes], places: list[int]) -> None:
    """Nothing else is raised, and where the bytes are cut changes nothing of what was whole before the error."""
    data = b"".join(parts)
    messages, flaw = read_in([data])

    again, same = read_in(cut(data, places))

    assert again == messages
    assert flaw is None or same is not None


@pytest.mark.parametrize(
    "header",
    [
        b"content-length: %d\r\n\r\n",
        b"CONTENT-LENGTH:%d\r\n\r\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
        b"Content-Length : %d \r\nX-Other:\r\n\r\n",
        b"Content-Length: %d\n\n",
    ],
)
def test_headers_are_read_as_other_clients_read_them(header: bytes) -> None:
    """In any case and order, with others beside them, and with bare line feeds."""
    assert read_in([frame(b'{"a":1}', header)]) == ([{"a": 1}], None)


@pytest.mark.parametrize(
    ("data", "flaw", "shown"),
    [
        (b"Traceback (most recent call last):\n", "invalid_header", "b'Traceback (most recent call last):'"),
        (b"\x00\xffnoise", "invalid_header", r"b'\x00\xffnoise' stands where a header"),
        (b"\r\n{}", "invalid_header", "needs one Content-Length in bytes; there is none"),
        (b"X: 1\r\n\r\n", "invalid_header", "there is none"),
        (b"Content-Length: -1\r\n\r\n", "invalid_header", "there is b'-1'"),
        (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "invalid_header", "b'1' and b'2'"),
        (b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", "invalid_header", "99999"),
        (b"Content-Length: 67108865\r\n\r\n", "frame_too_large", "67108865 bytes was announced"),
        (b"A: " + b"x" * 9_000, "invalid_header", "begins a header of more than 8192 bytes"),
        (b"A: x\r\n" * 2_000, "invalid_header", "begins a header of more than 8192 bytes"),
        (frame(b"{"), "invalid_message", "b'{' is no JSON"),
        (frame(b""), "invalid_message", "b'' is no JSON"),
        (frame(b'{"a":"\xff"}'), "invalid_message", "is no JSON"),
        (frame(b"[" * 100_000), "invalid_message", "is no JSON"),
        (frame(b"7"), "invalid_message", "b'7' is no message: an object is"),
        (frame(b"[]"), "invalid_message", "is no message"),
        (frame(b"[{},7]"), "invalid_message", "is no message"),
    ],
)
def test_what_is_no_frame_is_an_error_that_shows_it(data: bytes, flaw: str, shown: str) -> None:
    """The flaw is one of three words, and the text has the beginning of what was read."""
    with pytest.raises(FrameError) as caught:
        list(FrameReader().feed(data))

    assert caught.value.flaw == flaw
    assert shown in str(caught.value)


def test_messages_before_an_error_are_given() -> None:
    """And each later call raises the same error, whatever it brings."""
    reader, messages = FrameReader(), []
    with pytest.raises(FrameError) as first:
        for message in reader.feed(encoded({"id": 1}) + b"?\n"):
            messages.append(message)

    with pytest.raises(FrameError) as second:
        next(reader.feed(encoded({"id": 2})))

    assert messages == [{"id": 1}]
    assert second.value is first.value


def test_an_array_is_each_of_its_messages() -> None:
    """As JSON-RPC has batches."""
    assert read_in([frame(b'[{"id":1},{"id":"b"}]')]) == ([{"id": 1}, {"id": "b"}], None)


def test_a_frame_that_has_begun_is_seen() -> None:
    """In its header and in its content, until it is whole."""
    reader, data = FrameReader(), encoded({"id": 1})
    states = [reader.within_frame]
    for piece in (data[:5], data[5:25], data[25:]):
        list(reader.feed(piece))
        states.append(reader.within_frame)

    assert states == [False, True, True, False]


def test_limits_can_be_set() -> None:
    """A frame of just the limit is read, one byte more is not."""
    content = json.dumps({"a": "x" * 90}).encode()

    assert list(FrameReader(max_frame_bytes=len(content)).feed(frame(content)))
    with pytest.raises(FrameError, match="was announced, more than the"):
        list(FrameReader(max_frame_bytes=len(content) - 1).feed(frame(content)))
    with pytest.raises(FrameError, match="more than 10 bytes"):
        list(FrameReader(max_header_bytes=10).feed(frame(content)))


def test_texts_that_are_no_unicode_can_be_sent() -> None:
    """Half a surrogate pair is escaped, and comes back."""
    assert read_in([encoded({"text": "\ud83d é"})]) == ([{"text": "\ud83d é"}], None)
