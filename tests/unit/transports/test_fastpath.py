"""What the fast path reads from headers."""

from __future__ import annotations

import pytest

from homeport.transports.fastpath import accepts, decoded_header


@pytest.mark.parametrize(
    ("header", "json", "events"),
    [
        (None, False, False),
        (b"", False, False),
        (b"*/*", True, True),
        (b"application/json", True, False),
        (b"application/*;q=0.5, text/*", True, True),
        (b"APPLICATION/JSON , text/event-stream;q=1", True, True),
        (b"text/html", False, False),
    ],
)
def test_accept_is_read_with_its_wildcards(header: bytes | None, json: bool, events: bool) -> None:
    assert accepts(header) == (json, events)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (b" get_task ", "get_task"),
        (b"=?base64?Z2V0?=", "get"),
        (b"=?base64?w6k=?=", "é"),
        (b"=?base64?***?=", None),
        (b"=?base64?/w==?=", None),
        (b"\xc3\xa9", None),
        (None, None),
    ],
)
def test_a_header_is_stripped_and_decoded(header: bytes | None, text: str | None) -> None:
    assert decoded_header(header) == text
