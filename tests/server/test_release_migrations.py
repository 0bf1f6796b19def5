"""Releases with a migration that the one before cannot live with, or can: put in place, failing, and taken back.

The releases are on the shelf already, as deploy would have built them; from there on the way is the same.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from homeport import server
from homeport.storage.migrations.revisions import HEAD
from tests.support.exchanging import content
from tests.support.later import LATER, UPPER, migration, site_packages, turns_red
from tests.support.migrating import Dock
from tests.support.running import PROGRAM
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
OLD, NEW = "20261002T061500Z-aaaaaaa", "20261003T061500Z-bbbbbbb"
GO: Final = ("--watch", "1", "--wait", "60", "--yes")
ONLY_LIVE: Final = migration(
    upgrade="""path = op.get_bind().exec_driver_sql("PRAGMA database_list").fetchone()[2]
    if "rehearsal" not in path:
        raise ValueError("only on a copy")
    """
    + UPPER
)


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


def send(dock: Dock, subject: str) -> None:
    body = {"from": "ann", "to": "bob", "subject": subject, "content": "x"}
    answer = httpx2.post(f"{dock.environment.http_url}/api/v1/messages", json=body, timeout=30)
    assert answer.status_code == 200, answer.text


def messages(dock: Dock) -> int:
    return server.data_facts(dock.data)["counts"]["messages"]


def served(dock: Dock) -> tuple[str, str]:
    """Which release serves, and the schema that it serves."""
    health = until(lambda: said_of_health(dock), within=60)
    return health["release"], health["schema_version"]


def said_of_health(dock: Dock) -> dict[str, Any]:
    """What the server says of itself, well or not; nothing where none answers."""
    try:
        return dict(httpx2.get(dock.environment.health_url, timeout=30).json())
    except httpx2.TransportError:
        return {}


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


def test_a_release_that_is_unwell_after_its_migration_gives_the_data_back_where_nothing_was_stored(dock: Dock) -> None:
    """The probe is asked a few times until it is ready, and at every look at its health."""
    dock.shelved(NEW, unwell("new.writes > (SELECT max(seq) FROM sqlite_sequence) + 40"))
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


@contextmanager
def going(dock: Dock) -> Iterator[subprocess.Popen[str]]:
    """The change to the new release, from when that serves and is watched."""
    command = [*PROGRAM, "--config", str(dock.file), "rollback", "production", "--to", NEW, "--json"]
    with subprocess.Popen([*command, "--watch", "300", "--yes"], stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: said_of_health(dock).get("release") == NEW, within=120)
            yield process
        finally:
            process.kill()


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
    assert f"{NEW} became healthy, then ended" in json.loads(said.strip().splitlines()[-1])["error"]["message"]
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
