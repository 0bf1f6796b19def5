"""What a data directory's database may be, and what is refused."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from homeport.contract import BEGINNING_FILE, DATABASE_FILE, IDENTITY_FILE, LOCK_FILE, ExitCode
from homeport.datalock import migrating
from homeport.errors import CannotStartError
from homeport.identity import open_data_directory
from homeport.storage.migrations.revisions import HEAD, REVISIONS
from homeport.storage.sqlite import open_store, opening
from homeport.storage.sqlite.database import check_library
from homeport.storage.sqlite.migrating import migrate
from homeport.storage.sqlite.opening import prepared
from homeport.storage.sqlite.revisions import revision_of
from tests.support import given
from tests.support.waiting import eventually
from tests.unit.storage.conftest import Disk, Looks, files

Run = Callable[..., subprocess.CompletedProcess[str]]


async def test_a_new_store_has_the_newest_schema_and_keeps_what_it_is_given(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    assert store.schema_version == HEAD
    await store.write(lambda records: records.instances.put(given.instance("ann")))
    await store.close()
    assert files(tmp_path) == [DATABASE_FILE]
    store = await open_store(tmp_path)
    assert await store.read(lambda records: records.instances.ids()) == ["ann"]
    await store.close()


async def test_whoever_opens_data_that_are_migrated_waits_until_that_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks()
    monkeypatch.setattr(opening, "is_migrating", looks)
    await (await open_store(tmp_path)).close()
    with migrating(tmp_path):
        begun = asyncio.create_task(open_store(tmp_path))
        await eventually(lambda: looks.were(4))
        assert not begun.done()
    await (await begun).close()


def newer(path: Path, usable_from: int) -> None:
    """A database as a later release left it."""
    database = dbapi2.connect(str(path), isolation_level=None)
    database.execute("UPDATE alembic_version SET version_num = '9000'")
    database.execute(f"PRAGMA user_version = {usable_from}")
    database.close()


async def test_a_newer_schema_with_which_this_version_can_live_is_opened_as_it_is(tmp_path: Path) -> None:
    await (await open_store(tmp_path)).close()
    newer(tmp_path / DATABASE_FILE, int(HEAD))
    for beside_server in (False, True):
        store = await open_store(tmp_path, beside_server=beside_server)
        assert store.schema_version == "9000"
        await store.probe()
        await store.close()


@pytest.mark.parametrize("usable_from", [0, int(HEAD) + 1, 9000])
async def test_a_newer_schema_is_refused_naming_both(tmp_path: Path, usable_from: int) -> None:
    await (await open_store(tmp_path)).close()
    newer(tmp_path / DATABASE_FILE, usable_from)
    with pytest.raises(CannotStartError, match=f"schema 9000, which is newer than {HEAD}") as refusal:
        await open_store(tmp_path)
    assert refusal.value.exit_code == ExitCode.CANNOT_START
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"not a database, though it is long enough for a header" * 100, b"SQLite"])
async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / DATABASE_FILE).write_bytes(content)
    with pytest.raises(CannotStartError, match="is not a SQLite database"):
        await open_store(tmp_path)
    assert await asyncio.to_thread((tmp_path / DATABASE_FILE).read_bytes) == content
    assert files(tmp_path) == [DATABASE_FILE]


async def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    await (await open_store(tmp_path)).close()
    path = tmp_path / DATABASE_FILE
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)
    with pytest.raises(CannotStartError, match="is damaged"):
        await open_store(tmp_path)


async def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    database = dbapi2.connect(str(tmp_path / DATABASE_FILE))
    database.execute("CREATE TABLE notes (text)")
    database.close()
    with pytest.raises(CannotStartError, match="but not Homeport's"):
        await open_store(tmp_path)


async def test_a_directory_in_the_databases_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).mkdir()
    with pytest.raises(CannotStartError, match="cannot be opened"):
        await open_store(tmp_path)


async def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).touch()
    store = await open_store(tmp_path)
    await store.probe()
    await store.close()


async def test_a_read_only_disk_is_refused(disk: Disk) -> None:
    await (await open_store(disk.at)).close()
    disk.remount("ro")
    with pytest.raises(CannotStartError, match=r"is read-only|cannot be opened"):
        await open_store(disk.at)


def test_an_old_library_is_refused() -> None:
    with pytest.raises(CannotStartError, match=r"SQLite 3\.51\.2 can corrupt"):
        check_library((3, 51, 2))
    check_library((3, 51, 3))


KILLED = """
import os, signal, sys
from itertools import pairwise
from pathlib import Path
from sqlalchemy import Engine, event
from homeport.storage.sqlite.database import connect
from homeport.storage.sqlite.migrating import migrate

