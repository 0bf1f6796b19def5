"""Addresses as senders write them, and the channels that they become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coordination.addresses import Address, Directory, channels_of, parse
from homeport.coordination.values import MAX_ITEMS
from homeport.errors import CallError, InvalidError, TooLargeError
from tests.support.outcomes import outcome

KNOWN = Directory(
    lambda name: name in {"ann", "bob"}, lambda name: name.casefold() in {"coo", "straßenbauer".casefold()}
)


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("ann", "instance", "ann"),
        ("Ann", "name", "Ann"),
        ("instance:nobody", "instance", "nobody"),
        ("all", "all", ""),
        ("ALL", "all", ""),
        ("role:nobody", "role", "nobody"),
        ("Coo", "role", "Coo"),
        ("STRASSENBAUER", "role", "STRASSENBAUER"),
        ("project-team:p", "project", "p"),
        ("project:p", "project", "p"),
        ("project-member:p:ann", "instance", "ann"),
        (" bob ", "instance", "bob"),
    ],
)
def test_what_a_sender_writes_is_understood(written: str, kind: str, value: str) -> None:
    (address,) = parse(written, KNOWN)
    assert (address.kind, address.value) == (kind, value)


@pytest.mark.parametrize(
    "written", ["", " ", ",", ",,", [], ["", ","], "role:", "project-team:", "a/b", "..", "team:x"]
)
def test_what_is_no_address_is_refused(written: str | list[str]) -> None:
    with pytest.raises(InvalidError, match=r"^to: "):
        parse(written, KNOWN)


def test_several_addresses_are_taken_once_each_in_order() -> None:
    found = parse(["bob, ann", "all", "ann"], KNOWN)
    assert [str(one) for one in found] == ["bob", "ann", "all"]
    with pytest.raises(TooLargeError):
        parse([f"i{number}" for number in range(MAX_ITEMS + 1)], KNOWN)


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="/\\,:"), min_size=1, max_size=12
).filter(lambda name: name.strip(".") != "" and name == name.strip() and name.casefold() != "all")


@given(st.one_of(NAMES, NAMES.map("role:{}".format), NAMES.map("project-team:{}".format), st.just("All")))
def test_an_address_written_out_is_read_as_the_same_address(written: str) -> None:
    (address,) = parse(written, KNOWN)
    assert parse(str(address), KNOWN) == (address,)
    assert Address.of_channel(address.channel).channel == address.channel


@given(st.text(max_size=30) | st.lists(st.text(max_size=8), max_size=5))
def test_anything_is_parsed_or_refused(written: str | list[str]) -> None:
    found = outcome(lambda: parse(written, KNOWN))
    if isinstance(found, CallError):
        return
    assert found
    assert len(set(found)) == len(found)


@given(NAMES, NAMES, st.lists(NAMES, max_size=3))
def test_whoever_is_addressed_listens_on_the_channel(name: str, role: str, projects: list[str]) -> None:
    channels = channels_of(name, role, projects)
    for project in projects:
        assert Address("project", project).channel in channels
    for form in (role, role.upper(), role.lower(), role.casefold()):
        if form.casefold() == role.casefold():
            assert Address("role", form).channel in channels
            assert Address("name", form).channel in channels
    assert {Address("all").channel, Address("instance", name).channel, Address("name", name).channel} <= set(channels)
    assert len(set(channels)) == len(channels)
