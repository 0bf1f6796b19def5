"""What the bridge reads off a message."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.outbound.events import Event, EventReader
from homeport.outbound.message import error_line, header_value, headers_of, negotiated_by, one_line, read_message


def line(**fields: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **fields}).encode()


def test_a_request_is_waited_for_and_a_notification_is_not() -> None:
    assert read_message(line(id=7, method="ping")).ids == (7,)
    assert read_message(line(method="notifications/initialized")).ids == ()
    assert read_message(line(id=7, result={})).ids == ()
    assert read_message(b'[{"id": 1, "method": "ping"}, {"id": "a", "method": "ping"}]').ids == (1, "a")


@pytest.mark.parametrize("raw", [b"", b"x", b"7", b'"text"', b"null", b"{", b"\xff"])
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_message(raw)


def test_a_message_of_the_newest_revision_brings_its_own_headers() -> None:
    params = {"name": "get_task", "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}
    headers = headers_of(read_message(line(id=1, method="tools/call", params=params)), "2025-06-18", "s")
    assert headers["MCP-Protocol-Version"] == "2026-07-28"
    assert headers["Mcp-Method"] == "tools/call"
    assert headers["Mcp-Name"] == "get_task"
    assert "Mcp-Session-Id" not in headers


def test_an_older_message_goes_with_what_was_agreed_on() -> None:
    headers = headers_of(read_message(line(id=1, method="tools/list")), "2025-06-18", "s")
    assert (headers["MCP-Protocol-Version"], headers["Mcp-Session-Id"]) == ("2025-06-18", "s")
    assert "Mcp-Method" not in headers
    first = headers_of(read_message(line(id=1, method="initialize", params={})), "2025-06-18", "s")
    assert "MCP-Protocol-Version" not in first
    assert "Mcp-Session-Id" not in first


def test_a_call_is_sent_twice_only_with_a_key() -> None:
    assert read_message(line(id=1, method="tools/list")).repeatable
    assert not read_message(line(id=1, method="tools/call", params={"name": "x", "arguments": {}})).repeatable
    keyed = {"name": "x", "arguments": {"idempotency_key": "k"}}
    assert read_message(line(id=1, method="tools/call", params=keyed)).repeatable
    assert not read_message(b'[{"id": 1, "method": "ping"}, {"id": 2, "method": "tools/call"}]').repeatable


@given(st.text())
def test_any_name_becomes_a_header_value_that_says_it(name: str) -> None:
    value = header_value(name) if not any(0xD800 <= ord(c) < 0xE000 for c in name) else "x"
    assert value.isascii()
    assert value.isprintable()
    assert value == value.strip()


def test_the_agreed_revision_is_read_from_the_answer() -> None:
    assert negotiated_by(line(id=1, result={"protocolVersion": "2025-03-26"})) == "2025-03-26"
    assert negotiated_by(line(id=1, error={"code": 1, "message": "no"})) is None


def test_json_over_several_lines_becomes_one_line_of_the_same_meaning() -> None:
    value = {"a": ["b\nc", 1.50, {"d": None}]}
    made = one_line(json.dumps(value, indent=2).encode() + b"\r\n")
    assert b"\n" not in made
    assert json.loads(made) == value


def test_an_error_is_one_line() -> None:
    made = error_line("a", -32000, "two\nlines")
    assert b"\n" not in made
    assert json.loads(made)["error"]["message"] == "two\nlines"


@given(st.integers(1, 40))
def test_events_are_the_same_however_they_are_cut(size: int) -> None:
    stream = b': hello\r\n\r\nid: 4\nevent: message\ndata: {"a":\ndata: 1}\n\nretry: 5\n\ndata:x\n\ndata: never ended'
    reader = EventReader()
    events = [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])]
    assert events == [Event("message", b'{"a":\n1}', "4"), Event("message", b"x", "4")]