left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *others):
    global left
    # Alembic looks before it changes anything; a half is half of the changes.
    left -= not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN"))
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

path = Path(sys.argv[1])
database = connect(path, cache_kib=1000)
database.execute("PRAGMA journal_mode = WAL")
migrate(path, revision=sys.argv[3])
"""


@pytest.mark.parametrize("statements", [1, 7, 30])
async def test_a_migration_killed_half_way_leaves_nothing(tmp_path: Path, run_python: Run, statements: int) -> None:
    path = tmp_path / DATABASE_FILE
    assert run_python(KILLED, path, statements, REVISIONS[0]).returncode == -9
    database = dbapi2.connect(str(path))
    assert database.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    database.close()
    store = await open_store(tmp_path)
    await store.probe()
    await store.close()


@pytest.mark.parametrize(("before", "after"), list(pairwise(REVISIONS)))
def test_a_migration_killed_before_it_ends_leaves_the_old_schema(
    tmp_path: Path, run_python: Run, before: str, after: str
) -> None:
    path = tmp_path / DATABASE_FILE
    migrate(path, revision=before)
    database = dbapi2.connect(str(path))
    tables = database.execute("SELECT name FROM sqlite_schema ORDER BY name").fetchall()
    database.close()
    assert run_python(KILLED, path, 1, after).returncode == -9
    database = dbapi2.connect(str(path))
    assert revision_of(database) == before
    assert database.execute("SELECT name FROM sqlite_schema ORDER BY name").fetchall() == tables
    database.close()
    prepared(path).close()


@pytest.mark.parametrize("revision", REVISIONS[:-1])
async def test_every_older_schema_is_brought_up_with_its_data(tmp_path: Path, revision: str) -> None:
    path = tmp_path / DATABASE_FILE
    migrate(path, revision=revision)
    database = dbapi2.connect(str(path), isolation_level=None)
    database.execute("INSERT INTO roles (role_key, name, description) VALUES ('r', 'R', '{}')")
    database.close()
    store = await open_store(tmp_path)
    assert store.schema_version == HEAD
    assert await store.read(lambda records: [role.name for role in records.roles.all()]) == ["R"]
    await store.close()


SPARE = """
import asyncio, sys
from itertools import pairwise
from pathlib import Path
from homeport.storage.sqlite import open_store

async def main():
    await (await open_store(Path(sys.argv[1]))).close()
    print(sorted({name.partition(".")[0] for name in sys.modules} & {"sqlalchemy", "alembic", "sqlite3"}))

asyncio.run(main())
"""


async def test_a_current_schema_is_opened_without_the_tools_for_migrations(tmp_path: Path, run_python: Run) -> None:
    await (await open_store(tmp_path)).close()
    assert run_python(SPARE, tmp_path).stdout == "[]\n"


@pytest.mark.parametrize("left", [None, b""])
async def test_a_database_that_got_lost_beside_its_identity_is_not_begun_anew(
    tmp_path: Path, left: bytes | None
) -> None:
    with open_data_directory(tmp_path, "development"):
        await (await open_store(tmp_path)).close()
    path = tmp_path / DATABASE_FILE
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    before = files(tmp_path)
    with (
        open_data_directory(tmp_path, "development"),
        pytest.raises(CannotStartError, match="hide the loss") as no,
    ):
        await open_store(tmp_path)
    assert "Restore the last backup" in no.value.hint
    assert files(tmp_path) == before


async def test_an_empty_directory_whose_start_was_cut_off_is_begun_by_the_next(tmp_path: Path) -> None:
    """At each step: the note, the identity, a database of which nothing is committed."""
    for number, cut_off in enumerate((_noted, _stamped, _opened)):
        data = tmp_path / str(number)
        data.mkdir()
        cut_off(data)
        with open_data_directory(data, "development"):
            await (await open_store(data)).close()
        assert sorted(set(files(data)) - {LOCK_FILE}) == [DATABASE_FILE, IDENTITY_FILE]


def _noted(data: Path) -> None:
    (data / BEGINNING_FILE).touch()


def _stamped(data: Path) -> None:
    with open_data_directory(data, "development"):
        assert (data / BEGINNING_FILE).exists()


def _opened(data: Path) -> None:
    _stamped(data)
    database = dbapi2.connect(str(data / DATABASE_FILE))
    database.execute("PRAGMA journal_mode = WAL")
    database.close()
