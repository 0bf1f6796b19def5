"""Releases with a migration that the one before cannot live with, or can: put in place, failing, and taken back.

The releases are on the shelf already, as deploy would have built them; from there on the way is the same.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil
import pytest

from homeport.contract import DATABASE_FILE
from homeport.storage.migrations.revisions import HEAD
from tests.support.exchanging import content
from tests.support.later import LATER, UPPER, migration, site_packages, turns_red
from tests.support.migrating import Dock
from tests.support.release_changes import NEW, OLD, going, messages, send, served
from tests.support.running import PROGRAM
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
GO: Final = ("--watch", "1", "--wait", "60", "--yes")
ONLY_LIVE: Final = migration(
    upgrade="""path = op.get_bind().exec_driver_sql("PRAGMA database_list").fetchone()[2]
    if "rehearsal" not in path:
        raise ValueError("only on a copy")
    """
    + UPPER
)


LARGE: Final = """\
path = op.get_bind().exec_driver_sql("PRAGMA database_list").fetchone()[2]
    op.execute("CREATE TABLE large AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 16)"
        " SELECT i, randomblob(1048576) AS b FROM n")
    {upper}
    if "rehearsal" not in path:
        import os, pathlib, time
        pathlib.Path({sign!r}).write_text(str(os.getpid()))
        time.sleep(3600)
