"""All data from a file of SQLite into a PostgreSQL database, and back: every row, every number, every word."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysqlite3 import dbapi2

from homeport import server
from homeport.contract import DATABASE_FILE, IDENTITY_FILE, DatabaseAddress
from homeport.identity import read_identity
from homeport.storage.dumps.cluster import Cluster as Of
from homeport.storage.dumps.dumping import dump
from homeport.storage.moving.copying import digests_in, into_database, into_file
from homeport.storage.moving.files import digests_of, schema_in, tables_in
from homeport.storage.moving.tables import Digester
from homeport.storage.postgres.identity import schema_of
from homeport.storage.schema import METADATA
from homeport.storage.sqlite.migrating import migrate
from tests.support.exchanging import content
from tests.support.postgres import Cluster
from tests.support.written import PRIVATE, messages_found, write_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Something of everything; of tasks and events the last ones are gone."""
    directory = tmp_path / "data"
    directory.mkdir()
    write_data(directory)
    change(directory, "INSERT INTO roles VALUES ('ünï', '🚢 \\N \t', '{\"a\": \"\\u0000\\ud800\"}')")
    change(directory, "UPDATE lessons SET confidence = 0.1, weight = 1e-300")
    change(directory, "UPDATE submissions SET metadata = 'a' || char(0) || char(57345) || '0b'")
    change(
        directory,
        "INSERT INTO tasks SELECT 9000, project_id, 't9', title, description, status, priority, rank,"
        " created_at, updated_at, assigned_to, claimed_at, completed_at, lease_expires_at, fence, role, role_key,"
        " estimated_effort, completion_notes, dependencies, tags, metadata FROM tasks",
    )
    change(directory, "DELETE FROM tasks WHERE seq = 9000")
    return directory


def change(directory: Path, statement: str) -> None:
    with closing(dbapi2.connect(str(directory / DATABASE_FILE), isolation_level=None)) as database:
        database.execute(statement)


@pytest.fixture
def filled(data: Path, database: DatabaseAddress) -> Of:
    """A database to which the data were moved."""
    identity = read_identity(data)
    assert identity is not None
    into_database(data / DATABASE_FILE, Of(database), identity)
    return Of(database)


@pytest.mark.needs_postgres
def test_every_row_is_there_and_nothing_else(data: Path, filled: Of, postgres: Cluster) -> None:
    there = digests_of(data / DATABASE_FILE)
    assert digests_in(filled, tables_in(data / DATABASE_FILE)) == there
    assert set(there) == set(METADATA.tables)
    assert there["roles"].rows == 2
    rows = postgres.execute("SELECT name, description FROM roles WHERE role_key = 'ünï'", filled.name)
    assert rows == [("🚢 \\N \t", '{"a": "\\u0000\\ud800"}')]
    assert postgres.execute("SELECT confidence, weight FROM lessons", filled.name) == [(0.1, 1e-300)]


@pytest.mark.needs_postgres
def test_no_number_is_given_twice(filled: Of, postgres: Cluster) -> None:
    rows = postgres.execute("SELECT nextval(pg_get_serial_sequence('tasks', 'seq'))", filled.name)
    assert rows == [(9001,)]
    (last,) = postgres.execute("SELECT max(seq) FROM events", filled.name)
    assert postgres.execute("SELECT nextval(pg_get_serial_sequence('events', 'seq'))", filled.name) == [(last[0] + 1,)]
    assert postgres.execute("SELECT nextval(pg_get_serial_sequence('webhooks', 'position'))", filled.name) == [(None,)]


