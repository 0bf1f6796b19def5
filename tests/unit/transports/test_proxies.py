"""Who asks, by what proxies say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.transports.exchange import UNIX_PEER
from homeport.transports.proxies import Proxies, address_of

HERE = ("127.0.0.0/8", "::1", "unix")


def revealed(peer: str, *headers: tuple[str, str], trusted: tuple[str, ...] = HERE) -> str:
    scope: dict[str, Any] = {"headers": [(name.encode(), value.encode("latin-1")) for name, value in headers]}
    return Proxies(trusted).reveal(scope, peer)


def chain(value: str) -> tuple[str, str]:
    return "x-forwarded-for", value


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db8::9", UNIX_PEER, "10.0.0.2"])
def test_who_is_no_proxy_never_chooses_its_own_address(peer: str) -> None:
    headers = [chain("198.51.100.1"), ("x-real-ip", "198.51.100.1"), ("x-forwarded-proto", "https")]
    scope: dict[str, Any] = {"headers": [(name.encode(), value.encode()) for name, value in headers], "scheme": "http"}
    assert Proxies(["127.0.0.0/8", "10.0.0.1"]).reveal(scope, peer) == peer
    assert scope["scheme"] == "http"
    assert "client" not in scope


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", UNIX_PEER])
def test_a_proxy_is_believed_for_whom_it_asks(peer: str) -> None:
    assert revealed(peer, chain("203.0.113.9")) == "203.0.113.9"
    assert revealed(peer, ("x-real-ip", "203.0.113.9")) == "203.0.113.9"
    assert revealed(peer) == peer


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, 127.0.0.1", "203.0.113.9"),
        ("203.0.113.9,10.0.0.1 ,  10.0.0.7", "203.0.113.9"),
        ("10.0.0.3, 10.0.0.7", "10.0.0.3"),
        ("<script>, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, unknown, 10.0.0.7", "10.0.0.7"),
    ],
)
def test_of_a_chain_the_last_who_is_no_proxy_counts(said: str, client: str) -> None:
    assert revealed("127.0.0.1", chain(said), trusted=(*HERE, "10.0.0.0/24")) == client


@pytest.mark.parametrize(
    "garbage",
    ["", ",", "unknown", "203.0.113.999", "1.2.3.4.5", "[::1", "[::1]x", "1.2.3.4:http", "\xff", "a" * 60_000],
)
def test_garbage_leaves_the_proxys_own_address(garbage: str) -> None:
    assert revealed("127.0.0.1", chain(garbage)) == "127.0.0.1"
    assert revealed("127.0.0.1", ("x-real-ip", garbage)) == "127.0.0.1"
    scope: dict[str, Any] = {"headers": [(b"x-forwarded-proto", garbage.encode("latin-1"))], "scheme": "http"}
    Proxies(HERE).reveal(scope, "127.0.0.1")
    assert scope["scheme"] == "http"


def test_the_lines_of_a_chain_are_one_chain() -> None:
    assert revealed("127.0.0.1", chain("198.51.100.1"), chain("203.0.113.9")) == "203.0.113.9"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("2001:DB8:0::9", "2001:db8::9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_one_address_is_one_client_however_it_is_written(written: str, address: str) -> None:
    assert revealed("127.0.0.1", chain(written)) == address


def test_two_headers_that_disagree_count_neither() -> None:
    """A proxy that sets one of them hands the other on as the client made it up."""
    forged, true = "198.51.100.1", "203.0.113.9"
    assert revealed("127.0.0.1", chain(forged), ("x-real-ip", true)) == "127.0.0.1"
    assert revealed("127.0.0.1", chain(true), ("x-real-ip", forged)) == "127.0.0.1"
    assert revealed("127.0.0.1", chain(f"{forged}, {true}"), ("x-real-ip", true)) == true


def test_a_proxy_says_by_which_scheme_the_client_came() -> None:
    scope: dict[str, Any] = {"headers": [(b"x-forwarded-proto", b"HTTPS"), (b"x-forwarded-for", b"2001:db8::9")]}
    assert Proxies(HERE).reveal(scope, "127.0.0.1") == "2001:db8::9"
    assert scope["scheme"] == "https"
    assert scope["client"] == ("2001:db8::9", 0)


@given(st.text(max_size=80), st.ip_addresses().filter(lambda one: not one.is_loopback))
def test_nothing_that_a_client_writes_before_its_address_changes_it(written: str, address: object) -> None:
    plain = str(address_of(str(address)))
    said = f"{written}, {address}".encode("latin-1", "replace").decode("latin-1")
    if plain != "127.0.0.1" and not plain.startswith("127."):
        assert revealed("127.0.0.1", chain(said)) == plain