"""


def unwell(when: str) -> str:
    """A migration after which the server is well, and then is not."""
    return migration(upgrade=turns_red(when))


@pytest.fixture
def dock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Dock]:
    """Production, served by a first release."""
    one = Dock(tmp_path, capsys)
    one.shelved(OLD, "")
    one.serve(OLD)
    assert one.health()["release"] == OLD
    yield one
    one.stop()


def change(dock: Dock, *words: str, code: int = 0) -> Any:
    return dock.json("rollback", "production", "--to", NEW, *GO, *words, code=code)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (migration(upgrade='op.drop_table("nowhere")'), "no such table: nowhere"),
        (migration(upgrade="pass"), "did not leave what it must: 4 projects have a name in small letters"),
    ],
)
def test_a_migration_that_fails_on_a_copy_stops_nothing(dock: Dock, text: str, said: str) -> None:
    dock.shelved(NEW, text)
    pid, before = dock.manager.state(dock.environment).pid, content(dock.data)
    error = change(dock, code=1)
    assert said in error["message"]
    assert f"igration {LATER} " in error["message"]
    assert dock.manager.state(dock.environment).pid == pid
    assert served(dock) == (OLD, HEAD)
    assert content(dock.data).keys() == before.keys()  # type: ignore[attr-defined]
    assert dock.beside() == []


def test_a_migration_that_fails_on_the_data_alone_leaves_them_to_the_release_before(dock: Dock) -> None:
    dock.shelved(NEW, ONLY_LIVE)
    send(dock, "before")
    count = messages(dock)
    error = change(dock, code=1)
    assert f"The data could not be migrated: Migration {LATER} of " in error["message"]
    assert "only on a copy" in error["message"]
    assert served(dock) == (OLD, HEAD)
    assert messages(dock) == count
    assert dock.beside() == []


@pytest.mark.parametrize("whom", ["the migration", "the command"])
def test_killed_while_a_large_table_is_migrated_the_data_are_as_before_and_the_next_run_goes_on(
    dock: Dock, whom: str
) -> None:
    sign = dock.directory / "sign"
    dock.shelved(NEW, migration(upgrade=LARGE.format(sign=str(sign), upper=UPPER)))
    send(dock, "before")
    count = messages(dock)
    command = [*PROGRAM, "--config", str(dock.file), "rollback", "production", "--to", NEW, *GO]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            migrating = psutil.Process(int(until(lambda: sign.exists() and sign.read_text(), within=120)))
            # More than fits into memory stands in the log of the database, and is not committed.
            assert (dock.data / f"{DATABASE_FILE}-wal").stat().st_size > 8 << 20
            (migrating if whom == "the migration" else process).kill()
            _, said = process.communicate(timeout=120)
        finally:
            process.kill()
    until(lambda: not migrating.is_running() or migrating.status() == psutil.STATUS_ZOMBIE, within=30)
    if whom == "the migration":
        assert process.returncode == 1, said
        assert "The data could not be migrated: homeport data migrate ended with exit code -9" in said
    else:
        (left,) = dock.json("settle", "production")["ended"]
        assert left == dock.operations()[0].id
    assert served(dock) == (OLD, HEAD)
    assert (messages(dock), dock.beside()) == (count, [])
    assert dock.operations()[0].outcome == "undone"
    dock.shelved(NEW)
    change(dock)
    assert (served(dock), messages(dock)) == ((NEW, LATER), count)


def test_a_release_that_is_unwell_after_its_migration_gives_the_data_back_where_nothing_was_stored(dock: Dock) -> None:
    """It is proved a few times until it is ready, and then at most once a second."""
    dock.shelved(NEW, unwell("new.writes > {op.get_bind().exec_driver_sql('SELECT writes FROM probe').scalar()} + 10"))
    send(dock, "before")
    count, names = messages(dock), dock.projects()
    error = dock.json("rollback", "production", "--to", NEW, "--watch", "120", "--wait", "60", "--yes", code=1)
    assert "and is so no more" in error["message"]
    assert served(dock) == (OLD, HEAD)
    assert (messages(dock), dock.projects()) == (count, names)
    assert dock.operations()[-1].outcome == "undone"
    # What the release served stays as evidence, under a name that no server reads.
    assert dock.beside() == [f"data.left-{NEW}"]


def hook(dock: Dock) -> None:
    body = {"url": "https://example.org/hook"}
    answer = httpx2.post(f"{dock.environment.http_url}/api/v1/webhooks", json=body, timeout=30)
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize("decision", ["--stay", "--lose"])
def test_where_something_was_stored_a_person_chooses(dock: Dock, decision: str) -> None:
    """A message; or what no event tells of."""
    send(dock, "before")
    count = messages(dock)
    message = "EXISTS (SELECT 1 FROM messages WHERE subject = 'acknowledged')"
    dock.shelved(NEW, unwell(message if decision == "--stay" else "EXISTS (SELECT 1 FROM webhooks)"))
    with going(dock) as process:
        if decision == "--stay":
            send(dock, "acknowledged")
            count += 1
        else:
            hook(dock)
        _, said = process.communicate(timeout=200)
    assert process.returncode == 5, said
    error = json.loads(said.strip().splitlines()[-1])["error"]
    what = "1 messages (" if decision == "--stay" else "1 webhooks that were made."
    assert f"was left serving: going back would lose {what}" in error["message"]
    assert "homeport deploy production --stay keeps it and what it stored." in error["hint"]
    assert "--lose goes back to the release before and its data" in error["hint"]
    assert error["details"]["lost"]["messages" if decision == "--stay" else "webhooks"] == 1
    assert served(dock) == (NEW, LATER)
    assert messages(dock) == count
    # Nothing else goes on before that.
    assert "--stay" in dock.json("migrate", "production", code=5)["hint"]
    dock.run("deploy", "production", decision)
    if decision == "--stay":
        assert (served(dock), messages(dock), dock.beside()) == ((NEW, LATER), count, [])
        return
    assert (served(dock), messages(dock), dock.beside()) == ((OLD, HEAD), count, [f"data.left-{NEW}"])


def test_a_release_before_that_can_live_with_a_migration_comes_back_to_the_data_as_they_are(dock: Dock) -> None:
    """Nothing is kept aside, nothing is lost, and nobody has to choose."""
    dock.shelved(NEW, migration(previous=True))
    made = change(dock)
    assert (made["rehearsal"]["migrations"], made["rehearsal"]["rows_changed"]) == ([LATER], {"projects": 4})
    assert served(dock) == (NEW, LATER)
    send(dock, "of the later one")
    count = messages(dock)
    back = dock.json("rollback", "production", "--to", OLD, *GO)
    assert (back["release"], back["data"]) == (OLD, None)
    assert served(dock) == (OLD, LATER)
    assert messages(dock) == count
    assert dock.beside() == []


ENDS: Final = """
import os, pathlib, sys, threading, time
def watch():
    while not pathlib.Path({sign!r}).exists():
        time.sleep(0.05)
    os._exit(9)
