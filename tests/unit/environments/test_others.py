"""Servers of other machines, and what they are in the way of."""

from __future__ import annotations

import pytest

from homeport.contract.servers import ServerSeen
from homeport.environments.others import DemandOthers, demand_living, demand_none
from homeport.errors import GuardError

SINCE = "2026-11-26T10:00:00+00:00"
OLD = ServerSeen(
    knows="0006", release="20261002T061500Z-aaaaaaa", host="db2", address="10.0.0.2", since=SINCE, here=False
)
NEW = ServerSeen(knows="0008", release="", host="db3", address="", since=SINCE, here=False)


@pytest.mark.parametrize(
    ("others", "pending", "together"),
    [
        ([OLD, NEW], (), False),
        ([OLD, NEW], ("0007", "0008"), True),
        ([NEW], ("0007", "0008"), False),
        ([], ("0007",), False),
    ],
)
def test_who_can_live_with_what_is_migrated_is_in_nobodys_way(
    others: list[ServerSeen], pending: tuple[str, ...], together: bool
) -> None:
    demand_living("production", others, pending, together=together)


def test_who_cannot_is_named_with_what_to_do() -> None:
    with pytest.raises(GuardError) as caught:
        demand_living("production", [OLD, NEW], ("0007", "0008"), together=False)
    assert caught.value.sentence == (
        "Servers of other machines could not live with 0007, 0008: the server on db2, 10.0.0.2 (release"
        f" 20261002T061500Z-aaaaaaa, since {SINCE}). Nothing was changed."
    )
    assert "homeport stop production" in caught.value.hint
    assert caught.value.details["servers"] == [dict(OLD)]


def test_data_take_the_place_of_others_only_where_nobody_else_has_them_open() -> None:
    demand_none("production", [])
    with pytest.raises(GuardError) as caught:
        demand_none("production", [OLD, NEW])
    assert "the server on db2, 10.0.0.2 (release " in caught.value.sentence
    assert f"; the server on db3 (no release, since {SINCE}). Nothing was changed." in caught.value.sentence


def test_a_plan_says_what_is_looked_for() -> None:
    assert str(DemandOthers("production")).endswith("server of production has them open")
    assert str(DemandOthers("production", "r")).endswith("server of production cannot live with what r makes of them")
