"""Bodies, and the codes of refusals."""

from __future__ import annotations

import pytest

from homeport import errors
from homeport.errors import CallError
from homeport.transports import jsonrpc


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth // 2) + b"[" * (depth - depth // 2) + b"]" * (depth - depth // 2) + b"}" * (depth // 2)


@pytest.mark.parametrize(("depth", "taken"), [(1, True), (64, True), (65, False), (900, False), (300_000, False)])
def test_nesting_is_bounded(depth: int, taken: bool) -> None:
    try:
        jsonrpc.parse(nested(depth))
    except jsonrpc.MalformedError:
        assert not taken
    else:
        assert taken


def test_a_wide_body_is_not_a_deep_one() -> None:
    assert len(jsonrpc.parse(b"[" + b"{}," * 9_999 + b"{}]")) == 10_000


def test_every_kind_of_refusal_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CallError)]
    codes = {jsonrpc.refused(kind("x"))["code"] for kind in kinds}
    assert len(codes) == len(kinds)


@pytest.mark.parametrize(
    ("value", "valid"), [(1, True), ("a", True), (0, True), (True, False), (None, False), (1.5, False)]
)
def test_an_id_is_a_string_or_an_integer(value: object, valid: bool) -> None:
    assert jsonrpc.is_request_id(value) == valid