if "serve" in sys.orig_argv and "--socket" not in sys.orig_argv:
    threading.Thread(target=watch, daemon=True).start()
"""


def test_where_the_one_before_can_live_with_the_data_an_unwell_release_goes_back_and_what_it_stored_stays(
    dock: Dock,
) -> None:
    dock.shelved(NEW, migration(previous=True))
    sign = dock.directory / "sign"
    place = site_packages(dock.data.parent / "releases" / NEW) / "sitecustomize.py"
    place.write_text(ENDS.format(sign=str(sign)))
    with going(dock) as process:
        send(dock, "acknowledged")
        count = messages(dock)
        sign.touch()
        _, said = process.communicate(timeout=200)
    assert process.returncode == 1, said
    # It may end while the one before still answers what it was asked.
    assert "ended with exit code 9" in json.loads(said.strip().splitlines()[-1])["error"]["message"]
    assert served(dock) == (OLD, LATER)
    assert messages(dock) == count
    assert dock.beside() == []
    assert dock.operations()[-1].outcome == "undone"


def test_a_rollback_says_what_would_be_lost_asks_and_takes_the_data_back_too(dock: Dock) -> None:
    send(dock, "before")
    count, names = messages(dock), dock.projects()
    dock.shelved(NEW)
    said, _ = dock.run("rollback", "production", "--to", NEW, *GO)
    assert "projects  4 rows changed" in said
    for number in range(3):
        send(dock, f"since {number}")
    told = dock.json("rollback", "production", "--to", OLD, "--dry-run")
    assert told["data"]["lost"]["messages"] == 3
    said, _ = dock.run("rollback", "production", "--to", OLD, "--dry-run")
    assert f"{OLD} cannot use the data as they are: they go back to the backup {told['data']['backup']}." in said
    assert "  3 messages" in said
    # Who does not say that it may be lost is refused, also with --yes.
    refused = dock.json("rollback", "production", "--to", OLD, *GO, code=3)
    assert (refused["hint"], refused["details"]["lost"]["messages"]) == ("--lose agrees to that.", 3)
    assert served(dock) == (NEW, LATER)
    back = dock.json("rollback", "production", "--to", OLD, *GO, "--lose")
    assert back["data"]["lost"]["messages"] == 3
    assert served(dock) == (OLD, HEAD)
    assert (messages(dock), dock.projects()) == (count, names)
    # Nothing is gone: it lies beside, and in a backup.
    (kept,) = dock.beside()
    assert kept.startswith("data.before-rollback-")
    assert dock.json("backup", "show", "production", back["backup"])["state"] == "good"


def test_a_rollback_with_data_to_a_release_that_does_not_come_up_leaves_all_as_it_was(dock: Dock) -> None:
    dock.shelved(NEW)
    change(dock)
    send(dock, "since")
    count = messages(dock)
    # It answers the rehearsal on a socket, and does not run on the ports.
    broken = site_packages(dock.data.parent / "releases" / OLD) / "sitecustomize.py"
    broken.write_text("import os, sys\nif 'serve' in sys.orig_argv and '--socket' not in sys.orig_argv: os._exit(9)\n")
    error = dock.json("rollback", "production", "--to", OLD, *GO, "--lose", code=1)
    assert "exit code 9" in error["message"]
    assert served(dock) == (NEW, LATER)
    assert messages(dock) == count
    assert [name for name in dock.beside() if "left" not in name] == []


def test_without_a_backup_from_its_time_there_is_no_way_back_for_a_release(dock: Dock) -> None:
    dock.shelved(NEW)
    change(dock)
    for backup in (dock.directory / "production-backups").iterdir():
        backup.unlink()
    error = dock.json("rollback", "production", "--to", OLD, *GO, "--lose", code=1)
    assert (
        f"{OLD} cannot use the data of production, which have schema {LATER}, and there is no backup"
        in error["message"]
    )
    assert served(dock) == (NEW, LATER)
