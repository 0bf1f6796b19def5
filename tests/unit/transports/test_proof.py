"""What others tell a server of its backups and its data: believed only where it is well said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from homeport.contract import BackupRecord
from homeport.transports.proof import Proof, moment, newest, parse_origin, parse_record

NOON = "2026-11-25T12:00:00Z"
GOOD: dict[str, Any] = {"last_backup": NOON, "last_drill": None, "proven": False}


def test_a_record_is_read_whatever_stands_beside_it() -> None:
    assert parse_record(json.dumps({**GOOD, "size": 5})) == {**GOOD, "replica": None}


def test_of_what_several_machines_know_the_newest_counts_and_the_one_that_drilled_last_is_believed() -> None:
    before, after = "2026-11-25T11:00:00+00:00", "2026-11-25T14:00:00+01:00"
    own = Proof(before, before, proven=True, replica="")
    others = [BackupRecord(last_backup=after, last_drill=None, proven=False)]
    assert newest(own, others) == Proof(after, before, proven=True, replica="")
    others.append(BackupRecord(last_backup=None, last_drill=NOON, proven=False))
    assert newest(own, others) == Proof(after, NOON, proven=False, replica="")
    assert newest(Proof(), ()) == Proof()
    # What is no time was never; what is wrong here is told, whatever the others say.
    assert newest(own, [BackupRecord(last_backup="soon", last_drill="soon", proven=False)]) == own
    unread = Proof(problem="It cannot be read.")
    assert newest(unread, others) == Proof(after, NOON, problem="It cannot be read.")


def test_what_is_wrong_with_a_replica_is_read_and_told() -> None:
    wrong = "It is 40 s behind."
    assert parse_record(json.dumps({**GOOD, "replica": wrong})).get("replica") == wrong
    assert Proof(NOON, replica=wrong).told(moment(NOON))["replica"] == wrong


@pytest.mark.parametrize(
    "text",
    [
        "",
        "half a",
        "[]",
        "null",
        json.dumps({}),
        json.dumps({**GOOD, "proven": 1}),
        json.dumps({**GOOD, "last_backup": 5}),
        json.dumps({**GOOD, "replica": 5}),
        json.dumps({**GOOD, "last_drill": "yesterday"}),
        json.dumps({**GOOD, "last_drill": "2026-11-25T12:00:00"}),
    ],
)
def test_a_record_that_is_badly_said_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_record(text)


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"origin": "production"}', '{"origin": 1, "prepared_at": "2026-11-25T12:00:00Z"}']
)
def test_an_origin_that_is_badly_said_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_origin(text)


@pytest.mark.parametrize("position_at", [NOON, None])
def test_data_are_as_old_as_the_last_thing_in_them(position_at: str | None) -> None:
    mark = {"origin": "production", "position_at": position_at, "prepared_at": "2026-11-25T13:00:00Z"}
    assert parse_origin(json.dumps(mark)) == {
        "environment": "production",
        "at": position_at or "2026-11-25T13:00:00Z",
    }


def test_the_same_moment_has_one_number_in_every_zone() -> None:
    assert moment(NOON) == moment("2026-11-25T14:00:00+02:00")


def test_ages_are_counted_from_now_and_never_below_zero() -> None:
    told = Proof(NOON, NOON, proven=True).told(moment(NOON) + 90)
    expected = {"state": "proven", "backup_age_seconds": 90.0, "drill_age_seconds": 90.0, "problem": None}
    assert told == {**expected, "replica": None}
    assert Proof(NOON).told(moment(NOON) - 90)["backup_age_seconds"] == 0.0


def test_a_problem_makes_the_state_unknown_whatever_was_known() -> None:
    told = Proof(NOON, NOON, proven=True, problem="It is broken.").told(0)
    assert (told["state"], told["backup_age_seconds"], told["problem"]) == ("unknown", None, "It is broken.")
