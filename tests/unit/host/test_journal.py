"""The journal: what it keeps, what a crash may leave of it, and that a change to it shows."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeport.environments.plan import Plan
from homeport.environments.steps import MakeDirectory, RemoveDirectory
from homeport.errors import HomeportError
from homeport.host.journal import FILE_NAME, Attempt, Journal

MADE = MakeDirectory(PurePosixPath("/srv/x"))
PLAN = Plan("provision", "production", (MADE,))


def filled(directory: Path) -> Journal:
    journal = Journal(directory)
    journal.begin("one", PLAN)
    journal.step_begins("one", 0, (RemoveDirectory(MADE.path),))
    journal.step_done("one", 0, {"seconds": 1})
    journal.end("one", "done")
    journal.begin("two", PLAN)
    journal.step_begins("two", 0, ())
    return journal


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    one, two = journal.operations()
    assert (one.id, one.outcome, one.is_open, one.plan) == ("one", "done", False, PLAN)
    # What has ended is not undone any more, and not read.
    assert one.inverses == {0: ()}
    assert one.results == {0: {"seconds": 1}}
    assert one.by["pid"] > 0
    assert (two.id, two.outcome, two.is_open, two.done) == ("two", None, True, set())
    journal.step_begins("two", 0, (RemoveDirectory(MADE.path),))
    assert journal.operations()[1].inverses == {0: (RemoveDirectory(MADE.path),)}


def test_a_stuck_operation_stays_open(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    journal.stick("two", Attempt("", "a disk is gone", "no room", "mend it", "Rename", ("it is dark",)))
    assert journal.operations()[1].is_open
    two = journal.operations()[1]
    assert two.sentence == "a disk is gone"
    assert [(one.cause, one.hint, one.step, one.state) for one in two.attempts] == [
        ("no room", "mend it", "Rename", ("it is dark",))
    ]
    assert two.attempts[0].at == two.ended_at


def test_one_that_was_settled_is_open_no_more_and_says_who_and_how_things_stood(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    journal.settle("two", "nobody needs it", ["it is light"])
    two = journal.operations()[1]
    assert (two.outcome, two.is_open, two.sentence) == ("settled", False, "nobody needs it")
    assert (two.settled_by["pid"], two.settled_state) == (os.getpid(), ("it is light",))


def test_an_absent_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert Journal(tmp_path).operations() == []
    assert Journal(tmp_path).find_tampering() is None


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    filled(tmp_path)
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_crash_cut_short_is_no_record_and_is_cut_off(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    whole = (tmp_path / FILE_NAME).read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(whole)):
        (tmp_path / FILE_NAME).write_bytes(whole[:cut])
        assert len(journal.operations()[1].inverses) == 0
        assert journal.find_tampering() is None
    journal.step_begins("two", 0, ())
    assert journal.find_tampering() is None
    assert journal.operations()[1].inverses == {0: ()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_any_byte_that_is_changed_shows(tmp_path: Path, data: st.DataObject) -> None:
    file = tmp_path / FILE_NAME
    file.unlink(missing_ok=True)
    journal = filled(tmp_path)
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 2))
    changed = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    content[place] = changed
    same = [json.loads(line) for line in bytes(file.read_bytes()).split(b"\n")[:-1]]
    file.write_bytes(content)
    try:
        read = [json.loads(line) for line in bytes(content).split(b"\n")[:-1]]
    except ValueError:
        read = None
    # White space between JSON's tokens says nothing, and changing it changes no record.
    assert read == same or journal.find_tampering() is not None


def test_a_record_that_was_taken_out_shows(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    lines = (tmp_path / FILE_NAME).read_bytes().splitlines(keepends=True)
    (tmp_path / FILE_NAME).write_bytes(b"".join(lines[:2] + lines[3:]))
    assert "line 3" in (journal.find_tampering() or "")


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    with (tmp_path / FILE_NAME).open("a") as stream:
        stream.write("rubbish\n")
    with pytest.raises(HomeportError, match="line 7: not a record"):
        journal.operations()


def test_it_says_how_long_it_took_and_how_it_was_agreed_to(tmp_path: Path) -> None:
    at = datetime(2026, 10, 2, 6, 15, tzinfo=UTC)
    times = iter(at + timedelta(seconds=count) for count in range(100))
    journal = Journal(tmp_path, lambda: next(times))
    journal.begin("one", PLAN, "asked")
    journal.step_begins("one", 0, ())
    journal.step_done("one", 0)
    journal.end("one", "done")
    journal.begin("two", PLAN)
    one, two = journal.operations()
    assert (one.confirmed, one.seconds, one.step_seconds(0)) == ("asked", 3.0, 1.0)
    assert (two.confirmed, two.seconds, two.step_seconds(0)) == ("", None, None)
    assert journal.find_tampering() is None


def test_how_it_was_agreed_to_cannot_be_changed_afterwards(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin("one", PLAN, "yes")
    journal.end("one", "done")
    file = tmp_path / FILE_NAME
    file.write_text(file.read_text().replace('"confirmed": "yes"', '"confirmed": "asked"'))
    assert journal.find_tampering() == f"{file}, line 1: does not follow from the line before it"
