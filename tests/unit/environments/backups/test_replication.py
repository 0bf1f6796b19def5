"""The replica as values: what Litestream lists, which moment is meant, when it is behind, and what is said of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest

from homeport.contract import Identity
from homeport.environments.backups.replication import (
    Generation,
    Point,
    generation_text,
    is_behind,
    litestream_config,
    newest_point,
    outdated,
    parse_generation,
    parse_points,
)
from homeport.environments.declaration import parse_declaration
from homeport.environments.doctor.facts import HostFacts, ReplicaFact
from homeport.environments.doctor.replicas import find_replica_faults
from homeport.environments.faults import DeclarationError
from homeport.errors import HomeportError

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
FIRST = Generation(
    name="20261126T100000Z",
    identity=Identity(application="homeport", environment="production", id="i", created="2026-11-26T10:00:00+00:00"),
    origin=None,
    file=(1, 2),
)


def listed(*times: str) -> str:
    return json.dumps(
        [
            {"level": 0, "min_txid": f"{n:016x}", "max_txid": f"{n:016x}", "size": 1, "timestamp": time}
            for n, time in enumerate(times, start=1)
        ]
    )


def test_a_moment_is_the_end_of_the_second_that_litestream_lists() -> None:
    points = parse_points(listed("2026-11-26T11:00:00Z", "2026-11-26T11:00:01Z"), FIRST)
    assert [point.at.second for point in points] == [1, 2]
    assert parse_points("[]", FIRST) == parse_points("", FIRST) == []


def test_what_came_after_a_history_ended_is_no_moment_of_it() -> None:
    ended = Generation(
        name=FIRST.name, identity=FIRST.identity, origin=None, file=FIRST.file, ended="2026-11-26T11:00:01+00:00"
    )
    points = parse_points(listed("2026-11-26T11:00:00Z", "2026-11-26T11:00:01Z"), ended)
    assert [point.txid for point in points] == ["0000000000000001"]


@pytest.mark.parametrize("text", ["{", '[{"max_txid": "1"}]', '[{"max_txid": "../../x", "timestamp": "2026-11-26"}]'])
def test_a_list_that_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises(HomeportError, match="nobody understands"):
        parse_points(text, FIRST)


def test_the_newest_moment_is_never_after_the_wanted_time_and_of_the_later_history() -> None:
    points = [Point("a", "0" * 16, NOON), Point("b", "1" * 16, NOON), Point("b", "2" * 16, NOON + timedelta(hours=1))]
    assert newest_point(points, NOON) == points[1]
    assert newest_point(points) == points[2]
    assert newest_point(points, NOON - timedelta(seconds=1)) is None


def test_a_history_is_read_as_it_was_written_down() -> None:
    assert parse_generation(generation_text(FIRST), "here") == FIRST


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"generation": "../x"}, {"file": [1]}, {"identity": {}}, {"ended": "soon"}]
)
def test_a_history_that_says_something_else_is_refused(change: dict[str, object]) -> None:
    text = json.dumps({**json.loads(generation_text(FIRST)), **change})
    with pytest.raises(HomeportError, match=r"of a form|does not say"):
        parse_generation(text, "generation.json")


@pytest.mark.parametrize(
    ("newest", "event", "behind"),
    [
        (None, None, True),
        (NOON - timedelta(hours=3), NOON - timedelta(hours=4), False),
        (NOON - timedelta(hours=3), None, False),
        (NOON - timedelta(seconds=30), NOON, False),
        (NOON - timedelta(seconds=90), NOON - timedelta(seconds=1), True),
        (NOON - timedelta(hours=3), NOON - timedelta(hours=2), True),
    ],
)
def test_a_replica_is_behind_where_something_happened_that_it_has_not(
    newest: datetime | None, event: datetime | None, behind: bool
) -> None:
    assert is_behind(newest, event, NOON) is behind


def test_only_histories_older_than_what_is_kept_go() -> None:
    other = Generation(name="20261120T100000Z", identity=FIRST.identity, origin=None, file=(1, 3))
    ones = [(FIRST, NOON - timedelta(hours=70)), (other, NOON - timedelta(hours=80))]
    assert outdated(ones, NOON, 72) == ["20261120T100000Z"]
    assert outdated([(other, None)], NOON, 72) == ["20261120T100000Z"]


def test_the_configuration_names_file_replica_and_how_long_it_reaches_back() -> None:
    made = json.loads(
        litestream_config(PurePosixPath("/d/homeport.db"), PurePosixPath("/r/$x"), PurePosixPath("/s"), 48)
    )
    assert made["dbs"] == [
        {
            "path": "/d/homeport.db",
            "meta-path": "/s",
            "replica": {"type": "file", "path": "/r/$x", "sync-interval": "1s"},
        }
    ]
    assert made["snapshot"] == {"interval": "16h", "retention": "48h"}


@pytest.mark.parametrize(
    ("fact", "kinds"),
    [
        (ReplicaFact(running=True, wanted=True, newest=NOON, last_event=NOON), []),
        (ReplicaFact(running=False, wanted=False, newest=NOON, last_event=NOON), []),
        (ReplicaFact(running=False, wanted=True, newest=NOON), ["replica-dead"]),
        (ReplicaFact(running=True, wanted=True), ["replica-behind"]),
        (ReplicaFact(running=True, wanted=True, problem="No program."), ["replica-unreadable"]),
        (ReplicaFact(running=True, wanted=True, newest=NOON, proof_failure="lost"), ["replica-not-proven"]),
    ],
)
def test_each_fault_of_a_replica_is_a_finding(fact: ReplicaFact, kinds: list[str]) -> None:
    declared = parse_declaration(
        "[environments.production]\n[environments.production.backup]\ncontinuous = '/mnt/replica'\n",
        PurePosixPath("/srv/homeport.toml"),
    ).environments["production"]
    found = list(find_replica_faults([declared], HostFacts(now=NOON, replicas={"production": fact})))
    assert [one.kind for one in found] == kinds
    assert all("homeport-production-replica" in one.mend for one in found)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("continuous = 'relative'", "absolute path"),
        ("continuous = '/mnt/r'\ncontinuous_hours = 0", "hours"),
        ("metrics_file = '/m/homeport.txt'", ".prom"),
    ],
)
def test_what_may_not_be_declared_of_a_replica_is_refused(lines: str, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        parse_declaration(
            f"[environments.production]\n[environments.production.backup]\n{lines}\n", PurePosixPath("/srv/h.toml")
        )


def test_a_server_of_another_kind_has_no_replica() -> None:
    text = (
        "[environments.other]\nhttp_port = 4000\nprotocols = ['http']\ncommand = ['/usr/bin/node']\n"
        "[environments.other.backup]\ncontinuous = '/mnt/r'\n"
    )
    with pytest.raises(DeclarationError, match="nobody knows the database"):
        parse_declaration(text, PurePosixPath("/srv/h.toml"))
