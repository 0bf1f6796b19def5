"""Releases of another server with migrations of its JSON data: rehearsed, put in place, failing, and taken back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.contract import MIGRATIONS_FILE
from homeport.host.data.program import current_release
from homeport.host.journal import Journal
from tests.support.notes import FIRST, SERVER, Shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    one = Shop(tmp_path, capsys)
    yield one
    one.stop()


def test_a_release_brings_its_migration_and_a_rollback_takes_the_data_back(shop: Shop) -> None:
    shop.version("2", "pass")
    plan, _ = shop.run("deploy", "shop", "--dry-run")
    assert f"run {FIRST} on the copy, and verify it" in plan
    made = shop.deploy()
    rehearsal = made["rehearsal"]
    assert (rehearsal["migrations"], rehearsal["rows_changed"]) == ([FIRST], {"notes.json": 2})
    assert shop.notes() == ("2", ["ONE", "TWO"])
    assert [entry["name"] for entry in json.loads((shop.data / MIGRATIONS_FILE).read_text())] == [FIRST]
    assert shop.json("migrate", "shop")["pending"] == []
    assert shop.beside() == []
    # The next one has nothing to do.
    shop.version("3")
    assert shop.deploy()["rehearsal"] is None
    shop.post("SINCE")
    way = ("rollback", "shop", "--to", shop.first, "--watch", "0.5")
    plan, _ = shop.run(*way, "--dry-run")
    assert f"{shop.first} cannot use the data as they are: they go back to the backup {made['backup']}." in plan
    assert "--lose agrees to that." in shop.json(*way, code=3)["error"]["hint"]
    assert shop.notes() == ("3", ["ONE", "TWO", "SINCE"])
    back = shop.json(*way, "--lose")
    assert shop.notes() == ("1", ["one", "two"])
    assert shop.beside() == [f"data.before-rollback-{back['backup']}"]
    # And forth again, by the same way.
    shop.json("rollback", "shop", "--to", made["release"], "--watch", "0.5")
    assert shop.notes() == ("2", ["ONE", "TWO"])


def test_data_on_which_more_ran_than_a_commit_knows_are_refused_before_anything_is_built(shop: Shop) -> None:
    shop.version("2", "pass")
    shop.deploy()
    shop.repository.commit({f"migrations/{FIRST}": None})
    assert f"they have {FIRST}" in shop.deploy(code=78)["error"]["message"]
    assert shop.notes() == ("2", ["ONE", "TWO"])


@pytest.mark.parametrize(
    ("upgrade", "said"),
    [
        ("sys.exit('no such field')", f"Migration {FIRST} failed: no such field."),
        ("notes[0] = 'small'", "did not leave what it must: a note in small letters"),
    ],
)
def test_a_migration_that_fails_on_the_copy_stops_nothing(shop: Shop, upgrade: str, said: str) -> None:
    pid = shop.pid()
    shop.version("2", upgrade)
    assert said in shop.deploy(code=1)["error"]["message"]
    assert shop.pid() == pid
    assert shop.notes() == ("1", ["one", "two"])
    assert shop.beside() == []


def test_a_migration_that_fails_on_the_data_alone_leaves_them_to_the_release_before(shop: Shop) -> None:
    shop.version("2", "'rehearsal' in sys.argv[2] or sys.exit('only on a copy')")
    assert "only on a copy" in shop.deploy(code=1)["error"]["message"]
    assert shop.notes() == ("1", ["one", "two"])
    assert shop.beside() == []


def test_a_release_that_does_not_start_after_its_migration_gives_the_data_back(shop: Shop) -> None:
    crash = "(FILE.write_text('[]'), exit('no such table'))\nclass Handler"
    shop.version("2", "pass", SERVER.replace("class Handler", crash))
    error = shop.deploy(code=1)["error"]
    assert "no such table" in error["message"]
    assert shop.notes() == ("1", ["one", "two"])
    # What it did to them stays as evidence.
    (left,) = shop.beside()
    assert left.startswith("data.left-")
    assert current_release(shop.environment) == shop.first


def test_a_release_that_is_unwell_later_goes_back_by_itself_where_nothing_was_written(shop: Shop) -> None:
    shop.version("2", "pass")
    with shop.going() as process:
        (shop.directory / "ill").touch()
        _, said = process.communicate(timeout=100)
    assert process.returncode == 1, said
    assert shop.notes() == ("1", ["one", "two"])
    assert [name for name in shop.beside() if "left" not in name] == []


@pytest.mark.parametrize("decision", ["--stay", "--lose"])
def test_where_something_was_written_a_person_chooses(shop: Shop, decision: str) -> None:
    shop.version("2", "pass")
    with shop.going() as process:
        shop.post("ACKNOWLEDGED")
        (shop.directory / "ill").touch()
        _, said = process.communicate(timeout=100)
    assert process.returncode == 5, said
    error = json.loads(said.strip().splitlines()[-1])["error"]
    assert "would lose what was written since it was well: notes.json (+1 entries)." in error["message"]
    assert "homeport deploy shop --stay keeps it" in error["hint"]
    assert shop.notes() == ("2", ["ONE", "TWO", "ACKNOWLEDGED"])
    assert "--stay" in shop.deploy(code=5)["error"]["hint"]
    shop.run("deploy", "shop", decision)
    if decision == "--stay":
        assert shop.notes() == ("2", ["ONE", "TWO", "ACKNOWLEDGED"])
        assert shop.beside() == []
        return
    assert shop.notes() == ("1", ["one", "two"])
    (left,) = shop.beside()
    assert json.loads((shop.data.parent / left / "notes.json").read_text())[-1] == "ACKNOWLEDGED"
    assert [one.outcome for one in Journal(Path(shop.environment.journal_directory)).operations()][-1] == "undone"


def test_where_a_drill_is_declared_the_release_serves_the_copy_before_anything_is_stopped(shop: Shop) -> None:
    command = json.dumps([sys.executable, "-B", "server.py"])
    drill = "drill_variables = { PORT = '{port}', DATA = '{data}' }"
    shop.declare(f"[environments.shop.backup]\ndrill_command = {command}\n{drill}\n")
    pid = shop.pid()
    shop.version("2", "pass", SERVER.replace("class Handler", "exit('no such table')\nclass Handler"))
    error = shop.deploy(code=1)["error"]
    assert "The server on the copy ended with exit code 1: no such table" in error["message"]
    assert shop.pid() == pid
    shop.version("3", "pass")
    assert shop.deploy()["rehearsal"]["questions"] == 1
    assert shop.notes() == ("3", ["ONE", "TWO"])