@pytest.mark.needs_postgres
def test_what_is_searched_is_found_and_what_is_counted_is_right(
    tmp_path: Path, data: Path, filled: Of, postgres: Cluster
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / IDENTITY_FILE).write_bytes((data / IDENTITY_FILE).read_bytes())
    found = messages_found(tmp_path / "other", "production", filled.address, query="harmless")
    assert found == [PRIVATE[8]]
    total = postgres.execute("SELECT sum(total), sum(unread) FROM inboxes", filled.name)
    assert total == postgres.execute(
        "SELECT count(*) FILTER (WHERE state < 2), count(*) FILTER (WHERE state = 0) FROM deliveries", filled.name
    )


@pytest.mark.needs_postgres
def test_back_in_a_file_it_is_what_it_was(tmp_path: Path, data: Path, filled: Of) -> None:
    back = tmp_path / "back"
    back.mkdir()
    dump(filled, tmp_path / "dump")
    moved = into_file(tmp_path / "dump", back / DATABASE_FILE)
    assert moved.tables == digests_of(data / DATABASE_FILE)
    (back / IDENTITY_FILE).write_bytes((data / IDENTITY_FILE).read_bytes())
    assert content(back) == content(data)
    assert server.data_facts(back, deep=True)["problems"] == []
    assert messages_found(back, "production", query="harmless") == [PRIVATE[8]]


@pytest.mark.needs_postgres
@pytest.mark.parametrize(
    "statement",
    ["UPDATE messages SET subject = subject || ' '", "DELETE FROM roles", "INSERT INTO roles VALUES ('x', 'y', 'z')"],
)
def test_one_row_that_is_another_is_seen(data: Path, filled: Of, postgres: Cluster, statement: str) -> None:
    postgres.execute(statement, filled.name)
    assert digests_in(filled, tables_in(data / DATABASE_FILE)) != digests_of(data / DATABASE_FILE)


@pytest.mark.needs_postgres
def test_data_of_an_earlier_schema_keep_it_both_ways(tmp_path: Path, data: Path, database: DatabaseAddress) -> None:
    """A release that goes back gets what it knows."""
    old, back = tmp_path / "old.db", tmp_path / "back.db"
    migrate(old, revision="0004")
    with closing(dbapi2.connect(str(old), isolation_level=None)) as file:
        file.execute("INSERT INTO roles VALUES ('a', 'b', 'c')")
    identity = read_identity(data)
    assert identity is not None
    into_database(old, Of(database), identity)
    with Of(database).connected() as connection:
        assert schema_of(connection).revision == "0004"
    dump(Of(database), tmp_path / "dump")
    moved = into_file(tmp_path / "dump", back)
    assert schema_in(back) == schema_in(old)
    assert (moved.tables, moved.identity) == (digests_of(old), identity["id"])
    assert moved.tables["roles"].rows == 1


VALUES = st.one_of(st.none(), st.text(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))


@given(st.lists(st.tuples(VALUES, VALUES), max_size=6), st.randoms())
def test_a_digest_depends_on_the_rows_and_not_on_their_order(rows: list[tuple[object, ...]], chance: object) -> None:
    other = [*rows]
    chance.shuffle(other)  # type: ignore[attr-defined]
    assert digest(rows) == digest(other)
    assert digest([*rows, ("one", "more")]) != digest(rows)


def test_two_rows_that_read_alike_are_not_the_same() -> None:
    alike: list[list[tuple[object, ...]]] = [
        [("a", "b")],
        [("ab", "")],
        [("a\x1es1:b",)],
        [(1, 2)],
        [("1", 2)],
        [(1.0, 2)],
        [(None, 2)],
    ]
    assert len({digest(rows) for rows in alike}) == len(alike)


def digest(rows: list[tuple[object, ...]]) -> str:
    digester = Digester()
    assert list(digester.seen(rows)) == rows
    return digester.result().digest


def test_every_table_of_the_schema_is_moved(data: Path) -> None:
    tables = tables_in(data / DATABASE_FILE)
    assert [table.name for table in tables] == [table.name for table in METADATA.sorted_tables]
    (deliveries,) = [table for table in tables if table.name == "deliveries"]
    assert "state" not in deliveries.columns
