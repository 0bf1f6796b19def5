"""A snapshot that becomes another environment's data: what goes, what stays, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from pysqlite3 import dbapi2

from homeport import server
from homeport.contract import DATABASE_FILE, IDENTITY_FILE, SNAPSHOT_FILE, Scrub
from homeport.coordination.scrub import PRESETS, filled, without_secrets
from homeport.datalock import DataLock
from homeport.errors import CannotStartError, GuardError, HomeportError, UsageError
from homeport.identity import check_owner
from homeport.storage.migrations.revisions import HEAD, REVISIONS
from homeport.storage.schema import METADATA
from homeport.storage.snapshots.scrubbing import SECRET_TABLES, SOURCES, TREATMENTS
from homeport.storage.sqlite.migrating import migrate
from tests.support.written import NAME, PRIVATE, Written, content_of, found_in, messages_found, write_data

# Columns of text that hold ids, words of a fixed set, lists of these, or what is made of them.
PLAIN = {
    *("id", "status", "priority", "role", "role_key", "type", "kind", "key", "path", "name", "scopes", "tags"),
    *("project_id", "instance_id", "task_id", "submission_id", "thread_id", "reply_to", "reader", "sender"),
    *("recipients", "assigned_to", "dependencies", "capabilities", "actor", "subject", "audience"),
}


@pytest.fixture
def written(tmp_path: Path) -> Written:
    (tmp_path / "data").mkdir()
    found = write_data(tmp_path / "data")
    server.take_snapshot(tmp_path / "data", "production", tmp_path / "copy")
    return found


@pytest.fixture
def copy(tmp_path: Path, written: Written) -> Path:
    """A snapshot in which something of everything is."""
    content = content_of(tmp_path / "copy")
    assert not set(written.secrets) - set(found_in(content, written.secrets))
    assert not set(PRIVATE) - set(found_in(content, PRIVATE))
    return tmp_path / "copy"


@pytest.mark.parametrize("policy", list(PRESETS))
def test_no_byte_of_a_secret_stays(copy: Path, written: Written, policy: Scrub) -> None:
    done = server.prepare_snapshot(copy, "development", "production", policy)
    content = content_of(copy)
    assert found_in(content, written.secrets) == []
    # Nor in the index, which keeps the parts of a token as words.
    assert found_in(content, tuple(text.rpartition("_")[2] for text in (written.token, written.webhook))) == []
    assert {table: done["facts"]["counts"][table] for table in SECRET_TABLES} == dict.fromkeys(SECRET_TABLES, 0)
    assert server.data_facts(copy, deep=True)["problems"] == []


def test_without_a_wish_everything_else_stays_and_is_found(copy: Path) -> None:
    before = server.data_facts(copy)["counts"]
    done = server.prepare_snapshot(copy, "development", "production")
    assert found_in(content_of(copy), (*PRIVATE, NAME)) == [*PRIVATE, NAME]
    kept = set(before) - {*SECRET_TABLES, "events"}
    assert {table: done["facts"]["counts"][table] for table in kept} == {table: before[table] for table in kept}
    assert len(messages_found(copy, "development", query="harmless")) == 1


def test_texts_go_from_everywhere_and_ids_stay(copy: Path) -> None:
    server.prepare_snapshot(copy, "development", "production", "texts")
    assert found_in(content_of(copy), (*PRIVATE, NAME)) == [NAME]
    assert _rows(copy, "SELECT id FROM instances ORDER BY id") == [("ada",), ("bob",)]
    assert _rows(copy, "SELECT project_id, id, assigned_to FROM tasks") == [("p1", "t1", "ada")]
    ((metadata,),) = _rows(copy, "SELECT metadata FROM tasks")
    assert json.loads(str(metadata)) == {"of": [filled(PRIVATE[6]), 7]}
    assert messages_found(copy, "development", query="harmless") == []


def test_all_takes_the_names_of_projects_too(copy: Path) -> None:
    server.prepare_snapshot(copy, "development", "production", "all")
    assert found_in(content_of(copy), (*PRIVATE, NAME)) == []
    assert _rows(copy, "SELECT id, name FROM projects") == [("p1", filled(NAME))]


def _rows(copy: Path, statement: str) -> list[tuple[object, ...]]:
    database = dbapi2.connect(str(copy / DATABASE_FILE))
    try:
        return list(database.execute(statement).fetchall())
    finally:
        database.close()


def test_it_says_where_it_comes_from_and_is_another(copy: Path) -> None:
    before = server.data_facts(copy)
    origin = server.prepare_snapshot(copy, "development", "production", "texts")["origin"]
    assert origin == json.loads((copy / SNAPSHOT_FILE).read_text()) == server.data_facts(copy)["origin"]
    assert (origin["environment"], origin["origin"], origin["scrub"]) == ("development", "production", "texts")
    assert (origin["origin_identity"], origin["position"]) == (before["identity"], before["position"])
    assert origin["position_at"] == before["position_at"]
    identity = check_owner(copy, "development")
    assert identity is not None
    assert identity["id"] != before["identity"]
    assert sorted(path.name for path in copy.iterdir()) == [SNAPSHOT_FILE, DATABASE_FILE, IDENTITY_FILE]


def test_every_column_of_text_is_either_treated_or_known_to_be_plain() -> None:
    """A new column must be thought of: what is written freely goes into TREATMENTS."""
    forgotten = [
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        if table.name not in SECRET_TABLES
        for column in table.columns
        if isinstance(column.type, sa.Text) and column.name not in {*TREATMENTS.get(table.name, {}), *PLAIN}
    ]
    assert forgotten == []
    assert {*SECRET_TABLES, *TREATMENTS, SOURCES} <= set(METADATA.tables)


def test_live_data_unfinished_ones_and_those_of_others_are_refused_unchanged(copy: Path, tmp_path: Path) -> None:
    before = content_of(copy)
    with pytest.raises(GuardError, match="not of staging"):
        server.prepare_snapshot(copy, "development", "staging")
    with pytest.raises(UsageError, match="the environment that the data come from"):
        server.prepare_snapshot(copy, "production", "production")
    with DataLock.take(copy), pytest.raises(GuardError, match="these are live data"):
        server.prepare_snapshot(copy, "development", "production")
    (copy / "server.lock").unlink()
    assert content_of(copy) == before
    shutil.copytree(copy, tmp_path / "unfinished")
    (tmp_path / "unfinished" / IDENTITY_FILE).unlink()
    with pytest.raises(GuardError, match="never finished"):
        server.prepare_snapshot(tmp_path / "unfinished", "development", "production")
    with pytest.raises(UsageError, match="is not a directory"):
        server.prepare_snapshot(tmp_path / "nowhere", "development", "production")


def test_a_damaged_snapshot_becomes_nobodys(copy: Path) -> None:
    whole = (copy / DATABASE_FILE).read_bytes()
    (copy / DATABASE_FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HomeportError, match="not sound"):
        server.prepare_snapshot(copy, "development", "production")
    with pytest.raises(CannotStartError):
        check_owner(copy, "development")


def test_a_secret_in_a_place_that_cannot_be_changed_stops_it(copy: Path, written: Written) -> None:
    database = dbapi2.connect(str(copy / DATABASE_FILE), isolation_level=None)
    database.execute("UPDATE tasks SET id = ?", (written.token,))
    database.close()
    with pytest.raises(GuardError, match="stands in a name or an id"):
        server.prepare_snapshot(copy, "development", "production", "all")
    assert not (copy / IDENTITY_FILE).exists()


@pytest.mark.parametrize("text", ["", "Hello, Wörld 42!\n\t", "🚢 ship", "a\u2028b", "x" * 1000])
def test_filler_has_the_length_of_what_it_stands_for(text: str) -> None:
    assert len(filled(text)) == len(text)
    assert not {*"HeloWörd42🚢ship"} & {*filled(text)}


def test_a_secret_within_a_text_is_made_as_long_as_it_was_and_the_rest_stays(written: Written) -> None:
    text = f"a {written.token}, b {written.webhook}; hpt is no token, nor is whsec_."
    after = without_secrets(text)
    assert len(after) == len(text)
    assert found_in(after.encode(), written.secrets) == []
    assert after.startswith("a xxx")
    assert after.endswith("; hpt is no token, nor is whsec_.")


def test_a_snapshot_of_an_older_schema_is_brought_up_and_its_changes_are_counted(copy: Path) -> None:
    (copy / DATABASE_FILE).unlink()
    migrate(copy / DATABASE_FILE, revision=REVISIONS[0])
    done = server.upgrade_snapshot(copy)
    assert (done["from_schema"], done["to_schema"], done["ran"]) == (REVISIONS[0], HEAD, list(REVISIONS[1:]))
    assert done["rows"] == {}
    assert done["facts"]["problems"] == []
    again = server.upgrade_snapshot(copy)
    assert (again["ran"], again["migrating_seconds"]) == ([], 0)
    assert sorted(path.name for path in copy.iterdir()) == [DATABASE_FILE, IDENTITY_FILE]


def test_what_cannot_be_brought_up_is_refused(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is missing"):
        server.upgrade_snapshot(tmp_path)
    with DataLock.take(copy), pytest.raises(GuardError, match="live data"):
        server.upgrade_snapshot(copy)
    database = dbapi2.connect(str(copy / DATABASE_FILE), isolation_level=None)
    database.execute("UPDATE alembic_version SET version_num = '9000'")
    database.execute("PRAGMA user_version = 9000")
    database.close()
    with pytest.raises(CannotStartError, match="schema 9000"):
        server.upgrade_snapshot(copy)
