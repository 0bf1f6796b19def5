"""What is found in a data directory or a snapshot, and what is wrong with it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from pysqlite3 import dbapi2

from homeport import server
from homeport.contract import BEGINNING_FILE, DATABASE_FILE, IDENTITY_FILE, DataFacts
from homeport.contract.losses import DataLoss
from homeport.environments.backups.losses import loses, loss_lines, lost_in_words
from homeport.errors import HomeportError, UsageError
from homeport.identity import new_identity, open_data_directory, write_identity
from homeport.storage.migrations.revisions import HEAD, REVISIONS
from homeport.storage.sqlite.migrating import migrate
from tests.support.written import write_data

UNTOLD = ("webhooks", "webhooks_removed", "clients", "sign_ins")
MADE = (
    "INSERT INTO webhooks (id, url, secret, created_at, position, kinds, failures, next_attempt_at)"
    " VALUES ('{id}', 'https://example.com/{id}', 's', {at}, 0, '[]', 0, 0)"
)
CLIENT = "INSERT INTO oauth_clients (id, name, redirect_uris, created_at) VALUES ('c', 'c', '[]', {at})"
RENEWED = (
    "INSERT INTO oauth_credentials (digest, kind, grant_id, client_id, scope, created_at, expires_at, data)"
    " VALUES ('{digest}', '{kind}', 'g', 'c', 'read', {at}, {at}, '{{}}')"
)
PAGE = 4096
BTREE_PAGES = (2, 5, 10, 13)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    write_data(directory)
    return directory


@pytest.fixture
def snapshot(tmp_path: Path, data: Path) -> Path:
    server.take_snapshot(data, "production", tmp_path / "snapshot")
    return tmp_path / "snapshot"


def codes(found: DataFacts) -> set[str]:
    return {problem["code"] for problem in found["problems"]}


def change(snapshot: Path, *statements: str) -> None:
    database = dbapi2.connect(str(snapshot / DATABASE_FILE), isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()


def test_a_snapshot_says_whose_it_is_and_what_it_holds(snapshot: Path) -> None:
    found = server.data_facts(snapshot, deep=True)
    assert found["problems"] == []
    assert (found["application"], found["environment"]) == ("homeport", "production")
    assert found["identity"] == json.loads((snapshot / IDENTITY_FILE).read_text())["id"]
    expected = {"messages": 1, "tasks": 1, "lessons": 1, "projects": 1, "instances": 2, "tokens": 2}
    assert {noun: found["counts"][noun] for noun in expected} == expected
    assert (found["schema_version"], found["pending_migrations"]) == (HEAD, [])
    assert found["position"] == found["counts"]["events"]
    assert found["position_at"] == "2025-12-05T00:00:00.000Z"
    assert found["bytes"] == sum(found["files"].values())
    assert found["origin"] is None


def test_looking_changes_nothing(snapshot: Path) -> None:
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in snapshot.iterdir()}
    server.data_facts(snapshot, deep=True)
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in snapshot.iterdir()} == before


def test_what_is_no_directory_is_a_wrong_question(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a directory"):
        server.data_facts(tmp_path / "nowhere")


def test_an_older_schema_is_no_problem_and_names_what_is_pending(snapshot: Path) -> None:
    (snapshot / DATABASE_FILE).unlink()
    migrate(snapshot / DATABASE_FILE, revision=REVISIONS[1])
    found = server.data_facts(snapshot, deep=True)
    assert found["problems"] == []
    assert (found["schema_version"], found["pending_migrations"]) == (REVISIONS[1], list(REVISIONS[2:]))


def lose_database(snapshot: Path) -> None:
    (snapshot / DATABASE_FILE).unlink()


def empty_database(snapshot: Path) -> None:
    (snapshot / DATABASE_FILE).write_bytes(b"")


def no_database(snapshot: Path) -> None:
    (snapshot / DATABASE_FILE).write_bytes(b"tar, perhaps" * 1000)


def cut_off(snapshot: Path) -> None:
    content = (snapshot / DATABASE_FILE).read_bytes()
    (snapshot / DATABASE_FILE).write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda at: (at / IDENTITY_FILE).unlink(), "no_identity"),
        (lambda at: (at / IDENTITY_FILE).write_text("{"), "bad_identity"),
        (lambda at: (at / IDENTITY_FILE).write_bytes(b"\xff"), "bad_identity"),
        (lambda at: write_identity(at, {**new_identity("production"), "application": "other"}), "foreign"),
        (lose_database, "no_database"),
        (empty_database, "no_schema"),
        (no_database, "not_a_database"),
        (cut_off, "damaged"),
        (
            lambda at: change(at, "UPDATE alembic_version SET version_num = '9000'", "PRAGMA user_version = 9000"),
            "newer_schema",
        ),
        (lambda at: change(at, "UPDATE alembic_version SET version_num = '9000'"), None),
        (lambda at: change(at, "DELETE FROM message_words"), "index"),
        (lambda at: change(at, "UPDATE inboxes SET total = total + 1"), "counts"),
        (lambda at: change(at, "UPDATE lessons SET submission_id = 'none'"), "broken_reference"),
        (lambda at: change(at, "DROP TABLE message_vocabulary", "DROP TABLE events", "PRAGMA user_version = 1"), None),
    ],
)
def test_what_is_wrong_is_found_and_named(snapshot: Path, harm: Callable[[Path], object], code: str | None) -> None:
    harm(snapshot)
    found = server.data_facts(snapshot, deep=True)
    assert codes(found) == ({code} if code else set())
    assert all("\n" not in problem["text"] for problem in found["problems"])


def test_a_row_that_was_exchanged_in_the_index_is_found_by_a_deep_look(snapshot: Path) -> None:
    change(
        snapshot,
        "DELETE FROM message_words",
        "INSERT INTO message_words (rowid, words) VALUES (4711, 'stranger')",
    )
    assert codes(server.data_facts(snapshot)) == set()
    assert codes(server.data_facts(snapshot, deep=True)) == {"index"}


def test_a_flipped_bit_in_the_structure_of_any_page_is_found(snapshot: Path) -> None:
    path = snapshot / DATABASE_FILE
    whole = path.read_bytes()
    pages = [at for at in range(PAGE, len(whole), PAGE) if whole[at] in BTREE_PAGES]
    assert len(pages) > 20
    for at in pages:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        assert codes(server.data_facts(snapshot, deep=True)) & {"damaged", "index"}, at // PAGE
    path.write_bytes(whole)
    assert codes(server.data_facts(snapshot, deep=True)) == set()


def test_whatever_is_flipped_the_answer_is_facts(snapshot: Path) -> None:
    path = snapshot / DATABASE_FILE
    whole = path.read_bytes()
    chance = random.Random(5)
    noticed = 0
    for _ in range(150):
        flipped = bytearray(whole)
        for _ in range(chance.choice((1, 8, 64))):
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        noticed += bool(server.data_facts(snapshot, deep=True)["problems"])
    assert noticed > 50


def test_a_beginning_that_was_cut_off_is_no_loss(tmp_path: Path) -> None:
    with open_data_directory(tmp_path, "production"):
        assert (tmp_path / BEGINNING_FILE).exists()
    assert server.data_facts(tmp_path)["problems"] == []


def test_data_in_use_are_looked_at_with_what_was_written_last(data: Path) -> None:
    path = data / DATABASE_FILE
    writer = dbapi2.connect(str(path), isolation_level=None)
    writer.execute("DELETE FROM webhooks")
    try:
        assert server.data_facts(data, deep=True)["counts"]["webhooks"] == 0
    finally:
        writer.close()


def test_the_loss_since_a_position_is_counted(data: Path) -> None:
    everything = server.lost_after(data, "production", 0)
    assert everything["comparable"]
    numbers = {key: everything[key] for key in ("messages", "tasks_created", "tasks_changed", "lessons", "instances")}
    assert numbers == {"messages": 1, "tasks_created": 1, "tasks_changed": 0, "lessons": 1, "instances": 2}
    assert everything["tokens"] == 2
    assert everything["events"] == sum(everything["kinds"].values()) == everything["last_position"]
    created = _position_of(data, "task.created")
    after = server.lost_after(data, "production", created)
    assert (after["tasks_created"], after["tasks_changed"], after["projects"]) == (0, 1, 0)
    last = server.lost_after(data, "production", everything["last_position"])
    assert (last["events"], last["since"], last["comparable"]) == (0, None, True)


def _position_of(data: Path, kind: str) -> int:
    database = dbapi2.connect(str(data / DATABASE_FILE))
    row = database.execute("SELECT seq FROM events WHERE kind = ?", (kind,)).fetchone()
    database.close()
    return int(row[0])


def test_a_position_of_other_data_or_of_a_history_that_was_left_is_not_compared(data: Path) -> None:
    last = server.lost_after(data, "production", 0)["last_position"]
    other = [
        server.lost_after(data, "production", 3, identity="another"),
        server.lost_after(data, "production", 3, position_at=1),
        server.lost_after(data, "production", last + 1),
    ]
    assert [(loss["comparable"], loss["events"]) for loss in other] == [(False, last)] * 3
    found = server.data_facts(data)
    same = server.lost_after(data, "production", 3, position_at=1_764_892_800_000, identity=found["identity"])
    assert (same["comparable"], same["events"]) == (True, last - 3)


def test_what_no_event_tells_of_is_lost_too(data: Path) -> None:
    """Webhooks, clients of OAuth and their sign-ins, by when they were made; removed ones by how many there were."""
    found = server.data_facts(data)
    last, taken, had = found["position"] or 0, 1_764_892_900_000, found["counts"]["webhooks"]

    def lost(**more: Any) -> dict[str, object]:
        loss = server.lost_after(data, "production", last, **more)
        assert loss["events"] == 0
        numbers = {key: count for key, count in loss.items() if key in UNTOLD and count}
        assert loses(loss) == bool(numbers)
        return numbers

    assert lost(taken=taken, held={"webhooks": had}) == {}
    change(
        data,
        *(MADE.format(id=f"hook{number}", at=at) for number, at in enumerate((taken, taken + 1, taken + 2))),
        CLIENT.format(at=taken + 1),
        *(RENEWED.format(digest=kind, kind=kind, at=taken + 1) for kind in ("refresh", "access", "code")),
    )
    made = {"webhooks": 2, "clients": 1, "sign_ins": 1}
    assert lost(taken=taken, held={"webhooks": had + 1}) == made
    # Where nobody knows when the backup was begun, it was not before its last event.
    assert lost() == {**made, "webhooks": 3}
    change(data, "DELETE FROM webhooks WHERE id IN ('hook0', 'hook2')")
    assert lost(taken=taken, held={"webhooks": had + 1}) == {**made, "webhooks": 1, "webhooks_removed": 1}
    everything = server.lost_after(data, "production", last, identity="another", held={"webhooks": 9}, taken=taken)
    assert (everything["webhooks"], everything["webhooks_removed"]) == (had + 1, 0)


def test_what_no_event_tells_of_is_said_in_words(data: Path) -> None:
    last = server.data_facts(data)["position"] or 0
    nothing = server.lost_after(data, "production", last)
    assert loss_lines(nothing) == [f"Nothing: production has nothing newer than position {last}."]
    change(data, MADE.format(id="hook", at=1_764_892_900_000))
    loss = server.lost_after(data, "production", last)
    assert loss_lines(loss)[-1] == "  1 webhooks that were made"
    assert lost_in_words(loss) == "1 webhooks that were made"
    older = {key: value for key, value in loss.items() if key not in UNTOLD}
    assert not loses(cast("DataLoss", older))


def test_the_loss_of_damaged_data_says_that_it_cannot_be_counted(data: Path, tmp_path: Path) -> None:
    (data / DATABASE_FILE).write_bytes(b"SQLite format 3\x00" + b"\xff" * 10_000)
    with pytest.raises(HomeportError, match="cannot be counted"):
        server.lost_after(data, "production", 0)
    assert server.lost_after(_empty(tmp_path), "production", 0)["events"] == 0


def _empty(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"
